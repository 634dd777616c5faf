//! Who gives serials and surrogates: the server, behind a trait.
//!
//! No disclosure key ever leaves the server, so both are asked for. What is asked is a block's
//! distinct values, in the order in which they were met; the answers come in that order.

/// What stands behind a failure to answer.
pub type IssuerError = Box<dyn std::error::Error + Send + Sync>;

/// Gives serials and surrogates of one disclosure.
pub trait Issuer {
    /// Who persons of a register are in the disclosure; one answer for each ID, in their order.
    ///
    /// # Errors
    ///
    /// They cannot be had; nothing is made then.
    fn serials(&mut self, register: &str, register_ids: &[u64])
    -> Result<Vec<Issued>, IssuerError>;

    /// The surrogates of values of a key space, each with its institution (empty where the value is
    /// unique without one); one for each, in their order.
    ///
    /// # Errors
    ///
    /// As [`Issuer::serials`].
    fn surrogates(
        &mut self,
        key_space: &str,
        values: &[(&[u8], &[u8])],
    ) -> Result<Vec<[u8; 16]>, IssuerError>;
}

/// What a register ID becomes. Holds what links a register to a disclosure: `Debug` in tests only.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Issued {
    /// The ID that another party gave the person for this project, in place of a serial.
    Label(String),
    /// A reservation applies: the person's rows are left out and counted.
    LeftOut,
    /// The disclosure is not about the person: the rows are left out and counted.
    Outside,
    /// There is none.
    Refused(Refusal),
    /// The løpenummer.
    Serial(u64),
}

/// Why a row has no løpenummer. Codes are for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The check digit does not match.
    CheckDigits,
    /// Not 15 digits, or empty.
    Format,
    /// An ID of another register.
    OtherRegister,
    /// Nobody has it.
    Unknown,
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::CheckDigits => "check_digits",
            Self::Format => "format",
            Self::OtherRegister => "other_register",
            Self::Unknown => "unknown",
        }
    }
}
