//! Settlement: what is written down of a call when it has ended.
//!
//! Invariant: each call is settled exactly once, at the end of its body: by its reply where that is whole, by the end of its
//! stream, or by its caller's leaving, whichever comes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::calls::{CallRecord, CallsInFlight};
use super::finished::FinishedCall;
use crate::cache::CacheKey;
use crate::call::{Answer, Body, CacheStatus, Call, Head};
use crate::decision::{Decisions, Ended, Explained, Trace, micros};
use crate::error::{Failure, Kind, Source};
use crate::stream::{BodyStream, Measured, StreamEnd, StreamTotals, Usage};
use crate::supervision::unix_ms;
use crate::telemetry::{Meters, phase, sampled};

/// The duty to settle one call. Dropped unsettled, its caller has left.
pub(crate) struct Settlement(Option<Open>);

struct Open {
    meters: Arc<Meters>,
    call: Arc<Call>,
    started: Instant,
    listed: Option<ToList>,
    decisions: Option<Arc<Decisions>>,
    /// What is decided for it.
    trace: Trace,
}

/// Where a call that memory did not serve is listed when it has ended.
struct ToList {
    calls: Arc<CallsInFlight>,
    record: Option<Arc<CallRecord>>,
    key: Option<CacheKey>,
}

/// What the answer's head told.
struct Answered<'a> {
    provider: &'a str,
    cache: CacheStatus,
    attempts: u32,
}

/// What a settled call is told of its decisions.
type Told = Option<Arc<Explained>>;

impl<'a> Answered<'a> {
    fn by(head: &'a Head) -> Self {
        Answered {
            provider: &head.provider,
            cache: head.cache,
            attempts: head.attempts,
        }
    }
}

/// What a call came to.
#[derive(Default)]
struct Account {
    first_event: Option<Duration>,
    events: u64,
    bytes: u64,
    usage: Option<Usage>,
    /// What it did cost, in billionths of a US dollar, where that is known.
    cost: Option<u64>,
}

/// Whether the answer was asked for by this call, and so is what it cost: not where it was remembered, or another's.
fn was_asked_for(head: &Head) -> bool {
    head.attempts > 0 && matches!(head.cache, CacheStatus::Miss | CacheStatus::Bypass)
}

impl Settlement {
    /// Opens the account of a call that came at `started`.
    pub(crate) fn open(meters: &Arc<Meters>, call: &Arc<Call>, started: Instant) -> Self {
        Settlement(Some(Open {
            meters: meters.clone(),
            call: call.clone(),
            started,
            listed: None,
            decisions: None,
            trace: Trace::default(),
        }))
    }

    /// The call has a decision record from now on, if there is one left; gives it where it is new.
    pub(crate) fn record(&mut self, decisions: &Arc<Decisions>) -> Option<&Trace> {
        let open = self.0.as_mut().filter(|open| open.decisions.is_none())?;
        open.trace = decisions.begin(&open.call, open.started);
        // However it went: it is asked for once.
        open.decisions = Some(decisions.clone());
        Some(&open.trace)
    }

    /// Where what is decided for the call is written.
    pub(crate) fn trace(&self) -> &Trace {
        static NOWHERE: Trace = Trace::NOWHERE;
        self.0.as_ref().map_or(&NOWHERE, |open| &open.trace)
    }

    /// Memory did not serve the call: it is listed among the last ones when it has ended.
    pub(crate) fn missed(&mut self, calls: &Arc<CallsInFlight>, record: &Arc<CallRecord>, key: Option<&CacheKey>) {
        if let Some(open) = &mut self.0 {
            open.listed = Some(ToList {
                calls: calls.clone(),
                record: Some(record.clone()),
                key: key.cloned(),
            });
        }
    }

    /// The call is listed, however far it came.
    pub(crate) fn list(&mut self, calls: &Arc<CallsInFlight>) {
        if let Some(open) = &mut self.0 {
            open.listed.get_or_insert_with(|| ToList {
                calls: calls.clone(),
                record: None,
                key: None,
            });
        }
    }

    /// Settles a call that ends with its reply; one that streams, at its stream's end.
    pub(crate) fn reply(mut self, outcome: &mut Result<Answer, Failure>) {
        let Some(open) = self.0.take() else { return };
        let answer = match outcome {
            Err(failure) => {
                if let Some(from) = &failure.cached {
                    open.trace
                        .write(|decision| decision.served(from.status, Some(from.by.tier)));
                }
                failure.decision = open.close(Account::default(), None, Some(failure));
                failure.settled = true;
                return;
            }
            Ok(answer) => answer,
        };
        let (cache, tier) = (answer.head.cache, answer.head.cached_by.map(|by| by.tier));
        open.trace.write(|decision| decision.served(cache, tier));
        if open.call.explain && !matches!(answer.body, Body::Bytes(_)) {
            answer.head.decision = open.trace.rendered().map(Arc::new);
        }
        match &mut answer.body {
            Body::Bytes(bytes) => {
                let account = Account {
                    bytes: bytes.len() as u64,
                    usage: answer.head.usage.filter(|_| was_asked_for(&answer.head)),
                    ..Account::default()
                };
                let told = open.close(account, Some(Answered::by(&answer.head)), None);
                answer.head.decision = told;
            }
            Body::Stream(stream) => Settlement(Some(open)).follow(&answer.head, stream),
            Body::Raw(raw) => Settlement(Some(open)).follow(&answer.head, &mut raw.bytes),
        }
    }

    fn follow<T: Measured>(mut self, head: &Head, stream: &mut BodyStream<T>) {
        let (provider, cache, attempts) = (head.provider.clone(), head.cache, head.attempts);
        let tally = head.tally.clone();
        stream.on_end(move |totals, end| {
            if let Some(open) = self.0.take() {
                let mut account = open.account(totals);
                account.usage = account.usage.or_else(|| tally?.usage());
                let left = left();
                let failure = match end {
                    StreamEnd::Ended => None,
                    StreamEnd::Failed(failure) => Some(failure),
                    StreamEnd::Abandoned => Some(&left),
                };
                let answered = Answered {
                    provider: &provider,
                    cache,
                    attempts,
                };
                open.close(account, Some(answered), failure);
            }
        });
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            open.close(Account::default(), None, Some(&left()));
        }
    }
}

fn left() -> Failure {
    Failure::new(Kind::Cancelled, "the caller went away")
}

impl Open {
    fn account(&self, totals: &StreamTotals) -> Account {
        Account {
            first_event: totals.first.map(|first| first.saturating_duration_since(self.started)),
            events: totals.events,
            bytes: totals.bytes,
            usage: totals.usage,
            cost: None,
        }
    }

    fn close(&self, mut account: Account, answered: Option<Answered<'_>>, failure: Option<&Failure>) -> Told {
        account.cost = self.cost(account.usage);
        phase!(
            self.meters,
            sampled(),
            "settle",
            self.settle(&account, answered, failure)
        )
    }

    /// What the attempt that was answered did cost: as was told, else by the price there, if that or its tokens are known.
    fn cost(&self, usage: Option<Usage>) -> Option<u64> {
        let told = usage.and_then(|usage| usage.cost_nano_usd);
        told.or_else(|| {
            let price = self.record()?.price()?;
            usage.map_or_else(|| price.flat(), |usage| Some(price.actual(&usage)))
        })
    }

    fn settle(&self, account: &Account, answered: Option<Answered<'_>>, failure: Option<&Failure>) -> Told {
        let took = self.started.elapsed();
        let meters = self.meters.operation(self.call.operation);
        meters.calls.count(failure.map(|failure| failure.kind));
        self.meters
            .tenant(&self.call.caller.tenant, failure.map(|failure| failure.kind));
        meters.seconds.record(took.as_secs_f64());
        if let Some(first) = account.first_event {
            meters.first_event().record(first.as_secs_f64());
            meters.events().increment(account.events);
        }
        if let Some(usage) = account.usage {
            meters.tokens(usage, self.call.estimate);
        }
        if let Some(cost) = account.cost {
            meters.cost(cost);
        }
        self.tell(account, answered.as_ref(), failure, took);
        if let Some(listed) = &self.listed {
            self.list(listed, answered.as_ref(), failure, took);
        }
        self.decided(account, failure, took)
    }

    /// Closes the decision record.
    fn decided(&self, account: &Account, failure: Option<&Failure>, took: Duration) -> Told {
        let decisions = self.decisions.as_ref()?;
        let ended = Ended {
            code: failure.map(|failure| failure.kind),
            waits: None,
            took_us: micros(took),
            first_event_us: account.first_event.map(micros),
            bytes: account.bytes,
            usage: account.usage,
            cost: account.cost,
        };
        // A hit waits for nobody who looks at the records.
        let may_wait = self.listed.is_some() || self.call.explain;
        decisions.end(&self.call, &self.trace, ended, may_wait)
    }

    /// What the list of calls in flight knows, where the call was in it.
    fn record(&self) -> Option<&CallRecord> {
        self.listed.as_ref()?.record.as_deref()
    }

    fn list(&self, to: &ToList, answered: Option<&Answered<'_>>, failure: Option<&Failure>, took: Duration) {
        let (attempts, asked) = self.record().map_or((0, None), CallRecord::asked_so_far);
        let provider = answered.map(|answered| Arc::from(answered.provider));
        to.calls.finished.note(FinishedCall {
            id: self.call.id.clone(),
            operation: self.call.operation.name,
            tenant: self.call.caller.tenant.clone(),
            provider: provider.or_else(|| failure?.provider.clone()).or(asked),
            code: failure.map_or("ok", |failure| failure.kind.code()),
            cache: answered.map(|answered| answered.cache.as_str()),
            attempts: answered.map_or(attempts, |answered| answered.attempts),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            at_unix_ms: unix_ms(),
            cache_key: to.key.clone(),
        });
    }

    /// The one line of a call: of a failure that is not the caller's, a warning.
    fn tell(&self, account: &Account, answered: Option<&Answered<'_>>, failure: Option<&Failure>, took: Duration) {
        let provider = answered.map(|answered| answered.provider);
        let provider = provider.or_else(|| failure?.provider.as_deref());
        let attempts = answered.map(|answered| answered.attempts);
        let attempts = attempts.or_else(|| self.record().map(CallRecord::attempts));
        let waited = self.record().map(CallRecord::waited).filter(|waited| !waited.is_zero());
        let tried = failure.and_then(Failure::tried_in_words);
        macro_rules! line {
            ($level:ident, $code:expr, $sentence:literal $(, $argument:expr)*) => {
                tracing::$level!(
                    target: "mosaic::calls",
                    request_id = %self.call.id,
                    operation = self.call.operation.name,
                    tenant = %self.call.caller.tenant,
                    identity = %self.call.caller.identity,
                    provider,
                    code = $code,
                    cache = answered.map(|answered| answered.cache.as_str()),
                    attempts,
                    tried = tried.as_deref(),
                    waited_ms = waited.map(|waited| waited.as_millis() as u64),
                    first_event_ms = account.first_event.map(|first| first.as_millis() as u64),
                    duration_us = took.as_micros() as u64,
                    events = account.first_event.map(|_| account.events),
                    bytes = account.bytes,
                    input_tokens = account.usage.map(|usage| usage.input_tokens),
                    output_tokens = account.usage.map(|usage| usage.output_tokens),
                    cost_nano_usd = account.cost,
                    estimated_input_tokens = self.call.estimate.map(|estimate| estimate.input_tokens),
                    $sentence $(, $argument)*
                )
            };
        }
        match failure {
            None => line!(info, "ok", "call served"),
            Some(failure) if failure.source == Source::Caller => {
                line!(info, failure.kind.code(), "call failed: {}", failure.message());
            }
            Some(failure) => line!(warn, failure.kind.code(), "call failed: {}", failure.message()),
        }
    }
}
