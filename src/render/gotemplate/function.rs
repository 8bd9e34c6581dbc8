//! How functions are offered to templates: a table row tells name, parameters and result; the evaluator checks
//! arguments against it with Go's words, so that bodies see what they asked for.

use super::error::Failure;
use super::machine::Machine;
use super::value::Value;

/// A parameter's or result's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`.
    Any,
    /// `reflect.Value`: like `interface {}`, but "no value at all" is let through (as nil).
    Reflect,
    /// `bool`.
    Bool,
    /// `int`.
    Int,
    /// `int64`.
    Int64,
    /// `uint32`.
    Uint32,
    /// `uint64`.
    Uint64,
    /// `float64`.
    Float,
    /// `string`.
    String,
    /// `[]uint8`.
    Bytes,
    /// `map[string]interface {}`; Helm's `.Values` passes too.
    Map,
    /// `map[string]string`.
    StringMap,
    /// `[]interface {}`.
    List,
    /// `[]string`.
    Strings,
    /// `[]int`.
    Ints,
    /// `[][]interface {}`.
    Lists,
    /// `time.Time`.
    Time,
    /// `time.Duration`.
    Duration,
    /// More than one result, or two of which the second is no error: a template cannot call such a method, and these are
    /// Go's words for it.
    Results(&'static str),
    /// A type with this name, held by an [`Object`](super::value::Object).
    Named(&'static str),
}

/// A function.
///
/// `call` gets as many arguments as `params` says (more if variadic), each of its type: `Type::String` is
/// [`Value::Text`], `Type::Map` is [`Value::Map`], `Type::Any` may be [`Value::Nil`].
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// The name templates use.
    pub name: &'static str,
    /// The parameters; of a variadic function the last one stands for any number of arguments, also none.
    pub params: &'static [Type],
    /// Whether the last parameter repeats.
    pub variadic: bool,
    /// The type of the result: [`Type::Any`] where Go's function returns an interface.
    pub result: Type,
    /// The body.
    pub call: Body,
}

/// What a function does.
pub type Body = fn(&mut Machine<'_>, &[Value]) -> Result<Value, Failure>;

impl Function {
    /// A function with a fixed number of parameters.
    pub const fn new(name: &'static str, params: &'static [Type], result: Type, call: Body) -> Self {
        Self { name, params, variadic: false, result, call }
    }

    /// A function whose last parameter repeats.
    pub const fn variadic(name: &'static str, params: &'static [Type], result: Type, call: Body) -> Self {
        Self { name, params, variadic: true, result, call }
    }
}

impl Type {
    /// The type as Go's messages name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Reflect => "reflect.Value",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Float => "float64",
            Self::String => "string",
            Self::Bytes => "[]uint8",
            Self::Map => "map[string]interface {}",
            Self::StringMap => "map[string]string",
            Self::List => "[]interface {}",
            Self::Strings => "[]string",
            Self::Ints => "[]int",
            Self::Lists => "[][]interface {}",
            Self::Time => "time.Time",
            Self::Duration => "time.Duration",
            Self::Results(name) | Self::Named(name) => name,
        }
    }
}
