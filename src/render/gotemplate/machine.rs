//! [`Machine`]: a render under way, as functions see it.

use super::error::Failure;
use super::host::Host;

/// A render under way: what a function can ask for besides its arguments.
#[derive(Debug)]
pub struct Machine<'a> {
    host: HostRef<'a>,
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
    pub fn new(host: &'a dyn Host) -> Self {
        Self { host: HostRef(host), budget: BUDGET }
    }

    /// The world outside.
    pub const fn host(&self) -> &'a dyn Host {
        self.host.0
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
}
