//! What the tool says beside results and failures: warnings, notes, and the few words of the progress display.
//!
//! One enum, one match a language: a sentence that is missing in a language does not compile. A message that
//! Helm has too knows Helm's text for `--helm-compat`; one that Helm has not is silent there.

use std::path::PathBuf;

use crate::action::{Change, FileChange, Notice, ObjectState, Phase, orphans};
use crate::chart::LoadWarning;
use crate::code::Code;
use crate::registry;
use crate::render::gotemplate::host::PassedOver;
use crate::values::Compat;

use super::compat::{Helm, quoted, slog_value};
use super::language::Language;
use super::values_trouble::ValuesTeller;

/// How urgent a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Only with `--debug`.
    Debug,
    /// Only with `--verbose` or `--debug`.
    Detail,
    /// Always, unless `--quiet`.
    Note,
    /// Always, unless `--quiet`.
    Warning,
}

/// A sentence to the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A `JSONPath` template has no result.
    NoResult {
        /// Why not, in the words of client-go.
        problem: String,
    },
    /// A flag has an older spelling.
    DeprecatedFlag {
        /// As typed, with dashes.
        flag: &'static str,
        /// What to use, with dashes.
        instead: &'static str,
    },
    /// A flag that never had an effect in this command.
    FlagWithoutEffect {
        /// As typed, with dashes.
        flag: &'static str,
        /// The command.
        command: &'static str,
    },
    /// `--wait=true` or `--wait=false`.
    WaitBoolean {
        /// What was given.
        given: &'static str,
        /// The word that means it.
        instead: &'static str,
    },
    /// `--dry-run` alone.
    DryRunBare,
    /// `--dry-run=true` and its like.
    DryRunBoolean {
        /// As typed.
        given: String,
        /// The word that means it.
        instead: &'static str,
    },
    /// The configuration file has a key that nobody knows.
    UnknownKey {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// The nearest known one.
        nearest: Option<&'static str>,
    },
    /// A variable of the environment has a value that is not understood and is left out.
    VariableIgnored {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// A record that cannot be decoded is left out of a list.
    UnreadableRecord {
        /// The Secret.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Claims stay after an uninstallation.
    ClaimsKept {
        /// The release.
        release: String,
        /// The claims.
        claims: Vec<String>,
    },
    /// Claims were deleted, and the data on them.
    ClaimsDeleted {
        /// The claims.
        claims: Vec<String>,
    },
    /// Something strange about the chart or the values.
    Notice(Notice),
    /// The first interrupt.
    Interrupting,
    /// A page of the manual was written.
    Written {
        /// The file.
        path: PathBuf,
    },
    /// The API server sent a warning.
    ServerWarning {
        /// Its text.
        text: String,
    },
    /// A request is tried again.
    Retry {
        /// What went wrong.
        cause: String,
        /// After how many seconds.
        seconds: String,
    },
    /// A credential plugin wrote a line.
    PluginLine {
        /// Its command.
        command: String,
        /// The line.
        line: String,
    },
    /// What registries and repositories have to tell.
    Registry(registry::Notice),
    /// A login was taken and kept.
    LoggedIn {
        /// The registry.
        host: String,
    },
    /// Credentials were forgotten.
    LoggedOut {
        /// The registry.
        host: String,
    },
    /// A password stands on the command line, where others can see it.
    PasswordTyped,
    /// `registry login` was given more than a host.
    LoginPath {
        /// As typed.
        host: String,
        /// The host in it.
        suggested: String,
    },
    /// Something that has a page of its own.
    Coded {
        /// Its code.
        code: Code,
        /// The title of the page, in the language.
        title: String,
        /// What it is about, and the evidence.
        detail: String,
    },
}

impl Message {
    /// The text in a language.
    pub fn text(&self, language: Language) -> String {
        match language {
            Language::English => self.english(),
            Language::Chinese => self.chinese(),
        }
    }

    fn english(&self) -> String {
        match self {
            Self::DeprecatedFlag { flag, instead } => format!("`{flag}` is the old spelling of `{instead}`"),
            Self::FlagWithoutEffect { flag, command } => format!("`{flag}` has no effect in `{command}`"),
            Self::WaitBoolean { given, instead } => {
                format!("`--wait={given}` is the old spelling of `--wait={instead}`")
            }
            Self::DryRunBare => "`--dry-run` alone is the old spelling of `--dry-run=client`".to_owned(),
            Self::UnreadableRecord { name, reason } => format!("Secret/{name} is left out: {reason}"),
            Self::ClaimsKept { release, claims } => format!(
                "the data stays on the claims {}; `maibot install {release}` takes them up again, `maibot uninstall {release} --delete-data` would have removed them",
                names(claims)
            ),
            Self::ClaimsDeleted { claims } => format!("deleted with all data: {}", names(claims)),
            Self::Notice(Notice::UnknownKey(key)) => ValuesTeller { language: Language::English }.warning(key),
            Self::Notice(notice) => notice.to_string(),
            Self::DryRunBoolean { given, instead } => {
                format!("`--dry-run={given}` is the old spelling of `--dry-run={instead}`")
            }
            Self::UnknownKey { file, line, key, nearest } => {
                let place = format!("{}:{line}: nobody knows the setting `{key}`", file.display());
                match nearest {
                    Some(nearest) => format!("{place}; did you mean `{nearest}`?"),
                    None => place,
                }
            }
            Self::VariableIgnored { name, value } => format!("`{name}={value}` is not understood and left out"),
            Self::Interrupting => {
                "interrupted; bringing things to a safe end (interrupt again to stop at once)".to_owned()
            }
            Self::Written { path } => format!("wrote `{}`", path.display()),
            Self::ServerWarning { text } => format!("the API server says: {text}"),
            Self::Retry { cause, seconds } => format!("trying again in {seconds} s: {cause}"),
            Self::NoResult { problem } => format!("the template has no result: {problem}"),
            Self::PluginLine { command, line } => format!("{command}: {line}"),
            Self::Registry(notice) => super::registry::text(notice, Language::English),
            Self::LoggedIn { host } => format!("logged in to `{host}`"),
            Self::LoggedOut { host } => format!("forgot the credentials of `{host}`"),
            Self::PasswordTyped => {
                "`--password` shows the password to everybody who can list processes; use `--password-stdin`".to_owned()
            }
            Self::LoginPath { host, suggested } => {
                format!("a login is for a host, not for `{host}`; try `{suggested}`")
            }
            Self::Coded { code, title, detail } if detail.is_empty() => format!("{code}: {title}"),
            Self::Coded { code, title, detail } => format!("{code}: {title}: {detail}"),
        }
    }

    fn chinese(&self) -> String {
        match self {
            Self::DeprecatedFlag { flag, instead } => format!("`{flag}` 是旧写法，请改用 `{instead}`"),
            Self::FlagWithoutEffect { flag, command } => format!("`{flag}` 在 `{command}` 中没有作用"),
            Self::WaitBoolean { given, instead } => {
                format!("`--wait={given}` 是旧写法，请改用 `--wait={instead}`")
            }
            Self::DryRunBare => "单独的 `--dry-run` 是旧写法，请改用 `--dry-run=client`".to_owned(),
            Self::UnreadableRecord { name, reason } => format!("跳过 Secret/{name}：{reason}"),
            Self::ClaimsKept { release, claims } => format!(
                "数据仍保留在这些 PVC 上：{}；`maibot install {release}` 会继续使用，`maibot uninstall {release} --delete-data` 才会删除",
                names(claims)
            ),
            Self::ClaimsDeleted { claims } => format!("已连同全部数据删除：{}", names(claims)),
            Self::Notice(Notice::UnknownKey(key)) => ValuesTeller { language: Language::Chinese }.warning(key),
            Self::Notice(Notice::Deprecated) => "此 chart 已弃用".to_owned(),
            Self::Notice(Notice::PassedOver { what: PassedOver::Required, words }) => format!("缺少必需的值：{words}"),
            Self::Notice(Notice::PassedOver { what: PassedOver::Fail, words }) => format!("模板拒绝：{words}"),
            Self::Notice(Notice::UnknownHook { path, events }) => {
                format!("{path}：略去一个文档，无人认识它的 hook：{events}")
            }
            Self::Notice(Notice::CrdsNotInstalled) => {
                "此 chart 带有 CustomResourceDefinition；没有它们，渲染结果可能不同或失败".to_owned()
            }
            Self::Notice(Notice::OrphanedApis { apis }) => {
                format!("集群注册了这些 API 却不提供服务：{}", orphans(apis))
            }
            Self::Notice(Notice::UnservedLookup { kind, problem, .. }) => format!("查询 {kind} 失败：{problem}"),
            Self::Notice(Notice::Unchecked { objects, reason }) => {
                format!("API server 未能检查：{}（{reason}）", objects.join(", "))
            }
            Self::Notice(Notice::Chart(LoadWarning::Requirements)) => {
                "v2 chart 的依赖应写在 Chart.yaml 中，而不是 requirements.yaml".to_owned()
            }
            Self::Notice(Notice::Chart(LoadWarning::RequirementsLock)) => {
                "v2 chart 的依赖锁定应写在 Chart.lock 中，而不是 requirements.lock".to_owned()
            }
            Self::Notice(Notice::Chart(LoadWarning::Link { path, target })) => {
                format!("已跟随链接 {}，它指向 {}", path.display(), target.display())
            }
            Self::Notice(notice) => notice.to_string(),
            Self::DryRunBoolean { given, instead } => {
                format!("`--dry-run={given}` 是旧写法，请改用 `--dry-run={instead}`")
            }
            Self::UnknownKey { file, line, key, nearest } => {
                let place = format!("{}:{line}：没有名为 `{key}` 的设置", file.display());
                match nearest {
                    Some(nearest) => format!("{place}，是否想写 `{nearest}`？"),
                    None => place,
                }
            }
            Self::VariableIgnored { name, value } => format!("无法理解 `{name}={value}`，已忽略"),
            Self::Interrupting => "已收到中断信号，正在安全收尾（再次中断则立即停止）".to_owned(),
            Self::Written { path } => format!("已写入 `{}`", path.display()),
            Self::ServerWarning { text } => format!("API server 提示：{text}"),
            Self::Retry { cause, seconds } => format!("{seconds} s 后重试：{cause}"),
            Self::NoResult { problem } => format!("模板没有结果：{problem}"),
            Self::PluginLine { command, line } => format!("{command}：{line}"),
            Self::Registry(notice) => super::registry::text(notice, Language::Chinese),
            Self::LoggedIn { host } => format!("已登录 `{host}`"),
            Self::LoggedOut { host } => format!("已删除 `{host}` 的凭据"),
            Self::PasswordTyped => "`--password` 会让能查看进程列表的人看到密码；请改用 `--password-stdin`".to_owned(),
            Self::LoginPath { host, suggested } => format!("登录针对主机而不是 `{host}`；请试试 `{suggested}`"),
            Self::Coded { code, title, detail } if detail.is_empty() => format!("{code}：{title}"),
            Self::Coded { code, title, detail } => format!("{code}：{title}：{detail}"),
        }
    }

    /// The line that Helm prints on stderr in the same place, if it prints one.
    pub fn helm(&self, helm: Helm) -> Option<String> {
        match self {
            // Helm 3 has no newer spelling for them.
            Self::DeprecatedFlag { flag, instead } => {
                (helm == Helm::Four).then(|| format!("Flag {flag} has been deprecated, use {instead} instead"))
            }
            Self::FlagWithoutEffect { flag, command } => (helm == Helm::Four).then(|| {
                format!(
                    "Flag {flag} has been deprecated, this flag has no effect for 'helm {command}' and will be removed in Helm 5"
                )
            }),
            Self::WaitBoolean { given, instead } => (helm == Helm::Four).then(|| {
                helm.warning(&format!(
                    "--wait={given} is deprecated (boolean value) and can be replaced with --wait={instead}"
                ))
            }),
            Self::DryRunBare => (helm == Helm::Four)
                .then(|| helm.warning("--dry-run is deprecated and should be replaced with '--dry-run=client'")),
            Self::DryRunBoolean { given, instead } => (helm == Helm::Four).then(|| {
                helm.warning(&format!(
                    "boolean '--dry-run={given}' flag is deprecated and must be replaced with '--dry-run={instead}'"
                ))
            }),
            // Both leave it to client-go, which logs through klog.
            Self::ServerWarning { text } => {
                let now = jiff::Zoned::now().strftime("%m%d %H:%M:%S%.6f").to_string();
                Some(format!("W{now} {:7} warnings.go:70] {text}", std::process::id()))
            }
            // Helm 3 only tells when it debugs.
            Self::Notice(Notice::CrdsNotInstalled) if helm == Helm::Three => None,
            Self::Notice(notice) => helm_notice(notice, helm),
            // Helm hands the plugin its own stderr.
            Self::PluginLine { line, .. } => Some(line.clone()),
            Self::Registry(notice) => super::registry::helm(notice, helm),
            Self::LoggedIn { .. } => Some("Login Succeeded".to_owned()),
            Self::LoggedOut { host } => Some(format!("Removing login credentials for {host}")),
            Self::PasswordTyped => Some(match helm {
                Helm::Three => helm.warning("Using --password via the CLI is insecure. Use --password-stdin."),
                Helm::Four => helm.warning("using --password via the CLI is insecure. Use --password-stdin"),
            }),
            Self::LoginPath { host, suggested } => (helm == Helm::Four).then(|| {
                let text = "registry login currently only supports registry hostname, not a repository path";
                format!("{} host={host} suggested={suggested}", helm.warning(text))
            }),
            Self::NoResult { .. }
            | Self::UnknownKey { .. }
            | Self::UnreadableRecord { .. }
            | Self::ClaimsKept { .. }
            | Self::ClaimsDeleted { .. }
            | Self::VariableIgnored { .. }
            | Self::Interrupting
            | Self::Written { .. }
            | Self::Retry { .. }
            | Self::Coded { .. } => None,
        }
    }
}

/// The line of Helm's log.
fn helm_notice(notice: &Notice, helm: Helm) -> Option<String> {
    let compat = if helm == Helm::Three { Compat::Helm3 } else { Compat::Helm4 };
    Some(match (notice, helm) {
        // No Helm looks for them.
        (Notice::UnknownKey(_), _) => return None,
        (Notice::Values(warning), _) => warning.line(compat),
        (Notice::Chart(warning), Helm::Three) => warning.helm3_line(),
        (Notice::PassedOver { what, words }, Helm::Three) => match what {
            PassedOver::Required => format!("engine.go:206: [INFO] Missing required value: {words}"),
            PassedOver::Fail => format!("engine.go:227: [INFO] Fail: {words}"),
        },
        (Notice::PassedOver { what, words }, Helm::Four) => match what {
            PassedOver::Required => format!("level=WARN msg=\"missing required value\" message={}", slog_value(words)),
            PassedOver::Fail => format!("level=INFO msg=\"funcMap fail\" message={}", slog_value(words)),
        },
        (Notice::Chart(LoadWarning::Link { path, target }), Helm::Four) => format!(
            "level=INFO msg=\"found symbolic link in path. Contents of linked file included and used\" path={} resolved={}",
            slog_value(&path.display().to_string()),
            slog_value(&target.display().to_string())
        ),
        (Notice::Chart(warning), Helm::Four) => format!("level=INFO msg={}", slog_value(&warning.text())),
        (Notice::Deprecated, Helm::Three) => helm.warning("This chart is deprecated"),
        (Notice::Deprecated, Helm::Four) => helm.warning("this chart is deprecated"),
        (Notice::UnknownHook { events, .. }, Helm::Three) => {
            format!("manifest_sorter.go:199: info: skipping unknown hook: {}", quoted(events))
        }
        (Notice::UnknownHook { events, .. }, Helm::Four) => {
            format!("level=INFO msg=\"skipping unknown hooks\" hookTypes={}", slog_value(events))
        }
        (Notice::CrdsNotInstalled, _) => helm
            .warning("This chart or one of its subcharts contains CRDs. Rendering may fail or contain inaccuracies."),
        (Notice::OrphanedApis { apis }, _) => {
            let reason = format!("unable to retrieve the complete list of server APIs: {}", orphans(apis));
            match helm {
                Helm::Three => {
                    let first = format!("The Kubernetes server has an orphaned API service. Server reports: {reason}");
                    let second = helm.warning("To fix this, kubectl delete apiservice <service-name>");
                    format!("{}\n{second}", helm.warning(&first))
                }
                Helm::Four => {
                    let first = helm.warning("the kubernetes server has an orphaned API service");
                    let second = helm.warning("to fix this, kubectl delete apiservice <service-name>");
                    format!("{first} error={}\n{second}", slog_value(&reason))
                }
            }
        }
        (Notice::UnservedLookup { group_version, kind, problem }, Helm::Three) => format!(
            "lookup_func.go:130: [ERROR] unable to retrieve resource list for: {group_version} , error: {problem}\n\
             lookup_func.go:104: [ERROR] unable to get apiresource from unstructured: {kind} , error {problem}"
        ),
        (Notice::UnservedLookup { group_version, kind, problem }, Helm::Four) => {
            let (group_version, kind, problem) = (slog_value(group_version), slog_value(kind), slog_value(problem));
            format!(
                "level=ERROR msg=\"unable to retrieve resource list\" GroupVersion={group_version} error={problem}\n\
                 level=ERROR msg=\"unable to get apiresource\" groupVersionKind={kind} error={problem}"
            )
        }
        // Helm asks nobody to check.
        (Notice::Unchecked { .. }, _) => helm.warning(&notice.to_string()),
    })
}

/// Names in backticks.
fn names(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What a phase is called in progress lines.
pub(super) const fn phase(phase: Phase, language: Language) -> &'static str {
    match phase {
        Phase::Render => language.of("render the chart", "渲染 chart"),
        Phase::Lock => language.of("take the lock", "获取锁"),
        Phase::Check => language.of("check the cluster", "检查集群"),
        Phase::Record => language.of("write the release record", "写入 release 记录"),
        Phase::Claims => language.of("create claims", "创建 PVC"),
        Phase::Files => language.of("look after configuration files", "处理配置文件"),
        Phase::Hooks => language.of("run hooks", "运行 hook"),
        Phase::Apply => language.of("apply objects", "应用对象"),
        Phase::Wait => language.of("wait until ready", "等待就绪"),
        Phase::Delete => language.of("delete objects", "删除对象"),
    }
}

/// What was done to an object, as one word.
pub(super) const fn change(change: Change, language: Language) -> &'static str {
    match change {
        Change::Created => language.of("created", "已创建"),
        Change::Configured => language.of("configured", "已更新"),
        Change::Unchanged => language.of("unchanged", "未改变"),
        Change::Deleted => language.of("deleted", "已删除"),
        Change::Kept => language.of("kept", "已保留"),
    }
}

/// How far an object is, as one word.
pub(super) const fn state(state: ObjectState, language: Language) -> &'static str {
    match state {
        ObjectState::Waiting => language.of("waiting", "等待"),
        ObjectState::Ready => language.of("ready", "就绪"),
        ObjectState::Failed => language.of("failed", "失败"),
        ObjectState::Terminating => language.of("terminating", "终止中"),
        ObjectState::Absent => language.of("gone", "已消失"),
    }
}

/// What was done to a file on a volume.
pub(super) fn file_change(change: &FileChange, language: Language) -> String {
    match (change, language) {
        (FileChange::Written, Language::English) => "written".to_owned(),
        (FileChange::Written, Language::Chinese) => "已写入".to_owned(),
        (FileChange::Kept, Language::English) => "kept as it is".to_owned(),
        (FileChange::Kept, Language::Chinese) => "保持原样".to_owned(),
        (FileChange::FieldsReset { fields, copy }, Language::English) => {
            format!("reset {} (copy: {copy})", fields.join(", "))
        }
        (FileChange::FieldsReset { fields, copy }, Language::Chinese) => {
            format!("已重置 {}（副本：{copy}）", fields.join("、"))
        }
        (FileChange::Replaced { copy }, Language::English) => format!("replaced (copy: {copy})"),
        (FileChange::Replaced { copy }, Language::Chinese) => format!("已替换（副本：{copy}）"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Helm, Language, Message};

    #[test]
    fn a_message_carries_its_facts_in_both_languages() {
        let message =
            Message::UnknownKey { file: "c.toml".into(), line: 3, key: "colour".to_owned(), nearest: Some("color") };
        for language in Language::ALL {
            let text = message.text(language);
            for fact in ["c.toml:3", "`colour`", "`color`"] {
                assert!(text.contains(fact), "{text}");
            }
        }
    }

    #[test]
    fn helm_4_warns_about_booleans_and_helm_3_does_not() {
        let message = Message::WaitBoolean { given: "true", instead: "watcher" };
        assert_eq!(
            message.helm(Helm::Four).as_deref(),
            Some(
                "level=WARN msg=\"--wait=true is deprecated (boolean value) and can be replaced with --wait=watcher\""
            )
        );
        assert_eq!(message.helm(Helm::Three), None);
    }
}
