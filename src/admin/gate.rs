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
use http::{HeaderMap, Method, Request};
use mosaic_actors::error::{Failure, Kind};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;
use url::form_urlencoded;

use super::AdminConfig;
use crate::surfaces::auth::bearer;
use crate::surfaces::hosts::{self, Hosts};
use crate::surfaces::problem::Problem;
use crate::surfaces::request_id::RequestId;

/// The parameter of an order that is not to be done.
pub(super) const DRY_RUN: &str = "dry_run";

/// The checks of one admin listener.
pub(super) struct Gate {
    addr: SocketAddr,
    hosts: Hosts,
    /// Hashed, so that comparing takes the same time for tokens of every length.
    token: Option<blake3::Hash>,
    keys: Option<AdminKeys>,
}

/// Who came through the gate, for the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Administrator {
    /// By which name it is known.
    pub who: Arc<str>,
    /// Whether it may do more than look.
    pub may_change: bool,
}

impl Administrator {
    /// One who may do everything.
    fn whole(who: &str) -> Self {
        Administrator {
            who: who.into(),
            may_change: true,
        }
    }
}

/// Knows the credentials of administrators beside the token: `None` of what is none here.
///
/// # Errors
/// `forbidden` of somebody who is known, and is no administrator.
pub type AdminKeys = Arc<dyn Fn(&str) -> Option<Result<Administrator, Failure>> + Send + Sync>;

/// Middleware: lets a request pass, or answers it.
pub(super) async fn admit(State(gate): State<Arc<Gate>>, mut request: Request<Body>, next: Next) -> Response {
    match gate.check(&request) {
        Ok(who) => {
            request.extensions_mut().insert(who);
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
            keys: config.keys.clone(),
        }
    }

    fn check(&self, request: &Request<Body>) -> Result<Administrator, Failure> {
        self.check_browser(request.headers(), request.uri().authority())?;
        let administrator = self.administrator(request.headers())?;
        let looks = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        match looks || administrator.may_change || is_rehearsed(request) {
            true => Ok(administrator),
            false => Err(looks_alone()),
        }
    }

    /// Metrics are open to this machine, save to other pages in its browsers; from elsewhere they take the token.
    pub(super) fn check_metrics(&self, request: &Request<Body>) -> Result<(), Failure> {
        if self.addr.ip().is_loopback() {
            self.check_browser(request.headers(), request.uri().authority())
        } else {
            self.administrator(request.headers()).map(drop)
        }
    }

    /// Whose bearer token it is. Where nobody has one, only this machine is let in, and is somebody.
    fn administrator(&self, headers: &HeaderMap) -> Result<Administrator, Failure> {
        let presented = bearer(headers).unwrap_or_default();
        match &self.token {
            None if self.keys.is_none() => return Ok(Administrator::whole("loopback")),
            Some(expected) => {
                let presented = blake3::hash(presented.as_bytes());
                if bool::from(presented.as_bytes().ct_eq(expected.as_bytes())) {
                    return Ok(Administrator::whole("admin"));
                }
            }
            None => {}
        }
        if let Some(found) = self.keys.as_ref().and_then(|keys| keys(presented)) {
            return found;
        }
        let sentence =
            "give the admin token, or a key with the scope admin, in the header Authorization: Bearer <token>";
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

/// Whether a request asks what an order would do, and no more: what it says of that it says once, and as it is read there.
fn is_rehearsed(request: &Request<Body>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    let mut said = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == DRY_RUN);
    *request.method() == Method::POST && said.next().is_some_and(|(_, text)| text == "true") && said.next().is_none()
}

const ANOTHER_NAME: &str = "this host name is not one of the admin surface; see its setting `hosts`";

/// Of an order by somebody who may only look.
pub(super) fn looks_alone() -> Failure {
    forbidden(
        "to change something takes the scope admin:write, which this key does not have; ?dry_run=true tells what it would do",
    )
}

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
            keys: Some(Arc::new(|key| {
                let known = |may_change| {
                    Ok(Administrator {
                        who: "ci".into(),
                        may_change,
                    })
                };
                match key {
                    "changes" => Some(known(true)),
                    "looks" => Some(known(false)),
                    "calls" => Some(Err(forbidden("no administrator"))),
                    _ => None,
                }
            })),
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
    fn whoever_may_only_look_passes_for_no_more_than_that() {
        let asked = |method: Method, query: &str, key: &str| {
            let request = Request::builder()
                .method(method)
                .uri(format!("/admin/v1/x{query}"))
                .header(HOST, "localhost:9901")
                .header(http::header::AUTHORIZATION, format!("Bearer {key}"));
            let checked = gate().check(&request.body(Body::empty()).expect("a request"));
            checked.is_ok_and(|found| found.may_change == (key == "changes"))
        };
        assert!(asked(Method::GET, "", "looks"));
        assert!(asked(Method::DELETE, "", "changes"));
        assert!(asked(Method::POST, "?dry_run=true", "looks"));
        for query in [
            "",
            "?dry_run=false",
            "?dry_run",
            "?dry_run=1",
            "?dry_run=true&dry_run=false",
            "?dry_run=false&dry_run=true",
        ] {
            assert!(!asked(Method::POST, query, "looks"), "{query}");
            assert!(asked(Method::POST, query, "changes"), "{query}");
        }
        assert!(!asked(Method::DELETE, "?dry_run=true", "looks"));
    }

    #[test]
    fn the_token_is_needed_whole() {
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::AUTHORIZATION, HeaderValue::from_static(value));
            gate()
                .administrator(&headers)
                .map(|found| found.who)
                .map_err(|failure| failure.kind)
        };
        assert_eq!(with("Bearer correct horse").as_deref(), Ok("admin"));
        for wrong in ["Bearer correct", "Bearer ", "Basic correct horse", "correct horse"] {
            assert!(with(wrong).is_err(), "{wrong}");
        }
        assert!(gate().administrator(&HeaderMap::new()).is_err());
        assert_eq!(with("Bearer changes").as_deref(), Ok("ci"));
        assert_eq!(with("Bearer calls").as_deref(), Err(&Kind::Forbidden));
    }

    #[test]
    fn where_nobody_has_a_credential_this_machine_is_let_in() {
        let open = |keys| Gate {
            token: None,
            keys,
            ..gate()
        };
        let found = open(None).administrator(&HeaderMap::new()).expect("let in");
        assert_eq!(found, Administrator::whole("loopback"));
        assert!(open(gate().keys).administrator(&HeaderMap::new()).is_err());
    }
}
