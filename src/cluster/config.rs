//! From settings and kubeconfig to a connection: which cluster, as whom, how.
//!
//! The configuration of kube's client is put together here field by field, since kube's own loader differs from what
//! kubectl and Helm do. Rules: client-go's `clientcmd` (`client_config.go`: context, overrides, in-cluster fallback;
//! `rest/url_utils.go`: addresses without a scheme) and Helm's global flags.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use http::Uri;
use http::header::{HeaderValue, USER_AGENT};
use kube::config::{AuthInfo, Cluster as ClusterEntry, ExecAuthCluster};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::code::Code;
use crate::proxy::{self, ProxyError};

use super::client::Signals;
use super::credential::{Credentials, Plugin, TokenFile};
use super::kubeconfig::{self, Loaded};
use super::settings::{KubeSettings, Token};

/// Settings or a kubeconfig that do not lead to a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No kubeconfig and not in a Pod.
    #[error("no kubeconfig found; looked at {}", looked.join(", "))]
    NotFound {
        /// Where was looked, and what was there.
        looked: Vec<String>,
    },
    /// A file cannot be used.
    #[error("{what} {}: {message}", path.display())]
    File {
        /// What kind of file.
        what: String,
        /// Which.
        path: PathBuf,
        /// Why; never its content.
        message: String,
    },
    /// The kubeconfig has no current context and none was chosen.
    #[error("no current context is set; available: {}", listed(available))]
    NoContext {
        /// The contexts there are.
        available: Vec<String>,
    },
    /// The kubeconfig lacks an entry that is referred to.
    #[error("{what} {name:?} does not exist; available: {}", listed(available))]
    NoSuchEntry {
        /// `context`, `cluster` or `auth info`.
        what: &'static str,
        /// Which.
        name: String,
        /// The entries there are.
        available: Vec<String>,
    },
    /// The address of a server or proxy cannot be read.
    #[error("{what} {address:?}: {message}")]
    Address {
        /// Whose address.
        what: String,
        /// It, without credentials.
        address: String,
        /// What is wrong.
        message: String,
    },
    /// Data in the kubeconfig cannot be used.
    #[error("{what}: {message}")]
    Data {
        /// Which field.
        what: String,
        /// Why; never its content.
        message: String,
    },
    /// What the settings say about certificates contradicts itself.
    #[error("a certificate authority and the insecure flag exclude each other (cluster {0:?})")]
    InsecureWithAuthority(String),
    /// Groups are to be impersonated without a user.
    #[error("groups cannot be impersonated without a user")]
    GroupsWithoutUser,
    /// A way to authenticate that kubectl does not know (any more) either.
    #[error("no auth provider found for name {0:?}; use a credential plugin (`exec`) instead")]
    AuthProvider(String),
    /// The credential plugin failed.
    #[error("credential plugin {command}: {message}{}{}", told(stderr), hinted(hint))]
    Plugin {
        /// Its command, without arguments, which may hold secrets.
        command: String,
        /// What went wrong.
        message: String,
        /// The last lines of its standard error.
        stderr: Vec<String>,
        /// The kubeconfig's hint on how to install it.
        hint: String,
    },
    /// Credentials cannot be used.
    #[error("{0}")]
    Credentials(String),
    /// The client cannot be built from it.
    #[error("cannot set up the connection: {0}")]
    Client(String),
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn told(lines: &[String]) -> String {
    if lines.is_empty() { String::new() } else { format!(": {}", lines.join("\n")) }
}

fn hinted(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!(" ({})", hint.trim()) }
}

impl ConfigError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Plugin { .. } => Code::CredentialPlugin,
            _ => Code::Kubeconfig,
        }
    }
}

/// A context of the kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextName {
    /// Its name.
    pub name: String,
    /// The name of its cluster.
    pub cluster: String,
    /// Its namespace, if it has one.
    pub namespace: Option<String>,
    /// Whether it is the current one.
    pub current: bool,
}

/// The contexts of the kubeconfig by name; asks no server.
pub fn contexts(settings: &KubeSettings) -> Result<Vec<ContextName>, ConfigError> {
    let content = kubeconfig::load(settings)?.content;
    let current = settings.context.as_ref().or(content.current_context.as_ref());
    let mut contexts: Vec<_> = content
        .contexts
        .iter()
        .map(|entry| ContextName {
            name: entry.name.clone(),
            cluster: entry.context.as_ref().map(|context| context.cluster.clone()).unwrap_or_default(),
            namespace: entry.context.as_ref().and_then(|context| context.namespace.clone()),
            current: current == Some(&entry.name),
        })
        .collect();
    contexts.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(contexts)
}

/// The namespace that holds without `-n`: the context's, the service account's, or `default`; asks no server. Wrong
/// kubeconfigs count as none here; connecting reports them.
pub fn default_namespace(settings: &KubeSettings) -> String {
    if let Some(namespace) = &settings.namespace {
        return namespace.clone();
    }
    let origin = Origin::find(settings);
    origin.ok().and_then(|origin| origin.namespace).unwrap_or_else(|| "default".to_owned())
}

/// Everything a connection needs.
pub(crate) struct Connection {
    pub(crate) config: kube::Config,
    pub(crate) credentials: Credentials,
    /// The address of the server, to be shown.
    pub(crate) address: String,
    /// The address of the proxy, to be shown.
    pub(crate) proxy: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) namespace: String,
}

/// What kubeconfig or Pod say, before flags.
#[derive(Default)]
struct Origin {
    cluster: ClusterEntry,
    user: AuthInfo,
    context: Option<String>,
    namespace: Option<String>,
}

impl Origin {
    fn find(settings: &KubeSettings) -> Result<Self, ConfigError> {
        let loaded = kubeconfig::load(settings)?;
        if loaded.is_empty() {
            return Self::without_kubeconfig(settings, loaded);
        }
        let Some(name) = settings.context.as_ref().or(loaded.content.current_context.as_ref()) else {
            if settings.server.is_some() {
                return Ok(Self::default());
            }
            let mut available: Vec<_> = loaded.content.contexts.iter().map(|entry| entry.name.clone()).collect();
            available.sort();
            return Err(ConfigError::NoContext { available });
        };
        let context = loaded.context(name)?;
        // A context without a cluster is fine if the settings name the server.
        let cluster = match context.cluster.as_str() {
            "" if settings.server.is_some() => ClusterEntry::default(),
            cluster => loaded.cluster(cluster)?.clone(),
        };
        Ok(Self {
            cluster,
            user: context.user.as_ref().map(|user| loaded.user(user)).transpose()?.unwrap_or_default(),
            context: Some(name.clone()),
            namespace: context.namespace.clone(),
        })
    }

    fn without_kubeconfig(settings: &KubeSettings, loaded: Loaded) -> Result<Self, ConfigError> {
        if let Some(context) = &settings.context {
            let name = context.clone();
            return Err(ConfigError::NoSuchEntry { what: "context", name, available: Vec::new() });
        }
        let environment = &settings.environment;
        let token = environment.service_account().join("token");
        let mut looked = loaded.looked;
        match (&environment.service_host, &environment.service_port) {
            (Some(host), Some(port)) if token.is_file() => {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                let authority = environment.service_account().join("ca.crt");
                let namespace = std::fs::read_to_string(environment.service_account().join("namespace"));
                let text = |path: PathBuf| Some(path.to_string_lossy().into_owned());
                return Ok(Self {
                    cluster: ClusterEntry {
                        server: Some(format!("https://{host}:{port}")),
                        certificate_authority: authority.is_file().then_some(authority).and_then(text),
                        ..ClusterEntry::default()
                    },
                    user: AuthInfo { token_file: text(token), ..AuthInfo::default() },
                    context: None,
                    namespace: namespace.ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()),
                });
            }
            (Some(_), Some(_)) => looked.push(format!("{} (no such file)", token.display())),
            _ => looked.push("the Pod's service account (KUBERNETES_SERVICE_HOST is not set)".to_owned()),
        }
        if settings.server.is_some() { Ok(Self::default()) } else { Err(ConfigError::NotFound { looked }) }
    }

    /// Applies the flags on top, as clientcmd does.
    fn apply(&mut self, settings: &KubeSettings) -> Result<(), ConfigError> {
        let cluster = &mut self.cluster;
        if settings.server.is_some() || settings.tls_server_name.is_some() {
            cluster.tls_server_name.clone_from(&settings.tls_server_name);
        }
        if let Some(server) = &settings.server {
            cluster.server = Some(server.clone());
        }
        if let Some(file) = &settings.ca_file {
            cluster.certificate_authority = Some(file.to_string_lossy().into_owned());
            cluster.certificate_authority_data = None;
            cluster.insecure_skip_tls_verify = Some(settings.insecure_skip_tls_verify);
        } else if settings.insecure_skip_tls_verify {
            cluster.certificate_authority = None;
            cluster.certificate_authority_data = None;
            cluster.insecure_skip_tls_verify = Some(true);
        }
        let authority = cluster.certificate_authority.is_some() || cluster.certificate_authority_data.is_some();
        if authority && cluster.insecure_skip_tls_verify == Some(true) {
            return Err(ConfigError::InsecureWithAuthority(self.context.clone().unwrap_or_default()));
        }
        if let Some(token) = &settings.token {
            // The given token is who we are: a client certificate beside it would win on the server.
            let user = std::mem::take(&mut self.user);
            self.user = AuthInfo {
                token: Some(SecretString::from(token.expose())),
                impersonate: user.impersonate,
                impersonate_uid: user.impersonate_uid,
                impersonate_groups: user.impersonate_groups,
                impersonate_user_extra: user.impersonate_user_extra,
                ..AuthInfo::default()
            };
        }
        if settings.as_user.is_some() || !settings.as_groups.is_empty() {
            self.user.impersonate = settings.as_user.clone().or_else(|| self.user.impersonate.take());
            if !settings.as_groups.is_empty() {
                self.user.impersonate_groups = Some(settings.as_groups.clone());
            }
        }
        let others = self.user.impersonate_groups.as_ref().is_some_and(|groups| !groups.is_empty());
        if others && self.user.impersonate.is_none() {
            return Err(ConfigError::GroupsWithoutUser);
        }
        Ok(())
    }
}

/// Finds the cluster and prepares everything a connection to it needs. Runs the credential plugin, if there is one.
pub(crate) async fn prepare(settings: &KubeSettings, signals: &Arc<dyn Signals>) -> Result<Connection, ConfigError> {
    let mut origin = Origin::find(settings)?;
    origin.apply(settings)?;
    let Origin { cluster, mut user, context, namespace } = origin;
    let insecure = cluster.insecure_skip_tls_verify.unwrap_or(false);
    let authority = data_or_file(
        "certificate-authority",
        cluster.certificate_authority_data.as_deref(),
        cluster.certificate_authority.as_deref(),
    )?;
    let certificate = load_identity(&mut user)?;

    let server = cluster.server.as_deref().ok_or(ConfigError::Data {
        what: format!("context {:?}", context.clone().unwrap_or_default()),
        message: "its cluster has no server".to_owned(),
    })?;
    let uri = server_address(server, insecure || authority.is_some() || certificate)?;
    let mut config = kube::Config::new(uri);
    if let Some(pem) = &authority {
        config.root_cert = Some(certificates(pem)?);
    }
    config.accept_invalid_certs = insecure;
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    let namespace = settings.namespace.clone().or(namespace).unwrap_or_else(|| "default".to_owned());
    config.default_namespace.clone_from(&namespace);
    config.connect_timeout = Some(settings.limits.connect);
    config.default_retry = false;
    config.headers.push((USER_AGENT, HeaderValue::from_static(concat!("maibot/", env!("CARGO_PKG_VERSION")))));
    config.proxy_url = proxy::choose_without_socks_login(
        &config.cluster_url,
        cluster.proxy_url.as_deref(),
        &settings.environment.proxy,
    )
    .map_err(|ProxyError { what, address, message }| ConfigError::Address { what, address, message })?;

    let info = ExecAuthCluster {
        server: cluster.server.clone(),
        insecure_skip_tls_verify: cluster.insecure_skip_tls_verify,
        certificate_authority_data: authority,
        proxy_url: cluster.proxy_url.clone(),
        tls_server_name: cluster.tls_server_name.clone(),
        config: plugin_extension(&cluster),
    };
    let terminal = settings.environment.terminal;
    let credentials = load_credentials(&mut user, certificate, info, terminal, signals).await?;
    config.auth_info = user;
    Ok(Connection {
        address: proxy::without_credentials(&config.cluster_url.to_string()),
        proxy: config.proxy_url.as_ref().map(|proxy| proxy::without_credentials(&proxy.to_string())),
        config,
        credentials,
        context,
        namespace,
    })
}

/// What the kubeconfig tells the plugin about the cluster, in a reserved extension.
fn plugin_extension(cluster: &ClusterEntry) -> Option<serde_json::Value> {
    let mut extensions = cluster.extensions.iter().flatten();
    extensions.find(|entry| entry.name == "client.authentication.k8s.io/exec").map(|entry| entry.extension.clone())
}

/// Settles who says who we are, taking out of `user` what kube must not look after itself.
async fn load_credentials(
    user: &mut AuthInfo,
    certificate: bool,
    info: ExecAuthCluster,
    terminal: bool,
    signals: &Arc<dyn Signals>,
) -> Result<Credentials, ConfigError> {
    if let Some(provider) = &user.auth_provider {
        if provider.name != "oidc" {
            return Err(ConfigError::AuthProvider(provider.name.clone()));
        }
        return Ok(Credentials::Fixed("OIDC token"));
    }
    let token =
        user.token.take().map(|token| Token::new(token.expose_secret())).filter(|token| !token.expose().is_empty());
    let file = user.token_file.take();
    let exec = user.exec.take();
    if let Some(file) = file {
        return Ok(Credentials::File(TokenFile::new(PathBuf::from(file), token)));
    }
    if let Some(token) = token {
        user.token = Some(SecretString::from(token.expose()));
        return Ok(Credentials::Fixed("token"));
    }
    if user.username.is_some() && user.password.is_some() {
        return Ok(Credentials::Fixed("user and password"));
    }
    if let Some(exec) = exec {
        let plugin = Plugin::new(exec, info, terminal)?;
        let credential = plugin.run(signals).await?;
        if let Some((certificate, key)) = &credential.certificate {
            user.client_certificate_data = Some(certificate.clone());
            user.client_key_data = Some(SecretString::from(key.as_str()));
        }
        return Ok(match plugin.into_token(&credential)? {
            Some(token) => Credentials::Plugin(Box::new(token)),
            None => Credentials::Fixed("client certificate of the credential plugin"),
        });
    }
    Ok(Credentials::Fixed(if certificate { "client certificate" } else { "none" }))
}

/// Reads client certificate and key into `user` as data; says whether there are any.
fn load_identity(user: &mut AuthInfo) -> Result<bool, ConfigError> {
    let key_data =
        user.client_key_data.as_ref().map(|key| key.expose_secret().to_owned()).filter(|key| !key.is_empty());
    let certificate = data_or_file(
        "client-certificate",
        user.client_certificate_data.as_deref(),
        user.client_certificate.as_deref(),
    )?;
    let key = data_or_file("client-key", key_data.as_deref(), user.client_key.as_deref())?;
    user.client_certificate = None;
    user.client_key = None;
    user.client_certificate_data = None;
    user.client_key_data = None;
    let encode = |pem: &[u8]| base64::engine::general_purpose::STANDARD.encode(pem);
    match (certificate, key) {
        (None, None) => Ok(false),
        (Some(certificate), Some(key)) => {
            user.client_certificate_data = Some(encode(&certificate));
            user.client_key_data = Some(SecretString::from(encode(&key)));
            Ok(true)
        }
        (Some(_), None) => Err(ConfigError::Data {
            what: "client-key".to_owned(),
            message: "missing beside the certificate".to_owned(),
        }),
        (None, Some(_)) => Err(ConfigError::Data {
            what: "client-certificate".to_owned(),
            message: "missing beside the key".to_owned(),
        }),
    }
}

/// Data in base64 comes before a file; the answer ends with a newline, so that PEM blocks can follow each other.
fn data_or_file(what: &str, data: Option<&str>, file: Option<&str>) -> Result<Option<Vec<u8>>, ConfigError> {
    let mut bytes = match (data.filter(|data| !data.is_empty()), file) {
        (Some(data), _) => {
            let packed: String = data.split_ascii_whitespace().collect();
            base64::engine::general_purpose::STANDARD.decode(packed).map_err(|error| ConfigError::Data {
                what: format!("{what}-data"),
                message: format!("not base64: {error}"),
            })?
        }
        (None, Some(file)) => std::fs::read(file).map_err(|error| ConfigError::File {
            what: what.to_owned(),
            path: PathBuf::from(file),
            message: error.to_string(),
        })?,
        (None, None) => return Ok(None),
    };
    if bytes.last().is_some_and(|last| *last != b'\n') {
        bytes.push(b'\n');
    }
    Ok(Some(bytes))
}

/// The certificates of a PEM bundle, as DER.
fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, ConfigError> {
    let refuse = |message: String| ConfigError::Data { what: "certificate-authority".to_owned(), message };
    let found: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(pem)
        .map(|certificate| certificate.map(|certificate| certificate.to_vec()))
        .collect::<Result<_, _>>()
        .map_err(|error| refuse(format!("not PEM: {error}")))?;
    if found.is_empty() { Err(refuse("holds no certificate in PEM".to_owned())) } else { Ok(found) }
}

/// Reads the address of a server. Without a scheme it is `https` if anything about TLS is configured, else `http`.
fn server_address(server: &str, secure: bool) -> Result<Uri, ConfigError> {
    let refuse = |message: String| ConfigError::Address {
        what: "server".to_owned(),
        address: proxy::without_credentials(server),
        message,
    };
    let text = server.trim();
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("{}://{text}", if secure { "https" } else { "http" })
    };
    let uri: Uri = with_scheme.parse().map_err(|error: http::uri::InvalidUri| refuse(format!("not a URL: {error}")))?;
    match uri.scheme_str() {
        Some("http" | "https") => {}
        _ => return Err(refuse("an API server speaks http or https".to_owned())),
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(refuse("the host is missing".to_owned()));
    }
    Ok(uri)
}
