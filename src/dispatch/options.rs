//! What a caller may say beside the input: one table, from which every surface takes its spelling.
//!
//! Invariant: an option is a row of [`OPTIONS`]; queries, headers, flags, the OpenAPI document and failures name it as
//! its row does.

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::call::{Performance, Priority};
use mosaic_actors::error::Failure;
use tokio::time::Instant;

use self::OptionValue::{Labelled, Switch, Text, Time, Word};
use super::attributes::{
    LONGEST_AFFINITY, Labels, PERFORMANCE_WORDS, PERFORMANCES, PRIORITIES, PRIORITY_WORDS, read_labels, write_labels,
};
use super::idempotency::LONGEST_KEY;
use crate::catalogue::Entry;
use crate::wording::{list, nearest};

/// The names of the options that failures are about.
pub const PROVIDER: &str = "provider";
/// See [`PROVIDER`].
pub const TIMEOUT: &str = "timeout_ms";
/// See [`PROVIDER`].
pub const IDEMPOTENCY_KEY: &str = "idempotency_key";
/// See [`PROVIDER`].
pub const LABELS: &str = "labels";
/// See [`PROVIDER`].
pub const AFFINITY: &str = "affinity";

/// What a caller may say beside the input, at every surface.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The instance to ask, or `all` for a list.
    pub provider: Option<String>,
    /// The provider's own JSON beside the neutral one.
    pub include_raw: bool,
    /// No answer from cache.
    pub no_cache: bool,
    /// What was decided, and why, with the answer or the failure.
    pub explain: bool,
    /// The answer is not kept in a cache, nor taken from one. No row of the table: it is HTTP's own, in `Cache-Control`.
    pub no_store: bool,
    /// How long the caller will wait; bounded by the configuration.
    pub timeout: Option<Duration>,
    /// A write under a key is done at most once, however often it is asked for.
    pub idempotency_key: Option<String>,
    /// How urgent it is; absent: as any. At most what its tenant may have.
    pub priority: Option<Priority>,
    /// What it needs most of its provider; absent: the rules decide.
    pub performance: Option<Performance>,
    /// Words of the caller's own that rules may match.
    pub labels: Labels,
    /// Equal for calls that are best served by one provider.
    pub affinity: Option<String>,
    /// The request id; made where absent. No row of the table: each surface has its own way to name a request.
    pub request_id: Option<Arc<str>>,
    /// When the request came: its time runs from there. Where absent, from the call.
    pub arrived: Option<Instant>,
}

/// One thing that may be said beside the input.
pub struct CallOption {
    /// Its name, in queries and failures.
    pub name: &'static str,
    /// The header that carries it in place of the query.
    pub header: Option<&'static str>,
    /// Its flag on the command line.
    pub flag: &'static str,
    /// What it holds, and where.
    pub value: OptionValue,
    /// Only where an operation takes an idempotency key.
    pub keyed: bool,
    /// It says something of the call itself, whatever that asks for: it is heeded of what is passed through, too.
    pub passed: bool,
    /// One sentence for readers of the OpenAPI document.
    pub description: &'static str,
    /// One sentence for the command line's help.
    pub help: &'static str,
}

/// A place in [`Options`], by what it holds.
pub enum OptionValue {
    /// Text: its word on the command line, its longest in bytes.
    Text(&'static str, Option<usize>, fn(&mut Options) -> &mut Option<String>),
    /// Said or not; `true` or `false` in a query.
    Switch(fn(&mut Options) -> &mut bool),
    /// A time; whole milliseconds in a query, with its unit on the command line.
    Time(fn(&mut Options) -> &mut Option<Duration>),
    /// One of a few words; how it is set and told, by its place among them.
    Word(
        &'static [&'static str],
        fn(&mut Options, usize),
        fn(&Options) -> Option<usize>,
    ),
    /// Several `name=value`.
    Labelled(fn(&mut Options) -> &mut Labels),
}

/// All of them.
pub static OPTIONS: [CallOption; 10] = [
    CallOption {
        name: PROVIDER,
        header: None,
        flag: "provider",
        value: Text("INSTANCE", None, |options| &mut options.provider),
        keyed: false,
        passed: false,
        description: "The provider instance to ask; `all` asks every instance for a list.",
        help: "Ask this provider instance; for a list, `all` asks every one",
    },
    CallOption {
        name: "include_raw",
        header: None,
        flag: "include-raw",
        value: Switch(|options| &mut options.include_raw),
        keyed: false,
        passed: false,
        description: "Adds the provider's own JSON beside the neutral one.",
        help: "Add the provider's own JSON",
    },
    CallOption {
        name: "no_cache",
        header: None,
        flag: "no-cache",
        value: Switch(|options| &mut options.no_cache),
        keyed: false,
        passed: false,
        description: "Refuses an answer from cache. `Cache-Control: no-cache`, or `max-age=0`, says the same; \
                      with `no-store` the answer is not kept in a cache either.",
        help: "Refuse an answer from cache",
    },
    CallOption {
        name: "explain",
        header: Some("X-Mosaic-Explain"),
        flag: "explain",
        value: Switch(|options| &mut options.explain),
        keyed: false,
        passed: true,
        description: "Tells what was decided for the call, and why: a JSON answer, or a problem, has the decision record as its \
                      `decision`; every answer has a `Link` to it, relation `describedby`. Of `provider=all`, and of what \
                      streams or is a file, the link alone.",
        help: "Tell what was decided for the call, and why",
    },
    CallOption {
        name: TIMEOUT,
        header: None,
        flag: "timeout",
        value: Time(|options| &mut options.timeout),
        keyed: false,
        passed: false,
        description: "How long to wait, in milliseconds; the gateway's own bound is the most. Of a stream, a log that is \
                      followed, or a file it bounds the wait for the beginning: what has begun goes on as long as \
                      something comes.",
        help: "Wait at most this long, e.g. 10s; for a stream, a followed log or a file: for its beginning",
    },
    CallOption {
        name: IDEMPOTENCY_KEY,
        header: Some("Idempotency-Key"),
        flag: "idempotency-key",
        value: Text("KEY", Some(LONGEST_KEY), |options| &mut options.idempotency_key),
        keyed: true,
        passed: false,
        description: "Repeating the request under the same key gives the recorded outcome; the write happens once.",
        help: "Repeats under the same key change nothing more; makes retries safe",
    },
    CallOption {
        name: "priority",
        header: Some("X-Mosaic-Priority"),
        flag: "priority",
        value: Word(
            &PRIORITY_WORDS,
            |options, at| options.priority = PRIORITIES.get(at).copied(),
            |options| PRIORITIES.iter().position(|one| Some(*one) == options.priority),
        ),
        keyed: false,
        passed: true,
        description: "How urgent the call is: where there is no room for all, the least urgent wait or are refused first. \
                      `low`: nobody waits for it; `high`: a person does; absent: `normal`. What is beyond the tenant's \
                      `max_priority` is lowered to that.",
        help: "How urgent it is; where there is no room for all, the least urgent wait first",
    },
    CallOption {
        name: "performance",
        header: Some("X-Mosaic-Performance"),
        flag: "performance",
        value: Word(
            &PERFORMANCE_WORDS,
            |options, at| options.performance = PERFORMANCES.get(at).copied(),
            |options| PERFORMANCES.iter().position(|one| Some(*one) == options.performance),
        ),
        keyed: false,
        passed: true,
        description: "What the call needs most of the provider that serves it: the soonest answer, a part of much work, or \
                      an answer from whomever. Absent: the gateway's rules decide.",
        help: "What it needs most of the provider that serves it",
    },
    CallOption {
        name: LABELS,
        header: Some("X-Mosaic-Labels"),
        flag: "label",
        value: Labelled(|options| &mut options.labels),
        keyed: false,
        passed: true,
        description: "Words of the caller's own that the gateway's rules may match: `name=value`, at most 8, with a comma in \
                      between. A name is 1 to 32 of the characters a-z, 0-9, `_` and `-`, a value at most 64 printable ASCII \
                      characters without a comma.",
        help: "A word of your own that rules may match; up to 8 times",
    },
    CallOption {
        name: AFFINITY,
        header: Some("X-Mosaic-Affinity"),
        flag: "affinity",
        value: Text("TEXT", Some(LONGEST_AFFINITY), |options| &mut options.affinity),
        keyed: false,
        passed: true,
        description: "Calls of a tenant that say the same are best served by one provider, which may have kept what they have \
                      in common. Absent: of a conversation with a model, its id or how it begins.",
        help: "Calls that say the same are best served by one provider",
    },
];

impl CallOption {
    /// The options that `entry` has.
    pub fn of(entry: &Entry) -> impl Iterator<Item = &'static CallOption> {
        let keyed = entry.declaration.takes_key();
        OPTIONS.iter().filter(move |option| keyed || !option.keyed)
    }

    /// Reads the texts that a request gives for it.
    ///
    /// # Errors
    /// `invalid_input` naming the option.
    pub fn read(&self, texts: &[String], options: &mut Options) -> Result<(), Failure> {
        let wrong = |what: &str| Failure::invalid(self.name, format!("{} must be {what}", self.name));
        if let Labelled(place) = self.value {
            return texts.iter().try_for_each(|text| read_labels(text, place(options)));
        }
        let [text] = texts else {
            return Err(wrong("given once"));
        };
        match self.value {
            Text(_, _, place) => *place(options) = Some(text.clone()),
            Switch(place) => *place(options) = text.parse().map_err(|_| wrong("true or false"))?,
            Time(place) => {
                let millis: i64 = text.parse().map_err(|_| wrong("a whole number"))?;
                let millis = u64::try_from(millis).ok().filter(|millis| *millis > 0);
                *place(options) = Some(Duration::from_millis(millis.ok_or_else(no_time)?));
            }
            Word(words, set, _) => match words.iter().position(|word| word == text) {
                Some(at) => set(options, at),
                None => return Err(self.no_word(words, text)),
            },
            Labelled(_) => {}
        }
        Ok(())
    }

    /// Whether it may be given more than once.
    pub fn repeats(&self) -> bool {
        matches!(self.value, Labelled(_))
    }

    fn no_word(&self, words: &[&str], text: &str) -> Failure {
        let sentence = format!("{} must be {}", self.name, list(words, "or"));
        let failure = Failure::invalid(self.name, sentence);
        match nearest(text, words.iter().copied()) {
            Some(meant) => failure.also(&format!("did you mean {meant}?")),
            None => failure,
        }
    }
}

impl Options {
    /// What differs from the default, as texts that [`CallOption::read`] takes.
    pub fn said(&self) -> Vec<(&'static CallOption, String)> {
        let mut options = self.clone();
        let rows = OPTIONS.iter().filter_map(|option| {
            let text = match option.value {
                Text(_, _, place) => place(&mut options).take(),
                Switch(place) => place(&mut options).then(|| true.to_string()),
                Time(place) => place(&mut options).map(|time| time.as_millis().to_string()),
                Word(words, _, at) => at(&options).map(|at| words[at].to_owned()),
                Labelled(place) => {
                    let labels = place(&mut options);
                    (!labels.is_empty()).then(|| write_labels(labels))
                }
            };
            text.map(|text| (option, text))
        });
        rows.collect()
    }
}

/// The refusal of a timeout in which nothing can be done.
pub fn no_time() -> Failure {
    Failure::invalid(TIMEOUT, format!("{TIMEOUT} must be at least 1"))
}
