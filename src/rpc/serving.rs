//! Serving: from an address and some routes to a server that is reloaded on demand and stopped in
//! order.
//!
//! ```text
//! start    TLS files ─► bind, metrics too ─► announce the address ─► serve
//! seal     by signal, or when nobody has used it for long
//! reload   access file, TLS files: each replaced whole, or kept with its problems logged
//! stop     stop accepting ─► end health watches ─► drain (limits.shutdown_timeout_ms)
//!          ─► close what is left ─► shut the host down ─► stop the metrics endpoint
//! ```
//!
//! It knows no service: what is served comes as routes, what must happen besides as a [`Host`].  A
//! second order to stop ends the draining.
//!
//! INVARIANT: when [`run`] returns, nothing is listening, no connection is open, and the host has
//! shut down.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::server::HealthReporter;

use super::auth::AccessWatch;
use super::auth::layer::GuardLayer;
use super::control::{Control, Order, Reloaded};
use super::scrape::{Endpoint, Scrape};
use super::tls::accept::Gate;
use super::tls::{ServerTls, TlsError};
use super::{health, http2};
use crate::config::server::Limits;
use crate::config::{Access, Config};
use crate::metrics::Metrics;
use crate::service::{AccessNow, Service, State};

/// How often it is looked whether anybody uses the server, in seconds.
const IDLE_CHECK_S: u64 = 10;

/// How often what older keys have sealed is sealed anew, in seconds, and for how long at a time: ingest
/// has the processors for most of it.
const RESEAL_INTERVAL_S: u64 = 1;
const RESEAL_FOR: Duration = Duration::from_millis(250);

/// What serving needs of the service behind the routes.  All of it blocks.
pub(super) trait Host: Send + Sync + 'static {
    /// Takes an access file into use, as far as it has effect, records it, and shows it in `now`.
    fn load_access(&self, file: Arc<Access>, now: AccessNow);

    /// Closes everything; called once, when no connection is open.
    fn shutdown(&self);

    /// The state, for health.
    fn watch_state(&self) -> watch::Receiver<State>;

    /// Seals, because the process was told to.
    fn seal(&self) {}

    /// Seals, if nobody has used it for as long as configured.
    fn seal_if_idle(&self) {}

    /// Seals anew for a moment what older keys have sealed.
    fn reseal(&self) {}

    /// Signs a checkpoint of the audit log, when there is an open one.
    fn sign_checkpoint(&self) {}
}

impl Host for Service {
    fn load_access(&self, file: Arc<Access>, now: AccessNow) {
        Self::load_access(self, file, now);
    }

    fn shutdown(&self) {
        Self::shutdown(self);
    }

    fn watch_state(&self) -> watch::Receiver<State> {
        Self::watch_state(self)
    }

    fn seal(&self) {
        self.seal_by_signal();
    }

    fn seal_if_idle(&self) {
        Self::seal_if_idle(self);
    }

    fn reseal(&self) {
        self.reseal_for(RESEAL_FOR);
    }

    fn sign_checkpoint(&self) {
        self.sign_due_checkpoint();
    }
}

/// Why a server could not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Serving ended by itself.
    #[error("serving ended")]
    Ended(#[source] Option<tonic::transport::Error>),
    /// The descriptors cannot be reflected.
    #[error("reflection cannot be offered")]
    Reflection(#[source] tonic_reflection::server::Error),
    /// TLS cannot be configured.
    #[error("TLS cannot be configured")]
    Tls(#[from] TlsError),
}

/// What is served, and on whose behalf.
pub(super) struct Served {
    pub(super) host: Arc<dyn Host>,
    pub(super) routes: Routes,
    pub(super) health: HealthReporter,
    pub(super) metrics: Arc<Metrics>,
    pub(super) scrape: Scrape,
}

/// Serves until it is told to stop.
pub(super) async fn run(
    config: &Config,
    served: Served,
    access: Arc<AccessWatch>,
    mut control: Control,
) -> Result<(), ServeError> {
    let Served { host, routes, health, metrics, scrape } = served;
    let tls = Arc::new(ServerTls::load(&config.tls, Arc::clone(access.clock()))?);
    let bind = |source| ServeError::Bind { address: config.listen, source };
    let listener = TcpListener::bind(config.listen).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let endpoint = Endpoint::bind(&config.metrics).await?;
    let reload = Reload { host: Arc::clone(&host), access, tls };
    reload.record_start().await;

    let (abort, aborted) = watch::channel(false);
    let counters = control.counters();
    let (tls, access) = (Arc::clone(&reload.tls), Arc::clone(&reload.access));
    let gate = Gate::new(tls, access, &config.limits, counters, aborted);
    let reporting = tokio::spawn(health::report(health.clone(), host.watch_state()));
    let router = settings(&config.limits)
        .layer(GuardLayer::new(Arc::clone(&reload.access), metrics, &config.limits))
        .add_routes(routes);
    let interval_s = config.audit.checkpoint_interval_s;
    let signing = tokio::spawn(at_intervals(Arc::clone(&host), interval_s, Host::sign_checkpoint));
    let watching = tokio::spawn(at_intervals(Arc::clone(&host), IDLE_CHECK_S, Host::seal_if_idle));
    let resealing = tokio::spawn(at_intervals(Arc::clone(&host), RESEAL_INTERVAL_S, Host::reseal));
    let (stop, stopped) = oneshot::channel::<()>();
    let mut serving = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        router.serve_with_incoming_shutdown(gate.accept(listener), stopped).await
    });
    tracing::info!(%address, mode = config.mode.as_str(), "serving");
    let scraping = endpoint.map(|endpoint| {
        control.announce_metrics(endpoint.address);
        endpoint.serve(scrape)
    });
    control.announce(address);

    let ended = tokio::select! {
        ended = &mut serving => Some(ended),
        () = obey(&mut control, &reload, config) => None,
    };
    reporting.abort();
    signing.abort();
    watching.abort();
    resealing.abort();
    health::end(health).await;
    drop(stop);
    let result = match ended {
        Some(ended) => Err(ServeError::Ended(ended.ok().and_then(Result::err))),
        None => drain(serving, &mut control, abort, &config.limits).await,
    };
    shut_down(host).await;
    // Last, so that the end of the others can be watched.
    if let Some(scraping) = scraping {
        scraping.stop().await;
    }
    result
}

/// Lets the host do something at each interval.
async fn at_intervals(host: Arc<dyn Host>, interval_s: u64, act: fn(&dyn Host)) {
    let mut due = tokio::time::interval(Duration::from_secs(interval_s.max(1)));
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    due.tick().await;
    loop {
        due.tick().await;
        let host = Arc::clone(&host);
        // A panic there is logged by the runtime's hook; the next interval tries again.
        drop(crate::rpc::begin_off_thread(move || act(host.as_ref())).await);
    }
}

/// Takes orders until one is to stop; looks after changed TLS files meanwhile.
async fn obey(control: &mut Control, reload: &Reload, config: &Config) {
    let interval = Duration::from_secs(config.tls.reload_interval_s);
    loop {
        let order = if config.tls.reload_enabled {
            tokio::time::timeout(interval, control.next()).await
        } else {
            Ok(control.next().await)
        };
        match order {
            Ok(Order::Reload(done)) => done.send(reload.all().await),
            Ok(Order::Seal) => {
                // Sealing waits for batches under way; an order to stop does not wait for it.
                let reload = reload.clone();
                tokio::spawn(async move { reload.off_thread(|this| this.host.seal()).await });
            }
            Ok(Order::Stop) => return,
            Err(_) => reload.changed_tls().await,
        }
    }
}

/// Lets what is under way finish, for as long as it may.
async fn drain(
    mut serving: JoinHandle<Result<(), tonic::transport::Error>>,
    control: &mut Control,
    abort: watch::Sender<bool>,
    limits: &Limits,
) -> Result<(), ServeError> {
    tracing::info!("stopping");
    let drained = tokio::select! {
        result = &mut serving => Some(result),
        () = tokio::time::sleep(Duration::from_millis(limits.shutdown_timeout_ms)) => None,
        () = control.stopped() => None,
    };
    let result = match drained {
        Some(result) => result,
        None => {
            tracing::warn!("closing connections that are still at work");
            abort.send_replace(true);
            serving.await
        }
    };
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(ServeError::Ended(Some(error))),
        Err(_) => Err(ServeError::Ended(None)),
    }
}

/// Shuts the host down, which waits for its stores.
async fn shut_down(host: Arc<dyn Host>) {
    if crate::rpc::begin_off_thread(move || host.shutdown()).await.is_err() {
        tracing::error!("the service did not shut down in order");
    }
    tracing::info!("stopped");
}

fn settings(limits: &Limits) -> Server {
    Server::builder()
        .initial_stream_window_size(limits.http2_stream_window_bytes)
        .initial_connection_window_size(limits.http2_connection_window_bytes)
        .max_frame_size(http2::FRAME_BYTES_MAX)
        .http2_max_header_list_size(http2::HEADER_BYTES_MAX)
        .max_concurrent_streams(limits.requests_per_connection_max)
        .http2_keepalive_interval(Some(http2::KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(http2::KEEPALIVE_TIMEOUT))
}

/// What a reload replaces, and who is told.
#[derive(Clone)]
struct Reload {
    host: Arc<dyn Host>,
    access: Arc<AccessWatch>,
    tls: Arc<ServerTls>,
}

impl Reload {
    async fn record_start(&self) {
        self.off_thread(|this| {
            this.access.give(|file, now| this.host.load_access(file, now));
        })
        .await;
    }

    async fn all(&self) -> Reloaded {
        self.off_thread(|this| Reloaded { access: this.access_file(), tls: this.tls_files() })
            .await
            .unwrap_or_default()
    }

    async fn changed_tls(&self) {
        self.off_thread(|this| this.tls.has_changed() && this.tls_files()).await;
    }

    /// Files are read, and loads recorded, off the async threads.
    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Option<T> {
        let this = self.clone();
        crate::rpc::begin_off_thread(move || work(&this)).await.ok()
    }

    fn access_file(&self) -> bool {
        match self.access.reload(|file, now| self.host.load_access(file, now)) {
            Ok(()) => {
                tracing::info!("access file loaded");
                true
            }
            Err(problems) => {
                for problem in problems.iter() {
                    tracing::warn!(%problem, "access file");
                }
                tracing::warn!("the access file was not loaded; the old one stays in force");
                false
            }
        }
    }

    fn tls_files(&self) -> bool {
        match self.tls.reload() {
            Ok(()) => {
                tracing::info!("TLS files loaded");
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the TLS files were not loaded; the old ones stay in use");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
