//! The program: hands over to the command line.

use std::process::ExitCode;

use hvelv::cli::{self, Error};

fn main() -> ExitCode {
    match install_crypto().and_then(|()| cli::run()) {
        Ok(exit) => exit.code().into(),
        Err(error) => {
            cli::failure(&error);
            error.exit().code().into()
        }
    }
}

/// Makes ring the one provider of TLS in this process.
fn install_crypto() -> Result<(), Error> {
    tokio_rustls::rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| Error::internal("another provider of cryptography was installed first"))
}
