//! A server in this process.

use std::net::SocketAddr;
use std::sync::Arc;

use hvelv::clock::{Clock, SystemClock};
use hvelv::rpc::auth::AccessWatch;
use hvelv::rpc::control::{Control, ServerHandle};
use hvelv::rpc::proto::operator_service_client::OperatorServiceClient;
use hvelv::rpc::proto::{
    SealRequest, StatusRequest, StatusResponse, UnsealRequest, UnsealResponse,
};
use hvelv::rpc::server::{ServeError, serve};
use hvelv::service::Service;
use tokio::task::JoinHandle;
use tonic::Status;
use tonic::transport::Channel;

use super::{Installation, PASSPHRASE, bounded};

/// A server that runs in this process.
pub(crate) struct InProcessServer {
    pub(crate) address: SocketAddr,
    pub(crate) handle: ServerHandle,
    task: JoinHandle<Result<(), ServeError>>,
}

impl InProcessServer {
    /// Starts a sealed server.
    pub(crate) async fn sealed(installation: &Installation) -> Self {
        Self::with_clock(installation, Arc::new(SystemClock::new())).await
    }

    /// Starts a sealed server with a clock of its own.
    pub(crate) async fn with_clock(installation: &Installation, clock: Arc<dyn Clock>) -> Self {
        let loaded = installation.load();
        let mut parts = loaded.parts().unwrap();
        parts.clock = Arc::clone(&clock);
        let service = Service::new(parts);
        let registers = Arc::clone(&loaded.catalogue);
        let access = AccessWatch::open(&loaded.config.access_file, registers, clock).unwrap();
        let (control, handle, bound) = Control::new();
        let config = Arc::clone(&loaded.config);
        let task = tokio::spawn(async move { serve(&config, service, access, control).await });
        let address = bounded(bound).await.unwrap();
        Self { address, handle, task }
    }

    /// Starts a server and opens it.
    pub(crate) async fn open(installation: &Installation) -> Self {
        let server = Self::sealed(installation).await;
        server.unseal(installation).await.unwrap();
        server
    }

    /// Opens the server.
    pub(crate) async fn unseal(
        &self,
        installation: &Installation,
    ) -> Result<UnsealResponse, Status> {
        self.unseal_with(installation, PASSPHRASE).await
    }

    /// Opens the server with a passphrase.
    pub(crate) async fn unseal_with(
        &self,
        installation: &Installation,
        passphrase: &str,
    ) -> Result<UnsealResponse, Status> {
        let channel = installation.connect(self.address, "operator").await;
        unseal(&channel, passphrase).await
    }

    /// Seals the server.
    pub(crate) async fn seal(&self, installation: &Installation) -> Result<(), Status> {
        let channel = installation.connect(self.address, "operator").await;
        bounded(OperatorServiceClient::new(channel).seal(SealRequest {})).await.map(drop)
    }

    /// What the operator is told.
    pub(crate) async fn status(&self, installation: &Installation) -> StatusResponse {
        let channel = installation.connect(self.address, "operator").await;
        let asked = bounded(OperatorServiceClient::new(channel).status(StatusRequest {})).await;
        asked.unwrap().into_inner()
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn stop(self) {
        self.handle.stop().await;
        bounded(self.task).await.unwrap().unwrap();
    }
}

/// Opens a server, wherever it runs.
pub(crate) async fn unseal(channel: &Channel, passphrase: &str) -> Result<UnsealResponse, Status> {
    let request = UnsealRequest { passphrase: passphrase.into() };
    let mut client = OperatorServiceClient::new(channel.clone());
    bounded(client.unseal(request)).await.map(tonic::Response::into_inner)
}
