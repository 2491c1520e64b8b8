//! Sending: one request, at most one redirect within the same API, two to a file, one bounded answer.
//!
//! Invariant: a request is marked unsent only where no connection stood or its dialect knows that nothing was done, and a
//! credential never leaves for another origin than its instance's, save a second place of its API that its kind declares.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::UPLOAD_FIELD;
use reqwest::Response;

use super::collected::{Collected, Part};
use super::credential::Token;
use super::dialect::{is_page, misplaced};
use super::health::routeless;
use super::merged::merged;
use super::opened::read;
use super::outgoing::Content;
use super::passed::Masks;
use super::quota::Quota;
use super::redirect::moved;
use super::revalidation::{Subject, is_order};
use super::transport::unanswered;
use super::{Endpoint, Opened, Outgoing, Received, Refusal, store};

/// How much of a refusal's body is read: error objects are small, error pages need not be known to their end.
const REFUSAL_BODY: usize = 64 << 10;
/// The same of one that is passed on.
const PASSED_REFUSAL: usize = 1 << 20;
/// The longest request id that is passed on.
const REQUEST_ID: usize = 128;

/// Where a redirect is followed to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    /// Within the provider alone.
    Home,
    /// Also to where it keeps its files.
    Stored,
    /// Nowhere: it is the answer.
    Nowhere,
    /// Nowhere, and whatever comes is the answer, in whichever form.
    Passed,
}

impl Follow {
    /// How many redirects within the provider are followed.
    fn hops(self, outgoing: &Outgoing) -> usize {
        match self {
            // A file of a repository that was renamed: to its new name, and from there to a signed address.
            Follow::Stored if outgoing.method == Method::GET => 2,
            Follow::Home | Follow::Stored => 1,
            Follow::Nowhere | Follow::Passed => 0,
        }
    }
}

/// A request that was not accepted.
pub(super) struct Refused {
    /// What it means.
    pub(super) failure: Failure,
    /// How it was refused; `None`: nothing came that could be read.
    pub(super) answer: Option<Answered>,
}

/// A refusal as it came.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The first bytes of its body.
    pub(super) body: Bytes,
    /// They are all of it.
    pub(super) whole: bool,
}

impl Refused {
    /// Where no refusal came.
    pub(super) fn before(failure: Failure) -> Box<Self> {
        Box::new(Refused { failure, answer: None })
    }

    /// The refusal's status.
    pub(super) fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(|answer| answer.status.as_u16())
    }
}

impl Endpoint {
    /// Sends a request and receives its whole answer. The engine alone keeps time.
    ///
    /// # Errors
    /// What the dialect makes of a refusal; `network`, `timeout` or `upstream_failed`.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Received, Failure> {
        let attempt = async {
            let part = self.collected.part(is_order(&outgoing.method))?;
            let (response, worn) = self.accepted(outgoing, Follow::Home).await?;
            self.received(response, part, worn).await
        };
        attempt.await.map_err(|failure: Failure| failure.by(&self.instance))
    }

    /// As [`Endpoint::send`], of an order that may be answered with a redirect: that is its answer, and nobody goes there.
    ///
    /// # Errors
    /// As [`Endpoint::send`].
    pub async fn send_unfollowed(&self, outgoing: Outgoing) -> Result<(StatusCode, Received), Failure> {
        let attempt = async {
            let part = self.collected.part(is_order(&outgoing.method))?;
            let (response, worn) = self.accepted(outgoing, Follow::Nowhere).await?;
            Ok((response.status(), self.received(response, part, worn).await?))
        };
        attempt.await.map_err(|failure: Failure| failure.by(&self.instance))
    }

    async fn received(
        &self,
        mut response: Response,
        mut part: Part,
        worn: Option<Arc<Token>>,
    ) -> Result<Received, Failure> {
        let masks = self.masks(worn.as_ref());
        let request_id = self.request_id(response.headers(), &masks);
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let body = read(response, self.max_response, &mut part).await?;
        let body = masks.whole(body);
        let misplaced = misplaced(&self.base, self.dialect, &headers);
        let mut received = Received::new(headers, body, request_id, self.instance.clone());
        received.part = Some(part);
        received.misplaced = misplaced;
        received.no_content = status == StatusCode::NO_CONTENT;
        received.created = status == StatusCode::CREATED;
        Ok(received)
    }

    /// Sends a request and resolves when the provider has accepted it.
    ///
    /// # Errors
    /// As [`Endpoint::send`].
    pub async fn open(&self, outgoing: Outgoing) -> Result<Opened, Failure> {
        self.opened(outgoing, Follow::Home).await
    }

    /// As [`Endpoint::open`], of a file that the provider may keep at another place: who is sent there goes without the
    /// credential, see [`store`](super::store).
    ///
    /// # Errors
    /// As [`Endpoint::send`]; `upstream_failed` where it is no place that files are fetched from.
    pub async fn open_stored(&self, outgoing: Outgoing) -> Result<Opened, Failure> {
        self.opened(outgoing, Follow::Stored).await
    }

    async fn opened(&self, outgoing: Outgoing, follow: Follow) -> Result<Opened, Failure> {
        let accepted = async {
            let part = self.collected.part(is_order(&outgoing.method))?;
            Ok((self.accepted(outgoing, follow).await?, part))
        };
        let ((response, worn), part) = accepted.await.map_err(|failure: Failure| failure.by(&self.instance))?;
        let masks = self.masks(worn.as_ref());
        Ok(Opened {
            request_id: self.request_id(response.headers(), &masks),
            response,
            instance: self.instance.clone(),
            max_response: self.max_response,
            part,
            masks,
        })
    }

    /// The limits on whoever comes with this token.
    pub(super) fn quota_of<'a>(&'a self, token: Option<&'a Token>) -> &'a Quota {
        token.and_then(|token| token.quota.as_deref()).unwrap_or(&self.quota)
    }

    /// Sends a request once, with a token beside the endpoint's own headers.
    pub(super) async fn tried(
        &self,
        outgoing: &Outgoing,
        token: Option<&Arc<Token>>,
        follow: Follow,
    ) -> Result<Response, Box<Refused>> {
        let _sending = outgoing.sending();
        let mut response = self.exchange(outgoing, token).await.map_err(Refused::before)?;
        let (moves, passed) = (response.status().is_redirection(), follow == Follow::Passed);
        if (moves && follow == Follow::Nowhere) || (passed && (moves || response.status().is_success())) {
            return Ok(response);
        }
        let mut there = None;
        for _ in 0..follow.hops(outgoing) {
            let last = there.as_ref().unwrap_or(outgoing);
            let writes = self.dialect.follows_writes;
            let Some(url) = moved(last, &self.base, response.status(), response.headers(), writes) else {
                break;
            };
            let next = last.at(url);
            response = self.exchange(&next, token).await.map_err(Refused::before)?;
            there = Some(next);
        }
        // What has moved at home may be kept elsewhere, too: the files of a repository that was renamed.
        if follow == Follow::Stored {
            let elsewhere = store::elsewhere(self, response.headers(), response.status());
            if let Some(url) = elsewhere.map_err(Refused::before)? {
                return store::fetch(self, url).await.map_err(Refused::before);
            }
        }
        let most = if passed { PASSED_REFUSAL } else { REFUSAL_BODY };
        self.judged(outgoing, response, token, most).await
    }

    /// Tells a success from a refusal, of whose body `most` bytes are read.
    async fn judged(
        &self,
        outgoing: &Outgoing,
        response: Response,
        token: Option<&Arc<Token>>,
        most: usize,
    ) -> Result<Response, Box<Refused>> {
        if response.status().is_success() {
            return match self.unusable(outgoing, response.headers()) {
                Some(failure) => Err(Refused::before(failure)),
                None => Ok(response),
            };
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let (body, whole) = read_some(response, most, &self.collected).await;
        let body = self.masks(token).whole(Bytes::from(body));
        let quota = self.quota_of(token.map(Arc::as_ref));
        let refusal = Refusal {
            status,
            headers: &headers,
            body: &body,
            sent: outgoing.bytes(),
            method: &outgoing.method,
            path: outgoing.url.path(),
            now: Timestamp::now(),
        };
        let failure = refusal.heed((self.dialect.refuse)(&refusal), self.spent);
        let mut failure = quota.patient(failure, self.dialect.quiet, refusal.now);
        if (self.dialect.limits_all)(&refusal) {
            quota.close(&failure);
        }
        if let Some(why) = misplaced(&self.base, self.dialect, &headers).filter(|_| routeless(&failure)) {
            // It is not for want of what was asked for, and says nothing of that.
            let sentence = "what answers there is not the provider's API";
            failure = Failure::new(Kind::UpstreamFailed, sentence).not_usable().also(&why);
        }
        if outgoing.is_upload() && status == StatusCode::PAYLOAD_TOO_LARGE {
            failure.field = Some(Arc::from(UPLOAD_FIELD));
        }
        let answer = Some(Answered {
            status,
            headers,
            body,
            whole,
        });
        Err(Box::new(Refused { failure, answer }))
    }

    /// Why a success is none that can be used.
    fn unusable(&self, outgoing: &Outgoing, headers: &HeaderMap) -> Option<Failure> {
        if !outgoing.is_through() {
            return Some(deaf());
        }
        if is_order(&outgoing.method) && !self.dialect.pages && is_page(headers) {
            let sentence = "a web page came in the place of an answer: whether it was done is unknown";
            let failure = Failure::new(Kind::UpstreamFailed, sentence).not_usable();
            return Some(match misplaced(&self.base, self.dialect, headers) {
                Some(why) => failure.also(&why),
                None => failure,
            });
        }
        packed(headers)
    }

    async fn exchange(&self, outgoing: &Outgoing, token: Option<&Arc<Token>>) -> Result<Response, Failure> {
        let client = self.client.client();
        let request = client.request(outgoing.method.clone(), outgoing.url.clone());
        let request = match &outgoing.content {
            Content::Nothing => request,
            Content::Bytes(bytes) => request.body(bytes.clone()),
            Content::Form(form) => request.multipart(form.body()?),
            Content::Streamed(streamed) => request.body(streamed.body()),
            Content::Embedded(embedded) => request.body(embedded.body()),
        };
        let subject = Subject::of(outgoing, self.dialect.validates);
        let worn = token.map(|token| token.headers.clone()).unwrap_or_default();
        let request = if outgoing.passed {
            request.headers(merged(&outgoing.headers, &self.headers, &worn))
        } else {
            let shown = |value: &HeaderValue| !(outgoing.bare && value.is_sensitive());
            let own = self.headers.iter().filter(|(_, value)| shown(value));
            let own = own.map(|(name, value)| (name.clone(), value.clone())).collect();
            // A request's own headers come last and win.
            let request = request.headers(own).headers(worn);
            request.headers(outgoing.headers.clone()).headers(subject.headers())
        };
        let broken = |error| outgoing.failure().unwrap_or_else(|| unanswered(error));
        let response = client.send(request).await.map_err(broken)?;
        self.client.hear(response.headers());
        let quota = self.quota_of(token.map(Arc::as_ref));
        quota.hear(response.status(), response.headers(), Timestamp::now());
        subject.hear(
            response.status(),
            response.headers(),
            self.request_id(response.headers(), &self.masks(token)),
        )?;
        Ok(response)
    }

    /// The provider's id of a request; none that holds what is hidden.
    pub(super) fn request_id(&self, headers: &HeaderMap, masks: &Masks) -> Option<Arc<str>> {
        let text = headers.get(self.dialect.request_id)?.to_str().ok()?;
        (text.len() <= REQUEST_ID && !masks.stand_in(text)).then(|| Arc::from(text))
    }
}

/// Whatever was done, it was not done with the whole file.
fn deaf() -> Failure {
    let sentence = "the provider answered before it had taken the whole file";
    Failure::new(Kind::UpstreamFailed, sentence).not_usable()
}

/// Why an answer cannot be read that came compressed. What we know how to unpack has lost the header; whoever reads it behind
/// us may heed any of its lines.
pub(super) fn packed(headers: &HeaderMap) -> Option<Failure> {
    let only = |name, plain: &[&str]| {
        let mut lines = headers.get_all(name).iter();
        lines.all(|line| {
            let words = line.to_str().unwrap_or("?").split(',');
            words
                .map(str::trim)
                .all(|word| plain.iter().any(|plain| word.eq_ignore_ascii_case(plain)))
        })
    };
    let plain =
        only(header::CONTENT_ENCODING, &["identity"]) && only(header::TRANSFER_ENCODING, &["chunked", "identity"]);
    let sentence = "the answer is compressed in a way that nobody asked for";
    (!plain).then(|| Failure::new(Kind::UpstreamFailed, sentence).not_usable())
}

/// The first bytes of a refusal's body, and whether they are all of it. A body that breaks off, or that there is no room for,
/// takes nothing from the status, which came first.
async fn read_some(mut response: Response, limit: usize, collected: &Collected) -> (Vec<u8>, bool) {
    let told = response.content_length();
    let mut body = Vec::new();
    let mut part = collected.spare();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = limit - body.len();
                if part.cover(body.len() + chunk.len().min(room)).is_err() {
                    return (body, false);
                }
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if body.len() == limit {
                    // Nobody waits for the end of what is told to have come.
                    return (body, told == Some(limit as u64));
                }
            }
            Ok(None) => return (body, true),
            Err(_) => return (body, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_any_line_calls_packed_is() {
        let is_packed = |lines: &[(header::HeaderName, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(name.clone(), HeaderValue::from_static(value));
            }
            packed(&headers).is_some()
        };
        let (content, transfer) = (header::CONTENT_ENCODING, header::TRANSFER_ENCODING);
        assert!(!is_packed(&[]));
        assert!(!is_packed(&[
            (content.clone(), "Identity"),
            (transfer.clone(), "chunked")
        ]));
        for lines in [
            vec![(content.clone(), "zstd")],
            vec![(content.clone(), "identity"), (content.clone(), "gzip")],
            vec![(content.clone(), "identity, gzip")],
            vec![(content, "")],
            vec![(transfer, "gzip, chunked")],
        ] {
            assert!(is_packed(&lines), "{lines:?}");
        }
    }
}
