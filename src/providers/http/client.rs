//! The HTTP client that all drivers of a process part share, and how long it keeps idle connections.
//!
//! Invariant: all drivers draw on the same pools, so that a provider with several instances is connected to once; only
//! a server that says how long it keeps connections is asked over a pool of its own.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::HeaderMap;
use mosaic_actors::error::Failure;

use crate::wire::client::{self, Outbound, Ways};
use crate::wire::sender::{Pool, Sender};

/// How long a connection may take to stand, TLS included. A healthy provider needs far less than a second.
const CONNECT: Duration = Duration::from_secs(5);
/// Idle connections kept for each host; more only holds sockets that a burst has left behind.
const IDLE_PER_HOST: usize = 32;
/// How long an idle connection is kept unless told otherwise: below the 5 s of common application servers.
const IDLE: Duration = Duration::from_secs(4);
/// The longest that a server is believed.
const LONGEST_IDLE: Duration = Duration::from_secs(600);
/// So much sooner than the server we give a connection up: for the time that its word and our request travel.
const SOONER: Duration = Duration::from_secs(1);

/// Builds a plain client as the process's environment says: for who asks a gateway, and no provider.
///
/// # Errors
/// `internal` where it cannot be built, and as [`Outbound::from_env`].
pub fn http_client() -> Result<reqwest::Client, Failure> {
    client::build(client::builder()?.connect_timeout(CONNECT).pool_idle_timeout(IDLE))
}

/// The shared client. Cheap to clone; clones share their pools.
#[derive(Clone)]
pub struct HttpClient {
    shared: Sender,
    /// For what a provider sends us to.
    abroad: Sender,
    /// What more clients are made of.
    ways: Arc<Ways>,
}

impl HttpClient {
    /// A client that goes these ways and keeps an idle connection for `idle`. Redirects are judged by the sender, which
    /// knows what the credential is for.
    ///
    /// # Errors
    /// `internal` where there are no trust roots, or the client cannot be built.
    pub fn new(outbound: &Outbound, idle: Duration) -> Result<Self, Failure> {
        let ways = outbound.ways()?;
        Ok(HttpClient {
            shared: Sender::new(&ways, keeping(idle), false)?,
            abroad: Sender::new(&ways, keeping(idle), true)?,
            ways: Arc::new(ways),
        })
    }

    /// One as the process's environment says.
    ///
    /// # Errors
    /// As [`HttpClient::new`], and as [`Outbound::from_env`].
    pub fn from_env() -> Result<Self, Failure> {
        HttpClient::new(&Outbound::from_env()?, IDLE)
    }
}

fn keeping(idle: Duration) -> Pool {
    Pool {
        connect: CONNECT,
        idle,
        idle_per_host: IDLE_PER_HOST,
    }
}

/// The client of one instance, which listens to what its server says of its connections.
pub(super) struct KeptAlive {
    client: HttpClient,
    told: ArcSwapOption<Told>,
}

struct Told {
    idle: Duration,
    client: Sender,
}

impl KeptAlive {
    pub(super) fn new(client: HttpClient) -> Self {
        KeptAlive {
            client,
            told: ArcSwapOption::empty(),
        }
    }

    pub(super) fn client(&self) -> Sender {
        match &*self.told.load() {
            Some(told) => told.client.clone(),
            None => self.client.shared.clone(),
        }
    }

    /// The one for where a provider sends us, which does not resolve a name that leads to this machine.
    pub(super) fn abroad(&self) -> Sender {
        self.client.abroad.clone()
    }

    /// Takes an answer's `Keep-Alive: timeout=N`. The shortest time that was ever said holds, so that a server which
    /// says now this and now that does not make a client of each.
    pub(super) fn hear(&self, headers: &HeaderMap) {
        let Some(idle) = idle(headers) else {
            return;
        };
        if self.told.load().as_ref().is_some_and(|told| told.idle <= idle) {
            return;
        }
        match Sender::new(&self.client.ways, keeping(idle), false) {
            Ok(client) => self.told.store(Some(Arc::new(Told { idle, client }))),
            Err(failure) => tracing::warn!(%failure, "a client with another idle time could not be made"),
        }
    }
}

/// How long we keep a connection whose server says for how long it does (RFC 2068, section 19.7.1.1).
fn idle(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("keep-alive")?.to_str().ok()?;
    let seconds = text.split(',').find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let named = name.trim().eq_ignore_ascii_case("timeout");
        named.then(|| value.trim().trim_matches('"').parse().ok())?
    })?;
    Some(Duration::from_secs(seconds).min(LONGEST_IDLE).saturating_sub(SOONER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    #[test]
    fn the_word_of_a_server_in_its_forms() {
        let idle = |text: &str| {
            let value = HeaderValue::from_str(text).unwrap();
            idle(&HeaderMap::from_iter([(HeaderName::from_static("keep-alive"), value)])).map(|idle| idle.as_secs())
        };
        assert_eq!(idle("timeout=5"), Some(4));
        assert_eq!(idle("max=100, Timeout = \"20\""), Some(19));
        assert_eq!(idle("timeout=0"), Some(0));
        assert_eq!(idle("timeout=18446744073709551615"), Some(599));
        for odd in [
            "",
            "timeout",
            "timeout=",
            "timeout=-1",
            "timeout=soon",
            "max=3",
            "timeout=99999999999999999999",
        ] {
            assert_eq!(idle(odd), None, "{odd}");
        }
    }
}
