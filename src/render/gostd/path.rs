//! Slash-separated paths, as Go's `path` takes them apart. Pure text: nothing is looked up.

/// The last element; `.` of nothing, `/` of slashes alone.
pub fn base(path: &[u8]) -> &[u8] {
    if path.is_empty() {
        return b".";
    }
    let path = trim_slashes(path);
    let start = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    match path.get(start..) {
        Some(element) if !element.is_empty() => element,
        _ => b"/",
    }
}

fn trim_slashes(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    path.get(..end).unwrap_or_default()
}

/// All but the last element, cleaned.
pub fn dir(path: &[u8]) -> Vec<u8> {
    let end = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    clean(path.get(..end).unwrap_or_default())
}

/// The end of the last element from its last dot on; empty if it has none.
pub fn ext(path: &[u8]) -> &[u8] {
    let place = path.iter().rposition(|byte| matches!(byte, b'.' | b'/'));
    place.and_then(|place| path.get(place..)).filter(|end| end.starts_with(b".")).unwrap_or_default()
}

/// The shortest path that means the same without looking anything up.
pub fn clean(path: &[u8]) -> Vec<u8> {
    let is_rooted = path.starts_with(b"/");
    let mut kept: Vec<&[u8]> = Vec::new();
    for element in path.split(|byte| *byte == b'/') {
        match element {
            b"" | b"." => {}
            b".." if kept.last().is_some_and(|last| *last != b"..") => {
                kept.pop();
            }
            b".." if is_rooted => {}
            _ => kept.push(element),
        }
    }
    let mut out = if is_rooted { b"/".to_vec() } else { Vec::new() };
    out.extend(kept.join(&b'/'));
    if out.is_empty() { b".".to_vec() } else { out }
}

/// Whether it starts at the root.
pub fn is_absolute(path: &[u8]) -> bool {
    path.starts_with(b"/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_path_is_taken_apart_as_go_does() {
        for (path, base_, dir_, ext_, clean_) in [
            ("", ".", ".", "", "."),
            ("/", "/", "/", "", "/"),
            ("//a//", "a", "/a", "", "/a"),
            ("a/b.tar.gz", "b.tar.gz", "a", ".gz", "a/b.tar.gz"),
            ("a.b/c", "c", "a.b", "", "a.b/c"),
            ("../../a/../b", "b", "../..", "", "../../b"),
            ("/../a/./b/..", "..", "/a/b", ".", "/a"),
            (".a", ".a", ".", ".a", ".a"),
        ] {
            let path = path.as_bytes();
            assert_eq!(
                (text(base(path)), text(&dir(path)), text(ext(path)), text(&clean(path))),
                (base_, dir_, ext_, clean_),
                "{}",
                text(path)
            );
        }
    }
}
