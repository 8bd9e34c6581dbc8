//! How templates run: actions, their bodies and the text they make.
//!
//! Owns control flow, variables and errors' places; what pipelines, operands and calls are worth is in `operand`. The
//! rules are those of Go's `text/template` (`exec.go`), in the same order, because an error blames the node that was
//! entered last.

use std::rc::Rc;

use super::ast::{Action, Branch, Call, Mark, Node, Symbol, Template};
use super::error::{Caller, Cause, ExecError, Failure};
use super::format;
use super::machine::{MAKES_TOO_MUCH, Machine, TAKES_TOO_LONG};
use super::quote::quoted;
use super::set::Names;
use super::slot::Slot;
use super::value::{Kind, UintType, Value};
use crate::render::stack;
use crate::yaml::json::lossy;

/// The result of a part of a template.
pub(super) type Run<T> = Result<T, Box<ExecError>>;

/// How a list of nodes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// At its end.
    On,
    Break,
    Continue,
}

/// `template` actions inside of each other, as Go bounds them.
const MAX_DEPTH: u32 = 100_000;

/// Variables that are looked through without counting it as a step.
const FREE_VARIABLES: usize = 64;

impl Machine<'_> {
    /// An error at the node that was entered last.
    #[cold]
    pub(super) fn error(&self, template: &Template, cause: Cause) -> Box<ExecError> {
        let node = template.find(self.node);
        let mark = node.map(super::ast::AnyNode::mark).unwrap_or_default();
        let (line, column) = template.source.position(mark.at as usize);
        Box::new(ExecError {
            file: Rc::clone(&template.source.name),
            line,
            column,
            template: template.name.to_str().into(),
            context: node.map(|node| template.display(node).to_string()).unwrap_or_default(),
            cause,
            place: template.place(mark),
            absent: None,
            callers: Vec::new(),
        })
    }

    #[cold]
    pub(super) fn fail<T>(&self, template: &Template, message: impl Into<String>) -> Run<T> {
        Err(self.error(template, Cause::Message(message.into())))
    }

    /// An error of the evaluator's own work: only budgets can be spent there.
    #[cold]
    fn spent(&self, template: &Template, failure: &Failure) -> Box<ExecError> {
        self.error(template, Cause::Budget(failure.to_string()))
    }

    /// Appends to the text that is made.
    #[inline]
    fn write(&mut self, template: &Template, bytes: &[u8]) -> Run<()> {
        if !self.affords(bytes.len()) {
            return Err(self.error(template, Cause::Budget(MAKES_TOO_MUCH.to_owned())));
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn count(&mut self, template: &Template, steps: u64) -> Run<()> {
        if self.steps(steps) { Ok(()) } else { Err(self.error(template, Cause::Budget(TAKES_TOO_LONG.to_owned()))) }
    }

    // Variables.

    /// Where the variable is that was declared last under this name.
    fn variable(&mut self, template: &Template, symbol: Symbol) -> Run<usize> {
        let mine = self.variables.get(self.base..).unwrap_or_default();
        if let Some(index) = mine.iter().rposition(|(name, _)| *name == symbol) {
            let passed = mine.len() - index;
            if passed > FREE_VARIABLES {
                self.count(template, (passed / FREE_VARIABLES) as u64)?;
            }
            return Ok(self.base + index);
        }
        let name = self.templates.name(symbol);
        self.fail(template, format!("undefined variable: {}", name.to_str()))
    }

    /// The value of a variable.
    pub(super) fn variable_value(&mut self, template: &Template, symbol: Symbol) -> Run<Slot> {
        let index = self.variable(template, symbol)?;
        Ok(self.variables.get(index).map(|(_, slot)| slot.clone()).unwrap_or_default())
    }

    /// Gives a variable another value.
    pub(super) fn assign(&mut self, template: &Template, symbol: Symbol, value: Slot) -> Run<()> {
        let index = self.variable(template, symbol)?;
        if let Some((_, slot)) = self.variables.get_mut(index) {
            *slot = value;
        }
        Ok(())
    }

    /// Gives the variable that was declared `distance` ago another value.
    fn assign_top(&mut self, distance: usize, value: Slot) {
        let index = self.variables.len().checked_sub(distance);
        if let Some((_, slot)) = index.and_then(|index| self.variables.get_mut(index)) {
            *slot = value;
        }
    }

    // Nodes.

    /// Runs nodes one after the other.
    pub(super) fn walk(&mut self, template: &Template, dot: &Slot, nodes: &[Node]) -> Run<Flow> {
        for node in nodes {
            let flow = match node {
                Node::Text(mark) => {
                    let text = template.source.slice(mark.start as usize..mark.end as usize);
                    self.write(template, text)?;
                    Flow::On
                }
                Node::Action(action) => {
                    self.walk_action(template, dot, action)?;
                    Flow::On
                }
                Node::If(branch) => self.walk_if(template, dot, branch, false)?,
                Node::With(branch) => self.walk_if(template, dot, branch, true)?,
                Node::Range(branch) => self.walk_range(template, dot, branch)?,
                Node::Template(call) => {
                    self.walk_template(template, dot, call)?;
                    Flow::On
                }
                Node::Break(_) => Flow::Break,
                Node::Continue(_) => Flow::Continue,
            };
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn walk_action(&mut self, template: &Template, dot: &Slot, action: &Action) -> Run<()> {
        self.node = action.mark.id;
        self.count(template, 1)?;
        let value = self.pipe(template, dot, &action.pipe)?;
        // An action that declares something prints nothing.
        if action.pipe.variables.is_empty() { self.print(template, action.mark, &value.value) } else { Ok(()) }
    }

    /// Prints what an action is worth.
    fn print(&mut self, template: &Template, mark: Mark, value: &Value) -> Run<()> {
        match value {
            Value::Text(text) => self.write(template, text),
            Value::Nil => self.write(template, b"<no value>"),
            Value::Object(object) if object.kind() == Kind::Func => {
                self.node = mark.id;
                let error = self.error(template, Cause::Message(String::new()));
                let message = format!("can't print {} of type {}", error.context, format::type_name(value));
                Err(Box::new(ExecError { cause: Cause::Message(message), ..*error }))
            }
            Value::Object(object) if !object.is_nil() && object.string_by_pointer().is_some() => {
                let text = object.string_by_pointer().unwrap_or_default();
                self.write(template, text.as_bytes())
            }
            value => {
                let start = self.out.len();
                let printed = format::append_value(&mut self.out, value);
                let spent = printed.and_then(|()| self.spend(self.out.len().saturating_sub(start)));
                spent.map_err(|failure| {
                    self.node = mark.id;
                    self.spent(template, &failure)
                })
            }
        }
    }

    fn walk_if(&mut self, template: &Template, dot: &Slot, branch: &Branch, with: bool) -> Run<Flow> {
        self.enter(template, branch)?;
        let variables = self.variables.len();
        let value = self.pipe(template, dot, &branch.pipe)?;
        let flow = if value.value.truth() {
            self.walk(template, if with { &value } else { dot }, &branch.body)?
        } else if let Some(otherwise) = &branch.otherwise {
            self.walk(template, dot, otherwise)?
        } else {
            Flow::On
        };
        self.variables.truncate(variables);
        Ok(flow)
    }

    /// Enters an action with a body: one level deeper.
    fn enter(&mut self, template: &Template, branch: &Branch) -> Run<()> {
        self.node = branch.mark.id;
        self.count(template, 1)?;
        if stack::is_low() { Err(self.too_deep(template)) } else { Ok(()) }
    }

    #[cold]
    pub(super) fn too_deep(&self, template: &Template) -> Box<ExecError> {
        self.error(template, Cause::Budget("templates are nested too deep".to_owned()))
    }

    fn walk_range(&mut self, template: &Template, dot: &Slot, branch: &Branch) -> Run<Flow> {
        self.enter(template, branch)?;
        let variables = self.variables.len();
        let value = self.pipe(template, dot, &branch.pipe)?.value;
        let looped = self.iterate(template, branch, &value)?;
        let flow = match (&branch.otherwise, looped) {
            (Some(otherwise), false) => self.walk(template, dot, otherwise)?,
            _ => Flow::On,
        };
        self.variables.truncate(variables);
        Ok(flow)
    }

    /// Runs the body for each element; false if there is none.
    fn iterate(&mut self, template: &Template, branch: &Branch, value: &Value) -> Run<bool> {
        match value {
            Value::Nil => Ok(false),
            Value::Int(..) | Value::Uint(..) => self.iterate_numbers(template, branch, value),
            Value::List(list) => {
                for (index, item) in list.items.iter().enumerate() {
                    let index = Value::int(i64::try_from(index).unwrap_or(i64::MAX));
                    let item = Slot::element(list.kind, item.clone());
                    if self.iteration(template, branch, Slot::concrete(index), &item)? == Flow::Break {
                        break;
                    }
                }
                Ok(!list.items.is_empty())
            }
            Value::Bytes(bytes) => {
                for (index, byte) in bytes.iter().enumerate() {
                    let index = Value::int(i64::try_from(index).unwrap_or(i64::MAX));
                    let byte = Slot::concrete(Value::Uint(UintType::Uint8, u64::from(*byte)));
                    if self.iteration(template, branch, Slot::concrete(index), &byte)? == Flow::Break {
                        break;
                    }
                }
                Ok(!bytes.is_empty())
            }
            Value::Map(map) => {
                // The body may change the map; what is ranged over was decided before.
                let entries: Vec<_> =
                    map.entries.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                let any = !entries.is_empty();
                for (key, value) in entries {
                    let (key, value) = (Slot::concrete(Value::Text(key)), Slot::entry(map.kind, value));
                    if self.iteration(template, branch, key, &value)? == Flow::Break {
                        break;
                    }
                }
                Ok(any)
            }
            _ => {
                let mut text = Vec::new();
                match format::append_value(&mut text, value) {
                    Ok(()) => self.fail(template, format!("range can't iterate over {}", lossy(&text))),
                    Err(failure) => Err(self.spent(template, &failure)),
                }
            }
        }
    }

    /// Runs the body for the numbers below one; the elements have its type.
    fn iterate_numbers(&mut self, template: &Template, branch: &Branch, value: &Value) -> Run<bool> {
        if branch.pipe.variables.len() > 1 {
            let mut text = Vec::new();
            format::append_value(&mut text, value).map_err(|failure| self.spent(template, &failure))?;
            let text = lossy(&text);
            return self.fail(template, format!("can't use {text} to iterate over more than one variable"));
        }
        let count = match value {
            Value::Int(_, count) => u64::try_from(*count).unwrap_or(0),
            Value::Uint(_, count) => *count,
            _ => 0,
        };
        for number in 0..count {
            let element = match value {
                Value::Uint(kind, _) => Value::Uint(*kind, number),
                Value::Int(kind, _) => Value::Int(*kind, number.cast_signed()),
                _ => Value::Nil,
            };
            if self.iteration(template, branch, Slot::INVALID, &Slot::concrete(element))? == Flow::Break {
                break;
            }
        }
        Ok(count > 0)
    }

    /// Runs the body once.
    fn iteration(&mut self, template: &Template, branch: &Branch, index: Slot, element: &Slot) -> Run<Flow> {
        self.count(template, 1)?;
        match (&*branch.pipe.variables, branch.pipe.assigns) {
            ([], _) => {}
            // With one variable it is the element, with two the first is the index.
            ([(_, only)], true) => self.assign(template, *only, element.clone())?,
            ([(_, first), (_, second), ..], true) => {
                self.assign(template, *first, index)?;
                self.assign(template, *second, element.clone())?;
            }
            ([_], false) => self.assign_top(1, element.clone()),
            ([_, _, ..], false) => {
                self.assign_top(1, element.clone());
                self.assign_top(2, index);
            }
        }
        let variables = self.variables.len();
        let flow = self.walk(template, element, &branch.body)?;
        self.variables.truncate(variables);
        Ok(flow)
    }

    fn walk_template(&mut self, template: &Template, dot: &Slot, call: &Call) -> Run<()> {
        self.node = call.mark.id;
        self.count(template, 1)?;
        let Some(callee) = self.templates.get(call.symbol).cloned() else {
            return self.fail(template, format!("template {} not defined", quoted(&call.name)));
        };
        if self.depth == MAX_DEPTH {
            return self.fail(template, format!("exceeded maximum template depth ({MAX_DEPTH})"));
        }
        if stack::is_low() {
            return Err(self.too_deep(template));
        }
        let dot = match &call.pipe {
            Some(pipe) => self.pipe(template, dot, pipe)?,
            None => Slot::INVALID,
        };
        let (base, node) = (self.base, self.node);
        self.base = self.variables.len();
        self.depth += 1;
        self.variables.push((Names::ROOT, dot.clone()));
        let result = self.walk(&callee, &dot, &callee.body);
        self.variables.truncate(self.base);
        self.depth -= 1;
        (self.base, self.node) = (base, node);
        match result {
            Ok(_) => Ok(()),
            Err(mut error) => {
                // The chain of a runaway recursion is longer than anybody reads.
                if error.callers.len() < MAX_CALLERS {
                    error.callers.push(Caller {
                        place: template.place(call.mark),
                        template: template.name.to_str().into(),
                        callee: callee.name.to_str().into(),
                    });
                }
                Err(error)
            }
        }
    }
}

/// How many `template` actions an error tells of.
const MAX_CALLERS: usize = 64;
