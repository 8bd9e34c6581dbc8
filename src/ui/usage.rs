//! What can be wrong with a command line, and how it is said: in both languages, and in Helm's own words.

use super::compat::{Helm, quoted};
use super::language::Language;

/// What is wrong with a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Usage {
    /// A flag that the command does not have.
    UnknownFlag {
        /// As typed: `--nmespace`, or `-x`.
        flag: String,
        /// The group of short flags it came in, without the dash: `xyz`.
        group: Option<String>,
        /// The nearest right one.
        nearest: Option<String>,
    },
    /// A command that is not there.
    UnknownCommand {
        /// As typed.
        name: String,
        /// The command it was looked for in, such as `maibot get`.
        parent: String,
        /// The nearest right one.
        nearest: Option<String>,
        /// What Helm would suggest, in its order.
        helm: Vec<String>,
    },
    /// A flag without its value.
    MissingValue {
        /// The flag, as typed.
        flag: String,
    },
    /// A value that cannot be used.
    BadValue {
        /// The flag as its command declares it: `-o, --output`.
        flag: String,
        /// The value.
        value: String,
        /// What is wrong with it.
        reason: Reason,
    },
    /// Two flags that exclude each other.
    Conflict {
        /// The one, with dashes.
        flag: String,
        /// The other, with dashes.
        other: String,
    },
    /// Too few or too many arguments.
    Arguments {
        /// How the command is used, such as `maibot status RELEASE_NAME [flags]`.
        usage: String,
        /// How many it takes.
        arity: Arity,
        /// The first one too many.
        extra: Option<String>,
    },
    /// Neither a name nor `--generate-name`.
    NoName,
    /// A name and a flag that makes one.
    NameTwice {
        /// The flag, with dashes.
        flag: &'static str,
    },
    /// `--hide-secret` without a dry run.
    HideSecretWithoutDryRun,
    /// `--show-only` names a template that the chart does not have.
    NoTemplate {
        /// The pattern.
        pattern: String,
    },
    /// An argument is not Unicode.
    NotUnicode,
    /// Something else, in the parser's words.
    Other(String),
}

/// How many arguments a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// None.
    None,
    /// Exactly so many.
    Exactly(usize),
    /// At least so many.
    AtLeast(usize),
    /// At most so many.
    AtMost(usize),
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Not a duration such as `5m30s`; the text is Go's.
    Duration(String),
    /// Not an integer; the text is Go's.
    Integer(String),
    /// Not a number; the text is Go's.
    Number(String),
    /// Not a boolean.
    Boolean,
    /// Not one of these.
    OneOf {
        /// The right ones.
        allowed: &'static [&'static str],
        /// The whole of Helm's error text, when it does not begin with `invalid argument`.
        helm: Option<String>,
    },
    /// A `-o` that is no format.
    Format,
    /// Not `key=value`; the field holds the part that is not.
    KeyValue(String),
    /// A list with broken quotes; the text is Go's.
    List(String),
    /// Not a regular expression; the text is that of the engine.
    Expression(String),
    /// Not a `JSONPath` template; the text is client-go's.
    JsonPath(String),
}

impl Usage {
    /// What is wrong, as one sentence.
    pub fn what(&self, language: Language) -> String {
        match language {
            Language::English => self.english(),
            Language::Chinese => self.chinese(),
        }
    }

    fn english(&self) -> String {
        match self {
            Self::UnknownFlag { flag, .. } => format!("unknown flag `{flag}`"),
            Self::UnknownCommand { name, parent, .. } => format!("`{parent}` has no command `{name}`"),
            Self::MissingValue { flag } => format!("`{flag}` needs a value"),
            Self::BadValue { flag, value, reason } => {
                format!("`{value}` cannot be used for `{flag}`: {}", reason.text(Language::English))
            }
            Self::Conflict { flag, other } => format!("`{flag}` and `{other}` exclude each other"),
            Self::Arguments { arity, extra, .. } => match extra {
                Some(extra) => format!("unexpected argument `{extra}`: {}", arity.english()),
                None => format!("an argument is missing: {}", arity.english()),
            },
            Self::NoName => "a release needs a name, or `--generate-name`".to_owned(),
            Self::NameTwice { flag } => format!("a name and `{flag}` exclude each other"),
            Self::HideSecretWithoutDryRun => "`--hide-secret` works with `--dry-run` only".to_owned(),
            Self::NoTemplate { pattern } => format!("no template of the chart matches `{pattern}`"),
            Self::NotUnicode => "an argument is not Unicode text".to_owned(),
            Self::Other(text) => text.clone(),
        }
    }

    fn chinese(&self) -> String {
        match self {
            Self::UnknownFlag { flag, .. } => format!("没有名为 `{flag}` 的选项"),
            Self::UnknownCommand { name, parent, .. } => format!("`{parent}` 没有名为 `{name}` 的命令"),
            Self::MissingValue { flag } => format!("`{flag}` 需要一个值"),
            Self::BadValue { flag, value, reason } => {
                format!("`{value}` 不能用作 `{flag}` 的值：{}", reason.text(Language::Chinese))
            }
            Self::Conflict { flag, other } => format!("`{flag}` 与 `{other}` 不能同时使用"),
            Self::Arguments { arity, extra, .. } => match extra {
                Some(extra) => format!("多余的参数 `{extra}`：{}", arity.chinese()),
                None => format!("缺少参数：{}", arity.chinese()),
            },
            Self::NoName => "release 需要一个名字，或使用 `--generate-name`".to_owned(),
            Self::NameTwice { flag } => format!("名字与 `{flag}` 不能同时使用"),
            Self::HideSecretWithoutDryRun => "`--hide-secret` 只能与 `--dry-run` 一起使用".to_owned(),
            Self::NoTemplate { pattern } => format!("chart 中没有与 `{pattern}` 匹配的模板"),
            Self::NotUnicode => "有一个参数不是 Unicode 文本".to_owned(),
            Self::Other(text) => text.clone(),
        }
    }

    /// What to do, if it is known.
    pub fn next(&self, language: Language) -> Option<String> {
        match self {
            Self::UnknownFlag { nearest: Some(nearest), .. } | Self::UnknownCommand { nearest: Some(nearest), .. } => {
                Some(match language {
                    Language::English => format!("did you mean `{nearest}`?"),
                    Language::Chinese => format!("是否想写 `{nearest}`？"),
                })
            }
            Self::BadValue { reason: Reason::OneOf { allowed, .. }, value, .. } => {
                super::suggest::nearest(value, allowed.iter().copied()).map(|nearest| match language {
                    Language::English => format!("did you mean `{nearest}`?"),
                    Language::Chinese => format!("是否想写 `{nearest}`？"),
                })
            }
            Self::Arguments { usage, .. } => Some(match language {
                Language::English => format!("use it as `{usage}`"),
                Language::Chinese => format!("用法：`{usage}`"),
            }),
            _ => None,
        }
    }

    /// Helm's text after `Error: `.
    pub fn helm(&self, helm: Helm) -> String {
        match self {
            Self::UnknownFlag { flag, group, .. } => {
                if let Some(name) = flag.strip_prefix("--") {
                    format!("unknown flag: --{name}")
                } else {
                    let letter = flag.trim_start_matches('-');
                    let group = group.as_deref().unwrap_or(letter);
                    format!("unknown shorthand flag: '{}' in -{group}", letter.chars().next().unwrap_or('?'))
                }
            }
            Self::UnknownCommand { name, parent, helm: suggestions, .. } => {
                let mut text = format!("unknown command {} for {}", quoted(name), quoted(&as_helm(parent)));
                if !suggestions.is_empty() {
                    text.push_str("\n\nDid you mean this?\n");
                    for suggestion in suggestions {
                        text.push('\t');
                        text.push_str(suggestion);
                        text.push('\n');
                    }
                }
                text + &format!("\nRun '{} --help' for usage.", as_helm(parent))
            }
            Self::MissingValue { flag } if flag.starts_with("--") => format!("flag needs an argument: {flag}"),
            Self::MissingValue { flag } => {
                let letter = flag.trim_start_matches('-');
                format!("flag needs an argument: '{letter}' in -{letter}")
            }
            Self::BadValue { flag, value, reason } => match reason {
                Reason::OneOf { helm: Some(text), .. } => text.clone(),
                Reason::JsonPath(text) => format!("error parsing jsonpath {value}: {text}"),
                _ => format!(
                    "invalid argument {} for {} flag: {}",
                    quoted(value),
                    quoted(flag),
                    reason.helm(value, helm)
                ),
            },
            Self::Conflict { flag, other } => {
                // The group is shown as it was declared, the set ones sorted.
                let mut names = [flag.trim_start_matches('-'), other.trim_start_matches('-')];
                names.sort_by_key(|name| matches!(*name, "force-conflicts" | "dry-run"));
                let group = names.join(" ");
                names.sort_unstable();
                format!(
                    "if any flags in the group [{group}] are set none of the others can be; [{}] were all set",
                    names.join(" ")
                )
            }
            Self::Arguments { usage, arity: Arity::AtMost(2), extra: Some(extra) } => {
                let prefix = if usage.starts_with("maibot install") { "INSTALLATION FAILED: " } else { "" };
                format!("{prefix}expected at most two arguments, unexpected arguments: {extra}")
            }
            Self::Arguments { usage, arity, .. } => {
                let usage = as_helm(usage).replace(" [VARIABLE]", "");
                let path: Vec<&str> =
                    usage.split(' ').take_while(|word| word.starts_with(char::is_lowercase)).collect();
                format!("{} {}\n\nUsage:  {usage}", quoted(&path.join(" ")), arity.helm())
            }
            // Where we know neither name nor chart, Helm has been given no argument at all.
            Self::NoName => {
                "\"helm install\" requires at least 1 argument\n\nUsage:  helm install [NAME] [CHART] [flags]"
                    .to_owned()
            }
            Self::NoTemplate { pattern } => format!("could not find template {pattern} in chart"),
            Self::NameTwice { flag } => format!("cannot set {flag} and also specify a name"),
            Self::HideSecretWithoutDryRun => match helm {
                Helm::Three => "Hiding Kubernetes secrets requires a dry-run mode".to_owned(),
                Helm::Four => "hiding Kubernetes secrets requires a dry-run mode".to_owned(),
            },
            Self::NotUnicode => "invalid UTF-8 in arguments".to_owned(),
            Self::Other(text) => text.clone(),
        }
    }
}

/// A command path or usage line with Helm's name in it.
fn as_helm(usage: &str) -> String {
    usage.strip_prefix("maibot").map_or_else(|| usage.to_owned(), |rest| format!("helm{rest}"))
}

impl Arity {
    fn english(self) -> String {
        match self {
            Self::None => "the command takes none".to_owned(),
            Self::Exactly(1) => "the command takes one".to_owned(),
            Self::Exactly(count) => format!("the command takes {count}"),
            Self::AtLeast(count) => format!("the command takes at least {count}"),
            Self::AtMost(count) => format!("the command takes at most {count}"),
        }
    }

    fn chinese(self) -> String {
        match self {
            Self::None => "此命令不带参数".to_owned(),
            Self::Exactly(count) => format!("此命令需要 {count} 个参数"),
            Self::AtLeast(count) => format!("此命令至少需要 {count} 个参数"),
            Self::AtMost(count) => format!("此命令最多 {count} 个参数"),
        }
    }

    fn helm(self) -> String {
        let arguments = |count| if count == 1 { "argument" } else { "arguments" };
        match self {
            Self::None => "accepts no arguments".to_owned(),
            Self::Exactly(count) => format!("requires {count} {}", arguments(count)),
            Self::AtLeast(count) => format!("requires at least {count} {}", arguments(count)),
            Self::AtMost(count) => format!("accepts at most {count} {}", arguments(count)),
        }
    }
}

impl Reason {
    fn text(&self, language: Language) -> String {
        let text = match (self, language) {
            (Self::Duration(_), Language::English) => "it is no duration such as `5m30s`",
            (Self::Duration(_), Language::Chinese) => "不是形如 `5m30s` 的时长",
            (Self::Integer(_), Language::English) => "it is no whole number",
            (Self::Integer(_), Language::Chinese) => "不是整数",
            (Self::Number(_), Language::English) => "it is no number",
            (Self::Number(_), Language::Chinese) => "不是数字",
            (Self::Boolean, Language::English) => "it is neither `true` nor `false`",
            (Self::Boolean, Language::Chinese) => "既不是 `true` 也不是 `false`",
            (Self::List(_), Language::English) => "its quotes do not match",
            (Self::List(_), Language::Chinese) => "引号不配对",
            (Self::Expression(_), Language::English) => "it is no regular expression",
            (Self::Expression(_), Language::Chinese) => "不是正则表达式",
            (Self::JsonPath(text), _) => text.as_str(),
            (Self::Format, Language::English) => "it is none of `table`, `json`, `yaml`",
            (Self::Format, Language::Chinese) => "只能是 `table`、`json`、`yaml` 之一",
            (Self::OneOf { allowed, .. }, Language::English) => {
                return format!("it is none of `{}`", allowed.join("`, `"));
            }
            (Self::OneOf { allowed, .. }, Language::Chinese) => {
                return format!("只能是 `{}` 之一", allowed.join("`、`"));
            }
            (Self::KeyValue(part), Language::English) => return format!("`{part}` is not of the form `key=value`"),
            (Self::KeyValue(part), Language::Chinese) => return format!("`{part}` 不是 `key=value` 的形式"),
        };
        text.to_owned()
    }

    fn helm(&self, value: &str, _helm: Helm) -> String {
        match self {
            Self::Duration(text)
            | Self::Integer(text)
            | Self::Number(text)
            | Self::List(text)
            | Self::Expression(text)
            | Self::JsonPath(text) => text.clone(),
            Self::Boolean => format!("strconv.ParseBool: parsing {}: invalid syntax", quoted(value)),
            Self::Format => "invalid format type".to_owned(),
            Self::KeyValue(part) => format!("{part} must be formatted as key=value"),
            Self::OneOf { allowed, .. } => format!("must be one of: {}", allowed.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Arity, Helm, Language, Reason, Usage};

    #[test]
    fn helms_words_are_helms() {
        let unknown = |flag: &str, group: Option<&str>| Usage::UnknownFlag {
            flag: flag.to_owned(),
            group: group.map(str::to_owned),
            nearest: None,
        };
        let cases = [
            (unknown("--x", None), "unknown flag: --x"),
            (unknown("-x", Some("xyz")), "unknown shorthand flag: 'x' in -xyz"),
            (
                Usage::UnknownCommand {
                    name: "lst".to_owned(),
                    parent: "maibot".to_owned(),
                    nearest: None,
                    helm: vec!["list".to_owned(), "test".to_owned()],
                },
                "unknown command \"lst\" for \"helm\"\n\nDid you mean this?\n\tlist\n\ttest\n\nRun 'helm --help' for usage.",
            ),
            (Usage::MissingValue { flag: "-n".to_owned() }, "flag needs an argument: 'n' in -n"),
            (Usage::MissingValue { flag: "--max".to_owned() }, "flag needs an argument: --max"),
            (
                Usage::BadValue { flag: "-o, --output".to_owned(), value: "xml".to_owned(), reason: Reason::Format },
                "invalid argument \"xml\" for \"-o, --output\" flag: invalid format type",
            ),
            (
                Usage::Arguments {
                    usage: "maibot status RELEASE_NAME [flags]".to_owned(),
                    arity: Arity::Exactly(1),
                    extra: None,
                },
                "\"helm status\" requires 1 argument\n\nUsage:  helm status RELEASE_NAME [flags]",
            ),
        ];
        for (usage, expected) in cases {
            assert_eq!(usage.helm(Helm::Four), expected);
        }
    }

    #[test]
    fn both_languages_name_the_same_things() {
        let usage = Usage::BadValue {
            flag: "--cascade".to_owned(),
            value: "forground".to_owned(),
            reason: Reason::OneOf { allowed: &["background", "foreground", "orphan"], helm: None },
        };
        for language in Language::ALL {
            let text = usage.what(language);
            for fact in ["`forground`", "`--cascade`", "`background`", "`orphan`"] {
                assert!(text.contains(fact), "{text}");
            }
            assert!(usage.next(language).is_some_and(|next| next.contains("`foreground`")));
        }
    }
}
