//! `[graphql]`: what one request, one batch and one socket of `/graphql` may ask for.
//!
//! Invariant: every limit has a bound, so that none can be switched off.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// `[graphql]`: the limits of `/graphql`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GraphqlConfig {
    /// Whether the schema is told to whoever may ask. It holds nothing but what there is for them.
    pub introspection: bool,
    /// The most fields within each other.
    #[schemars(range(min = 2, max = 60))]
    pub max_depth: usize,
    /// What a query may cost: each field counts one, each call ten (a write twenty, heavy work forty, a model's answer a
    /// hundred), and what is asked of the rows of a list counts as often as there may be rows.
    #[schemars(range(min = 100, max = 1_000_000))]
    pub max_complexity: usize,
    /// The most aliases of a query.
    #[schemars(range(min = 0, max = 1_000))]
    pub max_aliases: usize,
    /// The most requests of a batch.
    #[schemars(range(min = 1, max = 100))]
    pub max_batch: usize,
    /// The longest query, in bytes.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<KIB, MIB>")]
    pub max_document: usize,
    /// What the answers to the calls of one request may hold together, in bytes; of a WebSocket, all that waits to be read.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<{ 64 * KIB }, GIB>")]
    pub max_answers: usize,
    /// The most calls of one request, or of one batch, at a time.
    #[schemars(range(min = 1, max = 100))]
    pub max_concurrent_calls: usize,
    /// The room for persisted queries, in bytes; the oldest give way.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<{ 64 * KIB }, GIB>")]
    pub persisted_queries: usize,
    /// The most sockets at a time.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_sockets: usize,
    /// The longest message of a socket, in bytes: a query with its variables.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<{ 4 * KIB }, { 64 * MIB }>")]
    pub max_message: usize,
    /// The most operations of one socket at a time.
    #[schemars(range(min = 1, max = 1_000))]
    pub max_subscriptions: usize,
    /// How long a socket may take to say who it is.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<100, MINUTE>")]
    pub init_timeout: Duration,
    /// How often a socket is pinged; one that says nothing until the next ping is closed.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<100, { 10 * MINUTE }>")]
    pub ping_interval: Duration,
}

impl Default for GraphqlConfig {
    fn default() -> Self {
        GraphqlConfig {
            introspection: true,
            max_depth: 15,
            max_complexity: 10_000,
            max_aliases: 30,
            max_batch: 10,
            max_document: 64 * 1024,
            max_answers: 32 << 20,
            max_concurrent_calls: 8,
            persisted_queries: 4 << 20,
            max_sockets: 1_000,
            max_message: 256 * 1024,
            max_subscriptions: 32,
            init_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(30),
        }
    }
}
