//! The one table of global settings: flag, variables of the environment, key in the configuration file, default
//! and text of each. The parser, `env`, the configuration file, help in both languages and the reference page
//! `docs/reference/settings.md` are made from it.
//!
//! Names and meanings of Helm's settings are Helm's (`helm env`, its persistent flags). A flag beats the
//! environment, the environment beats the configuration file, the file beats the default.

use std::fmt::Write as _;

use crate::ui::Language;

/// A global setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the table says what each one is")]
pub enum Setting {
    Namespace,
    KubeContext,
    Kubeconfig,
    Lang,
    Color,
    Quiet,
    Verbose,
    Debug,
    Events,
    HelmCompat,
    KubeApiserver,
    KubeAsGroup,
    KubeAsUser,
    KubeCaFile,
    KubeInsecureSkipTlsVerify,
    KubeTlsServerName,
    KubeToken,
    BurstLimit,
    Qps,
    RegistryConfig,
    RepositoryCache,
    RepositoryConfig,
    ContentCache,
    CacheHome,
    ConfigHome,
    DataHome,
    Plugins,
    MaxHistory,
    Driver,
    MaibotChart,
    Offline,
    ConfigFile,
}

/// How a flag is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Without a value.
    Switch,
    /// With a value of this name.
    Value(&'static str),
    /// With a value of this name, several times.
    List(&'static str),
}

/// What holds when nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// Nothing.
    None,
    /// A fixed text.
    Text(&'static str),
    /// A path below one of Helm's three folders.
    Path(Folder, &'static str),
}

/// Helm's folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// `HELM_CACHE_HOME`.
    Cache,
    /// `HELM_CONFIG_HOME`.
    Config,
    /// `HELM_DATA_HOME`.
    Data,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Which setting.
    pub setting: Setting,
    /// The flag, without dashes.
    pub flag: Option<&'static str>,
    /// A second spelling of the flag.
    pub alias: Option<&'static str>,
    /// The flag's letter.
    pub short: Option<char>,
    /// How the flag is given.
    pub shape: Shape,
    /// Variables of the environment, the strongest first.
    pub variables: &'static [&'static str],
    /// Whether the configuration file may have it, under the flag's name.
    pub file: bool,
    /// What holds when nothing is said.
    pub default: Default,
    /// Whether it is needed often enough for the short help.
    pub common: bool,
    /// What it is, in English.
    pub english: &'static str,
    /// What it is, in Chinese.
    pub chinese: &'static str,
}

const BASE: Row = Row {
    setting: Setting::Namespace,
    flag: None,
    alias: None,
    short: None,
    shape: Shape::Switch,
    variables: &[],
    file: false,
    default: Default::None,
    common: false,
    english: "",
    chinese: "",
};

/// The table.
pub const TABLE: &[Row] = &[
    Row {
        setting: Setting::Namespace,
        flag: Some("namespace"),
        short: Some('n'),
        shape: Shape::Value("NAMESPACE"),
        variables: &["HELM_NAMESPACE"],
        file: true,
        common: true,
        english: "Namespace of the release; without it that of the kubeconfig's context",
        chinese: "release 所在的命名空间；默认取 kubeconfig 当前 context 的命名空间",
        ..BASE
    },
    Row {
        setting: Setting::KubeContext,
        flag: Some("kube-context"),
        shape: Shape::Value("CONTEXT"),
        variables: &["HELM_KUBECONTEXT"],
        file: true,
        common: true,
        english: "Context of the kubeconfig to use",
        chinese: "要使用的 kubeconfig context",
        ..BASE
    },
    Row {
        setting: Setting::Kubeconfig,
        flag: Some("kubeconfig"),
        shape: Shape::Value("FILE"),
        variables: &["KUBECONFIG"],
        file: true,
        common: true,
        english: "The kubeconfig; the variable may be a list of files that are merged",
        chinese: "kubeconfig 文件；环境变量中可以列出多个文件，它们会被合并",
        ..BASE
    },
    Row {
        setting: Setting::Lang,
        flag: Some("lang"),
        shape: Shape::Value("LANGUAGE"),
        variables: &["MAIBOT_LANG"],
        file: true,
        common: true,
        english: "Language of messages and help, zh or en; without it that of the locale",
        chinese: "消息和帮助的语言：zh 或 en；默认取系统区域设置",
        ..BASE
    },
    Row {
        setting: Setting::Color,
        flag: Some("color"),
        alias: Some("colour"),
        shape: Shape::Value("WHEN"),
        variables: &["NO_COLOR", "HELM_COLOR"],
        file: true,
        default: Default::Text("auto"),
        common: true,
        english: "Colour output: auto, always or never; any NO_COLOR means never",
        chinese: "何时使用颜色：auto、always 或 never；设置了 NO_COLOR 即为 never",
        ..BASE
    },
    Row {
        setting: Setting::Quiet,
        flag: Some("quiet"),
        file: true,
        common: true,
        english: "Print results and failures only",
        chinese: "只输出结果和错误",
        ..BASE
    },
    Row {
        setting: Setting::Verbose,
        flag: Some("verbose"),
        short: Some('v'),
        file: true,
        common: true,
        english: "Say more about what is done",
        chinese: "输出更多过程信息",
        ..BASE
    },
    Row {
        setting: Setting::Debug,
        flag: Some("debug"),
        variables: &["HELM_DEBUG"],
        default: Default::Text("false"),
        common: true,
        english: "Say everything, and print with results what Helm prints there with --debug",
        chinese: "输出全部细节；结果中也包含 Helm 在 --debug 下输出的内容",
        ..BASE
    },
    Row {
        setting: Setting::Events,
        flag: Some("events"),
        shape: Shape::Value("FORMAT"),
        variables: &["MAIBOT_EVENTS"],
        file: true,
        default: Default::Text("text"),
        english: "How progress, messages and failures appear on stderr: text or jsonl, one JSON object a line",
        chinese: "进度、消息和错误在 stderr 上的形式：text，或 jsonl（每行一个 JSON 对象）",
        ..BASE
    },
    Row {
        setting: Setting::HelmCompat,
        flag: Some("helm-compat"),
        shape: Shape::Value("VERSION"),
        variables: &["MAIBOT_HELM_COMPAT"],
        file: true,
        english: "Print the errors and end with the exit statuses of Helm 3 or 4, for scripts written for it",
        chinese: "按 Helm 3 或 4 的方式输出错误信息和退出码，供为 Helm 编写的脚本使用",
        ..BASE
    },
    Row {
        setting: Setting::KubeApiserver,
        flag: Some("kube-apiserver"),
        shape: Shape::Value("URL"),
        variables: &["HELM_KUBEAPISERVER"],
        english: "Address of the API server, instead of the kubeconfig's",
        chinese: "API server 的地址，取代 kubeconfig 中的地址",
        ..BASE
    },
    Row {
        setting: Setting::KubeAsGroup,
        flag: Some("kube-as-group"),
        shape: Shape::List("GROUP"),
        variables: &["HELM_KUBEASGROUPS"],
        english: "Group to act as; may be given several times, in the variable with commas",
        chinese: "以此用户组的身份操作；可以多次给出，环境变量中用逗号分隔",
        ..BASE
    },
    Row {
        setting: Setting::KubeAsUser,
        flag: Some("kube-as-user"),
        shape: Shape::Value("USER"),
        variables: &["HELM_KUBEASUSER"],
        english: "User to act as",
        chinese: "以此用户的身份操作",
        ..BASE
    },
    Row {
        setting: Setting::KubeCaFile,
        flag: Some("kube-ca-file"),
        shape: Shape::Value("FILE"),
        variables: &["HELM_KUBECAFILE"],
        english: "Certificates that vouch for the API server",
        chinese: "用于验证 API server 的 CA 证书文件",
        ..BASE
    },
    Row {
        setting: Setting::KubeInsecureSkipTlsVerify,
        flag: Some("kube-insecure-skip-tls-verify"),
        variables: &["HELM_KUBEINSECURE_SKIP_TLS_VERIFY"],
        default: Default::Text("false"),
        english: "Do not check the API server's certificate; the connection is then insecure",
        chinese: "不验证 API server 的证书；连接将不再安全",
        ..BASE
    },
    Row {
        setting: Setting::KubeTlsServerName,
        flag: Some("kube-tls-server-name"),
        shape: Shape::Value("NAME"),
        variables: &["HELM_KUBETLS_SERVER_NAME"],
        english: "Name that the API server's certificate must carry, if it is not that of its address",
        chinese: "验证 API server 证书时使用的名字，默认取其地址中的主机名",
        ..BASE
    },
    Row {
        setting: Setting::KubeToken,
        flag: Some("kube-token"),
        shape: Shape::Value("TOKEN"),
        variables: &["HELM_KUBETOKEN"],
        english: "Bearer token to log in with",
        chinese: "用于登录的 bearer token",
        ..BASE
    },
    Row {
        setting: Setting::BurstLimit,
        flag: Some("burst-limit"),
        shape: Shape::Value("N"),
        variables: &["HELM_BURST_LIMIT"],
        default: Default::Text("100"),
        english: "Requests that may exceed --qps at once",
        chinese: "允许一次性超出 --qps 的请求数",
        ..BASE
    },
    Row {
        setting: Setting::Qps,
        flag: Some("qps"),
        shape: Shape::Value("N"),
        variables: &["HELM_QPS"],
        default: Default::Text("0.00"),
        english: "Requests a second at most; 0 for no limit of ours",
        chinese: "每秒最多的请求数；0 表示不限制",
        ..BASE
    },
    Row {
        setting: Setting::RegistryConfig,
        flag: Some("registry-config"),
        shape: Shape::Value("FILE"),
        variables: &["HELM_REGISTRY_CONFIG"],
        default: Default::Path(Folder::Config, "registry/config.json"),
        english: "Helm's file of registry credentials",
        chinese: "Helm 的镜像仓库凭据文件",
        ..BASE
    },
    Row {
        setting: Setting::RepositoryCache,
        flag: Some("repository-cache"),
        shape: Shape::Value("FOLDER"),
        variables: &["HELM_REPOSITORY_CACHE"],
        default: Default::Path(Folder::Cache, "repository"),
        english: "Helm's folder of repository indexes",
        chinese: "Helm 的仓库索引缓存目录",
        ..BASE
    },
    Row {
        setting: Setting::RepositoryConfig,
        flag: Some("repository-config"),
        shape: Shape::Value("FILE"),
        variables: &["HELM_REPOSITORY_CONFIG"],
        default: Default::Path(Folder::Config, "repositories.yaml"),
        english: "Helm's list of repositories",
        chinese: "Helm 的仓库列表文件",
        ..BASE
    },
    Row {
        setting: Setting::ContentCache,
        flag: Some("content-cache"),
        shape: Shape::Value("FOLDER"),
        variables: &["HELM_CONTENT_CACHE"],
        default: Default::Path(Folder::Cache, "content"),
        english: "Folder of charts that were pulled",
        chinese: "已拉取的 chart 的缓存目录",
        ..BASE
    },
    Row {
        setting: Setting::CacheHome,
        shape: Shape::Value("FOLDER"),
        variables: &["HELM_CACHE_HOME"],
        default: Default::Path(Folder::Cache, ""),
        english: "Helm's folder of caches",
        chinese: "Helm 的缓存目录",
        ..BASE
    },
    Row {
        setting: Setting::ConfigHome,
        shape: Shape::Value("FOLDER"),
        variables: &["HELM_CONFIG_HOME"],
        default: Default::Path(Folder::Config, ""),
        english: "Helm's folder of settings",
        chinese: "Helm 的配置目录",
        ..BASE
    },
    Row {
        setting: Setting::DataHome,
        shape: Shape::Value("FOLDER"),
        variables: &["HELM_DATA_HOME"],
        default: Default::Path(Folder::Data, ""),
        english: "Helm's folder of data",
        chinese: "Helm 的数据目录",
        ..BASE
    },
    Row {
        setting: Setting::Plugins,
        shape: Shape::Value("FOLDER"),
        variables: &["HELM_PLUGINS"],
        default: Default::Path(Folder::Data, "plugins"),
        english: "Helm's folder of plugins; maibot uses none",
        chinese: "Helm 的插件目录；maibot 不使用插件",
        ..BASE
    },
    Row {
        setting: Setting::MaxHistory,
        shape: Shape::Value("N"),
        variables: &["HELM_MAX_HISTORY"],
        default: Default::Text("10"),
        english: "Revisions that are kept of a release",
        chinese: "每个 release 保留的修订版本数",
        ..BASE
    },
    Row {
        setting: Setting::Driver,
        shape: Shape::Value("DRIVER"),
        variables: &["HELM_DRIVER"],
        default: Default::Text("secret"),
        english: "Where releases are kept; only Secrets are offered",
        chinese: "release 的存储方式；目前只支持 Secret",
        ..BASE
    },
    Row {
        setting: Setting::MaibotChart,
        flag: Some("maibot-chart"),
        shape: Shape::Value("REFERENCE"),
        variables: &["MAIBOT_CHART"],
        file: true,
        default: Default::Text("oci://reg.mikumikumi.xyz/maibot/maibot"),
        english: "Chart that --version without CHART picks from, if the chart inside maibot is not of that version",
        chinese: "未给出 CHART 而 --version 又不是内置 chart 的版本时，从这里获取 chart",
        ..BASE
    },
    Row {
        setting: Setting::Offline,
        flag: Some("offline"),
        variables: &["MAIBOT_OFFLINE"],
        file: true,
        default: Default::Text("false"),
        english: "Fetch no chart; take those that the cache has",
        chinese: "不从网络获取 chart，只使用缓存中已有的",
        ..BASE
    },
    Row {
        setting: Setting::ConfigFile,
        shape: Shape::Value("FILE"),
        variables: &["MAIBOT_CONFIG"],
        english: "The configuration file, instead of maibot/config.toml in the user's configuration folder",
        chinese: "配置文件的路径，取代用户配置目录下的 maibot/config.toml",
        ..BASE
    },
];

impl Setting {
    /// The row of this setting.
    pub fn row(self) -> &'static Row {
        // The table has a row for each; a test says so.
        TABLE.iter().find(|row| row.setting == self).unwrap_or(&BASE)
    }
}

impl Row {
    /// What it is, in a language.
    pub const fn text(&self, language: Language) -> &'static str {
        language.of(self.english, self.chinese)
    }

    /// The flag as it is typed, with its letter first: `-n, --namespace`.
    pub fn flag_as_declared(&self) -> String {
        match (self.short, self.flag) {
            (Some(short), Some(flag)) => format!("-{short}, --{flag}"),
            (None, Some(flag)) => format!("--{flag}"),
            _ => self.variables.first().copied().unwrap_or_default().to_owned(),
        }
    }

    /// The row whose configuration key this is.
    pub fn of_key(key: &str) -> Option<&'static Self> {
        TABLE.iter().find(|row| row.file && row.flag == Some(key))
    }

    /// The keys the configuration file may have.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        TABLE.iter().filter(|row| row.file).filter_map(|row| row.flag)
    }
}

/// The reference page of settings, in Markdown, both languages.
pub fn reference() -> String {
    let mut text = String::from(
        "# Settings · 设置\n\n\
         Made from the table in `src/cli/setting.rs`. A flag beats the environment, the environment beats the \
         configuration file, the file beats the default.\n\n\
         本页由 `src/cli/setting.rs` 中的表生成。命令行选项优先于环境变量，环境变量优先于配置文件，配置文件优先于默认值。\n\n\
         The configuration file is `maibot/config.toml` in the user's configuration folder (`$XDG_CONFIG_HOME`, else \
         `~/.config`), or the file that `MAIBOT_CONFIG` names. Its keys are the names of the flags:\n\n\
         配置文件是用户配置目录（`$XDG_CONFIG_HOME`，否则 `~/.config`）下的 `maibot/config.toml`，\
         或 `MAIBOT_CONFIG` 指定的文件。其中的键就是选项名：\n\n\
         ```toml\nlang = \"zh\"\nnamespace = \"bot\"\nkube-context = \"home\"\n```\n\n\
         Variables of Helm that cannot be read count as unset, as in Helm; a wrong value of our own settings is an \
         error (MB1003).\n\n\
         Helm 的环境变量若无法解析，则与 Helm 一样视为未设置；我们自己的设置若有误，则报错（MB1003）。\n\n\
         | Flag · 选项 | Environment · 环境变量 | File · 配置文件 | Default · 默认值 | English | 中文 |\n\
         |---|---|---|---|---|---|\n",
    );
    for row in TABLE {
        let flag = match (row.flag, row.short) {
            (Some(flag), Some(short)) => format!("`--{flag}`, `-{short}`"),
            (Some(flag), None) => format!("`--{flag}`"),
            (None, _) => String::new(),
        };
        let flag = row.alias.map_or(flag.clone(), |alias| format!("{flag}, `--{alias}`"));
        let variables = row.variables.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let key = row.flag.filter(|_| row.file).map(|key| format!("`{key}`")).unwrap_or_default();
        let default = match row.default {
            Default::None => String::new(),
            Default::Text(text) => format!("`{text}`"),
            Default::Path(folder, path) => {
                let home = match folder {
                    Folder::Cache => "$HELM_CACHE_HOME",
                    Folder::Config => "$HELM_CONFIG_HOME",
                    Folder::Data => "$HELM_DATA_HOME",
                };
                match (path, row.flag) {
                    ("", _) => match folder {
                        Folder::Cache => "`~/.cache/helm`".to_owned(),
                        Folder::Config => "`~/.config/helm`".to_owned(),
                        Folder::Data => "`~/.local/share/helm`".to_owned(),
                    },
                    _ => format!("`{home}/{path}`"),
                }
            }
        };
        let _ = writeln!(text, "| {flag} | {variables} | {key} | {default} | {} | {} |", row.english, row.chinese);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Row, Setting, TABLE};

    #[test]
    fn every_setting_has_one_row_with_both_languages() {
        let settings: BTreeSet<Setting> = TABLE.iter().map(|row| row.setting).collect();
        assert_eq!(settings.len(), TABLE.len());
        assert_eq!(settings.len(), Setting::ConfigFile as usize + 1, "a setting without a row");
        for row in TABLE {
            assert!(!row.english.is_empty() && !row.chinese.is_empty(), "{:?}", row.setting);
            assert_eq!(row.setting.row().english, row.english);
            assert!(row.flag.is_some() || !row.variables.is_empty(), "{:?} cannot be set", row.setting);
        }
    }

    #[test]
    fn a_secret_has_no_place_in_the_configuration_file() {
        assert!(Row::of_key("kube-token").is_none());
        assert!(Row::of_key("lang").is_some());
    }
}
