//! Drivers: what each provider's own API looks like, kept behind the engine's `Driver` trait.
//!
//! Invariant: a provider's name appears in its own folder and in one row of [`KINDS`], nowhere else in the product.
//!
//! To add a driver: a folder with `mod.rs` (the [`Provider`] implementation and its table of handlers), `wire.rs` (private
//! wire types) and `convert.rs` (pure converters), and one row in [`KINDS`].

mod bookstack;
mod forge;
mod gitea;
mod github;
pub mod http;
mod openai;
pub mod table;
mod woodpecker;

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::driver::Driver;
use mosaic_actors::error::Failure;
use secrecy::SecretString;
use url::Url;

use crate::catalogue::cursor::CursorKey;

pub use table::{Handlers, Provider, Reply, Request};

/// One kind of provider.
pub struct Kind {
    /// As written in the configuration: `github`.
    pub name: &'static str,
    /// The services that it has a part in.
    pub services: &'static [&'static str],
    /// Makes a driver for one instance.
    pub connect: fn(&Connection) -> Result<Arc<dyn Driver>, Failure>,
    /// The names of the operations that it can do.
    pub operations: fn() -> Vec<&'static str>,
}

/// Every kind of provider that is built in.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "bookstack",
        services: &["docs"],
        connect: table::connect::<bookstack::BookStack>,
        operations: table::operations::<bookstack::BookStack>,
    },
    Kind {
        name: "gitea",
        services: &["git", "projects"],
        connect: table::connect::<gitea::Gitea>,
        operations: table::operations::<gitea::Gitea>,
    },
    Kind {
        name: "github",
        services: &["git", "projects"],
        connect: table::connect::<github::GitHub>,
        operations: table::operations::<github::GitHub>,
    },
    Kind {
        name: "openai",
        services: &["ai"],
        connect: table::connect::<openai::OpenAi>,
        operations: table::operations::<openai::OpenAi>,
    },
    Kind {
        name: "woodpecker",
        services: &["cicd"],
        connect: table::connect::<woodpecker::Woodpecker>,
        operations: table::operations::<woodpecker::Woodpecker>,
    },
];

/// What a driver needs to serve one instance.
#[derive(Clone)]
pub struct Connection {
    /// The instance's name.
    pub instance: Arc<str>,
    /// Where the provider is; absent: the vendor's own cloud.
    pub base_url: Option<Url>,
    /// The credential; absent: anonymous.
    pub credential: Option<SecretString>,
    /// Free settings of the driver.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Shared by all drivers: connection pools, TLS.
    pub http: http::HttpClient,
    /// Seals cursors.
    pub cursors: CursorKey,
    /// How long one attempt may take.
    pub attempt_timeout: Duration,
    /// The most bytes that one upstream answer may have.
    pub max_response: usize,
}
