//! Secrets are masked here and nowhere else: everything that goes to stderr passes through [`Masker::mask`]
//! (progress, plans, diffs, logs, events, errors). What a command's very purpose is to print (`get values`,
//! `template`) goes to stdout unmasked, or feeding it back would destroy keys.
//!
//! Two ways: secrets that are known (a token given by a flag) are replaced wherever they appear; secrets that are
//! not known are found by the name before them (`api_key = …`, `"token": "…"`, `--password …`, `密码：…`), by their
//! place (`https://user:…@host`, `Bearer …`, private key blocks) or by the shape well-known services give them.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

/// What stands in the place of a secret.
pub const MASK: &str = "********";

/// Known secrets shorter than this are not searched for by content: they would garble ordinary text.
const SHORTEST_LITERAL: usize = 6;

/// How often a text is gone through at most.
const ROUNDS: usize = 8;

/// Ends of names (lower case, without `-` and `_`) whose values are secrets.
const SECRET_NAMES: &[&str] = &[
    "token",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "secretkey",
    "accesskey",
    "clientsecret",
    "appsecret",
    "privatekey",
    "authorization",
    "credential",
    "credentials",
    "令牌",
    "密码",
    "密钥",
    "口令",
];

/// Names that are secrets only as a whole.
const SECRET_WHOLE_NAMES: &[&str] = &["auth", "secret", "pwd"];

/// Prefixes of keys that well-known services hand out, with the shortest length of such a key.
const SHAPES: &[(&str, usize)] = &[
    ("sk-", 16),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghs_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("AKIA", 20),
    ("AIza", 30),
];

/// Replaces secrets in text.
#[derive(Debug, Default)]
pub struct Masker {
    literals: RwLock<Vec<String>>,
}

impl Masker {
    /// A masker that knows no secret by content yet.
    pub const fn new() -> Self {
        Self { literals: RwLock::new(Vec::new()) }
    }

    /// Makes a secret known: from now on it is replaced wherever it appears. Secrets of less than six characters
    /// are only found by their name.
    pub fn learn(&self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < SHORTEST_LITERAL || secret == MASK {
            return;
        }
        let mut literals = self.literals.write().unwrap_or_else(PoisonError::into_inner);
        if !literals.iter().any(|known| known == secret) {
            literals.push(secret.to_owned());
            // The longest first, so that a secret that contains another one goes as a whole.
            literals.sort_by_key(|literal| std::cmp::Reverse(literal.len()));
        }
    }

    /// The text without its secrets.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let literals = self.literals.read().unwrap_or_else(PoisonError::into_inner);
        let mut masked = Cow::Borrowed(text);
        for literal in literals.iter() {
            if masked.contains(literal.as_str()) {
                masked = Cow::Owned(masked.replace(literal.as_str(), MASK));
            }
        }
        // Masking one secret can uncover the shape of the next; the text settles after a round or two.
        for _ in 0..ROUNDS {
            let mut ranges = Vec::new();
            find_assignments(&masked, &mut ranges);
            find_addresses(&masked, &mut ranges);
            find_private_keys(&masked, &mut ranges);
            find_words(&masked, &mut ranges);
            if ranges.is_empty() {
                break;
            }
            masked = Cow::Owned(replace(&masked, ranges));
        }
        masked
    }
}

/// The text with every range replaced by the mask; ranges that overlap or touch count once.
fn replace(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut result = String::with_capacity(text.len());
    let mut position = 0;
    for range in ranges {
        if range.start > position || (position == 0 && result.is_empty()) {
            result.push_str(&text[position..range.start]);
            result.push_str(MASK);
        }
        position = position.max(range.end);
    }
    result.push_str(&text[position..]);
    result
}

/// Whether a name, such as `api_key` or `HELM_KUBETOKEN`, announces a secret.
pub fn is_secret_name(name: &str) -> bool {
    let last = name.rsplit(['.', '/']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect();
    SECRET_WHOLE_NAMES.contains(&plain.as_str()) || SECRET_NAMES.iter().any(|end| plain.ends_with(end))
}

const fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.') || !character.is_ascii()
}

/// `name = value`, `name: value`, `"name": "value"`, `name：value` and `--name value`.
fn find_assignments(text: &str, ranges: &mut Vec<Range<usize>>) {
    let mut skip_to = 0;
    for (index, character) in text.char_indices() {
        if index < skip_to {
            continue;
        }
        let found = match character {
            ':' | '=' | '：' => {
                let before = text[..index].trim_end_matches([' ', '\t']);
                let before = before.strip_suffix(['"', '\'']).unwrap_or(before);
                let start = name_start(before);
                let name = &before[start..];
                let to_line_end = !name.starts_with("--") && starts_line(before, start);
                is_secret_name(name).then(|| value_range(text, index + character.len_utf8(), to_line_end)).flatten()
            }
            ' ' => {
                let before = &text[..index];
                let start = name_start(before);
                let name = &before[start..];
                (name.starts_with("--") && is_secret_name(name)).then(|| value_range(text, index, false)).flatten()
            }
            _ => None,
        };
        if let Some(range) = found {
            skip_to = range.end;
            ranges.push(range);
        }
    }
}

/// Where the name begins that ends `before`. A name in Chinese is cut at ASCII and the other way round, so that
/// `令牌` is found in running text too.
fn name_start(before: &str) -> usize {
    before
        .char_indices()
        .rev()
        .take(128)
        .take_while(|(_, character)| is_name_character(*character) && *character != '：')
        .last()
        .map_or(before.len(), |(index, _)| index)
}

/// Whether only indentation, quotes or a list dash stand between the line's beginning and the name.
fn starts_line(before: &str, start: usize) -> bool {
    let line = before[..start].rfind('\n').map_or(0, |end| end + 1);
    before[line..start].chars().all(|character| matches!(character, ' ' | '\t' | '"' | '\'' | '-'))
}

/// The value that begins after a separator, without its quotes; none when there is nothing worth hiding.
fn value_range(text: &str, after: usize, to_line_end: bool) -> Option<Range<usize>> {
    let rest = &text[after..];
    // `==`, `:=` and `://` are no assignments; `=>` is one.
    if rest.starts_with(['=', ':']) || rest.starts_with("//") {
        return None;
    }
    let start = after + (rest.len() - rest.trim_start_matches([' ', '\t', '>']).len());
    let rest = &text[start..];
    let (start, end) = if let Some(quote) = ["\"\"\"", "'''"].into_iter().find(|quote| rest.starts_with(quote)) {
        let inner = start + quote.len();
        (inner, text[inner..].find(quote).map_or(text.len(), |end| inner + end))
    } else if let Some(quote) = rest.chars().next().filter(|first| matches!(first, '"' | '\'')) {
        (start + 1, quoted_end(text, start + 1, quote))
    } else {
        let line = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let stop = if to_line_end {
            rest[..line].trim_end().len()
        } else {
            rest[..line].find([' ', '\t', ',', ';', ')', '}', ']', '&', '"', '\'', '`']).unwrap_or(line)
        };
        (start, start + stop)
    };
    let value = text[start..end].trim();
    let harmless = matches!(value, "" | "null" | "~" | "true" | "false" | "{}" | "[]" | MASK);
    (!harmless).then_some(start..end)
}

/// The place of the closing quote, or the end of the line.
fn quoted_end(text: &str, start: usize, quote: char) -> usize {
    let mut escaped = false;
    let mut characters = text[start..].char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        // YAML writes a single quote inside single quotes twice.
        if character == '\'' && quote == '\'' && characters.next_if(|(_, next)| *next == '\'').is_some() {
            continue;
        }
        if character == '\n' || (character == quote && !escaped) {
            return start + index;
        }
        escaped = quote == '"' && character == '\\' && !escaped;
    }
    text.len()
}

/// The password, or the lone token, in `scheme://user:password@host`.
fn find_addresses(text: &str, ranges: &mut Vec<Range<usize>>) {
    let mut from = 0;
    while let Some(found) = text[from..].find("://") {
        let start = from + found + 3;
        let end = text[start..]
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '`' | '<' | '>' | '?' | '#'))
            .map_or(text.len(), |end| start + end);
        if let Some(at) = text[start..end].rfind('@') {
            let secret = text[start..start + at].find(':').map_or(start, |colon| start + colon + 1);
            if secret < start + at && &text[secret..start + at] != MASK {
                ranges.push(secret..start + at);
            }
        }
        from = start;
    }
}

/// The inside of PEM private keys.
fn find_private_keys(text: &str, ranges: &mut Vec<Range<usize>>) {
    let mut from = 0;
    while let Some(found) = text[from..].find("PRIVATE KEY-----") {
        let start = from + found + "PRIVATE KEY-----".len();
        let end = text[start..].find("-----END").map_or(text.len(), |end| start + end);
        if !text[start..end].trim().is_empty() && text[start..end].trim() != MASK {
            ranges.push(start..end);
        }
        from = text[end..].find("PRIVATE KEY-----").map_or(text.len(), |next| end + next + "PRIVATE KEY-----".len());
    }
}

/// Words after `Bearer` and `Basic`, and words shaped like a service's key or a signed web token.
fn find_words(text: &str, ranges: &mut Vec<Range<usize>>) {
    let mut after_scheme = false;
    let mut position = 0;
    for word in
        text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | '(' | ')' | '<' | '>'))
    {
        let start = position;
        position = start + word.len() + text[start + word.len()..].chars().next().map_or(0, char::len_utf8);
        if word.is_empty() {
            continue;
        }
        let end = start + word.len();
        if after_scheme && word.len() >= 8 && word != MASK {
            ranges.push(start..end);
        } else {
            let inner = start + word.rfind(['=', ':', '/']).map_or(0, |separator| separator + 1);
            if looks_like_key(&text[inner..end]) {
                ranges.push(inner..end);
            }
        }
        after_scheme = word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic");
    }
}

fn looks_like_key(word: &str) -> bool {
    let dense =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let signed = word.starts_with("eyJ") && word.len() >= 30 && word.bytes().filter(|byte| *byte == b'.').count() == 2;
    (signed || SHAPES.iter().any(|(prefix, least)| word.starts_with(prefix) && word.len() >= *least)) && dense(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MASK, Masker};

    fn mask(text: &str) -> String {
        Masker::new().mask(text).into_owned()
    }

    #[test]
    fn a_value_after_a_secret_name_is_masked_in_every_notation() {
        for (text, expected) in [
            ("token: abc", "token: ********"),
            ("api_key = \"sk-1\" # mine", "api_key = \"********\" # mine"),
            ("  password: correct horse battery", "  password: ********"),
            ("{\"access_token\":\"x y\",\"name\":\"m\"}", "{\"access_token\":\"********\",\"name\":\"m\"}"),
            ("maibot list --kube-token abc -n bot", "maibot list --kube-token ******** -n bot"),
            ("--password=abc --user=x", "--password=******** --user=x"),
            ("GET /?token=abc&limit=5", "GET /?token=********&limit=5"),
            ("HELM_KUBETOKEN=\"abc\"", "HELM_KUBETOKEN=\"********\""),
            ("WebUI Access Token: 0123456789abcdef", "WebUI Access Token: ********"),
            ("登录令牌：abcdef", "登录令牌：********"),
            ("api_providers[0].api_key: 'a''b'", "api_providers[0].api_key: '********'"),
            ("api_key = \"\"\"a\nb\"\"\"", "api_key = \"\"\"********\"\"\""),
            ("Authorization: Basic YWJjOmRlZg==", "Authorization: ********"),
            ("\"auth\": \"YWJj\"", "\"auth\": \"********\""),
        ] {
            assert_eq!(mask(text), expected, "{text}");
        }
    }

    #[test]
    fn secrets_are_found_by_place_and_shape() {
        for (text, expected) in [
            ("proxy https://me:hunter2@proxy:3128/x", "proxy https://me:********@proxy:3128/x"),
            ("https://ghtoken@host/repo", "https://********@host/repo"),
            ("sent Bearer abcdefgh.ijk", "sent Bearer ********"),
            ("key sk-abcdefghijklmnopqrstuv used", "key ******** used"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijk", MASK),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest",
                "-----BEGIN RSA PRIVATE KEY-----********-----END RSA PRIVATE KEY-----\nrest",
            ),
        ] {
            assert_eq!(mask(text), expected, "{text}");
        }
    }

    #[test]
    fn ordinary_text_stays() {
        for text in [
            "max_tokens: 800",
            "tokenizer = \"gpt\"",
            "token: null",
            "token = \"\"",
            "imagePullSecrets: [a]",
            "Secret/maimai-maibot-core created",
            "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "https://reg.example.com/maibot@sha256",
            "found character that cannot start any token",
            "12.3s  StatefulSet/maimai-maibot-core  ready 0/1",
            "基础令牌 not followed by anything",
        ] {
            assert_eq!(mask(text), text);
        }
    }

    #[test]
    fn a_known_secret_goes_wherever_it_is() {
        let masker = Masker::new();
        masker.learn("hunter2hunter2");
        masker.learn("hunter2");
        masker.learn("ab");
        assert_eq!(masker.mask("xhunter2hunter2y hunter2 ab"), "x********y ******** ab");
    }

    proptest! {
        #[test]
        fn a_known_secret_never_survives(secret in "[A-Za-z0-9!#%+/=_.-]{6,40}", before in "\\PC{0,40}", after in "\\PC{0,40}") {
            prop_assume!(!secret.trim().is_empty() && !MASK.contains(&secret));
            let masker = Masker::new();
            masker.learn(&secret);
            let masked = masker.mask(&format!("{before}{secret}{after}")).into_owned();
            prop_assert!(!masked.contains(&secret));
        }

        #[test]
        fn a_named_secret_never_survives(
            name in prop::sample::select(vec!["token", "api_key", "API-KEY", "webui.access_token", "password", "KUBE_TOKEN"]),
            shape in 0..5_usize,
            secret in "[A-Za-z0-9][A-Za-z0-9+/_.!-]{7,40}",
            before in "[a-z 麦]{0,20}",
        ) {
            let text = match shape {
                0 => format!("{before}\n{name}: {secret}\nrest"),
                1 => format!("{before}\n{name} = \"{secret}\"\n"),
                2 => format!("{{\"{name}\":\"{secret}\"}} {before}"),
                3 => format!("{before} --{name} {secret} x"),
                _ => format!("{before} {name}={secret} x"),
            };
            let masked = mask(&text);
            prop_assert!(!masked.contains(&secret), "{masked}");
        }

        #[test]
        fn masking_twice_is_masking_once(text in "(\\PC|\n|token: |password=|\"|://|@|Bearer ){0,30}") {
            let once = mask(&text);
            prop_assert_eq!(mask(&once), once.clone());
        }

        #[test]
        fn words_without_separators_stay(text in "[a-z0-9麦 ]{0,80}") {
            prop_assume!(!text.contains("bearer") && !text.contains("basic"));
            prop_assert_eq!(mask(&text), text);
        }
    }
}
