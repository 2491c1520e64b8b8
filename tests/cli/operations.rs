//! Every operation of the catalogue can be called, and sends what it declares.

use http::StatusCode;
use mosaic::catalogue::entry::{Field, Shape};
use mosaic::catalogue::{Entry, OPERATIONS};
use serde_json::{Map, Value, json};

use crate::recorder::{self, Recorder, events, mosaic, ran};

/// A value for any field, as words of the command line and as JSON. The text needs escaping wherever it goes.
fn sample(field: &Field) -> (Vec<String>, Value) {
    if let Some(word) = field.choices.first() {
        return (vec![word.clone()], json!(word));
    }
    let (words, value) = match field.shape {
        Shape::Text => (vec!["acme/a b&ü"], json!("acme/a b&ü")),
        Shape::Integer => (vec!["7"], json!(7)),
        Shape::Number => (vec!["0.5"], json!(0.5)),
        Shape::Boolean => (vec!["true"], json!(true)),
        Shape::TextList => (vec!["a,b", "c d"], json!(["a,b", "c d"])),
        Shape::Json => (vec!["[{\"a\":1}]"], json!([{"a": 1}])),
    };
    (words.into_iter().map(str::to_owned).collect(), value)
}

/// The command line and the input of a call with these fields.
fn call_with(entry: &Entry, wanted: impl Fn(&Field) -> bool) -> (Vec<String>, Map<String, Value>) {
    let mut line: Vec<String> = entry.name().split('.').map(str::to_owned).collect();
    let mut input = Map::new();
    for name in &entry.positionals {
        let field = entry.field(name).unwrap();
        if wanted(field) {
            let (words, value) = sample(field);
            line.extend(words);
            input.insert(field.name.clone(), value);
        }
    }
    for field in entry.fields.iter().filter(|field| wanted(field)) {
        if !entry.positionals.contains(&field.name.as_str()) {
            let (words, value) = sample(field);
            let flag = field.name.replace('_', "-");
            line.extend(words.iter().map(|word| format!("--{flag}={word}")));
            input.insert(field.name.clone(), value);
        }
    }
    (line, input)
}

fn check_sent(entry: &Entry, line: &[String], mut input: Map<String, Value>) {
    let streaming = entry.declaration.facts.streaming;
    let server = Recorder::start(move |_| match streaming {
        true => events("event: done\ndata: {}\n\n"),
        false => recorder::json(StatusCode::OK, &json!({})),
    });
    let mut line: Vec<&str> = line.iter().map(String::as_str).collect();
    // What is uploaded is JSON here because the recorder reads no other.
    let uploaded = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(uploaded.path(), "\"a file\"").unwrap();
    let file = format!("--file={}", uploaded.path().display());
    let body = match entry.declaration.upload {
        true => json!("a file"),
        false => Value::Null,
    };
    if entry.declaration.upload {
        line.push(&file);
    }
    let done = server.run(&line);
    assert_eq!(done.code, Some(0), "{line:?} {done:?}");

    let mut path = format!("/v1{}", entry.declaration.path);
    for field in &entry.fields {
        let placeholder = format!("{{{}}}", field.name);
        if path.contains(&placeholder) {
            path = path.replace(&placeholder, "acme%2Fa%20b%26%C3%BC");
            input.remove(&field.name);
        }
    }
    if entry.name() == "cicd.run.wait" {
        // However long it is waited, the first look is a short one.
        input.insert("seconds".to_owned(), 1.into());
    }
    let seen = server.only();
    assert_eq!(
        (&*seen.method, &*seen.path),
        (entry.declaration.method.as_str(), &*path),
        "{line:?}"
    );
    match entry.declaration.input_in_query() {
        false => {
            assert_eq!((seen.body, seen.query), (Value::from(input), vec![]), "{line:?}")
        }
        true => {
            let mut wanted = Vec::new();
            for (name, value) in input {
                let values = value.as_array().cloned().unwrap_or_else(|| vec![value]);
                let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                wanted.extend(values.into_iter().map(|value| (name.clone(), text(value))));
            }
            let mut query = seen.query;
            query.sort();
            wanted.sort();
            assert_eq!((query, seen.body), (wanted, body), "{line:?}");
        }
    }
}

#[test]
fn every_operation_sends_exactly_what_it_declares() {
    assert!(!OPERATIONS.is_empty());
    for entry in OPERATIONS.iter() {
        let (line, input) = call_with(entry, |field| field.required);
        check_sent(entry, &line, input);
        let (line, input) = call_with(entry, |_| true);
        check_sent(entry, &line, input);
    }
}

#[test]
fn every_operation_takes_its_whole_input_as_json() {
    for entry in OPERATIONS.iter() {
        let (_, input) = call_with(entry, |_| true);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), Value::from(input.clone()).to_string()).unwrap();
        let mut line: Vec<String> = entry.name().split('.').map(str::to_owned).collect();
        line.extend(["--input".to_owned(), file.path().display().to_string()]);
        check_sent(entry, &line, input);
    }
}

#[test]
fn every_operation_has_help_and_refuses_the_lack_of_what_it_requires() {
    for entry in OPERATIONS.iter() {
        let mut line: Vec<&str> = entry.name().split('.').collect();
        let bare = ran(&mut mosaic(&line));
        if entry.fields.iter().any(|field| field.required) {
            assert_eq!(bare.code, Some(2), "{line:?}");
            assert!(
                bare.err.starts_with("error[invalid_input]: the following required"),
                "{}",
                bare.err
            );
        }
        line.push("--help");
        let help = ran(&mut mosaic(&line));
        assert_eq!((help.code, &*help.err), (Some(0), ""), "{line:?}");
        assert!(help.out.contains(entry.declaration.summary) && help.out.contains(entry.name()));
        for field in &entry.fields {
            let sentence = field.description.split([' ', '\n']).next().unwrap();
            assert!(help.out.contains(sentence), "{}: {}", field.name, help.out);
        }
    }
}

#[test]
fn what_may_cost_money_is_told() {
    let listed = ran(&mut mosaic(&["operations", "--json"]));
    let rows: Vec<Value> = serde_json::from_str(&listed.out).unwrap();
    let paid = |name: &str| {
        rows.iter()
            .find(|row| row["name"] == name)
            .map(|row| row["paid"].clone())
    };
    assert_eq!(
        (paid("ai.chat.complete"), paid("git.repo.get")),
        (Some(json!(true)), Some(json!(false)))
    );
    assert_eq!(rows.len(), OPERATIONS.iter().count());
    let table = ran(&mut mosaic(&["operations", "--service", "ai"]));
    assert!(table.out.lines().next().unwrap().contains("PAID"), "{}", table.out);
}
