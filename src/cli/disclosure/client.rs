//! What the commands of disclosures share: the client, and the answers that always come.

use std::path::{Path, PathBuf};

use crate::cli::connect::{Caller, Channel, ConnectOptions, block_on};
use crate::cli::error::Error;
use crate::cli::local::from_problems;
use crate::config::Problems;
use crate::rpc::proto::disclosure_service_client::DisclosureServiceClient;

/// The longest answer that is taken: lists have thousands of applications, each with its terms.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// A client of the service.
pub(in crate::cli) type Client = DisclosureServiceClient<Channel>;

/// Where the answer goes, and who asks.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Asking {
    /// Writes JSON.
    #[arg(long)]
    pub(in crate::cli) json: bool,

    #[command(flatten)]
    pub(in crate::cli) connection: ConnectOptions,
}

impl Asking {
    /// Connects, and does what is to be done there.
    ///
    /// # Errors
    ///
    /// No connection, or what came of it.
    pub(in crate::cli) fn ask<T>(
        &self,
        work: impl AsyncFnOnce(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        block_on(async {
            let channel = self.connection.channel(Caller::Known).await?;
            let client = DisclosureServiceClient::new(channel);
            work(&mut client.max_decoding_message_size(ANSWER_BYTES_MAX)).await
        })
    }
}

/// The file that an application or a decision stands in.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FileOption {
    /// The TOML file: the part of a description that the command is about, or a whole description.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
}

impl FileOption {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// All its problems.
    pub(in crate::cli) fn read<T>(
        &self,
        load: fn(&Path) -> Result<T, Problems>,
    ) -> Result<T, Error> {
        load(&self.file).map_err(|problems| from_problems(&problems, &self.file))
    }
}

/// What an answer must hold, and does.
///
/// # Errors
///
/// It does not.
pub(in crate::cli) fn told<T>(part: Option<T>) -> Result<T, Error> {
    part.ok_or_else(|| Error::internal("the server answered without what was asked for"))
}
