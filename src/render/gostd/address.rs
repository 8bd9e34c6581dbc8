//! IP addresses in text, with the errors of Go's `net/netip`.

use crate::render::gotemplate::quote::quoted as quote;

/// An address: 4 or 16 bytes, and for the longer kind perhaps a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The bytes; 4 only if it was written with dots alone.
    pub bytes: Vec<u8>,
    /// What follows `%`.
    pub zone: Vec<u8>,
}

fn fault(text: &[u8], message: &str, at: &[u8]) -> String {
    let place = if at.is_empty() { String::new() } else { format!(" (at {})", quote(at)) };
    format!("ParseAddr({}): {message}{place}", quote(text))
}

/// Reads an address.
///
/// # Errors
/// Go's words.
pub fn parse(text: &[u8]) -> Result<Address, String> {
    match text.iter().find(|byte| matches!(byte, b'.' | b':' | b'%')) {
        Some(b'.') => {
            let bytes = dotted(text).map_err(|(message, at)| fault(text, message, at))?.to_vec();
            Ok(Address { bytes, zone: Vec::new() })
        }
        Some(b':') => long(text),
        Some(_) => Err(fault(text, "missing IPv6 address", b"")),
        None => Err(fault(text, "unable to parse IP", b"")),
    }
}

type Fault<'a> = (&'static str, &'a [u8]);

/// Four numbers with dots between them.
fn dotted(text: &[u8]) -> Result<[u8; 4], Fault<'_>> {
    let mut fields = [0_u8; 4];
    let (mut value, mut field, mut digits) = (0_u16, 0_usize, 0_usize);
    for (place, byte) in text.iter().enumerate() {
        let at = text.get(place..).unwrap_or_default();
        match byte {
            b'0'..=b'9' => {
                if digits == 1 && value == 0 {
                    return Err(("IPv4 field has octet with leading zero", b""));
                }
                value = value * 10 + u16::from(byte - b'0');
                digits += 1;
                if value > 255 {
                    return Err(("IPv4 field has value >255", b""));
                }
            }
            b'.' => {
                if digits == 0 || place + 1 == text.len() {
                    return Err(("IPv4 field must have at least one digit", at));
                }
                if field == 3 {
                    return Err(("IPv4 address too long", b""));
                }
                fields[field] = u8::try_from(value).unwrap_or(u8::MAX);
                (value, digits) = (0, 0);
                field += 1;
            }
            _ => return Err(("unexpected character", at)),
        }
    }
    if field < 3 {
        return Err(("IPv4 address too short", b""));
    }
    fields[3] = u8::try_from(value).unwrap_or(u8::MAX);
    Ok(fields)
}

fn long(text: &[u8]) -> Result<Address, String> {
    let error = |message: &str, at: &[u8]| Err(fault(text, message, at));
    let (mut rest, zone) = match text.iter().position(|byte| *byte == b'%') {
        Some(percent) => (text.get(..percent).unwrap_or_default(), text.get(percent + 1..)),
        None => (text, None),
    };
    if zone.is_some_and(<[u8]>::is_empty) {
        return error("zone must be a non-empty string", b"");
    }
    let zone = zone.unwrap_or_default().to_vec();
    let mut bytes: Vec<u8> = Vec::with_capacity(16);
    let mut gap = None;
    if let Some(after) = rest.strip_prefix(b"::") {
        (rest, gap) = (after, Some(0));
    }
    while !(rest.is_empty() && gap == Some(bytes.len())) && bytes.len() < 16 {
        let length = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if length > 4 {
            // Go stops at the fourth digit only when there is a fifth.
            return error("each group must have 4 or less digits", rest);
        }
        if length == 0 {
            return error("each colon-separated field must have at least one digit", rest);
        }
        let (digits, after) = rest.split_at(length);
        if after.starts_with(b".") {
            if gap.is_none() && bytes.len() != 12 {
                return error("embedded IPv4 address must replace the final 2 fields of the address", rest);
            }
            if bytes.len() > 12 {
                return error("too many hex fields to fit an embedded IPv4 at the end of the address", rest);
            }
            bytes.extend(dotted(rest).map_err(|(message, at)| fault(text, message, at))?);
            rest = b"";
            break;
        }
        let value = digits.iter().fold(0_u16, |value, digit| {
            value << 4 | u16::try_from(char::from(*digit).to_digit(16).unwrap_or(0)).unwrap_or(0)
        });
        bytes.extend(value.to_be_bytes());
        rest = after;
        if rest.is_empty() {
            break;
        }
        let Some(after) = rest.strip_prefix(b":") else { return error("unexpected character, want colon", rest) };
        if after.is_empty() {
            return error("colon must be followed by more characters", rest);
        }
        rest = after;
        if let Some(after) = rest.strip_prefix(b":") {
            if gap.is_some() {
                return error("multiple :: in address", rest);
            }
            gap = Some(bytes.len());
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
    }
    if !rest.is_empty() {
        return error("trailing garbage after address", rest);
    }
    match gap {
        None if bytes.len() < 16 => return error("address string too short", b""),
        Some(_) if bytes.len() >= 16 => return error("the :: must expand to at least one field of zeros", b""),
        Some(place) => {
            let zeros = vec![0; 16 - bytes.len()];
            bytes.splice(place..place, zeros);
        }
        None => {}
    }
    Ok(Address { bytes, zone })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_standard_library_reads_them() {
        for text in ["::", "::1", "1::", "1:2:3:4:5:6:7:8", "fe80::1.2.3.4", "::ffff:10.0.0.1", "2001:DB8::a"] {
            let expected: std::net::Ipv6Addr = text.parse().unwrap();
            assert_eq!(parse(text.as_bytes()).unwrap().bytes, expected.octets(), "{text}");
        }
        assert_eq!(parse(b"10.0.0.1").unwrap().bytes, [10, 0, 0, 1]);
        assert_eq!(parse(b"fe80::1%eth0").unwrap().zone, b"eth0");
    }

    #[test]
    fn what_is_no_address_is_refused_with_gos_words() {
        for (text, error) in [
            ("x", "ParseAddr(\"x\"): unable to parse IP"),
            ("1.2.3", "ParseAddr(\"1.2.3\"): IPv4 address too short"),
            ("1.2.3.", "ParseAddr(\"1.2.3.\"): IPv4 field must have at least one digit (at \".\")"),
            ("01.2.3.4", "ParseAddr(\"01.2.3.4\"): IPv4 field has octet with leading zero"),
            ("1.2.3.256", "ParseAddr(\"1.2.3.256\"): IPv4 field has value >255"),
            (":", "ParseAddr(\":\"): each colon-separated field must have at least one digit (at \":\")"),
            ("1:", "ParseAddr(\"1:\"): colon must be followed by more characters (at \":\")"),
            ("1::2::3", "ParseAddr(\"1::2::3\"): multiple :: in address (at \":3\")"),
            ("1:2:3:4:5:6:7:8:9", "ParseAddr(\"1:2:3:4:5:6:7:8:9\"): trailing garbage after address (at \"9\")"),
            ("1:2:3:4:5:6:7::8", "ParseAddr(\"1:2:3:4:5:6:7::8\"): the :: must expand to at least one field of zeros"),
            ("::1%", "ParseAddr(\"::1%\"): zone must be a non-empty string"),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err(), error);
        }
    }
}
