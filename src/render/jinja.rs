//! The engine of the embedded chart: minijinja, set up so that a template cannot write wrong YAML by accident.
//!
//! In a `.yaml` template every `{{ expression }}` stands for one whole YAML scalar and is quoted when it has to be: a
//! release named `123` or `true`, a storage class `-`, a host `*.example.org` stay text. Maps and lists are refused
//! unless they go through `toyaml`. An undefined name is an error, null prints `null`, numbers print as integers
//! wherever they are, and `NOTES.txt` prints text as it is. Work is bounded by fuel and a recursion limit.
//!
//! Functions and filters are few, because the chart is ours:
//!
//! | name | what |
//! |---|---|
//! | `refuse(code, message)` | ends the render with a message code |
//! | `image(settings, repository, tag)` | image reference; null or empty parts take the given defaults |
//! | `switch` | a boolean; null, 0 and empty text are off, other text is refused |
//! | `text` | a scalar as text |
//! | `port` | 1 to 65535, also written as text |
//! | `count` | a number of replicas, 0 or more |
//! | `quantity` | an amount of storage: text or number |
//! | `strings` | a map whose values become text, without nulls |
//! | `references` | a list of `{name: …}`; plain text becomes one |
//! | `toyaml(n)` | a map or list as a block below its key, indented by `n`, without nulls; stands right after the colon |
//! | `literal(n)` | text as a literal block, indented by `n` |
//! | `sha256` | checksum of text, in hexadecimal |
//!
//! Messages name template, line and the template's own words, never a value.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value as Jinja};
use sha2::{Digest as _, Sha256};

use super::{ReleaseInfo, RenderError, RenderedFile, is_partial};
use crate::chart::Chart;
use crate::code::Code;
use crate::yaml::{Mapping, Value};

/// Instructions one template may take. The largest takes about a thousandth of it.
const FUEL: u64 = 1_000_000;
/// How deep templates may include each other.
const RECURSION: usize = 100;
/// How deep values may be nested. Kubernetes objects stay below 20.
const DEPTH: usize = 100;
/// Name of the way of writing scalars in `.yaml` templates.
const YAML: AutoEscape = AutoEscape::Custom(std::borrow::Cow::Borrowed("yaml"));

/// Renders every template but the partials, in byte order of the paths.
pub(super) fn render(chart: &Chart, values: &Value, release: &ReleaseInfo) -> Result<Vec<RenderedFile>, RenderError> {
    let prefix = format!("{}/", chart.metadata.name);
    let environment = environment(chart)?;
    let context = context(chart, values, release)?;
    let mut files = Vec::new();
    for file in &chart.templates {
        if is_partial(&file.name) {
            continue;
        }
        let text = environment
            .get_template(&file.name)
            .and_then(|template| template.render(context.clone()))
            .map_err(|error| explain(&error, &prefix, &file.name, chart))?;
        files.push(RenderedFile { path: format!("{prefix}{}", file.name), text });
    }
    Ok(files)
}

/// The names below `values` that a template reads and the given tree does not have, as `template: path`. Names in
/// brackets are not seen.
///
/// # Errors
/// If a template cannot be parsed.
pub fn undeclared(chart: &Chart, tree: &Value) -> Result<Vec<String>, RenderError> {
    let prefix = format!("{}/", chart.metadata.name);
    let environment = environment(chart)?;
    let mut missing = Vec::new();
    for file in &chart.templates {
        let template =
            environment.get_template(&file.name).map_err(|error| explain(&error, &prefix, &file.name, chart))?;
        let names: BTreeSet<String> = template.undeclared_variables(true).into_iter().collect();
        for name in names {
            let Some(path) = name.strip_prefix("values.") else { continue };
            if tree.at(&path.split('.').collect::<Vec<_>>()).is_none() {
                missing.push(format!("{}: {path}", file.name));
            }
        }
    }
    Ok(missing)
}

fn environment(chart: &Chart) -> Result<Environment<'_>, RenderError> {
    let prefix = format!("{}/", chart.metadata.name);
    let mut environment = Environment::new();
    environment.set_debug(false);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut syntax = environment.syntax().to_builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    environment.set_syntax(syntax.build().map_err(|_| RenderError::Engine)?);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION);
    environment
        .set_auto_escape_callback(|name| if name.strip_suffix(".txt").is_some() { AutoEscape::None } else { YAML });
    environment.set_formatter(write_expression);
    environment.add_function("refuse", refuse);
    environment.add_function("image", image);
    environment.add_filter("switch", switch);
    environment.add_filter("text", text);
    environment.add_filter("port", port);
    environment.add_filter("count", count);
    environment.add_filter("quantity", quantity);
    environment.add_filter("strings", strings);
    environment.add_filter("references", references);
    environment.add_filter("toyaml", toyaml);
    environment.add_filter("literal", literal);
    environment.add_filter("sha256", sha256);
    for file in &chart.templates {
        let source = file.text().ok_or_else(|| RenderError::Template {
            template: format!("{prefix}{}", file.name),
            line: 1,
            message: "not UTF-8".to_owned(),
            source_line: None,
        })?;
        environment.add_template(&file.name, source).map_err(|error| explain(&error, &prefix, &file.name, chart))?;
    }
    Ok(environment)
}

fn context(chart: &Chart, values: &Value, release: &ReleaseInfo) -> Result<Jinja, RenderError> {
    if !fits(values, DEPTH) {
        return Err(too_deep());
    }
    let values = complete(chart.values()?, values)?;
    let metadata = &chart.metadata;
    let files = chart
        .files
        .iter()
        .filter_map(|file| Some((file.name.strip_prefix("templates/files/")?.to_owned(), Jinja::from(file.text()?))));
    Ok(Jinja::from_pairs([
        ("values", to_jinja(&values)),
        (
            "release",
            Jinja::from_pairs([
                ("name", Jinja::from(release.name.as_str())),
                ("namespace", Jinja::from(release.namespace.as_str())),
                ("is_install", Jinja::from(!release.is_upgrade)),
                ("is_upgrade", Jinja::from(release.is_upgrade)),
                ("revision", Jinja::from(release.revision)),
                ("service", Jinja::from("Helm")),
            ]),
        ),
        (
            "chart",
            Jinja::from_pairs([
                ("name", Jinja::from(metadata.name.as_str())),
                ("version", Jinja::from(metadata.version.as_str())),
                ("app_version", Jinja::from(metadata.app_version.as_str())),
            ]),
        ),
        ("files", Jinja::from_pairs(files)),
    ]))
}

fn too_deep() -> RenderError {
    RenderError::Sections { problems: vec![format!("nested deeper than {DEPTH} levels")] }
}

/// Whether a value is nested no deeper than that. Asked before anything else walks the value, on whatever stack.
fn fits(value: &Value, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match value {
        Value::Sequence(list) => list.iter().all(|item| fits(item, depth)),
        Value::Mapping(map) => map.values().all(|item| fits(item, depth)),
        _ => true,
    }
}

/// The values with every key of the chart's tree: a key that a null has deleted is null again, so that templates may
/// name it. A section (a map with keys in the chart's defaults) has to be a map: null there would silently take away
/// all its defaults, and what else stands there was meant for another place.
fn complete(defaults: &Value, values: &Value) -> Result<Value, RenderError> {
    let mut problems = Vec::new();
    let completed = complete_section(defaults, values, "", &mut problems);
    if problems.is_empty() { Ok(completed) } else { Err(RenderError::Sections { problems }) }
}

fn complete_section(defaults: &Value, values: &Value, path: &str, problems: &mut Vec<String>) -> Value {
    let (Some(defaults), Some(values)) = (defaults.as_mapping(), values.as_mapping()) else {
        return values.clone();
    };
    let mut completed: Mapping = values.clone();
    for (key, default) in defaults {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let is_section = default.as_mapping().is_some_and(|map| !map.is_empty());
        match (values.get(key), is_section) {
            (Some(value @ Value::Mapping(_)), true) => {
                let value = complete_section(default, value, &path, problems);
                completed.insert(key.clone(), value);
            }
            (None | Some(Value::Null), true) => {
                problems.push(format!("`{path}` is null; leave the key out to get the chart's defaults"));
            }
            (Some(_), true) => problems.push(format!("`{path}` must be a map")),
            (None, false) => {
                completed.insert(key.clone(), Value::Null);
            }
            (Some(_), false) => {}
        }
    }
    Value::Mapping(completed)
}

fn to_jinja(value: &Value) -> Jinja {
    match value {
        Value::Null => Jinja::from(()),
        Value::Bool(value) => Jinja::from(*value),
        Value::Int(value) => Jinja::from(*value),
        Value::UInt(value) => Jinja::from(*value),
        Value::Float(value) => Jinja::from(*value),
        Value::String(text) => Jinja::from(text.as_str()),
        Value::Sequence(list) => Jinja::from(list.iter().map(to_jinja).collect::<Vec<_>>()),
        Value::Mapping(map) => Jinja::from_pairs(map.iter().map(|(key, value)| (key.as_str(), to_jinja(value)))),
    }
}

// ── What templates print ──────────────────────────────────────────────────────────────────────────────────────────

fn write_expression(output: &mut Output, state: &mut State, value: &Jinja) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let yaml = *state.auto_escape() != AutoEscape::None;
    match value.as_str() {
        Some(text) if yaml && !value.is_safe() => write_text(output, text),
        Some(text) => output.write_str(text),
        None => {
            let mut written = String::new();
            write_scalar(&mut written, value)?;
            output.write_str(&written)
        }
    }
    .map_err(Error::from)
}

/// Writes a scalar as YAML. Containers are refused.
fn write_scalar(output: &mut String, value: &Jinja) -> Result<(), Error> {
    let written = match value.kind() {
        ValueKind::None => output.write_str("null"),
        ValueKind::Bool => output.write_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => output.write_str(&number(value)?),
        ValueKind::String => write_text(output, value.as_str().unwrap_or_default()),
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        _ => return Err(complaint("a map or a list cannot be printed; it goes through `toyaml`")),
    };
    written.map_err(Error::from)
}

/// Digits only, as far as a number allows: never an exponent, no fraction where there is none.
fn number(value: &Jinja) -> Result<String, Error> {
    if let Some(integer) = value.as_i64() {
        return Ok(integer.to_string());
    }
    if value.is_integer() {
        return Ok(value.to_string());
    }
    let float = f64::try_from(value.clone())?;
    if !float.is_finite() {
        return Err(complaint("must be a finite number"));
    }
    Ok(float.to_string())
}

/// Writes text as a YAML scalar: plain where no reader can take it for anything else, in double quotes otherwise.
fn write_text(output: &mut impl std::fmt::Write, text: &str) -> std::fmt::Result {
    if is_plain(text) {
        return output.write_str(text);
    }
    output.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => output.write_str("\\\"")?,
            '\\' => output.write_str("\\\\")?,
            '\n' => output.write_str("\\n")?,
            '\r' => output.write_str("\\r")?,
            '\t' => output.write_str("\\t")?,
            // The line ends, byte order mark and control characters that YAML gives a meaning or does not allow.
            '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{a0}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                write!(output, "\\u{:04x}", u32::from(character))?;
            }
            _ => output.write_char(character)?,
        }
    }
    output.write_char('"')
}

/// Whether YAML reads this text as itself without quotes, in every version of YAML: it begins with a letter or `/` (so
/// it is no number, date or indicator), goes on with harmless characters, and is none of the words for true, false
/// and null.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 13] =
        ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nil", "none", "nan", "inf"];
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:@+=".contains(&byte);
    let Some(first) = text.bytes().next() else { return false };
    (first.is_ascii_alphabetic() || first == b'/')
        && text.bytes().all(harmless)
        && !text.ends_with(':')
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Writes the entries of a map or the items of a list, each on a line of its own; begins with a line feed. Nulls in maps
/// are left out: for the API server they mean that the key is absent.
fn write_block(output: &mut String, value: &Jinja, indent: usize, depth: usize) -> Result<(), Error> {
    let depth = depth.checked_sub(1).ok_or_else(|| complaint("nested too deeply"))?;
    let is_map = value.kind() == ValueKind::Map;
    for entry in value.try_iter()? {
        let item = if is_map { value.get_item(&entry)? } else { entry.clone() };
        if is_map && item.is_none() {
            continue;
        }
        let _ = write!(output, "\n{:indent$}", "");
        if is_map {
            write_scalar(output, &entry)?;
            output.push(':');
        } else {
            output.push('-');
        }
        match (item.kind(), entries(&item)) {
            (ValueKind::Map, 0) => output.push_str(" {}"),
            (ValueKind::Seq, 0) => output.push_str(" []"),
            (ValueKind::Map | ValueKind::Seq, _) if is_map => write_block(output, &item, indent + 2, depth)?,
            (ValueKind::Map | ValueKind::Seq, _) => {
                let mut nested = String::new();
                write_block(&mut nested, &item, indent + 2, depth)?;
                // The first entry stands on the line of the dash.
                output.push(' ');
                output.push_str(nested.trim_start());
            }
            _ => {
                output.push(' ');
                write_scalar(output, &item)?;
            }
        }
    }
    Ok(())
}

/// How many lines a container will show.
fn entries(value: &Jinja) -> usize {
    match (value.kind(), value.try_iter()) {
        (ValueKind::Map, Ok(keys)) => keys.filter(|key| value.get_item(key).is_ok_and(|item| !item.is_none())).count(),
        (ValueKind::Seq, Ok(items)) => items.count(),
        _ => 0,
    }
}

// ── Functions and filters ─────────────────────────────────────────────────────────────────────────────────────────

/// What a filter has to say. Marks messages that are known to hold no value.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Complaint {
    code: Option<Code>,
    message: String,
}

fn complaint(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, "").with_source(Complaint { code: None, message: message.to_owned() })
}

fn refuse(code: &str, message: String) -> Result<(), Error> {
    let code = Code::parse(code).ok_or_else(|| complaint("unknown message code"))?;
    Err(Error::new(ErrorKind::InvalidOperation, "").with_source(Complaint { code: Some(code), message }))
}

fn image(settings: &Jinja, repository: &str, tag: &str) -> Result<String, Error> {
    let part = |key: &str, default: &str| -> Result<String, Error> {
        let value = settings.get_attr(key)?;
        if value.is_true() { text(&value) } else { Ok(default.to_owned()) }
    };
    Ok(format!("{}:{}", part("repository", repository)?, part("tag", tag)?))
}

fn switch(value: &Jinja) -> Result<bool, Error> {
    match value.kind() {
        ValueKind::None | ValueKind::Bool | ValueKind::Number => Ok(value.is_true()),
        ValueKind::String if !value.is_true() => Ok(false),
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        _ => Err(complaint("must be true or false, without quotes")),
    }
}

fn text(value: &Jinja) -> Result<String, Error> {
    match value.kind() {
        ValueKind::String => Ok(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Number => number(value),
        ValueKind::Bool => Ok(value.is_true().to_string()),
        ValueKind::None => Ok(String::new()),
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        _ => Err(complaint("must be text, not a map or a list")),
    }
}

/// The integer in a number or in text made of digits.
fn integer(value: &Jinja) -> Option<i64> {
    match value.as_str() {
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        Some(_) => None,
        None => (value.kind() == ValueKind::Number).then(|| value.as_i64()).flatten(),
    }
}

fn port(value: &Jinja) -> Result<i64, Error> {
    integer(value)
        .filter(|port| (1..=65535).contains(port))
        .ok_or_else(|| complaint("must be a port number from 1 to 65535"))
}

fn count(value: &Jinja) -> Result<i64, Error> {
    integer(value)
        .filter(|count| (0..=i64::from(i32::MAX)).contains(count))
        .ok_or_else(|| complaint("must be a number, 0 or more"))
}

fn quantity(value: &Jinja) -> Result<Jinja, Error> {
    match value.kind() {
        ValueKind::Number => Ok(value.clone()),
        ValueKind::String if value.is_true() => Ok(value.clone()),
        _ => Err(complaint("must be an amount of storage such as 10Gi")),
    }
}

fn strings(value: &Jinja) -> Result<Jinja, Error> {
    if value.kind() != ValueKind::Map {
        return Err(complaint("must be a map"));
    }
    let mut pairs = Vec::new();
    for key in value.try_iter()? {
        let item = value.get_item(&key)?;
        if !item.is_none() {
            pairs.push((text(&key)?, Jinja::from(text(&item)?)));
        }
    }
    Ok(Jinja::from_pairs(pairs))
}

fn references(value: &Jinja) -> Result<Jinja, Error> {
    if value.kind() != ValueKind::Seq {
        return Err(complaint("must be a list"));
    }
    let reference = |item: Jinja| match item.kind() {
        ValueKind::Map => Ok(item),
        ValueKind::String => Ok(Jinja::from_pairs([("name", item)])),
        _ => Err(complaint("must be a list of {name: …}")),
    };
    Ok(Jinja::from(value.try_iter()?.map(reference).collect::<Result<Vec<_>, _>>()?))
}

fn toyaml(value: &Jinja, indent: usize) -> Result<Jinja, Error> {
    let mut output = String::new();
    match (value.kind(), entries(value)) {
        (ValueKind::Map, 0) => output.push_str(" {}"),
        (ValueKind::Seq, 0) => output.push_str(" []"),
        (ValueKind::Map | ValueKind::Seq, _) => write_block(&mut output, value, indent, DEPTH)?,
        _ => return Err(complaint("must be a map or a list")),
    }
    Ok(Jinja::from_safe_string(output))
}

fn literal(value: &str, indent: usize) -> Result<Jinja, Error> {
    let body = value.trim_end_matches('\n');
    let printable = |character: char| matches!(character, '\n' | '\t' | ' '..='~' | '\u{a1}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..);
    let mut output = String::new();
    if body.is_empty() || body.starts_with([' ', '\t', '\n']) || !body.chars().all(printable) {
        write_text(&mut output, value)?;
        return Ok(Jinja::from_safe_string(output));
    }
    output.push_str(match value.len() - body.len() {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    for line in body.split('\n') {
        if line.is_empty() {
            output.push('\n');
        } else {
            let _ = write!(output, "\n{:indent$}{line}", "");
        }
    }
    // The line feed after the expression ends the last line; further ones belong to the text.
    for _ in 1..value.len() - body.len() {
        output.push('\n');
    }
    Ok(Jinja::from_safe_string(output))
}

fn sha256(value: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(value.as_bytes()))
}

// ── Errors ────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Turns the engine's error into ours, without its own texts: those may quote values.
fn explain(error: &Error, prefix: &str, template: &str, chart: &Chart) -> RenderError {
    let mut place = (template.to_owned(), 1);
    let mut kind = error.kind();
    let mut complaint = None;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(inner) = current.downcast_ref::<Error>() {
            kind = inner.kind();
            if let Some(name) = inner.name() {
                place = (name.to_owned(), inner.line().unwrap_or(1));
            }
        }
        complaint = current.downcast_ref::<Complaint>();
        cause = current.source();
    }
    let (name, line) = place;
    let source_line = chart
        .templates
        .iter()
        .find(|file| file.name == name)
        .and_then(|file| file.text()?.lines().nth(line.checked_sub(1)?))
        .map(|text| text.trim().to_owned());
    match complaint {
        Some(Complaint { code: Some(code), message }) => {
            RenderError::Refused { code: *code, template: format!("{prefix}{name}"), line, message: message.clone() }
        }
        Some(Complaint { message, .. }) => RenderError::Template {
            template: format!("{prefix}{name}"),
            line,
            message: if name == template { message.clone() } else { format!("{message} (for {prefix}{template})") },
            source_line,
        },
        None => RenderError::Template {
            template: format!("{prefix}{name}"),
            line,
            message: if kind == ErrorKind::SyntaxError {
                error.detail().unwrap_or("syntax error").to_owned()
            } else {
                kind.to_string()
            },
            source_line,
        },
    }
}

#[cfg(test)]
#[path = "jinja_tests.rs"]
mod tests;
