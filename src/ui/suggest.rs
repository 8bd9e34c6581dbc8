//! The right word for a mistyped one.

/// The candidate nearest to `word`, if one is near enough to be meant: at most two edits (a swap of neighbours
/// counts as one), at most a third of the word, or `word` is a prefix of it. The first of equally near ones.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = match word.chars().count() {
        0 => return None,
        1..=2 => 0,
        3..=5 => 1,
        _ => 2,
    };
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let distance = strsim::osa_distance(&word, &lower);
            if distance <= allowed {
                Some((distance, candidate))
            } else {
                (word.len() >= 3 && lower.starts_with(&word)).then_some((allowed + 1, candidate))
            }
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_finger_finds_the_word() {
        let commands = ["install", "list", "status", "uninstall", "template"];
        assert_eq!(nearest("instal", commands), Some("install"));
        assert_eq!(nearest("isntall", commands), Some("install"));
        assert_eq!(nearest("lsit", commands), Some("list"));
        assert_eq!(nearest("temp", commands), Some("template"));
        assert_eq!(nearest("STATUS", commands), Some("status"));
    }

    #[test]
    fn a_stranger_finds_nothing() {
        let commands = ["install", "list", "status"];
        assert_eq!(nearest("banana", commands), None);
        assert_eq!(nearest("x", commands), None);
        assert_eq!(nearest("", commands), None);
    }
}
