//! What can go wrong between this program and an API server, with its causes taken apart.
//!
//! One enum for the whole room. A refusal of the server carries what the server said about it: who may not do
//! what where, which field is owned by whom, what is invalid. Rules: the API conventions of Kubernetes (status
//! reasons and their details), the message texts of its RBAC authorizer, and Helm's wording where Helm has one.
//! No text here ever holds a token: only messages of the server and of the network are kept, addresses without
//! their user part, and never the output of a credential plugin.

use std::fmt;
use std::time::Duration;

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
