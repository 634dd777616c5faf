//! One part of a description, for an officer who takes one step at a time.
//!
//! A file with the part alone is enough; a whole description may be given too, and its other parts
//! are not looked at.

use std::path::Path;

use super::read;
use crate::config::problems::Problems;
use crate::config::reader::{self, Section};
use crate::disclosure::Decision;
use crate::disclosure::application::Request;

/// Reads the part `[application]` of a file.
///
/// # Errors
///
/// All problems of that part, at once.
pub fn load_application(path: &Path) -> Result<Request, Problems> {
    reader::read_file(path, |top| part(top, "application", read::application))
}

/// Reads the part `[decision]` of a file.
///
/// # Errors
///
/// As those of [`super::Description::load`].
pub fn load_decision(path: &Path) -> Result<Decision, Problems> {
    reader::read_file(path, |top| part(top, "decision", read::decision))
}

fn part<'f, 'i, T>(
    mut top: Section<'f, 'i>,
    name: &'static str,
    read: fn(&mut Section<'f, 'i>) -> Option<T>,
) -> Option<T> {
    top.require(name);
    let mut section = top.child(name);
    let value = read(&mut section);
    section.finish();
    // The other parts are known, and left alone.
    for other in ["application", "decision", "disclosure"] {
        let _ = top.child(other);
    }
    let _ = top.children("file");
    top.finish();
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disclosure::description::Description;

    const EXAMPLE: &str = "examples/disclosure/research.toml";

    fn written(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_part_is_read_from_a_whole_description_and_from_a_file_of_its_own() {
        let path = Path::new(EXAMPLE);
        let whole = Description::load(path).unwrap();
        assert_eq!(load_application(path).unwrap(), whole.application);
        assert_eq!(load_decision(path).unwrap(), whole.decision);
        let text = std::fs::read_to_string(path).unwrap();
        let (application, rest) = text.split_once("[decision]").unwrap();
        let (decision, _) = rest.split_once("\n[disclosure]").unwrap();
        let alone = written(application);
        assert_eq!(load_application(alone.path()).unwrap(), whole.application);
        assert!(load_decision(alone.path()).is_err(), "it is not there");
        let alone = written(&format!("[decision]{decision}"));
        assert_eq!(load_decision(alone.path()).unwrap(), whole.decision);
    }

    #[test]
    fn what_belongs_to_no_part_is_a_problem_and_all_problems_are_told() {
        let text = "[aplication]\n[application]\npurpose = \"x\"\norganisation = \"1\"\n";
        let problems = load_application(written(text).path()).unwrap_err().to_string();
        for told in ["aplication", "application.applicant", "application.organisation", "purpose"] {
            assert!(problems.contains(told), "{told}: {problems}");
        }
    }
}
