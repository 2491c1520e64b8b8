//! What the command line says when it fails.
//!
//! Invariant: every failure, the server's, the local gateway's or the parser's, is a problem document (RFC 9457)
//! with a stable code, and that code decides the exit code.

use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value, json};

use super::advice::{BEYOND, Case, KEYLESS, advice_in};
use super::{exit, explain};
use crate::dispatch::options::{OPTIONS, OptionValue};
use crate::failures;
use crate::surfaces::decisions;
use crate::surfaces::problem::{TYPES, title, tried};

/// A failure as a problem document.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: Kind,
    document: Map<String, Value>,
    retry_after: Option<Duration>,
    /// No flag chooses another provider.
    pinned: bool,
}

impl Problem {
    /// A server's reply with an error status; `body` should be a problem document, and is kept as it is where it is one.
    pub fn from_reply(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let kind_by_status = failures::kind_of_status(status);
        let document = match serde_json::from_slice(body) {
            Ok(Value::Object(document)) if document.get("code").is_some_and(Value::is_string) => document,
            _ => own_document(
                kind_by_status,
                status,
                &format!("the server answered with status {status} and no problem document"),
            ),
        };
        // A code that this program is too old to know still has a status.
        let kind = document.get("code").and_then(Value::as_str).and_then(explain::kind);
        let told = document.get("retry_after_ms").and_then(Value::as_u64);
        Problem {
            kind: kind.unwrap_or(kind_by_status),
            retry_after: told.map(Duration::from_millis).or(retry_after),
            document,
            pinned: false,
        }
    }

    /// A problem document that came as the last event of a stream.
    pub fn from_event(data: &[u8]) -> Self {
        let status = serde_json::from_slice::<Value>(data)
            .ok()
            .and_then(|document| document.get("status").and_then(Value::as_u64))
            .and_then(|status| u16::try_from(status).ok());
        Problem::from_reply(status.unwrap_or(502), data, None)
    }

    /// Says what to do, in place of the general advice for the code.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.document.insert("hint".to_owned(), hint.into().into());
        self
    }

    /// Of a call whose resource names the provider instance: general advice to choose another by a flag would lead to a
    /// second refusal.
    #[must_use]
    pub fn of_pinned(mut self) -> Self {
        self.pinned = true;
        self
    }

    /// Names each of several faults, e.g. of a configuration: where, and what.
    #[must_use]
    pub fn with_errors(mut self, errors: impl IntoIterator<Item = (String, String)>) -> Self {
        let errors = errors
            .into_iter()
            .map(|(field, message)| json!({"field": field, "message": message}));
        self.document.insert("errors".to_owned(), errors.collect());
        self
    }

    /// What went wrong.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self.is_in_doubt() {
            true => exit::IN_DOUBT,
            false => exit::code(self.kind),
        }
    }

    /// Whether a name that was given for something new is that of another.
    fn is_taken(&self) -> bool {
        self.kind == Kind::Conflict && self.text("field").is_some() && self.sentence().contains("already")
    }

    fn is_in_doubt(&self) -> bool {
        self.text("outcome") == Some(failures::UNKNOWN)
    }

    /// Whether the same question may be answered later: the other side is gone, late or busy.
    pub const fn may_pass(&self) -> bool {
        self.kind.retryable()
    }

    /// The document in one line.
    pub fn json(&self) -> String {
        Value::from(self.document.clone()).to_string()
    }

    /// Whether a repetition can help.
    pub fn retryable(&self) -> bool {
        match self.document.get("retryable").and_then(Value::as_bool) {
            Some(said) => said,
            None => self.kind.retryable(),
        }
    }

    /// When to repeat it, where that was told.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The code, for the head of the message.
    pub fn code(&self) -> &str {
        self.text("code").unwrap_or(self.kind.code())
    }

    /// The sentence for people, at a command line: an option that it names stands there as the flag that it is here.
    pub fn sentence(&self) -> String {
        let told = self.text("detail").or_else(|| self.text("title")).unwrap_or("failed");
        let told = match self.kind {
            Kind::Unauthenticated => without_header(told),
            _ => told,
        };
        let words = told
            .split(' ')
            .map(|word| as_flag(word).unwrap_or_else(|| word.to_owned()));
        words.collect::<Vec<_>>().join(" ")
    }

    /// The lines under the sentence: each single fault, facts that help to find the cause, and what to do.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        for error in self
            .document
            .get("errors")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let part = |name| error.get(name).and_then(Value::as_str).unwrap_or("?");
            remarks.push(format!("{}: {}", part("field"), part("message")));
        }
        for fact in ["field", "provider", "request_id", "trace_id"] {
            if let Some(text) = self.text(fact).filter(|text| !text.is_empty()) {
                remarks.push(format!("{}: {text}", fact.replace('_', " ")));
            }
        }
        for tried in self
            .document
            .get("tried")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let part = |name| tried.get(name).and_then(Value::as_str).unwrap_or("?");
            remarks.push(format!("tried: {} {}", part("provider"), part("code")));
        }
        if let Some(wait) = self.retry_after {
            remarks.push(format!("retry after: {}", humantime::format_duration(wait)));
        }
        remarks.push(format!("hint: {}", self.text("hint").unwrap_or(self.advice())));
        remarks
    }

    /// What was decided for the call, where that was asked for.
    pub fn decision(&self) -> Option<&Value> {
        self.document.get(decisions::MEMBER)
    }

    /// What to do, where nobody said it of this one.
    fn advice(&self) -> &'static str {
        // Of a request that is none, its code says all; of one that is not known here, its status.
        let code = self.text("code").filter(|code| explain::kind(code).is_none());
        if let Some(advice) = code.and_then(explain::advice_on) {
            return advice;
        }
        match self.kind {
            Kind::Unauthenticated if self.sentence().starts_with("this gateway has no keys") => return KEYLESS,
            Kind::NotFound if self.sentence().ends_with("not within the reach of this key") => return BEYOND,
            _ => {}
        }
        let errors = self.document.get("errors").and_then(Value::as_array);
        let first = errors.and_then(|errors| errors.first()?.get("field")?.as_str());
        let case = Case {
            in_doubt: self.is_in_doubt(),
            // Faults of a table that the caller gave are the caller's.
            field: self.text("field").or(first.map(|_| "errors")),
            provider: self.text("provider").is_some(),
            pinned: self.pinned,
            taken: self.is_taken(),
            retryable: self.retryable(),
            waits: self.retry_after.is_some(),
        };
        advice_in(self.kind, &case)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.document.get(name).and_then(Value::as_str)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let status = failures::status(&failure).as_u16();
        let mut document = own_document(failure.kind, status, &failures::detail(&failure));
        document.insert("retryable".to_owned(), failure.retryable.into());
        document.insert("source".to_owned(), json!(failure.source));
        if let Some(wait) = failure.retry_after {
            document.insert(
                "retry_after_ms".to_owned(),
                json!(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            );
        }
        if failure.in_doubt {
            document.insert("outcome".to_owned(), failures::UNKNOWN.into());
        }
        for (name, text) in [("field", &failure.field), ("provider", &failure.provider)] {
            if let Some(text) = text {
                document.insert(name.to_owned(), json!(text));
            }
        }
        let tried = tried(&failure);
        if !tried.is_empty() {
            document.insert("tried".to_owned(), json!(tried));
        }
        if let Some(decision) = failure.decision.as_deref() {
            document.insert(decisions::MEMBER.to_owned(), json!(decision));
        }
        Problem {
            kind: failure.kind,
            document,
            retry_after: failure.retry_after,
            pinned: false,
        }
    }
}

fn own_document(kind: Kind, status: u16, detail: &str) -> Map<String, Value> {
    [
        ("type", json!(format!("{TYPES}{}", kind.code()))),
        ("title", json!(title(kind.code()))),
        ("status", json!(status)),
        ("code", json!(kind.code())),
        ("detail", json!(detail)),
        ("retryable", json!(kind.retryable())),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// What a gateway says of a missing key, without the header that carries it: here a flag does, or a profile.
fn without_header(told: &str) -> &str {
    let end = told
        .find(": Authorization: Bearer")
        .or_else(|| told.find(", in the header Authorization"));
    &told[..end.unwrap_or(told.len())]
}

/// The flag that an option such as `provider=forge` is on the command line, where the word is one.
fn as_flag(word: &str) -> Option<String> {
    let (name, value) = word.split_once('=')?;
    let option = OPTIONS.iter().find(|option| option.name == name)?;
    // A time has its unit there, and a switch no value; punctuation behind it stays.
    Some(match option.value {
        OptionValue::Text(..) | OptionValue::Word(..) | OptionValue::Labelled(_) => {
            format!("--{} {value}", option.flag)
        }
        OptionValue::Time(_) => match value.find(|c: char| !c.is_ascii_digit()) {
            Some(end) => format!("--{} {}ms{}", option.flag, &value[..end], &value[end..]),
            None => format!("--{} {value}ms", option.flag),
        },
        OptionValue::Switch(_) => format!("--{}{}", option.flag, value.strip_prefix("true")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_in_doubt_says_so() {
        let mut failure = Failure::new(Kind::Timeout, "no answer");
        assert!(!Problem::from(failure.clone()).json().contains("unknown"));
        failure.in_doubt = true;
        let problem = Problem::from(failure);
        assert!(
            problem
                .sentence()
                .starts_with("no answer; whether it was done is unknown")
        );
        assert_eq!(problem.text("outcome"), Some("unknown"));
        assert_eq!(problem.exit_code(), exit::IN_DOUBT);
        let hint = problem.remarks().pop().expect("a hint");
        assert!(hint.contains("before you ask for it again"), "{hint}");
    }

    #[test]
    fn a_servers_document_is_kept_as_it_is() {
        let body = br#"{"title":"No such repository","status":404,"code":"not_found","trace_id":"t1","odd":[1]}"#;
        let problem = Problem::from_reply(404, body, None);
        assert_eq!(problem.exit_code(), 3);
        assert_eq!(problem.json().as_bytes(), body);
        assert_eq!(problem.sentence(), "No such repository");
        assert!(problem.remarks().contains(&"trace id: t1".to_owned()));
    }

    #[test]
    fn a_foreign_body_and_an_unknown_code_fall_back_on_the_status() {
        let proxy = Problem::from_reply(503, b"<html>busy</html>", Some(Duration::from_secs(3)));
        assert_eq!((proxy.code(), proxy.exit_code()), ("overloaded", 69));
        assert!(proxy.remarks().contains(&"retry after: 3s".to_owned()));
        let newer = Problem::from_reply(403, br#"{"code":"embargoed","detail":"not from there"}"#, None);
        assert_eq!((newer.code(), newer.exit_code()), ("embargoed", 4));
    }

    #[test]
    fn a_failure_keeps_its_field_and_provider() {
        let failure = Failure::invalid("limit", "limit must be between 1 and 100").by(&"forge-a".into());
        let problem = Problem::from(failure);
        assert_eq!(problem.exit_code(), 2);
        let remarks = problem.remarks();
        assert!(remarks.contains(&"field: limit".to_owned()), "{remarks:?}");
        assert!(remarks.contains(&"provider: forge-a".to_owned()), "{remarks:?}");
    }

    #[test]
    fn an_option_is_told_as_the_flag_that_it_is_here() {
        let told =
            "a/b could be at x, y: write x~a/b, name one by provider=x, ask each of them by provider=all, or d=e";
        let problem = Problem::from(Failure::invalid("provider", told));
        let shown =
            "a/b could be at x, y: write x~a/b, name one by --provider x, ask each of them by --provider all, or d=e";
        assert_eq!(problem.sentence(), shown);
        assert!(
            problem.json().contains("provider=all"),
            "a program gets the server's words"
        );
        let told = "give it timeout_ms=300, or no_cache=true; or no_cache=false";
        let shown = "give it --timeout 300ms, or --no-cache; or no_cache=false";
        let problem = Problem::from(Failure::invalid("timeout_ms", told));
        assert_eq!(problem.sentence(), shown);
    }

    #[test]
    fn our_own_documents_are_as_the_gateways_are() {
        let document: Value = serde_json::from_str(&Problem::from(Failure::invalid("limit", "no")).json()).unwrap();
        assert_eq!(document["type"], "/docs/errors/invalid_input");
        assert_eq!(document["title"], "Invalid input");
    }

    #[test]
    fn a_missing_key_is_told_as_a_command_line_gives_it() {
        for (told, shown) in [
            (
                "give an API key: Authorization: Bearer <key>, or X-Api-Key",
                "give an API key",
            ),
            (
                "give the admin token, or a key with the scope admin, in the header Authorization: Bearer <token>",
                "give the admin token, or a key with the scope admin",
            ),
            ("this API key is not known", "this API key is not known"),
        ] {
            let problem = Problem::from(Failure::new(Kind::Unauthenticated, told));
            assert_eq!(problem.sentence(), shown);
            assert!(problem.remarks().iter().any(|remark| remark.contains("`mosaic login`")));
        }
    }
}
