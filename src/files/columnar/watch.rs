//! Shows the guard every cell of a batch that is not an identifier's, however deep it is nested.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field};

use super::cells::{Cells, cells};
use crate::files::guard::Guard;

/// Adds the paths of a column's leaves, in the order in which [`show`] meets them.
pub(super) fn leaves(field: &Field, path: &str, all: &mut Vec<Option<String>>) {
    let below = |inner: &Field| format!("{path}.{}", inner.name());
    match field.data_type() {
        DataType::Struct(fields) => {
            for inner in fields {
                leaves(inner, &below(inner), all);
            }
        }
        DataType::List(inner)
        | DataType::LargeList(inner)
        | DataType::ListView(inner)
        | DataType::LargeListView(inner)
        | DataType::FixedSizeList(inner, _)
        | DataType::Map(inner, _) => leaves(inner, path, all),
        _ => all.push(Some(path.to_owned())),
    }
}

/// Shows a column, beginning with leaf `leaf`; gives the number of the leaf after it. `own` gives
/// the identifiers of a row, where rows are those of the table.
pub(super) fn show(
    array: &ArrayRef,
    leaf: usize,
    own: Option<&[Vec<u64>]>,
    guard: &mut Guard,
) -> usize {
    match array.data_type() {
        DataType::Struct(_) => {
            let columns = array.as_struct().columns();
            columns.iter().fold(leaf, |leaf, inner| show(inner, leaf, own, guard))
        }
        DataType::List(_) => show(&between(array.as_list::<i32>()), leaf, None, guard),
        DataType::LargeList(_) => show(&between(array.as_list::<i64>()), leaf, None, guard),
        DataType::ListView(_) => show(array.as_list_view::<i32>().values(), leaf, None, guard),
        DataType::LargeListView(_) => show(array.as_list_view::<i64>().values(), leaf, None, guard),
        DataType::FixedSizeList(..) => show(array.as_fixed_size_list().values(), leaf, None, guard),
        DataType::Map(..) => {
            let entries = array.as_map().entries().columns();
            entries.iter().fold(leaf, |leaf, inner| show(inner, leaf, None, guard))
        }
        _ => {
            show_leaf(array, leaf, own, guard);
            leaf + 1
        }
    }
}

fn between<O: arrow_array::OffsetSizeTrait>(list: &arrow_array::GenericListArray<O>) -> ArrayRef {
    let (first, last) = (list.value_offsets().first(), list.value_offsets().last());
    let first = first.map_or(0, |offset| offset.as_usize());
    let last = last.map_or(first, |offset| offset.as_usize());
    list.values().slice(first, last - first)
}

fn show_leaf(array: &ArrayRef, leaf: usize, own: Option<&[Vec<u64>]>, guard: &mut Guard) {
    let mut of_row = Vec::new();
    match cells(array.as_ref()) {
        Some(Cells::Numbers(number)) => {
            for row in 0..array.len() {
                if let Some(number) = number(row).filter(|number| *number >= 1_000_000_000) {
                    fill(&mut of_row, own, row);
                    guard.number(leaf, number, &of_row);
                }
            }
        }
        Some(Cells::Text(text)) => {
            for row in 0..array.len() {
                if let Some(text) = text(row).filter(|text| text.len() >= 10) {
                    fill(&mut of_row, own, row);
                    guard.text(leaf, text, &of_row);
                }
            }
        }
        None => {}
    }
}

/// Puts the identifiers of a row in place of those of another.
fn fill(of_row: &mut Vec<u64>, own: Option<&[Vec<u64>]>, row: usize) {
    of_row.clear();
    let columns = own.unwrap_or_default().iter();
    of_row.extend(columns.filter_map(|column| column.get(row)).filter(|number| **number != 0));
}
