//! Who this program is for the API server, as far as that has to be renewed: token files and credential plugins.
//!
//! Static credentials (token, password, client certificate, OIDC) are left to kube. A token file is read again every
//! minute and trimmed. A plugin runs once when the connection is prepared, and again only when its token is about to
//! expire or the server has refused it. Rules: client-go's `transport` (token files) and `plugin/pkg/client/auth/exec`
//! (`ExecCredential`, versions v1 and v1beta1). Nothing that a plugin prints to its standard output is ever shown.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use kube::config::{ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::client::{Signal, Signals};
use super::config::ConfigError;
use super::settings::Token;

/// How long a plugin without a terminal may take.
const PLUGIN_LIMIT: Duration = Duration::from_mins(2);
/// A token is renewed that long before it expires.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// A token file is read again after that time.
const REREAD: Duration = Duration::from_mins(1);
/// How much of a plugin's output is read, in bytes.
const LARGEST_OUTPUT: u64 = 1 << 20;
/// How many lines of a plugin's standard error are kept for the error.
const KEPT_LINES: usize = 12;

/// How requests say who sends them.
pub(crate) enum Credentials {
    /// kube adds them, or there are none; the text names their kind.
    Fixed(&'static str),
    /// A token in a file that somebody renews.
    File(TokenFile),
    /// A token from a plugin.
    Plugin(Box<PluginToken>),
}

impl Credentials {
    /// What kind they are, for messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Fixed(kind) => (*kind).to_owned(),
            Self::File(file) => format!("token file {}", file.path.display()),
            Self::Plugin(token) => format!("credential plugin {}", token.plugin.command()),
        }
    }

    /// The `Authorization` header to add, if it is not kube's business.
    pub(crate) async fn header(&self, signals: &Arc<dyn Signals>) -> Result<Option<HeaderValue>, ConfigError> {
        match self {
            Self::Fixed(_) => Ok(None),
            Self::File(file) => file.header().await.map(Some),
            Self::Plugin(token) => token.header(signals).await.map(Some),
        }
    }

    /// Takes note that the server refused `header`; says whether asking again makes sense.
    pub(crate) async fn refused(&self, header: &HeaderValue) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::File(file) => file.state.lock().await.take_if(|state| state.header == *header).is_some(),
            Self::Plugin(token) => token.state.lock().await.take_if(|state| state.header == *header).is_some(),
        }
    }
}

/// `Bearer TOKEN`, marked as not to be logged.
fn bearer(token: &Token, what: &str) -> Result<HeaderValue, ConfigError> {
    let mut header = HeaderValue::try_from(format!("Bearer {}", token.expose()))
        .map_err(|_| ConfigError::Credentials(format!("the token of {what} holds characters that no token has")))?;
    header.set_sensitive(true);
    Ok(header)
}

/// A token file and what was read from it last.
pub(crate) struct TokenFile {
    path: PathBuf,
    /// Used as long as the file cannot be read.
    fallback: Option<Token>,
    state: Mutex<Option<FileState>>,
}

struct FileState {
    header: HeaderValue,
    read: Instant,
}

impl TokenFile {
    /// Nothing is read yet.
    pub(crate) fn new(path: PathBuf, fallback: Option<Token>) -> Self {
        Self { path, fallback, state: Mutex::new(None) }
    }

    async fn header(&self) -> Result<HeaderValue, ConfigError> {
        let mut state = self.state.lock().await;
        if let Some(known) = state.as_ref()
            && known.read.elapsed() < REREAD
        {
            return Ok(known.header.clone());
        }
        let what = format!("token file {}", self.path.display());
        let token = match tokio::fs::read_to_string(&self.path).await {
            Ok(text) if !text.trim().is_empty() => Token::new(&text),
            other => match (state.take(), &self.fallback) {
                // Tools remove the file once it was read; what was read stays valid.
                (Some(known), _) => {
                    let header = known.header.clone();
                    *state = Some(FileState { read: Instant::now(), ..known });
                    return Ok(header);
                }
                (None, Some(fallback)) => fallback.clone(),
                (None, None) => {
                    let message = other.err().map_or_else(|| "it is empty".to_owned(), |error| error.to_string());
                    return Err(ConfigError::File { what: "token file".to_owned(), path: self.path.clone(), message });
                }
            },
        };
        let header = bearer(&token, &what)?;
        *state = Some(FileState { header: header.clone(), read: Instant::now() });
        Ok(header)
    }
}

/// A plugin and the token it gave last.
pub(crate) struct PluginToken {
    plugin: Plugin,
    state: Mutex<Option<Issued>>,
}

struct Issued {
    header: HeaderValue,
    expires: Option<Timestamp>,
}

impl PluginToken {
    async fn header(&self, signals: &Arc<dyn Signals>) -> Result<HeaderValue, ConfigError> {
        let mut state = self.state.lock().await;
        if let Some(issued) = state.as_ref()
            && issued.expires.is_none_or(|expires| Timestamp::now() + MARGIN < expires)
        {
            return Ok(issued.header.clone());
        }
        let credential = self.plugin.run(signals).await?;
        let Some(token) = &credential.token else {
            return Err(self.plugin.failed("it gave no token this time", &[]));
        };
        let header = bearer(token, &self.plugin.command())?;
        *state = Some(Issued { header: header.clone(), expires: credential.expires });
        Ok(header)
    }
}

/// A credential plugin as the kubeconfig describes it.
pub(crate) struct Plugin {
    config: ExecConfig,
    cluster: Option<Value>,
    /// Whether somebody can be asked.
    terminal: bool,
}

/// What a plugin gave.
pub(crate) struct Credential {
    token: Option<Token>,
    /// Client certificate and key, PEM in base64.
    pub(crate) certificate: Option<(String, String)>,
    expires: Option<Timestamp>,
}

impl Plugin {
    /// Checks the description. `cluster` is told to the plugin only if the description asks for that.
    pub(crate) fn new(config: ExecConfig, cluster: ExecAuthCluster, terminal: bool) -> Result<Self, ConfigError> {
        let mut plugin = Self { config, cluster: None, terminal };
        match plugin.config.api_version.as_deref() {
            Some("client.authentication.k8s.io/v1" | "client.authentication.k8s.io/v1beta1") => {}
            other => {
                let version = other.unwrap_or_default();
                return Err(plugin.failed(&format!("invalid apiVersion {version:?} in the kubeconfig"), &[]));
            }
        }
        if plugin.config.command.as_deref().unwrap_or_default().is_empty() {
            return Err(plugin.failed("the kubeconfig names no command", &[]));
        }
        if plugin.config.interactive_mode == Some(ExecInteractiveMode::Always) && !plugin.terminal {
            return Err(plugin.failed("it wants to ask (interactiveMode Always), and there is no terminal", &[]));
        }
        if plugin.config.provide_cluster_info {
            plugin.cluster = serde_json::to_value(cluster).ok();
        }
        Ok(plugin)
    }

    /// The credential as a source of tokens, starting with what the plugin gave already.
    pub(crate) fn into_token(self, credential: &Credential) -> Result<Option<PluginToken>, ConfigError> {
        let Some(token) = &credential.token else { return Ok(None) };
        let issued = Issued { header: bearer(token, &self.command())?, expires: credential.expires };
        Ok(Some(PluginToken { plugin: self, state: Mutex::new(Some(issued)) }))
    }

    fn command(&self) -> String {
        self.config.command.clone().unwrap_or_default()
    }

    fn failed(&self, message: &str, lines: &[String]) -> ConfigError {
        ConfigError::Plugin {
            command: self.command(),
            message: message.to_owned(),
            stderr: lines.to_vec(),
            hint: self.config.install_hint.clone().unwrap_or_default(),
        }
    }

    /// Runs the plugin once.
    pub(crate) async fn run(&self, signals: &Arc<dyn Signals>) -> Result<Credential, ConfigError> {
        let interactive = self.terminal && self.config.interactive_mode != Some(ExecInteractiveMode::Never);
        let version = self.config.api_version.clone().unwrap_or_default();
        let mut spec = json!({ "interactive": interactive });
        if let Some(cluster) = &self.cluster {
            spec["cluster"] = cluster.clone();
        }
        let info = json!({ "kind": "ExecCredential", "apiVersion": version, "spec": spec });
        let mut command = tokio::process::Command::new(self.command());
        command.args(self.config.args.iter().flatten());
        for variable in self.config.env.iter().flatten() {
            if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
                command.env(name, value);
            }
        }
        command.env("KUBERNETES_EXEC_INFO", info.to_string());
        command.stdout(Stdio::piped()).kill_on_drop(true);
        // A plugin that asks needs the terminal for its questions too.
        command.stdin(if interactive { Stdio::inherit() } else { Stdio::null() });
        command.stderr(if interactive { Stdio::inherit() } else { Stdio::piped() });
        let mut child = command.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => self.failed("no such program", &[]),
            _ => self.failed(&format!("it cannot be started: {error}"), &[]),
        })?;
        let mut lines: Vec<String> = Vec::new();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let mut output = Vec::new();
            let read = async {
                if let Some(stdout) = stdout {
                    stdout.take(LARGEST_OUTPUT).read_to_end(&mut output).await?;
                }
                Ok::<_, std::io::Error>(())
            };
            let listen = async {
                let Some(stderr) = stderr else { return };
                let mut stderr = BufReader::new(stderr);
                let mut line = Vec::new();
                while (&mut stderr).take(LARGEST_OUTPUT).read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
                    let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                    line.clear();
                    signals.signal(Signal::Plugin { command: self.command(), line: text.clone() });
                    if lines.len() == KEPT_LINES {
                        lines.remove(0);
                    }
                    lines.push(text);
                }
            };
            let (read, ()) = tokio::join!(read, listen);
            read?;
            Ok::<_, std::io::Error>((child.wait().await?, output))
        };
        let finished = if interactive { Ok(work.await) } else { tokio::time::timeout(PLUGIN_LIMIT, work).await };
        let (status, output) = match finished {
            Ok(Ok(finished)) => finished,
            Ok(Err(error)) => return Err(self.failed(&format!("its output cannot be read: {error}"), &lines)),
            Err(_) => {
                return Err(self.failed(&format!("it did not end within {} s", PLUGIN_LIMIT.as_secs()), &lines));
            }
        };
        if !status.success() {
            return Err(self.failed(&format!("it failed ({status})"), &lines));
        }
        understand(&version, &output).map_err(|message| self.failed(message, &lines))
    }
}

/// Reads what a plugin printed.
fn understand(version: &str, output: &[u8]) -> Result<Credential, &'static str> {
    // client-go reads YAML here as well, and some plugins write it.
    let answer: Value = serde_json::from_slice(output)
        .or_else(|_| serde_yaml::from_slice(output).map_err(|_| ()))
        .map_err(|()| "what it printed is no ExecCredential")?;
    if answer["kind"] != "ExecCredential" {
        return Err("what it printed is no ExecCredential");
    }
    if answer["apiVersion"].as_str() != Some(version) {
        return Err("it answered in another apiVersion than the kubeconfig says");
    }
    let status = &answer["status"];
    let text = |key: &str| status[key].as_str().filter(|text| !text.is_empty());
    let encode = |pem: &str| base64::engine::general_purpose::STANDARD.encode(pem);
    let certificate = match (text("clientCertificateData"), text("clientKeyData")) {
        (Some(certificate), Some(key)) => Some((encode(certificate), encode(key))),
        (None, None) => None,
        _ => return Err("it gave a certificate without a key, or a key without a certificate"),
    };
    let token = text("token").map(Token::new);
    if token.is_none() && certificate.is_none() {
        return Err("it gave neither a token nor a client certificate");
    }
    let expires = match text("expirationTimestamp") {
        Some(time) => Some(time.parse().map_err(|_| "its expirationTimestamp is no time")?),
        None => None,
    };
    Ok(Credential { token, certificate, expires })
}
