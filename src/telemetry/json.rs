//! Log events as JSON lines: `ts`, `level`, `target`, `msg`, `fields`, and the enclosing spans as `span` (their
//! names) and `context` (their fields, the inner ones winning).
//!
//! Invariant: one event is one line, and no field of an event can pass for one of the line's own keys.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::fields::{JsonFields, Members, inert};

/// Writes events as JSON lines. Expects spans' fields as JSON too.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = JsonFields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let mut line = Members::with_capacity(512);
        line.push("ts", &format_args!("{:.3}", Timestamp::now()));
        line.push("level", metadata.level().as_str());
        line.push("target", metadata.target());
        line.push("msg", &fields.message);
        if !fields.members.is_empty() {
            line.push_object("fields", &fields.members);
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
            line.push("span", &names.join("/"));
            line.push("context", &context);
        }
        writeln!(writer, "{{{}}}", inert(&line.text()))
    }
}
