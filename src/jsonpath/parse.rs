//! From text to nodes.

use super::{Bound, MAX_DEPTH, Node, PathError};
use crate::yaml::Value;

fn error<T>(text: impl Into<String>) -> Result<T, PathError> {
    Err(PathError(text.into()))
}

/// Reads a whole template: text and expressions in turn.
pub(super) fn template(text: &str, depth: usize) -> Result<Vec<Node>, PathError> {
    if depth > MAX_DEPTH {
        return error(format!("expressions are nested more than {MAX_DEPTH} deep"));
    }
    let mut nodes = Vec::new();
    let mut rest = text;
    while let Some(brace) = rest.find('{') {
        let (before, after) = rest.split_at(brace);
        if !before.is_empty() {
            nodes.push(Node::Text(before.to_owned()));
        }
        let mut expression = Expression { rest: after.get(1..).unwrap_or_default(), steps: Vec::new(), depth };
        expression.read()?;
        rest = expression.rest;
        nodes.push(Node::Steps(expression.steps));
    }
    if !rest.is_empty() {
        nodes.push(Node::Text(rest.to_owned()));
    }
    Ok(nodes)
}

/// Reads an expression that has no braces of its own; what follows a closing brace in it is passed over, as client-go
/// does.
fn inner(text: &str, depth: usize) -> Result<Vec<Node>, PathError> {
    match template(&format!("{{{text}}}"), depth + 1)?.into_iter().next() {
        Some(Node::Steps(steps)) => Ok(steps),
        _ => error("empty expression"),
    }
}

struct Expression<'a> {
    rest: &'a str,
    steps: Vec<Node>,
    depth: usize,
}

impl<'a> Expression<'a> {
    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    /// What stands before a place, and goes on behind it.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Reads up to and with the closing brace.
    fn read(&mut self) -> Result<(), PathError> {
        loop {
            if let Some(rest) = self.rest.strip_prefix('}') {
                self.rest = rest;
                return Ok(());
            }
            if let Some(rest) = self.rest.strip_prefix("[?(") {
                self.rest = rest;
                self.filter()?;
                continue;
            }
            if let Some(rest) = self.rest.strip_prefix("..") {
                self.rest = rest;
                if self.steps.last() == Some(&Node::Recursive) {
                    return error("invalid multiple recursive descent");
                }
                self.steps.push(Node::Recursive);
                if self.rest.starts_with(|next: char| next == '_' || next.is_alphanumeric()) {
                    self.field();
                }
                continue;
            }
            match self.rest.chars().next() {
                None | Some('\r' | '\n') => return error("unclosed action"),
                // The current object needs no step.
                Some(' ' | '@' | '$') => {
                    self.next();
                }
                Some('[') => self.array()?,
                Some(quote @ ('"' | '\'')) => self.quote(quote)?,
                Some('.') => {
                    self.next();
                    self.field();
                }
                Some('+' | '-' | '0'..='9') => self.number()?,
                Some(first) if first == '_' || first.is_alphanumeric() => self.identifier(),
                Some(other) => {
                    return error(format!("unrecognized character in action: U+{:04X} '{other}'", u32::from(other)));
                }
            }
        }
    }

    fn identifier(&mut self) {
        let end = self.rest.find(is_terminator).unwrap_or(self.rest.len());
        let step = match self.take(end) {
            "true" => Node::Literal(Value::Bool(true)),
            "false" => Node::Literal(Value::Bool(false)),
            name => Node::Identifier(name.to_owned()),
        };
        self.steps.push(step);
    }

    fn number(&mut self) -> Result<(), PathError> {
        let sign = usize::from(self.rest.starts_with(['+', '-']));
        let digits = self.rest.get(sign..).unwrap_or_default();
        let end = digits.find(|next: char| next != '.' && !next.is_ascii_digit()).unwrap_or(digits.len());
        let text = self.take(sign + end);
        let value = match (text.parse(), text.parse()) {
            (Ok(integer), _) => Value::Int(integer),
            (_, Ok(float)) => Value::Float(float),
            _ => return error(format!("cannot parse number {text}")),
        };
        self.steps.push(Node::Literal(value));
        Ok(())
    }

    /// A name up to the next character that ends it; a backslash lets the one behind it pass.
    fn field(&mut self) {
        let mut name = String::new();
        while let Some(next) = self.rest.chars().next() {
            if next == '\\' {
                self.next();
                name.extend(self.next().filter(|escaped| *escaped != '\\'));
            } else if is_terminator(next) {
                break;
            } else {
                self.next();
                name.push(next);
            }
        }
        self.steps.push(if name == "*" { Node::Wildcard } else { Node::Field(name) });
    }

    fn quote(&mut self, quote: char) -> Result<(), PathError> {
        let mut before = None;
        let mut characters = self.rest.char_indices().skip(1);
        let end = loop {
            match characters.next() {
                None | Some((_, '\n')) => return error("unterminated quoted string"),
                Some((place, found)) if found == quote && before != Some('\\') => break place,
                Some((_, other)) => before = Some(other),
            }
        };
        let text = self.take(end + 1);
        let inside = text.get(1..end).unwrap_or_default();
        let plain = unquote(inside, quote);
        let Some(plain) = plain else { return error(format!("unquote string {text} error invalid syntax")) };
        self.steps.push(Node::Text(plain));
        Ok(())
    }

    fn array(&mut self) -> Result<(), PathError> {
        let end =
            self.rest.find([']', '\n']).filter(|end| self.rest.get(*end..).is_some_and(|rest| rest.starts_with(']')));
        let Some(end) = end else { return error("unterminated array") };
        let text = self.take(end + 1);
        let text = text.get(1..end).unwrap_or_default();
        let text = if text == "*" { ":" } else { text };
        if text.contains(',') {
            let parts = text.split(',').map(|part| inner(&format!("[{}]", part.trim_matches(' ')), self.depth));
            self.steps.push(Node::Union(parts.collect::<Result<_, _>>()?));
            return Ok(());
        }
        let key = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).filter(|key| !key.contains('\''));
        if let Some(key) = key {
            // A key with dots is a path.
            self.steps.extend(inner(&format!(".{key}"), self.depth)?);
            return Ok(());
        }
        self.steps.push(Node::Slice(slice(text)?));
        Ok(())
    }

    fn filter(&mut self) -> Result<(), PathError> {
        let (mut is_open, mut is_closed) = (false, false);
        let mut pair = None;
        let mut before = None;
        let mut characters = self.rest.char_indices();
        let end = loop {
            match characters.next() {
                None | Some((_, '\n')) => return error("unterminated filter"),
                Some((place, ')')) if is_open == is_closed => break place,
                Some((_, mark @ ('"' | '\''))) => {
                    if !is_open {
                        is_open = true;
                        pair = Some(mark);
                    } else if before != Some('\\') && pair == Some(mark) {
                        is_closed = true;
                    }
                    before = Some(mark);
                }
                Some((_, other)) => before = Some(other),
            }
        };
        let text = self.take(end);
        self.next();
        if self.next() != Some(']') {
            return error("unclosed array expect ]");
        }
        self.steps.push(match split_comparison(text) {
            None => Node::Filter { left: inner(text, self.depth)?, operator: "exists".to_owned(), right: Vec::new() },
            Some((left, operator, right)) => Node::Filter {
                left: inner(left, self.depth)?,
                operator: operator.to_owned(),
                right: inner(right, self.depth)?,
            },
        });
        Ok(())
    }
}

/// Left side, operator and right side of a comparison.
fn split_comparison(text: &str) -> Option<(&str, &str, &str)> {
    let is_operator = |character: char| matches!(character, '!' | '<' | '>' | '=');
    let start = text.find(is_operator).filter(|start| *start > 0)?;
    let (left, rest) = text.split_at(start);
    let end = rest.find(|character| !is_operator(character)).unwrap_or(rest.len());
    // With nothing behind it the operator gives its last character away.
    let end = if end == rest.len() { end - 1 } else { end };
    let (operator, right) = rest.split_at(end);
    (!operator.is_empty() && !right.is_empty()).then_some((left, operator, right))
}

/// `start:end:step`, each part a whole number or nothing, the colons optional from the right.
fn slice(text: &str) -> Result<[Bound; 3], PathError> {
    let parts: Vec<&str> = text.split(':').collect();
    let is_number = |part: &&str| part.strip_prefix('-').unwrap_or(part).bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() > 3 || !parts.iter().all(is_number) {
        return error(format!("invalid array index {text}"));
    }
    let mut bounds = [Bound::default(); 3];
    for (bound, part) in bounds.iter_mut().zip(&parts) {
        if !part.is_empty() {
            let Ok(value) = part.parse() else { return error(format!("array index {part} is not a number")) };
            *bound = Bound { value, is_known: true, is_derived: false };
        }
    }
    if parts.len() == 1 {
        let [start, end, _] = &mut bounds;
        *end = Bound { value: start.value.saturating_add(1), is_known: true, is_derived: true };
    }
    Ok(bounds)
}

fn is_terminator(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
}

/// Resolves Go's escapes.
fn unquote(text: &str, quote: char) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        rest = rest.get(next.len_utf8()..)?;
        if next != '\\' {
            out.push(next);
            continue;
        }
        let kind = rest.chars().next()?;
        rest = rest.get(kind.len_utf8()..)?;
        let mut number = |length: usize, radix: u32| {
            let digits = rest.get(..length)?;
            rest = rest.get(length..)?;
            u32::from_str_radix(digits, radix).ok()
        };
        out.push(match kind {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '\\' => '\\',
            'x' => char::from_u32(number(2, 16)?)?,
            'u' => char::from_u32(number(4, 16)?)?,
            'U' => char::from_u32(number(8, 16)?)?,
            '0'..='7' => {
                let low = number(2, 8)?;
                char::from_u32(kind.to_digit(8)? * 64 + low).filter(|character| u32::from(*character) < 256)?
            }
            mark if mark == quote => mark,
            _ => return None,
        });
    }
    Some(out)
}
