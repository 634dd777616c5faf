//! The name of an audit log.

use std::{fmt, str::FromStr};

use crate::config::words::shown;

/// The origin line of an audit log's checkpoints, which is also the name of its signing key.
///
/// INVARIANT: as C2SP signed-note and tlog-checkpoint ask: not empty, no space, no plus sign; here
/// also ASCII only, no scheme, and short enough for a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditOrigin(String);

/// Text that cannot name an audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} cannot name a log; give a host name and path such as `log.example.org/hvelv`, without \
     `https://`, spaces or plus signs"
)]
pub struct MalformedOrigin(String);

impl AuditOrigin {
    /// The origin as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for AuditOrigin {
    /// A name under `.example`, which belongs to nobody.
    fn default() -> Self {
        Self("hvelv.example/audit".to_owned())
    }
}

impl FromStr for AuditOrigin {
    type Err = MalformedOrigin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ORIGIN_BYTES_MAX: usize = 255;
        let is_good = (1..=ORIGIN_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+')
            && !text.contains("://");
        if is_good { Ok(Self(text.to_owned())) } else { Err(MalformedOrigin(shown(text))) }
    }
}

impl fmt::Display for AuditOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
