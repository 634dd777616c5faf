//! `hvelv keys`: what opens the roots of the key file, and how that is changed.
//!
//! Why on the server's host and with the server sealed: a change of a root is an entry in the log, and
//! an open server would go on under what it opened.

use std::path::{Path, PathBuf};

use super::error::{Error, Exit};
use super::passphrase::{GivenPassphrase, PassphraseOptions, Prompt};
use super::share::{GivenShare, read_share};
use super::{local, output};
use crate::service::ErrorCode;
use crate::service::setup::{
    Installation, KeyChange, KeysGiven, Others, Root, SetupError, WaysWanted,
};

mod destroy;
mod hand_out;
mod rotate;
mod shown;

use hand_out::{HandOutOptions, OptionalHandOut};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  What opens each root:
    hvelv keys show --config /etc/hvelv/hvelv.toml

  Five shares of each root, of which any three open it, each sealed to its holder's age key:
    hvelv keys split --root registers --shares 5 --threshold 3 --output shares \\
      --recipient age1… --recipient age1… --recipient age1… --recipient age1… --recipient age1…
    hvelv keys split --root vault --shares 5 --threshold 3 --output shares --recipient age1… …

Run it on the server's host, with the server sealed or stopped. Unseal with shares:
`hvelv unseal --share`.";

const SHOW_EXAMPLES: &str = "\
Examples:
  hvelv keys show --config /etc/hvelv/hvelv.toml

What is shown stands in the key file in the clear; only opening it shows that nobody changed it.";

const SPLIT_EXAMPLES: &str = "\
Examples:
  hvelv keys split --root vault --shares 5 --threshold 3 --output /media/holders
  hvelv keys split --root vault --shares 3 --threshold 2 --output shares --without-passphrase \\
    --share-file old/vault-share-1.txt --share-file old/vault-share-4.txt --share-file …

Writes a file for each holder, readable by you alone, or sealed to the holder's age key. The shares
are in force when the command ends, in the place of the root's older ones, which open the new key
file no more: they still open older copies of it. With --without-passphrase the shares are the only
way; try them before you destroy anything. What opens the roots now is asked for first.";

const PASSPHRASE_EXAMPLES: &str = "\
Examples:
  hvelv keys passphrase --root registers --root vault
  hvelv keys passphrase --root vault --without-shares --new-passphrase-file new

Without --root both roots get it. An older copy of the key file still opens with the passphrase of
its day: destroy it, or replace the root.";

const REPLACE_EXAMPLES: &str = "\
Examples:
  hvelv keys replace-root --root vault --new-passphrase
  hvelv keys replace-root --root vault --shares 5 --threshold 3 --output /media/holders

Makes a new root, wraps the plane's keys under it, and gives what seals a new epoch. Older
passphrases, shares and copies of the key file open nothing that is sealed afterwards; what they
opened before they open still. The keys that IDs are made with and those that sign stay, in older
copies too. Copy the key file anew and destroy the older copies.";

/// Shows and changes what opens the roots of the key file.
#[derive(Debug, clap::Args)]
pub(super) struct KeysCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Shows what opens each root; needs neither passphrase nor shares.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(shown::ShowOptions),
    /// Makes shares of a root: any so many of so many open it. Again, it changes the shares.
    #[command(after_help = SPLIT_EXAMPLES)]
    Split(SplitOptions),
    /// Gives roots another passphrase, or one beside their shares.
    #[command(after_help = PASSPHRASE_EXAMPLES)]
    Passphrase(PassphraseCommand),
    /// Replaces a root: older passphrases, shares and copies of the key file open nothing new.
    #[command(after_help = REPLACE_EXAMPLES)]
    ReplaceRoot(ReplaceOptions),
    /// Destroys older keys, which have a successor.
    #[command(after_help = destroy::EXAMPLES)]
    Destroy(destroy::DestroyOptions),
    /// Makes a new key for what is signed or sealed from now on.
    #[command(after_help = rotate::EXAMPLES)]
    Rotate(rotate::RotateOptions),
}

/// A root, on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum RootName {
    Registers,
    Vault,
}

impl RootName {
    const fn root(self) -> Root {
        match self {
            Self::Registers => Root::Registers,
            Self::Vault => Root::Vault,
        }
    }
}

#[derive(Debug, clap::Args)]
struct SplitOptions {
    #[command(flatten)]
    given: GivenOptions,

    /// The root.
    #[arg(long, value_name = "ROOT")]
    root: RootName,

    #[command(flatten)]
    hand_out: HandOutOptions,

    /// Takes the root's passphrase away: the shares alone open it.
    #[arg(long)]
    without_passphrase: bool,
}

#[derive(Debug, clap::Args)]
struct PassphraseCommand {
    #[command(flatten)]
    given: GivenOptions,

    /// The root; may be repeated [default: both].
    #[arg(long, value_name = "ROOT")]
    root: Vec<RootName>,

    /// Reads the new passphrase from a file that only its owner may read [default: asked for].
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,

    /// Takes the root's shares away: the passphrase alone opens it.
    #[arg(long)]
    without_shares: bool,
}

#[derive(Debug, clap::Args)]
struct ReplaceOptions {
    #[command(flatten)]
    given: GivenOptions,

    /// The root.
    #[arg(long, value_name = "ROOT")]
    root: RootName,

    /// Seals the new root by a passphrase, asked for twice.
    #[arg(long, conflicts_with = "new_passphrase_file")]
    new_passphrase: bool,

    /// Seals the new root by a passphrase from a file that only its owner may read.
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,

    #[command(flatten)]
    hand_out: OptionalHandOut,
}

/// What opens the roots as they are.
#[derive(Debug, clap::Args)]
pub(super) struct GivenOptions {
    /// Configuration of the server.
    #[arg(long, value_name = "FILE", default_value = "hvelv.toml")]
    config: PathBuf,

    /// A share of a root, in a file that only its owner may read; may be repeated. What the shares
    /// do not open takes the passphrase.
    #[arg(long, value_name = "FILE")]
    share_file: Vec<PathBuf>,

    #[command(flatten)]
    passphrase: PassphraseOptions,
}

/// Runs the command.
///
/// # Errors
///
/// What was given does not open the roots, the server is open, or a file cannot be written.
pub(super) fn run(command: &KeysCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Show(options) => return shown::run(options),
        Action::Split(options) => split(options)?,
        Action::Passphrase(options) => passphrase(options)?,
        Action::ReplaceRoot(options) => replace(options)?,
        Action::Destroy(options) => destroy::run(options)?,
        Action::Rotate(options) => rotate::run(options)?,
    }
    output::note("copy the key file anew, and destroy the older copies");
    Ok(Exit::Success)
}

fn split(options: &SplitOptions) -> Result<(), Error> {
    let others = if options.without_passphrase { Others::Remove } else { Others::Keep };
    let root = options.root.root();
    let hand_out = options.hand_out.ready(root)?;
    let opened = options.given.read()?;
    let wanted = WaysWanted { passphrase: None, shares: Some(hand_out.numbers()) };
    let change = KeyChange::Ways { wanted, others };
    let done = opened
        .installation
        .change_root(root, &change, opened.twice()?, |shares| hand_out.write(shares));
    done.map_err(refused)??;
    output::note(&format!("the {} root has new shares", root.name()));
    Ok(())
}

fn passphrase(options: &PassphraseCommand) -> Result<(), Error> {
    let others = if options.without_shares { Others::Remove } else { Others::Keep };
    let both = [RootName::Registers, RootName::Vault];
    let roots = if options.root.is_empty() { &both[..] } else { &options.root };
    let mut opened = options.given.read()?;
    let new = read_new(options.new_passphrase_file.as_ref())?;
    for root in roots {
        let wanted = WaysWanted { passphrase: Some(new.secret()?), shares: None };
        let change = KeyChange::Ways { wanted, others };
        let root = root.root();
        let done = opened
            .installation
            .change_root(root, &change, opened.twice()?, |_| Ok::<(), Error>(()));
        done.map_err(refused)??;
        output::note(&format!("the {} root has a new passphrase", root.name()));
        // The next root is opened by what opens the file now.
        opened.passphrases.push(new.again());
    }
    Ok(())
}

fn replace(options: &ReplaceOptions) -> Result<(), Error> {
    let root = options.root.root();
    let wanted = options.hand_out.wanted();
    let hand_out = wanted.as_ref().map(|wanted| wanted.ready(root)).transpose()?;
    let has_passphrase = options.new_passphrase || options.new_passphrase_file.is_some();
    if hand_out.is_none() && !has_passphrase {
        return Err(Error::usage("nothing would open the new root")
            .advise("Give --new-passphrase, or --shares, --threshold and --output, or both."));
    }
    let opened = options.given.read()?;
    let new = match has_passphrase {
        true => Some(read_new(options.new_passphrase_file.as_ref())?.secret()?),
        false => None,
    };
    let shares = hand_out.as_ref().map(hand_out::HandOut::numbers);
    let change = KeyChange::Replace(WaysWanted { passphrase: new, shares });
    let done = opened.installation.change_root(root, &change, opened.twice()?, |shares| {
        hand_out.as_ref().map_or(Ok(()), |hand_out| hand_out.write(shares))
    });
    done.map_err(refused)??;
    output::note(&format!("the {} root is replaced", root.name()));
    Ok(())
}

fn read_new(file: Option<&PathBuf>) -> Result<GivenPassphrase, Error> {
    let from = PassphraseOptions { passphrase_file: file.cloned(), passphrase_fd: None };
    if from.is_terminal() {
        output::note("the new passphrase:");
    }
    from.read(Prompt::New)
}

/// The installation, and what was given to open its roots.
pub(super) struct Opened {
    installation: Installation,
    shares: Vec<GivenShare>,
    passphrases: Vec<GivenPassphrase>,
}

impl GivenOptions {
    /// Reads what is given, and asks for a passphrase if the shares are not enough.
    pub(super) fn read(&self) -> Result<Opened, Error> {
        Opened::read(&self.config, &self.share_file, &self.passphrase)
    }
}

impl Opened {
    /// Reads what is given, and asks for a passphrase if the shares are not enough.
    ///
    /// # Errors
    ///
    /// The configuration's, the key file's, and those of what is given.
    pub(super) fn read(
        config: &Path,
        share_files: &[PathBuf],
        passphrase: &PassphraseOptions,
    ) -> Result<Self, Error> {
        let installation = Installation::load(config).map_err(local::from_setup)?;
        let shares = share_files.iter().map(|path| read_share(path));
        let shares = shares.collect::<Result<Vec<_>, _>>()?;
        let mut opened = Self { installation, shares, passphrases: Vec::new() };
        // Two roots may have two passphrases.
        while opened.passphrases.len() < 2 && !opened.once()?.is_complete() {
            let is_first = opened.passphrases.is_empty();
            if !is_first && !passphrase.is_terminal() {
                break;
            }
            if !is_first {
                output::note("the other root has another passphrase:");
            }
            opened.passphrases.push(passphrase.read(Prompt::Existing)?);
        }
        Ok(opened)
    }
}

impl Opened {
    /// The installation.
    pub(super) fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Gives everything to the key file.
    ///
    /// # Errors
    ///
    /// What is given does not open both roots.
    pub(super) fn once(&self) -> Result<KeysGiven, Error> {
        let mut given = self.installation.open_roots().map_err(local::from_setup)?;
        let mut refused = None;
        for share in &self.shares {
            refused = given.share(share.parse()?).err().or(refused);
        }
        for passphrase in &self.passphrases {
            if given.is_complete() {
                break;
            }
            // A passphrase may be of the other root, or of one that got another since.
            refused = given.passphrase(&passphrase.secret()?).err().or(refused);
        }
        match refused {
            Some(refused) if !given.is_complete() => Err(local::from_setup(refused)),
            _ => Ok(given),
        }
    }

    pub(super) fn twice(&self) -> Result<[KeysGiven; 2], Error> {
        Ok([self.once()?, self.once()?])
    }
}

/// A store that is in use says that the server is open.
pub(super) fn refused(cause: SetupError) -> Error {
    let is_store =
        matches!(&cause, SetupError::Open(error) if error.code() == ErrorCode::StoreUnusable);
    let error = local::from_setup(cause);
    if !is_store {
        return error;
    }
    Error::new(Exit::Precondition, error.to_string())
        .advise("If the server is open: hvelv seal. A change of its keys is an entry in its log.")
}
