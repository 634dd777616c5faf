//! `hvelv seal`: closes a server.

use super::connect::{Caller, ConnectOptions, block_on};
use super::error::{Error, Exit};
use super::output;
use crate::rpc::proto::SealRequest;
use crate::rpc::proto::operator_service_client::OperatorServiceClient;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv seal --connect keys/dev/operator.toml

Deliveries in flight are drained, the stores closed, and keys, index and ID columns wiped from
memory. The process goes on running and answers status, registers and unseal. Needs the role
operator.";

/// Seals the server: nothing but status, registers and unseal answers until it is unsealed.
#[derive(Debug, clap::Args)]
pub(super) struct SealOptions {
    #[command(flatten)]
    connection: ConnectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// No connection, or what the server says.
pub(super) fn run(options: &SealOptions) -> Result<Exit, Error> {
    block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        OperatorServiceClient::new(channel).seal(SealRequest {}).await?;
        Ok(())
    })?;
    output::note("sealed");
    Ok(Exit::Success)
}
