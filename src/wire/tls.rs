//! Trust in the certificates of others, and why a handshake failed, in our words.
//!
//! Invariant: trust is only ever added to the platform's, and a failed handshake's sentence quotes nothing of the
//! peer's.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{AlertDescription, CertificateError, ClientConfig};
use rustls_platform_verifier::Verifier;

use crate::secret::file;

/// The largest file of authorities, in bytes: several times what a system's whole bundle has.
const LONGEST_BUNDLE: usize = 4 << 20;

/// The authorities in the PEM file at `path`; `key` is where it is named. Blocks on file I/O.
///
/// # Errors
/// `invalid_input` on `key`.
pub fn authorities(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let wrong = |what: &str| Failure::invalid(key, format!("{key}: {} {what}", path.display()));
    let bytes = file::read(path, LONGEST_BUNDLE).map_err(|fault| wrong(&fault.to_string()))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = read.map_err(|_| wrong("is not PEM"))?;
    let mut store = rustls::RootCertStore::empty();
    for certificate in &certificates {
        let unfit = |_| wrong("holds a certificate that cannot be read");
        store.add(certificate.clone()).map_err(unfit)?;
    }
    match certificates.is_empty() {
        true => Err(wrong("holds no certificate")),
        false => Ok(certificates),
    }
}

/// TLS by ring, trusting the platform's roots and `more`.
///
/// # Errors
/// `internal` where there is nothing to trust.
pub fn config(more: &[CertificateDer<'static>]) -> Result<ClientConfig, Failure> {
    let wrong =
        |error: rustls::Error| Failure::new(Kind::Internal, "TLS could not be set up on this machine").because(error);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(more.to_vec(), provider.clone()).map_err(wrong)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        // The method is called dangerous because any verifier may be given; ours is the platform's.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// What kept a handshake from succeeding, where `error` or one of its causes is that.
pub fn why(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(sentence(found));
        }
        // An I/O error's source is that of the error within it, which would be passed over.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(within) => Some(within),
            None => error.source(),
        };
    }
    None
}

const NOT_FOR_SERVERS: &str = "its certificate is not one for servers";

/// Two of the verifier's errors have no type that we could name; a test holds these words.
fn unfit(words: &str) -> &'static str {
    match words {
        "certificate had invalid extensions" => NOT_FOR_SERVERS,
        words if words.contains("CaUsedAsEndEntity") => {
            "its certificate is an authority's own (self-signed): let that authority make one for the server"
        }
        _ => "its certificate is not acceptable",
    }
}

/// What the sentence on an authority that nobody trusts holds.
pub const UNKNOWN_ISSUER: &str = "(unknown issuer)";

fn sentence(error: &rustls::Error) -> &'static str {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, InvalidPurpose, InvalidPurposeContext, NotValidForName,
        NotValidForNameContext, NotValidYet, NotValidYetContext, Other, Revoked, UnknownIssuer,
    };
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            // Signed by another authority of the same name.
            UnknownIssuer | BadSignature => {
                "its certificate was issued by an authority that is not trusted here (unknown issuer); a private one is \
                 trusted by `ca_file`"
            }
            Expired | ExpiredContext { .. } => "its certificate has expired",
            NotValidYet | NotValidYetContext { .. } => {
                "its certificate is not valid yet, or this machine's clock is wrong"
            }
            NotValidForName | NotValidForNameContext { .. } => "its certificate is for another name (wrong name)",
            Revoked => "its certificate was revoked",
            InvalidPurpose | InvalidPurposeContext { .. } => NOT_FOR_SERVERS,
            Other(other) => unfit(&other.to_string()),
            _ => "its certificate is not acceptable",
        },
        rustls::Error::NoCertificatesPresented => "it showed no certificate",
        rustls::Error::InvalidMessage(_) => "it does not speak TLS there",
        rustls::Error::PeerIncompatible(_) => "it speaks no version or cipher of TLS that we do",
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
            "it speaks no version or cipher of TLS that we do"
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => "it asks for a certificate of ours",
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            "it does not know the name it was called by"
        }
        rustls::Error::AlertReceived(_) => "it broke the TLS handshake off",
        _ => "the TLS handshake failed",
    }
}
