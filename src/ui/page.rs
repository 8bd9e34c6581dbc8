//! The pages behind the codes: what `maibot explain CODE` prints and what `docs/reference/codes.md` is made of.
//! The texts are a data file beside [`crate::code`]; this module reads it when a page is wanted and not before.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use crate::code::{Code, Exit};

use super::language::Language;

const SOURCE: &str = include_str!("../codes.yaml");

/// What is known about one code, in one language.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// What happened, as one line without a full stop.
    pub title: String,
    /// What it means, and what state things are in when it appears.
    pub meaning: String,
    /// Likely causes, the most likely first.
    pub causes: Vec<String>,
    /// What to do, in the order in which to try it.
    pub next: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    en: Page,
    zh: Page,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meaning {
    en: String,
    zh: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    exits: BTreeMap<u8, Meaning>,
    codes: BTreeMap<String, Entry>,
}

/// All pages.
#[derive(Debug)]
pub struct Pages(Source);

impl Pages {
    /// Reads the embedded texts.
    #[expect(clippy::expect_used, reason = "the text is part of the program and a test reads it")]
    pub fn load() -> Self {
        Self(serde_yaml::from_str(SOURCE).expect("the embedded pages are valid"))
    }

    /// The page of a code.
    pub fn page(&self, code: Code, language: Language) -> Option<&Page> {
        let entry = self.0.codes.get(code.id())?;
        Some(match language {
            Language::English => &entry.en,
            Language::Chinese => &entry.zh,
        })
    }

    /// The title of a code's page; the bare code when it has none.
    pub fn title(&self, code: Code, language: Language) -> &str {
        self.page(code, language).map_or(code.id(), |page| &page.title)
    }

    /// What an exit status means.
    pub fn exit(&self, exit: Exit, language: Language) -> &str {
        self.0.exits.get(&exit.status()).map_or("", |meaning| language.of(&meaning.en, &meaning.zh))
    }
}

/// The page as `explain` prints it.
pub fn explain(pages: &Pages, code: Code, language: Language) -> String {
    let mut text = String::new();
    let Some(page) = pages.page(code, language) else {
        return format!("{code}\n");
    };
    let _ = writeln!(text, "{code}  {}\n", page.title);
    let _ = writeln!(text, "{}\n", page.meaning.trim());
    for (heading, list) in
        [(language.of("Likely causes", "可能的原因"), &page.causes), (language.of("What to do", "怎么办"), &page.next)]
    {
        let _ = writeln!(text, "{heading}");
        for item in list {
            let _ = writeln!(text, "  - {item}");
        }
        text.push('\n');
    }
    let exit = code.exit();
    let _ = writeln!(
        text,
        "{} {}{}{}",
        language.of("Exit status", "退出码"),
        exit.status(),
        language.of(": ", "："),
        pages.exit(exit, language)
    );
    text
}

/// All codes with their titles, one a line.
pub fn list(pages: &Pages, language: Language) -> String {
    let mut text = String::new();
    for code in Code::ALL {
        let _ = writeln!(text, "{code}  {}", pages.title(*code, language));
    }
    text
}

/// The reference page of all codes and exit statuses, in Markdown, both languages.
pub fn reference(pages: &Pages) -> String {
    let mut text = String::from(
        "# Codes and exit statuses · 代码与退出码\n\n\
         Made from `src/code.rs` and `src/codes.yaml`; `maibot explain CODE` prints the same pages. A code is never \
         given a second meaning and never reused.\n\n\
         本页由 `src/code.rs` 与 `src/codes.yaml` 生成，内容与 `maibot explain CODE` 相同。代码的含义固定，不会复用。\n\n\
         ## Exit statuses · 退出码\n\n\
         | | English | 中文 |\n|---|---|---|\n",
    );
    for exit in Exit::ALL {
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            exit.status(),
            pages.exit(*exit, Language::English),
            pages.exit(*exit, Language::Chinese)
        );
    }
    text.push_str(
        "\nUnder `--helm-compat` every failure ends with 1. · 使用 `--helm-compat` 时，任何失败都以 1 退出。\n",
    );
    for code in Code::ALL {
        let _ = write!(text, "\n## {code}\n\n");
        for language in Language::ALL {
            let Some(page) = pages.page(*code, language) else { continue };
            let colon = language.of(":", "：");
            let _ = writeln!(text, "**{}**\n\n{}\n", page.title, page.meaning.trim());
            for (heading, list) in [
                (language.of("Likely causes", "可能的原因"), &page.causes),
                (language.of("What to do", "怎么办"), &page.next),
            ] {
                let _ = writeln!(text, "{heading}{colon}\n");
                for item in list {
                    let _ = writeln!(text, "- {item}");
                }
                text.push('\n');
            }
        }
        let _ = writeln!(text, "Exit status · 退出码 {}", code.exit().status());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Code, Exit, Language, Pages};

    #[test]
    fn every_code_has_a_full_page_in_both_languages_and_no_page_is_left_over() {
        let pages = Pages::load();
        for code in Code::ALL {
            for language in Language::ALL {
                let page = pages.page(*code, language).unwrap_or_else(|| panic!("{code} has no page"));
                assert!(!page.title.is_empty() && !page.meaning.is_empty(), "{code} {language:?}");
                assert!(!page.causes.is_empty() && !page.next.is_empty(), "{code} {language:?}");
                assert!(!page.title.ends_with(['.', '。']), "the title of {code} has a full stop");
            }
            let [english, chinese] = Language::ALL.map(|language| pages.page(*code, language).unwrap());
            assert_ne!(english.title, chinese.title, "{code}");
            assert_eq!(english.causes.len(), chinese.causes.len(), "{code}: the languages carry the same facts");
            assert_eq!(english.next.len(), chinese.next.len(), "{code}: the languages carry the same facts");
        }
        assert_eq!(pages.0.codes.len(), Code::ALL.len(), "a page without a code");
    }

    #[test]
    fn every_exit_status_has_a_meaning_in_both_languages() {
        let pages = Pages::load();
        for exit in Exit::ALL {
            for language in Language::ALL {
                assert!(!pages.exit(*exit, language).is_empty(), "{exit:?}");
            }
        }
        assert_eq!(pages.0.exits.len(), Exit::ALL.len());
    }
}
