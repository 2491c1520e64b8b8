//! Files that a provider keeps elsewhere, and sends us to: logs, artifacts, archives.
//!
//! Invariant: what goes to another place holds nothing but the address itself: no credential, no cookie, no header of the
//! API; and a provider can send us neither into this machine nor to what only machines beside it may ask, and one that is
//! here itself nowhere else on it: our own administration listens here, too, and knows its callers by that.

use http::{HeaderMap, Method, StatusCode, header};
use mosaic_actors::error::{Failure, Kind};
use reqwest::Response;
use url::Url;

use super::Opened;
use super::endpoint::Endpoint;
use super::redirect::is_below;
use super::transport::{causes, unanswered};
use crate::wire::near::{self, Led, Near};
use crate::wire::sender::{Sender, Unanswered};

/// How often a place may send us on to another.
const MOST_HOPS: usize = 3;

/// Where a redirect leads that leaves the provider; none for an answer that is no redirect, or stays.
///
/// # Errors
/// `upstream_failed` where it is no place that files are fetched from.
pub(super) fn elsewhere(endpoint: &Endpoint, headers: &HeaderMap, status: StatusCode) -> Result<Option<Url>, Failure> {
    let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let (true, Some(location)) = (matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308), location) else {
        return Ok(None);
    };
    let Ok(url) = endpoint.base.join(location) else {
        return Err(refused());
    };
    // What is at home beside the API goes without the credential, as what is elsewhere.
    if is_below(&endpoint.base, &url) {
        return Ok(None);
    }
    match is_store(endpoint, &url) {
        true => Ok(Some(url)),
        false => Err(refused()),
    }
}

impl Endpoint {
    /// Opens a file at the address that an answer of the provider's tells: it is asked for without the credential.
    ///
    /// # Errors
    /// `not_found` where it is there no more, `upstream_failed` where it is no place that files are fetched from, and what a
    /// transport fails with.
    pub async fn open_at(&self, address: &str) -> Result<Opened, Failure> {
        let url = Url::parse(address)
            .ok()
            .filter(|url| is_store(self, url))
            .ok_or_else(refused);
        let opened = async { Ok((fetch(self, url?).await?, self.collected.part(false)?)) };
        let (response, part) = opened.await.map_err(|failure: Failure| failure.by(&self.instance))?;
        Ok(Opened {
            request_id: None,
            response,
            instance: self.instance.clone(),
            max_response: self.max_response,
            part,
            masks: self.masks(None),
        })
    }
}

/// Fetches a file from there.
///
/// # Errors
/// `not_found` where it is there no more, `upstream_failed` and what a transport fails with.
pub(super) async fn fetch(endpoint: &Endpoint, url: Url) -> Result<Response, Failure> {
    let mut url = url;
    for _ in 0..=MOST_HOPS {
        let client = client_for(endpoint, &url);
        let request = client.request(Method::GET, url.clone());
        let request = request.header(header::ACCEPT_ENCODING, "identity");
        let response = client.send(request).await.map_err(unreached)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let location = response.headers().get(header::LOCATION);
        let next = location.and_then(|value| url.join(value.to_str().ok()?).ok());
        match next.filter(|_| status.is_redirection()) {
            Some(next) if is_store(endpoint, &next) => url = next,
            Some(_) => return Err(refused()),
            None => return Err(missing(endpoint, status)),
        }
    }
    Err(refused())
}

/// What the place of a file says in words of its own, mostly XML, means by its status only.
fn missing(endpoint: &Endpoint, status: StatusCode) -> Failure {
    let kind = match status.as_u16() {
        404 | 410 => Kind::NotFound,
        429 => Kind::UpstreamRateLimited,
        _ => Kind::UpstreamFailed,
    };
    tracing::debug!(
        provider = &*endpoint.instance,
        status = status.as_u16(),
        "a stored file is refused"
    );
    let sentence = format!(
        "the place where the provider keeps the file answered with status {}",
        status.as_u16()
    );
    Failure::new(kind, sentence)
}

fn refused() -> Failure {
    let sentence = "the provider sends us to a place that files are not fetched from";
    Failure::new(Kind::UpstreamFailed, sentence).not_usable()
}

/// Whether files are fetched from there: from a vendor's cloud only where it is known to keep them; from a server of one's
/// own wherever it says, save from this machine and its next neighbours; from its own port, where it is itself here.
fn is_store(endpoint: &Endpoint, url: &Url) -> bool {
    let plain = url.username().is_empty() && url.password().is_none();
    let kept = url.scheme() == "https" || (url.scheme() == "http" && endpoint.base.scheme() == "http");
    let host = url
        .host_str()
        .unwrap_or_default()
        .trim_end_matches('.')
        .to_ascii_lowercase();
    let known = !endpoint.is_in_cloud() || endpoint.dialect.stores.iter().any(|end| host.ends_with(end));
    plain && kept && known && may_be_near(endpoint, url)
}

/// Whether it is no nearer to us than the provider itself, by what is written. What its name leads to is looked at when it
/// is connected to.
fn may_be_near(endpoint: &Endpoint, url: &Url) -> bool {
    match url.host() {
        Some(host) => near::of_host(&host).is_none_or(|place| {
            let port = url.port_or_known_default() == endpoint.base.port_or_known_default();
            nearness(endpoint) == Some(place) && (port || place != Near::Here)
        }),
        None => false,
    }
}

fn nearness(endpoint: &Endpoint) -> Option<Near> {
    near::of_host(&endpoint.base.host()?)
}

/// The client that a place is asked by: what is written of one that is as near as the provider was looked at, and the
/// provider's own is known wherever it is. Another name, or another port, may lead here and must not.
fn client_for(endpoint: &Endpoint, url: &Url) -> Sender {
    let place = url.host().and_then(|host| near::of_host(&host));
    let written = place.is_some() && place == nearness(endpoint);
    let own =
        url.host() == endpoint.base.host() && url.port_or_known_default() == endpoint.base.port_or_known_default();
    match written || own {
        true => endpoint.client.client(),
        false => endpoint.client.abroad(),
    }
}

/// What an error on the way there means: a name that leads here is as wrong as an address that does.
fn unreached(error: Unanswered) -> Failure {
    let led = causes(&error).any(|cause| cause.is::<Led>());
    match led {
        true => refused(),
        false => unanswered(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;
    use super::super::endpoint::tests::{DIALECT, connection};
    use super::*;
    use crate::providers::http::HttpClient;
    use crate::wire::client::Outbound;
    use std::time::Duration;

    static CLOUD: Dialect = Dialect {
        stores: &[".store.example.net"],
        ..DIALECT
    };

    #[test]
    fn files_are_fetched_from_where_they_may_be() {
        let cloud = Endpoint::new(&connection(None), &CLOUD).unwrap();
        let own = Endpoint::new(&connection(Some("https://git.example.org/api")), &CLOUD).unwrap();
        let here = Endpoint::new(&connection(Some("http://127.0.0.1:3000/api")), &CLOUD).unwrap();
        for (url, at_cloud, at_own, at_here) in [
            ("https://a.store.example.net/x?sig=1", true, true, true),
            ("http://a.store.example.net/x", false, false, true),
            ("https://evil.example/x", false, true, true),
            ("https://evilstore.example.net/x", false, true, true),
            ("https://u:p@a.store.example.net/x", false, false, false),
            ("https://169.254.169.254/latest", false, false, false),
            ("https://[fd00:ec2::254]/latest", false, false, false),
            ("http://localhost:3000/x", false, false, true),
            ("https://[::1]:3000/x", false, false, true),
            ("http://[::ffff:127.0.0.1]:3000/x", false, false, true),
            // What else listens on this machine, our own administration above all.
            ("https://localhost/x", false, false, false),
            ("http://127.0.0.1:9901/admin/v1/tree", false, false, false),
            ("http://127.9.9.9:9901/x", false, false, false),
            ("http://[::]:9901/x", false, false, false),
            ("http://admin.localhost:9901/x", false, false, false),
            ("file:///etc/passwd", false, false, false),
        ] {
            let url = Url::parse(url).unwrap();
            let may = [&cloud, &own, &here].map(|endpoint| is_store(endpoint, &url));
            assert_eq!(may, [at_cloud, at_own, at_here], "{url}");
        }
    }

    #[test]
    fn a_redirect_that_stays_is_none_of_these() {
        let own = Endpoint::new(&connection(Some("https://git.example.org/api")), &CLOUD).unwrap();
        let leads = |to: &'static str, status| {
            let headers = HeaderMap::from_iter([(header::LOCATION, http::HeaderValue::from_static(to))]);
            elsewhere(&own, &headers, StatusCode::from_u16(status).unwrap())
        };
        assert!(leads("https://git.example.org/api/x", 302).unwrap().is_none());
        assert!(leads("/api/x", 302).unwrap().is_none());
        // What is beside the API is asked for without what the API is asked with.
        assert!(leads("/x", 302).unwrap().is_some());
        assert!(leads("/api/../x", 302).unwrap().is_some());
        assert!(leads("https://other.example.org/x", 200).unwrap().is_none());
        assert!(leads("https://other.example.org/x", 302).unwrap().is_some());
        assert!(leads("https://127.0.0.1/x", 302).is_err());
    }

    #[tokio::test]
    async fn a_name_that_leads_here_is_no_place_of_files() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let port = listener.local_addr().expect("it is bound").port();
        // As a redirect would have it whose host is a name in somebody's own domain.
        let url = Url::parse(&format!("http://localhost:{port}/x")).unwrap();
        let mut connection = connection(Some("http://git.example.org/api"));
        connection.http = HttpClient::new(&Outbound::default(), Duration::ZERO).unwrap();
        let own = Endpoint::new(&connection, &CLOUD).unwrap();
        let failure = fetch(&own, url.clone()).await.expect_err("it leads here");
        assert_eq!((failure.kind, failure.message()), (refused().kind, refused().message()));
        // Nor is another port of a name that leads here, of a provider that is here by that name.
        let mut base = url.clone();
        base.set_port(Some(if port == 1 { 2 } else { 1 })).unwrap();
        let url = Url::parse(&format!("http://localhost:{port}/x")).unwrap();
        connection.base_url = Some(base);
        let here = Endpoint::new(&connection, &CLOUD).unwrap();
        assert!(!is_store(&here, &url));
        let nobody = listener.accept().expect_err("nobody came");
        assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    }
}
