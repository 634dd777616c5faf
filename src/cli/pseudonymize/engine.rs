//! Reads, sends and writes at the same time, in constant memory.
//!
//! ```text
//! reader ──blocks (bounded)──────────────────────────► writer ──► OUT.part, OUT.rejects.csv.part
//!    └──identifiers──► service ──► server ──► answers ────┘
//! ```
//!
//! The queue of blocks is the only bound needed: a block enters it before its identifiers are sent
//! and leaves it when they are answered, so at most that many batches are in flight.
//!
//! INVARIANT: a delivery is closed (`ToSend::End`) only when the reader has read the whole file
//! without an error. If anything fails before, the stream is abandoned and the server does not count
//! the delivery as complete.

use std::future::Future;
use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::sync::mpsc;

use super::batch::Block;
use super::table::Table;
use super::writer::{Tally, Writer};
use crate::cli::connect::interrupted;
use crate::cli::error::{Error, Exit};
use crate::rpc::proto::{DeliverySummary, IdentifierBatch, IdentifierType, RegisterIds};

/// Batches between the reader and their answer.
const IN_FLIGHT: usize = 8;

/// What the reader hands to the service.
pub(super) enum ToSend {
    /// One batch.
    Batch(IdentifierBatch),
    /// The file is read to its end: the delivery is complete.
    End,
}

/// Something that answers batches in order: the server, or a fake in tests.
pub(super) trait Pseudonymizer {
    /// Sends the batches and hands over the answers, in order, until `End`; then closes the
    /// delivery. A channel that closes without `End` means: abandon the delivery.
    fn deliver(
        self,
        batches: mpsc::Receiver<ToSend>,
        answers: mpsc::Sender<RegisterIds>,
    ) -> impl Future<Output = Result<DeliverySummary, Stopped>>;
}

/// Why a part of the work stopped early.
pub(super) enum Stopped {
    /// By its own fault.
    Failed(Error),
    /// Because another part had stopped.
    Abandoned,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// How the identifiers are sent.
#[derive(Clone)]
pub(super) struct Sending {
    /// What they are declared to be.
    pub(super) declared: IdentifierType,
    /// Who assigned them (H-numbers), else empty.
    pub(super) assigner: String,
    /// Most rows in a batch.
    pub(super) batch_rows_max: usize,
}

/// Everything came through: what was written, still under its temporary name.
pub(super) struct Finished {
    /// The files, not yet published.
    pub(super) writer: Writer,
    /// What the server says of the delivery.
    pub(super) summary: DeliverySummary,
}

/// Sends a whole file through the service.
///
/// # Errors
///
/// The first cause, with how many rows had been answered. Nothing is published then.
pub(super) fn run<R, P>(
    runtime: &tokio::runtime::Runtime,
    table: Table<R>,
    writer: Writer,
    sending: &Sending,
    service: P,
) -> Result<Finished, Error>
where
    R: Read + Send,
    P: Pseudonymizer,
{
    let (to_send, batches) = mpsc::channel(IN_FLIGHT);
    let (answered, answers) = mpsc::channel(IN_FLIGHT);
    let (keep, blocks) = sync_channel(IN_FLIGHT);
    let (read, delivered, written) = std::thread::scope(|scope| {
        let reader = scope.spawn(move || read_all(table, sending, &keep, &to_send));
        let writer = scope.spawn(move || write_all(writer, blocks, answers));
        let delivered = runtime.block_on(async {
            tokio::select! {
                delivered = service.deliver(batches, answered) => delivered,
                error = interrupted() => Err(error.into()),
            }
        });
        (reader.join(), delivered, writer.join())
    });
    let (Ok(read), Ok((written, writer))) = (read, written) else {
        return Err(Error::internal("a thread of the command panicked"));
    };
    let rows = writer.tally().rows;
    let delivered = match (read, written, delivered) {
        (Ok(rows_read), Ok(()), Ok(summary)) if rows_read == rows && summary.rows == rows => {
            summary
        }
        (Ok(_), Ok(()), Ok(_)) => {
            return Err(Error::internal(
                "the server counted another number of rows than were sent",
            ));
        }
        (Err(Stopped::Failed(error)), _, _)
        | (_, Err(Stopped::Failed(error)), _)
        | (_, _, Err(Stopped::Failed(error))) => return Err(half_way(error, writer.tally())),
        _ => {
            let error = Error::new(Exit::Unavailable, "the server ended the delivery half way");
            return Err(half_way(error, writer.tally()));
        }
    };
    Ok(Finished { writer, summary: delivered })
}

fn half_way(error: Error, tally: &Tally) -> Error {
    if tally.rows == 0 {
        return error;
    }
    error.advise(format!(
        "{} rows had been answered; nothing was written. Sending the file again is safe: the same \
         identifiers get the same IDs.",
        tally.rows
    ))
}

/// Reads blocks until the end; gives the number of rows.
fn read_all<R: Read>(
    mut table: Table<R>,
    sending: &Sending,
    keep: &SyncSender<Block>,
    to_send: &mpsc::Sender<ToSend>,
) -> Result<u64, Stopped> {
    loop {
        let block = Block::read(&mut table, sending.batch_rows_max)?;
        let end = block.rows.is_empty();
        let batch = if end {
            ToSend::End
        } else {
            ToSend::Batch(block.identifiers(sending.declared, &sending.assigner))
        };
        // The last block has no rows and may hold empty lines.
        keep.send(block).map_err(|_| Stopped::Abandoned)?;
        to_send.blocking_send(batch).map_err(|_| Stopped::Abandoned)?;
        if end {
            return Ok(table.rows());
        }
    }
}

/// Writes blocks as they are answered, until the reader has sent the last.
fn write_all(
    mut writer: Writer,
    blocks: Receiver<Block>,
    mut answers: mpsc::Receiver<RegisterIds>,
) -> (Result<(), Stopped>, Writer) {
    let mut write = || loop {
        let block = blocks.recv().map_err(|_| Stopped::Abandoned)?;
        if block.rows.is_empty() {
            writer.finish(&block)?;
            return Ok(());
        }
        let answer = answers.blocking_recv().ok_or(Stopped::Abandoned)?;
        writer.write(&block, &answer)?;
    };
    let outcome = write();
    (outcome, writer)
}
