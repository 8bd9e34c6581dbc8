//! URLs: `urlParse` and `urlJoin`.

use crate::render::gostd::url::Url;
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{Entries, Value};

use super::argument;

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new("urlParse", &[Type::String], Type::Map, parse),
    Function::new("urlJoin", &[Type::Map], Type::String, join),
];

fn parse(_: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let url = Url::parse(argument::bytes(arguments, 0)).map_err(|error| format!("unable to parse url: {error}"))?;
    let user = url.user.as_ref().map(crate::render::gostd::url::User::encoded).unwrap_or_default();
    let hostname = url.hostname().to_vec();
    let entries = [
        ("scheme", url.scheme),
        ("host", url.host),
        ("hostname", hostname),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", user),
    ];
    Ok(Value::map(entries.into_iter().map(|(key, part)| (Text::from(key), Value::text(part))).collect()))
}

/// An entry that must be a string; nothing if it is missing.
fn part(entries: &Entries, key: &str) -> Result<Vec<u8>, Failure> {
    match entries.get(key.as_bytes()) {
        None => Ok(Vec::new()),
        Some(Value::Text(text)) => Ok(text.to_vec()),
        Some(Value::Nil) => Err("runtime error: invalid memory address or nil pointer dereference".into()),
        Some(other) => {
            let kind = other.kind().name();
            Err(format!("unable to parse {key} key, must be of type string, but {kind} found").into())
        }
    }
}

fn join(_: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let Some(Value::Map(map)) = arguments.first() else { return Ok(Value::text("")) };
    let entries = map.entries.borrow();
    let mut url = Url {
        scheme: part(&entries, "scheme")?,
        host: part(&entries, "host")?,
        path: part(&entries, "path")?,
        query: part(&entries, "query")?,
        opaque: part(&entries, "opaque")?,
        fragment: part(&entries, "fragment")?,
        user: None,
    };
    let user = part(&entries, "userinfo")?;
    if !user.is_empty() {
        let whole = [b"proto://", user.as_slice(), b"@host"].concat();
        url.user = Url::parse(&whole).map_err(|error| format!("unable to parse userinfo in dict: {error}"))?.user;
    }
    Ok(Value::text(url.encoded()))
}
