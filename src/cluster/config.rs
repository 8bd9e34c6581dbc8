//! From settings to a connection: which cluster, as whom, how.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::code::Code;

/// A bearer token. Never printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Token(String);

impl Token {
    /// A token as it was given; white space around it is dropped.
    pub fn new(token: &str) -> Self {
        Self(token.trim().to_owned())
    }

    /// The token itself, for the `Authorization` header only.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

/// What flags and settings say about the connection. Plain data; Helm's names and meanings.
#[derive(Debug, Clone, Default)]
pub struct KubeSettings {
    /// `--kubeconfig`: one file, which must exist.
    pub kubeconfig: Option<PathBuf>,
    /// `--kube-context`: the context instead of the kubeconfig's current one.
    pub context: Option<String>,
    /// `-n`: the namespace instead of the context's.
    pub namespace: Option<String>,
    /// `--kube-token`: a bearer token instead of the context's user.
    pub token: Option<Token>,
    /// `--kube-as-user`: the user to impersonate.
    pub as_user: Option<String>,
    /// `--kube-as-group`: the groups to impersonate.
    pub as_groups: Vec<String>,
    /// `--kube-apiserver`: the server's address instead of the context's cluster's.
    pub server: Option<String>,
    /// `--kube-ca-file`: the certificate authority instead of the cluster's.
    pub ca_file: Option<PathBuf>,
    /// `--kube-tls-server-name`: the name the certificate must have.
    pub tls_server_name: Option<String>,
    /// `--kube-insecure-skip-tls-verify`: take any certificate.
    pub insecure_skip_tls_verify: bool,
    /// `--qps`: at most this many requests a second; not above zero means no limit.
    pub qps: f64,
    /// `--burst-limit`: how many requests may come at once before `qps` holds.
    pub burst: u32,
    /// What the process's environment adds.
    pub environment: Environment,
    /// Time limits and retries.
    pub limits: Limits,
}

/// The part of the process's environment that matters to a connection, as data, so that it can be tested.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `KUBECONFIG`: a list of files, separated as `PATH` is.
    pub kubeconfig: Option<OsString>,
    /// The home directory, under which `.kube/config` lies.
    pub home: Option<PathBuf>,
}

/// Time limits and retries.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For a connection to come about, TLS included.
    pub connect: Duration,
    /// From a request to the head of its answer, and from there to its end (streams excepted).
    pub answer: Duration,
    /// The first wait before a retry; each further one doubles.
    pub first_delay: Duration,
    /// The longest wait before a retry, also when the server asks for more.
    pub longest_delay: Duration,
    /// How long connection errors are retried as long as no answer was ever received.
    pub first_contact: Duration,
    /// How long one request may be retried.
    pub retries: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(65),
            first_delay: Duration::from_millis(200),
            longest_delay: Duration::from_secs(10),
            first_contact: Duration::from_millis(700),
            retries: Duration::from_secs(30),
        }
    }
}

/// Settings or a kubeconfig that do not lead to a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No kubeconfig and not in a Pod.
    #[error("no kubeconfig found; looked at {}", looked.join(", "))]
    NotFound {
        /// Where was looked.
        looked: Vec<String>,
    },
    /// The address of a server or proxy cannot be read.
    #[error("{what} {address:?} is not a URL: {message}")]
    Address {
        /// Whose address.
        what: String,
        /// It, without credentials.
        address: String,
        /// What is wrong.
        message: String,
    },
    /// The client cannot be built from it.
    #[error("cannot set up the connection: {0}")]
    Client(String),
}

impl ConfigError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        Code::Kubeconfig
    }
}
