//! Which types of Kubernetes are on their way out, and in which words its API server says so.

use std::fmt::Write as _;

/// The table, compiled in.
const TABLE: &str = include_str!("deprecations.tsv");

struct Row<'a> {
    deprecated: (u32, u32),
    removed: Option<&'a str>,
    replacement: Option<(&'a str, &'a str)>,
}

fn number(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn find<'a>(api_version: &str, kind: &str) -> Option<Row<'a>> {
    TABLE.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = line.split('\t');
        if fields.next() != Some(api_version) || fields.next() != Some(kind) {
            return None;
        }
        let deprecated = number(fields.next()?)?;
        let removed = fields.next().filter(|text| !text.is_empty());
        Some(Row { deprecated, removed, replacement: fields.next().zip(fields.next()) })
    })
}

/// What is to be said of a type in a version of Kubernetes (major, minor), if it is deprecated there.
pub(super) fn warning(api_version: &str, kind: &str, kubernetes: (u32, u32)) -> Option<String> {
    let row = find(api_version, kind)?;
    // Without any version everything counts.
    if kubernetes != (0, 0) && row.deprecated > kubernetes {
        return None;
    }
    let (major, minor) = row.deprecated;
    let mut text = format!("{api_version} {kind} is deprecated in v{major}.{minor}+");
    if let Some(removed) = row.removed {
        let _ = write!(text, ", unavailable in v{removed}+");
    }
    if let Some((api_version, kind)) = row.replacement {
        let _ = write!(text, "; use {api_version} {kind}");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_deprecated_from_its_version_on() {
        let ingress = |minor| warning("extensions/v1beta1", "Ingress", (1, minor));
        assert_eq!(ingress(13), None);
        assert_eq!(
            ingress(14).unwrap(),
            "extensions/v1beta1 Ingress is deprecated in v1.14+, unavailable in v1.22+; use networking.k8s.io/v1 Ingress"
        );
        assert_eq!(warning("apps/v1", "Deployment", (1, 36)), None);
        assert_eq!(warning("v1", "ComponentStatus", (1, 36)).unwrap(), "v1 ComponentStatus is deprecated in v1.19+");
    }

    #[test]
    fn every_row_of_the_table_can_be_read() {
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            assert!(matches!(fields.len(), 3 | 4 | 6), "{line}");
            assert!(warning(fields[0], fields[1], (0, 0)).is_some(), "{line}");
        }
    }
}
