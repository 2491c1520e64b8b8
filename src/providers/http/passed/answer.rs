//! The answer of what was passed through, piece by piece or whole.
//!
//! Invariant: a body that may be long is never held whole; what is replaced in it, and the tokens that it tells of, are found
//! while it passes.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, Method, StatusCode};
use mosaic_actors::call::{Answer, Body, Head, Value};
use mosaic_actors::error::Failure;
use mosaic_actors::stream::{BodyStream, ByteStream, Tally, Usage};
use reqwest::Response;
use url::Url;

use super::form::Form;
use super::guards::Guards;
use super::heads;
use super::replace::{Replacer, Rules};
use super::tokens::Counter;
use crate::catalogue::proxy::{AnswerHead, Asked, OwnRefusal};
use crate::providers::http::Endpoint;
use crate::providers::http::collected::Part;
use crate::providers::http::opened::read;
use crate::providers::http::send::{Answered, packed};
use crate::providers::http::transport::transport;
use crate::providers::http::upload::Sending;

/// An answer of at most so many bytes, whose length is known, is received whole: one that breaks off is told by a status.
const SHORT: usize = 64 << 10;

/// What was asked, and what is to be done with what comes of it.
pub(super) struct Way<'a> {
    pub(super) asked: &'a Asked,
    pub(super) url: &'a Url,
    pub(super) guards: &'a Guards,
    /// Its tokens are counted.
    pub(super) metered: bool,
}

impl Endpoint {
    /// The answer to a request that was accepted.
    pub(super) async fn passed(
        &self,
        mut response: Response,
        way: Way<'_>,
        sending: Option<Sending>,
        mut part: Part,
    ) -> Result<Answer, Failure> {
        let status = response.status();
        let theirs = std::mem::take(response.headers_mut());
        let form = Form::of(status, &theirs);
        let mut headers = heads::going_on(&theirs, way.url, way.guards);
        let mut head = Head {
            upstream_request_id: self.request_id(&theirs, &way.guards.masks),
            ..Head::json(self.instance.clone())
        };
        let counts = way.metered && matches!(form, Form::Json | Form::Events);
        let counter = counts.then(|| Counter::new(form == Form::Events));
        let bodiless = way.asked.method == Method::HEAD
            || matches!(
                status,
                StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::RESET_CONTENT
            );
        // What cannot be read may hold what must not be told.
        let unread = packed(&theirs).filter(|_| !bodiless && form != Form::Bytes);
        if let Some(unread) = unread {
            return Err(unread);
        }
        let body = if bodiless {
            if !form.keeps_length() {
                heads::changed(&mut headers);
            }
            if way.asked.method != Method::HEAD {
                headers.remove(CONTENT_LENGTH);
            }
            Body::Bytes(Bytes::new())
        } else if let Some(length) = length(&theirs).filter(|length| *length <= SHORT as u64) {
            let body = read(response, SHORT.max(length as usize), &mut part).await?;
            head.usage = counter.and_then(|mut counter| counter.read(&body));
            let body = way.whole(form, body, &mut headers);
            Body::Bytes(body)
        } else {
            let tally = Tally::default();
            head.tally = counter.is_some().then(|| tally.clone());
            let length = length(&theirs).filter(|_| form.keeps_length());
            if !form.keeps_length() {
                heads::changed(&mut headers);
            }
            let flow = Flow {
                replacer: way.rules_of(form).map(Replacer::new),
                counter,
                tally,
                instance: self.instance.clone(),
                sending,
            };
            Body::Raw(ByteStream {
                media_type: Arc::from("application/octet-stream"),
                length,
                name: None,
                bytes: flow.through(response),
            })
        };
        Ok(Answer {
            head,
            body,
            value: Some(Value(Arc::new(AnswerHead { status, headers }))),
        })
    }
}

/// What a provider refused with, for the caller: its words where all of them are here.
pub(super) fn refusal(answer: Answered, way: &Way<'_>) -> OwnRefusal {
    let Answered {
        status,
        headers,
        body,
        whole,
    } = answer;
    let form = Form::of(status, &headers);
    let readable = form == Form::Bytes || packed(&headers).is_none();
    let mut headers = heads::going_on(&headers, way.url, way.guards);
    let body = if way.asked.method == Method::HEAD {
        heads::changed(&mut headers);
        headers.remove(CONTENT_ENCODING);
        Some(Bytes::new())
    } else {
        (whole && readable).then(|| way.whole(form, body, &mut headers))
    };
    OwnRefusal {
        head: AnswerHead { status, headers },
        body,
    }
}

impl Way<'_> {
    /// What is replaced in a body of this form.
    fn rules_of(&self, form: Form) -> Option<&Rules> {
        match form {
            Form::Json | Form::Events | Form::Rows => Some(&self.guards.rules),
            Form::Text => Some(&self.guards.masks.rules),
            Form::Bytes => None,
        }
    }

    /// A whole body with what is to be replaced in it replaced, and its length beside it.
    fn whole(&self, form: Form, body: Bytes, headers: &mut HeaderMap) -> Bytes {
        let body = match self.rules_of(form) {
            None => body,
            Some(rules) => {
                let replaced = Replacer::whole(rules, body.clone());
                if replaced != body {
                    heads::changed(headers);
                }
                replaced
            }
        };
        headers.insert(CONTENT_LENGTH, body.len().into());
        body
    }
}

/// Bytes in all, where they are told.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A long body on its way.
struct Flow {
    replacer: Option<Replacer>,
    counter: Option<Counter>,
    tally: Tally,
    instance: Arc<str>,
    /// Its request may still be sent.
    sending: Option<Sending>,
}

impl Flow {
    fn through(self, response: Response) -> BodyStream<Bytes> {
        let pieces = Box::pin(response.bytes_stream());
        let flow = stream::unfold(Some((pieces, self)), |open| async move {
            let (mut pieces, mut flow) = open?;
            loop {
                match pieces.next().await {
                    Some(Ok(piece)) => {
                        let piece = flow.piece(piece);
                        if !piece.is_empty() {
                            return Some((Ok(piece), Some((pieces, flow))));
                        }
                    }
                    Some(Err(error)) => return Some((Err(transport(error).by(&flow.instance)), None)),
                    None => {
                        drop(flow.sending.take());
                        let rest = flow.replacer.as_mut().map(Replacer::finish).unwrap_or_default();
                        return (!rest.is_empty()).then_some((Ok(rest), None));
                    }
                }
            }
        });
        BodyStream::from_items(flow)
    }

    fn piece(&mut self, piece: Bytes) -> Bytes {
        let told: Option<Usage> = self.counter.as_mut().and_then(|counter| counter.read(&piece));
        if let Some(usage) = told {
            self.tally.tell(usage);
        }
        match &mut self.replacer {
            Some(replacer) => replacer.push(piece),
            None => piece,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::replace::Sought;
    use super::*;

    #[test]
    fn a_whole_body_tells_its_own_length() {
        let guards = Guards {
            rules: Arc::new(Sought::of(
                [("https://h.example".to_owned(), "http://gw/proxy/a".to_owned())],
                &[],
            )),
            ..Guards::default()
        };
        let asked = Asked {
            method: Method::GET,
            path: String::new(),
            query: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            length: None,
            ours: "http://gw/proxy/a".to_owned(),
        };
        let way = Way {
            asked: &asked,
            url: &Url::parse("https://h.example").unwrap(),
            guards: &guards,
            metered: false,
        };
        let headers = || HeaderMap::from_iter([(http::HeaderName::from_static("content-md5"), "x".parse().unwrap())]);
        let mut told = headers();
        let body = way.whole(Form::Json, Bytes::from_static(b"\"https://h.example/\""), &mut told);
        assert_eq!(body, "\"http://gw/proxy/a/\"");
        assert_eq!(told, HeaderMap::from_iter([(CONTENT_LENGTH, 20.into())]));
        let mut told = headers();
        way.whole(Form::Json, Bytes::from_static(b"{}"), &mut told);
        assert_eq!(told.len(), 2, "nothing was replaced");
    }
}
