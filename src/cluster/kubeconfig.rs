//! Finding, reading and merging kubeconfig files.
//!
//! kube's types hold what a kubeconfig says, but its loader is not used: it stops at missing files of a list, takes
//! empty texts for values, and runs the credential plugin on the way. Rules: client-go's `clientcmd` (loading rules,
//! merging: the first file that sets a value wins) and the manual page on organizing cluster access.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use kube::config::{AuthInfo, Cluster as ClusterEntry, Context, Kubeconfig, KubeconfigError};

use super::config::ConfigError;
use super::settings::KubeSettings;

/// Everything the kubeconfig files say together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Loaded {
    /// The merged content; relative paths are resolved against the file they stand in.
    pub(crate) content: Kubeconfig,
    /// Where was looked and what was found there, for messages.
    pub(crate) looked: Vec<String>,
}

impl Loaded {
    /// Whether nothing leads anywhere.
    pub(crate) fn is_empty(&self) -> bool {
        self.content.clusters.is_empty() && self.content.contexts.is_empty() && self.content.auth_infos.is_empty()
    }

    pub(crate) fn context(&self, name: &str) -> Result<&Context, ConfigError> {
        let found = self.content.contexts.iter().find(|entry| entry.name == name);
        found.and_then(|entry| entry.context.as_ref()).ok_or_else(|| ConfigError::NoSuchEntry {
            what: "context",
            name: name.to_owned(),
            available: names(self.content.contexts.iter().map(|entry| &entry.name)),
        })
    }

    pub(crate) fn cluster(&self, name: &str) -> Result<&ClusterEntry, ConfigError> {
        let found = self.content.clusters.iter().find(|entry| entry.name == name);
        found.and_then(|entry| entry.cluster.as_ref()).ok_or_else(|| ConfigError::NoSuchEntry {
            what: "cluster",
            name: name.to_owned(),
            available: names(self.content.clusters.iter().map(|entry| &entry.name)),
        })
    }

    pub(crate) fn user(&self, name: &str) -> Result<AuthInfo, ConfigError> {
        let found = self.content.auth_infos.iter().find(|entry| entry.name == name);
        found.map(|entry| entry.auth_info.clone().unwrap_or_default()).ok_or_else(|| ConfigError::NoSuchEntry {
            what: "auth info",
            name: name.to_owned(),
            available: names(self.content.auth_infos.iter().map(|entry| &entry.name)),
        })
    }
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut names: Vec<_> = names.cloned().collect();
    names.sort();
    names
}

/// Reads what the settings point at: the one file of `--kubeconfig`, else the list of `KUBECONFIG`, else the file in
/// the home directory. Only the first has to exist.
pub(crate) fn load(settings: &KubeSettings) -> Result<Loaded, ConfigError> {
    let mut loaded = Loaded::default();
    if let Some(path) = &settings.kubeconfig {
        loaded.content = read(path)?.ok_or_else(|| ConfigError::File {
            what: "kubeconfig".to_owned(),
            path: path.clone(),
            message: "no such file".to_owned(),
        })?;
        loaded.looked.push(format!("{} (empty)", path.display()));
        return Ok(loaded);
    }
    let listed: Vec<PathBuf> = match &settings.environment.kubeconfig {
        Some(list) => std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => Vec::new(),
    };
    let candidates: Vec<(PathBuf, &str)> = if listed.is_empty() {
        let home = settings.environment.home.iter();
        home.map(|home| (home.join(".kube").join("config"), "")).collect()
    } else {
        listed.into_iter().map(|path| (path, " of KUBECONFIG")).collect()
    };
    if candidates.is_empty() {
        loaded.looked.push("KUBECONFIG (not set), the home directory (not known)".to_owned());
    }
    let mut seen = HashSet::new();
    for (path, origin) in candidates {
        if !seen.insert(path.clone()) {
            continue;
        }
        let found = read(&path)?;
        let state = if found.is_some() { "empty" } else { "no such file" };
        loaded.looked.push(format!("{}{origin} ({state})", path.display()));
        if let Some(next) = found {
            loaded.content = std::mem::take(&mut loaded.content).merge(next).map_err(|error| ConfigError::File {
                what: "kubeconfig".to_owned(),
                path,
                message: error.to_string(),
            })?;
        }
    }
    Ok(loaded)
}

/// Reads one file; `None` if it does not exist.
fn read(path: &Path) -> Result<Option<Kubeconfig>, ConfigError> {
    let refuse = |message: String| ConfigError::File { what: "kubeconfig".to_owned(), path: path.to_owned(), message };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refuse(error.to_string())),
    };
    let text = decode(bytes).ok_or_else(|| refuse("not text in UTF-8 or UTF-16".to_owned()))?;
    let mut content = Kubeconfig::from_yaml(&text).map_err(|error| refuse(describe(&error)))?;
    if content.kind.as_deref().is_some_and(|kind| !kind.is_empty() && kind != "Config") {
        return Err(refuse(format!("its kind is {:?} and not \"Config\"", content.kind.unwrap_or_default())));
    }
    clean(&mut content);
    resolve(&mut content, path.parent().unwrap_or(Path::new("")));
    Ok(Some(content))
}

/// Windows tools write UTF-16 and byte order marks.
fn decode(bytes: Vec<u8>) -> Option<String> {
    let wide = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let units = bytes.as_chunks::<2>();
        let units: Vec<u16> = units.0.iter().filter(|_| units.1.is_empty()).map(|unit| read(*unit)).collect();
        String::from_utf16(&units).ok().filter(|text| bytes.is_empty() || !text.is_empty())
    };
    match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes).ok(),
    }
}

/// Says where and what is wrong without repeating the content, which may be a token.
fn describe(error: &KubeconfigError) -> String {
    let KubeconfigError::Parse(parse) = error else { return error.to_string() };
    let plain = parse.without_snippet();
    let mut text = String::new();
    for (index, part) in plain.to_string().split('"').enumerate() {
        text.push_str(if index % 2 == 0 { part } else { "\"…\"" });
    }
    let first = text.lines().next().unwrap_or_default();
    match parse.location() {
        Some(location) if !first.contains("line ") => {
            format!("line {}, column {}: {first}", location.line(), location.column())
        }
        _ => first.to_owned(),
    }
}

/// An empty text is as good as none, as in Go.
fn clean(content: &mut Kubeconfig) {
    fn drop_empty(value: &mut Option<String>) {
        if value.as_deref() == Some("") {
            *value = None;
        }
    }
    // The header of a file does not matter for merging.
    content.kind = None;
    content.api_version = None;
    drop_empty(&mut content.current_context);
    for context in content.contexts.iter_mut().filter_map(|entry| entry.context.as_mut()) {
        drop_empty(&mut context.user);
        drop_empty(&mut context.namespace);
    }
    for cluster in content.clusters.iter_mut().filter_map(|entry| entry.cluster.as_mut()) {
        drop_empty(&mut cluster.server);
        drop_empty(&mut cluster.certificate_authority);
        drop_empty(&mut cluster.certificate_authority_data);
        drop_empty(&mut cluster.proxy_url);
        drop_empty(&mut cluster.tls_server_name);
    }
    for user in content.auth_infos.iter_mut().filter_map(|entry| entry.auth_info.as_mut()) {
        drop_empty(&mut user.username);
        drop_empty(&mut user.token_file);
        drop_empty(&mut user.client_certificate);
        drop_empty(&mut user.client_certificate_data);
        drop_empty(&mut user.client_key);
        drop_empty(&mut user.impersonate);
        drop_empty(&mut user.impersonate_uid);
    }
}

/// Makes relative paths start at the kubeconfig's folder. A plugin's command is a path only if it has a separator.
fn resolve(content: &mut Kubeconfig, folder: &Path) {
    let absolute = |path: &mut Option<String>| {
        if let Some(text) = path.as_mut()
            && Path::new(text.as_str()).is_relative()
            && let Ok(joined) = folder.join(text.as_str()).into_os_string().into_string()
        {
            *text = joined;
        }
    };
    for cluster in content.clusters.iter_mut().filter_map(|entry| entry.cluster.as_mut()) {
        absolute(&mut cluster.certificate_authority);
    }
    for user in content.auth_infos.iter_mut().filter_map(|entry| entry.auth_info.as_mut()) {
        absolute(&mut user.client_certificate);
        absolute(&mut user.client_key);
        absolute(&mut user.token_file);
        if let Some(exec) = &mut user.exec
            && exec.command.as_deref().is_some_and(|command| command.contains(std::path::is_separator))
        {
            absolute(&mut exec.command);
        }
    }
}
