//! Taking apart what an API server says when it refuses.
//!
//! Rules: the status reasons and details of the Kubernetes API conventions, the sentence of its RBAC authorizer
//! (`apiserver/pkg/endpoints/handlers/responsewriters`), the causes of server-side apply conflicts.

use std::time::Duration;

use http::StatusCode;
use kube::core::Status;

use super::error::{Denial, Error, FieldConflict, Forbidden, InvalidField, ManagerOperation, Target};

impl Error {
    /// Takes a refusal of the server apart.
    ///
    /// `status` is the object the server sent (synthetic, with the HTTP status as its code, when the body was
    /// none); `retry_after` is what its header asked for; `credentials` names the kind of credentials sent.
    pub(crate) fn refused(
        status: Status,
        target: Target,
        retry_after: Option<Duration>,
        credentials: &str,
        creating: bool,
    ) -> Self {
        let target = Box::new(target);
        let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let message = if status.message.is_empty() { code.to_string() } else { status.message.clone() };
        match code.as_u16() {
            401 => Self::Unauthorized { credentials: credentials.to_owned(), message },
            403 => Self::from_403(&status, target, message),
            404 => Self::NotFound { target, message },
            409 => Self::from_409(&status, target, message, creating),
            410 => Self::Gone { message },
            // Without a reason it is not the API server's: a plain-text answer of whatever listens there.
            400 if status.reason.is_empty() => Self::Refused { status: 400, reason: String::new(), target, message },
            400 | 422 => {
                let causes = invalid_fields(&status);
                Self::Invalid { target, causes, message }
            }
            429 => {
                let asked = status.details.as_ref().map(|details| u64::from(details.retry_after_seconds));
                let asked = asked.filter(|seconds| *seconds > 0).map(Duration::from_secs);
                Self::TooManyRequests { message, retry_after: retry_after.or(asked) }
            }
            // Server-side apply answers so to a value that does not fit its field, such as a quantity `abc`.
            500 if message.contains("unable to convert unstructured object") => {
                Self::Invalid { target, causes: Vec::new(), message }
            }
            // And so to a field that the kind does not have, and to a value of another shape.
            500 if is_unfit(&message) => Self::Invalid { target, causes: unfit_fields(&message), message },
            number if number >= 500 => Self::Server { status: number, target, message },
            number => Self::Refused { status: number, reason: status.reason, target, message },
        }
    }

    fn from_403(status: &Status, target: Box<Target>, message: String) -> Self {
        let terminating = status
            .details
            .as_ref()
            .is_some_and(|details| details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"));
        if terminating || message.contains("because it is being terminated") {
            return Self::Denied { target, denial: Denial::NamespaceTerminating, message };
        }
        if let Some(forbidden) = parse_forbidden(&message) {
            return Self::Forbidden(Box::new(forbidden));
        }
        let quota = ["exceeded quota", "failed quota", "status unknown for quota"];
        let denial = if quota.iter().any(|text| message.contains(text)) {
            Some(Denial::Quota)
        } else if message.contains("violates PodSecurity") {
            Some(Denial::PodSecurity)
        } else if status.reason == "Forbidden" && message.contains(" is forbidden: ")
            || message.contains("admission webhook")
        {
            Some(Denial::Admission)
        } else {
            None
        };
        if let Some(denial) = denial {
            return Self::Denied { target, denial, message };
        }
        // A gateway's 403, or one of an authorizer with its own words: what is known comes from the request.
        let details = status.details.as_ref();
        Self::Forbidden(Box::new(Forbidden {
            resource: details.map_or_else(|| target.kind.clone(), |details| details.kind.clone()),
            group: details.map(|details| details.group.clone()).unwrap_or_default(),
            name: target.name,
            namespace: target.namespace,
            message,
            ..Forbidden::default()
        }))
    }

    fn from_409(status: &Status, target: Box<Target>, message: String, creating: bool) -> Self {
        let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
        let fields: Vec<_> = causes
            .iter()
            .filter(|cause| cause.reason == "FieldManagerConflict")
            .map(|cause| {
                let (manager, operation) = parse_manager(&cause.message);
                FieldConflict { field: cause.field.clone(), manager, operation }
            })
            .collect();
        if !fields.is_empty() {
            Self::Conflict { target, fields, message }
        } else if status.is_already_exists() || (creating && status.reason.is_empty()) {
            Self::AlreadyExists { target, message }
        } else {
            Self::Changed { target, message }
        }
    }
}

/// Whether a message of server-side apply says that the object does not fit the schema of its kind.
pub(super) fn is_unfit(message: &str) -> bool {
    message.contains("failed to create typed patch object")
}

/// The fields of such a message: `failed to create typed patch object (…): .spec.a: why`, or behind `errors:` one a line.
fn unfit_fields(message: &str) -> Vec<InvalidField> {
    let told = message.split_once("): ").map_or("", |(_, told)| told);
    told.lines()
        .filter_map(|line| {
            let (field, message) = line.trim().strip_prefix('.')?.split_once(": ")?;
            Some(InvalidField { field: field.to_owned(), message: message.to_owned() })
        })
        .collect()
}

fn invalid_fields(status: &Status) -> Vec<InvalidField> {
    let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    causes.iter().map(|cause| InvalidField { field: cause.field.clone(), message: cause.message.clone() }).collect()
}

/// Reads the sentence of the RBAC authorizer:
/// `pods "x" is forbidden: User "u" cannot get resource "pods" in API group "" in the namespace "n": why`,
/// with `at the cluster scope` instead of the namespace. Returns `None` for every other sentence.
fn parse_forbidden(message: &str) -> Option<Forbidden> {
    let start = message.find("User \"")?;
    let (user, rest) = quoted(&message[start + "User ".len()..])?;
    let rest = rest.strip_prefix(" cannot ")?;
    let (verb, rest) = rest.split_once(' ')?;
    let mut forbidden = Forbidden { verb: verb.to_owned(), user, message: message.to_owned(), ..Forbidden::default() };
    if let Some(rest) = rest.strip_prefix("resource ") {
        let (resource, rest) = quoted(rest)?;
        forbidden.resource = resource;
        if let Some(rest) = rest.strip_prefix(" in API group ") {
            let (group, rest) = quoted(rest)?;
            forbidden.group = group;
            if let Some(rest) = rest.strip_prefix(" in the namespace ") {
                forbidden.namespace = Some(quoted(rest)?.0);
            }
        }
        if let Some((_, name)) = message[..start].split_once(' ')
            && let Some((name, _)) = quoted(name)
        {
            forbidden.name = name;
        }
    } else if let Some(rest) = rest.strip_prefix("path ") {
        forbidden.resource = quoted(rest)?.0;
    } else {
        return None;
    }
    Some(forbidden)
}

/// A Go-quoted text at the start, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.char_indices();
    if chars.next()?.1 != '"' {
        return None;
    }
    let mut value = String::new();
    while let Some((at, character)) = chars.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// The manager in `conflict with "kubectl" with subresource "scale" using apps/v1 at 2024-…`.
/// Only a manager that wrote the field (`Update`) is printed with a `using`.
fn parse_manager(message: &str) -> (String, ManagerOperation) {
    let operation = if message.contains(" using ") { ManagerOperation::Update } else { ManagerOperation::Apply };
    let manager =
        message.find('"').and_then(|at| quoted(&message[at..])).map(|(manager, _)| manager).unwrap_or_default();
    (manager, operation)
}

#[cfg(test)]
mod tests {
    use kube::core::response::{StatusCause, StatusDetails};

    use super::*;

    fn status(code: u16, reason: &str, message: &str) -> Status {
        Status::failure(message, reason).with_code(code)
    }

    fn refused(status: Status) -> Error {
        Error::refused(status, Target::default(), None, "token", false)
    }

    #[test]
    fn a_forbidden_request_names_verb_resource_namespace_and_user() {
        let message = "secrets is forbidden: User \"system:serviceaccount:bot:ci\" cannot list resource \"secrets\" in \
                       API group \"\" in the namespace \"bot\"";
        let Error::Forbidden(forbidden) = refused(status(403, "Forbidden", message)) else { panic!("not forbidden") };
        assert_eq!(
            *forbidden,
            Forbidden {
                verb: "list".into(),
                resource: "secrets".into(),
                namespace: Some("bot".into()),
                user: "system:serviceaccount:bot:ci".into(),
                message: message.into(),
                ..Forbidden::default()
            }
        );
    }

    #[test]
    fn a_forbidden_request_for_one_object_at_the_cluster_scope_names_it() {
        let message = "clusterroles.rbac.authorization.k8s.io \"admin \\\"x\\\"\" is forbidden: User \"jane\" cannot patch \
                       resource \"clusterroles\" in API group \"rbac.authorization.k8s.io\" at the cluster scope: RBAC: \
                       clusterrole.rbac.authorization.k8s.io \"gone\" not found";
        let Error::Forbidden(forbidden) = refused(status(403, "Forbidden", message)) else { panic!("not forbidden") };
        assert_eq!(forbidden.name, "admin \"x\"");
        assert_eq!(forbidden.group, "rbac.authorization.k8s.io");
        assert_eq!(forbidden.namespace, None);
        assert_eq!((forbidden.verb.as_str(), forbidden.user.as_str()), ("patch", "jane"));
    }

    #[test]
    fn a_forbidden_path_is_named() {
        let message = "forbidden: User \"jane\" cannot get path \"/version\"";
        let Error::Forbidden(forbidden) = refused(status(403, "Forbidden", message)) else { panic!("not forbidden") };
        assert_eq!((forbidden.verb.as_str(), forbidden.resource.as_str()), ("get", "/version"));
    }

    #[test]
    fn admission_rules_are_told_from_missing_rights() {
        for (message, denial) in [
            (
                "pods \"a\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1",
                Denial::Quota,
            ),
            ("pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": …", Denial::PodSecurity),
            (
                "secrets \"a\" is forbidden: unable to create new content in namespace bot because it is being terminated",
                Denial::NamespaceTerminating,
            ),
            ("admission webhook \"policy.example\" denied the request: no", Denial::Admission),
            ("ingresses \"a\" is forbidden: not by this rule", Denial::Admission),
        ] {
            let Error::Denied { denial: found, .. } = refused(status(403, "Forbidden", message)) else {
                panic!("{message}: not a denial")
            };
            assert_eq!(found, denial, "{message}");
        }
    }

    #[test]
    fn a_field_conflict_names_every_field_and_its_owner() {
        let cause = |field: &str, message: &str| StatusCause {
            reason: "FieldManagerConflict".into(),
            field: field.into(),
            message: message.into(),
        };
        let conflict = status(409, "Conflict", "Apply failed with 2 conflicts").with_details(StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            retry_after_seconds: 0,
            causes: vec![
                cause(".spec.replicas", "conflict with \"kubectl\" with subresource \"scale\" using apps/v1"),
                cause(".data.a", "conflict with \"argocd\""),
            ],
        });
        let Error::Conflict { fields, .. } = refused(conflict) else { panic!("not a conflict") };
        assert_eq!(
            fields,
            [
                FieldConflict {
                    field: ".spec.replicas".into(),
                    manager: "kubectl".into(),
                    operation: ManagerOperation::Update
                },
                FieldConflict { field: ".data.a".into(), manager: "argocd".into(), operation: ManagerOperation::Apply },
            ]
        );
    }

    #[test]
    fn an_object_that_does_not_fit_its_kind_is_invalid_though_the_server_calls_it_a_failure_of_its_own() {
        let head = "failed to create typed patch object (bot/a; /v1, Kind=ConfigMap): ";
        let causes = |told: &str| match refused(status(500, "InternalError", &format!("{head}{told}"))) {
            Error::Invalid { causes, .. } => {
                causes.into_iter().map(|cause| (cause.field, cause.message)).collect::<Vec<_>>()
            }
            other => panic!("{other}"),
        };
        let pair = |field: &str, message: &str| (field.to_owned(), message.to_owned());
        assert_eq!(causes(".datum: field not declared in schema"), [pair("datum", "field not declared in schema")]);
        assert_eq!(
            causes("errors:\n  .spec.a: one\n  .spec.b[x]: two"),
            [pair("spec.a", "one"), pair("spec.b[x]", "two")]
        );
        assert_eq!(causes("who knows"), []);
    }

    #[test]
    fn the_three_kinds_of_409_are_told_apart() {
        let exists = refused(status(409, "AlreadyExists", "secrets \"a\" already exists"));
        assert!(matches!(exists, Error::AlreadyExists { .. }));
        let changed = refused(status(409, "Conflict", "the object has been modified"));
        assert!(matches!(changed, Error::Changed { .. }));
    }

    #[test]
    fn a_refusal_without_a_message_still_says_something() {
        assert_eq!(
            refused(status(418, "", "")).to_string(),
            "the API server refused the request (418 ): 418 I'm a teapot"
        );
    }
}
