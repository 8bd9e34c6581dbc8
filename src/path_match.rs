//! Go's `path.Match`: `*` and `?` match anything but `/`, `[a-z]` and `[^a-z]` match one character, `\` takes the next
//! one as it stands. `template --show-only` chooses templates with it, `.helmignore` files. Shared by rooms that do not
//! know each other.

/// Whether Go takes it for a pattern: classes end, and something follows a backslash.
pub(crate) fn is_valid(pattern: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    while at < pattern.len() {
        if pattern[at] == '*' {
            at += 1;
            continue;
        }
        let Some((_, after)) = one(&pattern, at) else { return false };
        at = after;
    }
    true
}

/// Whether the whole of `text` matches. A broken pattern matches nothing, as Helm ignores Go's error.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // The positions in the text that the pattern so far can have reached; grows with the text, never backtracks.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        if pattern[at] == '*' {
            at += 1;
            for position in 0..text.len() {
                if reached[position] && text[position] != '/' {
                    reached[position + 1] = true;
                }
            }
            continue;
        }
        let Some((one, after)) = one(&pattern, at) else { return false };
        at = after;
        for position in (0..text.len()).rev() {
            reached[position + 1] = reached[position] && one.matches(text[position]);
        }
        reached[0] = false;
    }
    reached[text.len()]
}

/// What one character is matched against.
enum One {
    Literal(char),
    Any,
    Class { ranges: Vec<(char, char)>, negated: bool },
}

impl One {
    fn matches(&self, character: char) -> bool {
        match self {
            Self::Literal(literal) => character == *literal,
            Self::Any => character != '/',
            Self::Class { ranges, negated } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&character)) != *negated
            }
        }
    }
}

/// The element of the pattern at a place, and the place behind it; none if the pattern is broken there.
fn one(pattern: &[char], at: usize) -> Option<(One, usize)> {
    match pattern[at] {
        '?' => Some((One::Any, at + 1)),
        '\\' => Some((One::Literal(*pattern.get(at + 1)?), at + 2)),
        '[' => {
            let mut at = at + 1;
            let negated = pattern.get(at) == Some(&'^');
            at += usize::from(negated);
            let mut ranges = Vec::new();
            loop {
                if pattern.get(at) == Some(&']') && !ranges.is_empty() {
                    return Some((One::Class { ranges, negated }, at + 1));
                }
                let (low, after) = class_character(pattern, at)?;
                at = after;
                let mut high = low;
                if pattern.get(at) == Some(&'-') {
                    (high, at) = class_character(pattern, at + 1)?;
                }
                ranges.push((low, high));
            }
        }
        literal => Some((One::Literal(literal), at + 1)),
    }
}

fn class_character(pattern: &[char], at: usize) -> Option<(char, usize)> {
    match *pattern.get(at)? {
        '-' | ']' => None,
        '\\' => Some((*pattern.get(at + 1)?, at + 2)),
        character => Some((character, at + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_valid, matches};

    #[test]
    fn patterns_match_as_in_go() {
        for (pattern, text, expected) in [
            ("templates/core/*.yaml", "templates/core/service.yaml", true),
            ("templates/*.yaml", "templates/core/service.yaml", false),
            ("templates/*/*", "templates/core/service.yaml", true),
            ("*", "abc", true),
            ("*", "a/b", false),
            ("a*b*c", "axxbyyc", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("", "", true),
            ("", "a", false),
            ("[", "a", false),
            ("[]a]", "]", false),
            ("[-]", "-", false),
            ("麦*", "麦麦", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn broken_patterns_are_known_wherever_they_are_broken() {
        assert!(["", "*", "a[b-c]*", "\\*", "[^x]"].iter().all(|pattern| is_valid(pattern)));
        assert!(["[", "abc[", "*[a", "x\\", "[]a]", "[a-]", "[-]"].iter().all(|pattern| !is_valid(pattern)));
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = "*a".repeat(50) + "*b";
        assert!(!matches(&pattern, &"a".repeat(2000)));
    }
}
