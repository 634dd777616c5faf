//! Shares on their way to their holders: a file each, for its owner alone or sealed to an age key.
//!
//! INVARIANT: no file is replaced, and all of them are durable before the shares are in force.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::cli::error::{Error, Exit};
use crate::cli::output;
use crate::extract::recipient::Recipients;
use crate::files::destination::sync_directory;
use crate::service::setup::{MadeShare, Root, make_directory_durably};

/// How many shares, and where to.
#[derive(Debug, clap::Args)]
pub(super) struct HandOutOptions {
    /// How many shares to make, 2 to 32: one for each holder.
    #[arg(long, value_name = "N")]
    shares: u8,

    /// How many of them open the root, at least 2.
    #[arg(long, value_name = "K")]
    threshold: u8,

    /// Directory to write the shares to: ROOT-share-NUMBER.txt, or .age with --recipient. None of
    /// the files may exist.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,

    /// The age key of a holder; repeated, one for each share, in order. Without it the files are in
    /// the clear, readable by you alone.
    #[arg(long, value_name = "KEY")]
    recipient: Vec<String>,
}

/// The same, where shares need not be made.
#[derive(Debug, clap::Args)]
pub(super) struct OptionalHandOut {
    /// How many shares to make, 2 to 32: one for each holder.
    #[arg(long, value_name = "N", requires_all = ["threshold", "output"])]
    shares: Option<u8>,

    /// How many of them open the root, at least 2.
    #[arg(long, value_name = "K", requires = "shares")]
    threshold: Option<u8>,

    /// Directory to write the shares to: ROOT-share-NUMBER.txt, or .age with --recipient. None of
    /// the files may exist.
    #[arg(long, value_name = "DIR", requires = "shares")]
    output: Option<PathBuf>,

    /// The age key of a holder; repeated, one for each share, in order.
    #[arg(long, value_name = "KEY", requires = "shares")]
    recipient: Vec<String>,
}

impl OptionalHandOut {
    /// The options, if shares are to be made.
    pub(super) fn wanted(&self) -> Option<HandOutOptions> {
        Some(HandOutOptions {
            shares: self.shares?,
            threshold: self.threshold?,
            output: self.output.clone()?,
            recipient: self.recipient.clone(),
        })
    }
}

/// Options that fit together.
pub(super) struct HandOut<'a> {
    options: &'a HandOutOptions,
    root: Root,
    recipients: Vec<Recipients>,
}

impl HandOutOptions {
    /// Checks everything that can be checked before anybody types a passphrase.
    ///
    /// # Errors
    ///
    /// A key is no key, or there are not as many as shares; a file exists.
    pub(super) fn ready(&self, root: Root) -> Result<HandOut<'_>, Error> {
        let count = self.recipient.len();
        if count != 0 && count != usize::from(self.shares) {
            return Err(Error::usage(format!("{count} keys for {} shares", self.shares))
                .advise("Give --recipient once for each share, or not at all."));
        }
        // Two shares in one hand are one holder fewer.
        for (at, key) in self.recipient.iter().enumerate() {
            if self.recipient[..at].contains(key) {
                return Err(Error::usage(format!("the key of share {} is given twice", at + 1))
                    .advise("Each share goes to another holder."));
            }
        }
        let parse = |key: &String| {
            Recipients::parse(&[key])
                .map_err(|cause| Error::usage(format!("a key of --recipient {cause}")))
        };
        let recipients = self.recipient.iter().map(parse).collect::<Result<_, _>>()?;
        let hand_out = HandOut { options: self, root, recipients };
        for index in 1..=self.shares {
            let path = hand_out.path(index);
            if path.exists() {
                let what = format!("{} exists already", path.display());
                return Err(Error::new(Exit::Precondition, what)
                    .advise("Shares are never overwritten: choose another directory."));
            }
        }
        Ok(hand_out)
    }
}

impl HandOut<'_> {
    /// Threshold and number of shares.
    pub(super) const fn numbers(&self) -> (u8, u8) {
        (self.options.threshold, self.options.shares)
    }

    /// Writes the shares, durably. What was written of a set that is not whole is removed.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub(super) fn write(&self, shares: &[MadeShare]) -> Result<(), Error> {
        let directory = &self.options.output;
        // With its name: a root whose shares are lost in a power cut is lost with them.
        make_directory_durably(directory)
            .map_err(|cause| Error::file("make", directory, &cause))?;
        let mut written = Vec::new();
        for share in shares {
            let path = self.path(share.index);
            if let Err(error) = self.write_one(&path, share) {
                written.iter().for_each(|path| drop(std::fs::remove_file::<&PathBuf>(path)));
                return Err(error);
            }
            written.push(path);
        }
        written.first().map_or(Ok(()), |path| sync_directory(path))?;
        for path in &written {
            output::result(&path.display().to_string());
        }
        Ok(())
    }

    fn write_one(&self, path: &Path, share: &MadeShare) -> Result<(), Error> {
        let HandOutOptions { shares, threshold, .. } = self.options;
        let text = Zeroizing::new(format!(
            "# Hvelv: share {} of {shares} of the {} root. Any {threshold} of them open it.\n\
             # Keep it where only you get at it; give it with: hvelv unseal --share\n{}\n",
            share.index,
            self.root.name(),
            *share.text
        ));
        let at = usize::from(share.index).saturating_sub(1);
        let bytes = match self.recipients.get(at) {
            Some(recipient) => recipient
                .seal(text.as_bytes())
                .map_err(|cause| Error::internal(format!("a share cannot be sealed: {cause}")))?,
            None => text.as_bytes().to_vec(),
        };
        let bytes = Zeroizing::new(bytes);
        let mut options = File::options();
        let made = options.write(true).create_new(true).mode(0o600).open(path);
        let mut file = made.map_err(|cause| Error::file("make", path, &cause))?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(|cause| {
            // Half a share is none.
            let _ = std::fs::remove_file(path);
            Error::file("write", path, &cause)
        })
    }

    fn path(&self, index: u8) -> PathBuf {
        let kind = if self.recipients.is_empty() { "txt" } else { "age" };
        self.options.output.join(format!("{}-share-{index}.{kind}", self.root.name()))
    }
}
