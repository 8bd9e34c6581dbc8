//! What a schema's validator found, in the order, the grouping and the words that Helm shows.
//!
//! The validator gives one flat list; Helm shows a tree: the errors of one schema about one value belong together, and
//! those of alternatives below the alternative. The tree is rebuilt from the way that each error took through the
//! schema. Where Helm gives the cause of a wrong `format` or says why items do not fit
//! `contains`, this does not; and an item behind `prefixItems` is counted from the beginning of the list, not from the end
//! of the prefix.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value as Json;

use super::schema::Violation;
use crate::yaml::Step;
use crate::yaml::number::{format_g, quote};

/// How an error is reached from the schema around it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// Through a reference.
    Reference(String),
    /// Into a value: the rank among keywords, a number for list items, the keyword, the key or index.
    Value(u8, usize, String, String),
    /// One of `allOf`.
    AllOf(usize),
    /// Another schema for the same value: `then`, `else`, `dependentSchemas`.
    Same(String),
}

/// What errors are about; some of the validator's name less than has to be said.
pub(super) struct Scope<'a> {
    pub(super) schema: &'a Json,
    pub(super) values: &'a Json,
}

impl Scope<'_> {
    /// The keys of the map at a place of the values.
    fn keys_at(&self, instance: &jsonschema::paths::Location) -> Vec<String> {
        let map = self.values.pointer(instance.as_str()).and_then(Json::as_object);
        map.into_iter().flatten().map(|(key, _)| key.clone()).collect()
    }

    /// The key because of which another key is needed.
    fn cause_of(&self, missing: &str, keyword: &jsonschema::paths::Location, instance: &Json) -> Option<String> {
        let rules = self.schema.pointer(keyword.as_str())?.as_object()?;
        let needs = |rule: &Json| rule.as_array().is_some_and(|keys| keys.iter().any(|key| key == missing));
        let mut causes = rules.iter().filter(|(key, rule)| instance.get(key).is_some() && needs(rule));
        causes.next().map(|(key, _)| key.clone())
    }
}

/// One error of the validator, with the way to it.
pub(super) struct Leaf {
    ways: Vec<Way>,
    instance: Vec<String>,
    /// The order among errors of one schema; below [`RANK_FIRST`], nothing else is said of the value.
    rank: u8,
    message: String,
    keys: Vec<String>,
    causes: Vec<Node>,
    /// Errors that are told together with others of their kind.
    kind: Together,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Together {
    /// Told alone.
    No,
    /// A key that is missing.
    Missing,
    /// A key that is missing because of another.
    MissingFor(String),
    /// Keys that no part of the schema has looked at; told at the keys.
    Unevaluated,
}

/// An error as it is shown, with those that it is made of.
#[derive(Default)]
pub(super) struct Node {
    instance: Vec<String>,
    message: String,
    keys: Vec<String>,
    /// Whether the keys are those that are not there.
    is_missing: bool,
    pub(super) causes: Vec<Node>,
    /// Several errors of one schema.
    pub(super) is_group: bool,
    /// A reference, which is not shown if it leads to one error only.
    is_reference: bool,
}

const RANK_TYPE: u8 = 0;
const RANK_CONST: u8 = 1;
const RANK_ENUM: u8 = 2;
const RANK_FORMAT: u8 = 3;
const RANK_FIRST: u8 = 4;
const RANK_REFERENCE: u8 = 5;
const RANK_SIZE: u8 = 6;
const RANK_REQUIRED: u8 = 8;
const RANK_DEPENDENCIES: u8 = 9;
const RANK_PROPERTY: u8 = 10;
const RANK_ADDITIONAL: u8 = 11;
const RANK_NAMES: u8 = 12;
const RANK_ITEM: u8 = 13;
const RANK_CONTAINS: u8 = 14;
const RANK_NOT: u8 = 20;
const RANK_ALL_OF: u8 = 21;
const RANK_ANY_OF: u8 = 22;
const RANK_ONE_OF: u8 = 23;
const RANK_BRANCH: u8 = 24;
const RANK_UNEVALUATED: u8 = 25;

fn pointer(text: &str) -> Vec<String> {
    text.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
}

impl Leaf {
    /// `skip` parts of the way are already gone, and so are those of the instance that they stand for.
    pub(super) fn new(error: &jsonschema::ValidationError<'_>, skip: usize, scope: &Scope<'_>) -> Self {
        let mut path = pointer(error.evaluation_path().as_str());
        if matches!(error.kind(), Kind::PropertyNames { .. })
            && let Some(at) = path.iter().rposition(|part| part == "propertyNames")
        {
            path.truncate(at + 1);
        }
        let instance = pointer(error.instance_path().as_str());
        let mut leaf = Self {
            ways: ways(&path, &instance, skip),
            instance,
            rank: RANK_FIRST,
            message: String::new(),
            keys: Vec::new(),
            causes: Vec::new(),
            kind: Together::No,
        };
        leaf.describe(error, &path, scope);
        leaf
    }

    fn describe(&mut self, error: &jsonschema::ValidationError<'_>, path: &[String], scope: &Scope<'_>) {
        let instance = error.instance().as_ref();
        let length = match instance {
            Json::Array(list) => list.len(),
            Json::Object(map) => map.len(),
            Json::String(text) => text.chars().count(),
            _ => 0,
        };
        let size = |name: &str, limit: &u64| format!("{name}: got {}, want {}", grouped(length), grouped(limit));
        let bound = |name: &str, limit: &Json| format!("{name}: got {}, want {}", number(instance), number(limit));
        let (rank, message) = match error.kind() {
            Kind::Type { kind } => (RANK_TYPE, format!("got {}, want {}", type_of(instance), wanted(kind))),
            Kind::Constant { expected_value } => (
                RANK_CONST,
                match expected_value.as_ref() {
                    Json::Array(_) | Json::Object(_) => "'const' failed".to_owned(),
                    value => format!("value must be {}", display(value)),
                },
            ),
            Kind::Enum { options } => (RANK_ENUM, one_of(options)),
            Kind::Format { format } => (RANK_FORMAT, format!("{} is not valid {format}", display(instance))),
            Kind::MinProperties { limit } => (RANK_SIZE, size("minProperties", limit)),
            Kind::MaxProperties { limit } => (RANK_SIZE + 1, size("maxProperties", limit)),
            Kind::MinItems { limit } => (RANK_SIZE, size("minItems", limit)),
            Kind::MaxItems { limit } => (RANK_SIZE + 1, size("maxItems", limit)),
            Kind::MinLength { limit } => (RANK_SIZE, size("minLength", limit)),
            Kind::MaxLength { limit } => (RANK_SIZE + 1, size("maxLength", limit)),
            Kind::Pattern { pattern } => {
                let text = instance.as_str().unwrap_or_default();
                (RANK_REQUIRED, format!("{} does not match pattern {}", quoted(text), quoted(pattern)))
            }
            Kind::Minimum { limit } => (RANK_SIZE, bound("minimum", limit)),
            Kind::Maximum { limit } => (RANK_SIZE + 1, bound("maximum", limit)),
            Kind::ExclusiveMinimum { limit } => (RANK_SIZE + 2, bound("exclusiveMinimum", limit)),
            Kind::ExclusiveMaximum { limit } => (RANK_SIZE + 3, bound("exclusiveMaximum", limit)),
            Kind::MultipleOf { multiple_of } => (RANK_SIZE + 4, bound("multipleOf", &Json::from(*multiple_of))),
            Kind::Required { property } => {
                let key = property.as_str().unwrap_or_default().to_owned();
                self.kind = match path.last().map(String::as_str) {
                    Some("required") | None => Together::Missing,
                    _ => scope
                        .cause_of(&key, error.schema_path(), instance)
                        .map_or(Together::Missing, Together::MissingFor),
                };
                self.keys = vec![key];
                (RANK_REQUIRED, String::new())
            }
            Kind::AdditionalProperties { unexpected } => self.additional(unexpected.clone()),
            Kind::FalseSchema if path.last().is_some_and(|part| part == "additionalProperties") => {
                self.additional(scope.keys_at(error.instance_path()))
            }
            Kind::AdditionalItems { limit } => {
                let count = grouped(length.saturating_sub(*limit));
                (RANK_ADDITIONAL, format!("last {count} additionalItem(s) not allowed"))
            }
            Kind::UniqueItems => (RANK_REQUIRED, duplicates(instance)),
            Kind::FalseSchema => (RANK_FIRST, "false schema".to_owned()),
            Kind::Not { .. } => (RANK_NOT, "'not' failed".to_owned()),
            Kind::Contains => (RANK_CONTAINS, "no items match contains schema".to_owned()),
            Kind::PropertyNames { error } => {
                // The name is checked as a value of its own, which stands nowhere.
                let mut leaf = Self::new(error, path.len(), scope);
                leaf.instance.clear();
                self.causes = vec![group(vec![leaf], &[])];
                let name = error.instance().as_str().unwrap_or_default().to_owned();
                let message = format!("invalid propertyName {}", quoted(&name));
                self.keys = vec![name];
                (RANK_NAMES, message)
            }
            Kind::AnyOf { context } => {
                self.alternatives(context, path, scope);
                (RANK_ANY_OF, "'anyOf' failed".to_owned())
            }
            Kind::OneOfNotValid { context } => {
                self.alternatives(context, path, scope);
                (RANK_ONE_OF, "'oneOf' failed, none matched".to_owned())
            }
            Kind::OneOfMultipleValid { context } => {
                let mut matched = context.iter().enumerate().filter(|(_, errors)| errors.is_empty());
                let mut next = || matched.next().map_or(0, |(index, _)| index);
                (RANK_ONE_OF, format!("'oneOf' failed, subschemas {}, {} matched", next(), next()))
            }
            Kind::UnevaluatedProperties { unexpected } => {
                self.keys.clone_from(unexpected);
                self.kind = Together::Unevaluated;
                (RANK_UNEVALUATED, "false schema".to_owned())
            }
            _ => (RANK_UNEVALUATED, error.to_string()),
        };
        self.rank = rank;
        self.message = message;
    }

    fn additional(&mut self, mut keys: Vec<String>) -> (u8, String) {
        keys.sort();
        self.keys = keys;
        (RANK_ADDITIONAL, format!("additional properties {} not allowed", quoted_list(&self.keys)))
    }

    fn alternatives(
        &mut self,
        context: &[Vec<jsonschema::ValidationError<'static>>],
        path: &[String],
        scope: &Scope<'_>,
    ) {
        self.causes = context
            .iter()
            .filter(|errors| !errors.is_empty())
            .map(|errors| {
                // One more part than the keyword: the alternative's number.
                let leaves = errors.iter().map(|error| Self::new(error, path.len() + 1, scope)).collect();
                group(leaves, &self.instance)
            })
            .collect();
    }
}

/// The way through a schema to an error: `path` is that of keywords, of which the last is the error's own.
fn ways(path: &[String], instance: &[String], skip: usize) -> Vec<Way> {
    let mut ways = Vec::new();
    let mut tokens = instance.iter();
    let mut parts = path.iter().enumerate().peekable();
    let last = path.len().saturating_sub(1);
    while let Some((at, part)) = parts.next() {
        if at >= last {
            break;
        }
        let mut next = || parts.next().map(|(_, part)| part.clone()).unwrap_or_default();
        let is_number = |text: Option<&String>| text.is_some_and(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let into = |rank: u8, tokens: &mut std::slice::Iter<'_, String>| {
            let token = tokens.next().cloned().unwrap_or_default();
            Way::Value(rank, token.parse().unwrap_or(0), part.clone(), token)
        };
        let way = match part.as_str() {
            "$ref" | "$dynamicRef" | "$recursiveRef" => Way::Reference(part.clone()),
            "properties" | "patternProperties" => {
                next();
                into(RANK_PROPERTY, &mut tokens)
            }
            "additionalProperties" => into(RANK_PROPERTY, &mut tokens),
            "items" | "prefixItems" | "additionalItems" => {
                if at + 1 < last && is_number(path.get(at + 1)) {
                    next();
                }
                into(RANK_ITEM, &mut tokens)
            }
            "contains" => into(RANK_CONTAINS, &mut tokens),
            "unevaluatedProperties" | "unevaluatedItems" => into(RANK_UNEVALUATED, &mut tokens),
            "allOf" => Way::AllOf(next().parse().unwrap_or(0)),
            "anyOf" | "oneOf" | "dependentSchemas" | "dependencies" => Way::Same(format!("{part}/{}", next())),
            other => Way::Same(other.to_owned()),
        };
        if at >= skip {
            ways.push(way);
        }
    }
    ways.reverse();
    ways
}

/// The errors of one schema about one value as one error.
pub(super) fn group(leaves: Vec<Leaf>, instance: &[String]) -> Node {
    let mut errors: Vec<(u8, Way, Node)> = Vec::new();
    let here = Way::Same(String::new());
    let mut missing: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
    let mut deeper: BTreeMap<Way, Vec<Leaf>> = BTreeMap::new();
    for mut leaf in leaves {
        match leaf.ways.pop() {
            Some(way) => deeper.entry(way).or_default().push(leaf),
            None => match leaf.kind {
                Together::Missing => missing.entry(None).or_default().append(&mut leaf.keys),
                Together::MissingFor(cause) => missing.entry(Some(cause)).or_default().append(&mut leaf.keys),
                Together::Unevaluated => errors.extend(leaf.keys.into_iter().map(|key| {
                    let instance = leaf.instance.iter().chain([&key]).cloned().collect();
                    let message = leaf.message.clone();
                    (leaf.rank, Way::Same(key), Node { instance, message, ..Node::default() })
                })),
                Together::No => {
                    let Leaf { rank, instance, message, keys, causes, .. } = leaf;
                    errors.push((rank, here.clone(), Node { instance, message, keys, causes, ..Node::default() }));
                }
            },
        }
    }
    for (cause, keys) in missing {
        let (rank, message) = match (&cause, keys.as_slice()) {
            (None, [one]) => (RANK_REQUIRED, format!("missing property {}", quoted(one))),
            (None, several) => (RANK_REQUIRED, format!("missing properties {}", quoted_list(several))),
            (Some(cause), keys) => {
                let message = format!("properties {} required, if {} exists", quoted_list(keys), quoted(cause));
                (RANK_DEPENDENCIES, message)
            }
        };
        let node = Node { instance: instance.to_vec(), message, keys, is_missing: true, ..Node::default() };
        errors.push((rank, here.clone(), node));
    }
    let mut all_of: Vec<Node> = Vec::new();
    for (way, leaves) in deeper {
        match &way {
            Way::Value(rank, _, _, token) => {
                let inner: Vec<String> = instance.iter().chain([token]).cloned().collect();
                let rank = *rank;
                errors.push((rank, way, group(leaves, &inner)));
            }
            Way::AllOf(_) => all_of.push(group(leaves, instance)),
            Way::Same(_) => errors.push((RANK_BRANCH, way, group(leaves, instance))),
            Way::Reference(_) => {
                let node = group(leaves, instance);
                let causes = if node.is_group { node.causes } else { vec![node] };
                let reference = Node {
                    instance: instance.to_vec(),
                    message: "validation failed".to_owned(),
                    causes,
                    is_reference: true,
                    ..Node::default()
                };
                errors.push((RANK_REFERENCE, way, reference));
            }
        }
    }
    if !all_of.is_empty() {
        let message = "'allOf' failed".to_owned();
        let node = Node { instance: instance.to_vec(), message, causes: all_of, ..Node::default() };
        errors.push((RANK_ALL_OF, Way::AllOf(0), node));
    }
    errors.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    // A wrong type, or a value that is not among those allowed, is all there is to say.
    if errors.first().is_some_and(|(rank, ..)| *rank < RANK_FIRST) {
        errors.truncate(1);
    }
    if errors.len() == 1
        && let Some((_, _, node)) = errors.pop()
    {
        return node;
    }
    Node {
        instance: instance.to_vec(),
        message: "validation failed".to_owned(),
        causes: errors.into_iter().map(|(_, _, node)| node).collect(),
        is_group: true,
        ..Node::default()
    }
}

impl Node {
    fn is_hidden(&self) -> bool {
        self.is_reference && self.causes.len() == 1
    }

    pub(super) fn write(&self, out: &mut String, indent: usize) {
        let mut inner = indent;
        if !self.is_hidden() {
            let path = self
                .instance
                .iter()
                .fold(String::new(), |path, token| path + "/" + &token.replace('~', "~0").replace('/', "~1"));
            let _ = writeln!(out, "{:indent$}- at {}: {}", "", quoted(&path), self.message, indent = indent * 2);
            inner += 1;
        }
        for cause in &self.causes {
            cause.write(out, inner);
        }
    }

    /// The errors that say something themselves.
    pub(super) fn collect(&self, chart: &str, prefix: &[Step], out: &mut Vec<Violation>) {
        if self.is_group || self.is_reference {
            for cause in &self.causes {
                cause.collect(chart, prefix, out);
            }
            return;
        }
        if self.message == "'allOf' failed" {
            for cause in &self.causes {
                cause.collect(chart, prefix, out);
            }
            return;
        }
        let steps =
            self.instance.iter().map(|token| token.parse().map_or_else(|_| Step::Key(token.clone()), Step::Index));
        let (missing, superfluous) =
            if self.is_missing { (self.keys.clone(), Vec::new()) } else { (Vec::new(), self.keys.clone()) };
        out.push(Violation {
            chart: chart.to_owned(),
            scope: prefix.len(),
            path: prefix.iter().cloned().chain(steps).collect(),
            message: self.said(),
            missing,
            superfluous,
        });
    }

    /// The error in one line, with what it is made of.
    fn said(&self) -> String {
        let mut reasons: Vec<String> = Vec::new();
        for cause in &self.causes {
            cause.reasons(&self.instance, &mut reasons);
        }
        if reasons.is_empty() { self.message.clone() } else { format!("{} ({})", self.message, reasons.join("; ")) }
    }

    /// What the errors below say, with the place where it is another than that of the error they belong to.
    fn reasons(&self, around: &[String], out: &mut Vec<String>) {
        if self.is_group || self.is_reference {
            self.causes.iter().for_each(|cause| cause.reasons(around, out));
            return;
        }
        let place = self.instance.get(around.len()..).unwrap_or_default().join(".");
        let said = if place.is_empty() { self.said() } else { format!("{place}: {}", self.said()) };
        if !out.contains(&said) {
            out.push(said);
        }
    }
}

const fn type_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

fn wanted(kind: &TypeKind) -> String {
    const ORDER: [&str; 7] = ["null", "boolean", "number", "integer", "string", "array", "object"];
    let mut names: Vec<String> = match kind {
        TypeKind::Single(one) => vec![one.to_string()],
        TypeKind::Multiple(several) => several.iter().map(|one| one.to_string()).collect(),
    };
    names.sort_by_key(|name| ORDER.iter().position(|known| known == name));
    names.join(" or ")
}

fn one_of(options: &Json) -> String {
    match options.as_array().map(Vec::as_slice) {
        Some([one]) if !one.is_array() && !one.is_object() => format!("value must be {}", display(one)),
        Some(several) if !several.iter().any(|option| option.is_array() || option.is_object()) => {
            let list: Vec<String> = several.iter().map(display).collect();
            format!("value must be one of {}", list.join(", "))
        }
        _ => "'enum' failed".to_owned(),
    }
}

fn duplicates(instance: &Json) -> String {
    let list = instance.as_array().map(Vec::as_slice).unwrap_or_default();
    let pair = (1..list.len()).find_map(|later| (0..later).find(|it| list[*it] == list[later]).map(|it| (it, later)));
    let (first, second) = pair.unwrap_or_default();
    format!("items at {first} and {second} are equal")
}

fn display(value: &Json) -> String {
    match value {
        Json::String(text) => quoted(text),
        Json::Array(_) | Json::Object(_) => "value".to_owned(),
        Json::Null => "<nil>".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (None, Some(float)) => format_g(float),
            _ => number.to_string(),
        },
    }
}

/// Go's quoting with single quotes instead of double ones.
fn quoted(text: &str) -> String {
    let quoted = quote(text).replace("\\\"", "\"").replace('\'', "\\'");
    format!("'{}'", &quoted[1..quoted.len() - 1])
}

fn quoted_list(texts: &[String]) -> String {
    texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ")
}

/// A number as Go's package for languages prints it in English: large and small ones as `1.5×10⁰⁶`.
fn number(value: &Json) -> String {
    let text = format_g(value.as_f64().unwrap_or_default());
    let Some((mantissa, exponent)) = text.split_once('e') else { return grouped(text) };
    let raised = exponent.chars().filter_map(|c| match c {
        '-' => Some('⁻'),
        '0'..='9' => "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(usize::from(c as u8 - b'0')),
        _ => None,
    });
    format!("{mantissa}×10{}", raised.collect::<String>())
}

/// Digits in groups of three.
fn grouped(value: impl std::fmt::Display) -> String {
    let text = value.to_string();
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, fraction) = text.find('.').map_or((text, ""), |at| text.split_at(at));
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("{sign}{text}");
    }
    let mut out = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + fraction
}
