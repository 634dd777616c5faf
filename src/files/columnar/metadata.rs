//! The key-value metadata of a file: what is kept, changed and left out.
//!
//! Kept is everything that does not speak of a column that is replaced or left out. `ARROW:schema` is
//! written anew by the library. `pandas` lists the columns: the entries of such columns are changed or
//! left out, so that its index survives. Any other value that names such a column in quotes (Spark's
//! row schema, the features of Hugging Face) would now describe a column that is not there, and is
//! left out.

use parquet::arrow::ARROW_SCHEMA_META_KEY;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::file::metadata::KeyValue;
use serde_json::Value;

use crate::files::guard::Guard;
use crate::files::{Error, ErrorKind, IdColumn};

const PANDAS: &str = "pandas";

/// The key-value metadata of a file.
pub(super) struct KeyValues(Vec<KeyValue>);

impl KeyValues {
    /// The metadata of a file that is read, without the library's own.
    pub(super) fn of(metadata: &ArrowReaderMetadata) -> Self {
        let all = metadata.metadata().file_metadata().key_value_metadata();
        let own = |pair: &&KeyValue| pair.key != ARROW_SCHEMA_META_KEY;
        Self(all.into_iter().flatten().filter(own).cloned().collect())
    }

    /// Refuses metadata that holds identifiers: it would be in the output.
    pub(super) fn refuse_identifiers(&self, guard: &Guard) -> Result<(), Error> {
        for (place, pair) in (1..).zip(&self.0) {
            let value = pair.value.as_deref().unwrap_or_default();
            if guard.holds_single(pair.key.as_bytes()) || guard.holds_single(value.as_bytes()) {
                let what = format!("entry {place} of the metadata holds a national identifier");
                return Err(
                    Error::new(ErrorKind::Found, what).advise("Write the file anew without it.")
                );
            }
        }
        Ok(())
    }

    /// The metadata after columns are replaced, and others left out.
    pub(super) fn after(self, columns: &[IdColumn], left_out: &[&str]) -> Vec<KeyValue> {
        self.0.into_iter().filter_map(|pair| after(pair, columns, left_out)).collect()
    }
}

fn after(pair: KeyValue, columns: &[IdColumn], left_out: &[&str]) -> Option<KeyValue> {
    let Some(value) = &pair.value else { return Some(pair) };
    if pair.key == PANDAS {
        let mut described = serde_json::from_str(value).ok()?;
        for column in columns {
            describe(&mut described, column);
        }
        for name in left_out {
            forget(&mut described, name);
        }
        return Some(KeyValue::new(pair.key, described.to_string()));
    }
    let is_named = |name: &str| {
        let quoted = Value::from(name).to_string();
        value.contains(&quoted) || value.contains(&quoted.replace('"', "\\\""))
    };
    let mut changed = columns.iter().map(|column| column.name.as_str()).chain(left_out.to_vec());
    (!changed.any(is_named)).then_some(pair)
}

/// Takes a column that is left out of what pandas says.
fn forget(pandas: &mut Value, name: &str) {
    if let Some(Value::Array(entries)) = pandas.get_mut("columns") {
        entries.retain(|entry| entry.get("field_name").and_then(Value::as_str) != Some(name));
    }
    if let Some(Value::Array(index)) = pandas.get_mut("index_columns") {
        index.retain(|entry| entry.as_str() != Some(name));
    }
}

/// Changes what pandas says of a column that is replaced.
fn describe(pandas: &mut Value, column: &IdColumn) {
    let is_named = |value: &Value| value.as_str() == Some(column.name.as_str());
    if let Some(Value::Array(entries)) = pandas.get_mut("columns") {
        for entry in
            entries.iter_mut().filter(|entry| entry.get("field_name").is_some_and(is_named))
        {
            *entry = serde_json::json!({
                "name": column.output,
                "field_name": column.output,
                "pandas_type": "int64",
                "numpy_type": "Int64",
                "metadata": null,
            });
        }
    }
    if let Some(Value::Array(index)) = pandas.get_mut("index_columns") {
        for name in index.iter_mut().filter(|name| is_named(name)) {
            *name = Value::from(column.output.as_str());
        }
    }
}
