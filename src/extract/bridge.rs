//! The file of a bridge out: identifiers and serials, encrypted to a linking party as it is written.
//!
//! ```text
//! FORMAT: age, of CSV in UTF-8 with lines that end in LF:
//!   type,number,assigner,lopenr
//!   fnr,41814061033,,123456787          type: dnr, duf, felles, fnr, hnr; assigner of an H-number only
//! ```
//!
//! INVARIANT: the plaintext is never whole anywhere, and each line is wiped.

use std::io::{self, Write as _};

use zeroize::Zeroizing;

use super::recipient::{Encrypting, Recipients};
use crate::ident::{IdKind, NationalId, Serial};

/// The first line.
const HEADER: &[u8] = b"type,number,assigner,lopenr\n";
/// More than the longest line.
const LINE_BYTES: usize = 64;

/// A file being written, which only the party can read.
pub struct BridgeFile {
    output: Encrypting<Vec<u8>>,
    line: Zeroizing<Vec<u8>>,
    rows: u64,
}

impl BridgeFile {
    /// Starts to write.
    ///
    /// # Errors
    ///
    /// The key does not encrypt.
    pub fn new(to: &Recipients) -> io::Result<Self> {
        let mut output = to.encrypt(Vec::new())?;
        output.write_all(HEADER)?;
        Ok(Self { output, line: Zeroizing::new(Vec::with_capacity(LINE_BYTES)), rows: 0 })
    }

    /// Writes an identifier of the person whose serial it is.
    ///
    /// # Errors
    ///
    /// The key does not encrypt.
    pub fn row(&mut self, id: &NationalId, serial: Serial) -> io::Result<()> {
        let kind = match id.kind() {
            IdKind::Dnr => "dnr",
            IdKind::Duf => "duf",
            IdKind::Felles => "felles",
            IdKind::Fnr => "fnr",
            IdKind::Hnr => "hnr",
        };
        let assigner = id.assigner().map(|assigner| assigner.digits());
        // EXPOSE: the party gets identifiers, as the decision says and two persons have allowed.
        let (number, serial) = (id.expose_digits(), serial.digits());
        self.line.clear();
        self.line.extend_from_slice(kind.as_bytes());
        self.line.push(b',');
        self.line.extend_from_slice(number.as_bytes());
        self.line.push(b',');
        self.line.extend_from_slice(assigner.as_ref().map_or(&[], |digits| &digits[..]));
        self.line.push(b',');
        self.line.extend_from_slice(serial.as_bytes());
        self.line.push(b'\n');
        self.rows += 1;
        self.output.write_all(&self.line)
    }

    /// Rows so far.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// The whole file, encrypted.
    ///
    /// # Errors
    ///
    /// The key does not encrypt.
    pub fn finish(self) -> io::Result<Vec<u8>> {
        self.output.finish()
    }
}
