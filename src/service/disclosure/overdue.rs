//! What of disclosures a retention plan looks at.

use jiff::civil::Date;

use super::book::Book;
use crate::disclosure::DisclosureId;
use crate::disclosure::lifecycle::DisclosureState;

impl Book {
    /// Disclosures that are not closed, and their last day.
    pub(in crate::service) fn disclosures_alive(&self) -> Vec<(DisclosureId, Date)> {
        let entries = self.entries();
        let alive =
            entries.disclosures.values().filter(|one| one.state() != DisclosureState::Closed);
        alive.map(|one| (one.id(), one.opening().expires)).collect()
    }

    /// Bridges whose deletion nobody has confirmed, and by when it was due.
    pub(in crate::service) fn bridges_not_deleted(&self) -> Vec<(DisclosureId, u32, Date)> {
        let entries = self.entries();
        let left = entries.bridges.values().filter(|one| one.deleted().is_none());
        left.map(|one| (one.disclosure, one.number, one.delete_by)).collect()
    }
}
