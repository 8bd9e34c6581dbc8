//! Documents read into Go structs, as sigs.k8s.io/yaml and `encoding/json` do it.
//!
//! Helm reads `Chart.yaml`, `Chart.lock` and the like into structs: numbers and booleans become text where a field is
//! text, field names are found whatever their case, unknown fields are passed over, a second document of the same
//! struct is laid over the first, and what does not fit is an error that names the Go field. The result is a map with
//! the fields' own names and only values of the declared types, so that taking it apart cannot fail.

use super::decode::Numbers;
use super::error::Error;
use super::number;
use super::read::read;
use super::value::{Mapping, Value};

/// A Go type, as far as Helm's structs need it.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// `string`.
    Text,
    /// `bool`.
    Bool,
    /// `interface {}`.
    Any,
    /// `time.Time`; kept as text.
    Time,
    /// `[]T`.
    List(&'static Type),
    /// `map[string]T`.
    Map(&'static Type),
    /// `*T` of a struct.
    Pointer(&'static Struct),
    /// A struct itself.
    Struct(&'static Struct),
}

/// A Go struct.
#[derive(Debug)]
pub struct Struct {
    /// Its name without the package; of a struct without a name its whole type, `struct { … }`.
    pub name: &'static str,
    /// Its JSON field names and their types.
    pub fields: &'static [(&'static str, Type)],
}

impl Struct {
    /// The field that a key means, whatever its case.
    pub(super) fn field(&self, key: &str) -> Option<(&'static str, Type)> {
        let exact = self.fields.iter().find(|(name, _)| *name == key);
        exact.or_else(|| self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))).copied()
    }

    /// Its name as it stands before the names of fields.
    fn place(&self) -> &'static str {
        if self.name.starts_with("struct {") { "" } else { self.name }
    }
}

/// Reads the first document of a text into a struct and lays it over what is in `into` already. `package` is the Go
/// package as error texts name it.
///
/// # Errors
/// If the text is no YAML, or a value does not fit its field.
pub fn read_struct(text: &[u8], target: &'static Struct, package: &str, into: &mut Mapping) -> Result<(), Error> {
    match read(text, Numbers::Exact)? {
        Value::Null => Ok(()),
        value => fit_struct(value, target, package, true, into).map_err(Error::Json),
    }
}

/// Fits a value into a struct and lays it over what is in `into` already. With `is_yaml` numbers and booleans become
/// text where the field is text, which Go's JSON does not do.
///
/// # Errors
/// The first thing that does not fit, in the words of Go's JSON.
pub fn fit_struct(
    value: Value,
    target: &'static Struct,
    package: &str,
    is_yaml: bool,
    into: &mut Mapping,
) -> Result<(), String> {
    let mut reader = Reader { package, is_yaml, place: None, path: Vec::new(), error: None };
    let mut slot = Value::Mapping(std::mem::take(into));
    reader.fill(Type::Pointer(target), value, &mut slot);
    if let Value::Mapping(map) = slot {
        *into = map;
    }
    reader.error.map_or(Ok(()), Err)
}

struct Reader<'a> {
    package: &'a str,
    is_yaml: bool,
    /// The innermost struct.
    place: Option<&'static str>,
    /// The fields that lead here.
    path: Vec<&'static str>,
    /// The first problem: Go goes on reading and tells that one.
    error: Option<String>,
}

impl Reader<'_> {
    fn go_name(&self, kind: Type) -> String {
        match kind {
            Type::Text => "string".to_owned(),
            Type::Bool => "bool".to_owned(),
            Type::Any => "interface {}".to_owned(),
            Type::Time => "time.Time".to_owned(),
            Type::List(Type::Pointer(inner)) => format!("[]*{}.{}", self.package, inner.name),
            Type::List(inner) => format!("[]{}", self.go_name(*inner)),
            Type::Map(inner) => format!("map[string]{}", self.go_name(*inner)),
            Type::Pointer(inner) | Type::Struct(inner) if inner.place().is_empty() => inner.name.to_owned(),
            Type::Pointer(inner) | Type::Struct(inner) => format!("{}.{}", self.package, inner.name),
        }
    }

    fn mismatch(&mut self, found: &str, wanted: Type) {
        let wanted = self.go_name(wanted);
        let target = match self.place {
            Some(place) => format!("struct field {place}.{} of type {wanted}", self.path.join(".")),
            None => format!("value of type {wanted}"),
        };
        self.fail(format!("json: cannot unmarshal {found} into Go {target}"));
    }

    fn fail(&mut self, problem: String) {
        self.error.get_or_insert(problem);
    }

    /// Puts a value into a slot that may hold an earlier one.
    fn fill(&mut self, kind: Type, value: Value, slot: &mut Value) {
        match (kind, value) {
            (Type::Any, value) => *slot = value,
            // A null leaves text, booleans and times alone and empties the rest.
            (Type::Text | Type::Bool | Type::Time | Type::Struct(_), Value::Null) => {}
            (_, Value::Null) => *slot = Value::Null,
            (Type::Text, Value::String(text)) => *slot = Value::String(text),
            (Type::Text, Value::Bool(value)) if self.is_yaml => *slot = Value::String(value.to_string()),
            (Type::Text, Value::Int(value)) if self.is_yaml => *slot = Value::String(value.to_string()),
            (Type::Text, Value::UInt(value)) if self.is_yaml => *slot = Value::String(value.to_string()),
            (Type::Text, Value::Float(value)) if self.is_yaml => *slot = Value::String(number::format_g(value)),
            (Type::Bool, Value::Bool(value)) => *slot = Value::Bool(value),
            (Type::Time, Value::String(text)) => self.fill_time(text, slot),
            (Type::Time, _) => self.fail("Time.UnmarshalJSON: input is not a JSON string".to_owned()),
            (Type::List(inner), Value::Sequence(list)) => self.fill_list(*inner, list, slot),
            (Type::Map(inner), Value::Mapping(map)) => self.fill_map(*inner, map, slot),
            (Type::Pointer(inner) | Type::Struct(inner), Value::Mapping(map)) => self.fill_struct(inner, map, slot),
            (kind, value) => self.mismatch(json_word(&value), kind),
        }
    }

    fn fill_time(&mut self, text: String, slot: &mut Value) {
        const LAYOUT: &str = "\"2006-01-02T15:04:05Z07:00\"";
        if text.parse::<jiff::Timestamp>().is_ok() {
            *slot = Value::String(text);
        } else {
            let quoted = number::quote(&text);
            self.fail(format!("parsing time {quoted} as {LAYOUT}: cannot parse {quoted} as \"2006\""));
        }
    }

    /// Elements are laid over those at their places, as Go reuses a slice.
    fn fill_list(&mut self, inner: Type, list: Vec<Value>, slot: &mut Value) {
        let mut filled = match std::mem::take(slot) {
            Value::Sequence(filled) => filled,
            _ => Vec::new(),
        };
        filled.resize(list.len(), Value::Null);
        for (value, slot) in list.into_iter().zip(&mut filled) {
            self.fill(inner, value, slot);
            if matches!((inner, &*slot), (Type::Text, Value::Null)) {
                *slot = Value::String(String::new());
            }
        }
        *slot = Value::Sequence(filled);
    }

    fn fill_map(&mut self, inner: Type, map: Mapping, slot: &mut Value) {
        let mut filled = match std::mem::take(slot) {
            Value::Mapping(filled) => filled,
            _ => Mapping::new(),
        };
        for (key, value) in map {
            let mut slot = if matches!(inner, Type::Text) { Value::String(String::new()) } else { Value::Null };
            self.fill(inner, value, &mut slot);
            filled.insert(key, slot);
        }
        *slot = Value::Mapping(filled);
    }

    fn fill_struct(&mut self, target: &'static Struct, map: Mapping, slot: &mut Value) {
        let mut filled = match std::mem::take(slot) {
            Value::Mapping(filled) => filled,
            _ => Mapping::new(),
        };
        let outer = self.place.replace(target.place());
        for (key, value) in map {
            let Some((name, kind)) = target.field(&key) else { continue };
            self.path.push(name);
            let mut slot = filled.remove(name).unwrap_or_default();
            self.fill(kind, value, &mut slot);
            self.path.pop();
            self.place = Some(target.place());
            if !slot.is_null() {
                filled.insert(name.to_owned(), slot);
            }
        }
        self.place = outer;
        *slot = Value::Mapping(filled);
    }
}

const fn json_word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => "number",
        Value::String(_) => "string",
        Value::Sequence(_) => "array",
        Value::Mapping(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INNER: Struct = Struct { name: "Inner", fields: &[("name", Type::Text)] };
    const OUTER: Struct = Struct {
        name: "Outer",
        fields: &[
            ("text", Type::Text),
            ("flag", Type::Bool),
            ("words", Type::List(&Type::Text)),
            ("inner", Type::List(&Type::Pointer(&INNER))),
            ("notes", Type::Map(&Type::Text)),
            ("when", Type::Time),
        ],
    };

    fn fields(text: &str) -> Result<Value, String> {
        let mut map = Mapping::new();
        let result = read_struct(text.as_bytes(), &OUTER, "p", &mut map);
        result.map(|()| Value::Mapping(map)).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_and_booleans_become_text_where_text_is_wanted() {
        let read = fields("text: 1.10\nwords: [yes, 0x10, 1e6]\nnotes: {a: 1, b: null}").unwrap();
        assert_eq!(read.get("text"), Some(&Value::from("1.1")));
        assert_eq!(read.at(&["notes", "a"]), Some(&Value::from("1")));
        assert_eq!(read.at(&["notes", "b"]), Some(&Value::from("")));
        let words = Value::Sequence(["true", "16", "1e+06"].map(Value::from).to_vec());
        assert_eq!(read.get("words"), Some(&words));
    }

    #[test]
    fn fields_are_found_whatever_their_case_and_unknown_ones_are_passed_over() {
        let read = fields("TEXT: a\nother: [1]").unwrap();
        assert_eq!(read.as_mapping().unwrap().len(), 1);
        assert_eq!(read.get("text"), Some(&Value::from("a")));
    }

    #[test]
    fn a_second_text_is_laid_over_the_first() {
        let mut map = Mapping::new();
        for text in ["text: a\ninner: [{name: x}, {name: y}]", "inner: [{}]\nflag: true"] {
            read_struct(text.as_bytes(), &OUTER, "p", &mut map).unwrap();
        }
        let inner = Value::Sequence(vec![Value::Mapping(Mapping::from([("name".to_owned(), Value::from("x"))]))]);
        assert_eq!(map.get("inner"), Some(&inner));
        assert_eq!(map.get("text"), Some(&Value::from("a")));
        assert_eq!(map.get("flag"), Some(&Value::from(true)));
    }

    #[test]
    fn what_does_not_fit_is_named_by_its_go_field() {
        let go = |text: &str| {
            let error = fields(text).unwrap_err();
            error.strip_prefix("error unmarshaling JSON: while decoding JSON: ").unwrap().to_owned()
        };
        assert_eq!(go("[]"), "json: cannot unmarshal array into Go value of type p.Outer");
        assert_eq!(go("text: [a]"), "json: cannot unmarshal array into Go struct field Outer.text of type string");
        assert_eq!(go("flag: 1"), "json: cannot unmarshal number into Go struct field Outer.flag of type bool");
        assert_eq!(go("inner: a"), "json: cannot unmarshal string into Go struct field Outer.inner of type []*p.Inner");
        assert_eq!(go("inner: [a]"), "json: cannot unmarshal string into Go struct field Outer.inner of type p.Inner");
        assert_eq!(
            go("inner: [{name: {}}]"),
            "json: cannot unmarshal object into Go struct field Inner.inner.name of type string"
        );
        assert!(go("when: yesterday").starts_with("parsing time \"yesterday\""));
    }
}
