//! The engine's metrics.
//!
//! Invariant: every handle comes from this system's own recorder, and every label has a bounded set of values: no user, id
//! or name of what is called for is ever a label, and a tenant only where somebody said how many may be.

mod flow;
mod help;
mod rate_limits;
mod standing;
mod tenants;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dashmap::DashMap;
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, SharedString};

use crate::call::Estimate;
use crate::error::Kind;
use crate::operation::{OperationRef, Operations};
use crate::stream::Usage;

use flow::FlowMeters;
pub(crate) use rate_limits::RateLimitMeters;
use standing::EjectionMeters;
use tenants::TenantMeters;

pub use crate::supervision::SharedRecorder;

/// The phases of a call, in order. The same words name spans, labels and documents.
pub const PHASES: [&str; 8] = ["admit", "route", "lookup", "balance", "guard", "call", "fill", "settle"];

/// Runs one phase that waits for nothing: in a span of its name and, where its call is sampled, against the clock.
macro_rules! phase {
    ($meters:expr, $sampled:expr, $name:literal, $work:expr) => {{
        let span = tracing::debug_span!(target: "mosaic::calls", $name).entered();
        let started = $sampled.then(tokio::time::Instant::now);
        let outcome = $work;
        drop(span);
        if let Some(started) = started {
            $meters.phase($name, started.elapsed());
        }
        outcome
    }};
}
pub(crate) use phase;

/// Whether the phases of a call that take less than a reading of the clock are timed: one in sixteen is, so that
/// watching a hit does not cost as much as serving it.
pub(crate) fn sampled() -> bool {
    fastrand::u8(..) < 16
}

const METADATA: Metadata<'static> = Metadata::new("mosaic", Level::INFO, None);

/// One counter for success and one for each kind of failure, registered on first use.
pub(crate) struct Outcomes {
    recorder: SharedRecorder,
    name: &'static str,
    labels: Vec<Label>,
    cells: [OnceLock<Counter>; Kind::ALL.len() + 1],
}

impl Outcomes {
    fn new(recorder: &SharedRecorder, name: &'static str, labels: Vec<Label>) -> Self {
        Outcomes {
            recorder: recorder.clone(),
            name,
            labels,
            cells: [const { OnceLock::new() }; Kind::ALL.len() + 1],
        }
    }

    /// Registers every outcome, so that the first of its kind is an increase and not a beginning.
    fn all_at_zero(self) -> Self {
        self.counter(None);
        for kind in Kind::ALL {
            self.counter(Some(kind));
        }
        self
    }

    /// Counts one outcome; `None` is a success.
    pub(crate) fn count(&self, failure: Option<Kind>) {
        self.counter(failure).increment(1);
    }

    fn counter(&self, failure: Option<Kind>) -> &Counter {
        let (cell, code) = match failure {
            None => (0, "ok"),
            Some(kind) => (1 + kind as usize, kind.code()),
        };
        self.cells[cell].get_or_init(|| {
            let mut labels = self.labels.clone();
            labels.push(Label::new("code", code));
            let key = Key::from_parts(self.name, labels);
            self.recorder.register_counter(&key, &METADATA)
        })
    }
}

/// What is measured of one operation.
pub(crate) struct OperationMeters {
    recorder: SharedRecorder,
    name: &'static str,
    /// Calls by outcome, counted when their body has ended.
    pub calls: Outcomes,
    /// Seconds from admission to the end of the body.
    pub seconds: Histogram,
    first_event: OnceLock<Histogram>,
    events: OnceLock<Counter>,
    tokens: OnceLock<[Counter; 2]>,
    estimated: OnceLock<Counter>,
    cost: OnceLock<Counter>,
}

impl OperationMeters {
    fn new(recorder: &SharedRecorder, name: &'static str) -> Self {
        let labels = vec![Label::new("operation", name)];
        OperationMeters {
            recorder: recorder.clone(),
            name,
            seconds: recorder.register_histogram(
                &Key::from_parts("mosaic_call_duration_seconds", labels.clone()),
                &METADATA,
            ),
            calls: Outcomes::new(recorder, "mosaic_calls_total", labels),
            first_event: OnceLock::new(),
            events: OnceLock::new(),
            tokens: OnceLock::new(),
            estimated: OnceLock::new(),
            cost: OnceLock::new(),
        }
    }

    fn labels(&self) -> Vec<Label> {
        vec![Label::new("operation", self.name)]
    }

    /// Seconds from admission to a stream's first event. Only operations that stream have it.
    pub(crate) fn first_event(&self) -> &Histogram {
        self.first_event.get_or_init(|| {
            let key = Key::from_parts("mosaic_call_first_event_seconds", self.labels());
            self.recorder.register_histogram(&key, &METADATA)
        })
    }

    /// Events of streams.
    pub(crate) fn events(&self) -> &Counter {
        self.counted(&self.events, "mosaic_call_events_total")
    }

    fn counted<'a>(&self, cell: &'a OnceLock<Counter>, name: &'static str) -> &'a Counter {
        cell.get_or_init(|| {
            let key = Key::from_parts(name, self.labels());
            self.recorder.register_counter(&key, &METADATA)
        })
    }

    /// Counts what a call did cost, in billionths of a US dollar.
    pub(crate) fn cost(&self, nano_usd: u64) {
        self.counted(&self.cost, "mosaic_call_cost_nanodollars_total")
            .increment(nano_usd);
    }

    /// Counts tokens, as the provider told them, beside what they were guessed to be.
    pub(crate) fn tokens(&self, usage: Usage, estimate: Option<Estimate>) {
        if let Some(estimate) = estimate {
            self.counted(&self.estimated, "mosaic_call_estimated_input_tokens_total")
                .increment(estimate.input_tokens);
        }
        let [input, output] = self.tokens.get_or_init(|| {
            ["input", "output"].map(|direction| {
                let mut labels = self.labels();
                labels.push(Label::new("direction", direction));
                let key = Key::from_parts("mosaic_call_tokens_total", labels);
                self.recorder.register_counter(&key, &METADATA)
            })
        });
        input.increment(usage.input_tokens);
        output.increment(usage.output_tokens);
    }
}

/// What is measured of one provider instance.
pub(crate) struct ProviderMeters {
    /// Attempts by outcome.
    pub attempts: Outcomes,
    /// Seconds of an attempt, to its answer's head.
    pub seconds: Histogram,
    /// The same as the phase `call`.
    pub call_phase: Histogram,
    /// Attempts in flight.
    pub in_flight: Gauge,
    /// The bound on them.
    pub max_in_flight: Gauge,
    /// Attempts after which it was asked again.
    pub retries: Counter,
    /// Attempts after which another instance was asked.
    pub failovers: Counter,
    /// Answers that it said are as they are kept.
    pub revalidated: Counter,
    /// Its circuit breaker.
    pub breaker: BreakerMeters,
    /// Its ejections.
    pub ejection: EjectionMeters,
    /// Its overload, and what is asked of it beyond what callers ask for.
    pub flow: FlowMeters,
    /// What it says of its limits on us.
    pub rate_limits: RateLimitMeters,
    recorder: SharedRecorder,
    labels: Vec<Label>,
    health: OnceLock<Gauge>,
}

impl ProviderMeters {
    /// What is known of its health. There is no such series before something is.
    pub(crate) fn health(&self, healthy: bool) {
        let health = self.health.get_or_init(|| {
            let key = Key::from_parts("mosaic_provider_healthy", self.labels.clone());
            self.recorder.register_gauge(&key, &METADATA)
        });
        health.set(f64::from(u8::from(healthy)));
    }
}

/// What is measured of one circuit breaker.
#[derive(Clone)]
pub(crate) struct BreakerMeters {
    /// 0 closed, 1 half open, 2 open.
    pub state: Gauge,
    /// Times that it opened.
    pub opened: Counter,
}

/// What is measured of decision records.
pub(crate) struct DecisionMeters {
    /// Records of calls that have ended that were kept.
    pub recorded: Counter,
    /// Calls that went without one.
    pub dropped: Counter,
}

/// All meters of one system.
pub(crate) struct Meters {
    recorder: SharedRecorder,
    /// By the operation's number.
    operations: Vec<OperationMeters>,
    other: OperationMeters,
    providers: DashMap<Arc<str>, Arc<ProviderMeters>>,
    /// In the order of [`PHASES`].
    phases: Vec<Histogram>,
    /// Calls past the lookup and before their reply's end.
    pub calls_in_flight: Gauge,
    /// The bound on them.
    pub max_calls_in_flight: Gauge,
    /// L1 lookups by result.
    pub l1: CacheMeters,
    /// Callers that shared another's miss.
    pub coalesced: Counter,
    /// Ends of attempts that a balancer would have learned from, and that its router was too busy for.
    pub observations_dropped: Counter,
    /// Attempts for which ejections were ignored.
    pub panics: Counter,
    /// Decision records.
    pub decisions: DecisionMeters,
    /// Quota actors alive.
    pub tenants_active: Gauge,
    tenants: TenantMeters,
}

/// What is measured of a tier outside of this process.
pub(crate) struct TierMeters {
    recorder: SharedRecorder,
    tier: &'static str,
    /// Lookups and fills.
    pub cache: CacheMeters,
    /// Its circuit breaker.
    pub breaker: BreakerMeters,
}

impl TierMeters {
    /// Records how long `operation` (`get`, `put`, `invalidate`, `remove`) took, however it ended.
    pub(crate) fn took(&self, operation: &'static str, took: Duration) {
        let labels = vec![Label::new("tier", self.tier), Label::new("operation", operation)];
        let key = Key::from_parts("mosaic_cache_duration_seconds", labels);
        self.recorder
            .register_histogram(&key, &METADATA)
            .record(took.as_secs_f64());
    }

    /// Counts an error by its code.
    pub(crate) fn failed(&self, code: &'static str) {
        let labels = vec![Label::new("tier", self.tier), Label::new("code", code)];
        let key = Key::from_parts("mosaic_cache_errors_total", labels);
        self.recorder.register_counter(&key, &METADATA).increment(1);
    }
}

/// What is measured of one cache tier.
pub(crate) struct CacheMeters {
    /// Found and fresh.
    pub hits: Counter,
    /// Not found.
    pub misses: Counter,
    /// Found past its time and served because the provider failed.
    pub stale: Counter,
    /// Entries written.
    pub fills: Counter,
    /// Entries dropped by tag.
    pub invalidated: Counter,
    /// Entries held.
    pub entries: Gauge,
    /// Bytes held.
    pub bytes: Gauge,
}

impl Meters {
    /// Registers what a system measures.
    pub(crate) fn new(recorder: SharedRecorder, operations: &Operations, max_tenants: usize) -> Self {
        help::describe(&*recorder);
        let counter = |name: &'static str, labels: Vec<Label>| {
            recorder.register_counter(&Key::from_parts(name, labels), &METADATA)
        };
        let gauge =
            |name: &'static str, labels: Vec<Label>| recorder.register_gauge(&Key::from_parts(name, labels), &METADATA);
        let of_l1 = || vec![Label::new("tier", "l1")];
        let l1 = CacheMeters {
            invalidated: counter("mosaic_cache_invalidated_total", of_l1()),
            entries: gauge("mosaic_cache_entries", of_l1()),
            bytes: gauge("mosaic_cache_bytes", of_l1()),
            ..cache(&recorder, "l1")
        };
        let seconds = |phase: &&'static str| {
            let key = Key::from_parts("mosaic_phase_duration_seconds", vec![Label::new("phase", *phase)]);
            recorder.register_histogram(&key, &METADATA)
        };
        Meters {
            operations: operations
                .iter()
                .map(|operation| OperationMeters::new(&recorder, operation.name))
                .collect(),
            other: OperationMeters::new(&recorder, "_other"),
            providers: DashMap::new(),
            phases: PHASES.iter().map(seconds).collect(),
            calls_in_flight: gauge("mosaic_calls_in_flight", vec![]),
            l1,
            coalesced: counter("mosaic_coalesced_total", vec![]),
            observations_dropped: counter("mosaic_balancer_observations_dropped_total", vec![]),
            panics: counter("mosaic_panic_attempts_total", vec![]),
            decisions: DecisionMeters {
                recorded: counter("mosaic_decisions_recorded_total", vec![]),
                dropped: counter("mosaic_decisions_dropped_total", vec![]),
            },
            tenants_active: gauge("mosaic_tenants_active", vec![]),
            max_calls_in_flight: gauge("mosaic_max_calls_in_flight", vec![]),
            tenants: TenantMeters::new(&recorder, max_tenants),
            recorder,
        }
    }

    /// The meters of an operation; those of another catalogue share one.
    pub(crate) fn operation(&self, operation: OperationRef) -> &OperationMeters {
        let meters = self.operations.get(operation.index());
        meters
            .filter(|meters| meters.name == operation.name)
            .unwrap_or(&self.other)
    }

    /// The meters of an instance, registered on first use. Instances are configured, hence few.
    pub(crate) fn provider(&self, name: &Arc<str>) -> Arc<ProviderMeters> {
        if let Some(found) = self.providers.get(name) {
            return found.clone();
        }
        self.providers
            .entry(name.clone())
            .or_insert_with(|| Arc::new(provider(&self.recorder, name)))
            .clone()
    }

    /// The meters of a tier outside of this process.
    pub(crate) fn tier(&self, tier: &'static str) -> TierMeters {
        let labels = vec![Label::new("tier", tier)];
        TierMeters {
            cache: cache(&self.recorder, tier),
            breaker: breaker(
                &self.recorder,
                ["mosaic_cache_breaker_state", "mosaic_cache_breaker_opened_total"],
                &labels,
            ),
            recorder: self.recorder.clone(),
            tier,
        }
    }

    /// Counts a call of a tenant, where tenants are told apart.
    pub(crate) fn tenant(&self, tenant: &Arc<str>, failure: Option<Kind>) {
        self.tenants.count(tenant, failure);
    }

    /// What is left of an instance's credits, which are counted in `unit`.
    pub(crate) fn credits_left(&self, provider: &Arc<str>, unit: &'static str) -> Gauge {
        let name = match unit {
            "calls" => "mosaic_credits_left_calls",
            _ => "mosaic_credits_left_nanodollars",
        };
        let labels = vec![Label::new("provider", SharedString::from(provider.to_string()))];
        self.recorder.register_gauge(&Key::from_parts(name, labels), &METADATA)
    }

    /// What a rule in shadow would have changed so far, by its name or number.
    pub(crate) fn shadow(&self, rule: String, [same, different]: [u64; 2]) {
        for (result, count) in [("same", same), ("different", different)] {
            let labels = vec![Label::new("rule", rule.clone()), Label::new("result", result)];
            let key = Key::from_parts("mosaic_route_shadow_total", labels);
            self.recorder.register_counter(&key, &METADATA).absolute(count);
        }
    }

    /// Records how long a phase took.
    pub(crate) fn phase(&self, phase: &'static str, took: Duration) {
        let index = PHASES.iter().position(|known| *known == phase);
        if let Some(histogram) = index.and_then(|index| self.phases.get(index)) {
            histogram.record(took.as_secs_f64());
        }
    }

    /// A refusal at a bound, by the bound's name.
    pub(crate) fn refused(&self, bound: &'static str) {
        let key = Key::from_parts("mosaic_refused_total", vec![Label::new("bound", bound)]);
        self.recorder.register_counter(&key, &METADATA).increment(1);
    }
}

fn provider(recorder: &SharedRecorder, name: &Arc<str>) -> ProviderMeters {
    let labels = vec![Label::new("provider", SharedString::from(name.to_string()))];
    let gauge = |name: &'static str| recorder.register_gauge(&Key::from_parts(name, labels.clone()), &METADATA);
    let counter = |name: &'static str| recorder.register_counter(&Key::from_parts(name, labels.clone()), &METADATA);
    ProviderMeters {
        seconds: recorder.register_histogram(
            &Key::from_parts("mosaic_attempt_duration_seconds", labels.clone()),
            &METADATA,
        ),
        call_phase: recorder.register_histogram(
            &Key::from_parts("mosaic_phase_duration_seconds", vec![Label::new("phase", "call")]),
            &METADATA,
        ),
        in_flight: gauge("mosaic_attempts_in_flight"),
        max_in_flight: gauge("mosaic_max_attempts_in_flight"),
        retries: counter("mosaic_retries_total"),
        failovers: counter("mosaic_failovers_total"),
        revalidated: counter("mosaic_cache_revalidated_total"),
        breaker: breaker(
            recorder,
            ["mosaic_breaker_state", "mosaic_breaker_opened_total"],
            &labels,
        ),
        attempts: Outcomes::new(recorder, "mosaic_attempts_total", labels.clone()).all_at_zero(),
        ejection: EjectionMeters::new(recorder, &labels),
        flow: FlowMeters::new(recorder, &labels),
        rate_limits: RateLimitMeters::new(recorder, labels.clone()),
        recorder: recorder.clone(),
        health: OnceLock::new(),
        labels,
    }
}

fn breaker(recorder: &SharedRecorder, [state, opened]: [&'static str; 2], labels: &[Label]) -> BreakerMeters {
    let meters = BreakerMeters {
        state: recorder.register_gauge(&Key::from_parts(state, labels.to_vec()), &METADATA),
        opened: recorder.register_counter(&Key::from_parts(opened, labels.to_vec()), &METADATA),
    };
    meters.state.set(0.0);
    meters
}

/// What every tier can tell. What it holds and drops, only one in memory knows.
fn cache(recorder: &SharedRecorder, tier: &'static str) -> CacheMeters {
    let counter = |name: &'static str, labels| recorder.register_counter(&Key::from_parts(name, labels), &METADATA);
    let result = |result: &'static str| {
        let labels = vec![Label::new("tier", tier), Label::new("result", result)];
        counter("mosaic_cache_requests_total", labels)
    };
    CacheMeters {
        hits: result("hit"),
        misses: result("miss"),
        stale: result("stale"),
        fills: counter("mosaic_cache_fills_total", vec![Label::new("tier", tier)]),
        invalidated: Counter::noop(),
        entries: Gauge::noop(),
        bytes: Gauge::noop(),
    }
}
