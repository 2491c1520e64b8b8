//! What stands around every request: its id, its bounds, and the catching of panics.
//!
//! Invariant: a request that reaches the guard is answered with its id, and where nothing else answers, with a problem.

use std::any::Any;
use std::convert::Infallible;
use std::io::Read;
use std::net::Shutdown;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{Extensions, HeaderValue, Method, Request, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use mosaic_actors::error::{Failure, Kind};
use socket2::SockRef;
use tokio::net::TcpStream;
use tower::ServiceExt;

use super::activity::{Activity, InFlight};
use super::body::{RequestBody, ResponseBody};
use super::limits::ServerLimits;
use super::meters::ServerMeters;
use super::unread::Held;
use crate::surfaces::access::{Unremarkable, told_path};
use crate::surfaces::arrival::Arrival;
use crate::surfaces::problem::{Fault, MEDIA_TYPE, Problem};
use crate::surfaces::request_id::{HEADER, RequestId};
use crate::surfaces::tenure::Tenure;
use crate::surfaces::trace::{TRACEPARENT, Trace};

/// When to come back to a listener that is full: about the time in which some of its connections end.
const COME_BACK: Duration = Duration::from_secs(1);

/// What all connections of a listener share.
pub(super) struct Guard {
    pub(super) limits: ServerLimits,
    pub(super) router: Router,
    pub(super) meters: ServerMeters,
}

impl Guard {
    /// Serves one request of a connection; one that is over the bound on connections is told so.
    pub(super) async fn serve(
        self: Arc<Self>,
        activity: Arc<Activity>,
        tenure: Option<Tenure>,
        mut request: Request<Incoming>,
    ) -> Result<Response, Infallible> {
        let in_flight = activity.begin(request.version());
        let over = tenure.is_none();
        if let Some(tenure) = tenure {
            request.extensions_mut().insert(tenure);
        }
        let id = RequestId::of(request.headers());
        let told = Told::of(&request, &id);
        let last = over || is_ambiguous(&request);
        let refusal = if over {
            Some(self.too_many())
        } else {
            self.refusal(&activity, &request)
        };
        let mut response = match refusal {
            Some(problem) => {
                if !request.body().is_end_stream() {
                    activity.leaves_over();
                }
                problem.response(&id)
            }
            None => self.answer(&activity, request, &id).await,
        };
        response.headers_mut().insert(HEADER, id.header());
        if let Some(trace) = id.trace().and_then(Trace::header) {
            response.headers_mut().insert(TRACEPARENT, trace);
        }
        if last {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        told.log(&response);
        self.meters.answered(response.status());
        activity.answers();
        Ok(self.outgoing(response, in_flight))
    }

    /// The body keeps the count until it is through, and what it holds in memory.
    fn outgoing(&self, response: Response, in_flight: InFlight) -> Response {
        let events = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/event-stream"));
        let bytes = response.body().size_hint().exact();
        let bytes = bytes.map_or(0, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let held = Held::hold(&in_flight.0, bytes);
        response.map(|body| Body::new(ResponseBody::new(body, events, held, in_flight)))
    }

    /// The most bytes that any request's body may have.
    fn most(&self) -> usize {
        self.limits.max_body.max(self.limits.max_upload)
    }

    fn too_many(&self) -> Problem {
        let sentence = format!("{} connections are open", self.limits.max_connections);
        Problem::from(Failure::new(Kind::Overloaded, sentence).after(COME_BACK))
    }

    /// What is wrong with a request before anybody looks what it asks for.
    fn refusal(&self, activity: &Activity, request: &Request<Incoming>) -> Option<Problem> {
        let unread = &activity.unread;
        let full = unread.all() > self.limits.max_unread_total;
        if unread.own() > self.limits.max_unread || (full && unread.own() > 0) {
            let sentence = format!("read first: {} bytes of answers wait on this connection", unread.own());
            return Some(Problem::from(Failure::new(Kind::Overloaded, sentence).after(COME_BACK)));
        }
        // RFC 9112 section 3.2.
        let hosts = request.headers().get_all(HOST).iter().count();
        if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
            return Some(Problem::fault(
                Fault::BadRequest,
                "a request of HTTP/1.1 names one Host",
            ));
        }
        if request.headers().get_all(CONTENT_ENCODING).iter().any(is_encoded) {
            let sentence = "a body is taken as it is: send it without a Content-Encoding";
            return Some(Problem::fault(Fault::UnsupportedMediaType, sentence));
        }
        if declared_length(request).is_some_and(|length| length > self.most() as u64) {
            return Some(match self.limits.max_upload > self.limits.max_body {
                true => Problem::file_too_large(self.limits.max_upload),
                false => Problem::too_large(self.limits.max_body),
            });
        }
        None
    }

    async fn answer(&self, activity: &Arc<Activity>, request: Request<Incoming>, id: &RequestId) -> Response {
        let mut request = request.map(|body| match body.is_end_stream() {
            true => Body::empty(),
            false => Body::new(RequestBody::new(body, self.most(), activity.clone())),
        });
        request.extensions_mut().insert(id.clone());
        request.extensions_mut().insert(Arrival(tokio::time::Instant::now()));
        let served = AssertUnwindSafe(self.router.clone().oneshot(request)).catch_unwind();
        match tokio::time::timeout(self.limits.request_timeout, served).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(panic)) => {
                tracing::error!(request_id = %id.text(), panic = describe(panic.as_ref()), "a request's handler panicked");
                Problem::from(Failure::new(Kind::Internal, "the request's handler failed")).response(id)
            }
            Err(_) => {
                let detail = format!("not served within {} s", self.limits.request_timeout.as_secs());
                Problem::from(Failure::new(Kind::Timeout, detail)).response(id)
            }
        }
    }

    /// What goes out in place of the bare head with which hyper refuses what it cannot read.
    pub(super) fn instead_of(&self, head: &[u8]) -> Option<Bytes> {
        let head = std::str::from_utf8(head).ok()?.strip_suffix("\r\n\r\n")?;
        let status = StatusCode::from_bytes(head.as_bytes().get(9..12)?).ok()?;
        let problem = match status {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE | StatusCode::URI_TOO_LONG => {
                Problem::fault(Fault::HeadTooLarge, "the request's head has too many lines or bytes")
            }
            _ => Problem::fault(Fault::BadRequest, "this is not a request of HTTP"),
        };
        let kept = head.split("\r\n").filter(|line| !line.starts_with("content-length:"));
        let head: String = kept.map(|line| format!("{line}\r\n")).collect();
        Some(self.by_hand(head, &problem.with_status(status)).into())
    }

    /// Tells a client that there is no place for it, without waiting for what it asks.
    pub(super) fn tell_in_passing(&self, stream: &TcpStream) {
        let head = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\n";
        let answer = self.by_hand(head.to_owned(), &self.too_many());
        let socket = SockRef::from(stream);
        // Into an empty buffer; a client that is gone already needs no answer.
        let _ = socket.send(answer.as_bytes());
        let _ = socket.shutdown(Shutdown::Write);
        // What it asked already would else be answered with a reset.
        let _ = (&*socket).read(&mut [0; 8 * 1024]);
    }

    /// An answer that no request is there for, counted like every other.
    fn by_hand(&self, head: String, problem: &Problem) -> String {
        let (id, status) = (RequestId::given(&Extensions::new()), problem.status());
        let json = problem.json(&id);
        self.meters.answered(status);
        tracing::info!(target: "mosaic::access", request_id = %id.text(), status = status.as_u16());
        format!(
            "{head}content-type: {MEDIA_TYPE}\r\ncache-control: no-store\r\n{HEADER}: {}\r\ncontent-length: {}\r\n\r\n{json}",
            id.text(),
            json.len()
        )
    }
}

/// `identity` is no encoding.
fn is_encoded(value: &HeaderValue) -> bool {
    !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity")
}

/// A chunked request may have carried a Content-Length too: the parser prefers the chunks, as RFC 9112 section 6.1
/// allows, and drops the length unseen. The same section then asks that nothing after it on the connection be
/// believed, since a proxy in front may have counted otherwise. Hence: answered, and closed.
fn is_ambiguous(request: &Request<Incoming>) -> bool {
    request.version() < Version::HTTP_2 && request.headers().contains_key(TRANSFER_ENCODING)
}

fn declared_length(request: &Request<Incoming>) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A panic's text is ours, not a client's, but it may quote a value: only literal messages are told.
fn describe(panic: &(dyn Any + Send)) -> &'static str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("with a formatted message")
}

/// What the access log tells of a request. Neither headers nor the query, which may hold what must not be kept.
struct Told {
    id: RequestId,
    method: Method,
    path: String,
    started: Instant,
}

impl Told {
    fn of(request: &Request<Incoming>, id: &RequestId) -> Self {
        Told {
            id: id.clone(),
            method: request.method().clone(),
            path: told_path(request.uri().path()),
            started: Instant::now(),
        }
    }

    fn log(&self, response: &Response) {
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "mosaic::access",
                    request_id = %self.id.text(),
                    trace_id = self.id.trace().map(Trace::id),
                    method = %self.method,
                    path = self.path,
                    status = response.status().as_u16(),
                    duration_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
                )
            };
        }
        match Unremarkable::is(response) {
            true => line!(debug),
            false => line!(info),
        }
    }
}
