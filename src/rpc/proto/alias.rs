//! What messages of existing IDs show of themselves: how many rows there are, or their names.

use std::fmt;

use super::disclosure::hidden;
use super::*;

// Pairs of a person's IDs.
hidden!(Alias, ListAliasesResponse);

impl fmt::Debug for ConvertIdsRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.existing_ids.len();
        f.debug_struct("ConvertIdsRequest").field("rows", &rows).finish_non_exhaustive()
    }
}

impl fmt::Debug for ConvertIdsResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.ids.len();
        f.debug_struct("ConvertIdsResponse").field("rows", &rows).finish_non_exhaustive()
    }
}

impl fmt::Debug for LoadAliasesRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.ids.len();
        f.debug_struct("LoadAliasesRequest").field("rows", &rows).finish_non_exhaustive()
    }
}
