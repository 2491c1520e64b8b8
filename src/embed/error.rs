//! What keeps a gateway from starting.
//!
//! Invariant: each error says which key of the configuration to look at, and none quotes a secret.

use std::error::Error;
use std::fmt;

use metrics_exporter_prometheus::BuildError;
use mosaic_actors::error::Failure;

use crate::config::ConfigErrors;
use crate::secret::{KeyError, SecretError};
#[cfg(feature = "server")]
use crate::server::UnfitCertificate;
use crate::stores::{NotBuilt, OpenError, TierOpenError};

/// Why a gateway did not start. Its `Debug` is the sentence and its causes: a `main` that returns it prints that.
#[derive(thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The configuration asks for a part that this build lacks.
    #[error(transparent)]
    NotBuilt(#[from] NotBuilt),
    /// A provider cannot be made.
    #[error("providers.{name}: {failure}")]
    Provider {
        /// The instance.
        name: String,
        /// What is wrong with it.
        failure: Box<Failure>,
    },
    /// A provider's credential cannot be read.
    #[error("providers.{name}.{key}: {error}")]
    Credential {
        /// The instance.
        name: String,
        /// The key of its table that leads to what cannot be read.
        key: &'static str,
        /// What is wrong with it.
        error: SecretError,
    },
    /// The secret of a provider's webhook is unfit.
    #[error("providers.{name}.webhook.{key}: must be at least 16 bytes long")]
    WeakWebhook {
        /// The instance.
        name: String,
        /// The key of its webhook's table.
        key: &'static str,
    },
    /// The admin token cannot be read.
    #[error("admin.token: {0}")]
    AdminToken(SecretError),
    /// The admin token is unfit.
    #[error("admin.token: must be at least 16 bytes long")]
    WeakAdminToken,
    /// An API key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The state store cannot be opened.
    #[error(transparent)]
    State(#[from] OpenError),
    /// The nodes' shared secret cannot be read.
    #[error("server.cluster_key: {0}")]
    ClusterKey(SecretError),
    /// The nodes' shared secret is unfit.
    #[error("server.cluster_key: must be at least 32 bytes long")]
    WeakClusterKey,
    /// A cache tier cannot be made.
    #[error(transparent)]
    Tier(#[from] TierOpenError),
    /// The metrics cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] BuildError),
    /// The shared HTTP client cannot be made.
    #[error("the way to providers: {}", .0.message())]
    Http(Failure),
    /// An operation of the program's own cannot be declared so.
    #[error("operation {}: {}", .0.field.as_deref().unwrap_or("?"), .0.message())]
    Operation(Failure),
    /// The tree did not come up.
    #[error(transparent)]
    Tree(#[from] mosaic_actors::supervision::StartError),
    /// A listener has no certificate that it could show.
    #[cfg(feature = "server")]
    #[error("{}.tls.{error}", section(.listener))]
    Certificate {
        /// `public` or `admin`.
        listener: &'static str,
        /// What is wrong with its files.
        error: UnfitCertificate,
    },
    /// A listener cannot be bound.
    #[error("{}: cannot listen on {address}: {error}", listen_key(.listener))]
    Bind {
        /// `public` or `admin`.
        listener: &'static str,
        /// Where.
        address: std::net::SocketAddr,
        /// The system's word.
        error: std::io::Error,
    },
}

/// The section that a listener is set by.
#[cfg(feature = "server")]
fn section(listener: &str) -> &'static str {
    match listener {
        "admin" => "admin",
        _ => "server",
    }
}

/// The key that a listener's address is set by.
fn listen_key(listener: &str) -> &'static str {
    match listener {
        "admin" => "admin.listen",
        _ => "server.listen",
    }
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = self.to_string();
        let mut next = self.source();
        while let Some(cause) = next {
            let sentence = cause.to_string();
            // Some sentences quote their cause themselves.
            if !told.contains(&sentence) {
                told = format!("{told}: {sentence}");
            }
            next = cause.source();
        }
        f.write_str(&told)
    }
}

impl StartError {
    /// The configuration's key to look at, and what is wrong there; an empty key where it is none.
    pub(super) fn place(&self) -> (String, String) {
        let at = |path: &str, what: &dyn ToString| (path.to_owned(), what.to_string());
        match self {
            StartError::Provider { name, failure } => {
                let field = failure.field.as_deref().map(|field| format!(".{field}"));
                let path = format!("providers.{name}{}", field.unwrap_or_default());
                (path, failure.message().to_owned())
            }
            StartError::Credential { name, key, error } => at(&format!("providers.{name}.{key}"), error),
            StartError::WeakWebhook { name, key } => {
                let path = format!("providers.{name}.webhook.{key}");
                at(&path, &"must be at least 16 bytes long")
            }
            StartError::AdminToken(error) => at("admin.token", error),
            StartError::WeakAdminToken => at("admin.token", &"must be at least 16 bytes long"),
            StartError::Key(KeyError::Secret { name, error }) => at(&format!("keys.{name}.key"), error),
            StartError::Key(KeyError::TooShort(name)) => {
                at(&format!("keys.{name}.key"), &"the key is shorter than 16 bytes")
            }
            StartError::Key(KeyError::Duplicate { name, other }) => {
                at(&format!("keys.{name}.key"), &format!("the same key as keys.{other}"))
            }
            StartError::State(error) => at(error.key(), &format!("{}. {}", error.sentence(), error.remedy())),
            #[cfg(feature = "server")]
            StartError::Certificate { listener, error } => {
                at(&format!("{}.tls.{}", section(listener), error.key), &error.sentence)
            }
            StartError::ClusterKey(error) => at("server.cluster_key", error),
            StartError::WeakClusterKey => at("server.cluster_key", &"must be at least 32 bytes long"),
            StartError::Tier(TierOpenError::Password(error)) => at("cache.l2.password", error),
            // Named by the key, or by the variable, that leads there.
            StartError::Http(failure) => {
                let path = failure.field.as_deref().unwrap_or("outbound");
                (path.to_owned(), failure.message().to_owned())
            }
            other => at("", other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_main_that_returns_it_prints_its_sentence_and_its_causes() {
        let taken = StartError::Bind {
            listener: "admin",
            address: ([127, 0, 0, 1], 9901).into(),
            error: std::io::Error::other("it is taken"),
        };
        assert_eq!(
            format!("{taken:?}"),
            "admin.listen: cannot listen on 127.0.0.1:9901: it is taken"
        );
        let failure = Failure::invalid("base_url", "base_url must be a URL").into();
        let provider = StartError::Provider {
            name: "forge".to_owned(),
            failure,
        };
        assert_eq!(format!("{provider:?}"), provider.to_string());
        let text = "[server]\nlisten = 1\n[nonsense]\n";
        let faults = crate::config::Config::parse(text, "my.toml", [].into_iter(), &crate::Mosaic::known());
        let config = StartError::from(faults.unwrap_err());
        let told = format!("{config:?}");
        assert!(
            told.contains("my.toml:2: server.listen") && told.contains("nonsense"),
            "{told}"
        );
    }
}
