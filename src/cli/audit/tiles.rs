//! `hvelv audit tiles`: the tree as files, to be kept off the host.
//!
//! Each run reads the whole log, compares it with the tiles that are there, and adds what is new; so a
//! log of which an entry was changed is refused with the number of that entry.
//!
//! ```text
//! entries ─► tiles aside, in DIR/.new ─► the whole log verifies, and is that of the tiles ─► their names
//! ```
//!
//! INVARIANT: a tile gets its name only once the root that it is under was verified: one run on what
//! is not the log leaves nothing that would accuse the log later.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::live;
use super::receipt::read;
use crate::audit::{
    BLOCK_WIDTH, Blocks, HASH_BYTES, Hash, KeptLeaf, Tile, TileKind, bundle, first_difference,
    tiles_of,
};
use crate::cli::connect::{Caller, ConnectOptions, block_on};
use crate::cli::error::{Error, Exit};
use crate::cli::output;
use crate::cli::pseudonymize::destination::{Destination, Existing};

pub(super) const EXAMPLES: &str = "\
Examples:
  Hashes and checkpoint, as tiles (C2SP tlog-tiles), compared with what is there:
    hvelv audit tiles --connect auditor.toml /srv/hvelv-tiles --verifier-key 'hvelv.example/audit+…'

  With the entries, for who may read them:
    hvelv audit tiles --connect auditor.toml /srv/hvelv-tiles --entries

Tiles of hashes say nothing of what the entries say. Keep them on another host: a log of which an
entry was changed is refused with the number of the entry (exit code 7).";

#[derive(Debug, clap::Args)]
pub(super) struct TilesOptions {
    /// Directory to write to; it is made if it is not there, and gone on with if it is.
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Writes the entries too. A bundle of 256 with one that is pruned, or longer than 65,535 bytes,
    /// is left out: `hvelv audit export` has those.
    #[arg(long)]
    entries: bool,

    /// The key that checkpoints must be signed by: `name+hash+key`. Repeat it for the key before, if
    /// the log's key was replaced.
    #[arg(long, value_name = "KEY")]
    verifier_key: Vec<String>,

    #[command(flatten)]
    connection: ConnectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// What the server says; the log is another than the one of the tiles; a full disk.
pub(super) fn run(options: &TilesOptions) -> Result<Exit, Error> {
    let directory = &options.directory;
    fs::create_dir_all(directory).map_err(|cause| Error::file("make", directory, &cause))?;
    let keys = live::expected_keys(&options.verifier_key)?;
    let mut tiles = Writing::new(directory, options.entries)?;
    let note = directory.join("checkpoint");
    let earlier = if note.exists() { Some(read(&note)?) } else { None };
    let walked = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        let signed = live::signed(channel.clone(), &keys).await?;
        let mut each = |leaf: &KeptLeaf| tiles.take(leaf);
        let copied = live::walk(channel, &signed, earlier.as_deref(), &mut each).await?;
        Ok((signed, copied))
    });
    let (signed, copied) = walked.map_err(|error| tiles.blame(error))?;
    tiles.finish(signed.checkpoint.tree.size)?;
    // The checkpoint comes last: what it needs is there.
    let mut file = Destination::create_anew(&note, Existing::Replace)?;
    file.append(signed.note.as_bytes())?;
    file.publish()?;
    output::note(&copied.summary());
    output::note(&format!("{} tiles written, {} were there", tiles.staged.len(), tiles.there));
    if tiles.left_out > 0 {
        output::note(&format!("{} bundles of entries cannot be written", tiles.left_out));
    }
    super::trust(!keys.is_empty(), "the server");
    Ok(Exit::Success)
}

/// Tiles as the log goes by: kept aside, and compared with those that are there.
struct Writing<'a> {
    directory: &'a Path,
    _lock: File,
    with_entries: bool,
    blocks: Blocks,
    /// Leaf hashes and entries since the last full tile.
    hashes: Vec<Hash>,
    entries: Vec<KeptLeaf>,
    number: u64,
    /// Paths of the tiles that are aside.
    staged: Vec<String>,
    there: u64,
    left_out: u64,
    /// The first thing in which what goes by differs from what is there.
    difference: Option<String>,
}

impl<'a> Writing<'a> {
    fn new(directory: &'a Path, with_entries: bool) -> Result<Self, Error> {
        let lock = File::open(directory).map_err(|cause| Error::file("open", directory, &cause))?;
        lock.try_lock().map_err(|cause| match cause {
            TryLockError::WouldBlock => {
                Error::new(Exit::Precondition, "another command is at work with these tiles")
            }
            TryLockError::Error(cause) => Error::file("lock", directory, &cause),
        })?;
        // What a run has left that was ended.
        remove_staged(directory)?;
        Ok(Self {
            directory,
            _lock: lock,
            with_entries,
            blocks: Blocks::default(),
            hashes: Vec::new(),
            entries: Vec::new(),
            number: 0,
            staged: Vec::new(),
            there: 0,
            left_out: 0,
            difference: None,
        })
    }

    fn take(&mut self, leaf: &KeptLeaf) -> Result<(), Error> {
        let hash = leaf.hash();
        self.blocks.push(hash).map_err(|cause| Error::internal(cause.to_string()))?;
        self.hashes.push(hash);
        if self.with_entries {
            self.entries.push(leaf.clone());
        }
        if self.hashes.len() as u64 == BLOCK_WIDTH { self.leaves() } else { Ok(()) }
    }

    /// Takes the leaf hashes that have come since the last tile, and their entries.
    fn leaves(&mut self) -> Result<(), Error> {
        let width = self.hashes.len() as u64;
        let tile = Tile { kind: TileKind::Hashes { level: 0 }, number: self.number, width };
        let bytes: Vec<u8> = self.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
        self.stage(tile, &bytes)?;
        if self.with_entries {
            match bundle(&self.entries) {
                Some(bytes) => {
                    self.stage(Tile { kind: TileKind::Entries, ..tile }, &bytes)?;
                }
                None => self.left_out += 1,
            }
        }
        self.hashes.clear();
        self.entries.clear();
        self.number += 1;
        Ok(())
    }

    /// An error of a log that does not verify, with what differs in it from what is there.
    fn blame(&mut self, error: Error) -> Error {
        // The last leaves may tell it.
        let told = if self.hashes.is_empty() { Ok(()) } else { self.leaves() };
        match self.difference.take().filter(|_| error.exit() == Exit::Verification) {
            Some(difference) if told.is_ok() => error.advise(format!("Also, {difference}.")),
            _ => error,
        }
    }

    /// The whole log was verified: names the tiles, all levels, unless it is another than theirs.
    ///
    /// # Errors
    ///
    /// It is; a full disk.
    fn finish(&mut self, size: u64) -> Result<(), Error> {
        if !self.hashes.is_empty() {
            self.leaves()?;
        }
        for tile in tiles_of(size) {
            let TileKind::Hashes { level: level @ 1.. } = tile.kind else { continue };
            let first = tile.number * BLOCK_WIDTH;
            let roots = (first..first + tile.width).map(|number| self.blocks.root(level, number));
            let roots: Option<Vec<Hash>> = roots.collect();
            let roots = roots.ok_or_else(|| Error::internal("a full block is not known"))?;
            let bytes: Vec<u8> = roots.iter().flat_map(|hash| *hash.as_bytes()).collect();
            self.stage(tile, &bytes)?;
        }
        if let Some(difference) = self.difference.take() {
            return Err(live::wrong(difference));
        }
        for name in &self.staged {
            let (path, aside) = (self.directory.join(name), staged(self.directory).join(name));
            let bytes = fs::read(&aside).map_err(|cause| Error::file("read", &aside, &cause))?;
            make_parent(&path)?;
            let mut file = Destination::create_anew(&path, Existing::Keep)?;
            file.append(&bytes)?;
            file.publish()?;
        }
        remove_staged(self.directory)
    }

    /// Keeps a tile aside, or compares it with the one that is there.
    fn stage(&mut self, tile: Tile, bytes: &[u8]) -> Result<(), Error> {
        let name = tile.to_string();
        let path = self.directory.join(&name);
        match fs::read(&path) {
            Ok(there) => {
                self.there += 1;
                if there != bytes {
                    self.differs(tile, &there, bytes);
                }
                return Ok(());
            }
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {}
            Err(cause) => return Err(Error::file("read", &path, &cause)),
        }
        if tile.kind == (TileKind::Hashes { level: 0 }) {
            self.compare_partial(tile, &path, bytes)?;
        }
        let aside = staged(self.directory).join(&name);
        make_parent(&aside)?;
        fs::write(&aside, bytes).map_err(|cause| Error::file("write", &aside, &cause))?;
        self.staged.push(name);
        Ok(())
    }

    /// Compares a tile that has grown with its narrower ones that are there.
    fn compare_partial(&mut self, tile: Tile, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let mut at = path.to_owned();
        if !tile.is_full() {
            at.pop();
        } else {
            at.as_mut_os_string().push(".p");
        }
        let Ok(narrower) = fs::read_dir(&at) else { return Ok(()) };
        for entry in narrower {
            let entry = entry.map_err(|cause| Error::file("read", &at, &cause))?;
            let Some(width) = entry.file_name().to_str().and_then(width_of) else { continue };
            let path = entry.path();
            let there = fs::read(&path).map_err(|cause| Error::file("read", &path, &cause))?;
            // Half a file that a power cut has left is no tile.
            let is_whole = there.len() as u64 == width * HASH_BYTES as u64;
            if is_whole && first_difference(tile, &there, bytes).is_some() {
                self.differs(tile, &there, bytes);
            }
        }
        Ok(())
    }

    /// Notes the first entry, or else the tile, in which the log differs from what is kept.
    fn differs(&mut self, tile: Tile, there: &[u8], bytes: &[u8]) {
        let difference = match (tile.kind, first_difference(tile, there, bytes)) {
            (TileKind::Hashes { level: 0 }, Some(index)) => {
                format!("entry {index} is another than the one whose hash was kept")
            }
            _ => format!("{tile} is another than the one that was kept"),
        };
        self.difference.get_or_insert(difference);
    }
}

/// Where tiles are until the whole log is verified.
fn staged(directory: &Path) -> PathBuf {
    directory.join(".new")
}

fn remove_staged(directory: &Path) -> Result<(), Error> {
    let aside = staged(directory);
    match fs::remove_dir_all(&aside) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file("remove", &aside, &cause))
        }
        _ => Ok(()),
    }
}

fn make_parent(path: &Path) -> Result<(), Error> {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::create_dir_all(parent).map_err(|cause| Error::file("make", parent, &cause))
}

/// The width that the name of a partial tile says.
fn width_of(name: &str) -> Option<u64> {
    let width: u64 = name.parse().ok()?;
    let is_partial = (1..BLOCK_WIDTH).contains(&width);
    (is_partial && width.to_string() == name).then_some(width)
}

#[cfg(test)]
mod tests;
