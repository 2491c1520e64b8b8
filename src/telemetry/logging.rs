//! The process's log: to standard error, for people or as JSON lines, with a filter that can be changed for a while.
//!
//! Invariant: a filter that does not parse changes nothing; and whoever logs waits for nobody: lines go to a thread of their
//! own, and those that a slow reader leaves no room for are dropped and counted.

use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tracing::Subscriber;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use super::fields::{HumanFields, JsonSpans};
use super::json::JsonLines;
use crate::config::{LogConfig, LogFormat};

/// Why the log cannot be set up or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LogError {
    /// The filter does not parse.
    #[error("expected levels by target such as \"info,mosaic=debug\"")]
    BadFilter,
    /// This process has a tracing subscriber already.
    #[error("a log is already installed in this process")]
    AlreadyInstalled,
    /// The log it belonged to is gone.
    #[error("the log is gone")]
    Gone,
}

/// The filter in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter {
    /// Levels by target.
    pub filter: String,
    /// When the configured filter comes back; `None`: this stays.
    pub until: Option<Instant>,
}

/// Changes the filter of a running log, and counts what was dropped.
#[derive(Debug)]
pub struct LogHandle {
    handle: reload::Handle<EnvFilter, Registry>,
    configured: String,
    current: Mutex<LogFilter>,
    dropped: Option<ErrorCounter>,
    /// Of the dropped lines, those that were told of.
    told: AtomicU64,
}

/// Keeps the log's thread. Dropped, it waits a second at most for the lines that are still to be written.
#[must_use = "the last lines are lost without it"]
#[derive(Debug)]
pub struct LogFlush {
    _guard: WorkerGuard,
}

impl LogHandle {
    /// Puts `filter` in force, until a moment or for good.
    ///
    /// # Errors
    /// [`LogError::BadFilter`] or [`LogError::Gone`]; the filter stays as it was.
    pub fn set_filter(&self, filter: &str, until: Option<Instant>) -> Result<(), LogError> {
        let mut current = self.lock();
        self.handle.reload(parse(filter)?).map_err(|_| LogError::Gone)?;
        *current = LogFilter {
            filter: filter.to_owned(),
            until,
        };
        Ok(())
    }

    /// Puts the configured filter back if the time of the present one is over; whether it did. To be called
    /// from time to time.
    ///
    /// # Errors
    /// [`LogError::Gone`].
    pub fn expire(&self, now: Instant) -> Result<bool, LogError> {
        if self.lock().until.is_none_or(|until| now < until) {
            return Ok(false);
        }
        self.set_filter(&self.configured, None).map(|()| true)
    }

    /// Lines that were dropped because their reader was too slow.
    pub fn dropped(&self) -> u64 {
        self.dropped
            .as_ref()
            .map_or(0, |dropped| dropped.dropped_lines() as u64)
    }

    /// Tells the log of lines that were dropped since it was told last. To be called from time to time: where there is no
    /// room for this line either, it is counted too, and told the next time.
    pub fn tell_dropped(&self) {
        let dropped = self.dropped();
        let lines = dropped.saturating_sub(self.told.load(Relaxed));
        if lines == 0 {
            return;
        }
        tracing::warn!(lines, "the log's reader was too slow: lines were dropped");
        // Where one was dropped meanwhile, it may have been this.
        if self.dropped() == dropped {
            self.told.store(dropped, Relaxed);
        }
    }

    /// The filter that the process began with.
    pub fn configured(&self) -> &str {
        &self.configured
    }

    /// The filter in force.
    pub fn current(&self) -> LogFilter {
        self.lock().clone()
    }

    /// A panic while the lock was held cannot have left half a filter: it is replaced as a whole.
    fn lock(&self) -> MutexGuard<'_, LogFilter> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Installs the process's log, to standard error. For the binary alone.
///
/// # Errors
/// [`LogError::BadFilter`], or [`LogError::AlreadyInstalled`] where this process has a subscriber.
pub fn init_logging(config: &LogConfig) -> Result<(LogHandle, LogFlush), LogError> {
    let colour = wants_colour(std::env::var_os("NO_COLOR").as_deref(), io::stderr().is_terminal());
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(config.buffer_lines)
        .thread_name("mosaic-log")
        .finish(Gathered::new(io::stderr()));
    let dropped = writer.error_counter();
    let (subscriber, mut handle) = log_subscriber(config, writer, colour)?;
    handle.dropped = Some(dropped);
    subscriber.try_init().map_err(|_| LogError::AlreadyInstalled)?;
    Ok((handle, LogFlush { _guard: guard }))
}

/// Writes lines that come close together in one go, on the log's thread: a write for each, and a thread that is woken for
/// each, would cost more than all else that a line does.
struct Gathered<W: io::Write>(io::BufWriter<W>);

/// About as long as a line may wait for others. Those that come meanwhile wake nobody.
const GATHER: Duration = Duration::from_millis(5);
/// Bytes that are written at once.
const GATHERED: usize = 64 * 1024;

impl<W: io::Write> Gathered<W> {
    fn new(writer: W) -> Self {
        Gathered(io::BufWriter::with_capacity(GATHERED, writer))
    }
}

impl<W: io::Write> io::Write for Gathered<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    /// The log's thread calls it when it has no line left.
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        std::thread::sleep(GATHER);
        Ok(())
    }
}

/// Colour is for terminals, unless `NO_COLOR` has any value but an empty one.
fn wants_colour(no_color: Option<&OsStr>, terminal: bool) -> bool {
    terminal && no_color.is_none_or(OsStr::is_empty)
}

/// A subscriber that writes to `writer`, installed nowhere, and the handle on its filter.
fn log_subscriber<W>(
    config: &LogConfig,
    writer: W,
    colour: bool,
) -> Result<(impl Subscriber + Send + Sync + use<W>, LogHandle), LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(parse(&config.filter)?);
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(colour);
    let layer = match config.format {
        LogFormat::Human => layer.fmt_fields(HumanFields).boxed(),
        LogFormat::Json => layer.fmt_fields(JsonSpans).event_format(JsonLines).boxed(),
    };
    let handle = LogHandle {
        handle,
        configured: config.filter.clone(),
        current: Mutex::new(LogFilter {
            filter: config.filter.clone(),
            until: None,
        }),
        dropped: None,
        told: AtomicU64::new(0),
    };
    Ok((Registry::default().with(filter).with(layer), handle))
}

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    // What the library of MCP says below a warning are its own values, message by message, and its warnings are clients' mistakes,
    // which these are told themselves, as often as they make them; a filter may name it.
    let whole = match filter {
        "" | "off" => filter.to_owned(),
        _ => format!("rmcp=error,{filter}"),
    };
    EnvFilter::builder().parse(whole).map_err(|_| LogError::BadFilter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;
    use tracing::{debug, info, info_span, subscriber::with_default, warn};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Sink {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(format: LogFormat, filter: &str, colour: bool) -> (impl Subscriber + Send + Sync, LogHandle, Sink) {
        let sink = Sink::default();
        let writer = sink.clone();
        let config = LogConfig {
            format,
            filter: filter.into(),
            ..LogConfig::default()
        };
        let (subscriber, handle) = log_subscriber(&config, move || writer.clone(), colour).unwrap();
        (subscriber, handle, sink)
    }

    #[test]
    fn json_lines_are_one_object_each() {
        let (subscriber, _handle, sink) = log(LogFormat::Json, "info", true);
        with_default(subscriber, || {
            let _call = info_span!("call", tenant = "acme", attempt = 0).entered();
            let _attempt = info_span!("attempt", attempt = 2, provider = "forge-a").entered();
            warn!(level = "spoofed", status = 502, ratio = 0.5, slow = true, error = %io::Error::other("a\nb"), "it \"failed\"");
            debug!("not shown");
        });
        let text = sink.take();
        let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let [line] = lines.as_slice() else { panic!("{text}") };
        assert!(line["ts"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["msg"], "it \"failed\"");
        assert_eq!(line["target"], module_path!());
        let fields =
            serde_json::json!({ "level": "spoofed", "status": 502, "ratio": 0.5, "slow": true, "error": "a\nb" });
        assert_eq!(line["fields"], fields);
        assert_eq!(line["span"], "call/attempt");
        assert_eq!(
            line["context"],
            serde_json::json!({ "tenant": "acme", "attempt": 2, "provider": "forge-a" })
        );
    }

    #[test]
    fn a_name_from_outside_makes_no_line_no_field_and_no_colour_of_its_own() {
        let forged = "x\n2026-01-01T00:00:00Z  INFO mosaic: paid status=200 \u{1b}[2J\u{202e}\u{9b}31m\u{2028}\r";
        let long = "n".repeat(60_000);
        for format in [LogFormat::Human, LogFormat::Json] {
            let (subscriber, _handle, sink) = log(format, "info", false);
            with_default(subscriber, || {
                let span = info_span!("call", name = forged, late = tracing::field::Empty);
                span.record("late", forged);
                let _span = span.entered();
                warn!(text = forged, shown = %forged, debugged = ?io::Error::other(forged), long, "told {forged} {long}");
            });
            let text = sink.take();
            let hostile = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{2028}' | '\u{202e}'));
            assert_eq!((text.lines().count(), text.contains(hostile)), (1, false), "{text:?}");
            assert!(text.len() < 12_000, "{} bytes", text.len());
            assert!(text.contains("more bytes)"), "{text}");
            // The forged field stands within a quoted value, never as a word of its own behind an unquoted one.
            if format == LogFormat::Human {
                assert!(text.contains("shown=\"x\\n2026"), "{text}");
            } else {
                let line: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert_eq!(line["fields"]["text"], forged);
                assert_eq!(line["context"], serde_json::json!({ "name": forged, "late": forged }));
            }
        }
    }

    #[test]
    fn human_lines_are_coloured_only_where_wanted() {
        for colour in [true, false] {
            let (subscriber, _handle, sink) = log(LogFormat::Human, "info", colour);
            with_default(subscriber, || info!(n = 1, "hello"));
            let line = sink.take();
            assert!(line.contains("hello"), "{line}");
            assert_eq!(line.contains('\u{1b}'), colour, "{line}");
        }
    }

    #[test]
    fn no_color_is_honoured() {
        assert!(wants_colour(None, true));
        assert!(wants_colour(Some(OsStr::new("")), true));
        assert!(!wants_colour(Some(OsStr::new("1")), true));
        assert!(!wants_colour(None, false));
    }

    #[test]
    fn the_filter_changes_for_a_while() {
        let (subscriber, handle, sink) = log(LogFormat::Human, "info", false);
        let start = Instant::now();
        let until = start + Duration::from_secs(60);
        with_default(subscriber, || {
            let shown = || {
                debug!("detail");
                sink.take().contains("detail")
            };
            assert!(!shown());
            assert_eq!(handle.set_filter("=/=", None), Err(LogError::BadFilter));
            assert_eq!(handle.current().filter, "info");
            handle.set_filter("debug", Some(until)).unwrap();
            assert!(shown());
            assert_eq!(handle.expire(until - Duration::from_millis(1)), Ok(false));
            assert!(shown());
            assert_eq!(handle.expire(until), Ok(true));
            assert!(!shown());
            assert_eq!(
                handle.current(),
                LogFilter {
                    filter: "info".into(),
                    until: None
                }
            );
            assert_eq!(handle.expire(until), Ok(false));
        });
    }
}
