//! Mail addresses and URLs, as the library takes them that Helm checks `Chart.yaml` with (govalidator).
//!
//! It is looser than the standards in places (a TLD is not needed, words may have characters beyond ASCII) and stricter
//! in others; what matters is that the same charts pass.

use std::net::Ipv6Addr;
use std::sync::LazyLock;

use regex::Regex;

use crate::render::gostd::url::Url;

/// The longest URL, exclusive, in characters.
const MAX_URL: usize = 2083;
/// The shortest URL, exclusive, in bytes.
const MIN_URL: usize = 3;

/// Characters beyond ASCII that mail addresses may have.
const WIDE: &str = r"\x{A0}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFEF}";

#[expect(clippy::expect_used, reason = "the expressions are constants and tests use them")]
fn compile(expression: &str) -> Regex {
    Regex::new(expression).expect("the expression is valid")
}

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    let word = format!(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{{|}}~{WIDE}]+");
    let space = r"(?:[ \t]*\r\n)?[ \t]+";
    let inside = format!(r"[\x01-\x08\x0B\x0C\x0E-\x1F\x7F!\x23-\x5B\x5D-\x7E{WIDE}]|\([\x01-\x09\x0B-\x7F]");
    // By a slip in the library a quotation mark stands before every character.
    let quoted = format!("(?:\"(?:{space})?(?:{inside}))*(?:{space})?\"");
    let edge = format!("[A-Za-z0-9{WIDE}]");
    let label = format!(r"{edge}(?:[A-Za-z0-9\-._~{WIDE}]*{edge})?");
    let last_edge = format!("[A-Za-z{WIDE}]");
    let last = format!(r"{last_edge}(?:[A-Za-z0-9\-_~{WIDE}]*{last_edge})?");
    compile(&format!(r"\A(?:{word}(?:\.{word})*|{quoted})@(?:{label}\.)+{last}\.?\z"))
});

static URL: LazyLock<Regex> = LazyLock::new(|| {
    let some = r"[^\t\n\x0C\r ]";
    let byte = "1[0-9][0-9]|2[0-4][0-9]|25[0-5]";
    let ipv4 =
        format!(r"(?:[1-9][0-9]?|1[0-9][0-9]|2[01][0-9]|22[0-3]|24[0-9]|25[0-5])(?:\.(?:[0-9]{{1,2}}|{byte})){{3}}");
    let plain = "[A-Za-z0-9]";
    let before = format!(r"{plain}(?:[A-Za-z0-9\-_]+)?{plain}(?:[-.]{plain}+)*");
    let subdomain = format!(r"www\.|{plain}+(?:[-_.]?{plain})*{plain}\.{plain}+");
    let letter = r"A-Za-z\x{A1}-\x{FFFF}";
    let host = format!(r"(?:{before}|{subdomain})?(?:[{letter}0-9]+-?-?)*[{letter}0-9]+(?:\.[{letter}]+)?");
    compile(&format!(
        r"\A(?:(?:ftp|tcp|udp|wss?|https?)://)?(?:{some}+@)?(?:{ipv4}|\[(?P<ipv6>[0-9A-Za-z:.%]+)\]|{host})\.?(?::[0-9]{{1,5}})?(?:[/?#]{some}*)?\z"
    ))
});

/// Whether a text is a mail address.
pub(super) fn is_email(text: &str) -> bool {
    EMAIL.is_match(text)
}

/// Whether a text is a URL, with or without a scheme.
pub(super) fn is_url(text: &str) -> bool {
    if text.len() <= MIN_URL || text.starts_with('.') || text.chars().count() >= MAX_URL {
        return false;
    }
    // Only a port after a name, no scheme.
    let assumed = if text.contains(':') && !text.contains("://") { format!("http://{text}") } else { text.to_owned() };
    let Ok(url) = Url::parse(assumed.as_bytes()) else { return false };
    if url.host.starts_with(b".") || url.host.is_empty() && !url.path.is_empty() && !url.path.contains(&b'.') {
        return false;
    }
    URL.captures(text).is_some_and(|parts| parts.name("ipv6").is_none_or(|address| is_ipv6(address.as_str())))
}

/// An address, one of a link with the name of its interface.
fn is_ipv6(text: &str) -> bool {
    match text.split_once('%') {
        Some((address, zone)) => {
            let is_name = !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_alphanumeric());
            is_name && address.starts_with("fe80:") && address.parse::<Ipv6Addr>().is_ok()
        }
        None => text.parse::<Ipv6Addr>().is_ok(),
    }
}

/// Whether a text is an absolute URL as it stands in a request: with a scheme, the `#` no mark of a fragment.
pub(super) fn is_request_url(text: &str) -> bool {
    Url::parse_request(text.as_bytes()).is_ok_and(|url| !url.scheme.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses_are_taken_as_helm_takes_them() {
        for right in ["a@b.co", "a.b+c@d-e.example", "麦@例え.jp", "\"a\"@c.de", "a@b.c.", "A@B.C"] {
            assert!(is_email(right), "{right}");
        }
        for wrong in [
            "",
            "a",
            "a@b",
            "a@b.c1",
            ".a@b.co",
            "a..b@c.de",
            "a b@c.de",
            "a@-b.co",
            "<a@b.co>",
            "a@b.co\n",
            "\"a b\"@c.de",
        ] {
            assert!(!is_email(wrong), "{wrong}");
        }
    }

    #[test]
    fn urls_are_taken_as_helm_takes_them() {
        let right = [
            "https://example.com",
            "example.com",
            "http://127.0.0.1:80/a?b#c",
            "http://[::1]:80/",
            "http://localhost",
            "localhost:80",
            "https://a.b.example.com/麦",
            "http://user:password@example.com",
        ];
        for right in right {
            assert!(is_url(right), "{right}");
        }
        for wrong in
            ["", "abc", "word", "https://", "mailto:a", "http://a b.com", ".example.com", "gopher://a.b.c", "a/b"]
        {
            assert!(!is_url(wrong), "{wrong}");
        }
    }

    #[test]
    fn sources_need_a_scheme() {
        for right in ["https://example.com/a?b", "http://a", "x:y", "file:///a", "HTTPS://A/#b"] {
            assert!(is_request_url(right), "{right}");
        }
        for wrong in ["", "example.com/a", "/a", "//a", "https://a b/", "https://example.com#x", "://a", "http://a:b/"]
        {
            assert!(!is_request_url(wrong), "{wrong}");
        }
    }
}
