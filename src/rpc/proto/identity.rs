//! What messages of identities show of themselves: their names.

use std::fmt;

use super::disclosure::hidden;
use super::*;

// Identifiers, and which IDs are one person's.
hidden!(
    ApplyEventsRequest,
    IdChange,
    IdentifierColumn,
    IdentityEvent,
    LinkIdentifiersRequest,
    ListIdChangesResponse,
    ListProtectedLinksResponse,
    ListReissuesResponse,
    ProtectedLink,
    Reissue,
    ReissueIdsRequest,
    ReissueIdsResponse,
    RestoredId,
    SupersededId,
    UnlinkIdentifiersRequest,
);
