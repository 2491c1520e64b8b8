//! What a caller may say beside the input: one table, from which every surface takes its spelling.
//!
//! Invariant: an option is a row of [`OPTIONS`]; queries, headers, flags, the OpenAPI document and failures name it as
//! its row does.

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::error::Failure;
use tokio::time::Instant;

use self::OptionValue::{Switch, Text, Time};
use super::idempotency::LONGEST_KEY;
use crate::catalogue::Entry;

/// The names of the options that failures are about.
pub const PROVIDER: &str = "provider";
/// See [`PROVIDER`].
pub const TIMEOUT: &str = "timeout_ms";
/// See [`PROVIDER`].
pub const IDEMPOTENCY_KEY: &str = "idempotency_key";

/// What a caller may say beside the input, at every surface.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The instance to ask, or `all` for a list.
    pub provider: Option<String>,
    /// The provider's own JSON beside the neutral one.
    pub include_raw: bool,
    /// No answer from cache.
    pub no_cache: bool,
    /// The answer is not kept in a cache, nor taken from one. No row of the table: it is HTTP's own, in `Cache-Control`.
    pub no_store: bool,
    /// How long the caller will wait; bounded by the configuration.
    pub timeout: Option<Duration>,
    /// A write under a key is done at most once, however often it is asked for.
    pub idempotency_key: Option<String>,
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
}

/// All of them.
pub static OPTIONS: [CallOption; 5] = [
    CallOption {
        name: PROVIDER,
        header: None,
        flag: "provider",
        value: Text("INSTANCE", None, |options| &mut options.provider),
        keyed: false,
        description: "The provider instance to ask; `all` asks every instance for a list.",
        help: "Ask this provider instance; for a list, `all` asks every one",
    },
    CallOption {
        name: "include_raw",
        header: None,
        flag: "include-raw",
        value: Switch(|options| &mut options.include_raw),
        keyed: false,
        description: "Adds the provider's own JSON beside the neutral one.",
        help: "Add the provider's own JSON",
    },
    CallOption {
        name: "no_cache",
        header: None,
        flag: "no-cache",
        value: Switch(|options| &mut options.no_cache),
        keyed: false,
        description: "Refuses an answer from cache. `Cache-Control: no-cache`, or `max-age=0`, says the same; \
                      with `no-store` the answer is not kept in a cache either.",
        help: "Refuse an answer from cache",
    },
    CallOption {
        name: TIMEOUT,
        header: None,
        flag: "timeout",
        value: Time(|options| &mut options.timeout),
        keyed: false,
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
        description: "Repeating the request under the same key gives the recorded outcome; the write happens once.",
        help: "Repeats under the same key change nothing more; makes retries safe",
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
        }
        Ok(())
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
