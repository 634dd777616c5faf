//! What a witness is asked with: the request of `add-checkpoint`, as text.
//!
//! It exists so that a witness can be fed by a file as well as over the network: the file is what any
//! C2SP witness takes.
//!
//! FORMAT:
//!
//! ```text
//! "old " size newline
//! base64(hash (32)) newline, for each of the consistency proof, at most 63
//! newline
//! checkpoint, a signed note
//! ```
//!
//! It proves nothing by itself: [`super::Witness::add_checkpoint`] looks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use thiserror::Error;

use crate::audit::tree::Hash;
use crate::crypto::note::NOTE_BYTES_MAX;

/// Most hashes of a proof.
const PROOF_MAX: usize = 63;

/// It is not of the form of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("request to the witness is malformed")]
pub struct MalformedRequest;

/// A checkpoint, with the proof that it continues another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessRequest {
    /// Size of the tree that the proof begins with.
    pub old_size: u64,
    /// Consistency proof.
    pub proof: Vec<Hash>,
    /// Signed note.
    pub note: String,
}

impl WitnessRequest {
    /// The text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = format!("old {}\n", self.old_size);
        for hash in &self.proof {
            text.push_str(&BASE64.encode(hash.as_bytes()));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.note);
        text
    }

    /// Reads a text.
    ///
    /// # Errors
    ///
    /// [`MalformedRequest`].
    pub fn parse(text: &str) -> Result<Self, MalformedRequest> {
        if text.len() > 2 * NOTE_BYTES_MAX {
            return Err(MalformedRequest);
        }
        let (head, note) = text.split_once("\n\n").ok_or(MalformedRequest)?;
        let mut lines = head.split('\n');
        let size = lines.next().and_then(|line| line.strip_prefix("old "));
        let size = size.ok_or(MalformedRequest)?;
        let old_size: u64 = size.parse().map_err(|_| MalformedRequest)?;
        if old_size.to_string() != size {
            return Err(MalformedRequest);
        }
        let hash = |line: &str| {
            BASE64.decode(line).ok().and_then(|bytes| bytes.try_into().ok()).map(Hash::from_bytes)
        };
        let proof: Option<Vec<Hash>> = lines.map(hash).collect();
        let proof = proof.filter(|proof| proof.len() <= PROOF_MAX).ok_or(MalformedRequest)?;
        Ok(Self { old_size, proof, note: note.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification, its checkpoint without the second signature.
    const EXAMPLE: &str = "old 20852014\n\
        PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
        jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
        5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
        /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\
        \n\
        example.com/behind-the-sofa\n\
        20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
        \n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let request = WitnessRequest::parse(EXAMPLE).unwrap();
        assert_eq!((request.old_size, request.proof.len()), (20_852_014, 4));
        assert!(request.note.starts_with("example.com/behind-the-sofa\n20852163\n"));
        assert_eq!(request.encode(), EXAMPLE);
        let first = WitnessRequest { old_size: 0, proof: Vec::new(), note: request.note };
        assert_eq!(WitnessRequest::parse(&first.encode()), Ok(first));
    }

    #[test]
    fn malformed_requests_are_refused() {
        let long =
            format!("old 1\n{}\nx\n", "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n".repeat(64));
        for bad in [
            "",
            "old 1\n",
            "old 01\n\nx\n",
            "old +1\n\nx\n",
            "new 1\n\nx\n",
            "old 1\nAAAA\n\nx\n",
            &long,
        ] {
            assert_eq!(WitnessRequest::parse(bad), Err(MalformedRequest), "{bad}");
        }
    }
}
