//! From nodes and a value to text.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Bound, MAX_DEPTH, MAX_RESULTS, Node, PathError};
use crate::yaml::{Value, json, number};

type Results<'v> = Vec<Cow<'v, Value>>;

/// Why a step has no result, and whether it leaves values behind all the same: a filter that only asks whether
/// something is there looks at those.
struct Stop {
    problem: String,
    leaves_values: bool,
}

fn stop<T>(problem: impl Into<String>, leaves_values: bool) -> Result<T, Stop> {
    Err(Stop { problem: problem.into(), leaves_values })
}

#[derive(Default)]
struct Run {
    /// Ranges that begin with the expression at hand.
    beginning: usize,
    /// Ranges around it.
    open: usize,
    /// Ends that were met.
    ending: usize,
    /// Where the last end was.
    last_end: Option<usize>,
    /// How many values came so far.
    count: usize,
}

pub(super) fn execute(nodes: &[Node], value: &Value) -> Result<String, PathError> {
    let mut run = Run::default();
    let mut found = Vec::new();
    run.nodes(nodes, 0, Some(value), &mut found).map_err(|stop| PathError(stop.problem))?;
    let mut out = String::new();
    for results in found {
        for (place, value) in results.iter().enumerate() {
            if place > 0 {
                out.push(' ');
            }
            print(value, &mut out).map_err(PathError)?;
        }
    }
    Ok(out)
}

fn print(value: &Value, out: &mut String) -> Result<(), String> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::UInt(value) => out.push_str(&value.to_string()),
        Value::Float(value) => out.push_str(&number::format_v(*value)),
        Value::String(text) => out.push_str(text),
        value => out.push_str(&json::to_json(value).map_err(|error| error.to_string())?),
    }
    Ok(())
}

/// Go's name of a value's type.
const fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "interface {}",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::UInt(_) => "uint64",
        Value::Float(_) => "float64",
        Value::String(_) => "string",
        Value::Sequence(_) => "[]interface {}",
        Value::Mapping(_) => "map[string]interface {}",
    }
}

/// What a value holds: entries of maps and lists, bytes of texts.
fn children<'v>(value: &Cow<'v, Value>) -> Results<'v> {
    match value {
        Cow::Borrowed(Value::Mapping(map)) => map.values().map(Cow::Borrowed).collect(),
        Cow::Borrowed(Value::Sequence(list)) => list.iter().map(Cow::Borrowed).collect(),
        other => match other.as_ref() {
            Value::Mapping(map) => map.values().cloned().map(Cow::Owned).collect(),
            Value::Sequence(list) => list.iter().cloned().map(Cow::Owned).collect(),
            Value::String(text) => text.bytes().map(|byte| Cow::Owned(Value::UInt(byte.into()))).collect(),
            _ => Vec::new(),
        },
    }
}

fn child<'v>(value: &Cow<'v, Value>, key: &str) -> Option<Cow<'v, Value>> {
    match value {
        Cow::Borrowed(value) => value.as_mapping()?.get(key).map(Cow::Borrowed),
        Cow::Owned(value) => value.as_mapping()?.get(key).cloned().map(Cow::Owned),
    }
}

impl Run {
    /// Evaluates the nodes from a place on, up to the end of the range around them. Without a value nothing comes of it
    /// but the place where it ends.
    fn nodes<'v>(
        &mut self,
        nodes: &[Node],
        from: usize,
        value: Option<&'v Value>,
        found: &mut Vec<Results<'v>>,
    ) -> Result<(), Stop> {
        let current: Results<'v> = value.into_iter().map(Cow::Borrowed).collect();
        let mut place = from;
        while let Some(node) = nodes.get(place) {
            self.count(1)?;
            let results = if value.is_none() && !matches!(node, Node::Text(_)) {
                self.over_nothing(node)?
            } else {
                self.step(current.clone(), node)?
            };
            if self.ending > 0 && self.ending <= self.open {
                self.ending -= 1;
                self.last_end = Some(place);
                return Ok(());
            }
            if self.beginning > 0 {
                self.beginning -= 1;
                self.open += 1;
                if self.open > MAX_DEPTH {
                    return stop(format!("ranges are nested more than {MAX_DEPTH} deep"), false);
                }
                if results.is_empty() {
                    self.nodes(nodes, place + 1, None, &mut Vec::new())?;
                }
                for value in results {
                    self.item(nodes, place + 1, value, found)?;
                }
                self.open -= 1;
                // Without an end of its own the rest comes once more, for the value outside.
                place = self.last_end.filter(|end| *end > place).unwrap_or(place);
            } else {
                found.push(results);
            }
            place += 1;
        }
        Ok(())
    }

    /// One turn of a range.
    fn item<'v>(
        &mut self,
        nodes: &[Node],
        from: usize,
        value: Cow<'v, Value>,
        found: &mut Vec<Results<'v>>,
    ) -> Result<(), Stop> {
        match value {
            Cow::Borrowed(value) => self.nodes(nodes, from, Some(value), found),
            Cow::Owned(value) => {
                let mut inside = Vec::new();
                self.nodes(nodes, from, Some(&value), &mut inside)?;
                let keep = |results: Results<'_>| results.into_iter().map(|it| Cow::Owned(it.into_owned())).collect();
                found.extend(inside.into_iter().map(keep));
                Ok(())
            }
        }
    }

    /// An expression in a range without values: nothing has fields, so that asking for one is an error here too.
    fn over_nothing<'v>(&mut self, node: &Node) -> Result<Results<'v>, Stop> {
        let steps = match node {
            Node::Steps(steps) => steps.as_slice(),
            _ => std::slice::from_ref(node),
        };
        for step in steps {
            match step {
                Node::Identifier(_) => {
                    self.step(Vec::new(), step)?;
                }
                Node::Field(name) => return stop(format!("{name} is not found"), false),
                Node::Slice(_) | Node::Filter { .. } => return stop("nothing is not array or slice", false),
                Node::Wildcard | Node::Recursive => return Ok(Vec::new()),
                _ => {}
            }
        }
        Ok(Vec::new())
    }

    fn steps<'v>(&mut self, mut current: Results<'v>, steps: &[Node]) -> Result<Results<'v>, Stop> {
        for step in steps {
            current = self.step(current, step)?;
        }
        Ok(current)
    }

    fn step<'v>(&mut self, input: Results<'v>, node: &Node) -> Result<Results<'v>, Stop> {
        let results = match node {
            Node::Steps(steps) => self.steps(input, steps)?,
            Node::Text(text) => vec![Cow::Owned(Value::from(text.as_str()))],
            Node::Literal(value) => input.iter().map(|_| Cow::Owned(value.clone())).collect(),
            Node::Field(name) => field(&input, name)?,
            Node::Slice(bounds) => slice(&input, bounds)?,
            Node::Wildcard => input.iter().flat_map(children).collect(),
            Node::Recursive => self.recursive(input)?,
            Node::Union(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    let found = self.steps(input.clone(), part);
                    all.extend(found.map_err(|error| Stop { leaves_values: !input.is_empty(), ..error })?);
                }
                all
            }
            Node::Filter { left, operator, right } => self.filter(&input, left, operator, right)?,
            Node::Identifier(name) => self.identifier(input, name)?,
        };
        self.count(results.len())?;
        Ok(results)
    }

    fn count(&mut self, more: usize) -> Result<(), Stop> {
        self.count += more;
        if self.count > MAX_RESULTS { stop(format!("more than {MAX_RESULTS} values"), false) } else { Ok(()) }
    }

    fn identifier<'v>(&mut self, input: Results<'v>, name: &str) -> Result<Results<'v>, Stop> {
        match name {
            "range" => {
                self.beginning += 1;
                Ok(input)
            }
            "end" if self.open > 0 => {
                self.ending += 1;
                Ok(Vec::new())
            }
            "end" => stop("not in range, nothing to end", false),
            other => stop(format!("unrecognized identifier {other}"), !input.is_empty()),
        }
    }

    /// Every value that holds others, from the outside in.
    fn recursive<'v>(&mut self, input: Results<'v>) -> Result<Results<'v>, Stop> {
        let mut all = Vec::new();
        for value in input {
            let inside = children(&value);
            if !inside.is_empty() {
                self.count(inside.len())?;
                all.push(value);
                all.extend(self.recursive(inside)?);
            }
        }
        Ok(all)
    }

    fn filter<'v>(
        &mut self,
        input: &Results<'v>,
        left: &[Node],
        operator: &str,
        right: &[Node],
    ) -> Result<Results<'v>, Stop> {
        let mut results = Vec::new();
        for value in input {
            let Value::Sequence(_) = value.as_ref() else {
                let mut shown = String::new();
                print(value, &mut shown).or_else(|problem| stop(problem, true))?;
                return stop(format!("{shown} is not array or slice and cannot be filtered"), true);
            };
            for item in children(value) {
                let lefts = self.steps(vec![item.clone()], left);
                if operator == "exists" {
                    if lefts.map_or_else(|error| error.leaves_values, |values| !values.is_empty()) {
                        results.push(item);
                    }
                    continue;
                }
                let leaves = |error: Stop| Stop { leaves_values: true, ..error };
                let Some(one) = single(&lefts.map_err(leaves)?)? else { continue };
                let rights = self.steps(vec![item.clone()], right).map_err(leaves)?;
                let Some(other) = single(&rights)? else { continue };
                let is_wanted = compare(&one, operator, &other);
                if is_wanted.or_else(|problem| stop(problem, !results.is_empty()))? {
                    results.push(item);
                }
            }
        }
        Ok(results)
    }
}

fn field<'v>(input: &Results<'v>, name: &str) -> Result<Results<'v>, Stop> {
    let results: Results<'v> = input.iter().filter_map(|value| child(value, name)).collect();
    if results.is_empty() && !input.is_empty() { stop(format!("{name} is not found"), false) } else { Ok(results) }
}

fn slice<'v>(input: &Results<'v>, bounds: &[Bound; 3]) -> Result<Results<'v>, Stop> {
    let mut results = Vec::new();
    for value in input {
        let length = match value.as_ref() {
            Value::Null => continue,
            Value::Sequence(list) => i64::try_from(list.len()).unwrap_or(i64::MAX),
            other => return stop(format!("{} is not array or slice", go_type(other)), true),
        };
        let [start, end, step] = *bounds;
        let mut from = if start.is_known { start.value } else { 0 };
        if from < 0 {
            from = from.saturating_add(length);
        }
        let mut to = if end.is_known { end.value } else { length };
        if to < 0 || to == 0 && end.is_derived {
            to = to.saturating_add(length);
        }
        if from == to {
            // Nothing is asked for, and nothing of what follows looked at.
            return Ok(results);
        }
        let outside = |index: i64| stop(format!("array index out of bounds: index {index}, length {length}"), true);
        if from >= length || from < 0 {
            return outside(from);
        }
        if to > length || to < 0 {
            return outside(to.saturating_sub(1));
        }
        if from > to {
            return stop(format!("starting index {from} is greater than ending index {to}"), true);
        }
        if step.is_known && step.value <= 0 {
            return stop("step must be > 0", true);
        }
        let size = |number: i64| usize::try_from(number).unwrap_or_default();
        let step = if step.is_known { size(step.value).max(1) } else { 1 };
        results.extend(children(value).into_iter().take(size(to)).skip(size(from)).step_by(step));
    }
    Ok(results)
}

/// The one value of a side of a comparison.
fn single<'v>(values: &Results<'v>) -> Result<Option<Cow<'v, Value>>, Stop> {
    match values.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        _ => stop("can only compare one element at a time", true),
    }
}

fn compare(one: &Value, operator: &str, other: &Value) -> Result<bool, String> {
    match operator {
        "==" => equal(one, other),
        "!=" => equal(one, other).map(|equal| !equal),
        "<" => less(one, other),
        "<=" => Ok(less(one, other)? || equal(one, other)?),
        ">" => Ok(!(less(one, other)? || equal(one, other)?)),
        ">=" => less(one, other).map(|less| !less),
        _ => Err(format!("unrecognized filter operator {operator}")),
    }
}

/// The order of two values of one kind; whole numbers are one kind with or without sign. `None` for what has none.
fn order(one: &Value, other: &Value) -> Result<Option<Ordering>, String> {
    let is_basic = |value: &Value| !matches!(value, Value::Null | Value::Sequence(_) | Value::Mapping(_));
    if !is_basic(one) || !is_basic(other) {
        return Err("invalid type for comparison".to_owned());
    }
    let whole = |value: &Value| match value {
        Value::Int(value) => Some(i128::from(*value)),
        Value::UInt(value) => Some(i128::from(*value)),
        _ => None,
    };
    if let (Some(one), Some(other)) = (whole(one), whole(other)) {
        return Ok(Some(one.cmp(&other)));
    }
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => Ok(Some(one.cmp(other))),
        (Value::Float(one), Value::Float(other)) => Ok(one.partial_cmp(other)),
        (Value::String(one), Value::String(other)) => Ok(Some(one.cmp(other))),
        _ => Err("incompatible types for comparison".to_owned()),
    }
}

fn equal(one: &Value, other: &Value) -> Result<bool, String> {
    order(one, other).map(|order| order == Some(Ordering::Equal))
}

fn less(one: &Value, other: &Value) -> Result<bool, String> {
    if matches!((one, other), (Value::Bool(_), Value::Bool(_))) {
        return Err("invalid type for comparison".to_owned());
    }
    order(one, other).map(|order| order == Some(Ordering::Less))
}
