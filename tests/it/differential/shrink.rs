//! Makes a request that shows a difference as small as it gets: leaves parts out, greedily, as long as the difference
//! stays.

use maibot::yaml::Value;

/// How many smaller requests are tried.
const ATTEMPTS: usize = 3_000;

/// The smallest request found that `differs` still holds for. It has to hold for the given one.
pub(super) fn shrink(request: &Value, differs: &mut dyn FnMut(&Value) -> bool) -> Value {
    let mut smallest = request.clone();
    let mut attempts = ATTEMPTS;
    loop {
        let before = smallest.clone();
        let mut root = smallest.clone();
        shrink_at(&mut root, &mut Vec::new(), &mut smallest, &mut attempts, differs);
        if smallest == before || attempts == 0 {
            return smallest;
        }
    }
}

/// One step on the way to a part of the request.
#[derive(Clone)]
enum Step {
    Key(String),
    Index(usize),
}

fn replaced(root: &Value, path: &[Step], with: &Value) -> Value {
    let Some((first, rest)) = path.split_first() else { return with.clone() };
    match (root, first) {
        (Value::Mapping(map), Step::Key(key)) => {
            let mut map = map.clone();
            let inner = replaced(&map[key], rest, with);
            map.insert(key.clone(), inner);
            Value::Mapping(map)
        }
        (Value::Sequence(list), Step::Index(index)) => {
            let mut list = list.clone();
            list[*index] = replaced(&list[*index], rest, with);
            Value::Sequence(list)
        }
        _ => unreachable!("the path was made from this value"),
    }
}

fn shrink_at(
    part: &mut Value,
    path: &mut Vec<Step>,
    root: &mut Value,
    attempts: &mut usize,
    differs: &mut dyn FnMut(&Value) -> bool,
) {
    let mut accepts = |candidate: Value, part: &mut Value| {
        if *attempts == 0 {
            return false;
        }
        *attempts -= 1;
        let whole = replaced(root, path, &candidate);
        let holds = differs(&whole);
        if holds {
            *root = whole;
            *part = candidate;
        }
        holds
    };
    match part {
        Value::Mapping(map) => {
            for key in map.keys().cloned().collect::<Vec<_>>() {
                let mut smaller = part.clone();
                if let Value::Mapping(map) = &mut smaller {
                    map.remove(&key);
                }
                accepts(smaller, part);
            }
            let Value::Mapping(map) = &*part else { return };
            for key in map.keys().cloned().collect::<Vec<_>>() {
                let Value::Mapping(map) = &*part else { return };
                let mut inner = map[&key].clone();
                path.push(Step::Key(key.clone()));
                shrink_at(&mut inner, path, root, attempts, differs);
                path.pop();
                if let Value::Mapping(map) = part {
                    map.insert(key, inner);
                }
            }
        }
        Value::Sequence(list) => {
            for index in (0..list.len()).rev() {
                let mut smaller = part.clone();
                if let Value::Sequence(list) = &mut smaller {
                    list.remove(index);
                }
                accepts(smaller, part);
            }
            let Value::Sequence(list) = &*part else { return };
            for index in 0..list.len() {
                let Value::Sequence(list) = &*part else { return };
                let mut inner = list[index].clone();
                path.push(Step::Index(index));
                shrink_at(&mut inner, path, root, attempts, differs);
                path.pop();
                if let Value::Sequence(list) = part {
                    list[index] = inner;
                }
            }
        }
        Value::String(text) => {
            let mut size = text.chars().count().div_ceil(2);
            while size > 0 {
                let mut start = 0;
                loop {
                    let Value::String(text) = &*part else { return };
                    let characters: Vec<char> = text.chars().collect();
                    if start >= characters.len() {
                        break;
                    }
                    let end = (start + size).min(characters.len());
                    let rest: String = characters[..start].iter().chain(&characters[end..]).collect();
                    if !accepts(Value::String(rest), part) {
                        start = end;
                    }
                }
                size = if size == 1 { 0 } else { size.div_ceil(2) };
            }
        }
        _ => {}
    }
}

#[test]
fn a_request_shrinks_to_what_matters() {
    let text = "{\"a\": [\"keep\", \"xxQxx\"], \"b\": {\"c\": 1}}";
    let request = maibot::yaml::json::read(text, maibot::yaml::Numbers::Exact).unwrap();
    let small = shrink(&request, &mut |candidate| super::oracle::encode(candidate).contains('Q'));
    assert_eq!(super::oracle::encode(&small), "{\"a\": [\"Q\"]}");
}
