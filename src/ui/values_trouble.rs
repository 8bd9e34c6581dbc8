//! What is wrong with the user's values, in words: keys that the chart does not know, values that break its schema. Each
//! with the place where the user gave it, the line, and marks under what is meant.

use super::excerpt;
use super::language::Language;
use super::mask::{MASK, is_secret_name};
use crate::action::UnknownValue;
use crate::code::Code;
use crate::values::{Blame, SchemaError, Violation};
use crate::yaml::{Step, path_text};

/// How many unknown keys one report shows.
const MOST_KEYS: usize = 50;

/// Turns findings about values into words of one language.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValuesTeller {
    /// The language.
    pub(super) language: Language,
}

impl ValuesTeller {
    fn of(self, english: impl Into<String>, chinese: impl Into<String>) -> String {
        match self.language {
            Language::English => english.into(),
            Language::Chinese => chinese.into(),
        }
    }

    fn colon(self) -> &'static str {
        self.language.of(": ", "：")
    }

    /// A key that the chart does not know, as a warning.
    pub(super) fn warning(self, key: &UnknownValue) -> String {
        format!("{}{}{}", Code::ValuesUnknown, self.colon(), self.unknown(key))
    }

    /// A key that the chart does not know: the place, the words, the line.
    pub(super) fn unknown(self, key: &UnknownValue) -> String {
        let path = path_text(&key.path);
        let mut told = key.place.as_ref().map(|place| excerpt::spot(place) + self.colon()).unwrap_or_default();
        told +=
            &self.of(format!("the chart does not know the key `{path}`"), format!("chart 中没有名为 `{path}` 的键"));
        let nearest = key.nearest.as_deref().map(path_text);
        match (key.passing, nearest) {
            (Some(passing), nearest) => {
                if let Some(until) = &passing.until {
                    told +=
                        &self.of(format!("; charts up to {until} have it"), format!("，{until} 及更早的 chart 才有"));
                } else if let Some(since) = &passing.since {
                    told += &self.of(format!("; charts from {since} on have it"), format!("，{since} 起的 chart 才有"));
                }
                if let Some(now) = nearest {
                    told += &self.of(format!(", `{now}` has taken its place"), format!("，现由 `{now}` 取代"));
                }
            }
            (None, Some(nearest)) => {
                told += &self.of(format!("; did you mean `{nearest}`?"), format!("，是否想写 `{nearest}`？"));
            }
            (None, None) => {}
        }
        if let Some(place) = &key.place {
            told.push('\n');
            told += &excerpt::of_place(place, false);
        }
        told
    }

    /// Keys that the chart does not know, the first of very many.
    pub(super) fn all_unknown(self, found: &[UnknownValue]) -> Vec<String> {
        let left = found.len().saturating_sub(MOST_KEYS);
        let more = (left > 0).then(|| self.of(format!("… and {left} more"), format!("…… 另有 {left} 个")));
        found.iter().take(MOST_KEYS).map(|key| self.unknown(key)).chain(more).collect()
    }

    /// Why keys that the chart does not know end the run.
    pub(super) fn why_unknown(self, found: &[UnknownValue]) -> String {
        match (found.len(), self.language) {
            (1, Language::English) => "1 key is not known to the chart, and `--strict` was given".to_owned(),
            (count, Language::English) => format!("{count} keys are not known to the chart, and `--strict` was given"),
            (count, Language::Chinese) => format!("有 {count} 个键 chart 不认识，而命令带有 `--strict`"),
        }
    }

    /// Why values do not fit.
    pub(super) fn why_schema(self, error: &SchemaError) -> String {
        let SchemaError::Violated { violations, broken, .. } = error;
        match (violations.len(), self.language) {
            (0, Language::English) => format!("{} of the chart's schemas cannot be used", broken.len()),
            (0, Language::Chinese) => format!("chart 有 {} 个 schema 无法使用", broken.len()),
            (1, Language::English) => "1 value does not fit the chart's schema".to_owned(),
            (count, Language::English) => format!("{count} values do not fit the chart's schema"),
            (count, Language::Chinese) => format!("有 {count} 个值不符合 chart 的 schema"),
        }
    }

    /// What breaks the schemas, one by one, and schemas that are wrong themselves.
    pub(super) fn schema(self, error: &SchemaError, blames: &[Blame]) -> Vec<String> {
        let SchemaError::Violated { violations, broken, .. } = error;
        let told = violations.iter().zip(blames).map(|(violation, blame)| self.violation(violation, blame));
        let broken = broken.iter().map(|broken| {
            let chart = &broken.chart;
            let whose = self.of(format!("the schema of chart `{chart}`"), format!("chart `{chart}` 的 schema"));
            format!("{whose}{}{}", self.colon(), broken.problem)
        });
        let left = violations.len().saturating_sub(blames.len());
        let more = (left > 0).then(|| self.of(format!("… and {left} more"), format!("…… 另有 {left} 个")));
        told.chain(more).chain(broken).collect()
    }

    fn violation(self, violation: &Violation, blame: &Blame) -> String {
        let is_secret = violation.path.iter().any(|step| matches!(step, Step::Key(key) if is_secret_name(key)));
        let message = if is_secret { without_value(&violation.message) } else { violation.message.clone() };
        let path = path_text(&violation.path);
        let told = match path.as_str() {
            "" => format!("{}{}{message}", self.of("at the top level", "最外层"), self.colon()),
            path => format!("`{path}`{}{message}", self.colon()),
        };
        match blame {
            Blame::Whole => told,
            Blame::Release => {
                let whose = self.of("a value that the release had before", "release 原有的值");
                format!("{whose}{}{told}", self.colon())
            }
            Blame::Chart => {
                let chart = &violation.chart;
                let whose = self.of(
                    format!("a default of chart `{chart}`, not your values"),
                    format!("chart `{chart}` 的默认值，不是你的 values"),
                );
                format!("{whose}{}{told}", self.colon())
            }
            Blame::User(places) => {
                let spots = places.iter().map(excerpt::spot).collect::<Vec<_>>().join(", ");
                // Keys are no secrets; they are what is marked where there are too many of them or too few.
                let hides = is_secret && violation.missing.is_empty() && violation.superfluous.is_empty();
                let lines = places.iter().map(|place| excerpt::of_place(place, hides)).collect::<Vec<_>>().join("\n");
                format!("{spots}{}{told}\n{lines}", self.colon())
            }
        }
    }
}

/// The validator's words without the value they begin with.
fn without_value(message: &str) -> String {
    for behind in ["' does not match pattern ", "' is not valid "] {
        if let Some((before, after)) = message.rsplit_once(behind)
            && let Some(start) = before.find('\'')
        {
            return format!("{}'{MASK}{behind}{after}", &before[..start]);
        }
    }
    message.to_owned()
}
