//! Makes the files of an extract, one after the other.

use std::sync::mpsc::sync_channel;

use super::asker::{Asker, Known, begun};
use super::cell::Kind;
use super::columns::{Columns, Shape, Wanted};
use super::error::Error;
use super::issuer::Issuer;
use super::maker::Maker;
use super::plan::{Input, MEMORY_BYTES_MIN, Observer, Output, Plan, RefusedRows};
use super::reader::Reader;
use super::report::{FileReport, Report};
use super::sort::{Sorted, Sorter};
use super::writing::{Observed, write};
use crate::disclosure::terms::RegisterTerms;
use crate::files::guard::{Finding, Guard, Identifiers};
use crate::files::{self, ErrorKind};

/// Blocks that wait for their serials, and as many for being made into rows.
const BLOCKS: usize = 2;

/// Makes an extract: each input goes to the output of its place. Nothing that an output got may be
/// used unless this succeeds.
///
/// # Errors
///
/// Terms that contradict themselves; a file that cannot be used, or that holds identifiers where
/// there should be none; rows without a løpenummer; a full disk; the issuer's.
pub fn run(
    plan: &Plan,
    inputs: Vec<Input>,
    issuer: &mut dyn Issuer,
    outputs: Vec<Output<'_>>,
    observer: &mut dyn Observer,
) -> Result<Report, Error> {
    refuse(plan, &inputs, outputs.len())?;
    let mut all = Known::default();
    let mut report = Report { files: Vec::new(), persons_left_out: 0 };
    for (place, (input, output)) in inputs.into_iter().zip(outputs).enumerate() {
        let made = gather(plan, input, issuer, &mut all)?;
        let Gathered { mut file, sorted, columns } = made;
        let shape = Shape { person: all.person.unwrap_or_default(), columns };
        file.columns = shape.described();
        let observed = Observed::of(plan, &shape, place, observer);
        write(plan, sorted, &shape, output, observed)?;
        report.files.push(file);
    }
    report.persons_left_out = all.persons_left_out();
    Ok(report)
}

fn refuse(plan: &Plan, inputs: &[Input], outputs: usize) -> Result<(), Error> {
    let problems = plan.terms.problems();
    if !problems.is_empty() {
        let mut error = files::Error::input("the terms of the disclosure contradict themselves");
        for problem in problems {
            error = error.advise(problem.to_string());
        }
        return Err(error.into());
    }
    if plan.memory_bytes < MEMORY_BYTES_MIN {
        let what = format!("less than {} MiB of memory", MEMORY_BYTES_MIN / 1024 / 1024);
        return Err(files::Error::input(what).advise("Give more: --memory.").into());
    }
    if inputs.len() != outputs {
        return Err(Error::internal("there are not as many outputs as inputs"));
    }
    for input in inputs {
        terms_of(plan, input)?;
    }
    Ok(())
}

fn terms_of<'a>(plan: &'a Plan, input: &Input) -> Result<&'a RegisterTerms, Error> {
    plan.terms.of(&input.register).ok_or_else(|| {
        let what = format!("the disclosure lets out nothing of register {}", input.register);
        files::Error::input(what).advise("Name a register of the decision.").into()
    })
}

/// The rows of one file, ready to be written.
struct Gathered {
    file: FileReport,
    sorted: Sorted,
    columns: Vec<(String, Kind)>,
}

/// Reads a file to its end and sorts what comes out.
fn gather(
    plan: &Plan,
    input: Input,
    issuer: &mut dyn Issuer,
    all: &mut Known,
) -> Result<Gathered, Error> {
    let terms = terms_of(plan, &input)?;
    let wanted = Wanted::of(terms, &input.id_column())?;
    let mut file = begun(&input.register, input.name.clone());
    let (name, exceptions) = (input.name.clone(), input.exceptions.clone());
    let reader = Reader::open(input, &wanted)?;
    let columns = Columns::of(terms, &wanted, reader.kinds().to_vec(), &name)?;
    let mut guard = Guard::beside(Identifiers::Register, plan.today, exceptions)?;
    file.dropped = dropped(&reader, &columns, &guard)?;
    let watched = wanted.names.iter().zip(&wanted.is_kept);
    let watched: Vec<Option<String>> =
        watched.map(|(name, is_kept)| is_kept.then(|| name.clone())).collect();
    guard.watch(&watched)?;

    let asker = Asker::new(&columns, &mut file, all, plan.memory_bytes / 16);
    let (guard, sorted) =
        read_and_sort(plan, (reader, guard), asker, issuer, Maker::new(&columns))?;
    file.findings = findings(&guard)?;
    if !file.refused.is_empty() && plan.refused_rows == RefusedRows::Fail {
        return Err(Error::refused(&file));
    }
    Ok(Gathered { file, sorted, columns: columns.released() })
}

/// Reads in one thread, asks in this one, and makes rows in another, which the sorter's takes.
fn read_and_sort(
    plan: &Plan,
    (mut reader, mut guard): (Reader, Guard),
    mut asker: Asker<'_>,
    issuer: &mut dyn Issuer,
    mut maker: Maker<'_>,
) -> Result<(Guard, Sorted), Error> {
    std::thread::scope(|scope| {
        let (to_ask, blocks) = sync_channel(BLOCKS);
        let reading = scope.spawn(move || -> Result<Guard, Error> {
            while let Some(block) = reader.read(&mut guard)? {
                if to_ask.send(block).is_err() {
                    break;
                }
            }
            Ok(guard)
        });
        let (answer, answers) = sync_channel(BLOCKS);
        let making = scope.spawn(move || -> Result<Sorted, Error> {
            let mut sorter = Sorter::new(plan.memory_bytes / 8 * 5, &plan.temporary);
            let taken = answers.iter().try_for_each(|answered| maker.take(&answered, &mut sorter));
            drop(answers);
            // What goes wrong on disk stops what is made.
            let sorted = sorter.finish()?;
            taken.map(|()| sorted)
        });
        let stopped = |_| Error::internal("rows are not made any more");
        let asked = blocks
            .iter()
            .try_for_each(|block| answer.send(asker.ask(block, issuer)?).map_err(stopped));
        drop((blocks, answer));
        // What goes wrong later in the line stops what comes before, so that it is the cause.
        let sorted = making.join().map_err(|_| Error::internal("the making thread has failed"));
        let read = reading.join().map_err(|_| Error::internal("the reading thread has failed"));
        let sorted = sorted??;
        asked?;
        Ok((read??, sorted))
    })
}

/// The columns that do not come out.
fn dropped(reader: &Reader, columns: &Columns, guard: &Guard) -> Result<Vec<String>, Error> {
    for (place, name) in (1..).zip(reader.names()) {
        if guard.holds_single(name.as_bytes()) {
            let what = format!("the name of column {place} holds a national identifier");
            return Err(files::Error::new(ErrorKind::Found, what)
                .advise("Is there a header? If so, rename the column. It is not shown here.")
                .into());
        }
    }
    let released = columns.released();
    let is_released = |name: &String| released.iter().any(|(released, _)| released == name);
    Ok(reader.names().iter().filter(|name| !is_released(name)).cloned().collect())
}

/// What the guard found: what is let through is told, anything else refuses the file.
fn findings(guard: &Guard) -> Result<Vec<Finding>, Error> {
    let findings = guard.findings();
    let refused: Vec<&Finding> = findings.iter().filter(|one| one.reason.is_none()).collect();
    if refused.is_empty() {
        return Ok(findings);
    }
    let what = "identifiers stand in columns that would come out";
    let mut error = files::Error::new(ErrorKind::Found, what);
    for Finding { column, kind, count, .. } in refused {
        error = error.advise(format!("column {column}: {count} × {}", kind.name()));
    }
    Err(error
        .advise("Nothing was written. Take them out of the file, or have the decision changed.")
        .advise("If they must come out as they are: --allow-identifiers COLUMN=REASON.")
        .into())
}
