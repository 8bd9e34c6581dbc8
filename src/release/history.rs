//! All revisions of one release, and Helm's rules for choosing among them: the last one is the highest number,
//! the current one is what an upgrade or a dry comparison starts from.

use super::{Release, Status};

/// The revisions of a release, ascending by number.
#[derive(Debug, Clone, Default)]
pub struct History {
    revisions: Vec<Release>,
}

impl History {
    /// From records in any order. Only the integer counts: the API server lists v1, v10, v2.
    pub fn new(mut revisions: Vec<Release>) -> Self {
        revisions.sort_by_key(|release| release.revision);
        Self { revisions }
    }

    /// The revisions, ascending.
    pub fn revisions(&self) -> &[Release] {
        &self.revisions
    }

    /// Whether the release was never heard of.
    pub fn is_empty(&self) -> bool {
        self.revisions.is_empty()
    }

    /// The highest revision.
    pub fn last(&self) -> Option<&Release> {
        self.revisions.last()
    }

    /// The revision of this number.
    pub fn revision(&self, number: u32) -> Option<&Release> {
        self.revisions.iter().find(|release| release.revision == number)
    }

    /// What is in force: the last one if deployed, else the newest deployed one, else the last one if it failed or was superseded.
    pub fn current(&self) -> Option<&Release> {
        let last = self.last()?;
        if last.info.status == Status::Deployed {
            return Some(last);
        }
        self.deployed().next_back().or(match last.info.status {
            Status::Failed | Status::Superseded => Some(last),
            _ => None,
        })
    }

    /// Every revision with status `deployed`, ascending.
    pub fn deployed(&self) -> impl DoubleEndedIterator<Item = &Release> {
        self.revisions.iter().filter(|release| release.info.status == Status::Deployed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Info;

    fn history(statuses: &[(u32, Status)]) -> History {
        History::new(
            statuses
                .iter()
                .map(|(revision, status)| Release {
                    revision: *revision,
                    info: Info { status: status.clone(), ..Info::default() },
                    ..Release::default()
                })
                .collect(),
        )
    }

    fn current(statuses: &[(u32, Status)]) -> Option<u32> {
        history(statuses).current().map(|release| release.revision)
    }

    #[test]
    fn the_last_revision_is_the_highest_number() {
        let history = history(&[(1, Status::Superseded), (10, Status::Deployed), (2, Status::Superseded)]);
        assert_eq!(history.last().unwrap().revision, 10);
    }

    #[test]
    fn the_current_revision_follows_helms_rules() {
        use Status::{Deployed, Failed, PendingUpgrade, Superseded, Uninstalled};
        assert_eq!(current(&[]), None);
        assert_eq!(current(&[(1, Deployed), (2, Failed)]), Some(1));
        assert_eq!(current(&[(1, Superseded), (2, PendingUpgrade)]), None);
        assert_eq!(current(&[(1, Failed)]), Some(1));
        assert_eq!(current(&[(1, Superseded), (2, Uninstalled)]), None);
        assert_eq!(current(&[(1, Deployed), (2, Deployed), (3, PendingUpgrade)]), Some(2));
    }
}
