//! The certificate of a listener, and its change while connections live.
//!
//! Invariant: what is shown is a chain whose first certificate fits the key; files that give no such pair change nothing.

mod expiry;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use metrics::{Gauge, Key, Label, Level, Metadata};
use mosaic_actors::telemetry::SharedRecorder;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use crate::secret::file;

/// The largest file of a chain or of a key, in bytes.
const LONGEST: usize = 256 << 10;
/// How often it is looked whether the files have changed.
pub const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// So long before its end a certificate is warned of.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));
const EXPIRES: &str = "mosaic_tls_certificate_expiry_timestamp_seconds";

/// Where a certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain in PEM, the listener's own certificate first.
    pub cert: PathBuf,
    /// The private key in PEM: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// Files that give no certificate that could be shown.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{key}: {sentence}")]
pub struct UnfitCertificate {
    /// `cert` or `key`.
    pub key: &'static str,
    /// What is wrong with the file.
    pub sentence: String,
}

/// The certificate of one listener.
pub struct Certificate {
    files: CertificateFiles,
    provider: Arc<CryptoProvider>,
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    /// What was read last, fit or not: what stays unfit is told once.
    read: Mutex<blake3::Hash>,
    /// Why nothing could be read when it was looked last: told once, too.
    unread: Mutex<Option<UnfitCertificate>>,
    warned: Mutex<Option<SystemTime>>,
    meter: Option<Gauge>,
}

/// What is shown to whoever connects from now on.
#[derive(Debug)]
struct Shown(ArcSwap<Pair>);

#[derive(Debug)]
struct Pair {
    certified: Arc<CertifiedKey>,
    expires: SystemTime,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load().certified.clone())
    }
}

impl Certificate {
    /// Reads the files. Blocks on file I/O.
    ///
    /// # Errors
    /// [`UnfitCertificate`].
    pub fn load(files: CertificateFiles) -> Result<Self, UnfitCertificate> {
        let provider = Arc::new(ring::default_provider());
        let (read, pair) = read(&files, &provider)?;
        let shown = Arc::new(Shown(ArcSwap::from_pointee(pair?)));
        let mut config = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|_| unfit("cert", "TLS could not be set up on this machine"))?
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Certificate {
            files,
            provider,
            config: Arc::new(config),
            shown,
            read: Mutex::new(read),
            unread: Mutex::new(None),
            warned: Mutex::new(None),
            meter: None,
        })
    }

    /// Shows when it expires, as that of the listener called `listener`.
    #[must_use]
    pub fn measured(mut self, recorder: &SharedRecorder, listener: &'static str) -> Self {
        recorder.describe_gauge(
            EXPIRES.into(),
            None,
            "When a listener's certificate expires, in seconds since the Unix epoch.".into(),
        );
        let key = Key::from_parts(EXPIRES, vec![Label::new("listener", listener)]);
        self.meter = Some(recorder.register_gauge(&key, &METADATA));
        self.measure();
        self
    }

    /// When what is shown expires.
    pub fn expires(&self) -> SystemTime {
        self.shown.0.load().expires
    }

    /// Shows what the files have now, to those who connect from now on; tells whether that is another certificate. Files
    /// that were read before are not read into anything again. Blocks on file I/O.
    ///
    /// # Errors
    /// [`UnfitCertificate`]: the one that is shown stays. Told once for the same files.
    pub fn reload(&self) -> Result<bool, UnfitCertificate> {
        match self.look() {
            Looked::Same => Ok(false),
            Looked::Another => Ok(true),
            Looked::Unfit(error) | Looked::Unread(error) => Err(error),
        }
    }

    fn look(&self) -> Looked {
        let (digest, pair) = match read(&self.files, &self.provider) {
            Ok(read) => read,
            Err(error) => return Looked::Unread(error),
        };
        if std::mem::replace(&mut *locked(&self.read), digest) == digest {
            return Looked::Same;
        }
        match pair {
            Err(error) => Looked::Unfit(error),
            Ok(pair) => {
                self.shown.0.store(Arc::new(pair));
                *locked(&self.warned) = None;
                self.measure();
                Looked::Another
            }
        }
    }

    /// As [`Certificate::reload`], told to the log. Blocks on file I/O.
    pub fn look_again(&self) {
        let cert = self.files.cert.display();
        let looked = self.look();
        let unread = match &looked {
            Looked::Unread(error) => Some(error.clone()),
            Looked::Same | Looked::Another | Looked::Unfit(_) => None,
        };
        let before = std::mem::replace(&mut *locked(&self.unread), unread);
        match looked {
            Looked::Same => {}
            Looked::Another => tracing::info!(%cert, expires = %self.told_expiry(), "a new certificate is shown"),
            Looked::Unread(error) if before.as_ref() == Some(&error) => {}
            Looked::Unfit(error) | Looked::Unread(error) => {
                tracing::error!(%cert, %error, "the certificate stays as it was: its files are unfit");
            }
        }
        self.warn_of_its_end();
    }

    /// Once a day, in the last two weeks.
    fn warn_of_its_end(&self) {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let now = SystemTime::now();
        if self.expires() > now + SOON {
            return;
        }
        let mut warned = locked(&self.warned);
        let is_due = warned.is_none_or(|last| now.duration_since(last).is_ok_and(|passed| passed >= DAY));
        if is_due {
            *warned = Some(now);
            tracing::warn!(cert = %self.files.cert.display(), expires = %self.told_expiry(), "a certificate expires soon");
        }
    }

    fn told_expiry(&self) -> String {
        humantime::format_rfc3339_seconds(self.expires()).to_string()
    }

    fn measure(&self) {
        let seconds = self
            .expires()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        if let Some(meter) = &self.meter {
            meter.set(seconds.as_secs_f64());
        }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.clone())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// What a look at the files came to.
enum Looked {
    /// They are as they were when they were last read.
    Same,
    /// They have another certificate, and it is shown.
    Another,
    /// They are others, and unfit.
    Unfit(UnfitCertificate),
    /// They could not be read.
    Unread(UnfitCertificate),
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unfit(key: &'static str, sentence: impl Into<String>) -> UnfitCertificate {
    UnfitCertificate {
        key,
        sentence: sentence.into(),
    }
}

/// The digest of both files, and what they make together.
type Read = (blake3::Hash, Result<Pair, UnfitCertificate>);

fn read(files: &CertificateFiles, provider: &CryptoProvider) -> Result<Read, UnfitCertificate> {
    let bytes = |key, path| file::read(path, LONGEST).map_err(|fault| unfit(key, format!("the file {fault}")));
    let (cert, key) = (bytes("cert", &files.cert)?, bytes("key", &files.key)?);
    let mut digest = blake3::Hasher::new();
    digest
        .update(&(cert.len() as u64).to_le_bytes())
        .update(&cert)
        .update(&key);
    Ok((digest.finalize(), pair(&cert, &key, provider)))
}

fn pair(cert: &[u8], key: &[u8], provider: &CryptoProvider) -> Result<Pair, UnfitCertificate> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(cert).collect();
    let chain = chain.map_err(|_| unfit("cert", "is not PEM"))?;
    let own = chain.first().ok_or_else(|| unfit("cert", "holds no certificate"))?;
    let expires = expiry::not_after(own).ok_or_else(|| unfit("cert", "holds a certificate that cannot be read"))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| unfit("key", "holds no private key in PEM"))?;
    let certified = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => unfit("key", "is not that of the certificate"),
        rustls::Error::InvalidCertificate(_) => unfit("cert", "holds a certificate that cannot be read"),
        _ => unfit("key", "is of a kind that cannot be used"),
    })?;
    Ok(Pair {
        certified: Arc::new(certified),
        expires,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("made");
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn files(folder: &tempfile::TempDir, (cert, key): (&str, &str)) -> CertificateFiles {
        let files = CertificateFiles {
            cert: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        };
        std::fs::write(&files.cert, cert).expect("written");
        std::fs::write(&files.key, key).expect("written");
        files
    }

    #[test]
    fn only_a_pair_that_fits_is_shown_and_the_last_one_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, other) = (made("one.test"), made("two.test"));
        let certificate = Certificate::load(files(&folder, (&one.0, &one.1))).expect("a pair");
        let shown = || certificate.shown.0.load().certified.cert[0].clone();
        let first = shown();
        assert_eq!(certificate.reload(), Ok(false), "nothing has changed");
        // Half of a change is none.
        files(&folder, (&other.0, &one.1));
        assert_eq!(certificate.reload().expect_err("no pair").key, "key");
        assert_eq!(certificate.reload(), Ok(false), "told once");
        assert_eq!(shown(), first);
        std::fs::remove_file(&certificate.files.key).expect("removed");
        assert_eq!(certificate.reload().expect_err("no file").key, "key");
        files(&folder, (&other.0, &other.1));
        assert_eq!(certificate.reload(), Ok(true));
        assert_ne!(shown(), first);
    }

    #[test]
    fn files_that_come_back_unchanged_are_no_other_certificate() {
        let folder = tempfile::tempdir().expect("a folder");
        let one = made("one.test");
        let certificate = Certificate::load(files(&folder, (&one.0, &one.1))).expect("a pair");
        for _ in 0..2 {
            std::fs::remove_file(&certificate.files.key).expect("removed");
            for _ in 0..2 {
                certificate.look_again();
                assert!(locked(&certificate.unread).is_some());
            }
            files(&folder, (&one.0, &one.1));
            assert!(matches!(certificate.look(), Looked::Same));
            certificate.look_again();
            assert!(locked(&certificate.unread).is_none(), "it will be told anew");
        }
    }

    #[test]
    fn what_is_no_pair_is_refused_with_the_file_at_fault() {
        let folder = tempfile::tempdir().expect("a folder");
        let (cert, key) = made("one.test");
        for (pair, at_fault) in [
            (("", &*key), "cert"),
            (("nonsense", &key), "cert"),
            ((&cert, ""), "key"),
            ((&cert, &cert), "key"),
            ((&key, &key), "cert"),
            (
                ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key),
                "cert",
            ),
        ] {
            let error = Certificate::load(files(&folder, pair)).expect_err("unfit");
            assert_eq!(error.key, at_fault, "{error}");
        }
    }
}
