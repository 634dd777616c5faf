//! Asks before a key is destroyed.
//!
//! A script has no terminal and cannot be asked: it says `--yes`, or nothing is done.

use std::io::{BufRead, IsTerminal};

use crate::cli::error::{Error, Exit};
use crate::cli::output;
use crate::rpc::proto::Disclosure;

/// Goes on if somebody at the terminal says so.
///
/// # Errors
///
/// No terminal, or another answer.
pub(super) fn on_terminal(disclosure: &Disclosure) -> Result<(), Error> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(Error::usage("there is no terminal to ask on whether to close the disclosure")
            .advise("Nothing was changed. Give --yes if it is meant."));
    }
    question(disclosure).iter().for_each(|line| output::note(line));
    answered(input.lock())
}

/// What is asked.
fn question(disclosure: &Disclosure) -> Vec<String> {
    let Disclosure { id, application, state, persons, .. } = disclosure;
    vec![
        format!("Disclosure {id} of {application} is {state}; {persons} persons have serials."),
        "Closing destroys its key: after that nobody can tell who a serial was, and nothing more \
         can be issued. It cannot be undone."
            .to_owned(),
        "Type yes to close it:".to_owned(),
    ]
}

fn answered(mut input: impl BufRead) -> Result<(), Error> {
    let mut answer = String::new();
    let read = input.read_line(&mut answer);
    if read.is_ok() && answer.trim() == "yes" {
        return Ok(());
    }
    Err(Error::new(Exit::Interrupted, "the disclosure was not closed")
        .advise("Nothing was changed."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for yes in ["yes\n", "yes", " yes \r\n"] {
            assert!(answered(yes.as_bytes()).is_ok());
        }
        for no in ["", "\n", "y\n", "no\n", "YES\n", "yes please\n"] {
            assert_eq!(answered(no.as_bytes()).unwrap_err().exit(), Exit::Interrupted, "{no}");
        }
    }

    #[test]
    fn the_question_says_what_is_lost() {
        let disclosure = Disclosure { id: "5a".repeat(16), persons: 7, ..Disclosure::default() };
        let question = question(&disclosure).join("\n");
        assert!(question.contains("7 persons") && question.contains("cannot be undone"));
        assert!(question.contains(&disclosure.id));
    }
}
