//! How many requests an installation costs, counted by the API server itself.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::live::live;

#[test]
fn an_installation_stays_within_its_budget_of_requests() {
    let Some(live) = live("budget") else { return };
    let Some(audit) = live.audit.clone() else {
        crate::skipped("cluster::budget", "this cluster's audit log cannot be read");
        return;
    };
    let began = std::time::Instant::now();
    live.install(&[]).ok();
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    let objects = live.run(["get", "manifest", "mai"]).ok().matches("\n# Source: ").count();

    // Everything our program asked for about this namespace, each request once.
    let (mut proper, mut around) = (BTreeMap::new(), BTreeMap::new());
    let log = std::fs::read_to_string(audit).unwrap();
    for event in log.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()) {
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        if !text("userAgent").starts_with("maibot/") || event["objectRef"]["namespace"] != live.namespace.as_str() {
            continue;
        }
        let reference = &event["objectRef"];
        let part = |key: &str| reference[key].as_str().unwrap_or_default().to_owned();
        let (resource, name) = (part("resource"), part("name"));
        // The reading runs above and below ask for records by label only.
        let own = resource == "leases"
            || name.starts_with("maibot.journal")
            || name.ends_with("-maibot-files")
            || (resource == "pods" && part("subresource") == "exec")
            || (resource == "secrets"
                && text("verb") == "create"
                && name.is_empty()
                && text("requestURI").contains("maibot"));
        let key = format!(
            "{} {resource}{}",
            text("verb"),
            if part("subresource").is_empty() { String::new() } else { format!("/{}", part("subresource")) }
        );
        *(if own { &mut around } else { &mut proper }).entry(key).or_insert(0_usize) += 1;
    }
    // `get manifest` above is one list of the records.
    let proper_count = proper.values().sum::<usize>() - 1;
    let around_count = around.values().sum::<usize>();
    println!("{objects} objects: {proper_count} requests for them {proper:?}, {around_count} around {around:?}");
    assert!(proper_count <= objects + 12, "{proper_count} requests for {objects} objects: {proper:?}");
    // The lock is renewed every ten seconds, so that a slow machine needs more of these; the last write frees it.
    let renewals = around.get("update leases").copied().unwrap_or_default().saturating_sub(1);
    assert!(renewals <= seconds / 10, "{renewals} renewals in {seconds} s");
    let around_count = around_count - renewals;
    assert!(around_count <= 14, "{around_count} requests for lock, journal and helper Pod: {around:?}");
}
