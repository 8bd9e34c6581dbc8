//! The two languages the tool speaks, and how one of them is chosen: `--lang`, then `MAIBOT_LANG`, then the
//! configuration file, then the locale (`LC_ALL`, `LC_MESSAGES`, `LANG`, the first that is set, as POSIX has it).

/// A language of messages, help and pages. What Helm's verbs print to stdout is never translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// 简体中文.
    Chinese,
    /// English.
    #[default]
    English,
}

impl Language {
    /// Both, in the order in which documents show them.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// The language a tag or locale names: `zh`, `zh_CN.UTF-8`, `zh-Hans`, `en`, `en_GB`.
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.split(['_', '-', '.', '@']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("zh") || primary.eq_ignore_ascii_case("chinese") {
            Some(Self::Chinese)
        } else if primary.eq_ignore_ascii_case("en") || primary.eq_ignore_ascii_case("english") {
            Some(Self::English)
        } else {
            None
        }
    }

    /// The language of the locale, English when the locale is another one or none.
    pub fn of_locale(variable: impl Fn(&str) -> Option<String>) -> Self {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(variable)
            .find(|locale| !locale.is_empty())
            .and_then(|locale| Self::parse(&locale))
            .unwrap_or_default()
    }

    /// The tag `--lang` takes.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh",
            Self::English => "en",
        }
    }

    /// The text of a pair in this language.
    pub const fn of<'a>(self, english: &'a str, chinese: &'a str) -> &'a str {
        match self {
            Self::Chinese => chinese,
            Self::English => english,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn a_tag_or_locale_names_its_language() {
        for tag in ["zh", "zh_CN.UTF-8", "zh-Hans", "ZH_TW", "zh.utf8"] {
            assert_eq!(Language::parse(tag), Some(Language::Chinese), "{tag}");
        }
        for tag in ["en", "en_GB.UTF-8", "EN-us"] {
            assert_eq!(Language::parse(tag), Some(Language::English), "{tag}");
        }
        for tag in ["", "C", "POSIX", "fr_FR", "zhx", "C.UTF-8"] {
            assert_eq!(Language::parse(tag), None, "{tag}");
        }
    }

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        let locale = |pairs: &'static [(&'static str, &'static str)]| {
            Language::of_locale(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(locale(&[]), Language::English);
        assert_eq!(locale(&[("LANG", "zh_CN.UTF-8")]), Language::Chinese);
        assert_eq!(locale(&[("LC_ALL", "C"), ("LANG", "zh_CN.UTF-8")]), Language::English);
        assert_eq!(locale(&[("LC_ALL", ""), ("LC_MESSAGES", "zh_CN"), ("LANG", "en_US")]), Language::Chinese);
    }
}
