//! What pipelines, operands and calls are worth.
//!
//! Owns fields and methods, arguments and their types, and calling functions. The rules are those of Go's
//! `text/template` (`exec.go`), in the same order, because an error blames the node that was entered last.

use std::rc::Rc;

use smallvec::SmallVec;

use super::ast::{AnyNode, Callee, Command, Mark, Operand, Pipe, Symbol, Template};
use super::builtins::Builtin;
use super::error::{Absent, Cause, ExecError, Failure};
use super::evaluate::Run;
use super::format::type_name;
use super::function::{Function, Type};
use super::literal::Number;
use super::machine::{Machine, MissingKey};
use super::quote::quoted;
use super::slot::{self, Slot};
use super::text::Text;
use super::value::{IntType, Kind, ListType, MapType, UintType, Value};
use crate::render::stack;

/// Arguments of a call.
type Arguments<T> = SmallVec<[T; 4]>;

/// What a command gets besides its first word: operands, and the value of the command before it in the pipeline.
#[derive(Debug)]
struct Given<'t> {
    operands: &'t [Operand],
    last: Option<Slot>,
}

impl Given<'_> {
    const NOTHING: Given<'static> = Given { operands: &[], last: None };

    fn is_something(&self) -> bool {
        !self.operands.is_empty() || self.last.is_some()
    }

    fn count(&self) -> usize {
        self.operands.len() + usize::from(self.last.is_some())
    }
}

impl Machine<'_> {
    /// The value of a pipeline; the variables it declares stay.
    pub(super) fn pipe(&mut self, template: &Template, dot: &Slot, pipe: &Pipe) -> Run<Slot> {
        self.node = pipe.mark.id;
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(template, dot, command, value)?.unwrapped());
        }
        let value = value.unwrap_or_default();
        for (_, symbol) in &pipe.variables {
            if pipe.assigns {
                self.assign(template, *symbol, value.clone())?;
            } else {
                self.variables.push((*symbol, value.clone()));
            }
        }
        Ok(value)
    }

    fn command(&mut self, template: &Template, dot: &Slot, command: &Command, last: Option<Slot>) -> Run<Slot> {
        let given = Given { operands: &command.arguments, last };
        match &command.first {
            Operand::Function(mark, callee) => {
                self.node = mark.id;
                return self.call(template, dot, *callee, command.mark, given);
            }
            Operand::Field(mark, fields) => return self.fields(template, dot, dot, *mark, fields, given),
            Operand::Chain(mark, chain) => return self.chain(template, dot, *mark, chain, given),
            Operand::Pipe(pipe) => {
                self.takes_nothing(template, &command.first, &given)?;
                return self.nested_pipe(template, dot, pipe);
            }
            Operand::Variable(mark, symbol, fields) => {
                return self.variable_fields(template, dot, &command.first, (*mark, *symbol, fields), given);
            }
            _ => {}
        }
        self.node = command.first.mark().id;
        self.takes_nothing(template, &command.first, &given)?;
        match &command.first {
            Operand::Nil(_) => self.fail(template, "nil is not a command"),
            other => self.literal(template, dot, other),
        }
    }

    /// A pipeline in parentheses.
    fn nested_pipe(&mut self, template: &Template, dot: &Slot, pipe: &Pipe) -> Run<Slot> {
        if stack::is_low() {
            self.node = pipe.mark.id;
            return Err(self.too_deep(template));
        }
        self.pipe(template, dot, pipe)
    }

    /// Refuses arguments for what is no function.
    fn takes_nothing(&self, template: &Template, first: &Operand, given: &Given<'_>) -> Run<()> {
        if given.is_something() {
            let first = template.display(AnyNode::Operand(first));
            return self.fail(template, format!("can't give argument to non-function {first}"));
        }
        Ok(())
    }

    /// A literal where no type is asked for, or the current context.
    fn literal(&mut self, template: &Template, dot: &Slot, operand: &Operand) -> Run<Slot> {
        Ok(Slot::concrete(match operand {
            Operand::Bool(_, value) => Value::Bool(*value),
            Operand::String(_, text) => Value::Text(text.clone()),
            Operand::Number(mark, number) => return self.number(template, *mark, number),
            _ => return Ok(dot.clone()),
        }))
    }

    fn number(&mut self, template: &Template, mark: Mark, number: &Number) -> Run<Slot> {
        self.node = mark.id;
        if let Some(value) = number.ideal.value() {
            return Ok(Slot::concrete(value));
        }
        let text = template.source.slice(mark.start as usize..mark.end as usize);
        self.fail(template, format!("{} overflows int", String::from_utf8_lossy(text)))
    }

    // Operands.

    /// The value of an operand where a `reflect.Value` is wanted: just as it is.
    fn operand(&mut self, template: &Template, dot: &Slot, operand: &Operand) -> Run<Slot> {
        self.node = operand.mark().id;
        match operand {
            Operand::Nil(_) => Ok(Slot::INVALID),
            Operand::Field(mark, fields) => self.fields(template, dot, dot, *mark, fields, Given::NOTHING),
            Operand::Variable(mark, symbol, fields) => {
                self.variable_fields(template, dot, operand, (*mark, *symbol, fields), Given::NOTHING)
            }
            Operand::Pipe(pipe) => self.nested_pipe(template, dot, pipe),
            Operand::Function(mark, callee) => self.call(template, dot, *callee, *mark, Given::NOTHING),
            Operand::Chain(mark, chain) => self.chain(template, dot, *mark, chain, Given::NOTHING),
            literal => self.literal(template, dot, literal),
        }
    }

    /// An operand as an argument of that type.
    fn argument(&mut self, template: &Template, dot: &Slot, wanted: Type, operand: &Operand) -> Run<Value> {
        self.node = operand.mark().id;
        match operand {
            Operand::Nil(_) => match slot::zero(wanted) {
                Some(zero) => return Ok(zero),
                None => return self.fail(template, format!("cannot assign nil to {}", wanted.name())),
            },
            Operand::Bool(..) | Operand::Number(..) | Operand::String(..) => {
                return self.literal_argument(template, dot, wanted, operand);
            }
            _ => {}
        }
        let slot = self.operand(template, dot, operand)?;
        slot.into_argument(wanted).or_else(|message| self.fail(template, message))
    }

    /// A literal as an argument of that type: numbers take it if their value allows.
    fn literal_argument(&mut self, template: &Template, dot: &Slot, wanted: Type, operand: &Operand) -> Run<Value> {
        let number = match operand {
            Operand::Number(_, number) => Some(&**number),
            _ => None,
        };
        let int = number.and_then(|number| number.int);
        let (value, expected) = match wanted {
            Type::Any | Type::Reflect => return Ok(self.literal(template, dot, operand)?.value),
            Type::Bool => match operand {
                Operand::Bool(_, value) => (Some(Value::Bool(*value)), "bool"),
                _ => (None, "bool"),
            },
            Type::String => match operand {
                Operand::String(_, text) => (Some(Value::Text(text.clone())), "string"),
                _ => (None, "string"),
            },
            Type::Int => (int.map(Value::int), "integer"),
            Type::Int64 => (int.map(Value::int64), "integer"),
            Type::Duration => (int.map(|int| Value::Int(IntType::Duration, int)), "integer"),
            Type::Uint32 => {
                let uint = number.and_then(|number| number.uint);
                (uint.map(|uint| Value::Uint(UintType::Uint32, uint & 0xFFFF_FFFF)), "unsigned integer")
            }
            Type::Uint64 => {
                let uint = number.and_then(|number| number.uint);
                (uint.map(|uint| Value::Uint(UintType::Uint64, uint)), "unsigned integer")
            }
            Type::Float => (number.and_then(|number| number.float).map(Value::Float), "float"),
            _ => {
                let shown = template.display(AnyNode::Operand(operand));
                let message = format!("can't handle {shown} for arg of type {}", wanted.name());
                return self.fail(template, message);
            }
        };
        if let Some(value) = value {
            return Ok(value);
        }
        let shown = template.display(AnyNode::Operand(operand));
        self.fail(template, format!("expected {expected}; found {shown}"))
    }

    // Fields.

    fn variable_fields(
        &mut self,
        template: &Template,
        dot: &Slot,
        operand: &Operand,
        (mark, symbol, fields): (Mark, Symbol, &[Text]),
        given: Given<'_>,
    ) -> Run<Slot> {
        self.node = mark.id;
        let value = self.variable_value(template, symbol)?;
        if fields.is_empty() {
            if given.is_something() {
                // Go names the variable as it is spelled.
                self.takes_nothing(template, operand, &given)?;
            }
            return Ok(value);
        }
        self.fields(template, dot, &value, mark, fields, given)
    }

    fn chain(
        &mut self,
        template: &Template,
        dot: &Slot,
        mark: Mark,
        chain: &(Operand, Box<[Text]>),
        given: Given<'_>,
    ) -> Run<Slot> {
        self.node = mark.id;
        let value = self.operand(template, dot, &chain.0)?;
        // Not entered again: an error in a field blames what was entered in the pipeline.
        self.field_chain(template, dot, &value, mark, &chain.1, given)
    }

    fn fields(
        &mut self,
        template: &Template,
        dot: &Slot,
        receiver: &Slot,
        mark: Mark,
        fields: &[Text],
        given: Given<'_>,
    ) -> Run<Slot> {
        self.node = mark.id;
        self.field_chain(template, dot, receiver, mark, fields, given)
    }

    /// Fields one after the other; a method at the end gets what is given.
    fn field_chain(
        &mut self,
        template: &Template,
        dot: &Slot,
        receiver: &Slot,
        mark: Mark,
        fields: &[Text],
        given: Given<'_>,
    ) -> Run<Slot> {
        let Some((last, before)) = fields.split_last() else { return Ok(receiver.clone()) };
        let mut holder = Slot::INVALID;
        let mut current: Option<Slot> = None;
        for (index, name) in before.iter().enumerate() {
            let from = current.as_ref().unwrap_or(receiver);
            let value = self
                .field(template, dot, from, mark, name, Given::NOTHING)
                .map_err(|error| explain(template, error, mark, fields, index, from, &holder))?;
            holder = current.replace(value).unwrap_or_else(|| receiver.clone());
        }
        let from = current.as_ref().unwrap_or(receiver);
        self.field(template, dot, from, mark, last, given)
            .map_err(|error| explain(template, error, mark, fields, before.len(), from, &holder))
    }

    /// A field, entry or method of a value.
    fn field(
        &mut self,
        template: &Template,
        dot: &Slot,
        receiver: &Slot,
        mark: Mark,
        name: &Text,
        given: Given<'_>,
    ) -> Run<Slot> {
        let method = match &receiver.value {
            Value::Map(map) => {
                if let MapType::Named(named) = map.kind
                    && let Some(method) = (named.method)(&name.to_str())
                {
                    return self.call_method(template, dot, method, &receiver.value, mark, given);
                }
                if given.is_something() {
                    return self.fail(template, format!("{} is not a method but has arguments", name.to_str()));
                }
                if let Some(value) = map.entries.borrow().get(name) {
                    return Ok(Slot::entry(map.kind, value.clone()));
                }
                return match self.options().missing_key {
                    MissingKey::Invalid => Ok(Slot::INVALID),
                    MissingKey::Zero => Ok(Slot::missing(map.kind)),
                    MissingKey::Error => self.fail(template, format!("map has no entry for key {}", quoted(name))),
                };
            }
            Value::Nil if receiver.interface => {
                let name = name.to_str();
                return self.fail(template, format!("nil pointer evaluating interface {{}}.{name}"));
            }
            Value::Nil => {
                if self.options().missing_key == MissingKey::Error {
                    return self.fail(template, format!("nil data; no entry for key {}", quoted(name)));
                }
                return Ok(Slot::INVALID);
            }
            Value::Object(object) => object.method(&name.to_str()),
            Value::List(list) => match list.kind {
                ListType::Named(named) => (named.method)(&name.to_str()),
                _ => None,
            },
            value => self.options().method.and_then(|find| find(value, &name.to_str())),
        };
        if let Some(method) = method {
            return self.call_method(template, dot, method, &receiver.value, mark, given);
        }
        let shown = name.to_str();
        if let Value::Object(object) = &receiver.value {
            if object.kind() == Kind::Ptr && object.is_nil() {
                return self.fail(template, format!("nil pointer evaluating {}.{shown}", receiver.type_name()));
            }
            if let Some(value) = object.field(&shown) {
                if given.is_something() {
                    return self.fail(template, format!("{shown} has arguments but cannot be invoked as function"));
                }
                // A field of an interface type holds what is in it.
                return Ok(Slot { interface: matches!(value, Value::Nil), value });
            }
            if object.has_unexported(&shown) {
                let message = format!("{shown} is an unexported field of struct type {}", receiver.type_name());
                return self.fail(template, message);
            }
        }
        self.fail(template, format!("can't evaluate field {shown} in type {}", receiver.type_name()))
    }

    // Calls.

    fn call(&mut self, template: &Template, dot: &Slot, callee: Callee, mark: Mark, given: Given<'_>) -> Run<Slot> {
        match callee {
            Callee::Function(function) => self.call_function(template, dot, function, mark, given, None),
            Callee::Builtin(builtin) => self.call_builtin(template, dot, builtin, mark, given),
        }
    }

    fn call_method(
        &mut self,
        template: &Template,
        dot: &Slot,
        method: &'static Function,
        receiver: &Value,
        mark: Mark,
        given: Given<'_>,
    ) -> Run<Slot> {
        if let Type::Results(words) = method.result {
            return self.fail(template, words.to_owned());
        }
        self.call_function(template, dot, method, mark, given, Some(receiver))
    }

    /// Checks that a function is given as many arguments as it takes.
    fn check_count(&self, template: &Template, name: &str, fixed: usize, variadic: bool, given: &Given<'_>) -> Run<()> {
        let count = given.count();
        if variadic && count < fixed {
            let got = given.operands.len();
            return self.fail(template, format!("wrong number of args for {name}: want at least {fixed} got {got}"));
        }
        if !variadic && count != fixed {
            return self.fail(template, format!("wrong number of args for {name}: want {fixed} got {count}"));
        }
        Ok(())
    }

    /// Calls a function of a table, a method with its receiver.
    fn call_function(
        &mut self,
        template: &Template,
        dot: &Slot,
        function: &'static Function,
        mark: Mark,
        given: Given<'_>,
        receiver: Option<&Value>,
    ) -> Run<Slot> {
        let fixed = function.params.len() - usize::from(function.variadic && !function.params.is_empty());
        self.check_count(template, function.name, fixed, function.variadic, &given)?;
        let mut arguments = Arguments::new();
        arguments.extend(receiver.cloned());
        let repeated = function.params.last().copied().unwrap_or(Type::Any);
        let wanted = |index: usize| function.params.get(index).copied().unwrap_or(repeated);
        for (index, operand) in given.operands.iter().enumerate() {
            arguments.push(self.argument(template, dot, wanted(index), operand)?);
        }
        if let Some(last) = given.last {
            let last = last.into_argument(wanted(given.operands.len()));
            arguments.push(last.or_else(|message| self.fail(template, message))?);
        }
        match (function.call)(self, &arguments) {
            Ok(value) => Ok(Slot { value, interface: function.result == Type::Any }),
            Err(failure) => {
                self.node = mark.id;
                Err(self.call_error(template, function.name, failure))
            }
        }
    }

    #[cold]
    fn call_error(&self, template: &Template, name: &str, failure: Failure) -> Box<ExecError> {
        let cause = match failure {
            Failure::Budget(message) => Cause::Budget(message),
            failure => Cause::Call { function: name.into(), failure },
        };
        self.error(template, cause)
    }

    fn call_builtin(
        &mut self,
        template: &Template,
        dot: &Slot,
        builtin: Builtin,
        mark: Mark,
        given: Given<'_>,
    ) -> Run<Slot> {
        let arity = builtin.arity();
        self.check_count(template, builtin.name(), arity.fixed, arity.variadic, &given)?;
        let result = match builtin {
            Builtin::And | Builtin::Or => return self.and_or(template, dot, builtin == Builtin::Or, given),
            Builtin::Call => {
                let name = match (given.operands.first(), &given.last) {
                    (Some(operand), _) => template.display(AnyNode::Operand(operand)).to_string(),
                    (None, Some(last)) => reflect_string(&last.value),
                    (None, None) => String::new(),
                };
                let mut arguments = Arguments::new();
                self.slots(template, dot, given, &mut arguments)?;
                Err(not_callable(&name, arguments.first()))
            }
            _ if builtin.takes_slots() => {
                let mut arguments = Arguments::new();
                self.slots(template, dot, given, &mut arguments)?;
                builtin.run_slots(&arguments)
            }
            _ => {
                let mut arguments = Arguments::new();
                for (index, operand) in given.operands.iter().enumerate() {
                    let wanted = parameter(builtin, index);
                    arguments.push(self.argument(template, dot, wanted, operand)?);
                }
                if let Some(last) = given.last {
                    let last = last.into_argument(parameter(builtin, given.operands.len()));
                    arguments.push(last.or_else(|message| self.fail(template, message))?);
                }
                let result = builtin.run(&arguments).map(Slot::concrete);
                result.and_then(|slot| {
                    self.spend(slot.value.as_text().map_or(0, |text| text.len()))?;
                    Ok(slot)
                })
            }
        };
        result.map_err(|failure| {
            self.node = mark.id;
            self.call_error(template, builtin.name(), failure)
        })
    }

    /// All arguments where `reflect.Value` is wanted.
    fn slots(&mut self, template: &Template, dot: &Slot, given: Given<'_>, arguments: &mut Arguments<Slot>) -> Run<()> {
        for operand in given.operands {
            arguments.push(self.operand(template, dot, operand)?);
        }
        arguments.extend(given.last);
        Ok(())
    }

    /// `and` and `or`: what follows the argument that decides is not even evaluated.
    fn and_or(&mut self, template: &Template, dot: &Slot, or: bool, given: Given<'_>) -> Run<Slot> {
        let mut value = Slot::INVALID;
        for operand in given.operands {
            value = self.operand(template, dot, operand)?;
            if value.value.truth() == or {
                return Ok(value);
            }
        }
        Ok(given.last.unwrap_or(value))
    }
}

/// The type of a parameter of a function that takes `interface {}`s.
fn parameter(builtin: Builtin, index: usize) -> Type {
    if builtin == Builtin::Printf && index == 0 { Type::String } else { Type::Any }
}

/// What Go's `reflect.Value.String` says.
fn reflect_string(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_str().into_owned(),
        Value::Nil => "<invalid Value>".to_owned(),
        value => format!("<{} Value>", type_name(value)),
    }
}

/// What `call` says of values that are no functions, which here is all of them.
fn not_callable(name: &str, callee: Option<&Slot>) -> Failure {
    match callee.map(|slot| &slot.value) {
        None | Some(Value::Nil) => "call of nil".into(),
        Some(value) => Failure::Message(format!("non-function {name} of type {}", type_name(value))),
    }
}

/// Adds to an error what had no value, if that is what it is about: the field `index` was wanted from `from`, which
/// came out of `holder`.
#[cold]
fn explain(
    template: &Template,
    mut error: Box<ExecError>,
    mark: Mark,
    fields: &[Text],
    index: usize,
    from: &Slot,
    holder: &Slot,
) -> Box<ExecError> {
    let nil = matches!(from.value, Value::Nil);
    let missing = matches!(from.value, Value::Map(_))
        && matches!(&error.cause, Cause::Message(message) if message.starts_with("map has no entry"));
    let Some(field) = fields.get(index).filter(|_| nil || missing) else { return error };
    let written = template.source.slice(mark.start as usize..mark.end as usize);
    // The fields from here on are the end of what was written.
    let rest: usize = fields.iter().skip(index).map(|field| field.len() + 1).sum();
    let expression = written.get(..written.len().saturating_sub(rest)).unwrap_or_default();
    let expression = if expression.is_empty() { b"." } else { expression };
    let key = index.checked_sub(1).and_then(|index| fields.get(index));
    error.absent = Some(Absent {
        expression: crate::yaml::json::lossy(expression),
        field: field.to_str().into(),
        holder: if missing { Some(from.value.clone()) } else { Some(holder.value.clone()).filter(|_| key.is_some()) },
        key: if missing { Some(field.to_str().into()) } else { key.map(|key| Rc::from(&*key.to_str())) },
    });
    error
}
