//! Helm's own functions: `include`, `tpl`, `required`, `fail`, `lookup`, `getHostByName`; and which functions a
//! template may call at all.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{json, yaml};
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::host::PassedOver;
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{Entries, Value};
use crate::render::sprig;
use crate::values::Compat;

const FUNCTIONS: &[Function] = &[
    Function::new("include", &[Type::String, Type::Any], Type::String, include),
    Function::new("tpl", &[Type::String, Type::Any], Type::String, tpl),
    Function::new("required", &[Type::String, Type::Any], Type::Any, required),
    Function::new("fail", &[Type::String], Type::String, fail),
    Function::new("lookup", &[Type::String, Type::String, Type::String, Type::String], Type::Map, lookup),
    Function::new("getHostByName", &[Type::String], Type::String, host_by_name),
];

/// Names of sprig that exist in Helm 4 only.
const ONLY_HELM_4: &[&str] = &["mustToToml"];

type Table = HashMap<&'static str, &'static Function, foldhash::fast::RandomState>;

fn table(own: &'static [&'static [Function]]) -> Table {
    own.iter().flat_map(|family| family.iter()).map(|function| (function.name, function)).collect()
}

/// How Helm 4's or Helm 3's templates find functions.
pub(super) const fn find(compat: Compat) -> fn(&str) -> Option<&'static Function> {
    match compat {
        Compat::Helm4 => |name| {
            static TABLE: OnceLock<Table> = OnceLock::new();
            let table = TABLE.get_or_init(|| table(&[FUNCTIONS, json::FUNCTIONS, yaml::FUNCTIONS, yaml::FUNCTIONS_4]));
            table.get(name).copied().or_else(|| sprig::find(name))
        },
        Compat::Helm3 => |name| {
            static TABLE: OnceLock<Table> = OnceLock::new();
            let table = TABLE.get_or_init(|| table(&[FUNCTIONS, json::FUNCTIONS, yaml::FUNCTIONS]));
            let found = table.get(name).copied().or_else(|| sprig::find(name));
            found.filter(|function| !ONLY_HELM_4.contains(&function.name))
        },
    }
}

/// The functions that Helm and sprig offer, for suggestions.
pub(super) fn names(compat: Compat) -> impl Iterator<Item = &'static str> {
    let own = [FUNCTIONS, json::FUNCTIONS, yaml::FUNCTIONS, yaml::FUNCTIONS_4].into_iter().flatten();
    let all = own.map(|function| function.name).chain(sprig::names());
    all.filter(move |name| find(compat)(name).is_some())
}

fn text(args: &[Value], index: usize) -> Text {
    args.get(index).and_then(Value::as_text).cloned().unwrap_or_else(|| Text::from(""))
}

fn value(args: &[Value], index: usize) -> Value {
    args.get(index).cloned().unwrap_or_default()
}

fn include(machine: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    machine.include(&text(args, 0), value(args, 1)).map(Value::Text)
}

fn tpl(machine: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    let made = machine.tpl(&text(args, 0), value(args, 1))?;
    Ok(Value::Text(without_no_value(&made).map_or(made, Text::from)))
}

/// A text without what Go prints for no value; `None` if there is none of it.
pub(super) fn without_no_value(text: &[u8]) -> Option<Vec<u8>> {
    const NO_VALUE: &[u8] = b"<no value>";
    let mut places = memchr::memmem::find_iter(text, NO_VALUE).peekable();
    places.peek()?;
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for place in places {
        out.extend_from_slice(text.get(from..place).unwrap_or_default());
        from = place + NO_VALUE.len();
    }
    out.extend_from_slice(text.get(from..).unwrap_or_default());
    Some(out)
}

fn user_words(args: &[Value]) -> Failure {
    Failure::User(text(args, 0).to_str().into_owned())
}

/// The value, unless it is nil or an empty text.
fn required(machine: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    let value = value(args, 1);
    let is_missing = match &value {
        Value::Nil => true,
        Value::Text(text) => text.is_empty(),
        _ => false,
    };
    match (is_missing, machine.options().lint) {
        (false, _) => Ok(value),
        (true, true) => {
            machine.host().passed_over(PassedOver::Required, &text(args, 0).to_str());
            Ok(Value::text(""))
        }
        (true, false) => Err(user_words(args)),
    }
}

fn fail(machine: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    if !machine.options().lint {
        return Err(user_words(args));
    }
    machine.host().passed_over(PassedOver::Fail, &text(args, 0).to_str());
    Ok(Value::text(""))
}

fn lookup(machine: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    let [api_version, kind, namespace, name] = [0, 1, 2, 3].map(|index| text(args, index).to_str().into_owned());
    let found = machine.host().lookup(&api_version, &kind, &namespace, &name)?;
    Ok(match found {
        Some(object) => Value::from(&crate::yaml::Value::Mapping(object)),
        None => Value::map(Entries::new()),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "the form of a function's body")]
fn host_by_name(machine: &mut Machine<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(Value::text(machine.host().host_by_name(&text(args, 0).to_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_prints_for_no_value_is_removed() {
        assert_eq!(without_no_value(b"a<no value>b<no value>").unwrap(), b"ab");
        assert_eq!(without_no_value(b"<no <no value>value>").unwrap(), b"<no value>");
        assert_eq!(without_no_value(b"nothing of it"), None);
    }

    #[test]
    fn functions_that_reach_the_environment_do_not_exist() {
        for compat in [Compat::Helm3, Compat::Helm4] {
            assert!(find(compat)("include").is_some());
            assert!(find(compat)("env").is_none());
            assert!(find(compat)("expandenv").is_none());
        }
    }

    #[test]
    fn must_to_yaml_is_new_in_helm_4() {
        assert!(find(Compat::Helm4)("mustToYaml").is_some());
        assert!(find(Compat::Helm3)("mustToYaml").is_none());
    }
}
