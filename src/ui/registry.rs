//! What registries and repositories have to tell, and their errors, in the words of both languages.

use crate::registry::{Cause, Error, Notice, ProvenanceError};

use super::compat::Helm;
use super::failure::{Failure, HelmText, RoomFailure};
use super::language::Language;

/// A failure of the registry room, where no cluster was touched.
pub fn registry_failure(error: &Error, language: Language) -> Failure {
    let Failure::Room(mut room) = Failure::room(error.code(), error) else {
        return Failure::internal(error);
    };
    describe(error, language, &mut room);
    Failure::Room(room)
}

/// Puts what is known about an error into its report.
pub(super) fn describe(error: &Error, language: Language, room: &mut RoomFailure) {
    room.helm = helm_text(error);
    room.why = why(error, language);
    if room.why.is_some() {
        room.causes.clear();
    }
    room.evidence.extend(evidence(error));
    room.next.extend(next(error, language));
}

/// Helm's text where the generations differ.
fn helm_text(error: &Error) -> Option<HelmText> {
    let four = match error {
        Error::Tls(_) => format!("missing registry client: {error}"),
        _ => error.to_string(),
    };
    let three = match error {
        Error::NoTags(_) => four.replacen("unable", "Unable", 1),
        Error::NoVersion { .. } => four.replacen("could", "Could", 1),
        Error::Tls(_) => four.clone(),
        Error::Provenance(ProvenanceError::NoMessage) => format!("failed to decode signature: {four}"),
        _ => return None,
    };
    Some(HelmText { three, four, four_log: None })
}

/// The reason for people, where Helm's text does not say it well.
fn why(error: &Error, language: Language) -> Option<String> {
    let english = language == Language::English;
    Some(match error.root() {
        Error::Network(network) => {
            let host = network.url.split("://").nth(1).unwrap_or(&network.url);
            let host = host.split('/').next().unwrap_or_default();
            let through = match (&network.proxy, english) {
                (Some(proxy), true) => format!(" (through the proxy {proxy})"),
                (Some(proxy), false) => format!("（经由代理 {proxy}）"),
                (None, _) => String::new(),
            };
            let what = match (network.cause, english) {
                (Cause::Refused, true) => "nobody listens there",
                (Cause::Refused, false) => "对方没有监听该端口",
                (Cause::Name, true) => "the name is not known",
                (Cause::Name, false) => "无法解析该域名",
                (Cause::Timeout, true) => "no answer in time",
                (Cause::Timeout, false) => "未能及时得到应答",
                (Cause::Tls, true) => "the TLS connection could not be made",
                (Cause::Tls, false) => "无法建立 TLS 连接",
                (Cause::Proxy, true) => "the proxy does not lead there",
                (Cause::Proxy, false) => "代理无法连接到该地址",
                (Cause::Cut, true) => "the connection breaks off",
                (Cause::Cut, false) => "连接中断",
                (Cause::Other, true) => "it failed",
                (Cause::Other, false) => "连接失败",
            };
            if english { format!("`{host}`{through}: {what}") } else { format!("`{host}`{through}：{what}") }
        }
        Error::NoCredentials { url, .. } => {
            let host = url.split("://").nth(1).unwrap_or(url).split('/').next().unwrap_or_default();
            if english {
                format!("`{host}` wants to know who asks, and there are no credentials for it")
            } else {
                format!("`{host}` 要求登录，但没有它的凭据")
            }
        }
        Error::NotFound(what) => {
            if english {
                format!("there is no `{what}`")
            } else {
                format!("没有 `{what}`")
            }
        }
        Error::NoVersion { wanted, .. } => {
            if english {
                format!("no version fits `{wanted}`")
            } else {
                format!("没有符合 `{wanted}` 的版本")
            }
        }
        Error::Offline(what) => {
            if english {
                format!("`{what}` is not in the cache, and `--offline` forbids to fetch it")
            } else {
                format!("缓存中没有 `{what}`，而 `--offline` 禁止从网络获取")
            }
        }
        Error::Digest { what, expected, actual } => {
            if english {
                format!("`{what}` should have the digest {expected} and has {actual}")
            } else {
                format!("`{what}` 的摘要应为 {expected}，实际为 {actual}")
            }
        }
        Error::Provenance(error) => return why_unsigned(error, english),
        _ => return None,
    })
}

/// What is wrong with a signature, for people.
fn why_unsigned(error: &ProvenanceError, english: bool) -> Option<String> {
    let say = |one: &str, other: &str| Some(if english { one.to_owned() } else { other.to_owned() });
    match error {
        ProvenanceError::Unpacked => {
            say("a chart's folder has no signature; only archives do", "chart 的目录没有签名，只有压缩包才有")
        }
        ProvenanceError::Missing { path, .. } => {
            let path = path.display();
            say(&format!("there is no provenance file `{path}`"), &format!("没有 provenance 文件 `{path}`"))
        }
        ProvenanceError::NoMessage => say("the provenance file holds no signature", "provenance 文件中没有签名"),
        ProvenanceError::UnknownSigner => {
            say("no key of the keyring has made the signature", "该签名不是由 keyring 中的任何密钥作出的")
        }
        ProvenanceError::Revoked => say("the signer's key was revoked", "签名者的密钥已被吊销"),
        ProvenanceError::KeyExpired => say("the signer's key has expired", "签名者的密钥已过期"),
        ProvenanceError::SignatureExpired => say("the signature has expired", "签名已过期"),
        ProvenanceError::Invalid(text) => {
            say(&format!("the signature is not for this text: {text}"), &format!("签名与所签的文本不符：{text}"))
        }
        ProvenanceError::OtherName { name } => say(
            &format!("the signature is not for a file named `{name}`"),
            &format!("签名不是针对名为 `{name}` 的文件"),
        ),
        ProvenanceError::OtherContent { name, promised, actual } => say(
            &format!("`{name}` was signed with the digest {promised} and has {actual}"),
            &format!("`{name}` 签名时的摘要为 {promised}，实际为 {actual}"),
        ),
        _ => None,
    }
}

fn evidence(error: &Error) -> Vec<String> {
    match error.root() {
        Error::Network(network) => {
            let mut lines = vec![format!("{} {}", network.method, network.url)];
            lines.extend(network.chain.iter().cloned());
            lines
        }
        Error::NoVersion { newest, .. } if !newest.is_empty() => vec![newest.join(", ")],
        _ => Vec::new(),
    }
}

fn next(error: &Error, language: Language) -> Vec<String> {
    let english = language == Language::English;
    let say = |one: &str, other: &str| vec![if english { one.to_owned() } else { other.to_owned() }];
    match error.root() {
        Error::NoCredentials { url, .. } => login_hint(url, english),
        Error::Refused(refusal) if matches!(refusal.status, 401 | 403) => login_hint(&refusal.url, english),
        Error::Network(network) if network.text.contains("server gave HTTP response") => say(
            "the registry speaks without TLS; if that is right, add `--plain-http`",
            "该镜像仓库不使用 TLS；如果确实如此，请加上 `--plain-http`",
        ),
        Error::Network(network) if network.text.contains("unknown authority") => {
            say("name the authority that signed its certificate with `--ca-file`", "用 `--ca-file` 指定签发其证书的 CA")
        }
        Error::Source(text) if text.starts_with("repo ") || text.starts_with("non-absolute") => say(
            "maibot keeps no list of repositories: write `oci://…`, an address of an archive, or add `--repo URL`",
            "maibot 不维护仓库列表：请写 `oci://…` 或压缩包的地址，或加上 `--repo URL`",
        ),
        Error::Provenance(ProvenanceError::Keyring(_)) => say(
            "write the public keys to a file, `gpg --export > keys.gpg`, and name it with `--keyring`",
            "把公钥导出到文件：`gpg --export > keys.gpg`，再用 `--keyring` 指定它",
        ),
        _ => Vec::new(),
    }
}

fn login_hint(url: &str, english: bool) -> Vec<String> {
    let host = url.split("://").nth(1).unwrap_or(url).split('/').next().unwrap_or_default();
    vec![if english {
        format!("log in: `maibot registry login {host}`")
    } else {
        format!("请先登录：`maibot registry login {host}`")
    }]
}

/// A notice in a language.
pub(super) fn text(notice: &Notice, language: Language) -> String {
    let english = language == Language::English;
    match notice {
        Notice::Retry { cause, delay } => {
            let seconds = format!("{:.1}", delay.as_secs_f64());
            if english {
                format!("trying again in {seconds} s: {cause}")
            } else {
                format!("{seconds} s 后重试：{cause}")
            }
        }
        Notice::Helper { command, line } => {
            if english {
                format!("{command}: {line}")
            } else {
                format!("{command}：{line}")
            }
        }
        Notice::Pulled { reference, digest, .. } => {
            if english {
                format!("pulled `{reference}` ({digest})")
            } else {
                format!("已拉取 `{reference}`（{digest}）")
            }
        }
        Notice::Pushed { reference, digest } => {
            if english {
                format!("pushed `{reference}` ({digest})")
            } else {
                format!("已推送 `{reference}`（{digest}）")
            }
        }
        Notice::OldMediaType { media_type } => {
            if english {
                format!("the chart has the outdated media type `{media_type}`")
            } else {
                format!("该 chart 使用了过时的 media type `{media_type}`")
            }
        }
        Notice::DamagedCache { path } => {
            let path = path.display();
            if english {
                format!("`{path}` in the cache is damaged and not used")
            } else {
                format!("缓存中的 `{path}` 已损坏，不予使用")
            }
        }
        Notice::UnusableCache { path, reason } => {
            let path = path.display();
            if english {
                format!("the cache cannot be written, going on without: `{path}`: {reason}")
            } else {
                format!("无法写入缓存，继续执行：`{path}`：{reason}")
            }
        }
        Notice::NoProvenance { chart, reason } => {
            if english {
                format!("there is no provenance file for `{chart}`: {reason}")
            } else {
                format!("`{chart}` 没有 provenance 文件：{reason}")
            }
        }
        Notice::NearestVersion { chart, requested, selected } => {
            if english {
                format!("`{chart}` has no version `{requested}`; taking `{selected}`")
            } else {
                format!("`{chart}` 没有版本 `{requested}`，改用 `{selected}`")
            }
        }
    }
}

/// A notice in Helm's words, if Helm says it.
pub(super) fn helm(notice: &Notice, helm: Helm) -> Option<String> {
    match notice {
        Notice::Pulled { reference, digest, .. } => {
            Some(with_note(format!("Pulled: {reference}\nDigest: {digest}"), reference, reference))
        }
        Notice::Pushed { reference, digest } => {
            // Helm looks at the tag only.
            let tag = reference.rsplit_once(':').map_or("", |(_, tag)| tag);
            Some(with_note(format!("Pushed: {reference}\nDigest: {digest}"), reference, tag))
        }
        Notice::OldMediaType { media_type } => Some(format!("Warning: chart media type {media_type} is deprecated")),
        Notice::NoProvenance { chart, reason } => {
            Some(format!("WARNING: Verification not found for {chart}: {reason}"))
        }
        Notice::NearestVersion { chart, requested, selected } => (helm == Helm::Four).then(|| {
            format!(
                "{} chart={chart} requested={requested} selected={selected}",
                helm.warning("unable to find exact version requested; falling back to closest available version")
            )
        }),
        Notice::Helper { line, .. } => Some(line.clone()),
        Notice::Retry { .. } | Notice::DamagedCache { .. } | Notice::UnusableCache { .. } => None,
    }
}

/// Helm's explanation of underscores.
fn with_note(text: String, reference: &str, looked_at: &str) -> String {
    if !looked_at.contains('_') {
        return text;
    }
    format!(
        "{text}\n{reference} contains an underscore.\n\n\
         OCI artifact references (e.g. tags) do not support the plus sign (+). To support\n\
         storing semantic versions, Helm adopts the convention of changing plus (+) to\n\
         an underscore (_) in chart version tags when pushing to a registry and back to\n\
         a plus (+) when pulling from a registry."
    )
}
