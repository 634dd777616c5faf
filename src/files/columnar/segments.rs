//! Several Parquet files of one schema made one, by copying their row groups as bytes.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

/// Copies the row groups of all segments, in order, and gives back what they were written to.
pub(super) fn join<W: Write + Send>(
    segments: &[PathBuf],
    output: W,
    properties: WriterProperties,
) -> Result<W, ParquetError> {
    let open = |path: &PathBuf| {
        let file = File::open(path)?;
        let metadata = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .parse_and_finish(&file)?;
        Ok((file, metadata))
    };
    let segments = segments.iter().map(open).collect::<Result<Vec<_>, ParquetError>>()?;
    let (_, first) =
        segments.first().ok_or_else(|| ParquetError::General("there is no segment".to_owned()))?;
    let schema = first.file_metadata().schema_descr().root_schema_ptr();
    // Metadata that the writer of a segment added: the Arrow schema.
    let pairs = first.file_metadata().key_value_metadata().cloned();
    let properties = properties.into_builder().set_key_value_metadata(pairs).build();
    let mut writer = SerializedFileWriter::new(output, schema, Arc::new(properties))?;
    for (file, metadata) in &segments {
        copy(file, metadata, &mut writer)?;
    }
    writer.into_inner()
}

fn copy<W: Write + Send>(
    file: &File,
    metadata: &ParquetMetaData,
    writer: &mut SerializedFileWriter<W>,
) -> Result<(), ParquetError> {
    let index = metadata.page_index();
    for (at, group) in metadata.row_groups().iter().enumerate() {
        let mut copied = writer.next_row_group()?;
        for (leaf, column) in group.columns().iter().enumerate() {
            let closed = ColumnCloseResult {
                bytes_written: u64::try_from(column.compressed_size()).unwrap_or_default(),
                rows_written: u64::try_from(group.num_rows()).unwrap_or_default(),
                metadata: column.clone(),
                bloom_filter: None,
                column_index: index.and_then(|index| index.column_index(at, leaf)).cloned(),
                offset_index: index.and_then(|index| index.offset_index(at, leaf)).cloned(),
            };
            copied.append_column(file, closed)?;
        }
        copied.close()?;
    }
    Ok(())
}
