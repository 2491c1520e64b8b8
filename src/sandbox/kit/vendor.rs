//! What a vendor's sandbox must offer.
//!
//! Invariant: the rest of the sandbox names no vendor; it sees routes, refusals and frames.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::middleware;
use axum::routing::MethodRouter;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// How a vendor is known and opened.
pub(crate) struct VendorRow {
    /// The name in configuration.
    pub name: &'static str,
    /// What the vendor's base URL has after the host.
    pub base_path: &'static str,
    /// Makes a fresh instance from seeds.
    pub open: fn(Instance) -> Opened,
}

/// What a vendor is told about the server that it becomes.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    /// The server's name, made visible in the data.
    pub name: String,
    /// `http://host:port`, for the links in answers.
    pub origin: String,
    /// The accepted credential.
    pub token: SecretString,
    /// Requests allowed per window; `None`: the vendor's usual number.
    pub requests_per_window: Option<u64>,
    /// Time between two frames of a stream.
    pub chunk_pace: Duration,
}

impl Instance {
    /// Whether `offered` is the credential, without telling by time how much of it was right.
    pub fn accepts(&self, offered: &str) -> bool {
        self.token.expose_secret().as_bytes().ct_eq(offered.as_bytes()).into()
    }
}

/// A vendor in operation.
pub(crate) struct Opened {
    pub vendor: Arc<dyn Vendor>,
    pub router: Router,
}

impl Opened {
    /// A vendor, and the routes to it.
    pub fn of<V: Vendor + 'static>(vendor: V, router: fn(Arc<V>) -> Router) -> Self {
        let vendor = Arc::new(vendor);
        Opened {
            router: router(vendor.clone()),
            vendor,
        }
    }
}

/// What only the vendor can say, because it has its own words for it.
pub(crate) trait Vendor: Send + Sync {
    /// An answer that refuses a request which no handler saw.
    fn refuse(&self, refusal: Refusal) -> Response<Body>;
    /// Whether the answer to this request will be a stream of frames.
    fn wants_stream(&self, _request: &Request<Bytes>) -> bool {
        false
    }
    /// The frame by which a stream reports its failure.
    fn error_frame(&self) -> Bytes {
        Bytes::new()
    }
    /// The largest request body.
    fn max_body(&self) -> usize {
        1 << 20
    }
    /// How many items clients have created.
    fn created(&self) -> usize {
        0
    }
}

/// Why a request is refused before any handler sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The allowance is spent.
    RateLimited { retry_after: Duration },
    /// GitHub's second kind of limit; elsewhere the same as the first.
    SecondaryLimit { retry_after: Duration },
    /// The credential has expired.
    ExpiredToken,
    /// Any other error status.
    Status(StatusCode),
}

/// On a response: the route that made it, for counting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route(pub &'static str);

/// Adds routes whose answers carry the route's name.
pub(crate) trait RouteByName<S> {
    fn named(self, path: &'static str, methods: MethodRouter<S>) -> Self;
}

impl<S: Clone + Send + Sync + 'static> RouteByName<S> for Router<S> {
    fn named(self, path: &'static str, methods: MethodRouter<S>) -> Self {
        let mark = middleware::map_response(move |mut response: Response<Body>| async move {
            response.extensions_mut().insert(Route(path));
            response
        });
        self.route(path, methods.layer(mark))
    }
}
