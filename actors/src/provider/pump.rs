//! The pump: carries a driver's stream to its caller from a task of its own.
//!
//! Invariant: the attempt ends with its stream, however that ends; its one idle clock is fed by whatever the provider sends,
//! and a stream that nobody reads ends with its time.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::holding::{AttemptEnv, Holding};
use crate::error::{Failure, Kind};
use crate::gateway::calls::CallRecord;
use crate::gateway::settings::Settings;
use crate::stream::{BodyStream, Measured, Piece, Sender, body_stream};

/// What pumps one stream.
pub(super) struct Pump {
    holding: Holding,
    settings: Arc<Settings>,
    stop: CancellationToken,
    record: Arc<CallRecord>,
    started: Instant,
}

impl Pump {
    pub(super) fn new(holding: Holding, env: &AttemptEnv, started: Instant) -> Self {
        Pump {
            holding,
            settings: env.settings.clone(),
            stop: env.stop.clone(),
            record: env.record.clone(),
            started,
        }
    }
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
        let max = self.settings.stream_max;
        tokio::select! {
            biased;
            () = sender.closed() => Ended::Abandoned,
            () = self.stop.cancelled() => Ended::Cut(Failure::new(Kind::Cancelled, "the gateway was stopped")),
            failure = self.record.cancelled() => Ended::Cut(failure),
            // One that kept sending, or was not read, was long and not ill.
            () = sleep_until(self.started + max) => {
                Ended::Cut(Failure::new(Kind::Timeout, format!("the stream took longer than max_stream, {max:?}")))
            }
            ended = self.forward(source, sender) => ended,
        }
    }

    /// Forwards items, no faster than the caller reads them.
    async fn forward<T: Measured>(&self, mut source: BodyStream<T>, sender: &Sender<T>) -> Ended {
        let idle = self.settings.stream_idle;
        let mut first = true;
        loop {
            let Ok(next) = timeout(idle, source.next_piece()).await else {
                let sentence = format!("the stream was silent for stream_idle_timeout, {idle:?}");
                return Ended::Broke(Failure::new(Kind::Timeout, sentence));
            };
            match next {
                Some(Ok(Piece::Alive)) => {}
                Some(Ok(Piece::Item(item))) => {
                    if std::mem::replace(&mut first, false) {
                        self.holding.instance.took(self.started.elapsed());
                    }
                    if sender.send(item).await.is_err() {
                        return Ended::Abandoned;
                    }
                }
                Some(Err(failure)) => return Ended::Broke(failure),
                None => return Ended::Cleanly,
            }
        }
    }
}
