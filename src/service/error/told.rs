//! Errors whose text is made at run time: from words of ours, and never from what was sent.

use super::{Error, ErrorCode};

impl Error {
    /// What the rules of disclosure say against a request. Rules show words of ours, names of
    /// columns, registers and days, and nothing that could be a person's.
    #[must_use]
    pub fn rule(text: String) -> Self {
        let text = cut(text);
        Self { text: text.into(), ..Self::new(ErrorCode::RuleRefuses) }
    }

    /// A step that the state of an application or a disclosure does not allow.
    #[must_use]
    pub fn step(text: String) -> Self {
        Self { text: text.into(), ..Self::new(ErrorCode::StepOutOfOrder) }
    }

    /// An error about a share, with its root and number, which say nothing of its content.
    #[must_use]
    pub fn share(code: ErrorCode, text: String) -> Self {
        Self { text: text.into(), ..Self::new(code) }
    }
}

/// A status travels in headers, which are bounded: of very many reasons the first are told.
fn cut(text: String) -> String {
    const CHARS_MAX: usize = 1_000;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{} … (cut; mend these first)", &text[..end]),
        None => text,
    }
}
