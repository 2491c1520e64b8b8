//! MosAIc: one supervised gateway in front of the systems a software organisation works with.
//!
//! A gateway is a value. It runs on the caller's tokio runtime, and nothing of it is global:
//!
//! ```
//! # use mosaic::{config::BaseUrl, sandbox::{Sandbox, SandboxConfig}};
//! use mosaic::catalogue::git::{RepoGet, RepoGetInput};
//! use mosaic::config::{Config, ProviderConfig};
//! use mosaic::{Mosaic, Secret};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let sandbox = Sandbox::start(SandboxConfig::default_pair()).await?;
//! # let forge = sandbox.server("github-a").expect("one of the pair");
//! # let (token, base_url) = (forge.token().to_owned(), BaseUrl::parse(forge.base_url())?);
//! let mut config = Config::default();
//! config.providers.insert("forge".into(), ProviderConfig::new("github"));
//! # config.providers.insert("forge".into(), ProviderConfig::new("github").at(base_url));
//! let gateway = Mosaic::builder(config).credential("forge", Secret::new(token)).start().await?;
//!
//! let repo = gateway.call::<RepoGet>(RepoGetInput { repo: "acme/api".into() }).await?;
//! println!("{} is {:?}, says {}", repo.value.path, repo.value.visibility, repo.head.provider);
//! # assert_eq!((&*repo.value.path, &*repo.head.provider), ("acme/api", "forge"));
//! gateway.shutdown().await;
//! # sandbox.shutdown().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Every operation is a method as well: `gateway.git().repo_get(input)`, see [`embed::operations`]. A [`Request`](embed::Request)
//! says more about a call; [`Mosaic::stream`] brings a model's answer as it comes; [`Mosaic::router`]
//! and [`Mosaic::admin_router`] mount in a server of one's own, [`embed::serve`] binds both as the configuration says.
//! [`Mosaic::tree`], [`Mosaic::ledger`] and [`Mosaic::events`] show the supervision, [`Mosaic::metrics`] the numbers.
//!
//! What is promised is what is documented here, listed in `tests/public/surface.txt`. What is hidden is the program's, and public
//! for that and its tests alone: it may change at any time.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[cfg(feature = "server")]
#[doc(hidden)]
pub mod admin;
pub mod bus;
pub mod catalogue;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod config;
pub mod credential;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod demo;
#[cfg(feature = "server")]
#[doc(hidden)]
pub mod descriptors;
pub mod dispatch;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod doctor;
#[cfg_attr(
    not(feature = "server"),
    allow(dead_code, reason = "what only an administrator asks for is asked for by nobody")
)]
pub mod embed;
pub mod failures;
mod leisure;
mod markup;
#[cfg(feature = "server")]
#[doc(hidden)]
pub mod oauth;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod program;
pub mod providers;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod secret;
#[cfg(feature = "server")]
#[doc(hidden)]
pub mod server;
#[doc(hidden)]
pub mod stores;
#[cfg(feature = "server")]
#[doc(hidden)]
pub mod surfaces;
pub mod telemetry;
#[doc(hidden)]
pub mod wire;
mod wording;

pub use embed::Mosaic;
/// The engine: calls, failures, streams, supervision; for drivers and for programs that look inside.
pub use mosaic_actors as engine;
pub use mosaic_actors::error::{Failure, Kind};
pub use secret::Secret;
