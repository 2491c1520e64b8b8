//! Traces: how providers change while a simulation runs.
//!
//! Invariant: a trace is a list of changes in the order of time, made of a seed or read from a file; it knows nothing of who
//! balances.

use super::chance::Chance;

/// Providers of every trace.
pub const PROVIDERS: usize = 9;

/// From a time on, a provider is so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Seconds from the start.
    pub at: f64,
    /// Its number, from 0.
    pub provider: usize,
    /// Its latencies are multiplied by this.
    pub latency: f64,
    /// The probability that an attempt fails.
    pub errors: f64,
    /// Attempts in flight there that are somebody else's.
    pub load: f64,
}

/// A trace.
#[derive(Clone, Debug)]
pub struct Trace {
    pub name: String,
    /// Calls.
    pub calls: usize,
    /// Calls by the second.
    pub rate: f64,
    /// The share of calls whose latency depends on their class and size differently at each provider.
    pub contextual: f64,
    /// How much it does: the deviation of a logarithm.
    pub apart: f64,
    pub changes: Vec<Change>,
}

/// The names of those that are made of a seed.
pub const NAMES: [&str; 9] = [
    "stable",
    "drift",
    "step",
    "brown-out",
    "periodic",
    "flapping",
    "correlated",
    "antagonist",
    "contextual",
];

const SOUND: f64 = 0.002;

impl Trace {
    /// The trace of this name, of a seed.
    pub fn made(name: &str, seed: u64, calls: usize) -> Self {
        let mut trace = Trace {
            name: name.to_owned(),
            calls,
            rate: 120.0,
            contextual: 0.35,
            apart: 0.5,
            changes: Vec::new(),
        };
        let lasts = calls as f64 / trace.rate;
        let mut chance = Chance::of(seed, &[name.len() as u64, u64::from(name.as_bytes()[0])]);
        let make: fn(&mut Trace, f64, &mut Chance) = match name {
            "drift" => drift,
            "step" => step,
            "brown-out" => brown_out,
            "periodic" => periodic,
            "flapping" => flapping,
            "correlated" => correlated,
            "antagonist" => antagonist,
            _ => |_, _, _| {},
        };
        if name == "contextual" {
            (trace.contextual, trace.apart) = (0.6, 1.0);
        }
        make(&mut trace, lasts, &mut chance);
        trace.changes.sort_by(|one, other| one.at.total_cmp(&other.at));
        trace
    }

    fn change(&mut self, at: f64, provider: usize, latency: f64, errors: f64, load: f64) {
        self.changes.push(Change {
            at,
            provider,
            latency,
            errors,
            load,
        });
    }

    /// Reads a trace; see the head of `main.rs` for the form.
    ///
    /// # Errors
    /// A sentence with the number of the line.
    pub fn read(name: &str, text: &str, calls: usize) -> Result<Self, String> {
        let mut trace = Trace::made("stable", 0, calls);
        trace.name = name.to_owned();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            let words: Vec<&str> = line.split_whitespace().collect();
            let wrong = |what: &str| format!("line {}: {what}: {line}", number + 1);
            let parsed = |word: &str| word.parse::<f64>().map_err(|_| wrong("not a number"));
            match words[..] {
                [] => {}
                ["calls", count] => trace.calls = parsed(count)? as usize,
                ["rate", rate] => trace.rate = parsed(rate)?,
                ["contextual", share] => trace.contextual = parsed(share)?,
                ["apart", deviation] => trace.apart = parsed(deviation)?,
                [at, provider, latency, errors, load] => {
                    let provider = parsed(provider)? as usize;
                    if provider >= PROVIDERS {
                        return Err(wrong("providers are numbered from 0 to 8"));
                    }
                    trace.change(parsed(at)?, provider, parsed(latency)?, parsed(errors)?, parsed(load)?);
                }
                _ => return Err(wrong("neither a setting nor a change")),
            }
        }
        trace.changes.sort_by(|one, other| one.at.total_cmp(&other.at));
        Ok(trace)
    }
}

/// Everybody wanders between places drawn anew every twenty seconds.
fn drift(trace: &mut Trace, lasts: f64, chance: &mut Chance) {
    const LEG: f64 = 20.0;
    for provider in 0..PROVIDERS {
        let (mut from, mut to) = (0.0, 0.8 * chance.normal());
        let steps = (lasts * 2.0) as usize;
        for step in 0..steps {
            let (at, within) = (step as f64 / 2.0, (step as f64 / 2.0) % LEG);
            if within == 0.0 && step > 0 {
                (from, to) = (to, 0.8 * chance.normal());
            }
            let level: f64 = from + (to - from) * within / LEG;
            trace.change(at, provider, level.exp(), SOUND, 0.0);
        }
    }
}

/// Three become five times as slow, and later as they were, and three others do.
fn step(trace: &mut Trace, lasts: f64, chance: &mut Chance) {
    let six = chance.some(6, PROVIDERS);
    for provider in &six[..3] {
        trace.change(lasts / 3.0, *provider, 5.0, SOUND, 0.0);
        trace.change(lasts * 2.0 / 3.0, *provider, 1.0, SOUND, 0.0);
    }
    for provider in &six[3..] {
        trace.change(lasts * 2.0 / 3.0, *provider, 5.0, SOUND, 0.0);
    }
}

/// Now and then two or three are ten times as slow, and fail one time in five, for a while.
fn brown_out(trace: &mut Trace, lasts: f64, chance: &mut Chance) {
    let mut at = chance.between(5.0, 15.0);
    while at < lasts {
        let long = chance.between(8.0, 20.0);
        let many = 2 + chance.below(2);
        for provider in chance.some(many, PROVIDERS) {
            trace.change(at, provider, 10.0, 0.2, 0.0);
            trace.change(at + long, provider, 1.0, SOUND, 0.0);
        }
        at += long + chance.between(4.0, 12.0);
    }
}

/// Everybody is slower and faster by a factor of two and a half, each in its own time.
fn periodic(trace: &mut Trace, lasts: f64, chance: &mut Chance) {
    for provider in 0..PROVIDERS {
        let (period, phase) = (chance.between(20.0, 40.0), chance.unit());
        for step in 0..(lasts * 2.0) as usize {
            let at = step as f64 / 2.0;
            let turn = std::f64::consts::TAU * (at / period + phase);
            trace.change(at, provider, (0.9 * turn.sin()).exp(), SOUND, 0.0);
        }
    }
}

/// Two fail nearly always for some seconds, and never for some.
fn flapping(trace: &mut Trace, lasts: f64, chance: &mut Chance) {
    for provider in chance.some(2, PROVIDERS) {
        let mut at = chance.between(0.0, 5.0);
        while at < lasts {
            trace.change(at, provider, 1.0, 0.9, 0.0);
            at += chance.between(3.0, 6.0);
            trace.change(at, provider, 1.0, SOUND, 0.0);
            at += chance.between(3.0, 6.0);
        }
    }
}

/// Four of them share what breaks: they fail half of the time, and are four times as slow, together.
fn correlated(trace: &mut Trace, lasts: f64, chance: &mut Chance) {
    let four = chance.some(4, PROVIDERS);
    let mut at = chance.between(5.0, 20.0);
    while at < lasts {
        let long = chance.between(8.0, 18.0);
        for provider in &four {
            trace.change(at, *provider, 4.0, 0.5, 0.0);
            trace.change(at + long, *provider, 1.0, SOUND, 0.0);
        }
        at += long + chance.between(8.0, 20.0);
    }
}

/// Others use the same providers, in bursts.
fn antagonist(trace: &mut Trace, lasts: f64, chance: &mut Chance) {
    for provider in 0..PROVIDERS {
        let mut at = 8.0 * chance.exponential();
        while at < lasts {
            trace.change(at, provider, 1.0, SOUND, chance.between(20.0, 60.0));
            at += 4.0 * chance.exponential();
            trace.change(at, provider, 1.0, SOUND, 0.0);
            at += 8.0 * chance.exponential();
        }
    }
}
