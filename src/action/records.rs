//! What is known of releases: `list`, `history`, `status` and `get` only read records. Rules: Helm's `pkg/action`
//! (list.go, history.go, get.go) and `pkg/storage`.

use std::collections::BTreeMap;

use super::Error;
use crate::application::names;
use crate::cluster::Cluster;
use crate::release::{History, Release, Status, Store, Unreadable};

/// The revisions of a release.
///
/// # Errors
/// [`Error::ReleaseNotFound`] if there are none.
pub async fn history(cluster: &Cluster, release: &str) -> Result<History, Error> {
    check_name(release)?;
    let namespace = cluster.namespace();
    let records = Store::new(cluster, namespace).history(release).await?;
    let history = records.history();
    if history.is_empty() {
        return Err(match records.unreadable.into_iter().next() {
            Some(Unreadable { name, error, .. }) => crate::release::StoreError::Record { name, error }.into(),
            None => Error::ReleaseNotFound { release: release.to_owned(), namespace: namespace.to_owned() },
        });
    }
    Ok(history)
}

/// One revision of a release: the given one, or the last.
///
/// # Errors
/// [`Error::ReleaseNotFound`] if there is no such revision.
pub async fn revision(cluster: &Cluster, release: &str, number: Option<u32>) -> Result<Release, Error> {
    let history = history(cluster, release).await?;
    let found = match number {
        None | Some(0) => history.last(),
        Some(number) => history.revision(number),
    };
    found.cloned().ok_or_else(|| Error::ReleaseNotFound {
        release: release.to_owned(),
        namespace: cluster.namespace().to_owned(),
    })
}

/// Which releases `list` shows.
#[derive(Debug, Clone, Default)]
pub struct ListSettings {
    /// In all namespaces.
    pub all_namespaces: bool,
    /// Only these statuses; all if empty.
    pub statuses: Vec<Status>,
    /// Only these names.
    pub filter: Option<NameFilter>,
    /// Only records with these labels.
    pub selector: Option<String>,
    /// By date instead of by name.
    pub by_date: bool,
    /// The other way round.
    pub reverse: bool,
    /// At most so many; zero means all.
    pub max: usize,
    /// Skips so many.
    pub offset: usize,
}

/// A test on names, such as a regular expression.
#[derive(Clone)]
pub struct NameFilter(pub std::sync::Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl std::fmt::Debug for NameFilter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("NameFilter")
    }
}

/// What `list` found.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// The releases, each by its last revision.
    pub releases: Vec<Release>,
    /// Records that could not be decoded.
    pub unreadable: Vec<Unreadable>,
}

/// The releases of a namespace, or of all.
pub async fn list(cluster: &Cluster, settings: &ListSettings) -> Result<Listing, Error> {
    let store =
        if settings.all_namespaces { Store::everywhere(cluster) } else { Store::new(cluster, cluster.namespace()) };
    let records = store.list(settings.selector.as_deref()).await?;
    let releases = records.stored.into_iter().map(|stored| stored.release).collect();
    Ok(Listing { releases: select(releases, settings), unreadable: records.unreadable })
}

fn select(all: Vec<Release>, settings: &ListSettings) -> Vec<Release> {
    // Asked for superseded revisions alone, every revision counts; otherwise only the last one of each release.
    let only_superseded = settings.statuses.as_slice() == [Status::Superseded];
    let mut releases: Vec<Release> = if only_superseded {
        all
    } else {
        let mut last: BTreeMap<(String, String), Release> = BTreeMap::new();
        for release in all {
            let key = (release.namespace.clone(), release.name.clone());
            if last.get(&key).is_none_or(|known| known.revision < release.revision) {
                last.insert(key, release);
            }
        }
        last.into_values().collect()
    };
    releases.retain(|release| {
        (settings.statuses.is_empty() || settings.statuses.contains(&release.info.status))
            && settings.filter.as_ref().is_none_or(|filter| (filter.0)(&release.name))
    });
    if settings.by_date {
        releases.sort_by_key(|release| release.info.last_deployed.map(|time| time.instant));
    } else {
        releases.sort_by(|left, right| (&left.name, &left.namespace).cmp(&(&right.name, &right.namespace)));
    }
    if settings.reverse {
        releases.reverse();
    }
    let rest = releases.into_iter().skip(settings.offset);
    if settings.max == 0 { rest.collect() } else { rest.take(settings.max).collect() }
}

/// Helm's rule for the names of releases.
///
/// # Errors
/// [`Error::Name`] with Helm's text.
pub fn check_name(name: &str) -> Result<(), Error> {
    Ok(names::check_helm(name)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Info;

    fn release(name: &str, revision: u32, status: Status) -> Release {
        Release { name: name.into(), revision, info: Info { status, ..Info::default() }, ..Release::default() }
    }

    #[test]
    fn a_list_shows_the_last_revision_of_each_release() {
        let all = vec![
            release("b", 1, Status::Superseded),
            release("b", 10, Status::Failed),
            release("b", 2, Status::Superseded),
            release("a", 1, Status::Deployed),
        ];
        let shown = |settings: &ListSettings| -> Vec<(String, u32)> {
            select(all.clone(), settings).into_iter().map(|release| (release.name, release.revision)).collect()
        };
        assert_eq!(shown(&ListSettings::default()), [("a".to_owned(), 1), ("b".to_owned(), 10)]);
        let superseded = ListSettings { statuses: vec![Status::Superseded], ..ListSettings::default() };
        assert_eq!(shown(&superseded).len(), 2);
        let failed = ListSettings { statuses: vec![Status::Failed], ..ListSettings::default() };
        assert_eq!(shown(&failed), [("b".to_owned(), 10)]);
        let page = ListSettings { max: 1, offset: 1, ..ListSettings::default() };
        assert_eq!(shown(&page), [("b".to_owned(), 10)]);
    }
}
