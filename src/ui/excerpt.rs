//! A line of a file or of the command line, with marks under what is meant.
//!
//! Widths are terminal columns, so marks stand right behind Chinese characters too. Long lines are cut around the marks.
//! Secrets are masked before the line is measured: the mask is as wide as it is, not as the secret.

use std::ops::Range;

use crate::values::Place;
use crate::yaml::Source;

use super::mask::{MASK, Masker};
use super::table;

/// The widest line that is shown whole, in characters.
const WIDEST: usize = 110;
/// How much of a longer one is shown before the marks.
const BEFORE: usize = 50;
/// What stands for the part that is left out.
const CUT: char = '…';

/// A line with its number, if it has one, and marks under a stretch of it, given in characters.
pub(super) fn draw(number: Option<usize>, text: &str, marked: Range<usize>) -> String {
    let number = number.map_or_else(String::new, |number| number.to_string());
    // What does not print would move the marks, or the cursor.
    let shown: Vec<char> = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let (shown, marked) = cut(shown, marked);
    let part = |range: Range<usize>| shown.get(range).unwrap_or_default().iter().collect::<String>();
    let start = marked.start.min(shown.len());
    let (before, meant) = (part(0..start), part(start..marked.end.clamp(start, shown.len())));
    let marks = table::visible_width(&meant).max(1);
    let indent = " ".repeat(table::visible_width(&before));
    let text = part(0..shown.len());
    let line = format!("  {number} | {text}\n  {:width$} | {indent}{}", "", "^".repeat(marks), width = number.len());
    line.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// A window of a long line around the marks.
fn cut(mut text: Vec<char>, marked: Range<usize>) -> (Vec<char>, Range<usize>) {
    if text.len() <= WIDEST {
        return (text, marked);
    }
    let from = marked.start.saturating_sub(BEFORE).min(text.len());
    let goes_on = text.len() - from > WIDEST;
    text.drain(..from);
    text.truncate(WIDEST);
    let mut marked = marked.start - from..(marked.end.saturating_sub(from)).min(text.len());
    if goes_on {
        text.push(CUT);
    }
    if from > 0 {
        text.insert(0, CUT);
        marked = marked.start + 1..marked.end + 1;
    }
    (text, marked)
}

/// A place as editors take it: `file:line:column`; of a flag only its name.
pub(super) fn spot(place: &Place) -> String {
    match &place.source {
        Source::File { name, .. } => {
            let name = if name.trim() == "-" { "<stdin>" } else { name };
            format!("{name}:{}:{}", place.line, place.column)
        }
        Source::Flag { flag, .. } => (*flag).to_owned(),
        Source::Chart { name } => name.clone(),
    }
}

/// The same where the line is not shown: a flag with what was given to it.
pub(super) fn spot_alone(place: &Place) -> String {
    match &place.source {
        Source::Flag { flag, .. } => format!("{flag} {}", place.text),
        _ => spot(place),
    }
}

/// The line of a place. `is_secret`: what is marked is shown by nothing but its place.
pub(super) fn of_place(place: &Place, is_secret: bool) -> String {
    let lead = match &place.source {
        Source::Flag { flag, .. } if place.line == 1 => format!("{flag} "),
        _ => String::new(),
    };
    let characters: Vec<char> = place.text.chars().collect();
    let start = place.marked.start.min(characters.len());
    let end = place.marked.end.clamp(start, characters.len());
    let part = |range: Range<usize>| characters.get(range).unwrap_or_default().iter().collect::<String>();
    let before = lead + &part(0..start);
    let number = matches!(place.source, Source::File { .. }).then_some(place.line);
    let (text, marked) = if is_secret {
        // Behind a secret the rest of the line may belong to it.
        let lead = lead_without_secrets(&Masker::new(), &before);
        let from = lead.chars().count();
        (lead + MASK, from..from + MASK.len())
    } else {
        masked(&before, &part(start..end), &part(end..characters.len()))
    };
    draw(number, &text, marked)
}

/// What stands before what is meant, if there is no secret in it. Names stand before their secrets, so it can be judged by
/// itself.
fn lead_without_secrets(masker: &Masker, before: &str) -> String {
    if masker.mask(before) == before { before.to_owned() } else { CUT.to_string() }
}

/// A line without its secrets, and where in it the marks stand then. If there is one in it, what stands behind is left
/// out: where a secret ends in the middle of a line, nobody can tell for sure.
fn masked(before: &str, meant: &str, after: &str) -> (String, Range<usize>) {
    let count = |text: &str| text.chars().count();
    let masker = Masker::new();
    let whole = [before, meant, after].concat();
    if masker.mask(&whole) == whole {
        return (whole, count(before)..count(before) + count(meant));
    }
    let after = if after.trim().is_empty() { String::new() } else { CUT.to_string() };
    let (before, meant) = (lead_without_secrets(&masker, before), masker.mask(meant));
    let marked = count(&before)..count(&before) + count(&meant);
    ([&before, meant.as_ref(), &after].concat(), marked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str, text: &str, meant: &str) -> Place {
        let from = text.find(meant).map(|at| text[..at].chars().count()).unwrap();
        let source = match name.strip_prefix("--") {
            Some(_) => Source::Flag { flag: "--set", argument: text.to_owned() },
            None => Source::File { name: name.to_owned(), document: 0 },
        };
        Place { source, line: 1, column: from + 1, text: text.to_owned(), marked: from..from + meant.chars().count() }
    }

    #[test]
    fn marks_stand_under_what_is_meant_also_behind_wide_characters() {
        assert_eq!(
            draw(Some(12), "名称: {{ .Values.图.tag }}", 7..16),
            "  12 | 名称: {{ .Values.图.tag }}\n     |          ^^^^^^^^^^"
        );
        assert_eq!(
            of_place(&place("v.yaml", "{麦麦: 1, 名: x}", "名"), false),
            "  1 | {麦麦: 1, 名: x}\n    |           ^^"
        );
    }

    #[test]
    fn a_flag_is_shown_as_it_was_typed() {
        let place = place("--set", "a.b=1,图.c=2", "图.c");
        assert_eq!(of_place(&place, false), "   | --set a.b=1,图.c=2\n   |             ^^^^");
        assert_eq!(spot(&place), "--set");
    }

    #[test]
    fn a_long_line_is_cut_around_the_marks() {
        let text = format!("{}here{}", "x".repeat(300), "y".repeat(300));
        let drawn = of_place(&place("v.yaml", &text, "here"), false);
        let mut lines = drawn.lines();
        let (line, marks) = (lines.next().unwrap(), lines.next().unwrap());
        let column = |text: &str, what: &str| text.split(what).next().unwrap().chars().count();
        assert_eq!(column(line, "here"), column(marks, "^^^^"), "{drawn}");
        assert!(line.chars().count() < 130 && line.contains("…xxx") && line.ends_with("y…"), "{drawn}");
    }

    #[test]
    fn of_a_line_with_a_secret_only_what_is_safe_is_shown() {
        let drawn = of_place(&place("v.yaml", "{token: a-very-long-secret-indeed, port: x}", "x}"), false);
        assert_eq!(drawn, "  1 | …x}\n    |  ^^");
        let drawn = of_place(&place("v.yaml", "  token: abc # my secret", "abc"), true);
        assert_eq!(drawn, "  1 |   token: ********\n    |          ^^^^^^^^");
        let drawn = of_place(&place("v.yaml", "  token: abc", "token"), false);
        assert_eq!(drawn, "  1 |   token…\n    |   ^^^^^");
        for argument in ["a.token={s3cret,s3cret},b=1", r"a.password=x\,s3cret,b=1", "b=1,api_key=s3cret"] {
            let drawn = of_place(&place("--set", argument, "b=1"), false);
            assert!(!drawn.contains("s3cret") && drawn.contains("b=1"), "{drawn}");
        }
    }

    #[test]
    fn what_does_not_print_takes_one_column() {
        assert_eq!(draw(None, "a:\t\u{1b}[31mred", 3..5), "   | a:  [31mred\n   |    ^^");
    }
}
