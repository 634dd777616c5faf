//! The file of a bridge in, as it comes from the linking party: plain, or sealed to a key of whoever
//! loads it.
//!
//! INVARIANT: what is decrypted is in memory alone, whole, and wiped.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::open::decrypt;
use super::recipient::{Identities, MAGIC};
use crate::files::Error;

/// Reads a file, decrypting it if a key is given.
///
/// # Errors
///
/// It cannot be read, is longer than `bytes_max`, or does not open with the key.
pub fn read(
    path: &Path,
    identities: Option<&Identities>,
    bytes_max: usize,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let unreadable = |cause: io::Error| Error::system("read", path, &cause);
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    // What is in a sealed file is shorter than it.
    let capacity = usize::try_from(length).unwrap_or(usize::MAX).min(bytes_max) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    let limit = bytes_max as u64 + 1;
    let read = match identities {
        None => File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)),
        Some(identities) => decrypt(path, identities)?.take(limit).read_to_end(&mut bytes),
    };
    read.map_err(unreadable)?;
    if bytes.len() > bytes_max {
        let what = format!("{} has more than {bytes_max} bytes", path.display());
        return Err(Error::input(what).advise("Leave out who is not needed."));
    }
    if bytes.starts_with(MAGIC) {
        return Err(Error::input(format!("{} is sealed", path.display())).advise(
            "Give the file with the secret key that it is sealed to: --identity KEYFILE.",
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::extract::recipient::{NewKey, Recipients};

    #[test]
    fn a_bridge_is_read_plain_or_sealed_and_nothing_of_it_is_in_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bridge.csv.age");
        let text = b"identifier,label\n41814061033,P-1\n";
        std::fs::write(&path, text).unwrap();
        assert_eq!(*read(&path, None, 100).unwrap(), text);
        assert!(read(&path, None, 20).unwrap_err().to_string().contains("more than 20 bytes"));
        let (key, other) = (NewKey::generate(), NewKey::generate());
        let mut sealed = Recipients::parse(&[&key.public]).unwrap().encrypt(Vec::new()).unwrap();
        sealed.write_all(text).unwrap();
        std::fs::write(&path, sealed.finish().unwrap()).unwrap();
        let identities = |key: &NewKey| Identities::parse(&key.file).unwrap();
        assert_eq!(*read(&path, Some(&identities(&key)), 1000).unwrap(), text);
        for (refused, said) in [
            (read(&path, None, 1000), "is sealed"),
            (read(&path, Some(&identities(&other)), 1000), "sealed to another key"),
        ] {
            let error = refused.unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
