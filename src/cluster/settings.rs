//! What a connection is made from: flags, environment and limits, as plain data.
//!
//! Meanings and defaults are Helm's for its global flags and `KUBECONFIG`, Go's for the variables that name proxies.

use std::ffi::OsString;
use std::fmt;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::proxy::ProxyVariables;

/// Where a Pod finds its service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `KUBECONFIG`: a list of files, separated as `PATH` is.
    pub kubeconfig: Option<OsString>,
    /// The home directory, under which `.kube/config` lies.
    pub home: Option<PathBuf>,
    /// The variables that name proxies.
    pub proxy: ProxyVariables,
    /// `KUBERNETES_SERVICE_HOST`, set in Pods.
    pub service_host: Option<String>,
    /// `KUBERNETES_SERVICE_PORT`, set in Pods.
    pub service_port: Option<String>,
    /// The folder with the service account's token, instead of the usual one.
    pub service_account: Option<PathBuf>,
    /// Whether standard input is a terminal, so that a credential plugin may ask.
    pub terminal: bool,
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            kubeconfig: std::env::var_os("KUBECONFIG").filter(|list| !list.is_empty()),
            home: std::env::home_dir().filter(|home| !home.as_os_str().is_empty()),
            proxy: ProxyVariables::read(variable),
            service_host: variable("KUBERNETES_SERVICE_HOST"),
            service_port: variable("KUBERNETES_SERVICE_PORT"),
            service_account: None,
            terminal: std::io::stdin().is_terminal(),
        }
    }

    /// The folder with the service account's token, authority and namespace.
    pub(crate) fn service_account(&self) -> &Path {
        self.service_account.as_deref().unwrap_or(Path::new(SERVICE_ACCOUNT))
    }
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
