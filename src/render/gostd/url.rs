//! URLs, as Go's `net/url` takes them apart and puts them together.

use super::address;
use crate::render::gotemplate::quote::quoted as quote;

/// A URL, decoded into its parts. Text is bytes: escapes may stand for anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Url {
    /// In lower case, without its colon.
    pub scheme: Vec<u8>,
    /// What follows the scheme if it does not start with a slash.
    pub opaque: Vec<u8>,
    /// Before `@`.
    pub user: Option<User>,
    /// Name or address, with the port.
    pub host: Vec<u8>,
    /// Decoded.
    pub path: Vec<u8>,
    /// Still encoded.
    pub query: Vec<u8>,
    /// Decoded.
    pub fragment: Vec<u8>,
}

/// User and password of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// Which part of a URL is encoded: what may stand unescaped differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Host,
    Zone,
    User,
    Fragment,
}

fn must_escape(byte: u8, part: Part) -> bool {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => false,
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'[' | b']' | b'<'
        | b'>' | b'"'
            if matches!(part, Part::Host | Part::Zone) =>
        {
            false
        }
        b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@' => match part {
            Part::Path => byte == b'?',
            Part::User => matches!(byte, b'@' | b'/' | b'?' | b':'),
            Part::Fragment => false,
            Part::Host | Part::Zone => true,
        },
        b'!' | b'(' | b')' | b'*' => part != Part::Fragment,
        _ => true,
    }
}

fn hex(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    let is_host = matches!(part, Part::Host | Part::Zone);
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            if is_host && byte.is_ascii() && must_escape(byte, part) {
                return Err(format!("invalid character {} in host name", quote(&[byte])));
            }
            out.push(byte);
            rest = after;
            continue;
        }
        let escape = rest.get(..3).unwrap_or(rest);
        let error = || format!("invalid URL escape {}", quote(escape));
        let (&[high, low, ..], Some(next)) = (after, rest.get(3..)) else { return Err(error()) };
        let value = hex(high).zip(hex(low)).map(|(high, low)| high << 4 | low).ok_or_else(error)?;
        let is_percent = value == b'%';
        let is_wrong = match part {
            Part::Host => value.is_ascii() && !is_percent,
            Part::Zone => !is_percent && value != b' ' && must_escape(value, Part::Host),
            _ => false,
        };
        if is_wrong {
            return Err(error());
        }
        out.push(value);
        rest = next;
    }
    Ok(out)
}

fn escape(text: &[u8], part: Part) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if must_escape(*byte, part) {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            out.push(*byte);
        }
    }
    out
}

fn cut(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == mark) {
        Some(place) => (text.get(..place).unwrap_or_default(), text.get(place + 1..)),
        None => (text, None),
    }
}

/// Scheme and the rest.
fn split_scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (place, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if place > 0 => {}
            b':' if place == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((text.get(..place).unwrap_or_default(), text.get(place + 1..).unwrap_or_default())),
            _ => break,
        }
    }
    Ok((b"", text))
}

fn is_optional_port(text: &[u8]) -> bool {
    text.is_empty() || text.strip_prefix(b":").is_some_and(|port| port.iter().all(u8::is_ascii_digit))
}

fn check_port(text: &[u8]) -> Result<(), String> {
    if is_optional_port(text) { Ok(()) } else { Err(format!("invalid port {} after host", quote(text))) }
}

fn parse_host(scheme: &[u8], host: &[u8]) -> Result<Vec<u8>, String> {
    match host.iter().rposition(|byte| *byte == b'[') {
        Some(0) => return parse_literal(host),
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {}
    }
    // Lists of hosts with ports are taken everywhere but in what browsers use.
    let is_strict = matches!(scheme, b"http" | b"https");
    let colon = |byte: &u8| *byte == b':';
    let port = if is_strict { host.iter().position(colon) } else { host.iter().rposition(colon) };
    if let Some(port) = port {
        check_port(host.get(port..).unwrap_or_default())?;
    }
    unescape(host, Part::Host)
}

/// A host in brackets.
fn parse_literal(host: &[u8]) -> Result<Vec<u8>, String> {
    let close = host.iter().rposition(|byte| *byte == b']').ok_or("missing ']' in host")?;
    let (name, port) = (host.get(1..close).unwrap_or_default(), host.get(close + 1..).unwrap_or_default());
    check_port(port)?;
    let zone = name.windows(3).position(|window| window == b"%25").unwrap_or(name.len());
    let (name, zone) = name.split_at(zone);
    let mut literal = unescape(name, Part::Host)?;
    literal.extend(unescape(zone, Part::Zone)?);
    let read = address::parse(&literal).map_err(|error| format!("invalid host: {error}"))?;
    if read.bytes.len() == 4 {
        return Err("invalid IP-literal".to_owned());
    }
    Ok([b"[".as_slice(), literal.as_slice(), b"]", unescape(port, Part::Host)?.as_slice()].concat())
}

fn is_user_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte)
}

impl User {
    /// Reads what stands before `@`.
    fn parse(text: &[u8]) -> Result<Self, String> {
        if !text.iter().copied().all(is_user_byte) {
            return Err("net/url: invalid userinfo".to_owned());
        }
        let (name, password) = cut(text, b':');
        let name = unescape(name, Part::User)?;
        let password = password.map(|password| unescape(password, Part::User)).transpose()?;
        Ok(Self { name, password })
    }

    /// Encoded, as it stands before `@`.
    pub fn encoded(&self) -> Vec<u8> {
        let mut out = escape(&self.name, Part::User);
        if let Some(password) = &self.password {
            out.push(b':');
            out.extend(escape(password, Part::User));
        }
        out
    }
}

impl Url {
    /// Reads a URL or a reference to one.
    ///
    /// # Errors
    /// Go's words.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let (before, fragment) = cut(text, b'#');
        let error = |text: &[u8], error: String| format!("parse {}: {error}", quote(text));
        let mut url = Self::parse_reference(before).map_err(|reason| error(before, reason))?;
        if let Some(fragment) = fragment {
            url.fragment = unescape(fragment, Part::Fragment).map_err(|reason| error(text, reason))?;
        }
        Ok(url)
    }

    /// Reads a URL as it stands in a request: a scheme or a slash first, a `#` is no mark of a fragment.
    ///
    /// # Errors
    /// Go's words.
    pub fn parse_request(text: &[u8]) -> Result<Self, String> {
        let error = |reason: &str| format!("parse {}: {reason}", quote(text));
        if text.is_empty() {
            return Err(error("empty url"));
        }
        let url = Self::parse_reference(text).map_err(|reason| error(&reason))?;
        if url.scheme.is_empty() && !text.starts_with(b"/") && text != b"*" {
            return Err(error("invalid URI for request"));
        }
        Ok(url)
    }

    fn parse_reference(text: &[u8]) -> Result<Self, String> {
        if text.iter().any(u8::is_ascii_control) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        if text == b"*" {
            return Ok(Self { path: text.to_vec(), ..Self::default() });
        }
        let (scheme, rest) = split_scheme(text)?;
        let scheme = scheme.to_ascii_lowercase();
        let (mut rest, query) = cut(rest, b'?');
        let mut url = Self { scheme, query: query.unwrap_or_default().to_vec(), ..Self::default() };
        if !rest.starts_with(b"/") {
            if !url.scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Ok(url);
            }
            if cut(rest, b'/').0.contains(&b':') {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        if let Some(after) = rest.strip_prefix(b"//")
            && !(url.scheme.is_empty() && after.starts_with(b"/"))
        {
            let slash = after.iter().position(|byte| *byte == b'/').unwrap_or(after.len());
            let (authority, path) = after.split_at(slash);
            rest = path;
            let at = authority.iter().rposition(|byte| *byte == b'@');
            let host = authority.get(at.map_or(0, |at| at + 1)..).unwrap_or_default();
            url.host = parse_host(&url.scheme, host)?;
            url.user = at.and_then(|at| authority.get(..at)).map(User::parse).transpose()?;
        }
        url.path = unescape(rest, Part::Path)?;
        Ok(url)
    }

    /// The host without its port and brackets.
    pub fn hostname(&self) -> &[u8] {
        let host = self.host.as_slice();
        let host = match host.iter().rposition(|byte| *byte == b':') {
            Some(colon) if is_optional_port(host.get(colon..).unwrap_or_default()) => {
                host.get(..colon).unwrap_or_default()
            }
            _ => host,
        };
        host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host)
    }

    /// The whole URL from its parts, encoded anew.
    pub fn encoded(&self) -> Vec<u8> {
        let mut out = self.scheme.clone();
        if !out.is_empty() {
            out.push(b':');
        }
        if self.opaque.is_empty() {
            let has_authority = !self.host.is_empty() || self.user.is_some();
            if has_authority || (!self.scheme.is_empty() && !self.path.is_empty()) {
                out.extend(b"//");
            }
            if let Some(user) = &self.user {
                out.extend(user.encoded());
                out.push(b'@');
            }
            out.extend(escape(&self.host, Part::Host));
            let path = if self.path == b"*" { self.path.clone() } else { escape(&self.path, Part::Path) };
            if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
                out.push(b'/');
            }
            if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
                // Or it would be read as a scheme.
                out.extend(b"./");
            }
            out.extend(path);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend(escape(&self.fragment, Part::Fragment));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_url_comes_apart_and_together_again() {
        for whole in [
            "https://u:p@example.com:80/a%20b?q=%26#f",
            "mailto:a@example.com",
            "http://[fe80::1%25en0]:80/x",
            "//host/x",
            "a/b:c",
            "postgres://u@a:1,b:2/db",
            "http://a/%E4%B8%AD",
        ] {
            let url = Url::parse(whole.as_bytes()).unwrap();
            assert_eq!(text(&url.encoded()), whole);
        }
        let url = Url::parse(b"HTTP://[::1]:8080?x").unwrap();
        assert_eq!((text(&url.scheme), text(&url.host), text(url.hostname())), ("http", "[::1]:8080", "::1"));
    }

    #[test]
    fn a_malformed_url_is_refused_with_gos_words() {
        for (whole, error) in [
            ("http://a b/", "parse \"http://a b/\": invalid character \" \" in host name"),
            ("://x", "parse \"://x\": missing protocol scheme"),
            ("http://a:b:1/#f", "parse \"http://a:b:1/\": invalid port \":b:1\" after host"),
            ("a:b", ""),
            ("1:b", "parse \"1:b\": first path segment in URL cannot contain colon"),
            ("http://a/%zz", "parse \"http://a/%zz\": invalid URL escape \"%zz\""),
            ("x#%1", "parse \"x#%1\": invalid URL escape \"%1\""),
            ("http://[::1", "parse \"http://[::1\": missing ']' in host"),
            ("http://[1.2.3.4]/", "parse \"http://[1.2.3.4]/\": invalid IP-literal"),
            ("http://[x]/", "parse \"http://[x]/\": invalid host: ParseAddr(\"x\"): unable to parse IP"),
            ("http://%41/", "parse \"http://%41/\": invalid URL escape \"%41\""),
            ("http://\u{7f}/", "parse \"http://\\x7f/\": net/url: invalid control character in URL"),
            ("http://a b@c/", "parse \"http://a b@c/\": net/url: invalid userinfo"),
        ] {
            assert_eq!(Url::parse(whole.as_bytes()).err().unwrap_or_default(), error, "{whole}");
        }
    }
}
