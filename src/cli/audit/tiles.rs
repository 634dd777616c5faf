//! `hvelv audit tiles`: the tree as files, to be kept off the host.
//!
//! Each run reads the whole log, compares it with the tiles that are there, and adds what is new; so a
//! log of which an entry was changed is refused with the number of that entry.

use std::fs;
use std::path::{Path, PathBuf};

use super::live;
use super::receipt::read;
use crate::audit::{
    BLOCK_WIDTH, Blocks, Hash, KeptLeaf, Tile, TileKind, bundle, first_difference, tiles_of,
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

    /// The key that the checkpoint must be signed by: `name+hash+key`.
    #[arg(long, value_name = "KEY")]
    verifier_key: Option<String>,

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
    let note = directory.join("checkpoint");
    let earlier = if note.exists() { Some(read(&note)?) } else { None };
    let (signed, copied, tiles) = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        let signed = live::signed(channel.clone(), options.verifier_key.as_deref()).await?;
        let mut tiles = Writing::new(directory, options.entries);
        let mut each = |leaf: &KeptLeaf| tiles.take(leaf);
        let copied = live::walk(channel, &signed, earlier.as_deref(), &mut each).await?;
        tiles.finish(signed.checkpoint.tree.size)?;
        Ok((signed, copied, tiles))
    })?;
    // The checkpoint comes last: what it needs is there.
    let mut file = Destination::create(&note, Existing::Replace)?;
    file.append(signed.note.as_bytes())?;
    file.publish()?;
    output::note(&copied.summary());
    output::note(&format!("{} tiles written, {} were there", tiles.written, tiles.there));
    if tiles.left_out > 0 {
        output::note(&format!("{} bundles of entries cannot be written", tiles.left_out));
    }
    super::trust(options.verifier_key.is_some(), "the server");
    Ok(Exit::Success)
}

/// Tiles as the log goes by.
struct Writing<'a> {
    directory: &'a Path,
    with_entries: bool,
    blocks: Blocks,
    /// Leaf hashes and entries since the last full tile.
    hashes: Vec<Hash>,
    entries: Vec<KeptLeaf>,
    number: u64,
    written: u64,
    there: u64,
    left_out: u64,
}

impl<'a> Writing<'a> {
    fn new(directory: &'a Path, with_entries: bool) -> Self {
        Self {
            directory,
            with_entries,
            blocks: Blocks::default(),
            hashes: Vec::new(),
            entries: Vec::new(),
            number: 0,
            written: 0,
            there: 0,
            left_out: 0,
        }
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

    /// Writes the leaf hashes that have come since the last tile, and their entries.
    fn leaves(&mut self) -> Result<(), Error> {
        let width = self.hashes.len() as u64;
        let tile = Tile { kind: TileKind::Hashes { level: 0 }, number: self.number, width };
        let bytes: Vec<u8> = self.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
        self.write(tile, &bytes)?;
        if self.with_entries {
            match bundle(&self.entries) {
                Some(bytes) => {
                    self.write(Tile { kind: TileKind::Entries, ..tile }, &bytes)?;
                }
                None => self.left_out += 1,
            }
        }
        self.hashes.clear();
        self.entries.clear();
        self.number += 1;
        Ok(())
    }

    /// Writes the last leaf hashes and all levels above.
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
            self.write(tile, &bytes)?;
        }
        Ok(())
    }

    /// Writes a tile, or compares it with the one that is there.
    fn write(&mut self, tile: Tile, bytes: &[u8]) -> Result<(), Error> {
        let path = self.directory.join(tile.to_string());
        match fs::read(&path) {
            Ok(there) if there == bytes => {
                self.there += 1;
                return Ok(());
            }
            Ok(there) => return Err(differs(tile, &there, bytes)),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {}
            Err(cause) => return Err(Error::file("read", &path, &cause)),
        }
        if tile.kind == (TileKind::Hashes { level: 0 }) {
            self.compare_partial(tile, &path, bytes)?;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|cause| Error::file("make", parent, &cause))?;
        }
        let mut file = Destination::create(&path, Existing::Keep)?;
        file.append(bytes)?;
        file.publish()?;
        self.written += 1;
        Ok(())
    }

    /// Compares a tile that has grown with its narrower ones that are there.
    fn compare_partial(&self, tile: Tile, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let mut at = path.to_owned();
        if !tile.is_full() {
            at.pop();
        } else {
            at.as_mut_os_string().push(".p");
        }
        let Ok(narrower) = fs::read_dir(&at) else { return Ok(()) };
        for name in narrower.filter_map(Result::ok) {
            let there = fs::read(name.path()).unwrap_or_default();
            if first_difference(tile, &there, bytes).is_some() {
                return Err(differs(tile, &there, bytes));
            }
        }
        Ok(())
    }
}

/// Names the first entry, or else the tile, in which the log differs from what is kept.
fn differs(tile: Tile, there: &[u8], bytes: &[u8]) -> Error {
    live::wrong(match (tile.kind, first_difference(tile, there, bytes)) {
        (TileKind::Hashes { level: 0 }, Some(index)) => {
            format!("entry {index} is another than the one whose hash was kept")
        }
        _ => format!("{tile} is another than the one that was kept"),
    })
}
