//! CSV: rows copied as the bytes they are, around the cells that change.
//!
//! Any delimiter, UTF-8 or ISO-8859-1; quoting, line ends, a byte order mark and empty lines stay.
//! The rules of the format are in `record.rs`.

mod block;
mod content;
mod record;
mod table;
mod writer;

use std::borrow::Cow;

pub(super) use block::refuse_taken;
pub use block::{RowBlock, RowReader};
pub use table::{Layout, Row, Table};
pub(crate) use table::{no_such_column, wrongly_encoded};
pub use writer::RowWriter;

/// How a file's text is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// ISO-8859-1 (Latin-1): every byte is a character, and stays as it is.
    Latin1,
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
}

impl Encoding {
    /// Text in this encoding; `None` when it cannot be written in it.
    fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Utf8 => Some(text.as_bytes().to_vec()),
            Self::Latin1 => text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
        }
    }

    /// The text of bytes; of wrong ones, something to show.
    pub(crate) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes),
            Self::Latin1 => encoding_rs::mem::decode_latin1(bytes),
        }
    }

    /// Where the first byte is that does not belong there.
    pub(crate) fn fault(self, bytes: &[u8]) -> Option<usize> {
        let valid = match self {
            Self::Latin1 => return None,
            Self::Utf8 => encoding_rs::Encoding::utf8_valid_up_to(bytes),
        };
        (valid < bytes.len()).then_some(valid)
    }
}
