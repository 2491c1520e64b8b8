//! Who may use the admin API, and from where.
//!
//! Invariant: a web page of another origin gets nothing, whatever its visitor's machine can reach: neither by naming
//! our address itself (its `Origin` tells), nor by having its own name resolve to it (its `Host` tells).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::Response;
use http::header::ORIGIN;
use http::uri::Authority;
use http::{HeaderMap, Request};
use mosaic_actors::error::{Failure, Kind};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::AdminConfig;
use crate::surfaces::auth::bearer;
use crate::surfaces::hosts::{self, Hosts};
use crate::surfaces::problem::Problem;
use crate::surfaces::request_id::RequestId;

/// The checks of one admin listener.
pub(super) struct Gate {
    addr: SocketAddr,
    hosts: Hosts,
    /// Hashed, so that comparing takes the same time for tokens of every length.
    token: Option<blake3::Hash>,
}

/// Who came through the gate, for the audit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who(pub(super) &'static str);

/// Middleware: lets a request pass, or answers it.
pub(super) async fn admit(State(gate): State<Arc<Gate>>, mut request: Request<Body>, next: Next) -> Response {
    match gate.check(&request) {
        Ok(()) => {
            // Without a token, only this machine may be let in.
            let who = if gate.token.is_some() { "admin" } else { "loopback" };
            request.extensions_mut().insert(Who(who));
            next.run(request).await
        }
        Err(failure) => Problem::from(failure).response(&RequestId::given(request.extensions())),
    }
}

/// Middleware of all that the listener has: what is open to this machine is so to its users, and to no page that lets a name
/// of its own resolve to it. Who names no host, such as a probe of HTTP/1.0, is no browser.
pub(super) async fn reached(State(gate): State<Arc<Gate>>, request: Request<Body>, next: Next) -> Response {
    let checked = match gate.addr.ip().is_loopback() {
        true => gate.check_name(request.headers(), request.uri().authority()),
        false => Ok(()),
    };
    match checked {
        Ok(()) => next.run(request).await,
        Err(failure) => Problem::from(failure).response(&RequestId::given(request.extensions())),
    }
}

impl Gate {
    pub(super) fn new(config: &AdminConfig) -> Self {
        Gate {
            addr: config.addr,
            hosts: Hosts::new(config.addr.ip(), &config.hosts),
            token: config
                .token
                .as_ref()
                .map(|token| blake3::hash(token.expose_secret().as_bytes())),
        }
    }

    fn check(&self, request: &Request<Body>) -> Result<(), Failure> {
        self.check_browser(request.headers(), request.uri().authority())?;
        self.check_token(request.headers())
    }

    /// Metrics are open to this machine, save to other pages in its browsers; from elsewhere they take the token.
    pub(super) fn check_metrics(&self, request: &Request<Body>) -> Result<(), Failure> {
        if self.addr.ip().is_loopback() {
            self.check_browser(request.headers(), request.uri().authority())
        } else {
            self.check_token(request.headers())
        }
    }

    /// Checks the bearer token, where one is configured.
    fn check_token(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let Some(expected) = &self.token else {
            return Ok(());
        };
        let presented = blake3::hash(bearer(headers).unwrap_or_default().as_bytes());
        if bool::from(presented.as_bytes().ct_eq(expected.as_bytes())) {
            return Ok(());
        }
        let sentence = "give the admin token, in the header Authorization: Bearer <token>";
        Err(Failure::new(Kind::Unauthenticated, sentence))
    }

    fn check_browser(&self, headers: &HeaderMap, target: Option<&Authority>) -> Result<(), Failure> {
        let host = hosts::named(headers, target).ok_or_else(|| forbidden(ANOTHER_NAME))?;
        self.check_name(headers, target)?;
        let Some(origin) = headers.get(ORIGIN) else {
            return Ok(());
        };
        let same = origin
            .to_str()
            .ok()
            .and_then(|text| text.strip_prefix("http://").or(text.strip_prefix("https://")))
            .is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_str()));
        if same {
            Ok(())
        } else {
            Err(forbidden("requests of web pages of another origin are refused"))
        }
    }

    fn check_name(&self, headers: &HeaderMap, target: Option<&Authority>) -> Result<(), Failure> {
        let checked = self.hosts.check(headers, target);
        checked.map_err(|_| forbidden(ANOTHER_NAME))
    }
}

const ANOTHER_NAME: &str = "this host name is not one of the admin surface; see its setting `hosts`";

fn forbidden(sentence: &str) -> Failure {
    Failure::new(Kind::Forbidden, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::HOST;

    fn gate() -> Gate {
        Gate {
            addr: ([10, 0, 0, 7], 9901).into(),
            hosts: Hosts::new([10, 0, 0, 7].into(), &["mosaic.internal".to_owned()]),
            token: Some(blake3::hash(b"correct horse")),
        }
    }

    fn browser(host: &'static str, origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        gate().check_browser(&headers, None).is_ok()
    }

    #[test]
    fn only_our_names_and_our_own_pages_pass() {
        for host in [
            "localhost:9901",
            "127.0.0.1",
            "[::1]:9901",
            "10.0.0.7:9901",
            "Mosaic.Internal",
        ] {
            assert!(browser(host, None), "{host}");
        }
        for host in [
            "evil.example",
            "10.0.0.8",
            "localhost.evil.example",
            "",
            "127.0.0.1.evil.example:9901",
        ] {
            assert!(!browser(host, None), "{host}");
        }
        assert!(browser("localhost:9901", Some("http://localhost:9901")));
        for origin in [
            "http://evil.example",
            "null",
            "http://localhost",
            "https://localhost:1",
            "file://",
        ] {
            assert!(!browser("localhost:9901", Some(origin)), "{origin}");
        }
        assert!(gate().check_browser(&HeaderMap::new(), None).is_err());
    }

    #[test]
    fn the_token_is_needed_whole() {
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::AUTHORIZATION, HeaderValue::from_static(value));
            gate().check_token(&headers).is_ok()
        };
        assert!(with("Bearer correct horse"));
        for wrong in ["Bearer correct", "Bearer ", "Basic correct horse", "correct horse"] {
            assert!(!with(wrong), "{wrong}");
        }
        assert!(gate().check_token(&HeaderMap::new()).is_err());
    }
}
