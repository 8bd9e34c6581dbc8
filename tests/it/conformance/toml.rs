//! TOML: reading and writing through the template functions.

use maibot::render::gotemplate::error::Failure;
use maibot::render::gotemplate::host::Host;
use maibot::render::gotemplate::machine::{Machine, Options};
use maibot::render::gotemplate::set::Templates;
use maibot::render::gotemplate::text::Text;
use maibot::render::gotemplate::value::Value as Template;
use maibot::render::sprig::{find, time_type};
use maibot::yaml::{Mapping, Value};

use super::Helm;

/// A world in UTC in which nothing is random.
#[derive(Debug)]
struct Still;

impl Host for Still {
    fn now(&self) -> i128 {
        0
    }

    fn random(&self, _: &mut [u8]) -> Result<(), String> {
        Err("there is no randomness here".to_owned())
    }
}

fn call(name: &str, argument: Template) -> Result<Template, String> {
    let mut machine = Machine::new(&Still, Templates::new(find), Options::default());
    (find(name).unwrap().call)(&mut machine, &[argument]).map_err(|failure| match failure {
        Failure::Message(message) => message,
        other => panic!("{other:?}"),
    })
}

/// As the oracle writes values that JSON has not.
fn plain(value: &Template) -> Value {
    let marked = |mark: &str, text: String| Value::Mapping(Mapping::from([(mark.to_owned(), Value::String(text))]));
    if let Some(time) = time_type::from_value(value) {
        return marked("$time", time.to_string());
    }
    match value {
        Template::Float(float) if float.is_nan() => marked("$float", "NaN".to_owned()),
        Template::Float(float) if float.is_infinite() => {
            marked("$float", if *float > 0.0 { "+Inf" } else { "-Inf" }.to_owned())
        }
        Template::List(list) => Value::Sequence(list.items.iter().map(plain).collect()),
        Template::Map(map) => {
            let entries = map.entries.borrow();
            Value::Mapping(entries.iter().map(|(key, value)| (key.to_str().into_owned(), plain(value))).collect())
        }
        other => other.plain().unwrap(),
    }
}

/// `toml`: `read` a text or `write` a value.
pub(super) fn answer(case: &Value, _helm: Helm) -> Result<Value, String> {
    if let Some(text) = case.get("read") {
        let read = call("fromToml", Template::text(text.as_str().unwrap()))?;
        let error = match &read {
            Template::Map(map) => match map.entries.borrow().get(Text::from("Error").as_bytes()) {
                Some(Template::Text(error)) => Some(error.to_str().into_owned()),
                _ => None,
            },
            _ => None,
        };
        return error.map_or_else(|| Ok(plain(&read)), Err);
    }
    let value = Template::from(case.get("write").unwrap_or(&Value::Null));
    // What `toToml` fails with is a panic; errors take the place of its text.
    call("toToml", value.clone()).map_err(|panic| format!("panic: {panic}"))?;
    call("mustToToml", value).map(|text| plain(&text))
}
