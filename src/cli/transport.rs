//! The transport below the client: addresses, TLS, bounds, and its failures in our words.
//!
//! Invariant: every wait and every body has a bound, and no failure quotes a URL, which may hold what was asked for.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use mosaic_actors::error::{Failure, Kind};
use reqwest::Response;
use url::Url;

use super::connection::Trusted;
use crate::wire::client::{self, Outbound};
use crate::wire::tls;

/// The longest answer, in bytes. Longer ones are streams, or pages.
const LONGEST_ANSWER: usize = 64 << 20;
/// Time for a connection: a gateway is near.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest silence of a server. Models think long; the gateway's own deadline comes first.
const LONGEST_SILENCE: Duration = Duration::from_secs(300);

/// What stands there answers in another language, as one that speaks TLS does.
pub const NOT_HTTP: &str = "what answers there does not speak HTTP in clear";

/// A client for the gateway at `base`; `keyed`: it will present a key; `trusted`: these authorities, too.
///
/// # Errors
/// `internal` where TLS or the client cannot be set up; `invalid_input` where a proxy could read the key, or the file holds
/// no authorities.
pub fn http_client(base: &Url, keyed: bool, trusted: Option<&Trusted>) -> Result<reqwest::Client, Failure> {
    let mut outbound = Outbound::from_env()?;
    if let Some(Trusted { named, file }) = trusted {
        outbound.authorities = tls::authorities(named, file)?;
    }
    if keyed && base.scheme() == "http" && outbound.proxies.of(base).is_some() {
        let sentence = "the key would go through a proxy in clear: use https, or name the host in NO_PROXY";
        return Err(Failure::new(Kind::InvalidInput, sentence).never_sent());
    }
    client::build(
        outbound
            .builder()?
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(LONGEST_SILENCE),
    )
}

/// Parses an address; `named` says where it came from.
///
/// # Errors
/// `invalid_input` naming that.
pub fn base_url(named: &str, text: &str) -> Result<Url, Failure> {
    let wrong = |what: &str| Failure::invalid(named, format!("{named} {what}"));
    // Most who forget it name a host, and perhaps its port: `gateway:8080` is a URL of a scheme of that name.
    let whole = || {
        let whole = format!("http://{text}");
        let is_meant = !text.contains("://") && Url::parse(&whole).is_ok_and(|url| url.has_host());
        is_meant.then_some(whole)
    };
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| match whole() {
        Some(whole) => wrong(&format!("must be an http or https URL: write {whole}")),
        None => wrong("must be an http or https URL"),
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not hold credentials; give the key in a file"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must not have a query or fragment"));
    }
    Ok(url)
}

/// The whole body of a reply.
///
/// # Errors
/// `upstream_failed` above the bound, else what [`broken`] makes of the transport's error.
pub async fn body(reply: Response) -> Result<Bytes, Failure> {
    let mut whole = Vec::new();
    let mut chunks = reply.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| broken(&error))?;
        if whole.len() + chunk.len() > LONGEST_ANSWER {
            let sentence = format!("the answer is longer than {LONGEST_ANSWER} bytes");
            return Err(Failure::new(Kind::UpstreamFailed, sentence));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.into())
}

/// A failure of the transport: its innermost cause, which is the one that tells people something.
pub fn broken(error: &reqwest::Error) -> Failure {
    let kind = if error.is_timeout() {
        Kind::Timeout
    } else {
        Kind::Network
    };
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let sentence = match tls::why(error) {
        Some(why) => why.to_owned(),
        None if kind == Kind::Timeout => "timed out".to_owned(),
        // The parser's words for the first byte of a TLS alert.
        None if cause.to_string().starts_with("invalid HTTP version") => NOT_HTTP.to_owned(),
        None => cause.to_string(),
    };
    Failure::new(kind, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_its_scheme_is_told_how_it_is_written() {
        for text in ["127.0.0.1:21082", "gateway.example:8080", "localhost"] {
            let failure = base_url("--server", text).expect_err(text);
            let wanted = format!("--server must be an http or https URL: write http://{text}");
            assert_eq!(
                (failure.field.as_deref(), failure.message()),
                (Some("--server"), &*wanted)
            );
        }
        for text in ["ftp://gateway.example", "", "http://"] {
            let failure = base_url("--server", text).expect_err(text);
            assert!(!failure.message().contains("write"), "{}", failure.message());
        }
    }
}
