//! What equal work ends with, for DuckDB's side: SHA-256 of the output, and age to one recipient.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use age::stream::StreamWriter;
use age::x25519::Identity;
use hvelv::crypto::Sha256;

/// Hashes and seals what is written to it.
struct Sealed {
    hash: Sha256,
    sealing: StreamWriter<BufWriter<File>>,
}

impl Sealed {
    fn to(file: File) -> Self {
        let recipient = Identity::generate().to_public();
        let recipients = std::iter::once(&recipient as &dyn age::Recipient);
        let sealing = age::Encryptor::with_recipients(recipients).unwrap();
        let sealing = sealing.wrap_output(BufWriter::with_capacity(1 << 20, file)).unwrap();
        Self { hash: Sha256::new(), sealing }
    }

    fn finish(self) -> File {
        let _ = self.hash.finish();
        self.sealing.finish().unwrap().into_inner().unwrap()
    }
}

impl Write for Sealed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.hash.update(bytes);
        self.sealing.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.sealing.flush()
    }
}

/// Hashes and seals a file that there is.
pub(crate) fn seal(input: &Path, output: &Path) {
    let mut reader = BufReader::new(File::open(input).unwrap());
    let mut sealed = Sealed::to(File::create(output).unwrap());
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer).unwrap() {
            0 => break,
            count => sealed.write_all(&buffer[..count]).unwrap(),
        }
    }
    sealed.finish().sync_all().unwrap();
}
