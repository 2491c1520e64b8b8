//! What is counted of a listener.
//!
//! Invariant: labels are the listener, a status and a reason: nothing that a client chooses.

use std::sync::{Arc, OnceLock};

use http::StatusCode;
use metrics::{Counter, Gauge, Key, Label, Level, Metadata};
use mosaic_actors::telemetry::SharedRecorder;

use super::activity::End;

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));
const STATUSES: std::ops::Range<u16> = 100..600;

const REQUESTS: &str = "mosaic_http_requests_total";
const OPEN: &str = "mosaic_http_connections";
const REFUSED: &str = "mosaic_http_connections_refused_total";
const HANDSHAKES: &str = "mosaic_tls_handshakes_failed_total";
const ENDED: &str = "mosaic_http_connections_ended_total";

/// The meters of one listener.
#[derive(Clone)]
pub struct ServerMeters {
    requests: Arc<Requests>,
    open: Gauge,
    pub(super) refused: Counter,
    pub(super) handshakes_failed: Counter,
    unread: Counter,
    evicted: Counter,
}

/// Counted among the open connections until it is dropped.
pub(super) struct Opened(Gauge);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

struct Requests {
    /// Where counters of statuses are registered when the first such answer is given.
    registry: Option<(SharedRecorder, &'static str)>,
    cells: Vec<OnceLock<Counter>>,
}

impl ServerMeters {
    /// The meters of the listener called `listener`.
    pub fn new(recorder: &SharedRecorder, listener: &'static str) -> Self {
        describe(recorder);
        let key = |name: &'static str, more: Option<Label>| {
            let labels = std::iter::once(Label::new("listener", listener)).chain(more);
            Key::from_parts(name, labels.collect::<Vec<_>>())
        };
        let ended = |why| recorder.register_counter(&key(ENDED, Some(Label::new("reason", why))), &METADATA);
        ServerMeters {
            requests: Requests::new(Some((recorder.clone(), listener))),
            open: recorder.register_gauge(&key(OPEN, None), &METADATA),
            refused: recorder.register_counter(&key(REFUSED, None), &METADATA),
            handshakes_failed: recorder.register_counter(&key(HANDSHAKES, None), &METADATA),
            unread: ended("unread"),
            evicted: ended("evicted"),
        }
    }

    /// Meters that nobody reads.
    pub fn unseen() -> Self {
        ServerMeters {
            requests: Requests::new(None),
            open: Gauge::noop(),
            refused: Counter::noop(),
            handshakes_failed: Counter::noop(),
            unread: Counter::noop(),
            evicted: Counter::noop(),
        }
    }

    /// Counts a connection for as long as what is given out is held.
    pub(super) fn opened(&self) -> Opened {
        self.open.increment(1.0);
        Opened(self.open.clone())
    }

    /// Counts one answer.
    pub(super) fn answered(&self, status: StatusCode) {
        let cell = usize::from(status.as_u16().saturating_sub(STATUSES.start));
        if let (Some(cell), Some((recorder, listener))) = (self.requests.cells.get(cell), &self.requests.registry) {
            let register = || {
                let labels = vec![
                    Label::new("listener", *listener),
                    Label::new("status", status.as_str().to_owned()),
                ];
                recorder.register_counter(&Key::from_parts(REQUESTS, labels), &METADATA)
            };
            cell.get_or_init(register).increment(1);
        }
    }

    /// Counts a connection that was ended from this side.
    pub(super) fn ended(&self, end: End) {
        match end {
            End::Quiet => {}
            End::Unread => self.unread.increment(1),
            End::Evicted => self.evicted.increment(1),
        }
    }
}

impl Requests {
    fn new(registry: Option<(SharedRecorder, &'static str)>) -> Arc<Self> {
        Arc::new(Requests {
            registry,
            cells: STATUSES.map(|_| OnceLock::new()).collect(),
        })
    }
}

fn describe(recorder: &SharedRecorder) {
    for (name, help) in [
        (
            REQUESTS,
            "HTTP requests by listener and status, documents and refusals included.",
        ),
        (REFUSED, "Connections that came when max_connections were open."),
        (
            HANDSHAKES,
            "TLS handshakes that failed or took too long, of a listener that speaks TLS.",
        ),
        (
            ENDED,
            "Connections that were ended because their clients did not read: too long, or too much for all.",
        ),
    ] {
        recorder.describe_counter(name.into(), None, help.into());
    }
    recorder.describe_gauge(
        OPEN.into(),
        None,
        "Connections that are open, those that HTTP has left to WebSockets included.".into(),
    );
}
