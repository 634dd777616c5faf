//! What is run on bytes from outside.  Each target holds its parser to a rule of its own too: what
//! is taken is written again as it came, and is taken again.

#![expect(clippy::unwrap_used, reason = "a target that cannot run fails")]

mod files;
mod ids;
pub(crate) mod messages;
mod texts;

/// A target: panics where something is wrong.
pub(crate) type Run = fn(&[u8]);

/// All targets by name.
pub(crate) const TARGETS: [(&str, Run); 9] = [
    ("configuration", texts::configuration),
    ("csv", files::csv),
    ("identifiers", ids::identifiers),
    ("key_file", texts::key_file),
    ("messages", messages::messages),
    ("notes", texts::notes),
    ("packed", ids::packed),
    ("parquet", files::parquet),
    ("records", texts::records),
];
