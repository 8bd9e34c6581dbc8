//! The values that templates compute with: Go's types as far as a template can tell them apart.
//!
//! Maps are references whose entries can change under every holder (`set`, `merge` do that); lists and strings never
//! change. Numbers keep Go's kind, because comparison and printing depend on it. What no value here can hold, such as
//! a point in time or a version, is an [`Object`].

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::function::{Function, Type};
use super::items::{Element, Items};
use super::text::Text;
use crate::yaml;

/// The entries of a map, in byte order of the keys: the order in which Go ranges over and prints a map.
pub type Entries = BTreeMap<Text, Value>;

/// Types with an integer inside that a template can meet, Go's named ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IntType {
    /// `int`: literals, `len`, `int`, elements of `until`.
    Int,
    /// `int32`.
    Int32,
    /// `int64`: results of arithmetic, `--set`, TOML.
    Int64,
    /// `time.Duration`, in nanoseconds; an `int64` that prints as `1h2m3s`.
    Duration,
    /// `time.Month`; an `int` that prints as its name.
    Month,
    /// `time.Weekday`; an `int` that prints as its name.
    Weekday,
}

/// Types with an unsigned integer inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UintType {
    /// `uint8`: a byte of a string that was indexed.
    Uint8,
    /// `uint32`.
    Uint32,
    /// `uint64`: parts of a version, large integers.
    Uint64,
}

/// A value, possibly Go's untyped `nil`. Cloning copies a pointer at most.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// `nil` in an `interface {}`.
    #[default]
    Nil,
    /// `bool`.
    Bool(bool),
    /// A signed integer.
    Int(IntType, i64),
    /// An unsigned integer.
    Uint(UintType, u64),
    /// `float64`.
    Float(f64),
    /// `complex128`: real and imaginary part.
    Complex(Rc<(f64, f64)>),
    /// `string`.
    Text(Text),
    /// `[]uint8`.
    Bytes(Text),
    /// Any other slice.
    List(Rc<List>),
    /// Any map with string keys.
    Map(Rc<Map>),
    /// Everything else.
    Object(Rc<dyn Object>),
}

/// The element type of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListType {
    /// `[]interface {}`.
    Any,
    /// `[]string`.
    Strings,
    /// `[]int`.
    Ints,
    /// `[][]interface {}`.
    Lists,
    /// A type of the host program, such as that of Helm's `.Capabilities.APIVersions`.
    Named(&'static NamedList),
}

/// A slice type of the host program.
#[derive(Debug)]
pub struct NamedList {
    /// The type as `%T` prints it, such as `common.VersionSet`.
    pub name: &'static str,
    /// The type of its elements; with [`Type::String`] it passes where `[]string` is wanted.
    pub element: Type,
    /// Its methods, by name; called with the receiver as the first argument, which the parameters do not list.
    pub method: fn(&str) -> Option<&'static Function>,
}

impl PartialEq for NamedList {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for NamedList {}

/// A slice.
#[derive(Debug)]
pub struct List {
    /// Its type.
    pub kind: ListType,
    /// Whether it is a nil slice (then without elements): JSON and YAML write it as `null`.
    pub nil: bool,
    /// The elements.
    pub items: Items,
}

impl Drop for List {
    fn drop(&mut self) {
        if !self.items.is_empty() {
            free(Contents::Items(std::mem::take(&mut self.items)));
        }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // Shared entries outlive this map.
        if let Some(entries) = Rc::get_mut(&mut self.entries)
            && !entries.get_mut().is_empty()
        {
            free(Contents::Entries(std::mem::take(entries.get_mut())));
        }
    }
}

/// What a list or map held.
enum Contents {
    #[expect(dead_code, reason = "only to be dropped")]
    Items(Items),
    #[expect(dead_code, reason = "only to be dropped")]
    Entries(Entries),
}

/// How deep values free each other before the rest is put aside.
const FREE_DEPTH: u32 = 64;

thread_local! {
    /// How deep values are freeing each other.
    static FREEING: Cell<u32> = const { Cell::new(0) };
    /// What waits to be freed by the outermost.
    static PUT_ASIDE: RefCell<Vec<Contents>> = const { RefCell::new(Vec::new()) };
}

/// Frees what a list or map held. A list in a list in a list and so on, which a template can make deeper than any stack
/// is, is taken apart step by step.
fn free(contents: Contents) {
    let depth = FREEING.get();
    if depth >= FREE_DEPTH {
        // If the thread is ending there may be nowhere to put it.
        let _ = PUT_ASIDE.try_with(|aside| aside.borrow_mut().push(contents));
        return;
    }
    FREEING.set(depth + 1);
    drop(contents);
    if depth == 0 {
        while let Ok(Some(contents)) = PUT_ASIDE.try_with(|aside| aside.borrow_mut().pop()) {
            drop(contents);
        }
    }
    FREEING.set(depth);
}

/// The type of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapType {
    /// `map[string]interface {}`.
    Any,
    /// `map[string]string`.
    Strings,
    /// A named type of the host program, such as that of Helm's `.Values`.
    Named(&'static NamedMap),
}

/// A named map type: what the host program adds to Go's own.
#[derive(Debug)]
pub struct NamedMap {
    /// The type as `%T` prints it, such as `common.Values`.
    pub name: &'static str,
    /// What stands in the place of an entry that is missing: nil for `interface {}`, empty bytes for `[]uint8`.
    pub missing: fn() -> Value,
    /// Whether it passes where `map[string]interface {}` is wanted: its elements are `interface {}`.
    pub is_any: bool,
    /// Its methods, by name; called with the receiver as the first argument, which the parameters do not list.
    pub method: fn(&str) -> Option<&'static Function>,
}

impl PartialEq for NamedMap {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for NamedMap {}

/// A map: a reference, shared by all its holders.
#[derive(Debug)]
pub struct Map {
    /// Its type.
    pub kind: MapType,
    /// Whether it is a nil map (then without entries): it can be read but not written.
    pub nil: bool,
    /// The entries. The same ones can stand behind maps of different types: `.Values` is a `common.Values` for the
    /// chart it belongs to and a plain map inside its parent's. A borrow must not be held across anything that runs
    /// template code.
    pub entries: Rc<RefCell<Entries>>,
}

impl Map {
    /// A map with these entries.
    pub fn new(kind: MapType, entries: Entries) -> Self {
        Self { kind, nil: false, entries: Rc::new(RefCell::new(entries)) }
    }

    /// A nil map.
    pub fn nil(kind: MapType) -> Self {
        Self { kind, nil: true, entries: Rc::default() }
    }

    /// The same map as another type: what is written to one shows in both.
    #[must_use]
    pub fn as_type(&self, kind: MapType) -> Self {
        Self { kind, nil: self.nil, entries: Rc::clone(&self.entries) }
    }
}

/// Go's `reflect.Kind`, as far as a value here can have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Go's")]
pub enum Kind {
    Invalid,
    Bool,
    Int,
    Int32,
    Int64,
    Uint8,
    Uint32,
    Uint64,
    Float64,
    Complex128,
    String,
    Slice,
    Map,
    Struct,
    Ptr,
    Func,
}

impl Kind {
    /// Go's name of the kind.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Float64 => "float64",
            Self::Complex128 => "complex128",
            Self::String => "string",
            Self::Slice => "slice",
            Self::Map => "map",
            Self::Struct => "struct",
            Self::Ptr => "ptr",
            Self::Func => "func",
        }
    }
}

/// A value of a type that templates cannot make from parts.
pub trait Object: std::fmt::Debug {
    /// The type as `%T` prints it, such as `time.Time` or `*semver.Version`.
    fn type_name(&self) -> &str;

    /// Its kind: [`Kind::Struct`], [`Kind::Ptr`] or [`Kind::Func`].
    fn kind(&self) -> Kind;

    /// What `String()` or `Error()` returns, if the type has one of them.
    fn string(&self) -> Option<String> {
        None
    }

    /// What `%v` prints of a type without `String()`; fields of a struct as `{a b}`.
    fn print(&self) -> String;

    /// The fields of a struct (or of what a pointer points to), for the verbs of `printf` that look into it. Without
    /// them every verb prints what [`print`](Self::print) says.
    fn fields(&self) -> Option<Vec<(&'static str, Value)>> {
        None
    }

    /// What a deep copy is, if it is something else: of a struct only exported fields are copied.
    fn deep_copy(&self) -> Option<Value> {
        None
    }

    /// What `%#v` prints of a type that says it itself.
    fn go_string(&self) -> Option<String> {
        None
    }

    /// An exported field of a struct.
    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    /// Whether it is a struct that has a field of this name which templates may not read.
    fn has_unexported(&self, _name: &str) -> bool {
        false
    }

    /// A method. It is called with the receiver as its first argument, which its parameters do not list.
    fn method(&self, _name: &str) -> Option<&'static Function> {
        None
    }

    /// The copy that a function gets, if that is another thing than the value: what was reached through a pointer has
    /// the methods of that, such as the fields of `.Capabilities`, and a copy has not.
    fn copied(&self) -> Option<Value> {
        None
    }

    /// What `{{ }}` prints if the value was reached through a pointer.
    fn string_by_pointer(&self) -> Option<String> {
        self.string()
    }

    /// The exported fields of a struct as JSON names and orders them, those left out that are empty and may be.
    fn json_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        let is_exported = |name: &str| name.starts_with(|first: char| first.is_ascii_uppercase());
        Some(self.fields()?.into_iter().filter(|(name, _)| is_exported(name)).collect())
    }

    /// What JSON and YAML write; an error has Go's words.
    fn plain(&self) -> Result<yaml::Value, String>;

    /// Whether `==` holds; `None` if the type cannot be compared.
    fn equals(&self, _other: &dyn Object) -> Option<bool> {
        None
    }

    /// Whether it is a nil pointer.
    fn is_nil(&self) -> bool {
        false
    }

    /// For going back to the type.
    fn as_any(&self) -> &dyn Any;
}

impl Value {
    /// Go's `int`.
    pub const fn int(value: i64) -> Self {
        Self::Int(IntType::Int, value)
    }

    /// Go's `int64`.
    pub const fn int64(value: i64) -> Self {
        Self::Int(IntType::Int64, value)
    }

    /// A string.
    pub fn text(text: impl Into<Text>) -> Self {
        Self::Text(text.into())
    }

    /// A `[]interface {}`.
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(Rc::new(List { kind: ListType::Any, nil: false, items: items.into() }))
    }

    /// A `[]interface {}` whose elements were appended one by one.
    pub fn appended_list(items: Vec<Self>) -> Self {
        let items = Items::appended(items, Element::Pair);
        Self::List(Rc::new(List { kind: ListType::Any, nil: false, items }))
    }

    /// A nil slice.
    pub fn nil_list(kind: ListType) -> Self {
        Self::List(Rc::new(List { kind, nil: true, items: Items::default() }))
    }

    /// A `[]string`.
    pub fn strings<T: Into<Text>>(items: impl IntoIterator<Item = T>) -> Self {
        let items = items.into_iter().map(Self::text).collect::<Vec<_>>().into();
        Self::List(Rc::new(List { kind: ListType::Strings, nil: false, items }))
    }

    /// A `map[string]interface {}`.
    pub fn map(entries: Entries) -> Self {
        Self::Map(Rc::new(Map::new(MapType::Any, entries)))
    }

    /// Its kind; [`Kind::Invalid`] for nil.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Nil => Kind::Invalid,
            Self::Bool(_) => Kind::Bool,
            Self::Int(IntType::Int | IntType::Month | IntType::Weekday, _) => Kind::Int,
            Self::Int(IntType::Int32, _) => Kind::Int32,
            Self::Int(IntType::Int64 | IntType::Duration, _) => Kind::Int64,
            Self::Uint(UintType::Uint8, _) => Kind::Uint8,
            Self::Uint(UintType::Uint32, _) => Kind::Uint32,
            Self::Uint(UintType::Uint64, _) => Kind::Uint64,
            Self::Float(_) => Kind::Float64,
            Self::Complex(_) => Kind::Complex128,
            Self::Text(_) => Kind::String,
            Self::Bytes(_) | Self::List(_) => Kind::Slice,
            Self::Map(_) => Kind::Map,
            Self::Object(object) => object.kind(),
        }
    }

    /// Whether a template takes it for true: not nil, false, zero, or of length 0.
    pub fn truth(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(_, value) => *value != 0,
            Self::Uint(_, value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Complex(value) => **value != (0.0, 0.0),
            Self::Text(text) | Self::Bytes(text) => !text.is_empty(),
            Self::List(list) => !list.items.is_empty(),
            Self::Map(map) => !map.entries.borrow().is_empty(),
            Self::Object(object) => !object.is_nil(),
        }
    }

    /// The text, if it is a string.
    pub const fn as_text(&self) -> Option<&Text> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The map, if it is one.
    pub const fn as_map(&self) -> Option<&Rc<Map>> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, if it is one (bytes are none).
    pub const fn as_list(&self) -> Option<&Rc<List>> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }
}

/// Nesting beyond which a tree cannot be turned into another form; deeper than any document can be read.
pub const MAX_DEPTH: usize = 10_000;

impl From<&yaml::Value> for Value {
    fn from(value: &yaml::Value) -> Self {
        match value {
            yaml::Value::Null => Self::Nil,
            yaml::Value::Bool(value) => Self::Bool(*value),
            yaml::Value::Int(value) => Self::int64(*value),
            yaml::Value::UInt(value) => Self::Uint(UintType::Uint64, *value),
            yaml::Value::Float(value) => Self::Float(*value),
            yaml::Value::String(text) => Self::text(text.as_str()),
            yaml::Value::Sequence(list) => Self::appended_list(list.iter().map(Self::from).collect()),
            yaml::Value::Mapping(map) => {
                Self::map(map.iter().map(|(key, value)| (Text::from(key.as_str()), Self::from(value))).collect())
            }
        }
    }
}

impl Value {
    /// As what JSON and YAML write: Go's types are lost, bytes become base64, text that is not UTF-8 gets U+FFFD.
    ///
    /// # Errors
    /// Go's words for what cannot be written, such as a map that contains itself.
    ///
    /// Parts that are shared are written each time: see [`fits`](Self::fits) for how large that may get.
    pub fn plain(&self) -> Result<yaml::Value, String> {
        self.plain_at(0)
    }

    /// Whether the value, with everything in it counted as often as it is reached, has at most so many bytes. Nesting that
    /// nobody can write does not count: what writes it finds that.
    pub fn fits(&self, limit: usize) -> bool {
        let mut left = limit;
        self.take(&mut left, 0)
    }

    fn take(&self, left: &mut usize, depth: usize) -> bool {
        let own = match self {
            Self::Text(text) | Self::Bytes(text) => text.len(),
            _ => 0,
        };
        match left.checked_sub(own.saturating_add(size_of::<Self>())) {
            None => return false,
            Some(rest) => *left = rest,
        }
        if depth > MAX_DEPTH {
            return true;
        }
        match self {
            Self::List(list) => list.items.iter().all(|item| item.take(left, depth + 1)),
            Self::Map(map) => map.entries.borrow().values().all(|value| value.take(left, depth + 1)),
            _ => true,
        }
    }

    fn plain_at(&self, depth: usize) -> Result<yaml::Value, String> {
        use base64::Engine as _;
        if depth > MAX_DEPTH {
            return Err("json: unsupported value: encountered a cycle".to_owned());
        }
        Ok(match self {
            Self::Nil => yaml::Value::Null,
            Self::Bool(value) => yaml::Value::Bool(*value),
            Self::Int(_, value) => yaml::Value::Int(*value),
            Self::Uint(_, value) => i64::try_from(*value).map_or(yaml::Value::UInt(*value), yaml::Value::Int),
            Self::Float(value) => yaml::Value::Float(*value),
            Self::Complex(_) => return Err("json: unsupported type: complex128".to_owned()),
            Self::Text(text) => yaml::Value::String(text.to_str().into_owned()),
            Self::Bytes(bytes) => {
                yaml::Value::String(base64::engine::general_purpose::STANDARD.encode(bytes.as_bytes()))
            }
            Self::List(list) if list.nil => yaml::Value::Null,
            Self::List(list) => {
                let items = list.items.iter().map(|item| item.plain_at(depth + 1));
                yaml::Value::Sequence(items.collect::<Result<_, _>>()?)
            }
            Self::Map(map) if map.nil => yaml::Value::Null,
            Self::Map(map) => {
                let entries = map.entries.borrow();
                let entries =
                    entries.iter().map(|(key, value)| Ok((key.to_str().into_owned(), value.plain_at(depth + 1)?)));
                yaml::Value::Mapping(entries.collect::<Result<_, String>>()?)
            }
            Self::Object(object) => object.plain()?,
        })
    }
}
