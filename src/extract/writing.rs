//! Writes the rows of a file in order, and shows them to an observer.
//!
//! Three threads have a part in it: one merges, this one makes text or batches of the rows, and one
//! encodes those and hands them to the sink, which may seal them.

use std::io::Write;
use std::ops::Range;
use std::sync::mpsc::sync_channel;

use super::cell::{Cell, Kind, append_text};
use super::columns::{Person, Shape};
use super::csv_file::CsvText;
use super::error::Error;
use super::merge::Ordered;
use super::parquet_file::{Batches, ParquetFile};
use super::plan::{Observer, Output, Plan};
use super::row::{Cells, SERIAL_BYTES};
use super::runs::{CHUNK_BYTES, rows_of};
use super::sort::Sorted;
use crate::files::{self, ErrorKind, Format};

/// Pieces that wait for the sink.
const PIECES: usize = 4;

/// Writes the rows of a file in order.
///
/// # Errors
///
/// The sink's; rows that were put aside cannot be read.
pub(super) fn write(
    plan: &Plan,
    sorted: Sorted,
    shape: Shape,
    output: Output<'_>,
    mut observed: Option<Observed<'_>>,
) -> Result<(), Error> {
    let ordered = Ordered::begin(sorted, plan.memory_bytes / 4 / CHUNK_BYTES);
    let each = |take: &mut dyn FnMut(&[u8]) -> Result<(), Error>| {
        ordered.for_each(|batch| {
            rows_of(batch).try_for_each(|row| {
                if let Some(observed) = &mut observed {
                    observed.see(row);
                }
                take(row)
            })
        })
    };
    let sink = output.sink;
    match output.format {
        Format::Csv => {
            let mut text = CsvText::begin(shape);
            overlapped(
                |piece: Vec<u8>| write_all(sink, &piece),
                |send| {
                    each(&mut |row| text.push(row).map_or(Ok(()), &mut *send))?;
                    send(text.finish())
                },
            )
        }
        Format::Parquet => {
            let mut batches = Batches::begin(shape);
            let mut file = ParquetFile::begin(sink, &batches)?;
            overlapped(
                |batch| file.write(&batch),
                |send| {
                    each(&mut |row| batches.push(row)?.map_or(Ok(()), &mut *send))?;
                    send(batches.take()?)
                },
            )?;
            file.finish()
        }
    }
}

fn write_all(sink: &mut (dyn Write + Send), piece: &[u8]) -> Result<(), Error> {
    sink.write_all(piece).map_err(|cause| {
        files::Error::new(ErrorKind::System, format!("cannot write the output: {cause}")).into()
    })
}

/// Makes pieces here while a thread takes them.
fn overlapped<T: Send>(
    mut take: impl FnMut(T) -> Result<(), Error> + Send,
    make: impl FnOnce(&mut dyn FnMut(T) -> Result<(), Error>) -> Result<(), Error>,
) -> Result<(), Error> {
    std::thread::scope(|scope| {
        let (sender, pieces) = sync_channel(PIECES);
        let taking = scope.spawn(move || -> Result<(), Error> {
            for piece in pieces {
                take(piece)?;
            }
            Ok(())
        });
        let stopped = || Error::internal("nobody takes the output");
        let made = make(&mut |piece| sender.send(piece).map_err(|_| stopped()));
        drop(sender);
        // What goes wrong there stops what is made here, so that it is the cause.
        taking.join().map_err(|_| Error::internal("the writing thread has failed"))??;
        made
    })
}

/// Shows an observer the columns that must not single anybody out.
pub(super) struct Observed<'a> {
    observer: &'a mut dyn Observer,
    file: usize,
    person: Person,
    /// The kinds of the output's columns, and which of the watched columns each is.
    columns: Vec<(Kind, Option<usize>)>,
    /// The watched cells of a row, as text, and where each ends; `None` where there is no column.
    text: Vec<u8>,
    spans: Vec<Option<Range<usize>>>,
}

impl<'a> Observed<'a> {
    /// Nobody, unless the terms ask for it.
    pub(super) fn of(
        plan: &Plan,
        shape: &Shape,
        file: usize,
        observer: &'a mut dyn Observer,
    ) -> Option<Self> {
        let watched = &plan.terms.small_cells.as_ref()?.columns;
        let place = |name: &String| watched.iter().position(|watched| watched == name);
        let columns = shape.columns.iter().map(|(name, kind)| (kind.clone(), place(name)));
        Some(Self {
            observer,
            file,
            person: shape.person,
            columns: columns.collect(),
            text: Vec::new(),
            spans: vec![None; watched.len()],
        })
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
        for (kind, place) in &self.columns {
            let cell = cells.next(kind);
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
