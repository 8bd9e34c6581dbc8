//! [`Machine`]: a render under way, as the host and functions see it.
//!
//! Owns what all templates of a render share: the set of templates, the budgets of time and memory, the count of
//! nested `include`s, the text made so far. How templates run is in `evaluate`.

use std::collections::HashMap;
use std::rc::Rc;

use super::ast::{Symbol, Template};
use super::error::{Cause, ExecError, Failure};
use super::format::MAX_TEXT;
use super::function::Function;
use super::host::Host;
use super::quote::quoted;
use super::set::{self, Names, Templates};
use super::slot::Slot;
use super::source::{Place, Source};
use super::text::Text;
use super::value::Value;
use crate::render::stack;

/// What happens when a map has no entry of a name that a template asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingKey {
    /// There is no value.
    #[default]
    Invalid,
    /// The zero value of the map's elements, which for `interface {}` is nil.
    Zero,
    /// An error.
    Error,
}

/// How a render goes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// What a missing key is.
    pub missing_key: MissingKey,
    /// Whether functions that refuse values let them pass, as when a chart is only looked at.
    pub lint: bool,
    /// Methods of values that are no [`Object`](super::value::Object), such as durations: called with the receiver as
    /// the first argument, which the parameters do not list.
    pub method: Option<fn(&Value, &str) -> Option<&'static Function>>,
    /// What a render may use.
    pub limits: Limits,
}

/// What a render may use; beyond it ends in an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text plus elements of lists and maps that it may make.
    pub bytes: u64,
    /// Actions, iterations and calls that it may take.
    pub steps: u64,
}

impl Default for Limits {
    /// A gigabyte, and some seconds' worth of steps.
    fn default() -> Self {
        Self { bytes: 1 << 30, steps: 100_000_000 }
    }
}

/// A render under way: what a function can ask for besides its arguments.
#[derive(Debug)]
pub struct Machine<'a> {
    host: HostRef<'a>,
    options: Options,
    pub(super) templates: Templates,
    /// Bytes and elements that may still be made.
    budget: u64,
    /// Actions, iterations and calls that may still run.
    steps: u64,
    /// How often each template is running through `include`.
    included: HashMap<Text, u32>,
    /// The text made so far. Each template that a function runs appends to it and takes its part away again.
    pub(super) out: Vec<u8>,
    /// The variables of all running templates; those of the innermost begin at `base`.
    pub(super) variables: Vec<(Symbol, Slot)>,
    pub(super) base: usize,
    /// The number of the node that was entered last: what an error blames.
    pub(super) node: u32,
    /// How many `template` actions are open since the last `include`, `tpl` or file.
    pub(super) depth: u32,
}

/// A host without a wish to be printed.
#[derive(Clone, Copy)]
struct HostRef<'a>(&'a dyn Host);

impl std::fmt::Debug for HostRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}

/// What is said when a budget is spent.
pub(super) const MAKES_TOO_MUCH: &str = "the template makes more than a render may";
pub(super) const TAKES_TOO_LONG: &str = "the template takes more steps than a render may";

/// A template may run inside of itself this many times through `include`, as Helm counts.
const MAX_INCLUDES: u32 = 1001;

/// What a byte of a text that is parsed costs of the budget: its tree is larger than it.
const PARSE_COST: usize = 16;

impl<'a> Machine<'a> {
    /// A machine with full budgets.
    pub fn new(host: &'a dyn Host, templates: Templates, options: Options) -> Self {
        Self {
            host: HostRef(host),
            options,
            templates,
            budget: options.limits.bytes,
            steps: options.limits.steps,
            included: HashMap::new(),
            out: Vec::new(),
            variables: Vec::new(),
            base: 0,
            node: 0,
            depth: 0,
        }
    }

    /// The world outside.
    pub const fn host(&self) -> &'a dyn Host {
        self.host.0
    }

    /// The templates that can be called.
    pub const fn templates(&self) -> &Templates {
        &self.templates
    }

    /// How this render goes.
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// Pays for `amount` bytes or elements before they are made. Every function whose result can be much larger than
    /// its arguments calls this first.
    ///
    /// # Errors
    /// If the render would make more than it may.
    pub fn spend(&mut self, amount: usize) -> Result<(), Failure> {
        if self.affords(amount) { Ok(()) } else { Err(Failure::Budget(MAKES_TOO_MUCH.to_owned())) }
    }

    /// Refuses a value whose parts are so large, or shared so often, that no text should be made of it. Whatever writes
    /// values of any size calls this first.
    ///
    /// # Errors
    /// If it is.
    pub fn weigh(&self, value: &Value) -> Result<(), Failure> {
        if value.fits(MAX_TEXT) { Ok(()) } else { Err(Failure::Budget(MAKES_TOO_MUCH.to_owned())) }
    }

    /// [`spend`](Self::spend) without the words.
    #[inline]
    pub(super) fn affords(&mut self, amount: usize) -> bool {
        let rest = self.budget.checked_sub(amount as u64);
        self.budget = rest.unwrap_or(self.budget);
        rest.is_some()
    }

    /// Takes steps; false if the render would take more than it may.
    #[inline]
    pub(super) fn steps(&mut self, amount: u64) -> bool {
        let rest = self.steps.checked_sub(amount);
        self.steps = rest.unwrap_or(self.steps);
        rest.is_some()
    }

    /// How many steps may still be taken.
    #[cfg(test)]
    pub(super) const fn steps_left(&self) -> u64 {
        self.steps
    }

    /// Runs a template of the set from the outside.
    ///
    /// # Errors
    /// If there is no such template, or it fails; text that was made is lost.
    pub fn execute(&mut self, name: &str, data: Value) -> Result<Vec<u8>, Box<ExecError>> {
        let Some(template) = self.templates.find(name.as_bytes()).cloned() else {
            let source = Rc::new(Source { name: name.into(), text: Box::default() });
            return Err(Box::new(ExecError {
                file: name.into(),
                line: 0,
                column: 0,
                template: name.into(),
                context: String::new(),
                cause: Cause::Message(not_there(name.as_bytes())),
                place: Place { source, span: 0..0 },
                absent: None,
                callers: Vec::new(),
            }));
        };
        let start = self.out.len();
        let result = self.run(&template, data);
        let made = self.out.split_off(start);
        result.map(|()| made)
    }

    /// Runs a template of the set from a function and returns its text, as Helm's `include`.
    ///
    /// # Errors
    /// If there is no such template, it is already running more than a thousand times, or it fails.
    pub fn include(&mut self, name: &Text, data: Value) -> Result<Text, Failure> {
        let running = match self.included.get_mut(name) {
            Some(running) => running,
            None => self.included.entry(name.clone()).or_default(),
        };
        if *running >= MAX_INCLUDES {
            let name = name.to_str();
            let message = format!("rendering template has a nested reference name: {name}: unable to execute template");
            return Err(Failure::Message(message));
        }
        *running += 1;
        let result = match self.templates.find(name).cloned() {
            Some(template) => self.text_of(&template, data, String::new),
            None => Err(Failure::Message(format!("template: {}", not_there(name)))),
        };
        if let Some(running) = self.included.get_mut(name) {
            *running -= 1;
        }
        result
    }

    /// Parses and runs a text with the templates of the set and its own, which are forgotten afterwards, as Helm's
    /// `tpl`. What Go prints for no value at all (`<no value>`) is still in the result.
    ///
    /// # Errors
    /// If the text cannot be parsed or fails.
    pub fn tpl(&mut self, text: &Text, data: Value) -> Result<Text, Failure> {
        if !self.templates.keeps(text) {
            self.spend(text.len().saturating_mul(PARSE_COST))?;
        }
        let (main, layer) = self.templates.push(text).map_err(|error| Failure::Parse {
            prefix: format!("cannot parse template {}: ", quoted(text)),
            error: (*error).into(),
        })?;
        let result =
            self.text_of(&main, data, || format!("error during tpl function execution for {}: ", quoted(text)));
        self.templates.pop(layer);
        result
    }

    /// The text that a template makes, for a function.
    fn text_of(&mut self, template: &Template, data: Value, prefix: impl Fn() -> String) -> Result<Text, Failure> {
        if !self.steps(1) {
            return Err(Failure::Budget(TAKES_TOO_LONG.to_owned()));
        }
        if stack::is_low() {
            return Err(Failure::Budget("templates are nested too deep".to_owned()));
        }
        let start = self.out.len();
        let result = self.run(template, data);
        let text = match result {
            Ok(()) => Ok(Text::from(self.out.get(start..).unwrap_or_default())),
            Err(error) => Err(Failure::Nested { prefix: prefix(), error: (*error).into() }),
        };
        self.out.truncate(start);
        text
    }

    /// Runs a template with variables of its own; what it makes is appended to the text.
    fn run(&mut self, template: &Template, data: Value) -> Result<(), Box<ExecError>> {
        let dot = Slot::concrete(data);
        let outer = (self.base, self.node, self.depth);
        let base = self.variables.len();
        (self.base, self.depth) = (base, 0);
        self.variables.push((Names::ROOT, dot.clone()));
        let result = self.walk(template, &dot, &template.body);
        self.variables.truncate(base);
        (self.base, self.node, self.depth) = outer;
        result.map(|_| ())
    }
}

fn not_there(name: &[u8]) -> String {
    format!("no template {} associated with template {}", quoted(name), quoted(set::NAME.as_bytes()))
}
