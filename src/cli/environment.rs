//! The variables of the process' environment, as data, so that everything made from them can be tested.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::setting::{Default, Folder, Row};

/// Variables and their values. Those that are not Unicode are left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Those of this process.
    pub(crate) fn of_process() -> Self {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(unicode).collect())
    }

    /// The value of a variable, an empty one included.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a variable that is set to something.
    pub(crate) fn set(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// A path below one of Helm's folders, as Helm finds them: its own variable, XDG's, the platform's place.
    pub(crate) fn helm_path(&self, folder: Folder, path: &str) -> String {
        let (own, xdg) = match folder {
            Folder::Cache => ("HELM_CACHE_HOME", "XDG_CACHE_HOME"),
            Folder::Config => ("HELM_CONFIG_HOME", "XDG_CONFIG_HOME"),
            Folder::Data => ("HELM_DATA_HOME", "XDG_DATA_HOME"),
        };
        let base = match (self.set(own), self.set(xdg)) {
            (Some(own), _) => PathBuf::from(own),
            (None, Some(xdg)) => PathBuf::from(xdg).join("helm"),
            (None, None) => self.platform_folder(folder),
        };
        let path = if path.is_empty() { base } else { base.join(path) };
        // Go's `filepath.Join` takes needless parts away; so do the components of a path.
        path.components().collect::<PathBuf>().display().to_string()
    }

    fn platform_folder(&self, folder: Folder) -> PathBuf {
        if cfg!(windows) {
            let variable = if folder == Folder::Cache { "TEMP" } else { "APPDATA" };
            return PathBuf::from(self.get(variable).unwrap_or_default()).join("helm");
        }
        let home = PathBuf::from(self.get("HOME").unwrap_or_default());
        home.join(match (folder, cfg!(target_os = "macos")) {
            (Folder::Cache, true) => "Library/Caches/helm",
            (Folder::Config, true) => "Library/Preferences/helm",
            (Folder::Data, true) => "Library/helm",
            (Folder::Cache, false) => ".cache/helm",
            (Folder::Config, false) => ".config/helm",
            (Folder::Data, false) => ".local/share/helm",
        })
    }

    /// The default of a setting.
    pub(crate) fn default_of(&self, row: &Row) -> Option<String> {
        match row.default {
            Default::None => None,
            Default::Text(text) => Some(text.to_owned()),
            Default::Path(folder, path) => Some(self.helm_path(folder, path)),
        }
    }
}

impl<Name: Into<String>, Text: Into<String>> FromIterator<(Name, Text)> for Environment {
    fn from_iter<Pairs: IntoIterator<Item = (Name, Text)>>(pairs: Pairs) -> Self {
        Self(pairs.into_iter().map(|(name, text)| (name.into(), text.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, Folder};

    #[test]
    fn helms_folders_are_found_as_helm_finds_them() {
        let path = |pairs: &[(&'static str, &'static str)], path: &str| {
            pairs.iter().copied().collect::<Environment>().helm_path(Folder::Config, path)
        };
        assert_eq!(path(&[("HOME", "/h")], "registry/config.json"), "/h/.config/helm/registry/config.json");
        assert_eq!(path(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x/")], ""), "/x/helm");
        assert_eq!(path(&[("XDG_CONFIG_HOME", "/x"), ("HELM_CONFIG_HOME", "/own/")], "a"), "/own/a");
        assert_eq!(path(&[("HOME", "/h"), ("HELM_CONFIG_HOME", "")], ""), "/h/.config/helm");
    }
}
