//! Log events as JSON lines: `ts`, `level`, `target`, `msg`, `fields`, and the enclosing spans as `span` (their
//! names) and `context` (their fields, the inner ones winning).
//!
//! Invariant: one event is one line, and no field of an event can pass for one of the line's own keys.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes events as JSON lines. Expects spans' fields as JSON too.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut line = Map::new();
        line.insert("ts".into(), format!("{:.3}", Timestamp::now()).into());
        line.insert("level".into(), event.metadata().level().as_str().into());
        line.insert("target".into(), event.metadata().target().into());
        line.insert("msg".into(), fields.0.remove("message").unwrap_or_default());
        if !fields.0.is_empty() {
            line.insert("fields".into(), fields.0.into());
        }
        let (mut names, mut context) = (Vec::new(), Map::new());
        for span in ctx.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            names.push(span.name());
            let extensions = span.extensions();
            let written = extensions
                .get::<FormattedFields<N>>()
                .map_or("", |fields| fields.as_str());
            // An empty span has no fields; whatever else is no object has nothing to say here.
            context.extend(serde_json::from_str::<Map<String, Value>>(written).unwrap_or_default());
        }
        if !names.is_empty() {
            line.insert("span".into(), names.join("/").into());
            line.insert("context".into(), context.into());
        }
        writeln!(writer, "{}", Value::Object(line))
    }
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    // The error's own words alone: its causes may quote what must not be logged.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.set(field, value.to_string());
    }
}
