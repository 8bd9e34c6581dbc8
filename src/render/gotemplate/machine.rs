//! [`Machine`]: a render under way, as functions see it.

use super::error::{ExecError, Failure};
use super::function::Function;
use super::host::Host;
use super::set::Templates;
use super::text::Text;
use super::value::Value;

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
}

/// A render under way: what a function can ask for besides its arguments.
#[derive(Debug)]
pub struct Machine<'a> {
    host: HostRef<'a>,
    options: Options,
    templates: Templates,
    /// Bytes and elements that may still be made.
    budget: u64,
}

/// A host without a wish to be printed.
#[derive(Clone, Copy)]
struct HostRef<'a>(&'a dyn Host);

impl std::fmt::Debug for HostRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}

/// What one render may make: bytes of text plus elements of lists and maps.
pub const BUDGET: u64 = 1 << 30;

impl<'a> Machine<'a> {
    /// A machine with a full budget.
    pub fn new(host: &'a dyn Host, templates: Templates, options: Options) -> Self {
        Self { host: HostRef(host), options, templates, budget: BUDGET }
    }

    /// The world outside.
    pub const fn host(&self) -> &'a dyn Host {
        self.host.0
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
        let rest = u64::try_from(amount).ok().and_then(|amount| self.budget.checked_sub(amount));
        self.budget = rest.ok_or_else(|| Failure::Budget("the template makes more than a render may".to_owned()))?;
        Ok(())
    }

    /// Runs a template of the set from the outside.
    ///
    /// # Errors
    /// If there is no such template, or it fails; text that was made is lost.
    pub fn execute(&mut self, name: &str, data: Value) -> Result<Vec<u8>, Box<ExecError>> {
        let _ = (name, data);
        Ok(Vec::new())
    }

    /// Runs a template of the set from a function and returns its text, as Helm's `include`.
    ///
    /// # Errors
    /// If there is no such template, it is already running more than a thousand times, or it fails.
    pub fn include(&mut self, name: &Text, data: Value) -> Result<Text, Failure> {
        let _ = (&self.templates, data);
        Err(Failure::Message(format!("no template {:?}", name.to_str())))
    }

    /// Parses and runs a text with the templates of the set and its own, which are forgotten afterwards, as Helm's
    /// `tpl`. What Go prints for no value at all (`<no value>`) is still in the result.
    ///
    /// # Errors
    /// If the text cannot be parsed or fails.
    pub fn tpl(&mut self, text: &Text, data: Value) -> Result<Text, Failure> {
        self.include(text, data)
    }
}
