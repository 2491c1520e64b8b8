//! The pump: carries a driver's stream to its caller from a task of its own.
//!
//! Invariant: the attempt ends with its stream, however that ends; its idle clock is fed by whatever the provider sends, the
//! clock of its silence by events alone, and a stream that nobody reads ends with its time.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::holding::{AttemptEnv, Holding};
use crate::error::{Failure, Kind, Source};
use crate::gateway::calls::CallRecord;
use crate::stream::{BodyStream, Measured, Piece, Sender, body_stream};

/// What one stream may take: long, and large.
struct Bounds {
    time: Duration,
    /// The setting that gives it.
    setting: &'static str,
    bytes: u64,
}

/// What pumps one stream.
pub(super) struct Pump {
    holding: Holding,
    bounds: Bounds,
    idle: Duration,
    /// How long signs of life alone keep it; `None`: as long as it may take.
    silence: Option<Duration>,
    stop: CancellationToken,
    record: Arc<CallRecord>,
    started: Instant,
}

impl Pump {
    /// For events; `follows`: of something that may be long in the making.
    pub(super) fn of_events(holding: Holding, env: &AttemptEnv, started: Instant, follows: bool) -> Self {
        let bounds = Bounds {
            time: env.settings.stream_max,
            setting: "max_stream",
            bytes: u64::MAX,
        };
        let silence = env.settings.stream_silence.max(env.settings.stream_idle);
        Pump {
            silence: (!follows).then_some(silence),
            ..Pump::new(holding, bounds, env, started)
        }
    }

    /// For the bytes of a file.
    pub(super) fn of_file(holding: Holding, env: &AttemptEnv, started: Instant) -> Self {
        let bounds = Bounds {
            time: env.settings.transfer_max,
            setting: "max_transfer",
            bytes: env.settings.transfer_bytes,
        };
        Pump::new(holding, bounds, env, started)
    }

    fn new(holding: Holding, bounds: Bounds, env: &AttemptEnv, started: Instant) -> Self {
        Pump {
            holding,
            bounds,
            idle: env.settings.stream_idle,
            silence: None,
            stop: env.stop.clone(),
            record: env.record.clone(),
            started,
        }
    }
}

/// Of a file that is larger than what is carried: it is there, and whoever asks for it is not at fault.
pub(super) fn too_large(bound: u64) -> Failure {
    let sentence = format!("the file is larger than max_transfer_size, {bound} bytes");
    let mut failure = Failure::new(Kind::Unsupported, sentence);
    failure.source = Source::Gateway;
    failure
}

/// How a stream's carrying ended.
enum Ended {
    Cleanly,
    /// The provider failed.
    Broke(Failure),
    /// We ended it; that says nothing of the provider.
    Cut(Failure),
    /// Nobody reads it any more.
    Abandoned,
}

/// The stream that the caller reads instead of `source`.
pub(super) fn pumped<T: Measured>(source: BodyStream<T>, pump: Pump) -> BodyStream<T> {
    let (sender, stream) = body_stream();
    tokio::spawn(pump.run(source, sender));
    stream
}

impl Pump {
    async fn run<T: Measured>(self, source: BodyStream<T>, sender: Sender<T>) {
        let carried = AssertUnwindSafe(self.carry(source, &sender)).catch_unwind().await;
        let holding = self.holding;
        // The attempt is told before the stream's end: who reads that finds the permits free.
        match carried {
            Ok(Ended::Cleanly) => {
                holding.succeeded();
                sender.end();
            }
            Ok(Ended::Broke(failure)) => sender.fail(holding.broke(failure)),
            Ok(Ended::Cut(failure)) => sender.fail(holding.failed(None, failure)),
            // The provider did what was asked of it.
            Ok(Ended::Abandoned) if sender.is_left() => holding.succeeded(),
            Ok(Ended::Abandoned) => {
                let _left = holding.failed(None, Failure::new(Kind::Cancelled, "the caller went away"));
            }
            Err(panic) => sender.fail(holding.panicked(panic.as_ref())),
        }
    }

    /// Until the stream ends, takes too long, or nobody wants it any more.
    async fn carry<T: Measured>(&self, source: BodyStream<T>, sender: &Sender<T>) -> Ended {
        let Bounds { time, setting, .. } = self.bounds;
        tokio::select! {
            biased;
            () = sender.closed() => Ended::Abandoned,
            () = self.stop.cancelled() => Ended::Cut(Failure::new(Kind::Cancelled, "the gateway was stopped")),
            failure = self.record.cancelled() => Ended::Cut(failure),
            // One that kept sending, or was not read, was long and not ill.
            () = sleep_until(self.started + time) => {
                Ended::Cut(Failure::new(Kind::Timeout, format!("the stream took longer than {setting}, {time:?}")))
            }
            ended = self.forward(source, sender) => ended,
        }
    }

    /// Forwards items, no faster than the caller reads them.
    async fn forward<T: Measured>(&self, mut source: BodyStream<T>, sender: &Sender<T>) -> Ended {
        let idle = self.idle;
        let mut first = true;
        let mut left = self.bounds.bytes;
        let mut heard = Instant::now();
        loop {
            let Ok(next) = timeout(idle, source.next_piece()).await else {
                let sentence = format!("the stream was silent for stream_idle_timeout, {idle:?}");
                return Ended::Broke(Failure::new(Kind::Timeout, sentence));
            };
            match next {
                Some(Ok(Piece::Alive)) => {
                    if let Some(silence) = self.silence.filter(|silence| heard.elapsed() >= *silence) {
                        let sentence = format!("no event came in the stream for max_silence, {silence:?}");
                        return Ended::Broke(Failure::new(Kind::Timeout, sentence));
                    }
                }
                Some(Ok(Piece::Item(item))) => {
                    if std::mem::replace(&mut first, false) {
                        self.holding.first_event(self.started.elapsed());
                    }
                    self.holding.spent(item.usage());
                    let Some(rest) = left.checked_sub(item.bytes()) else {
                        return Ended::Cut(too_large(self.bounds.bytes));
                    };
                    left = rest;
                    self.holding.credits.used(item.usage());
                    if sender.send(item).await.is_err() {
                        return Ended::Abandoned;
                    }
                    // Behind the sending: how long the caller takes is no silence of the provider's.
                    heard = Instant::now();
                }
                Some(Err(failure)) => return Ended::Broke(failure),
                None => return Ended::Cleanly,
            }
        }
    }
}
