//! `--name-column` and `--address-column`: read, sent beside the identifiers, and left out of the output.

use super::options::PseudonymizeOptions;
use super::words::{Mode, Purpose};
use crate::cli::error::{Error, Exit};
use crate::files::{Block, ContactColumn, ContactKind};
use crate::rpc::proto::Contacts;
use crate::service::Contact;

/// Most rows in a batch with names and addresses: each as long as it may be, and the message is a third
/// of what the server takes.
const BATCH_ROWS_MAX: usize = 2048;

/// The columns of names and addresses, in the order in which the table is asked for them.
///
/// # Errors
///
/// They are given with what says nothing about persons of now, or it is not clear whose they are.
pub(super) fn declare(options: &PseudonymizeOptions) -> Result<Vec<ContactColumn>, Error> {
    let name = options.name_column.iter().map(|name| (name, ContactKind::Name));
    let address = options.address_column.iter().map(|name| (name, ContactKind::Address));
    let columns = name.chain(address);
    let columns: Vec<ContactColumn> =
        columns.map(|(name, kind)| ContactColumn { name: name.clone(), kind }).collect();
    if columns.is_empty() {
        return Ok(columns);
    }
    if options.id_column.len() + options.optional_id_column.len() != 1 {
        return Err(Error::usage("it is not clear whose the names and addresses are")
            .advise("With --name-column or --address-column give one column of identifiers."));
    }
    if options.mode != Mode::Assign || options.purpose == Purpose::HistoricalImport {
        return Err(Error::usage("names and addresses are sent with an ingest of now alone")
            .advise(
                "Leave --name-column and --address-column out, and the columns of the file too.",
            ));
    }
    Ok(columns)
}

/// Refuses a column that is given twice.
///
/// # Errors
///
/// It is.
pub(super) fn refuse_twice<'a>(
    columns: &[ContactColumn],
    mut others: impl Iterator<Item = &'a str>,
) -> Result<(), Error> {
    let is_taken = |name: &str| columns.iter().any(|column| column.name == name);
    let twice = others.find(|name| is_taken(name));
    let twice = twice.or_else(|| match columns {
        [one, other] if one.name == other.name => Some(one.name.as_str()),
        _ => None,
    });
    match twice {
        Some(name) => Err(Error::usage(format!("the column {name} is given twice"))),
        None => Ok(()),
    }
}

/// Most rows in a batch.
pub(super) fn batch_rows(columns: &[ContactColumn], asked: usize) -> usize {
    if columns.is_empty() { asked } else { asked.min(BATCH_ROWS_MAX) }
}

/// What the rows of a block say, as it is sent beside the identifiers of some of them.
///
/// # Errors
///
/// A name or an address that the server would refuse, by row.
pub(super) fn of_block(
    block: &impl Block,
    rows: Option<&[u32]>,
) -> Result<Option<Contacts>, Error> {
    let columns = block.contacts();
    if columns.is_empty() {
        return Ok(None);
    }
    let mut sent = Contacts::default();
    for column in &columns {
        let all = 0..u32::try_from(column.texts.len()).unwrap_or(u32::MAX);
        let rows: Vec<u32> = rows.map_or_else(|| all.collect(), <[u32]>::to_vec);
        let texts = rows.into_iter().map(|row| {
            let text = column.texts.get(row as usize).map_or("", |text| text.as_str());
            let parsed = match column.kind {
                ContactKind::Address => Contact::parse("", text),
                ContactKind::Name => Contact::parse(text, ""),
            };
            let refused = |fault| {
                let row = block.first_row() + u64::from(row);
                Error::new(Exit::Input, format!("row {row}: {fault}"))
                    .advise("Correct the row; nothing of it is shown here.")
            };
            parsed.map(|_| text.to_owned()).map_err(refused)
        });
        let texts: Vec<String> = texts.collect::<Result<_, _>>()?;
        match column.kind {
            ContactKind::Address => sent.addresses = texts,
            ContactKind::Name => sent.names = texts,
        }
    }
    Ok(Some(sent))
}
