//! The access file as it is now.
//!
//! Readers take a whole [`Access`] and never wait.  A new file replaces it whole; a bad one changes
//! nothing, and every problem of it is logged.
//!
//! INVARIANT: what readers see is what has effect.  Of a file as it was read no role that takes two
//! persons to grant has any; the service says who holds one ([`crate::service::AccessNow`]).

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::approval::holders::waiting;
use crate::clock::Clock;
use crate::config::codes::RegisterDirectory;
use crate::config::{Access, Problems};
use crate::rpc::tls::peer::PeerCertificate;
use crate::service::AccessNow;

type Load = dyn Fn() -> Result<Access, Problems> + Send + Sync;

/// The access file, loaded anew on demand.
pub struct AccessWatch {
    current: AccessNow,
    clock: Arc<dyn Clock>,
    load: Box<Load>,
    /// The file that was read last, until somebody takes it.
    read: Mutex<Arc<Access>>,
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
        let file = Arc::new(load()?);
        let current = Arc::new(ArcSwap::from_pointee(waiting(&file)));
        Ok(Arc::new(Self { current, clock, load: Box::new(load), read: Mutex::new(file) }))
    }

    /// Reads the file again and gives it to `host`, with what it is to show in.  Blocks on the file
    /// system.  One at a time: the file that was read last is the one that is given last.
    ///
    /// # Errors
    ///
    /// All problems of the file; the old one stays in force.
    pub(in crate::rpc) fn reload(
        &self,
        host: impl FnOnce(Arc<Access>, AccessNow),
    ) -> Result<(), Problems> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let file = Arc::new((self.load)()?);
        *read = Arc::clone(&file);
        host(file, Arc::clone(&self.current));
        Ok(())
    }

    /// Gives the file as it was read to `host`, as [`Self::reload`] does.
    pub(in crate::rpc) fn give(&self, host: impl FnOnce(Arc<Access>, AccessNow)) {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        host(Arc::clone(&read), Arc::clone(&self.current));
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
