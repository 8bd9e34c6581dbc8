//! From a pattern's tree to matchers, with the library's shortcuts: common beginnings and ends of alternatives are
//! taken out, neighbours are glued together, and what is left is looked for from the longest fixed part outwards.

use super::matcher::{Matcher, Tree};
use super::{Element, Sequence};

/// A part of a pattern on its way.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Element(Element),
    Pattern(Vec<Node>),
    AnyOf(Vec<Node>),
    Nothing,
}

/// Makes matchers of a pattern.
pub(super) fn compile(pattern: &Sequence) -> Matcher {
    matcher(&pattern_node(pattern))
}

fn pattern_node(sequence: &Sequence) -> Node {
    Node::Pattern(sequence.iter().map(element_node).collect())
}

fn element_node(element: &Element) -> Node {
    match element {
        Element::AnyOf(alternatives) => Node::AnyOf(alternatives.iter().map(pattern_node).collect()),
        other => Node::Element(other.clone()),
    }
}

fn matcher(node: &Node) -> Matcher {
    let made = match node {
        Node::AnyOf(children) => {
            if let Some(simpler) = without_common_parts(children) {
                return matcher(&simpler);
            }
            return Matcher::AnyOf(children.iter().map(|child| optimized(matcher(child))).collect());
        }
        Node::Pattern(children) if children.is_empty() => return Matcher::Nothing,
        Node::Pattern(children) => {
            let matchers = children.iter().map(|child| optimized(matcher(child))).collect();
            in_order(minimized(matchers))
        }
        Node::Nothing => Matcher::Nothing,
        Node::Element(element) => match element {
            Element::Text(text) => Matcher::Text(text.clone()),
            Element::One => Matcher::Single,
            Element::Any => Matcher::Any,
            Element::Super => Matcher::Super,
            Element::List { characters, negated } => {
                Matcher::List { characters: characters.clone(), negated: *negated }
            }
            Element::Range { low, high, negated } => Matcher::Range { low: *low, high: *high, negated: *negated },
            Element::AnyOf(_) => Matcher::Nothing,
        },
    };
    optimized(made)
}

fn optimized(matcher: Matcher) -> Matcher {
    match matcher {
        Matcher::AnyOf(mut matchers) if matchers.len() == 1 => matchers.pop().unwrap_or(Matcher::Nothing),
        Matcher::List { characters, negated: false } if characters.len() == 1 => {
            Matcher::Text(characters.into_iter().collect())
        }
        Matcher::Tree(mut tree) => {
            tree.left = tree.left.map(optimized);
            tree.right = tree.right.map(optimized);
            let Matcher::Text(text) = &tree.value else { return Matcher::Tree(tree) };
            let text = text.clone();
            match (&tree.left, &tree.right) {
                (None, None) => Matcher::Text(text),
                (Some(Matcher::Super), Some(Matcher::Super)) => Matcher::Contains { needle: text, negated: false },
                (Some(Matcher::Super), None) => Matcher::Suffix(text),
                (None, Some(Matcher::Super)) => Matcher::Prefix(text),
                (None, Some(Matcher::Suffix(suffix))) => Matcher::PrefixSuffix(text, suffix.clone()),
                (Some(Matcher::Prefix(prefix)), None) => Matcher::PrefixSuffix(prefix.clone(), text),
                (Some(Matcher::Any), None) => Matcher::SuffixAny(text),
                (None, Some(Matcher::Any)) => Matcher::PrefixAny(text),
                _ => Matcher::Tree(tree),
            }
        }
        other => other,
    }
}

/// Matchers one after the other as one.
fn in_order(mut matchers: Vec<Matcher>) -> Matcher {
    if matchers.len() <= 1 {
        return matchers.pop().unwrap_or(Matcher::Nothing);
    }
    if let Some(glued) = glued(&matchers) {
        return glued;
    }
    // The longest of fixed length, the last of equals.
    let fixed = matchers.iter().enumerate().filter_map(|(index, matcher)| Some((matcher.length()?, index)));
    let Some((_, index)) = fixed.max() else {
        let rest = matchers.split_off(1);
        let first = matchers.pop().unwrap_or(Matcher::Nothing);
        return Matcher::Tree(Box::new(Tree::new(first, None, Some(in_order(rest)))));
    };
    let right = matchers.split_off(index + 1);
    let value = matchers.pop().unwrap_or(Matcher::Nothing);
    let left = (!matchers.is_empty()).then(|| in_order(matchers));
    let right = (!right.is_empty()).then(|| in_order(right));
    Matcher::Tree(Box::new(Tree::new(value, left, right)))
}

/// Neighbours as one matcher, if there is one for them.
fn glued(matchers: &[Matcher]) -> Option<Matcher> {
    if matchers.len() <= 1 {
        return None;
    }
    glued_as_every(matchers).or_else(|| {
        let length = matchers.iter().map(Matcher::length).sum::<Option<usize>>()?;
        Some(Matcher::Row { matchers: matchers.to_vec(), length })
    })
}

fn glued_as_every(matchers: &[Matcher]) -> Option<Matcher> {
    let (mut has_any, mut has_super, mut has_single, mut least) = (false, false, false, 0);
    let mut separator: Option<&[char]> = None;
    for matcher in matchers {
        let own: &[char] = match matcher {
            Matcher::Super => {
                has_super = true;
                &[]
            }
            Matcher::Any => {
                has_any = true;
                &['/']
            }
            Matcher::Single => {
                has_single = true;
                least += 1;
                &['/']
            }
            Matcher::List { characters, negated: true } => {
                has_single = true;
                least += 1;
                characters
            }
            _ => return None,
        };
        if separator.get_or_insert(own) != &own {
            return None;
        }
    }
    let separator = separator.unwrap_or_default();
    if has_super && !has_any && !has_single {
        return Some(Matcher::Super);
    }
    // Only without single characters: then the separator is the pattern's own.
    if has_any && !has_super && !has_single {
        return Some(Matcher::Any);
    }
    if (has_any || has_super) && least > 0 && separator.is_empty() {
        return Some(Matcher::Min(least));
    }
    let mut every = Vec::new();
    if least > 0 {
        every.push(Matcher::Min(least));
        if !has_any && !has_super {
            every.push(Matcher::Max(least));
        }
    }
    if !separator.is_empty() {
        every.push(Matcher::Contains { needle: separator.iter().collect(), negated: true });
    }
    Some(Matcher::EveryOf(every))
}

/// Glues the longest run of neighbours that can be glued, until none can.
fn minimized(mut matchers: Vec<Matcher>) -> Vec<Matcher> {
    loop {
        let mut best: Option<(usize, usize, Matcher)> = None;
        for left in 0..matchers.len() {
            for right in (left + 1..=matchers.len()).rev() {
                let Some(run) = matchers.get(left..right).and_then(glued) else { continue };
                let is_better = best.as_ref().is_none_or(|(from, to, before)| {
                    let is_longer = matches!((before.length(), run.length()), (Some(old), Some(new)) if new > old);
                    is_longer || to - from < right - left
                });
                if is_better {
                    best = Some((left, right, run));
                }
            }
        }
        let Some((left, right, run)) = best else { return matchers };
        matchers.splice(left..right, [run]);
    }
}

/// Alternatives whose beginnings or ends are the same, as a pattern in which these stand once.
fn without_common_parts(alternatives: &[Node]) -> Option<Node> {
    let children: Vec<&[Node]> = alternatives
        .iter()
        .map(|node| match node {
            Node::Pattern(children) => Some(children.as_slice()),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let (left, right) = common_parts(&children);
    if left == 0 && right == 0 {
        return None;
    }
    let first = *children.first()?;
    let mut result = Vec::new();
    if left > 0 {
        result.push(Node::Pattern(first.get(..left)?.to_vec()));
    }
    let mut rest: Vec<Node> = Vec::new();
    for child in &children {
        let middle = child.get(left..child.len() - right)?;
        let node = if middle.is_empty() { Node::Nothing } else { Node::Pattern(middle.to_vec()) };
        if !rest.contains(&node) {
            rest.push(node);
        }
    }
    match rest.as_slice() {
        [Node::Nothing] => {}
        [one] => result.push(one.clone()),
        _ => result.push(Node::AnyOf(rest)),
    }
    if right > 0 {
        result.push(Node::Pattern(first.get(first.len() - right..)?.to_vec()));
    }
    Some(Node::Pattern(result))
}

/// How many parts all have in common at the beginning and at the end.
fn common_parts(children: &[&[Node]]) -> (usize, usize) {
    let Some((index, shortest)) = children.iter().enumerate().min_by_key(|(_, child)| child.len()) else {
        return (0, 0);
    };
    if children.len() <= 1 {
        return (0, 0);
    }
    let (mut left, mut right) = (0, 0);
    let (mut left_ended, mut right_ended) = (false, false);
    for at in 0..shortest.len() {
        if left + right >= shortest.len() || left_ended && right_ended {
            break;
        }
        let mirrored = shortest.len() - 1 - at;
        for (other, child) in children.iter().enumerate() {
            if other == index || left_ended && right_ended {
                continue;
            }
            left_ended |= shortest.get(at) != child.get(at);
            // The end may not take what the beginning takes.
            right_ended |= !left_ended && mirrored <= at;
            right_ended |= shortest.get(mirrored) != child.get(child.len() - 1 - at);
        }
        left += usize::from(!left_ended);
        right += usize::from(!right_ended);
    }
    (left, right)
}
