//! What the registry room is told: files, credentials, TLS, limits. Nothing here reads anything.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use crate::proxy::ProxyVariables;

/// Everything that decides how registries and repositories are reached.
#[derive(Debug, Clone, Default)]
pub struct RegistrySettings {
    /// Helm's file of credentials; written by `registry login`.
    pub credentials_file: PathBuf,
    /// Docker's file of credentials; only read.
    pub docker_file: Option<PathBuf>,
    /// The content cache; none means that nothing is kept.
    pub content_cache: Option<PathBuf>,
    /// Whether the cache alone answers.
    pub offline: bool,
    /// The proxies of the environment.
    pub proxy: ProxyVariables,
    /// `--username` and `--password`, for the host of the chart or repository that is named, and no other.
    pub login: Option<Login>,
    /// `--pass-credentials`: other hosts that a repository's index names get the login too.
    pub pass_credentials: bool,
    /// `--plain-http`: speak to registries without TLS.
    pub plain_http: bool,
    /// TLS.
    pub tls: TlsSettings,
    /// Times and sizes.
    pub limits: Limits,
}

/// A user and a password. The password shows as dots in every form of output.
#[derive(Clone)]
pub struct Login {
    /// The user; empty if the password is an identity token.
    pub user: String,
    password: SecretString,
}

impl Login {
    /// Of a user and a password.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: SecretString::from(password.into()) }
    }

    /// The password, so that a printer can learn to mask it.
    pub fn reveal(&self) -> String {
        self.password.expose_secret().to_owned()
    }

    /// The password, to be sent and nothing else.
    pub(super) fn password(&self) -> &str {
        self.password.expose_secret()
    }
}

impl PartialEq for Login {
    fn eq(&self, other: &Self) -> bool {
        self.user == other.user && self.password() == other.password()
    }
}

impl Eq for Login {}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Login").field("user", &self.user).field("password", &"…").finish()
    }
}

/// Certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// `--ca-file`: certificates that vouch for servers, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// `--cert-file`: our certificate.
    pub cert_file: Option<PathBuf>,
    /// `--key-file`: its key.
    pub key_file: Option<PathBuf>,
    /// `--insecure-skip-tls-verify`.
    pub insecure: bool,
}

/// How long and how much is taken from a server before it counts as broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Making a connection, TLS included.
    pub connect: Duration,
    /// From the end of a request to the head of its answer.
    pub answer: Duration,
    /// Between two pieces of a body.
    pub idle: Duration,
    /// A whole download, all attempts together.
    pub download: Duration,
    /// How often a request is repeated.
    pub retries: u32,
    /// The wait before the first repetition; it doubles each time.
    pub first_delay: Duration,
    /// The longest wait between two attempts that is our own choice.
    pub longest_delay: Duration,
    /// The longest wait that a server may ask for.
    pub longest_patience: Duration,
    /// The largest manifest, token answer, tag page or error text, in bytes.
    pub metadata: u64,
    /// The largest chart archive, in bytes.
    pub chart: u64,
    /// The largest provenance file, in bytes.
    pub provenance: u64,
    /// The largest index of a chart repository, in bytes.
    pub index: u64,
    /// The largest values file, in bytes.
    pub values: u64,
    /// How many pages of tags are read.
    pub pages: usize,
    /// How many tags a repository may have.
    pub tags: usize,
    /// How long a credential helper may take.
    pub helper: Duration,
}

impl Default for Limits {
    /// Retries and waits are oras-go's; metadata is limited as there. An archive is limited by what may come out of it.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            answer: Duration::from_mins(1),
            idle: Duration::from_secs(30),
            download: Duration::from_mins(10),
            retries: 5,
            first_delay: Duration::from_millis(250),
            longest_delay: Duration::from_secs(3),
            longest_patience: Duration::from_secs(30),
            metadata: 4 << 20,
            chart: 100 << 20,
            provenance: 4 << 20,
            index: 64 << 20,
            values: 16 << 20,
            pages: 1000,
            tags: 100_000,
            helper: Duration::from_secs(30),
        }
    }
}

/// What the registry room has to tell while it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A request is about to be repeated.
    Retry {
        /// What went wrong.
        cause: String,
        /// How long is waited first.
        delay: Duration,
    },
    /// A credential helper wrote a line to its standard error.
    Helper {
        /// Its command.
        command: String,
        /// The line.
        line: String,
    },
    /// A chart was pulled.
    Pulled {
        /// The reference, with the tag as the registry has it.
        reference: String,
        /// The manifest's digest.
        digest: String,
        /// Whether it was for the provenance file, which Helm pulls a second time for.
        provenance: bool,
    },
    /// A chart was pushed.
    Pushed {
        /// The reference, with the tag as the registry has it.
        reference: String,
        /// The manifest's digest.
        digest: String,
    },
    /// A chart has an outdated media type.
    OldMediaType {
        /// Which.
        media_type: &'static str,
    },
    /// An entry of the cache was not what its name says; it is fetched again.
    DamagedCache {
        /// The entry.
        path: PathBuf,
    },
    /// The cache cannot be written; the run goes on without.
    UnusableCache {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// There is no provenance file where one was asked for, but not required.
    NoProvenance {
        /// The chart as named.
        chart: String,
        /// Why.
        reason: String,
    },
    /// The index has no version of exactly this text; the nearest by meaning is taken.
    NearestVersion {
        /// The chart.
        chart: String,
        /// What was asked for.
        requested: String,
        /// What is taken.
        selected: String,
    },
}

/// Receives notices.
pub trait Notices: Send + Sync {
    /// Takes note of one. Must not block.
    fn notice(&self, notice: Notice);
}

impl Notices for () {
    fn notice(&self, _notice: Notice) {}
}

#[cfg(test)]
mod tests {
    use super::Login;

    #[test]
    fn a_password_is_never_shown() {
        let shown = format!("{:?}", Login::new("user", "hunter2"));
        assert!(shown.contains("user") && !shown.contains("hunter2"), "{shown}");
    }
}
