//! Whom a command about rights is about: the identifier, from the terminal, a file or standard input.
//!
//! Never from an argument or the environment: arguments can be read by everybody on the host, and
//! stay in the shell's history.

use std::path::PathBuf;

use zeroize::Zeroizing;

use super::connect::{Caller, Channel, ConnectOptions, block_on};
use super::error::Error;
use super::passphrase::{read_bounded, read_private_file};
use crate::rpc::proto::rights_service_client::RightsServiceClient;
use crate::rpc::proto::{IdentifierType, RightsSubject};

/// The longest answer that is taken: a report has everybody who ever looked the person up, and lists
/// have thousands of cases.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// A client of the service.
pub(super) type Client = RightsServiceClient<Channel>;

/// What an identifier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    /// Any of them but a local number, told by its digits.
    Any,
    /// Fødselsnummer.
    Fnr,
    /// D-number.
    Dnr,
    /// H-number, with --assigner.
    Hnr,
    /// A patient's number in one institution, with --assigner.
    Local,
    /// Felles hjelpenummer.
    Felles,
    /// DUF-number.
    Duf,
}

impl Kind {
    /// The kind on the wire.
    pub(super) const fn on_wire(self) -> IdentifierType {
        match self {
            Self::Any => IdentifierType::Any,
            Self::Dnr => IdentifierType::Dnr,
            Self::Duf => IdentifierType::Duf,
            Self::Felles => IdentifierType::Felles,
            Self::Fnr => IdentifierType::Fnr,
            Self::Hnr => IdentifierType::Hnr,
            Self::Local => IdentifierType::Local,
        }
    }
}

/// An identifier, and what it is.
#[derive(Debug, clap::Args)]
pub(super) struct IdentifierOptions {
    /// Reads the identifier from a file that only its owner may read, or from standard input if FILE
    /// is `-`. Without this option it is asked for on the terminal.
    #[arg(long, value_name = "FILE")]
    identifier_file: Option<PathBuf>,

    /// What the identifier is.
    #[arg(long, value_enum, value_name = "KIND", default_value_t = Kind::Any)]
    identifier_type: Kind,

    /// Who assigned an H-number or a local number: the organisation's number.
    #[arg(long, value_name = "NUMBER", default_value = "", hide_default_value = true)]
    pub(super) assigner: String,
}

/// One person in one register, and how the server is reached.
#[derive(Debug, clap::Args)]
pub(super) struct SubjectOptions {
    /// The register.
    #[arg(long, value_name = "CODE")]
    register: String,

    #[command(flatten)]
    identifier: IdentifierOptions,

    /// Writes JSON.
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

impl SubjectOptions {
    /// Reads the identifier.
    ///
    /// # Errors
    ///
    /// No terminal; a file that is unreadable, too open, empty or has more than one line.
    pub(super) fn read(&self) -> Result<RightsSubject, Error> {
        let identifier = self.identifier.read()?;
        Ok(RightsSubject {
            register: self.register.clone(),
            r#type: self.identifier.kind().into(),
            identifier: identifier.to_string(),
            assigner: self.identifier.assigner.clone(),
        })
    }

    /// Connects, and does what is to be done there.
    ///
    /// # Errors
    ///
    /// No connection, or what came of it.
    pub(super) fn ask<T>(
        &self,
        work: impl AsyncFnOnce(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        ask(&self.connection, work)
    }
}

impl IdentifierOptions {
    /// What the identifier is, on the wire.
    pub(super) const fn kind(&self) -> IdentifierType {
        self.identifier_type.on_wire()
    }

    /// Reads the identifier.
    ///
    /// # Errors
    ///
    /// As those of [`SubjectOptions::read`].
    pub(super) fn read(&self) -> Result<Zeroizing<String>, Error> {
        let bytes = match &self.identifier_file {
            Some(path) if path.as_os_str() == "-" => {
                read_bounded(std::io::stdin().lock(), "standard input")?
            }
            Some(path) => read_private_file(path, "identifier file")?,
            None => {
                let asked = rpassword::prompt_password("Identifier: ").map(Zeroizing::new);
                let asked = asked.map_err(|cause| {
                    Error::usage(format!("cannot ask for the identifier on a terminal: {cause}"))
                        .advise("Give --identifier-file FILE, or - for standard input.")
                })?;
                Zeroizing::new(asked.as_bytes().to_vec())
            }
        };
        let text = std::str::from_utf8(&bytes).ok().map(|text| text.trim_end_matches(['\r', '\n']));
        match text {
            Some(text) if !text.is_empty() && !text.contains('\n') => {
                Ok(Zeroizing::new(text.to_owned()))
            }
            _ => Err(Error::usage("there is not one identifier")
                .advise("Give one, alone on the first line.")),
        }
    }
}

/// Connects, and does what is to be done there.
///
/// # Errors
///
/// No connection, or what came of it.
pub(super) fn ask<T>(
    connection: &ConnectOptions,
    work: impl AsyncFnOnce(&mut Client) -> Result<T, Error>,
) -> Result<T, Error> {
    block_on(async {
        let channel = connection.channel(Caller::Known).await?;
        let client = RightsServiceClient::new(channel);
        work(&mut client.max_decoding_message_size(ANSWER_BYTES_MAX)).await
    })
}

/// How the server is reached, and in which form its answer is written.
#[derive(Debug, clap::Args)]
pub(super) struct RightsOptions {
    /// Writes JSON.
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

impl RightsOptions {
    /// Connects, and does what is to be done there.
    ///
    /// # Errors
    ///
    /// No connection, or what came of it.
    pub(super) fn ask<T>(
        &self,
        work: impl AsyncFnOnce(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        block_on(async {
            let channel = self.connection.channel(Caller::Known).await?;
            let client = RightsServiceClient::new(channel);
            work(&mut client.max_decoding_message_size(ANSWER_BYTES_MAX)).await
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn from_file(content: &[u8], mode: u32) -> Result<RightsSubject, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let options = SubjectOptions {
            register: "KPR".into(),
            identifier: IdentifierOptions {
                identifier_file: Some(file.path().to_owned()),
                identifier_type: Kind::Any,
                assigner: String::new(),
            },
            json: false,
            connection: ConnectOptions::default(),
        };
        options.read()
    }

    #[test]
    fn a_file_gives_its_only_line() {
        for content in [&b"x1"[..], b"x1\n", b"x1\r\n"] {
            let subject = from_file(content, 0o600).unwrap();
            assert_eq!((subject.identifier.as_str(), subject.register.as_str()), ("x1", "KPR"));
        }
    }

    #[test]
    fn what_is_not_one_line_of_its_owners_is_refused_without_its_content() {
        let bad: [(&[u8], u32); 5] = [
            (b"", 0o600),
            (b"\n", 0o600),
            (b"x1\nx2\n", 0o600),
            (b"\xffx1", 0o600),
            (b"x1", 0o644),
        ];
        for (content, mode) in bad {
            let error = from_file(content, mode).unwrap_err();
            assert!(!error.advice().is_empty() && !format!("{error} {error:?}").contains("x1"));
        }
    }
}
