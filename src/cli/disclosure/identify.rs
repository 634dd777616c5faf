//! Who a serial is: asked for with an approval, and shown on standard output alone.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use zeroize::Zeroizing;

use super::client::Asking;
use crate::cli::error::{Error, Exit};
use crate::cli::output;
use crate::rpc::proto::{IdentifierType, IdentifySerialRequest, RevealedIdentifier};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv approval request --connect keys/dev/officer.toml --act identify_serial \\
    --subject 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a --reason 'finding of the project' \\
    --basis 'case 26/1234' --parameters serial.txt
  hvelv disclosure identify 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a serial.txt \\
    --connect keys/dev/officer.toml

serial.txt holds one line, serial=DIGITS, for both: what stands on a command line is seen by all of
the host. Another person approves in between; an approval is for one answer. Decisions that permit
no re-identification, and one-way registers, have none.";

/// Whom to find.
#[derive(Debug, clap::Args)]
pub(super) struct IdentifyOptions {
    /// The disclosure's id, 32 hexadecimal digits.
    #[arg(value_name = "ID")]
    disclosure: String,

    /// File with the line serial=DIGITS; `-` is standard input.
    #[arg(value_name = "FILE")]
    serial: PathBuf,

    #[command(flatten)]
    asking: Asking,
}

/// Runs the command.
///
/// # Errors
///
/// No such line, no connection, or what the server says.
pub(super) fn run(options: &IdentifyOptions) -> Result<Exit, Error> {
    let serial = read(&options.serial, "serial")?;
    let request = IdentifySerialRequest {
        disclosure: options.disclosure.clone(),
        serial: serial.as_str().to_owned(),
    };
    let found = options
        .asking
        .ask(async |client| Ok(client.identify_serial(request).await?.into_inner()))?;
    tell(&found.identifiers, options.asking.json);
    output::note(&format!("recorded: entry {} of the audit log", found.audit_entry));
    Ok(Exit::Success)
}

/// The digits behind `serial=`, or another name.
pub(in crate::cli) fn read(path: &Path, name: &str) -> Result<Zeroizing<String>, Error> {
    let mut text = Zeroizing::new(String::new());
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|cause| Error::file("read", path, &cause))?;
    let digits = text.trim().strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
    let digits = digits.filter(|rest| !rest.contains(['\n', ' ']));
    let digits = digits.ok_or_else(|| {
        Error::usage(format!("{} does not hold the one line {name}=DIGITS", path.display()))
    })?;
    Ok(Zeroizing::new(digits.to_owned()))
}

/// The identifiers, one a line: this is what was asked for, and it goes nowhere else.
pub(in crate::cli) fn tell(identifiers: &[RevealedIdentifier], as_json: bool) {
    for one in identifiers {
        let kind = match one.r#type() {
            IdentifierType::Dnr => "dnr",
            IdentifierType::Duf => "duf",
            IdentifierType::Felles => "felles",
            IdentifierType::Fnr => "fnr",
            IdentifierType::Hnr => "hnr",
            IdentifierType::Local => "local",
            IdentifierType::Any | IdentifierType::Unspecified => "unknown",
        };
        if as_json {
            let (number, assigner) = (&one.number, &one.assigner);
            output::event(&json!({ "type": kind, "number": number, "assigner": assigner }));
        } else {
            output::result(format!("{kind} {} {}", one.number, one.assigner).trim_end());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_one_line_with_the_serial() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("serial.txt");
        std::fs::write(&path, "serial=123456787\n").unwrap();
        assert_eq!(read(&path, "serial").unwrap().as_str(), "123456787");
        for bad in ["", "123456787", "serial=1\nserial=2\n", "serial=1 2"] {
            std::fs::write(&path, bad).unwrap();
            let error = read(&path, "serial").unwrap_err();
            assert_eq!(error.exit(), Exit::Usage);
            assert!(!error.to_string().contains("123456787"));
        }
    }
}
