//! Setting variables in the text of a `.env` file without touching the other lines.
//!
//! The format is that of python-dotenv, which core uses: `KEY=value` lines, optionally after `export`, values bare
//! or in quotes, quoted values over several lines, the last assignment of a name winning.

use std::ops::Range;

/// Sets variables. Values must need no quotes. Returns the new text and the names whose value changed; the same text
/// if all had their values already.
///
/// The deciding assignment of a name is replaced in place; missing names are added at the end. Everything else,
/// comments and line ends included, stays.
pub fn set(text: &str, variables: &[(&str, &str)]) -> (String, Vec<String>) {
    let mut edited = text.to_owned();
    let mut changed = Vec::new();
    for (name, wanted) in variables {
        let last = assignments(&edited).into_iter().rfind(|assignment| assignment.name == *name);
        match last {
            Some(found) if found.value == *wanted => continue,
            Some(found) => edited.replace_range(found.span, &format!("={wanted}")),
            None => {
                let line_end = if edited.lines().count() > 0 && edited.contains("\r\n") { "\r\n" } else { "\n" };
                if !edited.is_empty() && !edited.ends_with('\n') {
                    edited.push_str(line_end);
                }
                edited.push_str(name);
                edited.push('=');
                edited.push_str(wanted);
                edited.push_str(line_end);
            }
        }
        changed.push((*name).to_owned());
    }
    (edited, changed)
}

/// An assignment in a text.
struct Assignment<'text> {
    name: &'text str,
    /// The value without quotes; escapes are left as they are.
    value: &'text str,
    /// From behind the name to the end of the value, comment and line end excluded.
    span: Range<usize>,
}

/// Every assignment, in the order of the text. Lines that are none are passed over.
fn assignments(text: &str) -> Vec<Assignment<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let line_end = text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1);
        match assignment(text, at, line_end) {
            Some((assignment, next)) => {
                at = next.max(line_end);
                found.push(assignment);
            }
            None => at = line_end,
        }
    }
    found
}

/// The assignment in the line from `start` to `line_end`, and where the text goes on behind it: a quoted value may
/// reach over several lines.
fn assignment(text: &str, start: usize, line_end: usize) -> Option<(Assignment<'_>, usize)> {
    let line = text[start..line_end].trim_end_matches(['\n', '\r']);
    let body = line.trim_start();
    let declared =
        body.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t'])).map_or(body, str::trim_start);
    let equals = declared.find('=')?;
    let name = declared[..equals].trim_end();
    if name.is_empty() || name.starts_with('#') || name.contains(char::is_whitespace) {
        return None;
    }
    let name_end = start + line.len() - declared.len() + name.len();
    let value_area = start + line.len() - declared.len() + equals + 1;
    let blanks = text[value_area..start + line.len()].chars().take_while(|blank| matches!(blank, ' ' | '\t')).count();
    let value_start = value_area + blanks;
    let quote = text[value_start..].chars().next().filter(|first| matches!(first, '\'' | '"'));
    if let Some((value, end)) = quote.and_then(|quote| quoted(text, value_start, quote)) {
        let next = text[end..].find('\n').map_or(text.len(), |newline| end + newline + 1);
        return Some((Assignment { name, value, span: name_end..end }, next));
    }
    let rest = &text[value_start..start + line.len()];
    let comment = rest
        .char_indices()
        .find(|(at, hash)| *hash == '#' && rest[..*at].chars().next_back().is_none_or(char::is_whitespace));
    let value = rest[..comment.map_or(rest.len(), |(at, _)| at)].trim_end();
    Some((Assignment { name, value, span: name_end..value_start + value.len() }, line_end))
}

/// The content of a quoted value that begins at `start`, and where it ends; none if the quote is never closed.
fn quoted(text: &str, start: usize, quote: char) -> Option<(&str, usize)> {
    let inside = start + 1;
    let mut escaped = false;
    for (at, character) in text[inside..].char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return Some((&text[inside..inside + at], inside + at + 1)),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_host(text: &str) -> String {
        set(text, &[("HOST", "0.0.0.0")]).0
    }

    #[test]
    fn a_variable_that_has_its_value_is_left_alone_however_it_is_spelt() {
        for text in ["HOST=0.0.0.0", "export HOST = '0.0.0.0' # all\r\n", "HOST=127.0.0.1\nHOST=\"0.0.0.0\"\n"] {
            assert_eq!(set(text, &[("HOST", "0.0.0.0")]), (text.to_owned(), vec![]), "{text}");
        }
    }

    #[test]
    fn only_the_deciding_assignment_changes() {
        for (before, after) in [
            ("HOST=127.0.0.1\nA=1\n", "HOST=0.0.0.0\nA=1\n"),
            ("A=1\r\nHOST='127.0.0.1' # mine\r\nB=2", "A=1\r\nHOST=0.0.0.0 # mine\r\nB=2"),
            ("HOST=a\nHOST=b\n", "HOST=a\nHOST=0.0.0.0\n"),
            ("  export HOST = b # c\n", "  export HOST=0.0.0.0 # c\n"),
            ("HOST=\n", "HOST=0.0.0.0\n"),
            ("HOST=b#c\n", "HOST=0.0.0.0\n"),
            ("#HOST=b\nHOST=x", "#HOST=b\nHOST=0.0.0.0"),
            ("A=\"1\nHOST=no\n\"\nHOST=x\n", "A=\"1\nHOST=no\n\"\nHOST=0.0.0.0\n"),
            ("A='it\nHOST=x\n", "A='it\nHOST=0.0.0.0\n"),
        ] {
            assert_eq!(set_host(before), after);
        }
    }

    #[test]
    fn a_missing_variable_is_added_at_the_end() {
        for (before, after) in [
            ("", "HOST=0.0.0.0\n"),
            ("A=1", "A=1\nHOST=0.0.0.0\n"),
            ("A=1\r\n", "A=1\r\nHOST=0.0.0.0\r\n"),
            ("# HOST=1\nMY_HOST=2\nHOST\n", "# HOST=1\nMY_HOST=2\nHOST\nHOST=0.0.0.0\n"),
            ("\u{feff}HOST=0.0.0.0\n", "\u{feff}HOST=0.0.0.0\nHOST=0.0.0.0\n"),
        ] {
            assert_eq!(set_host(before), after);
        }
    }
}
