//! Whether a release's name leads to valid object names.
//!
//! Helm's own rule allows more than MaiBot's objects can bear: a Service's name has to be a label of DNS-1035 (no
//! dot, a letter first, at most 63 characters), and the StatefulSet controller puts the StatefulSet's name and a
//! hash into a label of 63 characters.

use super::components::{Component, Components};
use crate::code::Code;
use crate::yaml::Value;

/// The longest release name that Helm takes.
const HELM_LIMIT: usize = 53;

/// Why a release's name cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a name by Helm's rule. Helm's wording.
    #[error(
        "invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ \
         and the length must not be longer than 53"
    )]
    Helm {
        /// The release's name.
        name: String,
    },
    /// A Service cannot be named after it: a dot inside, or a digit first.
    #[error("release name `{name}` must begin with a letter and hold no dot: Service `{service}` is named after it")]
    Service {
        /// The release's name.
        name: String,
        /// The first Service that would be named after it.
        service: String,
    },
    /// An object's name gets too long.
    #[error("release name `{name}` is too long: at most {limit} characters, so that {kind} `{object}` stays valid")]
    TooLong {
        /// The release's name.
        name: String,
        /// How many characters it may have under these values.
        limit: usize,
        /// The kind of the object that sets the limit.
        kind: &'static str,
        /// Its name.
        object: String,
    },
}

impl NameError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        Code::ReleaseName
    }
}

/// Checks a release's name by Helm's rule alone.
pub fn check_helm(name: &str) -> Result<(), NameError> {
    let label = |part: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        match part.as_bytes() {
            [] => false,
            [only] => inner(*only),
            [first, middle @ .., last] => {
                inner(*first) && inner(*last) && middle.iter().all(|byte| inner(*byte) || *byte == b'-')
            }
        }
    };
    if name.len() <= HELM_LIMIT && name.split('.').all(label) {
        Ok(())
    } else {
        Err(NameError::Helm { name: name.to_owned() })
    }
}

/// Checks a release's name for the components that run under these values.
pub fn check(name: &str, values: &Value) -> Result<(), NameError> {
    check_helm(name)?;
    let table = Components::get();
    let strictest = table.running(values).min_by_key(|component| room(component));
    if let Some(component) = strictest {
        if name.contains('.') || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
            return Err(NameError::Service { name: name.to_owned(), service: component.name(name) });
        }
        let limit = room(component);
        if name.len() > limit {
            return Err(NameError::TooLong {
                name: name.to_owned(),
                limit,
                kind: component.workload.kind(),
                object: component.name(name),
            });
        }
    }
    Ok(())
}

/// How many characters a component leaves for the release's name.
fn room(component: &Component) -> usize {
    component.workload.name_limit().saturating_sub(component.name("").len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Value {
        Value::from(serde_json::from_str::<serde_json::Value>(text).unwrap())
    }

    fn limit(text: &str) -> usize {
        match check(&"a".repeat(53), &values(text)) {
            Err(NameError::TooLong { limit, .. }) => limit,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_limit_is_that_of_the_longest_name_among_the_components_that_run() {
        assert_eq!(limit("{}"), 37);
        assert_eq!(limit(r#"{"napcat": {"enabled": true}}"#), 37);
        assert_eq!(limit(r#"{"statistics_dashboard": {"enabled": true}}"#), 35);
        assert_eq!(limit(r#"{"statistics_dashboard": {"enabled": true}, "sqlite_web": {"enabled": true}}"#), 34);
        assert_eq!(check(&"a".repeat(37), &values("{}")), Ok(()));
        assert!(check(&"a".repeat(38), &values("{}")).is_err());
    }

    #[test]
    fn names_that_no_service_can_carry_are_refused() {
        for name in ["123", "1e3", "0mai", "mai.mai"] {
            assert!(matches!(check(name, &values("{}")), Err(NameError::Service { .. })), "{name}");
            assert_eq!(check_helm(name), Ok(()), "{name}");
        }
        for name in ["maimai", "a", "true", "null", "y", "mai-2"] {
            assert_eq!(check(name, &values("{}")), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_outside_of_helms_rule_are_refused_in_helms_words() {
        for name in ["", "-a", "a-", "A", "a_b", "a..b", ".a", "a.", "麦麦", &"a".repeat(54)] {
            assert_eq!(check(name, &values("{}")), Err(NameError::Helm { name: name.to_owned() }), "{name}");
        }
        assert_eq!(check_helm(&"a".repeat(53)), Ok(()));
    }
}
