//! The words of cases and orders.

use crate::config::words::word_enum;
use crate::disclosure::text::as_text;
use crate::registers::Channel;

word_enum! {
    /// How the data are felt by the person (S-07).
    pub enum Burden {
        /// Not strongly burdensome.
        Ordinary = "ordinary",
        /// Strongly burdensome.
        Strong = "strong",
    }
}

word_enum! {
    /// What speaks for keeping the data (S-07).
    pub enum PublicInterest {
        /// No strong public interest.
        Ordinary = "ordinary",
        /// A strong public interest.
        Strong = "strong",
    }
}

word_enum! {
    /// What was decided.
    pub enum Outcome {
        /// All that was asked for.
        Granted = "granted",
        /// Less than was asked for.
        GrantedInPart = "granted_in_part",
        /// Nothing.
        Refused = "refused",
    }
}

as_text!(Burden, Channel, Outcome, PublicInterest);
