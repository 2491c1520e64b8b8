//! What is said of a run that somebody waits for: what it waits for itself, and where it stands. Pure.
//!
//! Invariant: what an answer does not tell is not made up, and whatever it tells is made fit for a terminal.

use serde_json::Value;

use super::screen::clean;
use super::show::quoted;

/// What a blocked run waits for, and how it is let go on; none of another.
pub fn told(answer: &Value) -> Option<String> {
    let run = &answer["run"];
    if answer["status"] != "blocked" {
        return None;
    }
    let awaited = run["waits_for"].as_array().into_iter().flatten();
    let named: Vec<String> = awaited.clone().map(named).collect();
    let what = match &*named {
        [] => "somebody's approval".to_owned(),
        named => named.join("; "),
    };
    let id = run["id"].as_str().unwrap_or_default();
    // Where it is told of all of them that they are not ours, somebody else is to do it.
    let others = awaited.clone().count() > 0 && awaited.clone().all(|one| one["ours"] == false);
    let mut sentence = format!("the run is blocked: it waits for {what}");
    match others {
        true => sentence += "\nour credential may not approve it",
        false => {
            sentence += &format!("\nto let it go on: mosaic cicd run approve {}", quoted(id));
            // Who tells nothing of what it waits for may have no call for it, either.
            if named.is_empty() {
                sentence += ", or its page where the provider takes it there alone";
            }
        }
    }
    if let Some(page) = run["web_url"].as_str() {
        sentence += &format!("\nits page: {page}");
    }
    Some(clean(&sentence))
}

/// One thing that is waited for: its name, what people are asked, and the values that go with a yes.
fn named(one: &Value) -> String {
    let mut told = one["name"].as_str().unwrap_or("?").to_owned();
    if let Some(message) = one["message"].as_str() {
        told += &format!(" ({message})");
    }
    let values: Vec<String> = one["parameters"].as_array().into_iter().flatten().map(value).collect();
    if !values.is_empty() {
        told += &format!(", with --variables {}", values.join(", "));
    }
    told
}

/// A value that is asked for: its name, its choices, and what it is where nothing is said.
fn value(one: &Value) -> String {
    let mut told = one["name"].as_str().unwrap_or("?").to_owned();
    let choices: Vec<&str> = one["choices"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !choices.is_empty() {
        told += &format!(" ({})", choices.join("|"));
    }
    match one["default"].as_str() {
        Some(default) => told += &format!(" [{default}]"),
        None => told += " [must be given]",
    }
    told
}

/// Where a run stands, in our word and in the provider's.
pub fn stands(answer: &Value) -> String {
    let word = answer["status"].as_str().unwrap_or("unknown");
    let raw = answer.pointer("/run/raw_status").and_then(Value::as_str);
    let raw = raw.filter(|raw| !raw.is_empty() && *raw != word);
    let raw = raw.map(|raw| format!(" ({raw})")).unwrap_or_default();
    clean(&format!("when it was last seen it was {word}{raw}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_waited_for_is_told_with_how_to_give_it() {
        let run = json!({"id": "jobs~team/api#7", "status": "blocked", "web_url": "https://ci.example/7", "waits_for": [
            {"name": "Deploy", "message": "Deploy it?", "parameters": [
                {"name": "ENV", "choices": ["staging", "production"], "default": "staging"}, {"name": "WHY"}]}]});
        let answer = json!({"status": "blocked", "run": run});
        assert_eq!(
            told(&answer).expect("blocked"),
            "the run is blocked: it waits for Deploy (Deploy it?), with --variables ENV (staging|production) [staging], \
             WHY [must be given]\nto let it go on: mosaic cicd run approve jobs~team/api#7\nits page: https://ci.example/7"
        );
        let others =
            json!({"status": "blocked", "run": {"id": "a~b/c#1", "waits_for": [{"name": "live", "ours": false}]}});
        assert!(!told(&others).expect("blocked").contains("mosaic cicd run approve"));
        let untold = json!({"status": "blocked", "run": {"id": "a~b/c d#1\u{1b}"}});
        let untold = told(&untold).expect("blocked");
        assert!(
            untold.contains("somebody's approval") && !untold.contains('\u{1b}'),
            "{untold}"
        );
        assert_eq!(told(&json!({"status": "running", "run": {}})), None);
        assert_eq!(stands(&json!({})), "when it was last seen it was unknown");
    }
}
