//! What came out of a disclosure, and how it ended.
//!
//! Small cells are counted over the files of one command. Whoever has the files of two can tell more:
//! løpenummer join them, so that a person whose values differ, or who is in one alone, stands out.
//! So a column that is screened goes out once in a namespace ([`screened_once`]): the files that have
//! it are made in one command, and are given again only as they were.
//!
//! Why digests under the disclosure's key: a file of one person has few possible contents, with a serial
//! among them, and a hash without a key could be tried for ever.
//!
//! Invariants: a record that is made has no hash without a key; files are the same if either is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::history::Act;
use super::id::{ContentDigest, Sha256Hex};
use super::line::Line;
use super::refusal::Refusal;
use crate::config::codes::PrincipalName;

/// What an extract was.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Extract {
    /// SHA-256 of the signed manifest, in records of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Sha256Hex>,
    /// Digest of the signed manifest under the disclosure's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<ContentDigest>,
    /// The names of the files.
    pub files: Vec<Line>,
    /// Rows in all files.
    pub rows: u64,
    /// Different persons in all files.
    pub persons: u64,
    /// Persons who were left out because of a reservation.
    pub persons_left_out: u64,
    /// What is in each file; absent in records from before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Vec<ReleasedFile>>,
}

/// What is in a file that was delivered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedFile {
    /// SHA-256 of the plaintext, in records of older programs, and of a file that is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Hex>,
    /// Digest of it under the disclosure's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<ContentDigest>,
    /// The names of its columns.
    pub columns: Vec<String>,
}

impl Extract {
    /// Whether it may have let out one of these columns; of an old record nobody knows.
    fn may_have(&self, column: &str) -> bool {
        self.released.as_ref().is_none_or(|files| files.iter().any(|file| file.has(column)))
    }

    fn has_file(
        &self,
        file: &ReleasedFile,
        is_content: impl Fn(ContentDigest, Sha256Hex) -> bool,
    ) -> bool {
        self.released.iter().flatten().any(|one| one.is(file, &is_content))
    }
}

impl ReleasedFile {
    /// The file as it is kept: nobody without the key can try what is in it.
    #[must_use]
    pub fn kept(self) -> Self {
        Self { sha256: None, ..self }
    }

    fn is(&self, new: &Self, is_content: impl Fn(ContentDigest, Sha256Hex) -> bool) -> bool {
        match (self.digest, new.sha256) {
            (Some(digest), Some(sha256)) => is_content(digest, sha256),
            _ => self.sha256.is_some() && self.sha256 == new.sha256,
        }
    }

    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|one| one == column)
    }
}

/// Whether files may go out beside what was delivered with the same løpenummer: a column of
/// `screened` that went out before is in no file but those that went out as they are.  `is_content` says
/// whether a digest under the disclosure's key is of a file with that hash.
///
/// # Errors
///
/// [`Refusal::ScreenedBefore`], with the columns that went out before.
pub fn screened_once<'a>(
    files: &[ReleasedFile],
    delivered: impl Iterator<Item = &'a Extract> + Clone,
    screened: &[String],
    is_content: impl Fn(ContentDigest, Sha256Hex) -> bool,
) -> Result<(), Refusal> {
    let has = |one: &Extract, file: &ReleasedFile| one.has_file(file, &is_content);
    let is_new = |file: &&ReleasedFile| !delivered.clone().any(|one| has(one, file));
    let goes_out = |column: &&String| files.iter().filter(is_new).any(|file| file.has(column));
    let went_out = |column: &&String| delivered.clone().any(|one| one.may_have(column));
    // Two screened columns in two commands tell together what neither tells alone.
    let again: Vec<&str> = screened.iter().filter(went_out).map(String::as_str).collect();
    if again.is_empty() || !screened.iter().any(|column| goes_out(&column)) {
        return Ok(());
    }
    Err(Refusal::ScreenedBefore(again.join(", ")))
}

/// An extract that was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// What it was.
    pub extract: Extract,
    /// Who recorded it.
    pub by: PrincipalName,
    /// When.
    pub at: Timestamp,
}

/// The end of a disclosure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Who closed it, and when.
    pub closed: Act,
    /// Who recorded that the recipient has deleted the data, and when; absent until then.
    pub deletion_confirmed: Option<Act>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: u8, columns: &[&str]) -> ReleasedFile {
        let columns = columns.iter().map(|&name| name.to_owned()).collect();
        let sha256 = Sha256Hex([content; 32]);
        let digest = ContentDigest { salt: [7; 16], digest: [!content; 32] };
        ReleasedFile { sha256: Some(sha256), digest: Some(digest), columns }
    }

    fn delivered(released: Option<Vec<ReleasedFile>>) -> Extract {
        let released = released.map(|files| files.into_iter().map(ReleasedFile::kept).collect());
        extract(released)
    }

    fn extract(released: Option<Vec<ReleasedFile>>) -> Extract {
        Extract {
            manifest: None,
            manifest_digest: None,
            files: Vec::new(),
            rows: 1,
            persons: 1,
            persons_left_out: 0,
            released,
        }
    }

    #[test]
    fn a_screened_column_goes_out_once_and_again_only_as_it_was() {
        let screened = ["sex".to_owned(), "born".to_owned()];
        let first = delivered(Some(vec![file(1, &["lopenr", "sex"]), file(2, &["lopenr", "a"])]));
        let other = delivered(Some(vec![file(3, &["lopenr", "a"])]));
        let old = delivered(None);
        let is_content =
            |digest: ContentDigest, sha256: Sha256Hex| digest.digest[0] == !sha256.0[0];
        let once = |files: &[ReleasedFile], before: &[&Extract]| {
            let found = screened_once(files, before.iter().copied(), &screened, is_content);
            found.map_err(|refusal| refusal.to_string()).err()
        };
        let refused = |files: &[ReleasedFile], before: &[&Extract]| {
            once(files, before).expect("it is refused")
        };
        assert_eq!(once(&[file(9, &["sex", "born"])], &[]), None);
        assert_eq!(once(&[file(9, &["sex", "born"])], &[&other]), None);
        assert_eq!(once(&[file(9, &["b"])], &[&first, &old]), None);
        assert_eq!(once(&[file(1, &["sex"]), file(9, &["b"])], &[&other, &first]), None);
        assert!(refused(&[file(9, &["sex"])], &[&first, &other]).starts_with("sex went out"));
        assert!(refused(&[file(9, &["born"])], &[&first]).starts_with("sex went out"));
        let mixed = [file(1, &["sex"]), file(9, &["born"])];
        assert!(refused(&mixed, &[&first]).starts_with("sex went out"));
        assert!(refused(&[file(9, &["born"])], &[&old]).starts_with("sex, born went out"));
        let older = file(1, &["lopenr", "sex"]);
        let older = extract(Some(vec![ReleasedFile { digest: None, ..older }]));
        assert_eq!(once(&[file(1, &["sex"])], &[&older]), None, "by the hash of an older program");
        assert!(refused(&[file(9, &["sex"])], &[&older]).starts_with("sex went out"));
        let none = screened_once(&mixed, [&first, &old].into_iter(), &[], is_content);
        assert_eq!(none, Ok(()));
    }
}
