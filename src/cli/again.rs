//! Asking again: all pages of a list, and a wait that takes longer than one call may.
//!
//! Invariant: each question but the first follows from the answer before it, and there is a bound on what is gathered.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value};

use super::problem::Problem;
use super::show::parse;

/// The most rows that one command gathers: they are held in memory until the last has come.
const MOST_ROWS: usize = 200_000;

/// Gathers the pages of a list into one.
///
/// # Errors
/// What a page fails with; `upstream_failed` where the gateway tells the same place twice, or has more rows than can be
/// gathered.
pub async fn all_pages(
    mut input: Map<String, Value>,
    ask: impl AsyncFn(Map<String, Value>) -> Result<Bytes, Problem>,
) -> Result<Bytes, Problem> {
    let mut whole: Option<Value> = None;
    let mut seen = HashSet::new();
    loop {
        let page = parse(&ask(input.clone()).await?)?;
        let next = page["next_cursor"].as_str().map(str::to_owned);
        let gathered = match whole.take() {
            Some(so_far) => joined(so_far, page),
            None => page,
        };
        if gathered["items"]
            .as_array()
            .is_some_and(|items| items.len() > MOST_ROWS)
        {
            return Err(odd(&format!(
                "there are more than {MOST_ROWS} rows; ask for them page by page"
            ))
            .into());
        }
        let Some(next) = next else {
            return Ok(gathered.to_string().into());
        };
        // An end that never comes is no list.
        if !seen.insert(next.clone()) {
            return Err(odd("the list leads back to where it has been").into());
        }
        input.insert("cursor".to_owned(), next.into());
        whole = Some(gathered);
    }
}

/// One page of two: what the later one says of the end holds, and what either lacks is lacking.
fn joined(mut before: Value, mut after: Value) -> Value {
    for field in ["items", "errors"] {
        let mut rows = take_rows(&mut before, field);
        for row in take_rows(&mut after, field) {
            // The same provider fails on each page.
            if field == "items" || !rows.iter().any(|known| known["provider"] == row["provider"]) {
                rows.push(row);
            }
        }
        if field == "items" || !rows.is_empty() {
            after[field] = rows.into();
        }
    }
    if before["incomplete"] == true {
        after["incomplete"] = true.into();
    }
    if after["total"].is_null()
        && let Some(total) = before["total"].as_u64()
    {
        after["total"] = total.into();
    }
    after
}

fn take_rows(page: &mut Value, field: &str) -> Vec<Value> {
    match page.get_mut(field).map(Value::take) {
        Some(Value::Array(rows)) => rows,
        _ => Vec::new(),
    }
}

/// Waits until a run has ended, however often a gateway has to be asked; with `limit`, no longer than that.
///
/// # Errors
/// What a call fails with; `timeout` where the limit came first.
pub async fn until_ended(
    mut input: Map<String, Value>,
    ask: impl AsyncFn(Map<String, Value>) -> Result<Bytes, Problem>,
) -> Result<Bytes, Problem> {
    let limit = input.get("seconds").and_then(Value::as_u64).map(Duration::from_secs);
    let began = Instant::now();
    loop {
        let body = ask(input.clone()).await?;
        if parse(&body)?["ended"] != false {
            return Ok(body);
        }
        if let Some(limit) = limit {
            let left = limit.saturating_sub(began.elapsed());
            if left < Duration::from_secs(1) {
                let sentence = format!("the run has not ended within {}", humantime::format_duration(limit));
                return Err(Failure::new(Kind::Timeout, sentence).into());
            }
            input.insert("seconds".to_owned(), left.as_secs().into());
        }
    }
}

fn odd(sentence: &str) -> Failure {
    Failure::new(Kind::UpstreamFailed, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Mutex;

    /// Asks a gateway that gives these answers in turn; the inputs that it was given.
    async fn asked(
        answers: Vec<Value>,
        by: impl AsyncFnOnce(&Mutex<Vec<Value>>, &Mutex<Vec<Value>>) -> Result<Bytes, Problem>,
    ) -> (Result<Value, Problem>, Vec<Value>) {
        let (left, seen) = (Mutex::new(answers), Mutex::new(Vec::new()));
        let outcome = by(&left, &seen).await;
        let outcome = outcome.map(|body| serde_json::from_slice(&body).expect("JSON"));
        (outcome, seen.into_inner().expect("unshared"))
    }

    fn answer(left: &Mutex<Vec<Value>>, seen: &Mutex<Vec<Value>>, input: Map<String, Value>) -> Result<Bytes, Problem> {
        seen.lock().expect("sound").push(input.into());
        Ok(left.lock().expect("sound").remove(0).to_string().into())
    }

    async fn pages(answers: Vec<Value>) -> (Result<Value, Problem>, Vec<Value>) {
        asked(answers, async |left, seen| {
            all_pages(Map::new(), async |input| answer(left, seen, input)).await
        })
        .await
    }

    #[tokio::test]
    async fn pages_become_one_and_what_is_lacking_stays_told() {
        let error = json!({"provider": "b", "code": "timeout"});
        let (whole, seen) = pages(vec![
            json!({"items": [1, 2], "next_cursor": "x", "has_more": true, "total": 3, "incomplete": true, "errors": [error]}),
            json!({"items": [3], "has_more": false, "errors": [error]}),
        ])
        .await;
        assert_eq!(
            whole.expect("a page"),
            json!({"items": [1, 2, 3], "has_more": false, "total": 3, "incomplete": true, "errors": [error]})
        );
        assert_eq!(seen, [json!({}), json!({"cursor": "x"})]);
    }

    #[tokio::test]
    async fn a_list_without_an_end_is_given_up() {
        let page = |cursor: &str| json!({"items": [1], "next_cursor": cursor, "has_more": true});
        let (whole, seen) = pages(vec![page("x"), page("y"), page("x"), page("y")]).await;
        assert_eq!((whole.is_err(), seen.len()), (true, 3));
    }

    #[tokio::test]
    async fn a_wait_goes_on_until_the_run_has_ended() {
        let answers = vec![json!({"ended": false}), json!({"ended": true, "status": "success"})];
        let (outcome, seen) = asked(answers, async |left, seen| {
            until_ended(Map::new(), async |input| answer(left, seen, input)).await
        })
        .await;
        assert_eq!(
            (outcome.expect("it has ended")["status"].as_str(), seen.len()),
            (Some("success"), 2)
        );
        let limited = Map::from_iter([("seconds".to_owned(), json!(0))]);
        let (outcome, _) = asked(vec![json!({"ended": false})], async |left, seen| {
            until_ended(limited, async |input| answer(left, seen, input)).await
        })
        .await;
        assert!(outcome.is_err());
    }
}
