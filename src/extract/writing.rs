//! Writes the rows of a file in order, and shows them to an observer.
//!
//! ```text
//! merging ──batches of rows──► observing (here) ──► forming ──pieces──► writing, and sealing
//! ```
//!
//! Each has a thread and waits for the next when few of its pieces wait there.

use std::io::Write;
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::cell::{Cell, Kind, append_text};
use super::columns::{Person, Shape};
use super::csv_file::CsvText;
use super::error::Error;
use super::merge::Ordered;
use super::parquet_file::{Batches, ParquetFile};
use super::plan::{Observer, Output, Plan};
use super::row::{Cells, Form, SERIAL_BYTES};
use super::runs::{CHUNK_BYTES, rows_of};
use super::sort::Sorted;
use crate::files::{self, ErrorKind, Format};

/// Pieces that wait for the sink, and batches of rows that wait to become pieces.
const PIECES: usize = 4;

/// Rows on their way into a file, which are written some at a time.
pub(super) trait Pieces: Send {
    /// Some rows as the file has them.
    type Piece: Send;

    /// Takes a row, and gives a piece when there is enough for one.
    ///
    /// # Errors
    ///
    /// A fault in this program.
    fn push(&mut self, row: &[u8]) -> Result<Option<Self::Piece>, Error>;

    /// The last piece.
    ///
    /// # Errors
    ///
    /// A fault in this program.
    fn finish(&mut self) -> Result<Self::Piece, Error>;
}

/// Writes the rows of a file in order.
///
/// # Errors
///
/// The sink's; rows that were put aside cannot be read.
pub(super) fn write(
    plan: &Plan,
    sorted: Sorted,
    shape: &Shape,
    output: Output<'_>,
    observed: Observed<'_>,
) -> Result<(), Error> {
    let ordered = Ordered::begin(sorted, plan.memory_bytes / 4 / CHUNK_BYTES);
    let sink = output.sink;
    match output.format {
        Format::Csv => {
            let text = CsvText::begin(shape);
            in_line(ordered, observed, text, |piece| write_all(sink, &piece))
        }
        Format::Parquet => {
            let batches = Batches::begin(shape);
            let mut file = ParquetFile::begin(sink, &batches)?;
            in_line(ordered, observed, batches, |batch| file.write(&batch))?;
            file.finish()
        }
    }
}

fn write_all(sink: &mut (dyn Write + Send), piece: &[u8]) -> Result<(), Error> {
    sink.write_all(piece).map_err(|cause| {
        files::Error::new(ErrorKind::System, format!("cannot write the output: {cause}")).into()
    })
}

/// Observes rows here, while one thread makes pieces of them and another takes those.
fn in_line<P: Pieces>(
    ordered: Ordered,
    mut observed: Observed<'_>,
    pieces: P,
    mut take: impl FnMut(P::Piece) -> Result<(), Error> + Send,
) -> Result<(), Error> {
    std::thread::scope(|scope| {
        let (to_form, batches) = sync_channel::<Vec<u8>>(PIECES);
        let (to_take, formed) = sync_channel(PIECES);
        let forming = scope.spawn(move || form(pieces, batches, &to_take));
        let taking = scope.spawn(move || formed.into_iter().try_for_each(&mut take));
        let seen = ordered.for_each(|batch| {
            rows_of(&batch).for_each(|row| observed.see(row));
            to_form.send(batch).map_err(|_| stopped())
        });
        drop(to_form);
        // What goes wrong later in the line stops what comes before, so that it is the cause.
        let formed = forming.join().map_err(|_| Error::internal("the forming thread has failed"));
        taking.join().map_err(|_| Error::internal("the writing thread has failed"))??;
        formed??;
        seen
    })
}

fn form<P: Pieces>(
    mut pieces: P,
    batches: Receiver<Vec<u8>>,
    to_take: &SyncSender<P::Piece>,
) -> Result<(), Error> {
    let send = |piece| to_take.send(piece).map_err(|_| stopped());
    for batch in batches {
        for row in rows_of(&batch) {
            pieces.push(row)?.map_or(Ok(()), send)?;
        }
    }
    send(pieces.finish()?)
}

fn stopped() -> Error {
    Error::internal("nobody takes the output")
}

/// Shows an observer the persons, and the columns that must not single anybody out.
pub(super) struct Observed<'a> {
    observer: &'a mut dyn Observer,
    file: usize,
    person: Person,
    /// The output's columns up to the last one that is watched, and which of the watched each is.
    columns: Vec<(Kind, Form, Option<usize>)>,
    /// The watched cells of a row, as text, and where each ends; `None` where there is no column.
    text: Vec<u8>,
    spans: Vec<Option<Range<usize>>>,
}

impl<'a> Observed<'a> {
    /// An observer, who sees what the terms ask for.
    pub(super) fn of(
        plan: &Plan,
        shape: &Shape,
        file: usize,
        observer: &'a mut dyn Observer,
    ) -> Self {
        let watched = plan.terms.small_cells.as_ref().map_or(&[][..], |cells| &cells.columns);
        let place = |name: &String| watched.iter().position(|watched| watched == name);
        let columns = shape.columns.iter();
        let columns = columns.map(|(name, kind)| (kind.clone(), Form::of(kind), place(name)));
        let mut columns: Vec<_> = columns.collect();
        let last = columns.iter().rposition(|(_, _, place)| place.is_some());
        columns.truncate(last.map_or(0, |last| last + 1));
        let spans = vec![None; watched.len()];
        Self { observer, file, person: shape.person, columns, text: Vec::new(), spans }
    }

    /// Shows a row.
    fn see(&mut self, row: &[u8]) {
        let mut cells = Cells::of(row);
        let person = match self.person {
            Person::Label => cells.text(),
            Person::Serial => {
                cells.serial();
                row.get(..SERIAL_BYTES).unwrap_or_default()
            }
        };
        self.text.clear();
        for (kind, form, place) in &self.columns {
            let cell = cells.next(*form);
            if let Some(span) = place.and_then(|place| self.spans.get_mut(place)) {
                let start = self.text.len();
                match (cell, kind) {
                    (Cell::Text(text), _) => self.text.extend_from_slice(text),
                    (Cell::Number(number), Kind::Fixed(kind)) => {
                        append_text(kind, number, &mut self.text);
                    }
                    _ => {}
                }
                *span = Some(start..self.text.len());
            }
        }
        let text = |span: &Option<Range<usize>>| {
            span.clone().map(|span| self.text.get(span).unwrap_or_default())
        };
        let cells: Vec<Option<&[u8]>> = self.spans.iter().map(text).collect();
        self.observer.row(self.file, person, &cells);
    }
}
