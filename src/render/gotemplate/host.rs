//! [`Host`]: everything a template can reach that is not computed from its input.

use crate::yaml;

/// What would have ended a render that is only a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassedOver {
    /// A value that `required` misses.
    Required,
    /// A call of `fail`.
    Fail,
}

/// The world outside of a render. Everything that is not pure goes through here, so that a render can be repeated.
pub trait Host {
    /// Now, in nanoseconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> i128;

    /// The local time zone: a name of the IANA database, or `UTC`.
    fn time_zone(&self) -> String {
        "UTC".to_owned()
    }

    /// Fills a buffer with bytes that nobody can predict.
    ///
    /// # Errors
    /// If the system has none.
    fn random(&self, buffer: &mut [u8]) -> Result<(), String>;

    /// Hears of what linting lets pass.
    fn passed_over(&self, _what: PassedOver, _words: &str) {}

    /// The address of a host name; empty where looking it up is not allowed.
    fn host_by_name(&self, _name: &str) -> String {
        String::new()
    }

    /// An object of the cluster, or a list of them if `name` is empty; `None` if there is none or no cluster.
    ///
    /// # Errors
    /// The cluster's refusal, in Helm's words.
    fn lookup(
        &self,
        _api_version: &str,
        _kind: &str,
        _namespace: &str,
        _name: &str,
    ) -> Result<Option<yaml::Mapping>, String> {
        Ok(None)
    }
}
