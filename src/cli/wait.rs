//! Waiting for a run longer than one call may take.
//!
//! Invariant: a gateway is asked at most once a second, and given up only when it has failed some times in a row.

use std::time::Duration;

use bytes::Bytes;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use super::problem::Problem;
use super::show::parse;
use crate::catalogue::cicd::{RunResolve, RunWait};
use crate::catalogue::{Entry, Op, find};

/// The field that names the run.
const RUN: &str = "run";
/// The field that names what was triggered, of the operation that tells its run.
const PENDING: &str = "pending";
/// What the command's field must be.
const NEITHER: &str = "run must be the id of a run, or what a trigger has answered as pending";
/// The shortest time from one question to the next.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest time, of what moves by itself: most of what waits, waits for long.
const LONGEST: Duration = Duration::from_secs(10);
/// The longest pause that a failure asks for and is granted.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Failures in a row that are waited out: a gateway that is being replaced is back within them.
const MOST_FAILURES: u32 = 6;

/// Whether a command waits for a run.
pub fn is_of(entry: &Entry) -> bool {
    entry.name() == RunWait::DECLARATION.facts.name
}

/// Whether the run that was waited for ended otherwise than well: a script that goes on behind it relies on that.
pub fn ended_badly(waited: &Value) -> bool {
    waited["ended"] == true && waited["status"] != "success"
}

/// What a trigger answers as `pending` has no number behind its `#`, which every run has.
fn is_pending(run: &str) -> bool {
    let behind = run.rsplit_once('#').map(|(_, behind)| behind);
    behind.is_some_and(|behind| !behind.is_empty() && !behind.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What is asked next, and with what: first which run it is that was triggered, then whether that has ended. `known`: it is
/// told already which.
fn question(waits: &'static Entry, input: &Map<String, Value>, known: bool) -> (&'static Entry, Map<String, Value>) {
    let pending = input.get(RUN).and_then(Value::as_str);
    let pending = pending.filter(|run| !known && is_pending(run));
    match pending.zip(find(RunResolve::DECLARATION.facts.name)) {
        Some((pending, resolves)) => {
            let input = [(PENDING.to_owned(), pending.into())];
            (resolves, Map::from_iter(input))
        }
        None => (waits, input.clone()),
    }
}

/// Waits until a run has ended, however often the gateway has to be asked; with `seconds` in the input, no longer. What a
/// trigger has answered as pending is waited for, too.
///
/// # Errors
/// What the first call fails with, and later ones that cannot be waited out; `timeout` where the time was over first.
pub async fn until_ended(
    waits: &'static Entry,
    mut input: Map<String, Value>,
    ask: impl AsyncFn(&'static Entry, Map<String, Value>) -> Result<Bytes, Problem>,
) -> Result<Bytes, Problem> {
    let limit = input.get("seconds").and_then(Value::as_u64).map(Duration::from_secs);
    let (began, mut answered, mut failures) = (Instant::now(), false, 0);
    let (mut known, mut longer) = (false, PAUSE);
    loop {
        let asked = Instant::now();
        let (entry, question) = question(waits, &input, known);
        let pause = match ask(entry, question).await {
            Ok(body) => {
                let answer = parse(&body)?;
                match answer.pointer("/run/id").filter(|_| !is_of(entry)) {
                    Some(run) => {
                        input.insert(RUN.to_owned(), run.clone());
                        (known, longer) = (true, PAUSE);
                        continue;
                    }
                    None if is_of(entry) && answer["ended"] != false => return Ok(body),
                    None => {}
                }
                (answered, failures) = (true, 0);
                let pause = longer.saturating_sub(asked.elapsed());
                longer = (longer * 3 / 2).min(LONGEST);
                pause
            }
            Err(problem) => {
                failures += 1;
                if !answered || !problem.retryable() || failures > MOST_FAILURES {
                    // The command has no such field.
                    return Err(problem.of_field(PENDING, RUN, NEITHER));
                }
                problem
                    .retry_after()
                    .unwrap_or(PAUSE * (1 << failures))
                    .min(LONGEST_PAUSE)
            }
        };
        if let Some(limit) = limit {
            let left = limit.saturating_sub(began.elapsed() + pause);
            if left < PAUSE {
                let sentence = format!("the run has not ended within {}", humantime::format_duration(limit));
                let problem = Problem::from(Failure::new(Kind::Timeout, sentence));
                return Err(problem.hint("Give it more --seconds, or none: then it is waited for to its end."));
            }
            input.insert("seconds".to_owned(), left.as_secs().into());
        }
        sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Mutex;

    type Answers = Vec<Result<Value, Kind>>;

    /// Asks a gateway that gives these answers in turn; how often it was asked, and how long that took.
    async fn waited(seconds: Option<u64>, answers: Answers) -> (Result<Value, Problem>, usize, Duration) {
        let input = seconds.map(|seconds| ("seconds".to_owned(), json!(seconds)));
        let (began, all, left) = (Instant::now(), answers.len(), Mutex::new(answers));
        let ask = async |_, _| match left.lock().expect("sound").remove(0) {
            Ok(answer) => Ok(answer.to_string().into()),
            Err(kind) => Err(Failure::new(kind, "as told").into()),
        };
        let waits = find("cicd.run.wait").expect("declared");
        let outcome = until_ended(waits, Map::from_iter(input), ask).await;
        let outcome = outcome.map(|body| serde_json::from_slice(&body).expect("JSON"));
        let asked = all - left.lock().expect("sound").len();
        (outcome, asked, began.elapsed())
    }

    fn on() -> Result<Value, Kind> {
        Ok(json!({"ended": false}))
    }

    fn end() -> Result<Value, Kind> {
        Ok(json!({"ended": true}))
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_over_answers_and_failures_until_the_end() {
        let (outcome, asked, took) =
            waited(None, vec![on(), on(), Err(Kind::Overloaded), Err(Kind::Network), end()]).await;
        assert_eq!(
            (outcome.expect("it has ended")["ended"].as_bool(), asked),
            (Some(true), 5)
        );
        assert!(
            took >= Duration::from_secs(2 + 2 + 4),
            "a gateway is not asked without a pause: {took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_triggered_is_resolved_first() {
        for (run, pending) in [
            ("ci~acme/api#12", false),
            ("acme/api", false),
            ("jobs~folder/api#q17", true),
            ("ci~acme/api#pipeline=a.yml&branch=b#c&since=1", true),
        ] {
            assert_eq!(is_pending(run), pending, "{run}");
        }
        let answers = Mutex::new(vec![
            json!({"outcome": "pending", "pending": "jobs~api#q17"}),
            json!({"outcome": "started", "run": {"id": "jobs~api#3"}}),
            json!({"ended": true}),
        ]);
        let asked = Mutex::new(vec![]);
        let ask = async |entry: &'static Entry, input: Map<String, Value>| {
            asked.lock().expect("sound").push((entry.name(), Value::from(input)));
            Ok(answers.lock().expect("sound").remove(0).to_string().into())
        };
        let waits = find("cicd.run.wait").expect("declared");
        let input = Map::from_iter([("run".to_owned(), json!("jobs~api#q17"))]);
        assert!(until_ended(waits, input, ask).await.is_ok());
        let pending = ("cicd.run.resolve", json!({"pending": "jobs~api#q17"}));
        let run = ("cicd.run.wait", json!({"run": "jobs~api#3"}));
        assert_eq!(asked.into_inner().expect("unshared"), [pending.clone(), pending, run]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_pending_is_asked_for_less_and_less_often() {
        let times = Mutex::new(vec![]);
        let began = Instant::now();
        let ask = async |_: &'static Entry, _| {
            let mut times = times.lock().expect("sound");
            times.push(began.elapsed());
            match times.len() {
                12 => Err(Failure::new(Kind::NotFound, "there is none").into()),
                _ => Ok(json!({"outcome": "pending"}).to_string().into()),
            }
        };
        let waits = find("cicd.run.wait").expect("declared");
        let input = Map::from_iter([("run".to_owned(), json!("jobs~api#q17"))]);
        assert!(until_ended(waits, input, ask).await.is_err());
        let times = times.into_inner().expect("unshared");
        let pauses: Vec<u128> = times.windows(2).map(|two| (two[1] - two[0]).as_millis()).collect();
        assert_eq!(pauses[..3], [1000, 1500, 2250]);
        assert_eq!(pauses[9..], [10_000, 10_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_it_is_told_to_be_is_not_resolved_once_more() {
        let answers = Mutex::new(vec![
            json!({"outcome": "started", "run": {"id": "ci~api#odd"}}),
            json!({"ended": true}),
        ]);
        let asked = Mutex::new(vec![]);
        let ask = async |entry: &'static Entry, _| {
            asked.lock().expect("sound").push(entry.name());
            Ok(answers.lock().expect("sound").remove(0).to_string().into())
        };
        let waits = find("cicd.run.wait").expect("declared");
        let input = Map::from_iter([("run".to_owned(), json!("jobs~api#q17"))]);
        assert!(until_ended(waits, input, ask).await.is_ok());
        assert_eq!(
            asked.into_inner().expect("unshared"),
            ["cicd.run.resolve", "cicd.run.wait"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_is_that_of_the_field_that_the_command_has() {
        let ask = async |_: &'static Entry, _| {
            let sentence = "pending must be what a trigger has answered as such";
            Err(Failure::invalid("pending", sentence).into())
        };
        let waits = find("cicd.run.wait").expect("declared");
        let input = Map::from_iter([("run".to_owned(), json!("ci~acme/api#12x"))]);
        let problem = until_ended(waits, input, ask).await.expect_err("mistyped");
        let told: Value = serde_json::from_str(&problem.json()).expect("JSON");
        assert_eq!(told["field"], "run", "{told}");
        assert_eq!(
            told["detail"],
            "run must be the id of a run, or what a trigger has answered as pending"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_waited_out_ends_it() {
        for (answers, asks) in [
            (vec![Err(Kind::Overloaded), end()], 1),
            (vec![on(), Err(Kind::NotFound), end()], 2),
            ([vec![on()], vec![Err(Kind::Network); 9]].concat(), 8),
        ] {
            let (outcome, asked, _) = waited(None, answers).await;
            assert_eq!((outcome.is_err(), asked), (true, asks));
        }
        let (outcome, _, took) = waited(Some(3), vec![on(); 9]).await;
        assert!(outcome.is_err() && took <= Duration::from_secs(3));
    }
}
