//! Local stand-ins for real providers: HTTP servers that speak their wire formats, hold what is created, and fail on
//! command. People rehearse routing, limits and outages on them, and the drivers' tests run against them.
//!
//! The sandbox is a second, independent reading of the vendors' documents: it shares no type with a driver, so that
//! a misreading on either side shows.
//!
//! Invariant: nothing here listens beyond loopback, and no real credential is ever needed.

use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

mod anthropic;
mod bookstack;
mod ci;
mod config;
mod control;
mod count;
mod damage;
mod exchange;
mod fault;
mod fault_table;
mod forge;
mod gitea;
mod github;
mod gitlab;
mod jenkins;
mod kit;
mod model;
mod notion;
mod openai;
mod seed;
mod server;
mod socket;
mod state;
mod vendors;
mod woodpecker;

pub use config::{SandboxConfig, SandboxError, ServerConfig};
pub use control::TOKEN_HEADER;
pub use count::Requests;
pub use fault::{Effect, Fault, FaultError, MAX_FAULTS};
pub use fault_table::{FaultId, SetFault};
pub use server::{Faults, ServerHandle};

/// Running servers. Dropping it stops them without waiting; [`Sandbox::shutdown`] waits.
#[derive(Debug)]
pub struct Sandbox {
    servers: Vec<ServerHandle>,
    tasks: JoinSet<()>,
    stop: DropGuard,
}

impl Sandbox {
    /// Binds every server of `config`, then starts them all: either all run, or none.
    ///
    /// # Errors
    /// A configuration that cannot be used, or an address that cannot be listened on.
    pub async fn start(config: SandboxConfig) -> Result<Self, SandboxError> {
        config.check()?;
        let mut bound = Vec::with_capacity(config.servers.len());
        for server in config.servers {
            bound.push(server::Bound::bind(server).await?);
        }
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut servers = Vec::with_capacity(bound.len());
        for server in bound {
            servers.push(server.handle());
            tasks.spawn(server.serve(stop.clone()));
        }
        Ok(Self {
            servers,
            tasks,
            stop: stop.drop_guard(),
        })
    }

    /// All servers, in the order of the configuration.
    #[must_use]
    pub fn servers(&self) -> &[ServerHandle] {
        &self.servers
    }

    /// The server of this name.
    #[must_use]
    pub fn server(&self, name: &str) -> Option<&ServerHandle> {
        self.servers.iter().find(|server| server.name() == name)
    }

    /// Stops accepting, lets answers under way finish for two seconds, and ends the rest.
    pub async fn shutdown(self) {
        let Self { stop, mut tasks, .. } = self;
        drop(stop);
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "sandbox: a server's task failed");
            }
        }
    }
}
