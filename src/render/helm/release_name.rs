//! `--name-template`: a release's name from a template of sprig's functions and no data.

use super::errors;
use crate::render::gotemplate::host::Host;
use crate::render::gotemplate::machine::{Machine, Options};
use crate::render::gotemplate::set::Templates;
use crate::render::gotemplate::value::Value;
use crate::render::sprig;
use crate::values::Compat;

/// Renders the template. Unlike Helm's it cannot read the environment.
///
/// # Errors
/// If it cannot be parsed or fails, in Go's words.
pub fn release_name(template: &str, host: &dyn Host) -> Result<String, String> {
    const NAME: &str = "name-template";
    let mut templates = Templates::new(sprig::find);
    let parsed = templates.parse(NAME, template.as_bytes());
    parsed.map_err(|error| error.to_string())?;
    let text = Machine::new(host, templates, Options::default()).execute(NAME, Value::Nil);
    let text = text.map_err(|error| errors::exec_text(&error, Compat::Helm3))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
