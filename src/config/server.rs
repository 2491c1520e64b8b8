//! The process's own sections: listeners, log, state.
//!
//! Invariant: every default here can be run as it is, on loopback, without a file or a secret.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{self, BaseUrl};
use crate::secret::SecretRef;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// `[server]`: the public listener and what one client may use of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port.
    #[schemars(schema_with = "units::listen")]
    pub listen: SocketAddr,
    /// The largest request body that is read whole, in bytes. Files that pass as they come are bounded by
    /// `gateway.max_transfer_size`.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<KIB, GIB>")]
    pub max_body: usize,
    /// What the request bodies that are read whole may take together while they come, in bytes; those of one tenant may
    /// take a quarter of it.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<MIB, { 256 * GIB }>")]
    pub max_bodies: usize,
    /// The most headers of a request.
    #[schemars(range(min = 10, max = 1000))]
    pub max_headers: usize,
    /// The most bytes of a request's head. hyper refuses less than 8 KiB.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<{ 8 * KIB }, MIB>")]
    pub max_header_bytes: usize,
    /// How long a client may take to send the head, and be silent within a body that is read whole.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<100, { 5 * MINUTE }>")]
    pub header_read_timeout: Duration,
    /// A call's deadline where the client names none, and the most that a body which is read whole may take to come.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<100, HOUR>")]
    pub request_timeout: Duration,
    /// The same for what is billed by tokens: an answer takes as long as its model writes. Ten minutes is how long the
    /// vendors' own clients wait. Cut to `max_request_timeout`.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<100, HOUR>")]
    pub ai_request_timeout: Duration,
    /// The longest deadline that a client may name.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<100, HOUR>")]
    pub max_request_timeout: Duration,
    /// How long a connection may stay open without a request.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<SECOND, HOUR>")]
    pub idle_timeout: Duration,
    /// How long a client may take nothing of what waits for it.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<100, HOUR>")]
    pub write_timeout: Duration,
    /// The most connections at one time; fewer where the process may not have as many descriptors.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections: usize,
    /// The most bytes of answers that one connection may leave unread before its further requests are refused.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<MIB, GIB>")]
    pub max_unread: usize,
    /// The same for all connections; over it, those that have taken nothing for a second are ended.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<MIB, { 256 * GIB }>")]
    pub max_unread_total: usize,
    /// After so much silence a comment is sent into a stream of events, so that nothing on the way thinks it dead.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<SECOND, { 5 * MINUTE }>")]
    pub heartbeat: Duration,
    /// The most operations in one request to `/v1/batch`.
    #[schemars(range(min = 1, max = 1000))]
    pub max_batch: usize,
    /// How many of them are done at a time.
    #[schemars(range(min = 1, max = 100))]
    pub batch_concurrency: usize,
    /// The most bytes of their answers together; one that finds no room is left out, and that is told in its place.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<KIB, GIB>")]
    pub max_batch_answers: usize,
    /// How long an upload that was refused is read on, so that its client gets to the refusal.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<0, MINUTE>")]
    pub linger: Duration,
    /// How long calls in flight may take to finish at shutdown.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<0, HOUR>")]
    pub drain_timeout: Duration,
    /// How long to go on accepting after `/readyz` turned false, so that load balancers notice.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<0, { 5 * MINUTE }>")]
    pub drain_grace: Duration,
    /// Host names under which the listener is reached where no key is asked for, beside `localhost` and its addresses;
    /// others are refused, so that no web page reaches it by a name of its own.
    #[schemars(length(max = 64), inner(length(max = 253)))]
    pub hosts: Vec<String>,
    /// Where clients find the listener, where that is not what they name as the host over plain HTTP: behind a proxy that
    /// speaks TLS. What is passed through from a provider leads back there.
    pub public_url: Option<BaseUrl>,
    /// The secret that all nodes of a deployment share: it authenticates cursors, and what nodes leave each other in a
    /// shared cache. Without it a random one is made, and cursors do not outlive the process.
    pub cluster_key: Option<SecretRef>,
    /// TLS; absent: the listener speaks plain HTTP.
    pub tls: Option<TlsConfig>,
    /// The fewest bytes of an answer that is compressed, for clients that take it so; 0: none is.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<0, GIB>")]
    pub compress_above: usize,
    /// What pages of other origins may ask; absent: nothing.
    pub cors: Option<CorsConfig>,
}

impl ServerConfig {
    /// The most bytes that bodies of one tenant take while they come: enough for the largest.
    pub fn tenant_bodies(&self) -> usize {
        self.max_body.max(self.max_bodies / 4)
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            max_body: 8 << 20,
            max_bodies: 256 << 20,
            max_headers: 100,
            max_header_bytes: 64 << 10,
            header_read_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            ai_request_timeout: Duration::from_secs(600),
            max_request_timeout: Duration::from_secs(600),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            max_connections: 10_000,
            max_unread: 64 << 20,
            max_unread_total: 256 << 20,
            // Half of the time after which impatient proxies cut an idle connection.
            heartbeat: Duration::from_secs(15),
            max_batch: 20,
            batch_concurrency: 8,
            max_batch_answers: 16 << 20,
            linger: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(30),
            drain_grace: Duration::ZERO,
            hosts: vec![],
            public_url: None,
            cluster_key: None,
            tls: None,
            compress_above: 1 << 10,
            cors: None,
        }
    }
}

/// `[server.cors]`: pages of other origins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorsConfig {
    /// Origins, to the letter; or `*` alone.
    #[schemars(length(min = 1, max = 100), inner(length(max = 260)))]
    pub origins: Vec<String>,
    /// Whether a page may send what its browser keeps for us.
    #[serde(default)]
    pub credentials: bool,
    /// How long a browser may keep what it was told.
    #[serde(default = "cors_max_age", with = "units::duration")]
    #[schemars(schema_with = "units::time::<0, DAY>")]
    pub max_age: Duration,
}

const fn cors_max_age() -> Duration {
    Duration::from_secs(600)
}

/// `[server.tls]` and `[admin.tls]`: what a listener shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The file of the certificate and those between it and its authority, in PEM.
    #[schemars(with = "String", length(min = 1, max = 4096))]
    pub cert: PathBuf,
    /// The file of its private key, in PEM.
    #[schemars(with = "String", length(min = 1, max = 4096))]
    pub key: PathBuf,
}

/// `[admin]`: the listener for operators.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// Address and port.
    #[schemars(schema_with = "units::listen")]
    pub listen: SocketAddr,
    /// The most connections at one time. They are beside those of the public listener.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_connections: usize,
    /// The token that administrators present. Required where `listen` is not loopback.
    pub token: Option<SecretRef>,
    /// Host names under which the listener is reached, beside `localhost` and its addresses; others are refused, so that
    /// no web page reaches it by a name of its own.
    #[schemars(length(max = 64), inner(length(max = 253)))]
    pub hosts: Vec<String>,
    /// TLS; absent: the listener speaks plain HTTP.
    pub tls: Option<TlsConfig>,
}

impl Default for AdminConfig {
    fn default() -> Self {
        AdminConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9901)),
            max_connections: 64,
            token: None,
            hosts: vec![],
            tls: None,
        }
    }
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people; coloured on a terminal unless `NO_COLOR` is set.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// `[log]`: what is logged, to standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Human or JSON.
    pub format: LogFormat,
    /// Levels by target, e.g. `info,mosaic=debug`.
    #[schemars(length(max = 1024))]
    pub filter: String,
    /// Lines that may wait for a slow reader; more are dropped and counted.
    #[schemars(range(min = 16, max = 1_000_000))]
    pub buffer_lines: usize,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig {
            format: LogFormat::Human,
            // ractor opens a span per actor at info; formatting them costs every message a tenth (measured).
            filter: "info,ractor=warn".to_owned(),
            buffer_lines: 8_192,
        }
    }
}

/// `[metrics]`: what is told of whom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Tenants that have a series of their own; all others share one. 0: tenants are not told apart.
    #[schemars(range(min = 0, max = 10_000))]
    pub tenants: u32,
}

/// `[events]`: what providers tell by themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EventsConfig {
    /// How long events are kept, and deliveries known by their names.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<MINUTE, { 90 * DAY }>")]
    pub retention: Duration,
    /// The most deliveries that wait to be kept; more are refused for the moment.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_pending: usize,
    /// The most that listen at one time.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_listeners: usize,
    /// The most of one tenant that do; absent: a quarter of them all.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_listeners_per_tenant: Option<usize>,
    /// How long a delivery may bring nothing before it is given up.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<100, { 10 * SECOND }>")]
    pub delivery_idle_timeout: Duration,
}

impl EventsConfig {
    /// The most of one tenant that listen at one time.
    pub fn tenant_listeners(&self) -> usize {
        let share = self.max_listeners_per_tenant.unwrap_or(self.max_listeners / 4);
        share.clamp(1, self.max_listeners)
    }
}

impl Default for EventsConfig {
    fn default() -> Self {
        EventsConfig {
            retention: Duration::from_secs(24 * 3600),
            max_pending: 1_000,
            max_listeners: 256,
            max_listeners_per_tenant: None,
            delivery_idle_timeout: Duration::from_millis(2_500),
        }
    }
}

/// `[state]`: what must outlive a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StateConfig {
    /// The SQLite file; empty: in memory, and lost at exit.
    #[schemars(with = "String", length(max = 4096))]
    pub path: PathBuf,
    /// The key that encrypts credentials at rest. Without it a file stores none.
    pub encryption_key: Option<SecretRef>,
    /// Connections that read at the same time; writes share one more.
    #[schemars(range(min = 1, max = 64))]
    pub read_connections: u32,
    /// How long an operation waits for a connection before it fails.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<10, MINUTE>")]
    pub acquire_timeout: Duration,
    /// How long the answer to an idempotency key is replayed.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<MINUTE, { 7 * DAY }>")]
    pub idempotency_ttl: Duration,
}

impl StateConfig {
    /// Whether the state is lost at exit.
    pub fn in_memory(&self) -> bool {
        self.path.as_os_str().is_empty()
    }
}

impl Default for StateConfig {
    fn default() -> Self {
        StateConfig {
            path: PathBuf::new(),
            encryption_key: None,
            read_connections: 4,
            acquire_timeout: Duration::from_secs(5),
            idempotency_ttl: Duration::from_secs(24 * 3600),
        }
    }
}
