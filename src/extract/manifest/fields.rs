//! What no field of a manifest may hold: held when one is built, and again when one is read.

use std::collections::BTreeSet;

use super::{Column, FileEntry, LEFT_OUT_PERSONS_MIN, LeftOut, Manifest, ManifestError};

/// Longest text of a field, in bytes.
const TEXT_BYTES_MAX: usize = 2000;

/// Longest name of a file, in bytes: endings are added to it.
const NAME_BYTES_MAX: usize = 128;

impl Manifest {
    /// Refuses what no manifest may say.
    pub(super) fn check_fields(&self) -> Result<(), ManifestError> {
        let field = |at: &str, what| Err(ManifestError::Field { at: at.to_owned(), what });
        for (at, text) in [
            ("disclosure", &self.disclosure),
            ("recipient.organisation", &self.recipient.organisation),
            ("purpose", &self.purpose),
            ("legal_basis", &self.legal_basis),
            ("decision.authority", &self.decision.authority),
            ("decision.reference", &self.decision.reference),
            ("contact", &self.contact),
            ("software", &self.software),
            ("verifier_key", &self.verifier_key),
        ] {
            if let Err(what) = check_text(text) {
                return field(at, what);
            }
        }
        // Whatever is shown to people, also of a manifest that anybody can have signed.
        let screened = self.small_cells.iter().flat_map(|cells| cells.columns.iter());
        let guarantee = self.small_cells.iter().map(|cells| &cells.guarantee);
        for text in screened.chain(guarantee) {
            if let Err(what) = check_text(text) {
                return field("small_cells", what);
            }
        }
        if self.recipient.keys.is_empty() {
            return field("recipient.keys", "empty; name the keys that the extract is sealed to");
        }
        if self.files.is_empty() {
            return field("files", "empty; an extract has at least one file");
        }
        let mut names = BTreeSet::new();
        for (at, file) in self.files.iter().enumerate() {
            let at = format!("files[{at}]");
            if !is_bare_name(&file.name) {
                let what = "may hold letters a to z, digits, - _ and . only, begins with a letter or \
                            digit, and does not end like a sealed file; choose another";
                return field(&format!("{at}.name"), what);
            }
            // A file system may not tell case apart.
            if !names.insert(file.name.to_ascii_lowercase()) {
                return field(&format!("{at}.name"), "named twice; a name has one file");
            }
            file.check_columns(&at)?;
        }
        if let LeftOut::Counted { persons, .. } = self.left_out {
            let screened = self.small_cells.as_ref().map(|screened| screened.persons_min);
            if persons < u64::from(screened.unwrap_or(LEFT_OUT_PERSONS_MIN)) {
                return field("left_out", "tells of fewer persons than may be told");
            }
        }
        Ok(())
    }
}

impl FileEntry {
    fn check_columns(&self, at: &str) -> Result<(), ManifestError> {
        let mut names = BTreeSet::new();
        for (column, Column { name, .. }) in self.columns.iter().enumerate() {
            let field =
                |what| Err(ManifestError::Field { at: format!("{at}.columns[{column}]"), what });
            if let Err(what) = check_text(name) {
                return field(what);
            }
            if !names.insert(name) {
                return field("named twice; a column comes out once");
            }
        }
        Ok(())
    }
}

fn check_text(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() {
        return Err("empty; say what it is");
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err("longer than 2000 bytes; make it shorter");
    }
    if text.contains(char::is_control) {
        return Err("holds a control character, such as a line end; write it in one line");
    }
    Ok(())
}

/// Whether a name can be given to a file in any directory: no way out of it, no hidden file, nothing
/// that a program takes for an option.
fn is_bare_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.len() <= NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(is_allowed)
        && ![".age", ".manifest"].iter().any(|ending| name.to_ascii_lowercase().ends_with(ending))
}
