//! The references: every record read and written again, nothing else.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use csv::ByteRecord;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

const BUFFER_BYTES: usize = 1 << 20;
const BATCH_ROWS: usize = 8192;

/// Copies a CSV file record by record.
pub(crate) fn copy_csv(input: &Path, output: &Path) {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .buffer_capacity(BUFFER_BYTES)
        .from_path(input)
        .unwrap();
    let file = BufWriter::with_capacity(BUFFER_BYTES, File::create(output).unwrap());
    let mut writer = csv::WriterBuilder::new().buffer_capacity(BUFFER_BYTES).from_writer(file);
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).unwrap() {
        writer.write_byte_record(&record).unwrap();
    }
    writer.into_inner().unwrap().into_inner().unwrap().sync_all().unwrap();
}

/// Copies a Parquet file batch by batch, with the compression that it has.
pub(crate) fn copy_parquet(input: &Path, output: &Path) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(input).unwrap()).unwrap();
    let group = builder.metadata().row_group(0);
    let rows = usize::try_from(group.num_rows()).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(group.column(0).compression())
        .set_max_row_group_row_count(Some(rows))
        .build();
    let schema = builder.schema().clone();
    let file = File::create(output).unwrap();
    let synced = file.try_clone().unwrap();
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).unwrap();
    for batch in builder.with_batch_size(BATCH_ROWS).build().unwrap() {
        writer.write(&batch.unwrap()).unwrap();
    }
    writer.close().unwrap();
    synced.sync_all().unwrap();
}
