//! What each refusal of a provider becomes.
//!
//! Invariant: a limit is told from a prohibition, and a wait is passed on as it was told.

use std::sync::Arc;
use std::time::Duration;

use mosaic::providers::Connection;
use mosaic_actors::error::{Failure, Kind, Source};
use serde_json::{Value, json};

use crate::any;
use crate::upstream::{Canned, INSTANCE, Upstream, ask, connection};

/// One refusal and what must become of it.
struct Row {
    kind: &'static str,
    answer: Canned,
    becomes: Kind,
    retryable: bool,
    /// At least this wait, in seconds, and at most ten more; none where no wait is named.
    wait: Option<u64>,
    field: Option<&'static str>,
    /// What its sentence advises, where what was refused was a parameter of the driver's own.
    ours: Option<&'static str>,
    /// The operation that is refused, where it matters, and the settings of the driver.
    asked: Option<(&'static str, &'static str)>,
}

fn row(kind: &'static str, answer: Canned, becomes: Kind) -> Row {
    Row {
        kind,
        answer,
        becomes,
        retryable: becomes.retryable(),
        wait: None,
        field: None,
        ours: None,
        asked: None,
    }
}

impl Row {
    fn header(mut self, name: &str, value: &str) -> Self {
        self.answer = self.answer.header(name, value);
        self
    }

    fn wait(mut self, seconds: u64) -> Self {
        self.wait = Some(seconds);
        self
    }

    fn field(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    fn ours(mut self, advice: &'static str) -> Self {
        self.ours = Some(advice);
        self
    }

    /// Of a whole answer of at most so many tokens.
    fn limited(mut self) -> Self {
        self.asked = Some(("ai.chat.complete", ""));
        self
    }

    fn streamed(mut self) -> Self {
        self.asked = Some(("ai.chat.stream", ""));
        self
    }

    fn set(mut self, settings: &'static str) -> Self {
        self.asked = Some(("ai.chat.complete", settings));
        self
    }

    fn retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }
}

/// A refusal of GitHub that says `message`.
fn github(status: u16, message: &str, becomes: Kind) -> Row {
    row("github", Canned::json(status, json!({"message": message})), becomes)
}

/// A validation error of GitHub.
fn invalid(errors: Value) -> Row {
    let body = json!({"message": "Validation Failed", "errors": errors});
    row("github", Canned::json(422, body), Kind::InvalidInput)
}

fn github_refusals() -> Vec<Row> {
    use Kind::*;
    let in_two_hours = (jiff::Timestamp::now().as_second() + 7200).to_string();
    let no_quota = || github(403, "API rate limit exceeded", UpstreamRateLimited).header("x-ratelimit-remaining", "0");
    vec![
        github(401, "Bad credentials", UpstreamAuth),
        github(403, "Resource not accessible", Forbidden),
        github(403, "Must have admin rights", Forbidden).header("x-ratelimit-remaining", "4999"),
        // The last request of a window may be one that is forbidden.
        github(403, "Resource not accessible by integration", Forbidden).header("x-ratelimit-remaining", "0"),
        github(403, "Must have admin rights to Repository.", Forbidden).header("x-ratelimit-remaining", "0"),
        no_quota().header("x-ratelimit-reset", &in_two_hours).wait(3600),
        no_quota().header("x-ratelimit-reset", "1000").wait(1),
        no_quota().wait(60),
        github(403, "You have exceeded a secondary rate limit.", UpstreamRateLimited).wait(60),
        github(429, "You have exceeded a secondary rate limit.", UpstreamRateLimited)
            .header("retry-after", "")
            .header("x-ratelimit-remaining", "4999")
            .wait(60),
        github(
            403,
            "You have triggered an abuse detection mechanism.",
            UpstreamRateLimited,
        )
        .wait(60),
        github(
            403,
            "API rate limit exceeded for installation ID 1.",
            UpstreamRateLimited,
        )
        .wait(60),
        github(403, "abuse", UpstreamRateLimited)
            .header("retry-after", "30")
            .wait(30),
        github(429, "slow down", UpstreamRateLimited)
            .header("retry-after", "7")
            .wait(7),
        github(429, "slow down", UpstreamRateLimited).wait(60),
        github(404, "Not Found", NotFound),
        github(409, "Git Repository is empty.", Conflict),
        github(410, "Issues are disabled for this repo", NotFound),
        github(412, "changed", PreconditionFailed),
        github(400, "Problems parsing JSON", InvalidInput),
        github(402, "Payment required", UpstreamRateLimited)
            .retryable(false)
            .wait(300),
        github(451, "Repository access blocked", Forbidden),
        invalid(json!([{"resource": "Issue", "field": "title", "code": "missing_field"}])).field("title"),
        invalid(json!([{"code": "custom"}, {"field": "labels", "code": "invalid", "value": ["x"]}])).field("labels"),
        invalid(json!(["a sentence"])),
        invalid(json!([{"field": "unheard_of", "code": "invalid"}])),
        row("github", Canned::text(502, "<html>"), UpstreamFailed),
        row("github", Canned::text(500, ""), UpstreamFailed),
        row("github", Canned::text(503, ""), UpstreamFailed)
            .header("retry-after", "5")
            .wait(5),
        row("github", Canned::text(304, ""), UpstreamFailed).retryable(false),
        row("github", Canned::text(204, ""), UpstreamFailed),
    ]
}

/// A refusal of OpenAI with a code and the parameter that it blames.
fn openai(status: u16, code: &str, param: Option<&str>, becomes: Kind) -> Row {
    let error = json!({"error": {"message": "m", "type": "t", "param": param, "code": code}});
    row("openai", Canned::json(status, error), becomes)
}

/// A refusal of a server that names the parameter in its sentence alone.
fn told(sentence: &str, becomes: Kind) -> Row {
    let error = json!({"error": {"message": sentence, "type": "invalid_request_error", "param": null, "code": null}});
    row("openai", Canned::json(400, error), becomes)
}

/// A refusal of how many tokens were asked for.
fn value(code: &str, sentence: &str) -> Row {
    let error = json!({"error": {"message": sentence, "type": "t", "param": "max_tokens", "code": code}});
    let row = row("openai", Canned::json(400, error), Kind::InvalidInput);
    row.limited().field("max_tokens")
}

const NEWER: &str = "settings.token_limit = \"max_completion_tokens\"";
const NO_OPTIONS: &str = "settings.stream_options = false";

fn openai_refusals() -> Vec<Row> {
    use Kind::*;
    let busy = || openai(429, "rate_limit_exceeded", None, UpstreamRateLimited);
    vec![
        openai(401, "invalid_api_key", None, UpstreamAuth),
        openai(403, "unsupported_country", None, Forbidden),
        openai(404, "model_not_found", None, NotFound).field("model"),
        openai(400, "x", Some("messages[0].content"), InvalidInput).field("messages"),
        openai(400, "x", Some("max_completion_tokens"), InvalidInput).field("max_tokens"),
        openai(400, "x", Some("unheard_of"), InvalidInput),
        openai(429, "insufficient_quota", None, UpstreamRateLimited)
            .retryable(false)
            .wait(300),
        openai(400, "x", Some("stream_options"), Unsupported)
            .streamed()
            .ours(NO_OPTIONS),
        openai(422, "x", Some("stream_options.include_usage"), Unsupported)
            .streamed()
            .ours(NO_OPTIONS),
        openai(400, "unsupported_parameter", Some("max_completion_tokens"), Unsupported)
            .set(NEWER)
            .ours("settings.token_limit = \"max_tokens\""),
        openai(400, "unsupported_parameter", Some("max_tokens"), Unsupported)
            .limited()
            .ours(NEWER),
        // What was not sent is not at fault.
        openai(400, "unsupported_parameter", Some("stream_options"), InvalidInput),
        openai(400, "unsupported_parameter", Some("max_tokens"), InvalidInput).field("max_tokens"),
        told("stream is not supported", InvalidInput).limited(),
        told("stream is not supported", Unsupported)
            .streamed()
            .ours("use ai.chat.complete"),
        told(
            "Unsupported value: 'stream' does not support true with this model.",
            Unsupported,
        )
        .streamed()
        .ours("use ai.chat.complete"),
        // A value that is refused is the caller's, in whichever words.
        value(
            "unsupported_value",
            "Unsupported value: max_tokens must be at most 4096",
        ),
        value("unsupported_value", "max_tokens is not supported like that"),
        value("x", "Unsupported value: max_tokens must be at most 4096"),
        told("Unsupported value: max_tokens must be at most 4096", InvalidInput)
            .limited()
            .field("max_tokens"),
        told(
            "max_tokens of more than 4096 are not supported: at most 4096",
            InvalidInput,
        )
        .limited()
        .field("max_tokens"),
        told(
            "max_completion_tokens exceeds what is supported, use max_tokens",
            InvalidInput,
        )
        .set(NEWER)
        .field("max_tokens"),
        openai(400, "unsupported_parameter", Some("temperature"), InvalidInput).field("temperature"),
        told("Unrecognized request argument supplied: stream_options", Unsupported)
            .streamed()
            .ours(NO_OPTIONS),
        told(
            "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            Unsupported,
        )
        .limited()
        .ours(NEWER),
        told(
            "Use 'max_completion_tokens' instead of the unsupported 'max_tokens'.",
            Unsupported,
        )
        .limited()
        .ours(NEWER),
        told("max_tokens is too large: 99999", InvalidInput)
            .limited()
            .field("max_tokens"),
        row(
            "openai",
            Canned::json(
                422,
                json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"]}]}),
            ),
            Unsupported,
        )
        .streamed()
        .ours(NO_OPTIONS),
        openai(400, "context_length_exceeded", None, InvalidInput).field("messages"),
        busy(),
        busy().header("retry-after", "20").wait(20),
        busy()
            .header("retry-after", "20")
            .header("retry-after-ms", "3000")
            .wait(3),
        busy()
            .header("x-ratelimit-remaining-requests", "0")
            .header("x-ratelimit-reset-requests", "6m0s")
            .wait(360),
        busy()
            .header("x-ratelimit-remaining-tokens", "12")
            .header("x-ratelimit-reset-tokens", "6m0s"),
        openai(500, "x", None, UpstreamFailed)
            .header("x-should-retry", "false")
            .retryable(false),
        openai(409, "x", None, Conflict)
            .header("x-should-retry", "true")
            .retryable(true),
        row("openai", Canned::text(503, "upstream connect error"), UpstreamFailed),
        row("openai", Canned::json(400, json!({"error": {"code": 7}})), InvalidInput),
        row("openai", Canned::json(400, json!({"error": "text"})), InvalidInput),
        row(
            "openai",
            Canned::json(200, json!({"id": "c", "model": "m", "choices": []})),
            UpstreamFailed,
        ),
    ]
}

/// What in front of it says so may not know what it has done.
#[tokio::test]
async fn a_model_server_that_says_itself_that_it_cannot_begin_has_made_nothing() {
    let loading = json!({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}});
    for (answer, unbilled) in [
        (Canned::json(503, loading), true),
        (Canned::json(529, json!({})), true),
        (
            Canned::json(503, json!({"error": {"message": "no route", "type": "proxy"}})),
            false,
        ),
        (Canned::text(503, "upstream connect error"), false),
    ] {
        let provider = Upstream::answering([answer]).await;
        let failure = any("openai", &provider.url).await.expect_err("it refuses");
        assert_eq!(
            (failure.kind, failure.unbilled),
            (Kind::UpstreamFailed, unbilled),
            "{failure}"
        );
    }
}

fn gitea_refusals() -> Vec<Row> {
    use Kind::{Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed, UpstreamAuth};
    use Kind::{UpstreamFailed, UpstreamRateLimited};
    let gitea = |status, becomes| {
        let error = json!({"message": "m", "url": "https://git.example.com/api/swagger"});
        row("gitea", Canned::json(status, error), becomes)
    };
    // It has no limit of its own: a proxy's, in the proxy's words.
    let proxy = || row("gitea", Canned::text(429, "<html>"), UpstreamRateLimited);
    vec![
        gitea(401, UpstreamAuth),
        gitea(403, Forbidden),
        gitea(404, NotFound),
        row("gitea", Canned::text(409, ""), Conflict),
        gitea(412, PreconditionFailed),
        gitea(422, InvalidInput),
        gitea(423, Forbidden),
        proxy(),
        proxy().header("retry-after", "9").wait(9),
        gitea(500, UpstreamFailed),
        row("gitea", Canned::text(502, "<html>"), UpstreamFailed),
        row("gitea", Canned::json(200, json!({"name": "api"})), UpstreamFailed),
    ]
}

fn gitlab_refusals() -> Vec<Row> {
    use Kind::*;
    let gitlab = |status, message: Value, becomes| {
        let error = json!({ "message": message });
        row("gitlab", Canned::json(status, error), becomes)
    };
    let in_two_hours = (jiff::Timestamp::now().as_second() + 7200).to_string();
    let limited = || row("gitlab", Canned::text(429, "Retry later\n"), UpstreamRateLimited);
    let locked = || gitlab(409, json!("409 Conflict: Resource lock"), Conflict).retryable(true);
    let error = |status, code| Canned::json(status, json!({"error": code, "error_description": "d"}));
    vec![
        gitlab(401, json!("401 Unauthorized"), UpstreamAuth),
        row("gitlab", error(401, "invalid_token"), UpstreamAuth),
        row("gitlab", error(403, "insufficient_scope"), Forbidden),
        gitlab(403, json!("403 Forbidden"), Forbidden),
        gitlab(404, json!("404 Project Not Found"), NotFound),
        gitlab(409, json!("a conflict"), Conflict),
        // GL4: this one passes.
        locked(),
        locked().header("retry-after", "3").wait(3),
        // Trap 16, and where it does not say how long.
        limited().header("retry-after", "9").wait(9),
        limited().header("ratelimit-reset", &in_two_hours).wait(3600),
        limited().header("ratelimit-reset", "1000").wait(1),
        limited(),
        gitlab(400, json!("400 Bad request"), InvalidInput),
        gitlab(400, json!({"title": ["is too long"]}), InvalidInput).field("title"),
        gitlab(400, json!({"unheard_of": ["is wrong"]}), InvalidInput),
        row(
            "gitlab",
            error(400, "foo is odd, target_branch is missing"),
            InvalidInput,
        )
        .field("base"),
        gitlab(400, json!({"path": ["has already been taken"]}), Conflict).field("name"),
        gitlab(400, json!("Branch already exists"), Conflict).field("branch"),
        gitlab(400, json!("Tag v1 already exists"), Conflict).field("tag"),
        gitlab(400, json!("Tag name invalid"), InvalidInput).field("tag"),
        gitlab(403, json!("Protected branch cannot be removed"), Forbidden).field("branch"),
        gitlab(422, json!("Ref is not specified"), InvalidInput).field("target"),
        gitlab(422, json!("Branch cannot be merged"), Conflict),
        gitlab(406, json!("Branch cannot be merged"), Conflict),
        row("gitlab", Canned::text(502, "<html>"), UpstreamFailed),
        row("gitlab", Canned::text(503, ""), UpstreamFailed)
            .header("retry-after", "5")
            .wait(5),
        row("gitlab", Canned::json(200, json!({"name": "api"})), UpstreamFailed),
        row("gitlab", Canned::text(204, ""), UpstreamFailed),
    ]
}

#[tokio::test]
async fn refusals_become_failures() {
    let forges = github_refusals().into_iter().chain(gitea_refusals());
    let forges = forges.chain(gitlab_refusals());
    let rows: Vec<Row> = forges.chain(openai_refusals()).collect();
    assert_eq!(rows.len(), 111);
    for row in rows {
        let name = format!("{} {:?}", row.kind, row.answer);
        let status = row.answer.status;
        let provider = Upstream::answering([row.answer]).await;
        let came = match row.asked {
            Some((operation, settings)) => {
                let mut connection = connection(&provider.url);
                let settings = settings.strip_prefix("settings.").unwrap_or(settings);
                connection.settings = toml::from_str(settings).expect("TOML");
                let input = json!({"model": "m", "prompt": "Hello", "max_tokens": 99_999});
                ask(row.kind, &connection, operation, input).await
            }
            None => any(row.kind, &provider.url).await,
        };
        let failure = came.expect_err(&name);
        // What was refused costs nothing; what cannot be used, or leads elsewhere, will be the same again.
        let full = row.kind == "anthropic" && status == 529;
        let unbilled = (400..500).contains(&status) || full;
        assert_eq!(
            (failure.unbilled, failure.unreadable),
            (unbilled, status < 400),
            "{name}"
        );
        assert_eq!(failure.kind, row.becomes, "{name}");
        assert_eq!(failure.retryable, row.retryable && status >= 300, "{name}");
        assert_eq!(failure.field.as_deref(), row.field, "{name}");
        assert_eq!(failure.provider.as_deref(), Some(INSTANCE), "{name}");
        assert!(!failure.unsent, "{name}");
        if let Some(advice) = row.ours {
            assert_eq!(failure.source, Source::Provider, "{name}");
            assert!(failure.message().contains(advice), "{failure}");
        }
        let wait = failure.retry_after.map(|wait| wait.as_secs());
        match row.wait {
            Some(least) => assert!(
                // A moment that is told comes nearer while the rows before it are asked.
                wait.is_some_and(|wait| (least..=least + least.max(10)).contains(&wait)),
                "{name}: {wait:?}"
            ),
            None => assert_eq!(wait, None, "{name}"),
        }
    }
}

#[tokio::test]
async fn a_web_page_in_place_of_an_answer_tells_of_the_base_url() {
    let page = |status| Canned::text(status, "<!DOCTYPE html>").header("content-type", "text/html; charset=utf-8");
    for (kind, path, status) in [
        ("gitea", "/api/v1", 404),
        ("gitea", "/api/v1", 200),
        ("github", "/api/v3", 404),
        ("gitlab", "/api/v4", 404),
        ("openai", "/v1", 200),
    ] {
        let server = Upstream::answering([page(status), page(status)]).await;
        let lost = any(kind, &server.url).await.expect_err("no answer");
        assert!(
            lost.message()
                .contains(&format!("base_url lack the API's path, such as {path}?")),
            "{kind} {status}: {lost}"
        );
        let there = any(kind, &format!("{}{path}", server.url))
            .await
            .expect_err("no answer");
        assert!(!there.message().contains("base_url"), "{kind} {status}: {there}");
    }
}

#[tokio::test]
async fn trap_18_a_secondary_limit_that_names_no_time_is_waited_out_by_all_who_come_with_the_credential() {
    let limited = || Canned::json(403, json!({"message": "You have exceeded a secondary rate limit."}));
    let server = Upstream::answering([limited(), limited()]).await;
    // Two instances with one credential.
    let one = connection(&server.url);
    let other = Connection {
        instance: "another".into(),
        ..one.clone()
    };
    let minute = Duration::from_secs(60);
    for (connection, sent) in [(&one, true), (&other, false), (&one, false)] {
        let failure = ask("github", connection, "git.repo.get", crate::repo()).await;
        let failure = failure.expect_err("it is limited");
        assert_eq!((failure.kind, failure.unsent), (Kind::UpstreamRateLimited, !sent));
        let wait = failure.retry_after.expect("a wait");
        assert!(wait <= minute && wait > minute / 2, "{wait:?}");
    }
    assert_eq!(server.seen().len(), 1, "the others wait, too, and are not sent");
    // Another credential is not meant.
    let stranger = Connection {
        quota: Arc::default(),
        ..one.clone()
    };
    let failure = ask("github", &stranger, "git.repo.get", crate::repo()).await;
    assert!(!failure.expect_err("it is limited, too").unsent);
    assert_eq!(server.seen().len(), 2);
    // The wait was heeded, and in vain.
    let later = jiff::Timestamp::now() + minute;
    let again = Failure::new(Kind::UpstreamRateLimited, "as told");
    assert_eq!(
        one.quota.patient(again, Some(minute), later).retry_after,
        Some(minute * 2)
    );
}
