//! The access file as it is now.
//!
//! Readers take a whole [`Access`] and never wait.  A new file replaces it whole; a bad one changes
//! nothing, and every problem of it is logged.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::clock::Clock;
use crate::config::access::difference;
use crate::config::codes::RegisterDirectory;
use crate::config::{Access, AccessChange, Problems};
use crate::rpc::tls::peer::PeerCertificate;

type Load = dyn Fn() -> Result<Access, Problems> + Send + Sync;

/// The access file, loaded anew on demand.
pub struct AccessWatch {
    current: ArcSwap<Access>,
    clock: Arc<dyn Clock>,
    load: Box<Load>,
    /// What the file granted at the start, until it is recorded.
    start: Mutex<Option<Vec<AccessChange>>>,
    /// Two reloads at once would each give its difference to the same old file.
    reloading: Mutex<()>,
}

impl AccessWatch {
    /// Loads the file.
    ///
    /// # Errors
    ///
    /// All problems of the file.
    pub fn open<R>(
        path: &Path,
        registers: Arc<R>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, Problems>
    where
        R: RegisterDirectory + Send + Sync + 'static,
    {
        let path = path.to_owned();
        let load = move || Access::load(&path, &*registers);
        let access = load()?;
        let start = Mutex::new(Some(difference(&Access::default(), &access)));
        let current = ArcSwap::from_pointee(access);
        let reloading = Mutex::new(());
        Ok(Arc::new(Self { current, clock, load: Box::new(load), start, reloading }))
    }

    /// Loads the file again.  Blocks on the file system.
    ///
    /// # Errors
    ///
    /// All problems of the file; the old one stays in force.
    pub fn reload(&self) -> Result<Vec<AccessChange>, Problems> {
        let _one_at_a_time = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let access = (self.load)()?;
        let changes = difference(&self.current.load(), &access);
        self.current.store(Arc::new(access));
        Ok(changes)
    }

    /// What the file granted at the start: the difference to a file with nobody.  Once.
    pub(in crate::rpc) fn take_start(&self) -> Option<Vec<AccessChange>> {
        self.start.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The access file of now.
    pub(in crate::rpc) fn current(&self) -> Arc<Access> {
        self.current.load_full()
    }

    /// The clock by which certificates and principals are valid.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Whom a certificate belongs to now.
    pub(in crate::rpc) fn principal_name(&self, certificate: &PeerCertificate) -> Option<Arc<str>> {
        let access = self.current.load();
        let principal = access.find_only(certificate.identities())?;
        Some(principal.name().as_str().into())
    }
}

impl fmt::Debug for AccessWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessWatch").finish_non_exhaustive()
    }
}
