//! Who the user is for a registry: Helm's and Docker's credential files, and credential helpers.
//!
//! Owns reading both files, writing Helm's, and running helpers. Rules: oras-go's `registry/remote/credentials`, which
//! Helm uses: first Helm's file, then Docker's; in each the host's helper (`credHelpers`), then the store
//! (`credsStore`), then the file's own `auths`. Only helpers that a file names are run. Fields of the files that are
//! not ours are kept. Nothing here is ever printed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::error::Error;
use super::settings::{Login, Notice, Notices, RegistrySettings};

/// The largest credential file that is read, in bytes.
const LARGEST_FILE: u64 = 4 << 20;
/// The most that a helper may print, in bytes.
const LARGEST_OUTPUT: u64 = 1 << 20;
/// What a helper prints when it knows nothing about a host.
const NOT_FOUND: &str = "credentials not found in native keychain";
/// What a helper gives for the user when the secret is an identity token.
const TOKEN_USER: &str = "<token>";

/// What is known about the user for one host.
#[derive(Debug, Clone)]
pub(super) enum Credential {
    /// User and password.
    Login(Login),
    /// A token that buys access tokens (`identitytoken`).
    Identity(SecretString),
    /// A token that is sent as it is (`registrytoken`).
    Access(SecretString),
}

impl Credential {
    /// Of what was typed: without a user the password is an identity token.
    pub(super) fn typed(login: &Login) -> Self {
        if login.user.is_empty() {
            Self::Identity(SecretString::from(login.password().to_owned()))
        } else {
            Self::Login(login.clone())
        }
    }
}

/// The key of a host in credential files: Docker Hub has an old address there.
pub(super) fn key_of(host: &str) -> &str {
    match host {
        "docker.io" | "registry-1.docker.io" => "https://index.docker.io/v1/",
        other => other,
    }
}

/// Both credential files.
pub(super) struct Credentials {
    helm: PathBuf,
    docker: Option<PathBuf>,
    limit: Duration,
    notices: Arc<dyn Notices>,
}

impl Credentials {
    /// Nothing is read yet.
    pub(super) fn new(settings: &RegistrySettings, notices: Arc<dyn Notices>) -> Self {
        Self {
            helm: settings.credentials_file.clone(),
            docker: settings.docker_file.clone(),
            limit: settings.limits.helper,
            notices,
        }
    }

    /// What is known about a host.
    pub(super) async fn find(&self, host: &str) -> Result<Option<Credential>, Error> {
        let key = key_of(host);
        for path in [Some(&self.helm), self.docker.as_ref()].into_iter().flatten() {
            let file = File::read(path)?;
            let found = match file.helper(key) {
                Some(name) => self.helper(name)?.get(key).await?,
                None => file.get(key)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Keeps a credential in Helm's file, or where that file says.
    pub(super) async fn store(&self, host: &str, credential: &Credential) -> Result<(), Error> {
        let key = key_of(host);
        if let Some(name) = File::read(&self.helm)?.helper(key) {
            return self.helper(name)?.store(key, credential).await;
        }
        change(&self.helm, |auths| {
            auths.insert(key.to_owned(), entry(credential));
            true
        })
    }

    /// Removes what Helm's file, or the helper it names, knows of a host. Docker's file is left alone.
    pub(super) async fn forget(&self, host: &str) -> Result<(), Error> {
        let key = key_of(host);
        if let Some(name) = File::read(&self.helm)?.helper(key) {
            return self.helper(name)?.erase(key).await;
        }
        change(&self.helm, |auths| auths.remove(key).is_some())
    }

    fn helper(&self, name: &str) -> Result<Helper<'_>, Error> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(Error::Credentials(format!("a credential helper cannot be called {name:?}")));
        }
        Ok(Helper { command: format!("docker-credential-{name}"), limit: self.limit, notices: &*self.notices })
    }
}

/// A credential file as it is.
struct File {
    path: PathBuf,
    content: Map<String, Value>,
}

impl File {
    fn read(path: &Path) -> Result<Self, Error> {
        let bad = |reason: String| {
            Error::Credentials(format!(
                "failed to decode config file {}: invalid config format: {reason}",
                path.display()
            ))
        };
        let content = match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Ok(data) if data.len() > LARGEST_FILE => return Err(bad(format!("larger than {LARGEST_FILE} bytes"))),
            _ => std::fs::read(path).map_err(|error| {
                Error::Credentials(format!("failed to open config file at {}: {error}", path.display()))
            })?,
        };
        if content.trim_ascii().is_empty() {
            return Ok(Self { path: path.to_owned(), content: Map::new() });
        }
        match serde_json::from_slice(&content) {
            Ok(Value::Object(content)) => Ok(Self { path: path.to_owned(), content }),
            Ok(_) => Err(bad("not an object".to_owned())),
            // The parser's text names a place and no content.
            Err(error) => Err(bad(error.to_string())),
        }
    }

    /// The helper for a host, if the file names one.
    fn helper(&self, key: &str) -> Option<&str> {
        let own = self.content.get("credHelpers").and_then(|helpers| helpers.get(key));
        let name = own.or_else(|| self.content.get("credsStore"))?.as_str()?;
        Some(name).filter(|name| !name.is_empty())
    }

    fn get(&self, key: &str) -> Result<Option<Credential>, Error> {
        let Some(auths) = self.content.get("auths").and_then(Value::as_object) else { return Ok(None) };
        // Old files have whole addresses for keys.
        let found =
            auths.get(key).or_else(|| auths.iter().find(|(known, _)| hostname(known) == key).map(|(_, value)| value));
        let Some(found) = found else { return Ok(None) };
        let text = |name: &str| found.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some(token) = text("registrytoken") {
            return Ok(Some(Credential::Access(SecretString::from(token.to_owned()))));
        }
        if let Some(token) = text("identitytoken") {
            return Ok(Some(Credential::Identity(SecretString::from(token.to_owned()))));
        }
        let Some(auth) = text("auth") else {
            return Ok(match (text("username"), text("password")) {
                (Some(user), Some(password)) => Some(Credential::Login(Login::new(user, password))),
                _ => None,
            });
        };
        let decoded = STANDARD.decode(auth).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let Some((user, password)) = decoded.as_deref().and_then(|text| text.split_once(':')) else {
            return Err(Error::Credentials(format!(
                "failed to decode auth field: invalid config format: the entry of {key} in {} is not base64 of user:password",
                self.path.display()
            )));
        };
        // Some tools end the text with zero bytes.
        Ok(Some(Credential::Login(Login::new(user, password.trim_end_matches('\0')))))
    }
}

/// An old address without scheme and path.
fn hostname(address: &str) -> &str {
    let bare = address.strip_prefix("http://").unwrap_or(address);
    let bare = bare.strip_prefix("https://").unwrap_or(bare);
    bare.split('/').next().unwrap_or_default()
}

/// The entry of a credential in `auths`.
fn entry(credential: &Credential) -> Value {
    let mut entry = Map::new();
    let (field, value) = match credential {
        Credential::Login(login) => ("auth", STANDARD.encode(format!("{}:{}", login.user, login.password()))),
        Credential::Identity(token) => ("identitytoken", token.expose_secret().to_owned()),
        Credential::Access(token) => ("registrytoken", token.expose_secret().to_owned()),
    };
    entry.insert(field.to_owned(), Value::String(value));
    Value::Object(entry)
}

/// Changes `auths` of a file: under a lock, into a temporary file that then takes the place of the old one, readable by
/// its owner only. Nothing is written when `edit` says that nothing changed.
fn change(path: &Path, edit: impl FnOnce(&mut Map<String, Value>) -> bool) -> Result<(), Error> {
    // A file that is a link stays one: its target is replaced.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let failed =
        |error: std::io::Error| Error::Credentials(format!("failed to save config file: {}: {error}", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_private_folder(folder).map_err(failed)?;
    // Two logins at a time would lose one. Where folders cannot be locked, the last one wins, as with Helm.
    let lock = std::fs::File::open(folder).ok().filter(|folder| folder.lock().is_ok());
    let mut file = File::read(&path)?;
    let mut auths = match file.content.remove("auths") {
        Some(Value::Object(auths)) => auths,
        None | Some(Value::Null) => Map::new(),
        Some(_) => {
            let what = "failed to unmarshal auths field: invalid config format";
            return Err(Error::Credentials(format!("{what}: {}", path.display())));
        }
    };
    if !edit(&mut auths) {
        return Ok(());
    }
    file.content.insert("auths".to_owned(), Value::Object(auths));
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    // Go writes maps in the order of their keys.
    let sorted: BTreeMap<&String, &Value> = file.content.iter().collect();
    serde::Serialize::serialize(&sorted, &mut serializer).map_err(|error| failed(error.into()))?;
    let mut temporary = tempfile::Builder::new().prefix(".config-").tempfile_in(folder).map_err(failed)?;
    std::io::Write::write_all(&mut temporary, &text).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(&path).map_err(|error| failed(error.error))?;
    drop(lock);
    Ok(())
}

fn create_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A program `docker-credential-NAME`, by the protocol of `docker-credential-helpers`: the action is its argument, the
/// host or the credential its standard input.
struct Helper<'a> {
    command: String,
    limit: Duration,
    notices: &'a dyn Notices,
}

/// What a helper knows.
#[derive(serde::Deserialize)]
struct HelperAnswer {
    #[serde(rename = "Username", default)]
    user: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

impl Helper<'_> {
    async fn get(&self, key: &str) -> Result<Option<Credential>, Error> {
        let output = match self.run("get", key.as_bytes().to_vec()).await? {
            Ok(output) => output,
            Err(message) if message == NOT_FOUND => return Ok(None),
            Err(message) => return Err(self.failed("get", &message)),
        };
        // What it printed is never part of an error: it may hold the secret.
        let answer: HelperAnswer =
            serde_json::from_slice(&output).map_err(|_| self.failed("get", "its answer is not the expected JSON"))?;
        Ok(match (answer.user.as_str(), answer.secret.as_str()) {
            (_, "") => None,
            (TOKEN_USER, secret) => Some(Credential::Identity(SecretString::from(secret.to_owned()))),
            (user, secret) => Some(Credential::Login(Login::new(user, secret))),
        })
    }

    async fn store(&self, key: &str, credential: &Credential) -> Result<(), Error> {
        let (user, secret) = match credential {
            Credential::Login(login) => (login.user.as_str(), login.password()),
            Credential::Identity(token) | Credential::Access(token) => (TOKEN_USER, token.expose_secret()),
        };
        let input = serde_json::json!({ "ServerURL": key, "Username": user, "Secret": secret });
        self.run("store", input.to_string().into_bytes())
            .await?
            .map(drop)
            .map_err(|message| self.failed("store", &message))
    }

    async fn erase(&self, key: &str) -> Result<(), Error> {
        match self.run("erase", key.as_bytes().to_vec()).await? {
            Ok(_) => Ok(()),
            Err(message) if message == NOT_FOUND => Ok(()),
            Err(message) => Err(self.failed("erase", &message)),
        }
    }

    fn failed(&self, action: &str, message: &str) -> Error {
        Error::Credentials(format!("the credential helper `{} {action}` failed: {message}", self.command))
    }

    /// Runs the program: what it printed, or, if it failed, the message it printed instead.
    async fn run(&self, action: &str, input: Vec<u8>) -> Result<Result<Vec<u8>, String>, Error> {
        let mut child = tokio::process::Command::new(&self.command)
            .arg(action)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.failed(action, &format!("it cannot be started: {error}")))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let talk = async {
            let write = async {
                if let Some(mut stdin) = stdin {
                    // A helper that does not read its input says what is wrong in another way.
                    let _ = stdin.write_all(&input).await;
                    let _ = stdin.shutdown().await;
                }
            };
            let mut output = Vec::new();
            let mut noise = Vec::new();
            let read = async {
                if let Some(stdout) = stdout {
                    let _ = stdout.take(LARGEST_OUTPUT).read_to_end(&mut output).await;
                }
            };
            let hear = async {
                if let Some(stderr) = stderr {
                    let _ = stderr.take(LARGEST_OUTPUT).read_to_end(&mut noise).await;
                }
            };
            tokio::join!(write, read, hear);
            (child.wait().await, output, noise)
        };
        let Ok((status, output, noise)) = tokio::time::timeout(self.limit, talk).await else {
            return Err(self.failed(action, &format!("no end after {} s", self.limit.as_secs())));
        };
        let status = status.map_err(|error| self.failed(action, &error.to_string()))?;
        for line in String::from_utf8_lossy(&noise).lines().filter(|line| !line.trim().is_empty()).take(20) {
            self.notices.notice(Notice::Helper { command: self.command.clone(), line: line.to_owned() });
        }
        if status.success() {
            return Ok(Ok(output));
        }
        let message: String = String::from_utf8_lossy(&output).trim().chars().take(500).collect();
        Ok(Err(if message.is_empty() { status.to_string() } else { message }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use secrecy::ExposeSecret as _;

    use super::{Credential, Credentials, Error, hostname};
    use crate::registry::settings::{Login, RegistrySettings};

    struct Files {
        folder: tempfile::TempDir,
        credentials: Credentials,
    }

    fn files(helm: &str, docker: &str) -> Files {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str, text: &str| {
            let path = folder.path().join(name);
            if !text.is_empty() {
                std::fs::write(&path, text).unwrap();
            }
            path
        };
        let settings = RegistrySettings {
            credentials_file: path("helm.json", helm),
            docker_file: Some(path("docker.json", docker)),
            ..RegistrySettings::default()
        };
        Files { credentials: Credentials::new(&settings, Arc::new(())), folder }
    }

    async fn found(files: &Files, host: &str) -> Result<Option<String>, Error> {
        Ok(files.credentials.find(host).await?.map(|credential| match credential {
            Credential::Login(login) => format!("{}:{}", login.user, login.password()),
            Credential::Identity(token) => format!("identity {}", token.expose_secret()),
            Credential::Access(token) => format!("access {}", token.expose_secret()),
        }))
    }

    #[tokio::test]
    async fn helms_file_comes_before_dockers() {
        // user:one, user:two
        let files = files(
            r#"{"auths": {"a": {"auth": "dXNlcjpvbmU="}}}"#,
            r#"{"auths": {"a": {"auth": "dXNlcjp0d28="}, "b": {"auth": "dXNlcjp0d28="}}}"#,
        );
        assert_eq!(found(&files, "a").await.unwrap().as_deref(), Some("user:one"));
        assert_eq!(found(&files, "b").await.unwrap().as_deref(), Some("user:two"));
        assert_eq!(found(&files, "c").await.unwrap(), None);
    }

    #[tokio::test]
    async fn entries_have_many_forms() {
        let files = files(
            r#"{"auths": {
                "a": {"identitytoken": "T", "auth": "dXNlcjo="},
                "b": {"registrytoken": "R"},
                "c": {"username": "u", "password": "p:q"},
                "https://d/v2/": {"auth": "dXNlcjpvbmU="},
                "https://index.docker.io/v1/": {"auth": "dXNlcjpvbmU="},
                "e": {},
                "f": {"auth": "%%%"}
            }}"#,
            "",
        );
        for (host, expected) in [
            ("a", Some("identity T")),
            ("b", Some("access R")),
            ("c", Some("u:p:q")),
            ("d", Some("user:one")),
            ("docker.io", Some("user:one")),
            ("registry-1.docker.io", Some("user:one")),
            ("e", None),
        ] {
            assert_eq!(found(&files, host).await.unwrap().as_deref(), expected, "{host}");
        }
        let error = found(&files, "f").await.unwrap_err().to_string();
        assert!(error.contains("entry of f") && !error.contains("%%%"), "{error}");
        assert_eq!(hostname("http://x:5000/v1/"), "x:5000");
    }

    #[tokio::test]
    async fn a_broken_file_is_named() {
        for text in ["{", "[]", "{} {"] {
            let error = found(&files(text, ""), "a").await.unwrap_err().to_string();
            assert!(error.contains("helm.json: invalid config format"), "{error}");
        }
        assert_eq!(found(&files("  \n", ""), "a").await.unwrap(), None);
    }

    #[tokio::test]
    async fn storing_keeps_what_is_not_ours_and_the_file_private() {
        let files = files(r#"{"zeta": 1, "auths": {"b": {"auth": "dXNlcjpvbmU="}}, "alpha": {"x": [1]}}"#, "");
        let login = Credential::Login(Login::new("user", "two"));
        files.credentials.store("a", &login).await.unwrap();
        let path = files.folder.path().join("helm.json");
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\n\t\"alpha\": {\n\t\t\"x\": [\n\t\t\t1\n\t\t]\n\t},\n\t\"auths\": {\n\t\t\"a\": {\n\t\t\t\"auth\": \
             \"dXNlcjp0d28=\"\n\t\t},\n\t\t\"b\": {\n\t\t\t\"auth\": \"dXNlcjpvbmU=\"\n\t\t}\n\t},\n\t\"zeta\": 1\n}"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(found(&files, "a").await.unwrap().as_deref(), Some("user:two"));
        files.credentials.forget("a").await.unwrap();
        assert_eq!(found(&files, "a").await.unwrap(), None);
        assert_eq!(found(&files, "b").await.unwrap().as_deref(), Some("user:one"));
    }

    #[tokio::test]
    async fn two_logins_at_a_time_are_both_kept() {
        let files = Arc::new(files("", ""));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..16 {
            let files = Arc::clone(&files);
            tasks.spawn_blocking(move || {
                let login = Credential::Login(Login::new("u", "p"));
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(files.credentials.store(&format!("host-{number}"), &login)).unwrap();
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        for number in 0..16 {
            assert!(found(&files, &format!("host-{number}")).await.unwrap().is_some(), "{number}");
        }
    }

    #[tokio::test]
    async fn forgetting_what_is_not_known_writes_nothing() {
        let files = files("", "");
        files.credentials.forget("a").await.unwrap();
        assert!(!files.folder.path().join("helm.json").exists());
    }

    #[tokio::test]
    async fn only_names_that_a_helper_can_have_are_run() {
        let files = files(r#"{"credHelpers": {"a": "../../bin/x"}}"#, "");
        let error = found(&files, "a").await.unwrap_err().to_string();
        assert!(error.contains("cannot be called"), "{error}");
        let missing = super::File::read(&files.folder.path().join("helm.json")).unwrap();
        assert_eq!(missing.helper("b"), None);
    }
}
