//! Waiting for a run longer than one call may take.
//!
//! Invariant: a gateway is asked at most once a second, and given up only when it has failed some times in a row; and what is
//! waited for is told as soon as it is seen that somebody must let the run go on.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep, timeout};

use super::blocked;
use super::problem::Problem;
use super::show::parse;
use crate::catalogue::cicd::RunWait;
use crate::catalogue::{Entry, Op};

/// The field that names the run.
const RUN: &str = "run";
/// The field that bounds how long one answer is waited for.
const SECONDS: &str = "seconds";
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

/// Waits until a run has ended, however often the gateway has to be asked: with `seconds` in the input, or with a `limit`, no
/// longer. Of the two that are told, the first hears what a blocked run waits for, the second at each look where it stands.
///
/// # Errors
/// What the first call fails with, and later ones that cannot be waited out; `timeout` where the time was over first, with
/// where the run stood then.
pub async fn until_ended(
    waits: &'static Entry,
    input: Map<String, Value>,
    limit: Option<Duration>,
    (tell, stands): (impl Fn(&str), impl Fn(&str)),
    ask: impl AsyncFn(&'static Entry, Map<String, Value>) -> Result<Bytes, Problem>,
) -> Result<Bytes, Problem> {
    let seen = Seen::default();
    let waiting = waited(waits, input, &seen, (tell, stands), ask);
    match limit {
        None => waiting.await,
        Some(limit) => timeout(limit, waiting)
            .await
            .unwrap_or_else(|_| Err(seen.late(limit).hint("Give it more --timeout, or none."))),
    }
}

async fn waited(
    waits: &'static Entry,
    mut input: Map<String, Value>,
    seen: &Seen,
    (tell, stands): (impl Fn(&str), impl Fn(&str)),
    ask: impl AsyncFn(&'static Entry, Map<String, Value>) -> Result<Bytes, Problem>,
) -> Result<Bytes, Problem> {
    let limit = input.get(SECONDS).and_then(Value::as_u64).map(Duration::from_secs);
    let (began, mut failures, mut longer) = (Instant::now(), 0, PAUSE);
    let mut told = None;
    loop {
        // No look is longer than the pause would be: whoever waits for what waits for him is told so soon, and what was seen
        // last is not old.
        let left = limit.map_or(LONGEST, |limit| limit.saturating_sub(began.elapsed()));
        input.insert(SECONDS.to_owned(), longer.min(left).max(PAUSE).as_secs().into());
        let asked = Instant::now();
        let pause = match ask(waits, input.clone()).await {
            Ok(body) => {
                let answer = parse(&body)?;
                if answer["ended"] != false {
                    return Ok(body);
                }
                if let Some(run) = answer.pointer("/run/id").filter(|run| run.is_string()) {
                    // What was pending has an id of its own by now.
                    input.insert(RUN.to_owned(), run.clone());
                }
                let waits_for = blocked::told(&answer);
                if let Some(sentence) = waits_for.as_deref().filter(|_| waits_for != told) {
                    tell(sentence);
                }
                told = waits_for;
                stands(&blocked::stands(&answer));
                seen.now(answer);
                failures = 0;
                let pause = longer.saturating_sub(asked.elapsed());
                longer = (longer * 3 / 2).min(LONGEST);
                pause
            }
            Err(problem) => {
                failures += 1;
                if !seen.any() || !problem.retryable() || failures > MOST_FAILURES {
                    return Err(problem);
                }
                problem
                    .retry_after()
                    .unwrap_or(PAUSE * (1 << failures))
                    .min(LONGEST_PAUSE)
            }
        };
        if let Some(limit) = limit
            && limit.saturating_sub(began.elapsed() + pause) < PAUSE
        {
            let hint = "Give it more --seconds, or none: then it is waited for to its end.";
            return Err(seen.late(limit).hint(hint));
        }
        sleep(pause).await;
    }
}

/// What was seen last of what is waited for.
#[derive(Default)]
struct Seen(Mutex<Option<Value>>);

impl Seen {
    fn now(&self, answer: Value) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    fn any(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The time is over: where the run stood then.
    fn late(&self, limit: Duration) -> Problem {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stood = match &*seen {
            Some(answer) => blocked::stands(answer),
            None => "nothing was heard of it".to_owned(),
        };
        let sentence = format!(
            "the run has not ended within {}: {stood}",
            humantime::format_duration(limit)
        );
        Failure::new(Kind::Timeout, sentence).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::catalogue::find;

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
        let outcome = until_ended(waits, Map::from_iter(input), None, (|_: &str| {}, |_: &str| {}), ask).await;
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
    async fn what_was_pending_is_asked_for_by_its_own_id_once_it_has_one() {
        let run = |id: &str, ended: bool| json!({"ended": ended, "run": {"id": id}});
        let answers = Mutex::new(vec![
            run("jobs~api#q17", false),
            run("jobs~api#3", false),
            run("jobs~api#3", true),
        ]);
        let asked = Mutex::new(vec![]);
        let ask = async |_: &'static Entry, input: Map<String, Value>| {
            asked
                .lock()
                .expect("sound")
                .push((input["run"].clone(), input.get(SECONDS).cloned()));
            Ok(answers.lock().expect("sound").remove(0).to_string().into())
        };
        let waits = find("cicd.run.wait").expect("declared");
        let input = Map::from_iter([("run".to_owned(), json!("jobs~api#q17"))]);
        assert!(
            until_ended(waits, input, None, (|_: &str| {}, |_: &str| {}), ask)
                .await
                .is_ok()
        );
        let asked = asked.into_inner().expect("unshared");
        let (pending, own) = (json!("jobs~api#q17"), json!("jobs~api#3"));
        assert_eq!(
            asked,
            [
                (pending.clone(), Some(json!(1))),
                (pending, Some(json!(1))),
                (own, Some(json!(2)))
            ],
            "a look is as long as the pause would be"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_as_it_is_is_asked_for_less_and_less_often() {
        let times = Mutex::new(vec![]);
        let began = Instant::now();
        let ask = async |_: &'static Entry, _| {
            let mut times = times.lock().expect("sound");
            times.push(began.elapsed());
            match times.len() {
                12 => Err(Failure::new(Kind::NotFound, "there is none").into()),
                _ => Ok(json!({"ended": false}).to_string().into()),
            }
        };
        let waits = find("cicd.run.wait").expect("declared");
        assert!(
            until_ended(waits, Map::new(), None, (|_: &str| {}, |_: &str| {}), ask)
                .await
                .is_err()
        );
        let times = times.into_inner().expect("unshared");
        let pauses: Vec<u128> = times.windows(2).map(|two| (two[1] - two[0]).as_millis()).collect();
        assert_eq!(pauses[..3], [1000, 1500, 2250]);
        assert_eq!(pauses[9..], [10_000, 10_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_told_what_is_waited_for_and_where_it_stood_when_the_time_was_over() {
        let blocked = json!({"ended": false, "status": "blocked", "run": {"id": "ci~a/b#1", "status": "blocked",
            "raw_status": "waiting", "waits_for": [{"name": "production"}]}});
        let heard = Mutex::new(vec![]);
        let tell = |sentence: &str| heard.lock().expect("sound").push(sentence.to_owned());
        let ask = async |_: &'static Entry, _| Ok(blocked.to_string().into());
        let waits = find("cicd.run.wait").expect("declared");
        let limit = Some(Duration::from_secs(30));
        let problem = until_ended(waits, Map::new(), limit, (tell, |_: &str| {}), ask)
            .await
            .expect_err("late");
        let heard = heard.into_inner().expect("unshared");
        assert!(
            heard.len() == 1 && heard[0].contains("production") && heard[0].contains("cicd run approve ci~a/b#1"),
            "told once: {heard:?}"
        );
        assert_eq!(problem.code(), "timeout");
        let sentence = problem.sentence();
        assert!(
            sentence.contains("within 30s") && sentence.contains("blocked (waiting)"),
            "{sentence}"
        );
        let never = async |_: &'static Entry, _| std::future::pending().await;
        let problem = until_ended(waits, Map::new(), limit, (|_: &str| {}, |_: &str| {}), never)
            .await
            .expect_err("late");
        assert!(
            problem.sentence().contains("nothing was heard"),
            "{}",
            problem.sentence()
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
