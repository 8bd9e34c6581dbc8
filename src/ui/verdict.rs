//! What the verbs' errors mean to the user: the reason in both languages, the evidence, the state things are in and
//! the next command. Errors that are not told apart here keep their technical text as the reason.

use crate::action::dependency::DependencyError;
use crate::action::ownership::LookProblem;
use crate::action::{Aftermath, BuildProblem, Error, Failure as ActionFailure, Phase};
use crate::application::consent::Found;
use crate::application::names::NameError;
use crate::cluster::wait::{NotReady, WaitError};
use crate::cluster::{self, Cause, ConfigError};

use super::compat::quoted;
use super::excerpt;
use super::failure::{Failure, HelmText, RoomFailure};
use super::language::Language;
use super::template_trouble::TroubleTeller;
use super::values_trouble::ValuesTeller;

/// Turns a verb's failure into a report of one language; `command` is the verb that was run, for the next step.
pub fn verdict(failure: ActionFailure, language: Language, command: &str) -> Failure {
    let ActionFailure { error, aftermath } = failure;
    let teller = Teller { language, command };
    if matches!(*error, Error::Interrupted) {
        let (state, next) = teller.aftermath(&aftermath);
        return Failure::Interrupted { state: Some(state), next };
    }
    let Failure::Room(mut room) = Failure::room(error.code(), error.as_ref()) else {
        return Failure::internal(error.as_ref());
    };
    let RoomFailure { why, helm, evidence, state, next, causes, .. } = room.as_mut();
    *why = teller.why(&error);
    if why.is_some() {
        causes.clear();
    }
    *helm = helm_text(&error, command);
    *evidence = teller.evidence(&error);
    next.extend(teller.next(&error));
    if let Error::Template(fault) = error.as_ref() {
        let place = fault.place.as_ref().map(excerpt::spot_alone);
        let teller = TroubleTeller { language, trouble: &fault.error.trouble, place: place.as_deref() };
        *why = Some(teller.why());
        causes.clear();
        *evidence = teller.evidence();
        next.extend(teller.next());
    }
    let (told, way_on) = teller.aftermath(&aftermath);
    *state = Some(told);
    next.extend(way_on);
    match error.as_ref() {
        Error::Registry(error) => super::registry::describe(error, language, &mut room),
        Error::Download { reference, error } => {
            super::registry::describe(error, language, &mut room);
            if let Some(said) = &mut room.helm {
                let before = format!("could not download {reference}: ");
                said.three.insert_str(0, &before);
                said.four.insert_str(0, &before);
            }
        }
        Error::Dependency(DependencyError::LoginForSeveralHosts(_)) => room.next.push(teller.of(
            "keep a login for each registry, `maibot registry login HOST`, and leave `--username` out",
            "为每个镜像仓库分别保存登录信息：`maibot registry login HOST`，并去掉 `--username`",
        )),
        _ => {}
    }
    Failure::Room(room)
}

/// The error of the cluster room at the bottom, if that is where it comes from.
fn cluster_error(error: &Error) -> Option<&cluster::Error> {
    match error {
        Error::Cluster(error) | Error::Store(crate::release::StoreError::Cluster(error)) => Some(error),
        Error::Wait(wait) => match wait.as_ref() {
            WaitError::Cluster(error) => Some(error),
            WaitError::NotReady { .. } => None,
        },
        _ => None,
    }
}

/// What Helm says in this place, as far as the generations differ or the verb matters.
fn helm_text(error: &Error, command: &str) -> Option<HelmText> {
    let renders = matches!(command, "install" | "template");
    // Helm 4 wraps what is wrong with a name, and logs it before.
    let check_failed = |three: String, four: String| HelmText {
        three,
        four_log: Some(format!("level=ERROR msg=\"release name check failed\" error={}", quoted(&four))),
        four: format!("release name check failed: {four}"),
    };
    match error {
        Error::Name(text @ NameError::Helm { name }) if renders => {
            let told = format!("release name {}: {text}", quoted(name));
            Some(check_failed(told.clone(), told))
        }
        Error::Name(NameError::Helm { name }) => {
            let told = match command {
                "history" => format!("release name is invalid: {name}"),
                "uninstall" => format!("uninstall: Release name is invalid: {name}"),
                _ => format!("releaseContent: Release name is invalid: {name}"),
            };
            Some(HelmText { three: told.clone(), four: told, four_log: None })
        }
        Error::NameInUse { .. } => {
            let told = error.to_string();
            Some(check_failed(told.replace("reuse", "re-use"), told))
        }
        Error::Dependencies(cause) => {
            let (three, four) = (cause.to_string(), error.to_string());
            let four_log = format!("level=ERROR msg=\"chart dependencies processing failed\" error={}", quoted(&three));
            Some(HelmText { three, four, four_log: Some(four_log) })
        }
        Error::MissingDependencies { .. } => {
            let four = error.to_string().replace("'maibot dependency build'", "'helm dependency build'");
            let three =
                four.replacen("an error", "An error", 1).replace("'helm dependency build'", "`helm dependency build`");
            Some(HelmText { three, four, four_log: None })
        }
        Error::Ownership { .. } | Error::Look { .. } => {
            let four = error.to_string();
            Some(HelmText { three: four.replacen("unable", "Unable", 1), four, four_log: None })
        }
        _ => {
            let cause = cluster_error(error).and_then(go_cause)?;
            let three = format!("Kubernetes cluster unreachable: {cause}");
            let four = format!("kubernetes cluster unreachable: {cause}");
            if !renders {
                return Some(HelmText { three, four, four_log: None });
            }
            let four = format!("cluster reachability check failed: {four}");
            Some(HelmText { three, four_log: Some(format!("level=ERROR msg={}", quoted(&four))), four })
        }
    }
}

/// What Go says when nothing listens; without a kubeconfig Helm tries `localhost:8080`.
fn go_cause(error: &cluster::Error) -> Option<String> {
    let address = match error {
        cluster::Error::Unreachable(unreachable) if unreachable.cause == Cause::Refused => unreachable.address.as_str(),
        cluster::Error::Config(ConfigError::NotFound { .. }) => "http://localhost:8080",
        cluster::Error::Config(ConfigError::File { what, path, message })
            if what == "kubeconfig" && message == "no such file" =>
        {
            return Some(format!("stat {}: no such file or directory", path.display()));
        }
        _ => return None,
    };
    let host = address.split("://").nth(1).unwrap_or(address).split('/').next().unwrap_or_default();
    let dialled = host.replace("localhost", "127.0.0.1");
    Some(format!("Get \"{}/version\": dial tcp {dialled}: connect: connection refused", address.trim_end_matches('/')))
}

#[derive(Clone, Copy)]
struct Teller<'a> {
    language: Language,
    command: &'a str,
}

impl Teller<'_> {
    fn of(self, english: impl Into<String>, chinese: impl Into<String>) -> String {
        match self.language {
            Language::English => english.into(),
            Language::Chinese => chinese.into(),
        }
    }

    /// The reason, where it is worth a sentence of its own.
    fn why(self, error: &Error) -> Option<String> {
        Some(match error {
            Error::Consent(error) => {
                let keys = error.missing.join("`, `");
                match error.found {
                    Found::QuotedBoolean => self.of(
                        format!("`{keys}` must be `true` without quotes; what is there is text"),
                        format!("`{keys}` 必须是不带引号的 `true`，现在写的是文本"),
                    ),
                    _ => self.of(
                        format!(
                            "`{keys}` must be `true`: MaiBot may be installed only by who has read and agreed to them"
                        ),
                        format!("`{keys}` 必须是 `true`：阅读并同意之后才能安装麦麦"),
                    ),
                }
            }
            Error::NameInUse { release, namespace, revision, status } => self.of(
                format!("release `{release}` is in namespace `{namespace}` already: revision {revision}, {status}"),
                format!("命名空间 `{namespace}` 中已有 release `{release}`：revision {revision}，{status}"),
            ),
            Error::ReleaseNotFound { release, namespace } | Error::NotLoaded { release, namespace } => self.of(
                format!("there is no release `{release}` in namespace `{namespace}`"),
                format!("命名空间 `{namespace}` 中没有 release `{release}`"),
            ),
            Error::AlreadyUninstalled { release } => self.of(
                format!("release `{release}` is uninstalled already; its history was kept"),
                format!("release `{release}` 已经卸载，历史记录仍保留"),
            ),
            Error::NamespaceMissing { namespace } => {
                self.of(format!("there is no namespace `{namespace}`"), format!("没有命名空间 `{namespace}`"))
            }
            Error::Locked { release, holder } => self.of(
                format!("{holder} is working on release `{release}`"),
                format!("{holder} 正在操作 release `{release}`"),
            ),
            Error::LockLost { release } => self.of(
                format!(
                    "another run has taken over release `{release}`, because this one could not renew its lock in time"
                ),
                format!("未能及时续期，release `{release}` 的锁已被另一次运行接管"),
            ),
            Error::Ownership { foreign } => {
                let count = foreign.len();
                self.of(
                    format!("{count} objects with names of this release exist and do not belong to it"),
                    format!("有 {count} 个同名对象已存在，但不属于此 release"),
                )
            }
            Error::Build { problems } => {
                let count = problems.len();
                self.of(
                    format!("{count} documents of the manifest are no objects of this cluster"),
                    format!("清单中有 {count} 个文档不是此集群的对象"),
                )
            }
            Error::Look { object, problem, .. } => self.of(
                format!("whether `{object}` is there already is not known: {problem}"),
                format!("无法得知 `{object}` 是否已存在：{problem}"),
            ),
            Error::TwoNames => self.of(
                "an object has both `metadata.name` and `metadata.generateName`",
                "某个对象同时写了 `metadata.name` 和 `metadata.generateName`",
            ),
            Error::Wait(wait) => match wait.as_ref() {
                WaitError::NotReady { timed_out: true, elapsed, .. } => {
                    let seconds = elapsed.as_secs();
                    self.of(format!("not everything is ready after {seconds} s"), format!("{seconds} s 后仍未全部就绪"))
                }
                WaitError::NotReady { .. } => self.of("waiting longer would not help", "继续等待也无济于事"),
                WaitError::Cluster(error) => return self.cluster_why(error),
            },
            Error::Cluster(error) | Error::Store(crate::release::StoreError::Cluster(error)) => {
                return self.cluster_why(error);
            }
            Error::Delete { failed, .. } => {
                let count = failed.len();
                self.of(format!("{count} objects could not be deleted"), format!("有 {count} 个对象无法删除"))
            }
            Error::Schema { error, .. } => ValuesTeller { language: self.language }.why_schema(error),
            Error::UnknownKeys { found } => ValuesTeller { language: self.language }.why_unknown(found),
            _ => return None,
        })
    }

    fn evidence(self, error: &Error) -> Vec<String> {
        match error {
            Error::Ownership { foreign } => {
                foreign.iter().map(|foreign| format!("{}: {}", foreign.object, foreign.violation)).collect()
            }
            Error::Build { problems } => problems.iter().map(|problem| self.build_problem(problem)).collect(),
            Error::Look { problem: LookProblem::Cluster(error), .. } => self.cluster(error),
            Error::Delete { failed, .. } => failed.iter().map(|(object, words)| format!("{object}: {words}")).collect(),
            Error::Schema { error, blames, .. } => ValuesTeller { language: self.language }.schema(error, blames),
            Error::UnknownKeys { found } => ValuesTeller { language: self.language }.all_unknown(found),
            Error::Wait(wait) => match wait.as_ref() {
                WaitError::NotReady { not_ready, .. } => not_ready.iter().flat_map(not_ready_lines).collect(),
                WaitError::Cluster(error) => self.cluster(error),
            },
            Error::Cluster(error) | Error::Store(crate::release::StoreError::Cluster(error)) => self.cluster(error),
            _ => Vec::new(),
        }
    }

    /// What is wrong with a document.
    fn build_problem(self, problem: &BuildProblem) -> String {
        match problem {
            BuildProblem::Unnamed { keys } => {
                let keys = keys.join("`, `");
                self.of(format!("a document without `{keys}`"), format!("有文档缺少 `{keys}`"))
            }
            BuildProblem::Metadata { kind, name, problem } => format!("`{kind}/{name}`: {problem}"),
            BuildProblem::UnknownKind { api_version, kind, name, .. } => self.of(
                format!("`{kind}/{name}`: no kind `{kind}` in version `{api_version}`"),
                format!("`{kind}/{name}`：版本 `{api_version}` 中没有种类 `{kind}`"),
            ),
        }
    }

    /// Why no answer came.
    fn cluster_why(self, error: &cluster::Error) -> Option<String> {
        let cluster::Error::Unreachable(unreachable) = error else { return None };
        let (english, chinese) = match unreachable.cause {
            Cause::Refused => ("nothing listens at this address", "该地址上没有服务在监听"),
            Cause::Name => ("the name cannot be resolved", "无法解析主机名"),
            Cause::Timeout => ("no connection in time", "连接超时"),
            Cause::Tls => ("no trusted connection (TLS)", "无法建立受信任的连接（TLS）"),
            Cause::Proxy => ("the proxy cannot be reached or refuses", "无法连接代理，或代理拒绝了连接"),
            Cause::Cut => ("the connection was cut", "连接被中断"),
            Cause::Other => ("no answer", "没有应答"),
        };
        Some(self.of(english, chinese))
    }

    fn cluster(self, error: &cluster::Error) -> Vec<String> {
        match error {
            cluster::Error::Conflict { fields, .. } => {
                fields.iter().map(|conflict| format!("`{}`: {}", conflict.field, conflict.manager)).collect()
            }
            cluster::Error::Invalid { causes, .. } => {
                causes.iter().map(|cause| format!("`{}`: {}", cause.field, cause.message)).collect()
            }
            cluster::Error::Forbidden(forbidden) => {
                let place = forbidden.namespace.as_deref().map_or_else(
                    || self.of("in the whole cluster", "整个集群"),
                    |namespace| self.of(format!("in namespace `{namespace}`"), format!("命名空间 `{namespace}`")),
                );
                vec![self.of(
                    format!("user `{}` may not `{}` `{}` {place}", forbidden.user, forbidden.verb, forbidden.resource),
                    format!(
                        "用户 `{}` 无权在{place}对 `{}` 执行 `{}`",
                        forbidden.user, forbidden.resource, forbidden.verb
                    ),
                )]
            }
            cluster::Error::Unreachable(unreachable) => {
                let mut lines = vec![
                    self.of(format!("address `{}`", unreachable.address), format!("地址 `{}`", unreachable.address)),
                ];
                if let Some(proxy) = &unreachable.proxy {
                    lines.push(self.of(format!("through proxy `{proxy}`"), format!("经由代理 `{proxy}`")));
                }
                lines.extend(unreachable.chain.iter().cloned());
                lines
            }
            cluster::Error::Config(ConfigError::Plugin { stderr, hint, .. }) => {
                stderr.iter().cloned().chain(Some(hint.trim().to_owned()).filter(|hint| !hint.is_empty())).collect()
            }
            cluster::Error::TooManyRequests { retry_after: Some(after), .. } => {
                let seconds = after.as_secs();
                vec![
                    self.of(
                        format!("the server asked for {seconds} s of patience"),
                        format!("服务器要求等待 {seconds} s"),
                    ),
                ]
            }
            _ => Vec::new(),
        }
    }

    fn next(self, error: &Error) -> Option<String> {
        Some(match error {
            Error::Consent(_) => self.of(
                "read both texts (their addresses are in `values.yaml`), then add `--set EULA_AGREE=true,PRIVACY_AGREE=true` or put both into your values file",
                "阅读两份文本（地址见 `values.yaml`），然后加上 `--set EULA_AGREE=true,PRIVACY_AGREE=true`，或写进你的 values 文件",
            ),
            Error::NameInUse { release, .. } => self.of(
                format!("choose another name, or remove the old release first: `maibot uninstall {release}`; its volumes stay. Over a failed one, `--replace` installs anew"),
                format!("换一个名字，或先移除旧的：`maibot uninstall {release}`，存储卷会保留；失败的 release 也可以用 `--replace` 重新安装"),
            ),
            Error::ReleaseNotFound { .. } | Error::NotLoaded { .. } => self.of(
                "`maibot list -A` shows every release",
                "`maibot list -A` 显示全部 release",
            ),
            Error::UnknownKeys { .. } => self.of(
                "correct or remove the keys; without `--strict` they are only warned about",
                "改正或删除这些键；不加 `--strict` 时只会警告",
            ),
            Error::MissingDependencies { .. } => self.of(
                "`maibot dependency build CHART` fetches them",
                "`maibot dependency build CHART` 会取来它们",
            ),
            Error::NamespaceMissing { .. } => self.of("add `--create-namespace`", "加上 `--create-namespace`"),
            Error::Locked { .. } => self.of("wait until that run has ended", "等待那次运行结束"),
            Error::Ownership { .. } => self.of(
                "choose another release name, or take the objects over with `--take-ownership`",
                "换一个 release 名，或用 `--take-ownership` 接管这些对象",
            ),
            Error::Cluster(cluster::Error::Conflict { .. }) => self.of(
                "`--force-conflicts` takes the fields over",
                "`--force-conflicts` 会接管这些字段",
            ),
            _ => return None,
        })
    }

    /// The state, and the way on from there.
    fn aftermath(self, aftermath: &Aftermath) -> (String, Option<String>) {
        let command = self.command;
        match aftermath {
            Aftermath::Untouched => (self.of("nothing on the cluster was changed", "集群上没有任何改动"), None),
            Aftermath::Suspended { phase, release, revision } => (
                self.of(
                    format!("release `{release}` revision {revision} stopped while {}; nothing is lost", phase_words(*phase, Language::English)),
                    format!("release `{release}` revision {revision} 停在“{}”，没有丢失任何东西", phase_words(*phase, Language::Chinese)),
                ),
                Some(self.of(
                    format!("the same `maibot {command}` again goes on from there"),
                    format!("再次执行同样的 `maibot {command}`，会接着完成"),
                )),
            ),
            Aftermath::Failed { release, revision, applied, objects } => (
                self.of(
                    format!("release `{release}` revision {revision} is recorded as failed; {applied} of {objects} objects are applied and stay, volumes included"),
                    format!("release `{release}` revision {revision} 记为失败；{objects} 个对象中已应用 {applied} 个，连同存储卷都保留"),
                ),
                Some(self.of(
                    format!("repair the cause, then `maibot {command} {release} … --replace`; or `maibot uninstall {release}`, volumes stay"),
                    format!("排除原因后执行 `maibot {command} {release} … --replace`；或 `maibot uninstall {release}`，存储卷会保留"),
                )),
            ),
            Aftermath::HalfDeleted { release } => (
                self.of(
                    format!("release `{release}` is being uninstalled and not all of it is gone"),
                    format!("release `{release}` 正在卸载，尚有对象未删除"),
                ),
                Some(self.of("the same command again goes on from there", "再次执行同样的命令，会接着完成")),
            ),
        }
    }
}

fn phase_words(phase: Phase, language: Language) -> &'static str {
    match phase {
        Phase::Render => language.of("rendering", "渲染"),
        Phase::Lock => language.of("taking the lock", "加锁"),
        Phase::Check => language.of("checking the cluster", "检查集群"),
        Phase::Record => language.of("writing the record", "写入记录"),
        Phase::Claims => language.of("creating claims", "创建 PVC"),
        Phase::Files => language.of("writing configuration files", "写入配置文件"),
        Phase::Hooks => language.of("running hooks", "运行 hook"),
        Phase::Apply => language.of("applying objects", "应用对象"),
        Phase::Wait => language.of("waiting for readiness", "等待就绪"),
        Phase::Delete => language.of("deleting objects", "删除对象"),
    }
}

/// What is known about an object that is not ready: the object, then its Pods with the ends of their logs.
fn not_ready_lines(object: &NotReady) -> Vec<String> {
    let mut lines = vec![format!("{} {}/{}: {}", object.code, object.object.kind, object.object.name, object.reason)];
    for evidence in &object.evidence {
        let name = format!("{}/{}", evidence.object.kind, evidence.object.name);
        lines.push(format!("  {name}: {}", evidence.state));
        lines.extend(evidence.troubles.iter().map(|trouble| format!("    {trouble}")));
        for warning in &evidence.warnings {
            lines.push(format!("  {name}: {warning}"));
        }
        for log in &evidence.logs {
            lines.extend(log.lines.iter().map(|line| format!("    {} | {line}", log.container)));
        }
    }
    lines
}
