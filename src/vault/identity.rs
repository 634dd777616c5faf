//! The sealed identity: what the vault can say about a person to those who may open it.
//!
//! ```text
//! FORMAT (plaintext; sealed as one envelope per leaf):
//!   version 0x01 ‖ identifier count u8 ‖ identifier*  ‖ contact count u8 (0 in version 1)
//!   identifier = encoding length u8 ‖ encoding (ident: kind, assigner, number)
//!              ‖ register u16 ‖ source length u8 ‖ source (UTF-8)
//!              ‖ seen u32 ‖ valid from u32 ‖ valid to u32       dates as yyyymmdd, 0 = not known
//! ```
//!
//! Names and addresses have records of their own (`contact`), since they change and end by themselves;
//! the count stays 0.

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::Error;
use crate::ident::NationalId;

const VERSION: u8 = 0x01;

/// Where an identifier came from: the register, the source and the day it was first seen.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Number of the register.
    pub register: u16,
    /// Code of the source.
    pub source: String,
    /// The day of the delivery.
    pub seen: Date,
}

/// One identifier that a person has or had.
#[derive(Debug)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "register and source are for the person's own insight")
)]
pub(crate) struct KnownIdentifier {
    pub(crate) id: NationalId,
    pub(crate) register: u16,
    pub(crate) source: String,
    pub(crate) seen: u32,
}

/// Plaintext of a new leaf's identity, written into `out`, which is cleared first.
pub(super) fn encode_new(id: &NationalId, origin: &Origin, out: &mut Zeroizing<Vec<u8>>) {
    let mut encoding = Zeroizing::new([0_u8; 32]);
    let length = id.tag_input(&mut encoding);
    let source = origin.source.as_bytes();
    out.clear();
    out.extend_from_slice(&[VERSION, 1]);
    push_short(out, &encoding[..length]);
    out.extend_from_slice(&origin.register.to_be_bytes());
    push_short(out, source);
    out.extend_from_slice(&yyyymmdd(origin.seen).to_be_bytes());
    out.extend_from_slice(&[0; 8]);
    out.push(0);
}

/// Reads an opened identity.
///
/// # Errors
///
/// [`Error::Damaged`] when it is not one.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<KnownIdentifier>, Error> {
    Reader(bytes).record().ok_or(Error::Damaged { what: "sealed identity" })
}

/// A date as a number: 20261122 for 22 November 2026.
pub(crate) fn yyyymmdd(date: Date) -> u32 {
    let year = u32::try_from(date.year()).unwrap_or_default();
    let month = u32::try_from(date.month()).unwrap_or_default();
    let day = u32::try_from(date.day()).unwrap_or_default();
    year * 10_000 + month * 100 + day
}

/// Writes `length u8 ‖ bytes`, cut to 255: source codes and encodings are shorter by construction.
fn push_short(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    out.push(length);
    out.extend(bytes.iter().take(usize::from(length)));
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn record(mut self) -> Option<Vec<KnownIdentifier>> {
        if self.take(1)? != [VERSION] {
            return None;
        }
        let count = self.take(1)?[0];
        let identifiers = (0..count).map(|_| self.identifier()).collect::<Option<_>>()?;
        (self.0 == [0]).then_some(identifiers)
    }

    fn identifier(&mut self) -> Option<KnownIdentifier> {
        let id = NationalId::decode(self.short()?)?;
        let register = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        let source = String::from_utf8(self.short()?.to_vec()).ok()?;
        let seen = u32::from_be_bytes(self.take(4)?.try_into().ok()?);
        self.take(8)?;
        Some(KnownIdentifier { id, register, source, seen })
    }

    fn short(&mut self) -> Option<&'a [u8]> {
        let length = self.take(1)?[0];
        self.take(usize::from(length))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}
