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
            IdKind::Local => "local",
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

/// A bridge as the party reads it; nothing for whoever has another key.
#[cfg(test)]
pub(crate) fn opened(file: &[u8], key_file: &str) -> Option<String> {
    use std::io::Read as _;

    let identities = super::recipient::Identities::parse(key_file).unwrap();
    let mut text = String::new();
    identities.decrypt(file).ok()?.read_to_string(&mut text).unwrap();
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::recipient::NewKey;
    use crate::ident::{Assigner, SerialWidth};

    #[test]
    fn a_file_has_each_kind_in_a_word_and_the_assigner_of_an_h_number_alone() {
        let key = NewKey::generate();
        let mut file = BridgeFile::new(&Recipients::parse(&[&key.public]).unwrap()).unwrap();
        let serial = Serial::from_body(SerialWidth::Nine, 12_345_678).unwrap();
        let number = crate::testing::numbers(1)[0];
        let text = format!("{number:011}");
        let id = crate::testing::identifiers(1).remove(0).unwrap();
        file.row(&id, serial).unwrap();
        assert_eq!(file.rows(), 1);
        let sealed = file.finish().unwrap();
        assert!(!sealed.windows(11).any(|bytes| bytes == text.as_bytes()));
        let read = opened(&sealed, &key.file).unwrap();
        let serial = serial.digits();
        assert_eq!(read, format!("type,number,assigner,lopenr\nfnr,{text},,{}\n", serial.as_str()));
        assert_eq!(opened(&sealed, &NewKey::generate().file), None);
        assert_eq!(Assigner::DIGIT_COUNT, 9);
    }
}
