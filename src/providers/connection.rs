//! What a driver is connected by.
//!
//! Invariant: the credential is here and in the driver that is made of it, and is never shown.

use std::sync::Arc;

use mosaic_actors::call::Operations;
use mosaic_actors::policy::price::Prices;
use url::Url;

use super::directory::Directory;
use super::http::Collected;
use super::http::client::HttpClient;
use super::http::credential::{Clock, Given};
use super::http::quota::Quota;
use super::models::Models;
use crate::catalogue::cursor::CursorKey;

/// What a driver needs to serve one instance.
#[derive(Clone)]
pub struct Connection {
    /// The instance's name.
    pub instance: Arc<str>,
    /// Where the provider is; absent: the vendor's own cloud.
    pub base_url: Option<Url>,
    /// The credential; absent: anonymous.
    pub credential: Option<Given>,
    /// Free settings of the driver.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Shared by all drivers: connection pools, TLS.
    pub http: HttpClient,
    /// Seals cursors.
    pub cursors: CursorKey,
    /// Tells apart whom is asked and with which credential; the driver gives it to the engine.
    pub scope: Option<u64>,
    /// The catalogue that its capabilities are numbered by.
    pub operations: Arc<Operations>,
    /// The most bytes that one upstream answer may have.
    pub max_response: usize,
    /// What the answers that are held whole may take together; shared by all drivers of a gateway.
    pub collected: Collected,
    /// What the provider said of its limits on this credential; shared by all who come with it.
    pub quota: Arc<Quota>,
    /// Who is which account there.
    pub directory: Arc<Directory>,
    /// What is known of models by tables.
    pub models: Arc<Models>,
    /// The instance's own prices, where it has any.
    pub prices: Arc<Prices>,
    /// The time, where it decides when a token is renewed.
    pub clock: Clock,
}
