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
use crate::catalogue::cicd::RunWait;
use crate::catalogue::{Entry, Op};

/// The shortest time from one question to the next.
const PAUSE: Duration = Duration::from_secs(1);
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

/// Waits until a run has ended, however often the gateway has to be asked; with `seconds` in the input, no longer.
///
/// # Errors
/// What the first call fails with, and later ones that cannot be waited out; `timeout` where the time was over first.
pub async fn until_ended(
    mut input: Map<String, Value>,
    ask: impl AsyncFn(Map<String, Value>) -> Result<Bytes, Problem>,
) -> Result<Bytes, Problem> {
    let limit = input.get("seconds").and_then(Value::as_u64).map(Duration::from_secs);
    let (began, mut answered, mut failures) = (Instant::now(), false, 0);
    loop {
        let asked = Instant::now();
        let pause = match ask(input.clone()).await {
            Ok(body) if parse(&body)?["ended"] != false => return Ok(body),
            Ok(_) => {
                (answered, failures) = (true, 0);
                PAUSE.saturating_sub(asked.elapsed())
            }
            Err(problem) => {
                failures += 1;
                if !answered || !problem.retryable() || failures > MOST_FAILURES {
                    return Err(problem);
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
                return Err(Failure::new(Kind::Timeout, sentence).into());
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
        let ask = async |_| match left.lock().expect("sound").remove(0) {
            Ok(answer) => Ok(answer.to_string().into()),
            Err(kind) => Err(Failure::new(kind, "as told").into()),
        };
        let outcome = until_ended(Map::from_iter(input), ask).await;
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
