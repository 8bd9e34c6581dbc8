//! What can go wrong between this program and a registry or chart repository. The texts are Helm's where Helm has one
//! (`pkg/registry`, `pkg/downloader`, and oras-go's errors that Helm shows); addresses hold no credentials.

use std::path::PathBuf;

use crate::code::Code;
use crate::proxy::ProxyError;

use super::provenance::ProvenanceError;

/// Why a chart could not be fetched, stored or pushed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A reference that cannot be read.
    #[error("invalid reference: {0}")]
    Reference(String),
    /// The chart's address is of no kind that is known.
    #[error("{0}")]
    Source(String),
    /// The reference has a tag and `--version` names another one.
    #[error("chart reference and version mismatch: {version} is not {tag}")]
    VersionMismatch {
        /// `--version`.
        version: String,
        /// The reference's tag.
        tag: String,
    },
    /// The reference has a tag and a digest, and the tag stands for something else.
    #[error("chart reference digest mismatch: {found} is not {pinned}")]
    PinMismatch {
        /// What the tag stands for.
        found: String,
        /// What the reference asks for.
        pinned: String,
    },
    /// The repository has no tag that is a version.
    #[error("unable to locate any tags in provided repository: {0}")]
    NoTags(String),
    /// No version satisfies the constraint.
    #[error("could not locate a version matching provided version string {wanted}")]
    NoVersion {
        /// The constraint.
        wanted: String,
        /// The newest versions there are, newest first.
        newest: Vec<String>,
    },
    /// The constraint cannot be read.
    #[error("{0}")]
    Constraint(String),
    /// Nobody answered, or the answer broke off.
    #[error(transparent)]
    Network(Box<Network>),
    /// The server answered with an error.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// There is no such thing.
    #[error("{0}: not found")]
    NotFound(String),
    /// The server wants to know who asks, and nothing is known about that.
    #[error("{method} {url:?}: basic credential not found")]
    NoCredentials {
        /// The method of the request.
        method: String,
        /// Its address.
        url: String,
    },
    /// The credentials were not accepted at `registry login`.
    #[error("authenticating to {host:?}: {error}")]
    Login {
        /// The registry.
        host: String,
        /// Its answer.
        error: Box<Error>,
    },
    /// A step of a copy between registry and this machine failed; Helm names step and side.
    #[error("failed to perform {operation:?} on {side}: {error}")]
    During {
        /// oras' name of the step.
        operation: &'static str,
        /// `source` or `destination`.
        side: &'static str,
        /// Why.
        error: Box<Error>,
    },
    /// The server's answer is against the protocol, or against our rules of safety.
    #[error("{method} {url:?}: {message}")]
    Protocol {
        /// The method of the request.
        method: String,
        /// Its address.
        url: String,
        /// What is wrong.
        message: String,
    },
    /// A manifest that holds no chart.
    #[error("{0}")]
    Manifest(String),
    /// Content that is not what its digest says.
    #[error("{what}: content has digest {actual}, expected {expected}")]
    Digest {
        /// Which content.
        what: String,
        /// What was asked for.
        expected: String,
        /// What came.
        actual: String,
    },
    /// Content that is larger than we take, or than was announced.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// Which content.
        what: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// `--offline`, and the cache does not have it.
    #[error("{0} is not in the cache, and `--offline` forbids to fetch it")]
    Offline(String),
    /// A credential file or credential helper.
    #[error("{0}")]
    Credentials(String),
    /// A certificate or key file.
    #[error("can't create TLS config for client: {0}")]
    Tls(String),
    /// The proxy of the environment.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// A local file or folder.
    #[error("{action} {}: {error}", path.display())]
    File {
        /// `open`, `write`, ….
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The address is no chart repository, or its index cannot be had.
    #[error("looks like {url:?} is not a valid chart repository or cannot be reached: {error}")]
    NotARepository {
        /// The address.
        url: String,
        /// Why.
        error: Box<Error>,
    },
    /// The index of a repository cannot be used.
    #[error("{0}")]
    Index(String),
    /// The index has no such chart, or no such version of it.
    #[error("{chart} not found in {url} repository")]
    ChartNotFound {
        /// `chart "x" version "1"`.
        chart: String,
        /// The repository.
        url: String,
    },
    /// A download from a repository was refused.
    #[error("failed to fetch {url} : {status}")]
    Fetch {
        /// The address.
        url: String,
        /// `404 Not Found`.
        status: String,
        /// The number of the same.
        code: u16,
    },
    /// There is no provenance file.
    #[error("failed to fetch provenance {0:?}")]
    NoProvenance(String),
    /// The signature, or what it signs, is not in order.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// What is to be pushed cannot be.
    #[error("{0}")]
    Push(String),
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
}

/// A request without an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {url:?}: {text}", title(method))]
pub struct Network {
    /// The method of the request.
    pub method: String,
    /// Its address, without credentials.
    pub url: String,
    /// What went wrong, in Go's words where they are known.
    pub text: String,
    /// What kind of trouble it is.
    pub cause: Cause,
    /// The texts of the causes, outermost first.
    pub chain: Vec<String>,
    /// The proxy that stood between, if one did, without credentials.
    pub proxy: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nobody listens.
    Refused,
    /// The name is not known.
    Name,
    /// It took too long.
    Timeout,
    /// Certificates or protocol versions.
    Tls,
    /// The proxy.
    Proxy,
    /// The connection broke.
    Cut,
    /// Anything else.
    Other,
}

impl Cause {
    /// Whether the same request may succeed in a moment.
    pub(crate) const fn is_passing(self) -> bool {
        matches!(self, Self::Timeout | Self::Cut)
    }
}

/// Go writes the method of a failed request as a word: `Get`, `Post`.
fn title(method: &str) -> String {
    let mut letters = method.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect())
}

/// An answer that says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{method} {url:?}: response status code {status}: {}", self.reason())]
pub struct Refusal {
    /// The method of the request.
    pub method: String,
    /// Its address, without credentials.
    pub url: String,
    /// The HTTP status.
    pub status: u16,
    /// What the server says, one by one, if it says anything in the registry's format.
    pub errors: Vec<String>,
    /// How long it asks to be left alone.
    pub retry_after: Option<std::time::Duration>,
}

impl Refusal {
    fn reason(&self) -> String {
        if self.errors.is_empty() {
            let status = http::StatusCode::from_u16(self.status).ok();
            return status.and_then(|status| status.canonical_reason()).unwrap_or_default().to_owned();
        }
        self.errors.join("; ")
    }
}

impl Error {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Reference(_) | Self::Source(_) | Self::VersionMismatch { .. } | Self::Constraint(_) => {
                Code::ChartReference
            }
            Self::NoTags(_)
            | Self::NoVersion { .. }
            | Self::NotFound(_)
            | Self::ChartNotFound { .. }
            | Self::Offline(_)
            | Self::Fetch { code: 404 | 410, .. } => Code::ChartNotFound,
            Self::Network(_) | Self::Proxy(_) | Self::Tls(_) => Code::RegistryUnreachable,
            Self::NoCredentials { .. } | Self::Fetch { code: 401 | 403, .. } => Code::RegistryUnauthorized,
            Self::Refused(refusal) => match refusal.status {
                401 | 403 => Code::RegistryUnauthorized,
                404 => Code::ChartNotFound,
                408 | 429 | 500..=599 => Code::RegistryOverloaded,
                _ => Code::RegistryProtocol,
            },
            Self::Fetch { code: 408 | 429 | 500..=599, .. } => Code::RegistryOverloaded,
            Self::Login { error, .. } | Self::During { error, .. } => error.code(),
            Self::NotARepository { error, .. } => match error.as_ref() {
                Self::Index(_) => Code::RegistryProtocol,
                other => other.code(),
            },
            Self::Protocol { .. } | Self::Manifest(_) | Self::TooLarge { .. } | Self::Index(_) | Self::Fetch { .. } => {
                Code::RegistryProtocol
            }
            Self::PinMismatch { .. } | Self::Digest { .. } => Code::ChartDigest,
            Self::Credentials(_) => Code::RegistryCredentials,
            Self::File { .. } => Code::LocalFile,
            Self::NoProvenance(_) => Code::ChartSignature,
            Self::Provenance(error) => error.code(),
            Self::Push(_) => Code::Chart,
            Self::Interrupted => Code::Interrupted,
        }
    }

    /// The error below Helm's names of steps.
    pub fn root(&self) -> &Self {
        match self {
            Self::Login { error, .. } | Self::During { error, .. } | Self::NotARepository { error, .. } => error.root(),
            _ => self,
        }
    }

    /// The same, as it happened in a step of a copy.
    pub(crate) fn during(self, operation: &'static str, side: &'static str) -> Self {
        match self {
            Self::Interrupted | Self::During { .. } => self,
            error => Self::During { operation, side, error: Box::new(error) },
        }
    }
}

impl From<Network> for Error {
    fn from(network: Network) -> Self {
        Self::Network(Box::new(network))
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause, Error, Network, Refusal};
    use crate::code::Code;

    #[test]
    fn texts_are_those_of_go_and_oras() {
        let refusal = Refusal {
            method: "GET".into(),
            url: "https://r/v2/".into(),
            status: 401,
            errors: vec!["unauthorized: authentication required".into()],
            retry_after: None,
        };
        assert_eq!(
            Error::from(refusal.clone()).during("FetchReference", "source").to_string(),
            "failed to perform \"FetchReference\" on source: GET \"https://r/v2/\": response status code 401: \
             unauthorized: authentication required"
        );
        assert_eq!(Error::from(refusal.clone()).code(), Code::RegistryUnauthorized);
        let silent = Refusal { errors: vec![], status: 503, ..refusal };
        assert_eq!(
            Error::from(silent).to_string(),
            "GET \"https://r/v2/\": response status code 503: Service Unavailable"
        );
        let network = Network {
            method: "HEAD".into(),
            url: "https://r/v2/".into(),
            text: "EOF".into(),
            cause: Cause::Cut,
            chain: vec![],
            proxy: None,
        };
        assert_eq!(Error::from(network).to_string(), "Head \"https://r/v2/\": EOF");
    }
}
