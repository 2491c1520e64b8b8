//! Requests that get a credential, sent beside the calls that it is for.
//!
//! Invariant: an errand is bounded in time and size, carries no other credential than its own, and what it is refused for
//! is told without a word of the provider's.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use mosaic_actors::error::{Failure, Kind};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use url::form_urlencoded::Serializer;

use super::super::body::parse;
use super::super::collected::Collected;
use super::super::fault::Fault;
use super::super::opened::read;
use super::super::outgoing::Content;
use super::super::send::{Follow, Refused};
use super::super::{Endpoint, Outgoing};

/// The longest errand. A lease on a renewal is longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The most bytes of its answer: it is read even where there is no room for others', for a pair of tokens that is lost is not
/// given again.
const LONGEST: usize = 1 << 20;

/// What came of one.
pub(super) struct Done {
    pub(super) headers: HeaderMap,
    body: Bytes,
}

impl Done {
    /// The answer's body.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        // Whoever cannot read it must not show it: a token stands there.
        parse(&self.body).map_err(|_| {
            Failure::new(
                Kind::UpstreamFailed,
                "the answer to the request for a credential cannot be read",
            )
        })
    }
}

/// Sends one.
pub(super) async fn send(endpoint: &Endpoint, outgoing: &Outgoing) -> Result<Done, Box<Refused>> {
    let sent = async {
        let mut response = endpoint.tried(outgoing, None, Follow::Home).await?;
        let headers = std::mem::take(response.headers_mut());
        let mut part = Collected::new(LONGEST).spare();
        let body = read(response, LONGEST, &mut part).await.map_err(Refused::before)?;
        Ok(Done { headers, body })
    };
    let late = || Failure::new(Kind::Timeout, "the provider gave no credential in time");
    timeout(PATIENCE, sent)
        .await
        .unwrap_or_else(|_| Err(Refused::before(late())))
}

/// A `Bearer` credential for one request.
pub(super) fn bearer(mut outgoing: Outgoing, token: &SecretString) -> Result<Outgoing, Failure> {
    let value = sensitive(&format!("Bearer {}", token.expose_secret()))?;
    outgoing.headers.insert(AUTHORIZATION, value);
    Ok(outgoing)
}

/// Makes a form of a request.
pub(super) fn form(mut outgoing: Outgoing, fields: &[(&str, &str)]) -> Outgoing {
    let text = Serializer::new(String::new()).extend_pairs(fields).finish();
    outgoing.content = Content::Bytes(Bytes::from(text));
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    outgoing.headers.insert(CONTENT_TYPE, kind);
    outgoing
}

/// A header's value that is shown nowhere.
///
/// # Errors
/// `invalid_input` on `credential` where a header cannot hold it.
pub(super) fn sensitive(text: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Failure::invalid("credential", "the credential holds characters that no header can"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a refused errand means to the call that waits for it: our credential is at fault, and not what was called.
pub(super) fn turned_down(refused: Refused, sentence: &str) -> Failure {
    let Some(answer) = &refused.answer else {
        return refused.failure;
    };
    let ours = (400..500).contains(&answer.status.as_u16()) && answer.status != 408;
    match refused.failure.kind {
        Kind::UpstreamRateLimited => refused.failure,
        _ if ours => Fault::read(&answer.body).coded(Failure::new(Kind::UpstreamAuth, sentence)),
        _ => refused.failure,
    }
}

/// Whether a refusal is one of the token that went with the request. A proxy on the way speaks of another.
pub(super) fn is_of_token(failure: &Failure, status: StatusCode) -> bool {
    failure.kind == Kind::UpstreamAuth && status != StatusCode::PROXY_AUTHENTICATION_REQUIRED
}
