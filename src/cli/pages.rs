//! All pages of a list, as one.
//!
//! Invariant: each question but the first follows from the answer before it; what was gathered is bounded, and of a list of
//! all providers it is not lost for one that fails.

use std::collections::HashSet;

use bytes::Bytes;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::show::parse;
use crate::catalogue::cursor::ALL;

/// The most rows that one command gathers: they are held in memory until the last has come.
const MOST_ROWS: usize = 200_000;

/// The most pages: a list whose pages are empty ends, too.
const MOST_PAGES: usize = 10_000;
/// As much as they may be long together, in bytes of JSON.
const MOST_BYTES: usize = 256 << 20;

/// Gathers the pages of a list into one; `of_all`: it is a list of all providers, which ends with what there is where those
/// that are left cannot be asked.
///
/// # Errors
/// What a page fails with; `upstream_failed` where the gateway tells the same place twice, or has more than can be gathered.
pub async fn all_pages(
    mut input: Map<String, Value>,
    of_all: bool,
    ask: impl AsyncFn(Map<String, Value>) -> Result<Bytes, Problem>,
) -> Result<Bytes, Problem> {
    let mut whole: Option<Value> = None;
    let (mut seen, mut bytes) = (HashSet::new(), 0);
    loop {
        let body = match (ask(input.clone()).await, whole.take()) {
            (Err(problem), Some(so_far)) if of_all => return Ok(cut(so_far, &problem).to_string().into()),
            (body, so_far) => {
                whole = so_far;
                body?
            }
        };
        bytes += body.len();
        let page = parse(&body)?;
        let next = page["next_cursor"].as_str().map(str::to_owned);
        let gathered = match whole.take() {
            Some(so_far) => joined(so_far, page),
            None => page,
        };
        let rows = gathered["items"].as_array().map_or(0, Vec::len);
        if rows > MOST_ROWS || bytes > MOST_BYTES || seen.len() >= MOST_PAGES {
            let sentence = format!(
                "there are more than {MOST_ROWS} rows, {MOST_BYTES} bytes or {MOST_PAGES} pages; ask for them page by page"
            );
            return Err(odd(&sentence).into());
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

/// One page of two. The later one says how it ends, and who is missing: who failed before and came back is not.
fn joined(mut before: Value, mut after: Value) -> Value {
    let mut rows = take_rows(&mut before, "items");
    rows.extend(take_rows(&mut after, "items"));
    after["items"] = rows.into();
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

/// What there is of a list whose next page failed: it can be gone on from where it was.
fn cut(mut so_far: Value, problem: &Problem) -> Value {
    let mut errors = take_rows(&mut so_far, "errors");
    if errors.is_empty() {
        errors.push(
            json!({"provider": ALL, "code": problem.code(), "message": problem.sentence(),
            "retryable": problem.retryable()}),
        );
    }
    so_far["errors"] = errors.into();
    so_far
}

fn take_rows(page: &mut Value, field: &str) -> Vec<Value> {
    match page.get_mut(field).map(Value::take) {
        Some(Value::Array(rows)) => rows,
        _ => Vec::new(),
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
            all_pages(Map::new(), true, async |input| answer(left, seen, input)).await
        })
        .await
    }

    #[tokio::test]
    async fn pages_become_one_and_the_last_says_who_is_missing() {
        let late = json!({"provider": "b", "code": "timeout"});
        let lost = json!({"provider": "c", "code": "unauthenticated"});
        let (whole, seen) = pages(vec![
            json!({"items": [1, 2], "next_cursor": "x", "has_more": true, "total": 3, "incomplete": true, "errors": [late, lost]}),
            json!({"items": [3], "has_more": false, "errors": [lost]}),
        ])
        .await;
        assert_eq!(
            whole.expect("a page"),
            json!({"items": [1, 2, 3], "has_more": false, "total": 3, "incomplete": true, "errors": [lost]})
        );
        assert_eq!(seen, [json!({}), json!({"cursor": "x"})]);
    }

    #[tokio::test]
    async fn what_was_gathered_of_all_is_kept_where_those_that_are_left_cannot_be_asked() {
        let down = json!({"provider": "b", "code": "circuit_open"});
        let first = json!({"items": [1], "next_cursor": "x", "has_more": true, "errors": [down]});
        for (of_all, kept) in [(true, Some(json!([1]))), (false, None)] {
            let calls = Mutex::new(0);
            let outcome = all_pages(Map::new(), of_all, async |_| {
                let mut calls = calls.lock().expect("sound");
                *calls += 1;
                match *calls {
                    1 => Ok(first.to_string().into()),
                    _ => Err(Failure::new(Kind::CircuitOpen, "it is down").into()),
                }
            })
            .await;
            let page = outcome
                .ok()
                .map(|body| serde_json::from_slice::<Value>(&body).expect("JSON"));
            assert_eq!(page.as_ref().map(|page| page["items"].clone()), kept);
            // It can be gone on from there.
            assert!(page.is_none_or(|page| page["next_cursor"] == "x" && page["errors"] == json!([down])));
        }
    }

    #[tokio::test]
    async fn a_list_without_an_end_is_given_up() {
        let page = |cursor: &str| json!({"items": [1], "next_cursor": cursor, "has_more": true});
        let (whole, seen) = pages(vec![page("x"), page("y"), page("x"), page("y")]).await;
        assert_eq!((whole.is_err(), seen.len()), (true, 3));
    }

    #[tokio::test]
    async fn as_many_rows_as_may_be_gathered_are_and_of_more_it_is_said() {
        const EACH: usize = 1_000;
        let rows = vec![Value::Null; EACH];
        for (pages, whole) in [(MOST_ROWS / EACH, true), (MOST_ROWS / EACH + 1, false)] {
            let outcome = all_pages(Map::new(), false, async |input| {
                let page = input
                    .get("cursor")
                    .map_or(Some(1), |cursor| cursor.as_str()?.parse::<usize>().ok());
                let page = page.expect("a page");
                let mut told = json!({"items": rows, "has_more": page < pages});
                if page < pages {
                    told["next_cursor"] = (page + 1).to_string().into();
                }
                Ok(told.to_string().into())
            })
            .await;
            match outcome {
                Ok(body) => {
                    let gathered: Value = serde_json::from_slice(&body).expect("JSON");
                    assert!(whole && gathered["items"].as_array().map(Vec::len) == Some(MOST_ROWS));
                }
                Err(problem) => assert!(!whole && problem.sentence().contains("page by page"), "{pages}"),
            }
        }
    }
}
