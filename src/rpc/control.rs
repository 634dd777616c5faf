//! Orders to a running server: reload, seal, stop.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use super::tls::accept::Counters;

/// Orders that wait; more are pointless.
const ORDERS_MAX: usize = 8;

/// What a reload has replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// The access file; if not, the old one stays in force.
    pub access: bool,
    /// The TLS files; if not, the old ones stay in use.
    pub tls: bool,
}

/// An order.
pub(super) enum Order {
    Reload(Done),
    Seal,
    Stop,
}

/// Where to say that a reload is done.
pub(super) struct Done(Option<oneshot::Sender<Reloaded>>);

impl Done {
    pub(super) fn send(self, reloaded: Reloaded) {
        if let Some(done) = self.0 {
            // Who asked may have gone.
            let _ = done.send(reloaded);
        }
    }
}

/// The server's end.
pub struct Control {
    orders: mpsc::Receiver<Order>,
    address: Option<oneshot::Sender<SocketAddr>>,
    metrics_address: Arc<OnceLock<SocketAddr>>,
    counters: Arc<Counters>,
}

/// The other end: whoever holds it can give orders.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    orders: mpsc::Sender<Order>,
    metrics_address: Arc<OnceLock<SocketAddr>>,
    counters: Arc<Counters>,
}

/// The address that a server listens on, once it does.
pub type Bound = oneshot::Receiver<SocketAddr>;

impl Control {
    /// The two ends, and the address to come.
    #[must_use]
    pub fn new() -> (Self, ServerHandle, Bound) {
        let (sender, orders) = mpsc::channel(ORDERS_MAX);
        let (address, bound) = oneshot::channel();
        let counters = Arc::<Counters>::default();
        let metrics_address = Arc::<OnceLock<SocketAddr>>::default();
        let handle = ServerHandle {
            orders: sender,
            metrics_address: Arc::clone(&metrics_address),
            counters: Arc::clone(&counters),
        };
        (Self { orders, address: Some(address), metrics_address, counters }, handle, bound)
    }

    pub(super) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Where metrics are served; said before the server's own address is announced.
    pub(super) fn announce_metrics(&self, address: SocketAddr) {
        self.metrics_address.get_or_init(|| address);
    }

    pub(super) fn announce(&mut self, address: SocketAddr) {
        if let Some(sender) = self.address.take() {
            // Nobody may want to know.
            let _ = sender.send(address);
        }
    }

    /// The next order.  When nobody is left who could give one, the order is to stop.
    pub(super) async fn next(&mut self) -> Order {
        self.orders.recv().await.unwrap_or(Order::Stop)
    }

    /// Ends with an order to stop; other orders come too late.
    pub(super) async fn stopped(&mut self) {
        loop {
            match self.orders.recv().await {
                Some(Order::Stop) => return,
                Some(Order::Reload(done)) => done.send(Reloaded::default()),
                // It is sealed at its end.
                Some(Order::Seal) => {}
                None => std::future::pending().await,
            }
        }
    }
}

impl ServerHandle {
    /// What happened to connections so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Where metrics are served, if they are; known when the server's own address is.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address.get().copied()
    }

    /// Loads access and TLS files anew, and says which are in use now; nothing if the server is gone.
    pub async fn reload(&self) -> Option<Reloaded> {
        let (done, reloaded) = oneshot::channel();
        self.orders.send(Order::Reload(Done(Some(done)))).await.ok()?;
        reloaded.await.ok()
    }

    /// Seals the server.
    pub async fn seal(&self) {
        // A server that is gone is sealed.
        drop(self.orders.send(Order::Seal).await);
    }

    /// Stops the server; a second time, at once.
    pub async fn stop(&self) {
        // A server that is gone has stopped.
        drop(self.orders.send(Order::Stop).await);
    }

    /// Turns signals into orders until the server is gone: SIGHUP reloads, SIGUSR1 seals,
    /// SIGTERM and SIGINT stop.
    ///
    /// # Errors
    ///
    /// If the system does not let us listen to a signal.
    pub fn follow_signals(self) -> io::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut user = signal(SignalKind::user_defined1())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::spawn(async move {
            loop {
                let order = tokio::select! {
                    _ = hangup.recv() => Order::Reload(Done(None)),
                    _ = user.recv() => Order::Seal,
                    _ = terminate.recv() => Order::Stop,
                    _ = interrupt.recv() => Order::Stop,
                };
                if self.orders.send(order).await.is_err() {
                    return;
                }
            }
        });
        Ok(())
    }
}
