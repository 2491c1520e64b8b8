//! The certificates of a gateway's listeners.
//!
//! Invariant: files that change are looked at for as long as the gateway listens, and no longer.

use std::sync::Arc;

use mosaic_actors::telemetry::SharedRecorder;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::error::StartError;
use crate::config::{Config, TlsConfig};
use crate::server::{Certificate, CertificateFiles, LOOK_AGAIN};

/// The files of each listener that has some, with its name.
fn files(config: &Config) -> impl Iterator<Item = (&'static str, CertificateFiles)> {
    let given = [("public", &config.server.tls), ("admin", &config.admin.tls)];
    given.into_iter().filter_map(|(listener, tls)| {
        let TlsConfig { cert, key } = tls.clone()?;
        Some((listener, CertificateFiles { cert, key }))
    })
}

/// What is wrong with the files that a configuration names. Blocks on file I/O.
pub(super) fn faults(config: &Config) -> impl Iterator<Item = StartError> {
    files(config).filter_map(|(listener, files)| {
        let error = Certificate::load(files).err()?;
        Some(StartError::Certificate { listener, error })
    })
}

/// Those of both listeners; dropped, no file is looked at any more.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    pub(super) public: Option<Arc<Certificate>>,
    pub(super) admin: Option<Arc<Certificate>>,
    looking: Option<Looking>,
}

#[derive(Debug)]
struct Looking {
    at_once: Arc<Notify>,
    task: AbortHandle,
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Certificates {
    /// Reads them. Blocks on file I/O.
    ///
    /// # Errors
    /// `Certificate`.
    pub(super) fn load(config: &Config, recorder: Option<&SharedRecorder>) -> Result<Self, StartError> {
        let mut all = Certificates::default();
        for (listener, files) in files(config) {
            let loaded = Certificate::load(files).map_err(|error| StartError::Certificate { listener, error })?;
            let loaded = match recorder {
                Some(recorder) => loaded.measured(recorder, listener),
                None => loaded,
            };
            let slot = if listener == "admin" {
                &mut all.admin
            } else {
                &mut all.public
            };
            *slot = Some(Arc::new(loaded));
        }
        Ok(all)
    }

    /// Looks again and again whether their files have changed. To be called on a runtime.
    #[must_use]
    pub(super) fn watched(mut self) -> Self {
        let certificates: Vec<_> = self.public.iter().chain(&self.admin).cloned().collect();
        if certificates.is_empty() {
            return self;
        }
        let at_once = Arc::new(Notify::new());
        let told = at_once.clone();
        let look = async move {
            loop {
                let certificates = certificates.clone();
                let looked = move || certificates.iter().for_each(|certificate| certificate.look_again());
                // A panic there would be told; the next look comes all the same.
                let _ = tokio::task::spawn_blocking(looked).await;
                tokio::select! {
                    () = told.notified() => {}
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
            }
        };
        let task = tokio::spawn(look).abort_handle();
        self.looking = Some(Looking { at_once, task });
        self
    }

    /// Has their files looked at now; tells whether there are any.
    pub(super) fn look_now(&self) -> bool {
        self.looking
            .as_ref()
            .map(|looking| looking.at_once.notify_one())
            .is_some()
    }
}
