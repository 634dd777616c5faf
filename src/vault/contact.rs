//! Name and address of a person, as one register has them: what may be said, and what is stored.
//!
//! Why it exists: a register such as Rehabiliteringsregisteret receives name and address beside the
//! fødselsnummer (R-14).  They identify as it does, so they are taken out of the data and sealed here.
//!
//! ```text
//! FORMAT (plaintext; sealed under `identity`, one envelope a person and register):
//!   version 0x01 ‖ since i64 ‖ said i64 ‖ name length u16 ‖ name ‖ address length u16 ‖ address
//!   ‖ zeros, until there are 256 bytes, or 1024 if those are too few
//! ```
//!
//! Both moments are seconds since 1970: since when the register has had something, and when what it
//! has now was said.
//!
//! INVARIANT: a text is one that may be said, and so its record fits the larger size.
//! INVARIANT: no `Debug` shows a text, and each is wiped when it is dropped.
//!
//! What it does *not* protect: that somebody's name and address together are long shows by the size.

use std::fmt;

use zeroize::Zeroizing;

/// Longest name, in bytes of UTF-8.
const NAME_BYTES_MAX: usize = 200;
/// Longest address, in bytes of UTF-8.
const ADDRESS_BYTES_MAX: usize = 500;

const VERSION: u8 = 0x01;
/// Sizes of a record.
const SIZES: [usize; 2] = [256, 1024];
const HEAD_BYTES: usize = 1 + 8 + 8 + 2 + 2;

const _: () = assert!(HEAD_BYTES + NAME_BYTES_MAX + ADDRESS_BYTES_MAX <= SIZES[1]);

/// Name and address as somebody has said them; an empty one says nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Contact {
    // INVARIANT: neither is longer than it may be, and neither has control characters, but for line
    // ends in the address.
    name: Zeroizing<String>,
    address: Zeroizing<String>,
}

/// What is wrong with a name or an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContactFault {
    /// The address.
    #[error("an address is at most 500 bytes of UTF-8 without control characters")]
    Address,
    /// The name.
    #[error("a name is one line of at most 200 bytes of UTF-8 without control characters")]
    Name,
}

impl Contact {
    /// A name and an address, without the space around them.
    ///
    /// # Errors
    ///
    /// [`ContactFault`].
    pub fn parse(name: &str, address: &str) -> Result<Self, ContactFault> {
        let (name, address) = (name.trim(), address.trim());
        if name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            return Err(ContactFault::Name);
        }
        let is_bad = |one: char| one.is_control() && !matches!(one, '\n' | '\r');
        if address.len() > ADDRESS_BYTES_MAX || address.chars().any(is_bad) {
            return Err(ContactFault::Address);
        }
        let own = |text: &str| Zeroizing::new(text.to_owned());
        Ok(Self { name: own(name), address: own(address) })
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.address.is_empty()
    }

    /// Whether it says a name.
    pub fn has_name(&self) -> bool {
        !self.name.is_empty()
    }

    /// Whether it says an address.
    pub fn has_address(&self) -> bool {
        !self.address.is_empty()
    }

    /// The name.
    // EXPOSE: who calls it answers a custodian whom another person has allowed to know.
    pub(crate) fn expose_name(&self) -> &str {
        &self.name
    }

    /// The address.
    // EXPOSE: as the name.
    pub(crate) fn expose_address(&self) -> &str {
        &self.address
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contact(..)")
    }
}

/// What a register has of a person, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptContact {
    /// Name and address.
    pub contact: Contact,
    /// Since when the register has had something, in seconds since 1970.
    pub since: i64,
    /// When what it has now was said, in seconds since 1970.
    pub said: i64,
}

impl KeptContact {
    /// What there is after somebody has said something; nothing if that changes nothing.  The last word
    /// holds, and what is not said stays as it was.
    pub(super) fn after(before: Option<&Self>, contact: &Contact, said: i64) -> Option<Self> {
        let Some(before) = before else {
            let kept = || Self { contact: contact.clone(), since: said, said };
            return (!contact.is_empty()).then(kept);
        };
        let mut now = before.contact.clone();
        if contact.has_name() {
            now.name.clone_from(&contact.name);
        }
        if contact.has_address() {
            now.address.clone_from(&contact.address);
        }
        let is_other = now != before.contact;
        is_other.then_some(Self { contact: now, since: before.since, said })
    }

    /// The plaintext of the record, of one of two sizes.
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let (name, address) = (self.contact.name.as_bytes(), self.contact.address.as_bytes());
        let length = HEAD_BYTES + name.len() + address.len();
        let size = if length <= SIZES[0] { SIZES[0] } else { SIZES[1] };
        let mut plain = Zeroizing::new(Vec::with_capacity(size));
        plain.push(VERSION);
        plain.extend_from_slice(&self.since.to_be_bytes());
        plain.extend_from_slice(&self.said.to_be_bytes());
        for text in [name, address] {
            let length = u16::try_from(text.len()).expect("a text has at most 500 bytes");
            plain.extend_from_slice(&length.to_be_bytes());
            plain.extend_from_slice(text);
        }
        plain.resize(size, 0);
        plain
    }

    /// Reads an opened record.
    pub(super) fn decode(plain: &[u8]) -> Option<Self> {
        let is_size = SIZES.contains(&plain.len());
        let (version, rest) = plain.split_first().filter(|_| is_size)?;
        let (since, rest) = rest.split_first_chunk::<8>().filter(|_| *version == VERSION)?;
        let (said, rest) = rest.split_first_chunk::<8>()?;
        let (name, rest) = text(rest)?;
        let (address, rest) = text(rest)?;
        let contact = Contact::parse(name, address).ok()?;
        // Only what was written so is read: nothing is hidden in the padding or around the texts.
        let is_exact = *contact.name == name && *contact.address == address;
        let is_padded = rest.iter().all(|byte| *byte == 0);
        let (since, said) = (i64::from_be_bytes(*since), i64::from_be_bytes(*said));
        (is_exact && is_padded && !contact.is_empty()).then_some(Self { contact, since, said })
    }
}

fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(name: &str, address: &str) -> Contact {
        Contact::parse(name, address).unwrap()
    }

    #[test]
    fn the_plaintext_of_a_contact_is_the_golden_bytes() {
        let kept = KeptContact { contact: contact("Kå", "Vei 1\n0001 By"), since: 1, said: 258 };
        let mut golden = vec![1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2];
        golden.extend_from_slice(b"\x00\x03K\xc3\xa5\x00\x0dVei 1\n0001 By");
        golden.resize(256, 0);
        let plain = kept.encode();
        assert_eq!(*plain, golden);
        assert_eq!(KeptContact::decode(&plain).unwrap(), kept);
        for end in 0..plain.len() {
            assert!(KeptContact::decode(&plain[..end]).is_none(), "cut at {end}");
        }
        for place in [0, 18, 40, 255] {
            let mut other = plain.clone();
            other[place] ^= 0x80;
            assert!(KeptContact::decode(&other).is_none(), "changed at {place}");
        }
    }

    #[test]
    fn a_record_is_of_one_of_two_sizes_whatever_it_says() {
        let size = |name: usize, address: usize| {
            let contact = contact(&"n".repeat(name), &"a".repeat(address));
            KeptContact { contact, since: 0, said: 0 }.encode().len()
        };
        for (name, address, expected) in [
            (1, 0, 256),
            (0, 1, 256),
            (35, 200, 256),
            (36, 200, 1024),
            (NAME_BYTES_MAX, 35, 256),
            (NAME_BYTES_MAX, ADDRESS_BYTES_MAX, 1024),
        ] {
            assert_eq!(size(name, address), expected, "{name} {address}");
        }
    }

    #[test]
    fn what_is_too_long_or_has_control_characters_is_no_name_and_no_address() {
        let fault = |name: &str, address: &str| Contact::parse(name, address).err();
        assert_eq!(fault(&"n".repeat(200), &"a".repeat(500)), None);
        assert_eq!(fault(&"n".repeat(201), ""), Some(ContactFault::Name));
        assert_eq!(fault("", &"a".repeat(501)), Some(ContactFault::Address));
        assert_eq!(fault("a\nb", ""), Some(ContactFault::Name));
        assert_eq!(fault("", "a\tb"), Some(ContactFault::Address));
        assert_eq!(fault(" a b ", "c\r\nd\n"), None);
        assert!(contact(" ", "\n").is_empty());
    }

    #[test]
    fn the_last_word_holds_and_what_is_not_said_stays() {
        let after = |before: Option<&KeptContact>, name, address, said| {
            KeptContact::after(before, &contact(name, address), said)
        };
        assert_eq!(after(None, "", "", 1), None);
        let first = after(None, "A", "", 1).unwrap();
        assert_eq!((first.since, first.said), (1, 1));
        assert_eq!(after(Some(&first), "A", "", 2), None, "the same again writes nothing");
        assert_eq!(after(Some(&first), "", "", 2), None);
        let second = after(Some(&first), "", "V", 3).unwrap();
        assert_eq!((second.since, second.said), (1, 3));
        assert_eq!(second.contact, contact("A", "V"));
        let third = after(Some(&second), "B", "V", 4).unwrap();
        assert_eq!(third.contact, contact("B", "V"));
    }

    #[test]
    fn a_contact_shows_nothing() {
        let kept = KeptContact { contact: contact("Kari", "Veien"), since: 0, said: 0 };
        let shown = format!("{kept:?}");
        assert!(!shown.contains("Kari") && !shown.contains("Veien"), "{shown}");
    }
}
