//! What messages of approvals show of themselves: the act and counts.

use std::fmt;

use super::*;

impl fmt::Debug for ApprovalParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApprovalParameter").finish_non_exhaustive()
    }
}

impl fmt::Debug for RequestApprovalRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestApprovalRequest")
            .field("act", &self.act)
            .field("parameters", &self.parameters.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DecideApprovalRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecideApprovalRequest")
            .field("verdict", &self.verdict)
            .finish_non_exhaustive()
    }
}
