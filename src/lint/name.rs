//! Names of objects, as Kubernetes' own validation takes them, by kind.

use crate::yaml::number::quote;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
    and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
    start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const OLD_LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
    alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
    validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

const MAX_LABEL: usize = 63;
const MAX_SUBDOMAIN: usize = 253;

fn is_label(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && !text.starts_with('-') && !text.ends_with('-') && text.bytes().all(is_allowed)
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn subdomain(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    if name.len() > MAX_SUBDOMAIN {
        found.push(format!("must be no more than {MAX_SUBDOMAIN} characters"));
    }
    if !is_subdomain(name) {
        found.push(SUBDOMAIN.to_owned());
    }
    found
}

fn label(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    if name.len() > MAX_LABEL {
        found.push(format!("must be no more than {MAX_LABEL} characters"));
    }
    if !is_label(name) {
        found.push(if is_subdomain(name) { "must not contain dots".to_owned() } else { LABEL.to_owned() });
    }
    found
}

fn old_label(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    if name.len() > MAX_LABEL {
        found.push(format!("must be no more than {MAX_LABEL} characters"));
    }
    if !is_label(name) || name.starts_with(|first: char| first.is_ascii_digit()) {
        found.push(OLD_LABEL.to_owned());
    }
    found
}

fn path_segment(name: &str) -> Vec<String> {
    if matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    ["/", "%"].into_iter().filter(|it| name.contains(it)).map(|it| format!("may not contain '{it}'")).collect()
}

/// What is wrong with an object's name.
pub(super) fn complaint(kind: &str, name: &str) -> Option<String> {
    let problems = match kind.to_lowercase().as_str() {
        "service" => old_label(name),
        "namespace" => label(name),
        "certificatesigningrequest" => Vec::new(),
        "role" | "clusterrole" | "rolebinding" | "clusterrolebinding" => path_segment(name),
        _ => subdomain(name),
    };
    let name = quote(name);
    let problems: Vec<String> =
        problems.into_iter().map(|problem| format!("metadata.name: Invalid value: {name}: {problem}")).collect();
    let text = match problems.as_slice() {
        [] => return None,
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    Some(format!("object name does not conform to Kubernetes naming requirements: {name}: {text}"))
}
