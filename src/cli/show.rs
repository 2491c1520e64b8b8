//! Shows what a call brought.
//!
//! Invariant: with `--json` the server's JSON reaches stdout as it came; for people, the wanted content goes to
//! stdout and facts about it to stderr.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value, json};

use crate::catalogue::Entry;
use crate::surfaces::decisions;

use super::client::{Events, Reply};
use super::conversation::Conversation;
use super::exit;
use super::problem::Problem;
use super::render;
use super::screen::{Screen, Stop, clean};
use super::wait;

/// Shows a reply to a call of `entry`; a file goes where `output` says.
///
/// # Errors
/// The stream's failure, an answer that is not JSON, or a terminal that cannot show it.
pub async fn reply(reply: Reply, entry: &Entry, output: Option<&str>, screen: &Screen) -> Result<(), Stop> {
    match reply {
        Reply::File(file) => file.save(output, screen).await,
        Reply::Whole(body) if screen.json => {
            screen.lines(&body)?;
            match entry.declaration.facts.list || wait::is_of(entry) {
                true => verdict(&parse(&body)?, entry, screen),
                false => Ok(()),
            }
        }
        Reply::Whole(body) => whole(&parse(&body)?, entry, screen),
        Reply::Events(events) if screen.json => json_lines(events, screen).await,
        Reply::Events(events) => pieces(events, screen).await,
    }
}

/// A reply without the decision record in it, and that; for programs the two are one document. `beside`: the record, where
/// the reply does not hold it.
///
/// # Errors
/// `upstream_failed` where the reply is no JSON.
pub fn undecided(reply: Reply, beside: Option<Value>, screen: &Screen) -> Result<(Reply, Option<Value>), Failure> {
    match (reply, beside) {
        (Reply::Whole(body), Some(decision)) if screen.json => {
            Ok((Reply::Whole(decisions::beside(body, &decision)), None))
        }
        (Reply::Whole(body), None) if !screen.json => {
            let mut output = parse(&body)?;
            let decision = output
                .as_object_mut()
                .and_then(|output| output.shift_remove(decisions::MEMBER));
            let body = match &decision {
                Some(_) => output.to_string().into(),
                None => body,
            };
            Ok((Reply::Whole(body), decision))
        }
        (reply, beside) => Ok((reply, beside)),
    }
}

/// Where an answer that is a part goes on.
const NEXT_AFTER: &str = "next_after";

/// Where a part of something goes on; none of the last.
pub fn next_after(part: &Value) -> Option<u64> {
    part[NEXT_AFTER].as_u64()
}

/// Shows a document that is no operation's output.
///
/// # Errors
/// As [`reply`].
pub fn document(body: &[u8], screen: &Screen) -> Result<(), Stop> {
    if screen.json {
        return screen.lines(body);
    }
    screen.lines(render::document(&parse(body)?, None, screen))
}

/// Parses a server's JSON.
///
/// # Errors
/// `upstream_failed` where it is none.
pub fn parse(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::new(Kind::UpstreamFailed, "the answer is not JSON").because(error))
}

fn whole(output: &Value, entry: &Entry, screen: &Screen) -> Result<(), Stop> {
    let text = |pointer| output.pointer(pointer).and_then(Value::as_str);
    // Outputs that are there for their content: a file, a message, a log.
    if let (Some(content), Some(encoding)) = (text("/content"), text("/encoding")) {
        return file(content, encoding, screen);
    }
    if let Some(content) = output.pointer("/message/content") {
        let mut conversation = Conversation::new(screen);
        if let Some(thought) = text("/reasoning") {
            conversation.hear(&json!({"type": "reasoning", "text": thought}))?;
        }
        conversation.hear_all(content)?;
        conversation.end(false)?;
        note_warnings(output, screen);
        note_facts(output, &["message", "reasoning", "raw"], screen);
        return Ok(());
    }
    if let Some(lines) = output.get("lines").and_then(Value::as_array) {
        let texts = lines.iter().filter_map(|line| line.get("text")?.as_str());
        let text: String = texts.flat_map(|text| [text, "\n"]).collect();
        screen.data(visible(&text, screen))?;
        note_facts(output, &["lines", "truncated", NEXT_AFTER], screen);
        return Ok(());
    }
    match output.get("items").and_then(Value::as_array) {
        Some(rows) if rows.is_empty() => screen.note("nothing found"),
        _ => screen.lines(render::document(output, Some(entry.output_schema.as_value()), screen))?,
    }
    note_page(output, screen);
    if let Some(pending) = text("/pending") {
        let pending = clean(&quoted(pending));
        let what = match text("/outcome") {
            Some("joined") => "the same waits already, so nothing was started; the run of that is told by",
            _ => "it has no run yet:",
        };
        screen.note(&format!(
            "{what} mosaic cicd run resolve {pending}, or mosaic cicd run wait {pending}"
        ));
    }
    verdict(output, entry, screen)
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '~' | ':' | '#' | '@');
    match word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// What the exit code is to say of an answer that was shown.
fn verdict(output: &Value, entry: &Entry, screen: &Screen) -> Result<(), Stop> {
    if entry.declaration.facts.list {
        return note_missing(output, screen);
    }
    match wait::is_of(entry) && wait::ended_badly(output) {
        true => Err(Stop::Quiet(exit::ENDED_BADLY)),
        false => Ok(()),
    }
}

fn file(content: &str, encoding: &str, screen: &Screen) -> Result<(), Stop> {
    match encoding {
        "base64" if screen.interactive => Err(Problem::from(Failure::invalid("content", "the content is binary"))
            .hint("Redirect stdout to a file, or use --json.")
            .into()),
        "base64" => {
            let bytes = BASE64_STANDARD.decode(content);
            screen.data(bytes.map_err(|error| {
                Failure::new(
                    Kind::UpstreamFailed,
                    "the content is not the base64 that it is said to be",
                )
                .because(error)
            })?)
        }
        _ if screen.interactive => screen.lines(visible(content, screen)),
        _ => screen.data(content),
    }
}

/// What is left to say about a page.
fn note_page(output: &Value, screen: &Screen) {
    if let Some(cursor) = output.get("next_cursor").and_then(Value::as_str) {
        screen.note(&format!("there is more: --cursor {}", clean(cursor)));
    }
}

/// Tells of the providers whose rows a list lacks; `Err` where there are any, so that no script takes a part for the whole.
fn note_missing(output: &Value, screen: &Screen) -> Result<(), Stop> {
    let errors = output.get("errors").and_then(Value::as_array).into_iter().flatten();
    let mut whole = true;
    for error in errors {
        whole = false;
        if screen.json {
            screen.problem_line(&error.to_string());
            continue;
        }
        let part = |name| error.get(name).and_then(Value::as_str).unwrap_or("?");
        let sentence = format!("missing: {} [{}]: {}", part("provider"), part("code"), part("message"));
        screen.note(&clean(&sentence));
    }
    match whole {
        true => Ok(()),
        false => Err(Stop::Quiet(exit::PARTIAL)),
    }
}

async fn json_lines(mut events: Events, screen: &Screen) -> Result<(), Stop> {
    while let Some(event) = events.next().await {
        let event = event?;
        if event.contains(&b'\n') {
            screen.lines(parse(&event)?.to_string())?;
        } else {
            screen.lines(&event)?;
        }
    }
    Ok(())
}

/// Shows what a model says, and each line of a log, as it comes; the other facts are told at the end.
async fn pieces(mut events: Events, screen: &Screen) -> Result<(), Stop> {
    let mut others = Map::new();
    let mut conversation = Conversation::new(screen);
    let outcome = loop {
        let event = match events.next().await {
            None => break Ok(()),
            Some(Err(problem)) => break Err(problem),
            Some(Ok(event)) => parse(&event)?,
        };
        if event.get("custom_id").is_some() || event["type"] == "unread" {
            // One result of many, which is whole: what is made of them reads them line by line.
            screen.data(visible(&format!("{event}\n"), screen))?;
            continue;
        }
        if event["type"] == "line"
            && let Some(text) = event.get("text").and_then(Value::as_str)
        {
            screen.data(visible(&format!("{text}\n"), screen))?;
        } else if !conversation.hear(&event)? {
            note_warnings(&event, screen);
            if let Value::Object(event) = event {
                others.extend(event);
            }
        }
    };
    conversation.end(outcome.is_err())?;
    outcome?;
    note_facts(&Value::from(others), &["type"], screen);
    Ok(())
}

/// What of an input was not passed on as it was said.
fn note_warnings(output: &Value, screen: &Screen) {
    for warning in output["warnings"].as_array().into_iter().flatten() {
        let part = |name| warning.get(name).and_then(Value::as_str).unwrap_or("?");
        screen.note(&clean(&format!("warning: {}: {}", part("field"), part("message"))));
    }
}

fn note_facts(output: &Value, except: &[&str], screen: &Screen) {
    let facts = output.as_object().map(render::facts).unwrap_or_default();
    let told: Vec<String> = facts
        .into_iter()
        .filter(|(name, _)| !except.contains(&name.split('.').next().unwrap_or(name)))
        .map(|(name, text)| format!("{name}: {}", clean(&text)))
        .collect();
    if !told.is_empty() {
        screen.note(&told.join(", "));
    }
}

/// A file or a pipe gets the text as it is; a terminal is protected from it.
pub fn visible(text: &str, screen: &Screen) -> String {
    if screen.interactive {
        clean(text)
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_content_is_refused_on_a_terminal() {
        let terminal = Screen {
            interactive: true,
            ..Screen::default()
        };
        let refused = file("AAE=", "base64", &terminal);
        assert!(matches!(refused, Err(Stop::Failed(problem)) if problem.exit_code() == 2));
    }

    #[test]
    fn what_is_to_be_copied_is_one_word_of_a_shell() {
        assert_eq!(quoted("jobs~A/api#q17"), "jobs~A/api#q17");
        assert_eq!(quoted("ci~a/b#branch=x&y"), "'ci~a/b#branch=x&y'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn a_terminal_is_protected_and_a_pipe_gets_the_bytes() {
        let terminal = Screen {
            interactive: true,
            ..Screen::default()
        };
        assert_eq!(visible("a\u{1b}[2J", &terminal), "a\u{fffd}[2J");
        assert_eq!(visible("a\u{1b}[2J", &Screen::default()), "a\u{1b}[2J");
    }
}
