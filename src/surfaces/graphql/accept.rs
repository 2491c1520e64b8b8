//! How clients want their answers.
//!
//! Invariant: what a client says of its likes decides; one that says nothing is given what every client understands.

use ::http::header::ACCEPT;
use ::http::{HeaderMap, HeaderValue};

use super::sse::EVENT_STREAM;

/// The media type of answers of GraphQL, whose status tells whether the request was executed.
const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

/// How a client wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Its status tells of HTTP alone.
    Json,
    GraphqlResponse,
    Events,
}

impl Form {
    pub(super) fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Form::Json | Form::Events => JSON,
            Form::GraphqlResponse => GRAPHQL_RESPONSE,
        })
    }
}

const FORMS: [(Form, &str); 3] = [
    (Form::Events, EVENT_STREAM),
    (Form::GraphqlResponse, GRAPHQL_RESPONSE),
    (Form::Json, JSON),
];

/// What a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// What it likes best; JSON, where it names nothing that there is.
    pub(super) best: Form,
    /// Streams, too.
    pub(super) events: bool,
}

impl Wanted {
    /// Of equal weight the first that is named counts, and a stream of one event only for who wants nothing else more.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut best = (0.0, Form::Json);
        let mut events = false;
        for (media_type, weight) in named(headers).filter(|(_, weight)| *weight > 0.0) {
            let known = FORMS.iter().find(|(_, name)| media_type.eq_ignore_ascii_case(name));
            let Some((form, _)) = known else { continue };
            events |= *form == Form::Events;
            if weight > best.0 {
                best = (weight, *form);
            }
        }
        Wanted { best: best.1, events }
    }
}

/// The media types that a client names, each with its weight (RFC 9110, section 12.5.1).
fn named(headers: &HeaderMap) -> impl Iterator<Item = (&str, f32)> {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|named| {
        let mut parts = named.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        (media_type, weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
    })
}

/// Whether a client that asks nothing is a browser, or a person: it names none of the forms of an answer, or pages too.
pub(super) fn is_for_people(headers: &HeaderMap) -> bool {
    let accepts =
        |media_type: &str| named(headers).any(|(named, weight)| weight > 0.0 && named.eq_ignore_ascii_case(media_type));
    accepts("text/html") || !FORMS.iter().any(|(_, form)| accepts(form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_liked_best_is_answered() {
        for (accept, best, events) in [
            ("", Form::Json, false),
            ("*/*", Form::Json, false),
            ("text/event-stream", Form::Events, true),
            ("TEXT/event-stream; q=0.5", Form::Events, true),
            (GRAPHQL_RESPONSE, Form::GraphqlResponse, false),
            ("application/json, application/graphql-response+json", Form::Json, false),
            (
                "application/graphql-response+json, application/json;q=0.9, text/event-stream;q=0.8",
                Form::GraphqlResponse,
                true,
            ),
            ("text/event-stream, application/json", Form::Events, true),
            ("text/event-stream;q=0, application/json;q=0.1", Form::Json, false),
            ("text/event-stream;q=odd", Form::Json, false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(Wanted::of(&headers), Wanted { best, events }, "{accept}");
        }
    }
}
