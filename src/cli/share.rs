//! Where a share comes from: the terminal, a file or a file descriptor, as a passphrase does.

use std::path::PathBuf;

use zeroize::Zeroizing;

use super::error::{Error, Exit};
use super::passphrase::{from_descriptor, read_private_file};
use crate::crypto::{Share, ShareError};

/// Where a share comes from.
#[derive(Debug, Default, clap::Args)]
#[group(multiple = false)]
pub(super) struct ShareOptions {
    /// Gives a share of a root instead of the passphrase; it is asked for on the terminal.
    #[arg(long, conflicts_with_all = ["passphrase_file", "passphrase_fd"])]
    share: bool,

    /// Gives a share, from a file that only its owner may read; lines that begin with # are passed
    /// over.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["passphrase_file", "passphrase_fd"])]
    share_file: Option<PathBuf>,

    /// Gives a share, from an open file descriptor, for example `3` in `3< <(age -d …)`.
    #[arg(long, value_name = "N", conflicts_with_all = ["passphrase_file", "passphrase_fd"])]
    share_fd: Option<u32>,
}

/// A share on its way to the server; wiped when dropped. No `Debug`, no `Clone`.
pub(super) struct GivenShare(Zeroizing<Vec<u8>>);

impl GivenShare {
    /// The text. EXPOSE: for the one request that carries it to the server.
    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The share as the key file takes it.
    ///
    /// # Errors
    ///
    /// It is no share.
    pub(super) fn parse(&self) -> Result<Share, Error> {
        Share::parse(self.0.to_vec()).map_err(|error| {
            let exit = match error {
                ShareError::Malformed => Exit::Usage,
                ShareError::UnknownVersion { .. } => Exit::Precondition,
            };
            Error::new(exit, error.to_string())
        })
    }
}

impl ShareOptions {
    /// Reads the share, if one is to be given. A typing error is found here, before anything is sent.
    ///
    /// # Errors
    ///
    /// An unreadable, too open or overlong source; no terminal; what is no share.
    pub(super) fn read(&self) -> Result<Option<GivenShare>, Error> {
        let given = if let Some(path) = &self.share_file {
            read_share(path)?
        } else if let Some(descriptor) = self.share_fd {
            without_comments(&from_descriptor(descriptor, "share")?)
        } else if self.share {
            from_terminal()?
        } else {
            return Ok(None);
        };
        given.parse()?;
        Ok(Some(given))
    }
}

/// A share from a file.
///
/// # Errors
///
/// An unreadable, too open or overlong file.
pub(super) fn read_share(path: &std::path::Path) -> Result<GivenShare, Error> {
    Ok(without_comments(&read_private_file(path, "share file")?))
}

fn from_terminal() -> Result<GivenShare, Error> {
    let typed = rpassword::prompt_password("Share: ").map(Zeroizing::new).map_err(|cause| {
        Error::usage(format!("cannot ask for the share on a terminal: {cause}"))
            .advise("Give --share-file FILE or --share-fd N.")
    })?;
    Ok(GivenShare(Zeroizing::new(typed.as_bytes().to_vec())))
}

fn without_comments(bytes: &[u8]) -> GivenShare {
    let mut text = Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#")) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    GivenShare(text)
}
