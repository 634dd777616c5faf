//! Reads, sends and writes at the same time, in constant memory.
//!
//! ```text
//! reader, guard ──blocks (bounded)────────────────────► writer ──► OUT.part, OUT.rejects.csv.part
//!    └──identifiers──► service ──► server ──► answers ────┘          └──► OUT.checkpoint
//! ```
//!
//! The queue of blocks is the only bound needed: a block enters it before its identifiers are sent
//! and leaves it when they are answered, so at most that many blocks are in flight. A block with
//! several columns of identifiers is one batch for each.
//!
//! INVARIANT: a delivery is closed (`ToSend::End`) only when the reader has read the whole file
//! without an error and the guard let it through. If anything fails before, the stream is abandoned
//! and the server does not count the delivery as complete.

use std::future::Future;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::sync::mpsc;

use super::answers::{AskedRows, Judge, Tally};
use super::columns::Declared;
use super::contacts;
use super::progress::Progress;
use super::resume::{Checkpoints, Mark};
use crate::cli::connect::interrupted;
use crate::cli::error::{Error, Exit};
use crate::files::guard::{Finding, Guard};
use crate::files::{Block, Place, Reader, Values, Writer};
use crate::rpc::proto::identifier_batch::Column;
use crate::rpc::proto::{
    Contacts, DeliverySummary, IdentifierBatch, IdentifierType, RegisterIds, TextColumn,
};

/// Blocks between the reader and their answer.
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

impl From<crate::files::Error> for Stopped {
    fn from(error: crate::files::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// How the identifiers are sent.
pub(super) struct Sending {
    /// The columns, and what they are declared to be.
    pub(super) columns: Vec<Declared>,
    /// Who assigned H-numbers, else empty.
    pub(super) assigner: String,
}

/// One side of the work: a file, and what watches over it.
pub(super) struct Input<R> {
    /// The file.
    pub(super) reader: R,
    /// The guard over the columns that are kept.
    pub(super) guard: Guard,
    /// Where the reader begins.
    pub(super) begin: Place,
}

/// The other side: what is written.
pub(super) struct Output<W> {
    /// The file.
    pub(super) writer: W,
    /// IDs and rejects.
    pub(super) judge: Judge,
    /// Checkpoints, where there can be any.
    pub(super) checkpoints: Option<Checkpoints>,
    /// How far it is.
    pub(super) progress: Progress,
}

/// Everything came through: what was written, still under its temporary name.
pub(super) struct Finished<W> {
    /// The files, not yet published.
    pub(super) output: Output<W>,
    /// What the server says of the delivery.
    pub(super) summary: DeliverySummary,
    /// What the guard let through.
    pub(super) allowed: Vec<Finding>,
}

/// A block on its way to the writer.
struct Envelope<B> {
    block: B,
    asked: Vec<AskedRows>,
    mark: Option<Mark>,
}

/// Sends a whole file through the service.
///
/// # Errors
///
/// The first cause, with how many rows had been answered. Nothing is published then.
pub(super) fn run<R, W, P>(
    runtime: &tokio::runtime::Runtime,
    input: Input<R>,
    output: Output<W>,
    sending: &Sending,
    service: P,
) -> Result<Finished<W>, Error>
where
    R: Reader,
    W: Writer<Block = R::Block>,
    P: Pseudonymizer,
{
    let (to_send, batches) = mpsc::channel(IN_FLIGHT);
    let (answered, answers) = mpsc::channel(IN_FLIGHT);
    let (keep, blocks) = sync_channel(IN_FLIGHT);
    let rows_between = output.checkpoints.as_ref().map_or(u64::MAX, Checkpoints::rows_between);
    let sent_before = output.judge.tally().sent;
    let (read, delivered, written) = std::thread::scope(|scope| {
        let reader = scope.spawn(move || read_all(input, sending, rows_between, &keep, &to_send));
        let writer = scope.spawn(move || write_all(output, blocks, answers));
        let delivered = runtime.block_on(async {
            tokio::select! {
                delivered = service.deliver(batches, answered) => delivered,
                error = interrupted() => Err(error.into()),
            }
        });
        (reader.join(), delivered, writer.join())
    });
    let (Ok(read), Ok((written, mut output))) = (read, written) else {
        return Err(Error::internal("a thread of the command panicked"));
    };
    let sent = output.judge.tally().sent - sent_before;
    let error = match (read, written, delivered) {
        (Ok(allowed), Ok(()), Ok(summary)) if summary.rows == sent => {
            return Ok(Finished { output, summary, allowed });
        }
        (Ok(_), Ok(()), Ok(_)) => {
            Error::internal("the server counted another number of rows than were sent")
        }
        (Err(Stopped::Failed(error)), _, _)
        | (_, Err(Stopped::Failed(error)), _)
        | (_, _, Err(Stopped::Failed(error))) => error,
        _ => Error::new(Exit::Unavailable, "the server ended the delivery half way"),
    };
    output.progress.clear();
    Err(output.abandon(error))
}

impl<W: Writer> Output<W> {
    /// Leaves what can be gone on with, and nothing else; says which.
    fn abandon(&mut self, error: Error) -> Error {
        let tally = *self.judge.tally();
        match &self.checkpoints {
            // A file that is damaged is another when it is repaired.
            Some(checkpoints) if error.exit() == Exit::Input => {
                self.writer.forget();
                self.judge.lists().forget();
                let _ = checkpoints.remove();
                half_way(error, &tally)
            }
            Some(checkpoints) => match checkpoints.saved_rows() {
                Some(rows) => error.advise(format!(
                    "{rows} rows are done and kept beside the output; the same command goes on \
                     from there."
                )),
                None => half_way(error, &tally),
            },
            None => half_way(error, &tally),
        }
    }

    /// Writes one block with its answers.
    fn write(
        &mut self,
        envelope: Envelope<W::Block>,
        answers: Vec<RegisterIds>,
    ) -> Result<(), Error> {
        let Envelope { block, asked, mark } = envelope;
        let answered: Vec<(AskedRows, RegisterIds)> = asked.into_iter().zip(answers).collect();
        let answers = self.judge.judge(&block, &answered)?;
        self.writer.write(&block, &answers)?;
        let tally = *self.judge.tally();
        self.progress.advance(block.end(), &tally);
        if let (Some(mark), Some(checkpoints)) = (mark, &mut self.checkpoints) {
            checkpoints.save(mark, &mut self.writer, &mut self.judge)?;
            self.progress.checkpoint(&tally);
        }
        Ok(())
    }
}

fn half_way(error: Error, tally: &Tally) -> Error {
    if tally.rows == 0 {
        return error.advise("Nothing was written.");
    }
    error.advise(format!(
        "{} rows had been answered; nothing was written. Sending the file again is safe: the same \
         identifiers get the same IDs.",
        tally.rows
    ))
}

/// Reads blocks until the end; gives what the guard let through.
fn read_all<R: Reader>(
    input: Input<R>,
    sending: &Sending,
    rows_between: u64,
    keep: &SyncSender<Envelope<R::Block>>,
    to_send: &mpsc::Sender<ToSend>,
) -> Result<Vec<Finding>, Stopped> {
    let Input { mut reader, mut guard, begin } = input;
    let mut marked = begin.rows;
    loop {
        let block = reader.read(&mut guard)?;
        let is_end = block.rows() == 0;
        if is_end {
            guard.verdict()?;
        }
        let mut asked = Vec::new();
        let mut batches = Vec::new();
        for (column, declared) in sending.columns.iter().enumerate().filter(|_| !is_end) {
            let question = block.asked(column);
            let count = question.count(declared.column.digits);
            if count > 0 {
                let contacts = contacts::of_block(&block, question.rows.as_deref())?;
                let kind = declared.kind.into();
                batches.push(batch(question.values, kind, &sending.assigner, contacts));
                asked.push(AskedRows { column, rows: question.rows, count });
            }
        }
        let place = block.end();
        let is_due = place.rows - marked >= rows_between && block.is_boundary() && !is_end;
        let mark = if is_due {
            // Refused early, and never checkpointed.
            guard.verdict()?;
            marked = place.rows;
            Some(Mark { place, guard: guard.counts() })
        } else {
            None
        };
        // The last block has no rows and may hold empty lines.
        keep.send(Envelope { block, asked, mark }).map_err(|_| Stopped::Abandoned)?;
        for batch in batches {
            to_send.blocking_send(ToSend::Batch(batch)).map_err(|_| Stopped::Abandoned)?;
        }
        if is_end {
            to_send.blocking_send(ToSend::End).map_err(|_| Stopped::Abandoned)?;
            return Ok(guard.findings());
        }
    }
}

fn batch(
    values: Values,
    declared: IdentifierType,
    assigner: &str,
    contacts: Option<Contacts>,
) -> IdentifierBatch {
    let column = match values {
        Values::Ascii(bytes) => Column::PackedAscii(bytes.into()),
        Values::Integers(values) => Column::Integers(crate::rpc::proto::IntegerColumn { values }),
        Values::Text(values) => Column::Text(TextColumn { values, row_types: Vec::new() }),
    };
    let (column, assigner) = (Some(column), assigner.to_owned());
    IdentifierBatch { r#type: declared.into(), assigner, column, contacts }
}

/// Writes blocks as they are answered, until the reader has sent the last.
fn write_all<W: Writer>(
    mut output: Output<W>,
    blocks: Receiver<Envelope<W::Block>>,
    mut answers: mpsc::Receiver<RegisterIds>,
) -> (Result<(), Stopped>, Output<W>) {
    let mut write = || loop {
        let envelope = blocks.recv().map_err(|_| Stopped::Abandoned)?;
        if envelope.block.rows() == 0 {
            output.writer.finish(&envelope.block)?;
            output.judge.lists().sync()?;
            return Ok(());
        }
        let mut answered = Vec::with_capacity(envelope.asked.len());
        for _ in &envelope.asked {
            answered.push(answers.blocking_recv().ok_or(Stopped::Abandoned)?);
        }
        output.write(envelope, answered)?;
    };
    let outcome = write();
    (outcome, output)
}
