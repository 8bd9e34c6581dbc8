//! What can go wrong between this program and an API server, with its causes taken apart.
//!
//! One enum for the whole room. A refusal of the server carries what the server said about it: who may not do
//! what where, which field is owned by whom, what is invalid. Rules: the API conventions of Kubernetes (status
//! reasons and their details), the message texts of its RBAC authorizer, and Helm's wording where Helm has one.
//! No text here ever holds a token: only messages of the server and of the network are kept, addresses without
//! their user part, and never the output of a credential plugin.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use kube::core::Status;

use crate::code::Code;

use super::config::ConfigError;

/// An object (or a kind) that a request was about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// `apps/v1`, `v1`.
    pub api_version: String,
    /// `StatefulSet`; empty for requests that are about no kind.
    pub kind: String,
    /// The namespace; `None` for what has none.
    pub namespace: Option<String>,
    /// The name; empty for a whole collection.
    pub name: String,
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind.is_empty(), self.name.is_empty()) {
            (true, _) => formatter.write_str("the API server")?,
            (false, true) => formatter.write_str(&self.kind)?,
            (false, false) => write!(formatter, "{}/{}", self.kind, self.name)?,
        }
        match &self.namespace {
            Some(namespace) => write!(formatter, " in namespace {namespace}"),
            None => Ok(()),
        }
    }
}

/// Why no answer came, as far as the error chain tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nothing listens there.
    Refused,
    /// The name does not resolve.
    Name,
    /// No connection within the time limit.
    Timeout,
    /// The certificate is not trusted, or TLS failed otherwise.
    Tls,
    /// The proxy is not reachable or refuses.
    Proxy,
    /// The connection was cut before the answer was complete.
    Cut,
    /// Something else; see the chain.
    Other,
}

/// No (complete) answer from the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// The address of the API server, without credentials.
    pub address: String,
    /// The proxy in between, without credentials.
    pub proxy: Option<String>,
    /// The kind of trouble.
    pub cause: Cause,
    /// The texts of the error and its sources, outermost first, without repetitions.
    pub chain: Vec<String>,
    /// Whether the request may have reached the server, so that it may have been carried out.
    pub sent: bool,
}

/// A request that the API server's authorizer forbids (403).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forbidden {
    /// `get`, `create`, `patch`, …; empty when the message does not tell.
    pub verb: String,
    /// The resource in plural, with its subresource: `secrets`, `pods/exec`.
    pub resource: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The name of the object, if one was named.
    pub name: String,
    /// The namespace; `None` means cluster-wide.
    pub namespace: Option<String>,
    /// The user as the server sees it; empty when the message does not tell.
    pub user: String,
    /// The whole message of the server.
    pub message: String,
}

/// Why an authorized request was refused all the same (403).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// A resource quota is used up.
    Quota,
    /// The namespace is being deleted.
    NamespaceTerminating,
    /// A Pod Security level is violated.
    PodSecurity,
    /// Another admission rule.
    Admission,
}

/// A field that another manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldConflict {
    /// The path of the field, as the server prints it: `.spec.replicas`.
    pub field: String,
    /// The manager that owns it: `kubectl`, `kube-controller-manager`. Empty when the message does not tell.
    pub manager: String,
    /// How that manager came to own it: `Update` (it wrote the field) or `Apply`.
    pub operation: ManagerOperation,
}

/// How a field manager came to own a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManagerOperation {
    /// By server-side apply.
    Apply,
    /// By a plain write.
    Update,
}

/// One reason why an object is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    /// The path of the field: `spec.replicas`. Empty when the server names none.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// Everything that can go wrong with an API server.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The settings or the kubeconfig do not lead to a cluster.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// No answer.
    #[error("Kubernetes cluster unreachable: {0}")]
    Unreachable(Box<Unreachable>),

    /// No answer in time, although connected.
    #[error("no answer from {address} within {} s ({target})", after.as_secs_f32())]
    Timeout {
        /// The address of the API server.
        address: String,
        /// What was asked for.
        target: Box<Target>,
        /// The limit.
        after: Duration,
    },

    /// The server does not know the caller (401).
    #[error("the API server does not accept the credentials ({credentials}): {message}")]
    Unauthorized {
        /// The kind of credentials sent, never themselves: `token`, `client certificate`, ….
        credentials: String,
        /// The server's message.
        message: String,
    },

    /// The server's authorizer forbids it (403).
    #[error("{}", .0.message)]
    Forbidden(Box<Forbidden>),

    /// The caller may do it, but an admission rule refuses this object (403).
    #[error("{message}")]
    Denied {
        /// What was asked for.
        target: Box<Target>,
        /// Which rule.
        denial: Denial,
        /// The server's message.
        message: String,
    },

    /// The server does not know the kind (404 of the group version, or the kind is not in it).
    #[error("no matches for kind \"{kind}\" in version \"{api_version}\"")]
    UnknownKind {
        /// `apps/v1`.
        api_version: String,
        /// `StatefulSet`.
        kind: String,
    },

    /// The object is not there (404).
    #[error("{message}")]
    NotFound {
        /// Which.
        target: Box<Target>,
        /// The server's message.
        message: String,
    },

    /// An object of that name is there already (409 at creation).
    #[error("{message}")]
    AlreadyExists {
        /// Which.
        target: Box<Target>,
        /// The server's message.
        message: String,
    },

    /// Other field managers own fields of it (409 at server-side apply).
    #[error("conflict occurred while applying object {target}: {message}")]
    Conflict {
        /// Which.
        target: Box<Target>,
        /// The fields and their owners.
        fields: Vec<FieldConflict>,
        /// The server's message.
        message: String,
    },

    /// The object has changed since it was read, or a precondition does not hold (409).
    #[error("{message}")]
    Changed {
        /// Which.
        target: Box<Target>,
        /// The server's message.
        message: String,
    },

    /// The requested state of history is no longer kept (410).
    #[error("the API server no longer keeps the requested state: {message}")]
    Gone {
        /// The server's message.
        message: String,
    },

    /// The object is invalid (400, 422).
    #[error("{message}")]
    Invalid {
        /// Which.
        target: Box<Target>,
        /// Field by field.
        causes: Vec<InvalidField>,
        /// The server's message.
        message: String,
    },

    /// The server asks to slow down and went on asking (429).
    #[error("the API server asks to slow down: {message}")]
    TooManyRequests {
        /// The server's message.
        message: String,
        /// What it asked for last.
        retry_after: Option<Duration>,
    },

    /// The server failed (5xx) and went on failing.
    #[error("the API server failed ({status}): {message}")]
    Server {
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        target: Box<Target>,
        /// The server's message.
        message: String,
    },

    /// Any other refusal.
    #[error("the API server refused the request ({status} {reason}): {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The reason word of the status object.
        reason: String,
        /// What was asked for.
        target: Box<Target>,
        /// The server's message.
        message: String,
    },

    /// The answer is not what the protocol says.
    #[error("cannot understand the API server's answer ({target}): {message}")]
    Protocol {
        /// What was asked for.
        target: Box<Target>,
        /// What is wrong with it.
        message: String,
    },

    /// A request could not be built from what was given.
    #[error("{target} cannot be addressed: {message}")]
    Request {
        /// What was asked for.
        target: Box<Target>,
        /// Why.
        message: String,
    },
}

impl Error {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Config(error) => error.code(),
            Self::Unreachable(_) | Self::Timeout { .. } => Code::Unreachable,
            Self::Unauthorized { .. } => Code::Unauthorized,
            Self::Forbidden(_) => Code::Forbidden,
            Self::Denied { denial: Denial::PodSecurity | Denial::Quota | Denial::Admission, .. } => Code::Denied,
            Self::Denied { denial: Denial::NamespaceTerminating, .. } => Code::NamespaceTerminating,
            Self::UnknownKind { .. } => Code::UnknownKind,
            Self::NotFound { .. } => Code::ObjectMissing,
            Self::AlreadyExists { .. } | Self::Changed { .. } | Self::Gone { .. } => Code::Raced,
            Self::Conflict { .. } => Code::Conflict,
            Self::Invalid { .. } | Self::Request { .. } => Code::Invalid,
            Self::TooManyRequests { .. } | Self::Server { .. } => Code::Overloaded,
            Self::Refused { .. } | Self::Protocol { .. } => Code::Protocol,
        }
    }

    /// Whether the object is not there.
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether a request that may have been carried out was left without an answer.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Self::Unreachable(unreachable) => unreachable.sent,
            Self::Timeout { .. } => true,
            Self::Server { status, .. } => matches!(status, 500 | 502 | 504),
            _ => false,
        }
    }

    /// Whether the same request may succeed later without anybody repairing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(unreachable) => unreachable.cause != Cause::Tls,
            Self::Timeout { .. } | Self::TooManyRequests { .. } | Self::Server { .. } | Self::Gone { .. } => true,
            _ => false,
        }
    }

    /// Takes a refusal of the server apart.
    ///
    /// `status` is the object the server sent (synthetic, with the HTTP status as its code, when the body was
    /// none); `retry_after` is what its header asked for; `credentials` names the kind of credentials sent.
    pub(crate) fn refused(
        status: Status,
        target: Target,
        retry_after: Option<Duration>,
        credentials: &str,
        creating: bool,
    ) -> Self {
        let target = Box::new(target);
        let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let message = if status.message.is_empty() { code.to_string() } else { status.message.clone() };
        match code.as_u16() {
            401 => Self::Unauthorized { credentials: credentials.to_owned(), message },
            403 => Self::from_403(&status, target, message),
            404 => Self::NotFound { target, message },
            409 => Self::from_409(&status, target, message, creating),
            410 => Self::Gone { message },
            400 | 422 => {
                let causes = invalid_fields(&status);
                Self::Invalid { target, causes, message }
            }
            429 => {
                let asked = status.details.as_ref().map(|details| u64::from(details.retry_after_seconds));
                let asked = asked.filter(|seconds| *seconds > 0).map(Duration::from_secs);
                Self::TooManyRequests { message, retry_after: retry_after.or(asked) }
            }
            number if number >= 500 => Self::Server { status: number, target, message },
            number => Self::Refused { status: number, reason: status.reason, target, message },
        }
    }

    fn from_403(status: &Status, target: Box<Target>, message: String) -> Self {
        let terminating = status
            .details
            .as_ref()
            .is_some_and(|details| details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"));
        if terminating || message.contains("because it is being terminated") {
            return Self::Denied { target, denial: Denial::NamespaceTerminating, message };
        }
        if let Some(forbidden) = parse_forbidden(&message) {
            return Self::Forbidden(Box::new(forbidden));
        }
        let denial = if message.contains("exceeded quota") || message.contains("failed quota") {
            Some(Denial::Quota)
        } else if message.contains("violates PodSecurity") {
            Some(Denial::PodSecurity)
        } else if status.reason == "Forbidden" && message.contains(" is forbidden: ")
            || message.contains("admission webhook")
        {
            Some(Denial::Admission)
        } else {
            None
        };
        match denial {
            Some(denial) => Self::Denied { target, denial, message },
            // A gateway's 403, or one of an authorizer with its own words: what is known comes from the request.
            None => {
                let details = status.details.as_ref();
                Self::Forbidden(Box::new(Forbidden {
                    resource: details.map_or_else(|| target.kind.clone(), |details| details.kind.clone()),
                    group: details.map(|details| details.group.clone()).unwrap_or_default(),
                    name: target.name,
                    namespace: target.namespace,
                    message,
                    ..Forbidden::default()
                }))
            }
        }
    }

    fn from_409(status: &Status, target: Box<Target>, message: String, creating: bool) -> Self {
        let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
        let fields: Vec<_> = causes
            .iter()
            .filter(|cause| cause.reason == "FieldManagerConflict")
            .map(|cause| {
                let (manager, operation) = parse_manager(&cause.message);
                FieldConflict { field: cause.field.clone(), manager, operation }
            })
            .collect();
        if !fields.is_empty() {
            Self::Conflict { target, fields, message }
        } else if status.is_already_exists() || (creating && status.reason.is_empty()) {
            Self::AlreadyExists { target, message }
        } else {
            Self::Changed { target, message }
        }
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.address)?;
        if let Some(proxy) = &self.proxy {
            write!(formatter, " through proxy {proxy}")?;
        }
        for text in &self.chain {
            write!(formatter, ": {text}")?;
        }
        Ok(())
    }
}

impl From<Unreachable> for Error {
    fn from(unreachable: Unreachable) -> Self {
        Self::Unreachable(Box::new(unreachable))
    }
}

fn invalid_fields(status: &Status) -> Vec<InvalidField> {
    let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    causes.iter().map(|cause| InvalidField { field: cause.field.clone(), message: cause.message.clone() }).collect()
}

/// Reads the sentence of the RBAC authorizer:
/// `pods "x" is forbidden: User "u" cannot get resource "pods" in API group "" in the namespace "n": why`,
/// with `at the cluster scope` instead of the namespace. Returns `None` for every other sentence.
fn parse_forbidden(message: &str) -> Option<Forbidden> {
    let start = message.find("User \"")?;
    let (user, rest) = quoted(&message[start + "User ".len()..])?;
    let rest = rest.strip_prefix(" cannot ")?;
    let (verb, rest) = rest.split_once(' ')?;
    let mut forbidden = Forbidden { verb: verb.to_owned(), user, message: message.to_owned(), ..Forbidden::default() };
    if let Some(rest) = rest.strip_prefix("resource ") {
        let (resource, rest) = quoted(rest)?;
        forbidden.resource = resource;
        if let Some(rest) = rest.strip_prefix(" in API group ") {
            let (group, rest) = quoted(rest)?;
            forbidden.group = group;
            if let Some(rest) = rest.strip_prefix(" in the namespace ") {
                forbidden.namespace = Some(quoted(rest)?.0);
            }
        }
        if let Some((_, name)) = message[..start].split_once(' ')
            && let Some((name, _)) = quoted(name)
        {
            forbidden.name = name;
        }
    } else if let Some(rest) = rest.strip_prefix("path ") {
        forbidden.resource = quoted(rest)?.0;
    } else {
        return None;
    }
    Some(forbidden)
}

/// A Go-quoted text at the start, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.char_indices();
    if chars.next()?.1 != '"' {
        return None;
    }
    let mut value = String::new();
    while let Some((at, character)) = chars.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// The manager in `conflict with "kubectl" with subresource "scale" using apps/v1 at 2024-…`.
/// Only a manager that wrote the field (`Update`) is printed with a `using`.
fn parse_manager(message: &str) -> (String, ManagerOperation) {
    let operation = if message.contains(" using ") { ManagerOperation::Update } else { ManagerOperation::Apply };
    let manager =
        message.find('"').and_then(|at| quoted(&message[at..])).map(|(manager, _)| manager).unwrap_or_default();
    (manager, operation)
}

#[cfg(test)]
mod tests {
    use kube::core::response::{StatusCause, StatusDetails};

    use super::*;

    fn status(code: u16, reason: &str, message: &str) -> Status {
        Status::failure(message, reason).with_code(code)
    }

    fn refused(status: Status) -> Error {
        Error::refused(status, Target::default(), None, "token", false)
    }

    #[test]
    fn a_forbidden_request_names_verb_resource_namespace_and_user() {
        let message = "secrets is forbidden: User \"system:serviceaccount:bot:ci\" cannot list resource \"secrets\" in \
                       API group \"\" in the namespace \"bot\"";
        let Error::Forbidden(forbidden) = refused(status(403, "Forbidden", message)) else { panic!("not forbidden") };
        assert_eq!(
            *forbidden,
            Forbidden {
                verb: "list".into(),
                resource: "secrets".into(),
                namespace: Some("bot".into()),
                user: "system:serviceaccount:bot:ci".into(),
                message: message.into(),
                ..Forbidden::default()
            }
        );
    }

    #[test]
    fn a_forbidden_request_for_one_object_at_the_cluster_scope_names_it() {
        let message = "clusterroles.rbac.authorization.k8s.io \"admin \\\"x\\\"\" is forbidden: User \"jane\" cannot patch \
                       resource \"clusterroles\" in API group \"rbac.authorization.k8s.io\" at the cluster scope: RBAC: \
                       clusterrole.rbac.authorization.k8s.io \"gone\" not found";
        let Error::Forbidden(forbidden) = refused(status(403, "Forbidden", message)) else { panic!("not forbidden") };
        assert_eq!(forbidden.name, "admin \"x\"");
        assert_eq!(forbidden.group, "rbac.authorization.k8s.io");
        assert_eq!(forbidden.namespace, None);
        assert_eq!((forbidden.verb.as_str(), forbidden.user.as_str()), ("patch", "jane"));
    }

    #[test]
    fn a_forbidden_path_is_named() {
        let message = "forbidden: User \"jane\" cannot get path \"/version\"";
        let Error::Forbidden(forbidden) = refused(status(403, "Forbidden", message)) else { panic!("not forbidden") };
        assert_eq!((forbidden.verb.as_str(), forbidden.resource.as_str()), ("get", "/version"));
    }

    #[test]
    fn admission_rules_are_told_from_missing_rights() {
        for (message, denial) in [
            (
                "pods \"a\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1",
                Denial::Quota,
            ),
            ("pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": …", Denial::PodSecurity),
            (
                "secrets \"a\" is forbidden: unable to create new content in namespace bot because it is being terminated",
                Denial::NamespaceTerminating,
            ),
            ("admission webhook \"policy.example\" denied the request: no", Denial::Admission),
            ("ingresses \"a\" is forbidden: not by this rule", Denial::Admission),
        ] {
            let Error::Denied { denial: found, .. } = refused(status(403, "Forbidden", message)) else {
                panic!("{message}: not a denial")
            };
            assert_eq!(found, denial, "{message}");
        }
    }

    #[test]
    fn a_field_conflict_names_every_field_and_its_owner() {
        let cause = |field: &str, message: &str| StatusCause {
            reason: "FieldManagerConflict".into(),
            field: field.into(),
            message: message.into(),
        };
        let conflict = status(409, "Conflict", "Apply failed with 2 conflicts").with_details(StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            retry_after_seconds: 0,
            causes: vec![
                cause(".spec.replicas", "conflict with \"kubectl\" with subresource \"scale\" using apps/v1"),
                cause(".data.a", "conflict with \"argocd\""),
            ],
        });
        let Error::Conflict { fields, .. } = refused(conflict) else { panic!("not a conflict") };
        assert_eq!(
            fields,
            [
                FieldConflict {
                    field: ".spec.replicas".into(),
                    manager: "kubectl".into(),
                    operation: ManagerOperation::Update
                },
                FieldConflict { field: ".data.a".into(), manager: "argocd".into(), operation: ManagerOperation::Apply },
            ]
        );
    }

    #[test]
    fn the_three_kinds_of_409_are_told_apart() {
        let exists = refused(status(409, "AlreadyExists", "secrets \"a\" already exists"));
        assert!(matches!(exists, Error::AlreadyExists { .. }));
        let changed = refused(status(409, "Conflict", "the object has been modified"));
        assert!(matches!(changed, Error::Changed { .. }));
    }

    #[test]
    fn a_refusal_without_a_message_still_says_something() {
        assert_eq!(
            refused(status(418, "", "")).to_string(),
            "the API server refused the request (418 ): 418 I'm a teapot"
        );
    }
}
