//! Connections to others: directly or through a proxy, in clear or by TLS.
//!
//! Invariant: a connection stands within its time or is none; and no address of a proxy, which may hold a password, reaches
//! an error.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::uri::Scheme;
use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower_service::Service;
use url::Url;

use super::near::Abroad;
use super::proxies::Proxies;
use super::upstream::{Duplex, Upstream};

type BoxError = Box<dyn Error + Send + Sync>;
type Pending<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// How long a silent connection is left alone before it is asked whether it still stands, and how long for between two
/// such questions.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// How many such questions may stay without an answer.
const UNANSWERED: u32 = 3;
/// How long what was sent may stay unacknowledged.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

type Stream = Box<dyn Duplex>;

/// Makes connections for the HTTP client.
#[derive(Clone)]
pub(super) struct Connector {
    reach: Reach,
    tls: TlsConnector,
    proxies: Proxies,
    within: Duration,
}

impl Connector {
    /// One that trusts as `tls` has it; `abroad`: it resolves no name that leads to this machine or its neighbours.
    pub(super) fn new(tls: ClientConfig, proxies: Proxies, within: Duration, abroad: Option<Arc<Abroad>>) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(abroad));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(within));
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(UNANSWERED));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        // A proxy is told by HTTP/1.1 where to.
        let mut to_proxies = tls.clone();
        to_proxies.alpn_protocols.clear();
        Connector {
            reach: Reach {
                tcp,
                tls: TlsConnector::from(Arc::new(to_proxies)),
            },
            tls: TlsConnector::from(Arc::new(tls)),
            proxies,
            within,
        }
    }

    async fn connect(mut self, to: Uri) -> Result<TokioIo<Upstream>, BoxError> {
        let url = Url::parse(&to.to_string())?;
        let secure = to.scheme() == Some(&Scheme::HTTPS);
        let proxy = self.proxies.of(&url);
        let (stream, proxied): (Stream, bool) = match proxy {
            None => (Box::new(self.reach.tcp.call(to.clone()).await?.into_inner()), false),
            Some(proxy) if secure => {
                let mut tunnel = Tunnel::new(place(proxy)?, self.reach);
                if let Some(shown) = shown(proxy) {
                    tunnel = tunnel.with_auth(shown);
                }
                (tunnel.call(to.clone()).await?.into_inner(), false)
            }
            Some(proxy) => (self.reach.call(place(proxy)?).await?.into_inner(), true),
        };
        if !secure {
            return Ok(TokioIo::new(Upstream::new(stream, proxied, false)));
        }
        let stream = self.tls.connect(name(&to)?, stream).await?;
        let by_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(TokioIo::new(Upstream::new(Box::new(stream), false, by_h2)))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Upstream>;
    type Error = BoxError;
    type Future = Pending<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let within = connector.within;
            let stands = tokio::time::timeout(within, connector.connect(to)).await;
            stands.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
        })
    }
}

/// Reaches a server by its own scheme: a proxy, whatever is asked for through it.
#[derive(Clone)]
struct Reach {
    tcp: HttpConnector<Resolver>,
    tls: TlsConnector,
}

impl Service<Uri> for Reach {
    type Response = TokioIo<Stream>;
    type Error = BoxError;
    type Future = Pending<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = self.tcp.call(to.clone());
        let tls = self.tls.clone();
        Box::pin(async move {
            let tcp: TcpStream = connecting.await?.into_inner();
            let stream: Stream = match to.scheme() == Some(&Scheme::HTTPS) {
                true => Box::new(tls.connect(name(&to)?, tcp).await?),
                false => Box::new(tcp),
            };
            Ok(TokioIo::new(stream))
        })
    }
}

/// The name that a server's certificate is to be for.
fn name(to: &Uri) -> Result<ServerName<'static>, BoxError> {
    let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
    Ok(ServerName::try_from(host.to_owned())?)
}

/// Where a proxy is.
fn place(proxy: &Url) -> Result<Uri, BoxError> {
    let mut bare = proxy.clone();
    // Neither can be refused where there is a host.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    Ok(bare.as_str().parse()?)
}

/// What a proxy is shown, where its address holds a name and a password.
pub(super) fn shown(proxy: &Url) -> Option<HeaderValue> {
    if proxy.username().is_empty() && proxy.password().is_none() {
        return None;
    }
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy();
    let pair = format!(
        "{}:{}",
        decoded(proxy.username()),
        decoded(proxy.password().unwrap_or_default())
    );
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Resolves names: all, or those that do not lead here.
#[derive(Clone)]
pub(super) struct Resolver(Option<Arc<Abroad>>);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pending<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let abroad = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if let Some(abroad) = abroad {
                abroad.judge(name.as_str(), &found)?;
            }
            Ok(found.into_iter())
        })
    }
}
