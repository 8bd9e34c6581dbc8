//! [`Struct`]: Go structs that Helm shows to templates, such as `.Capabilities` and, in Helm 3, `.Chart`.
//!
//! A [`Shape`] says what Go's type says: names, order, the names under which JSON and YAML know the fields, methods.

use std::any::Any;
use std::rc::Rc;

use crate::render::gotemplate::format;
use crate::render::gotemplate::function::Function;
use crate::render::gotemplate::value::{Kind, Object, Value};
use crate::yaml;

/// A struct type.
#[derive(Debug)]
pub(super) struct Shape {
    /// The type as `%T` prints it.
    pub name: &'static str,
    /// [`Kind::Struct`], or [`Kind::Ptr`] for a pointer to one.
    pub kind: Kind,
    /// Its fields in order.
    pub fields: &'static [Field],
    /// The methods of a pointer to it.
    pub method: fn(&str) -> Option<&'static Function>,
    /// What `String()` returns that a pointer to it has.
    pub string: Option<fn(&Struct) -> String>,
}

/// A field of a struct type.
#[derive(Debug)]
pub(super) struct Field {
    /// Go's name; templates see those that begin with a capital.
    pub name: &'static str,
    /// The name in JSON.
    pub json: &'static str,
    /// Whether JSON leaves it out when it is empty.
    pub omit_empty: bool,
    /// Whether both hold for go-yaml too; without, it writes every field under its Go name in small letters.
    pub in_yaml: bool,
}

impl Field {
    /// A field that JSON knows by another name and leaves out when it is empty.
    pub(super) const fn tagged(name: &'static str, json: &'static str) -> Self {
        Self { name, json, omit_empty: true, in_yaml: false }
    }

    /// A field that JSON always writes, under this name.
    pub(super) const fn always(name: &'static str, json: &'static str) -> Self {
        Self { name, json, omit_empty: false, in_yaml: false }
    }

    /// The same field, with what holds for JSON holding for go-yaml.
    pub(super) const fn also_in_yaml(self) -> Self {
        Self { in_yaml: true, ..self }
    }

    fn is_exported(&self) -> bool {
        self.name.starts_with(|first: char| first.is_ascii_uppercase())
    }

    /// Whether the field is a struct whose fields count as those of the outer one.
    const fn is_embedded(&self) -> bool {
        self.json.is_empty()
    }
}

/// A value of a struct type.
#[derive(Debug)]
pub(super) struct Struct {
    pub shape: &'static Shape,
    /// As many as the shape has fields.
    pub values: Vec<Value>,
    /// Whether it was reached through a pointer, whose methods it then has.
    by_pointer: bool,
}

impl Struct {
    pub(super) fn value(shape: &'static Shape, values: Vec<Value>) -> Value {
        Value::Object(Rc::new(Self { shape, values, by_pointer: false }))
    }

    /// A struct as a field of one that a pointer points to.
    pub(super) fn by_pointer(shape: &'static Shape, values: Vec<Value>) -> Value {
        Value::Object(Rc::new(Self { shape, values, by_pointer: true }))
    }

    fn pairs(&self) -> impl Iterator<Item = (&'static Field, &Value)> {
        self.shape.fields.iter().zip(&self.values)
    }

    /// The fields that go-yaml's own encoder writes, under the names that it gives them.
    pub(super) fn yaml_fields(&self) -> Vec<(String, Value)> {
        let written = self
            .pairs()
            .filter(|(field, value)| field.is_exported() && !(field.in_yaml && field.omit_empty && is_empty(value)));
        let name = |field: &Field| if field.in_yaml { field.json.to_owned() } else { field.name.to_lowercase() };
        written.map(|(field, value)| (name(field), value.clone())).collect()
    }

    /// The fields in braces, as Go prints a struct.
    fn braces(&self) -> String {
        let mut out = vec![b'{'];
        for (index, value) in self.values.iter().enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            // A text that is too long to be printed is cut where it is.
            let _ = format::append_value(&mut out, value);
        }
        out.push(b'}');
        yaml::json::lossy(&out)
    }
}

/// Whether Go's JSON counts a value as empty: structs never are.
fn is_empty(value: &Value) -> bool {
    !value.truth()
}

/// No methods.
pub(super) const fn no_method(_: &str) -> Option<&'static Function> {
    None
}

impl Object for Struct {
    fn type_name(&self) -> &str {
        self.shape.name
    }

    fn kind(&self) -> Kind {
        self.shape.kind
    }

    fn print(&self) -> String {
        if self.shape.kind == Kind::Ptr { format!("&{}", self.braces()) } else { self.braces() }
    }

    fn string_by_pointer(&self) -> Option<String> {
        match self.shape.string {
            Some(string) if self.by_pointer => Some(string(self)),
            _ if self.shape.kind == Kind::Ptr => Some(self.braces()),
            _ => None,
        }
    }

    fn copied(&self) -> Option<Value> {
        self.by_pointer.then(|| Self::value(self.shape, self.values.clone()))
    }

    fn field(&self, name: &str) -> Option<Value> {
        for (field, value) in self.pairs() {
            if field.name == name && field.is_exported() {
                return Some(value.clone());
            }
        }
        let mut embedded = self.pairs().filter(|(field, _)| field.is_embedded());
        embedded.find_map(|(_, value)| match value {
            Value::Object(inner) => inner.field(name),
            _ => None,
        })
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        let has_methods = self.by_pointer || self.shape.kind == Kind::Ptr;
        has_methods.then(|| (self.shape.method)(name)).flatten()
    }

    fn fields(&self) -> Option<Vec<(&'static str, Value)>> {
        Some(self.pairs().map(|(field, value)| (field.name, value.clone())).collect())
    }

    fn json_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        let mut fields = Vec::new();
        for (field, value) in self.pairs() {
            match value {
                Value::Object(inner) if field.is_embedded() => fields.extend(inner.json_fields().unwrap_or_default()),
                _ if !field.is_exported() || field.omit_empty && is_empty(value) => {}
                _ => fields.push((field.json, value.clone())),
            }
        }
        Some(fields)
    }

    fn plain(&self) -> Result<yaml::Value, String> {
        let fields = self.json_fields().unwrap_or_default().into_iter();
        let fields = fields.map(|(name, value)| Ok((name.to_owned(), value.plain()?)));
        Ok(yaml::Value::Mapping(fields.collect::<Result<_, String>>()?))
    }

    fn equals(&self, other: &dyn Object) -> Option<bool> {
        let other = other.as_any().downcast_ref::<Self>()?;
        if self.shape.kind == Kind::Ptr {
            return Some(std::ptr::eq(self, other));
        }
        let same_type = self.shape.name == other.shape.name;
        self.values.iter().zip(&other.values).try_fold(same_type, |same, pair| match pair {
            (Value::Text(one), Value::Text(other)) => Some(same && one == other),
            (Value::Bool(one), Value::Bool(other)) => Some(same && one == other),
            (Value::Object(one), Value::Object(other)) => Some(same && one.equals(other.as_ref())?),
            _ => None,
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
