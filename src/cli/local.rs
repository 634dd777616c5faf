//! What `init`, `serve` and `check` share: errors of the installation on this host.

use std::path::Path;

use super::error::{Error, Exit, with_sources};
use crate::config::Problems;
use crate::service::setup::SetupError;

/// An error of an installation, with every problem of a configuration on a line of its own.
pub(super) fn from_setup(cause: SetupError) -> Error {
    let text = with_sources(&cause);
    match cause {
        SetupError::Config(problems) => {
            listed(Error::usage("the configuration has problems"), &problems)
        }
        SetupError::Identifiers(problems) => problems
            .lines()
            .fold(Error::usage("the configuration's identifiers have problems"), Error::advise),
        SetupError::Exists(_) => Error::new(Exit::Precondition, text),
        SetupError::KeyFile(_)
        | SetupError::NoOlderKey
        | SetupError::NotSignedYet
        | SetupError::StillSealed { .. } => Error::new(Exit::Precondition, text),
        SetupError::Directory { .. } | SetupError::TestNumbers { .. } => Error::usage(text),
        SetupError::Crypto(_) | SetupError::Open(_) | SetupError::Store(_) => Error::internal(text),
    }
}

/// The problems of the files that a configuration names.
pub(super) fn from_problems(problems: &Problems, config: &Path) -> Error {
    listed(Error::usage(format!("{} has problems", config.display())), problems)
}

fn listed(error: Error, problems: &Problems) -> Error {
    problems.iter().fold(error, |error, problem| error.advise(problem.to_string()))
}
