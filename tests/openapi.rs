//! The OpenAPI document against the catalogue, the JSON Schema it embeds, and a foreign validator.

use std::collections::HashSet;
use std::process::Command;

use mosaic::catalogue::{Catalogue, OPERATIONS};
use mosaic::failures::codes;
use mosaic::surfaces::openapi;
use serde_json::Value;

/// Names a command that takes the path of a document and fails where it is not valid OpenAPI.
const VALIDATOR: &str = "MOSAIC_OPENAPI_VALIDATOR";

fn document() -> Value {
    openapi::document(&Catalogue::built_in())
}

#[test]
fn every_operation_is_in_the_document_once_with_all_its_inputs() {
    let document = document();
    let mut ids = HashSet::new();
    for entry in OPERATIONS.iter() {
        let declaration = entry.declaration;
        let method = declaration.method.as_str().to_ascii_lowercase();
        let operation = &document["paths"][format!("/v1{}", declaration.path)][&method];
        assert_eq!(operation["operationId"], entry.name());
        assert_eq!(operation["tags"][0], declaration.facts.service);
        assert!(ids.insert(entry.name()));

        let mut names: HashSet<String> = HashSet::new();
        for parameter in operation["parameters"].as_array().expect("parameters") {
            if let Some(name) = parameter["name"].as_str() {
                assert!(names.insert(name.to_owned()), "{} {name}", entry.name());
            }
        }
        let body = &operation["requestBody"]["content"];
        assert_eq!(
            body.get("application/octet-stream").is_some(),
            declaration.upload,
            "{}",
            entry.name()
        );
        if !declaration.input_in_query() {
            let schema = resolve(&document, &body["application/json"]["schema"]);
            names.extend(schema["properties"].as_object().expect("properties").keys().cloned());
        }
        let fields: HashSet<String> = entry.fields.iter().map(|field| field.name.clone()).collect();
        assert_eq!(names, fields, "{}", entry.name());
    }
    let in_document = document["paths"].as_object().expect("paths").values();
    let count: usize = in_document.map(|path| path.as_object().expect("methods").len()).sum();
    assert_eq!(
        count,
        OPERATIONS.len() + 8,
        "the operations, five about the gateway itself, and three for events"
    );
}

#[test]
fn every_operation_says_what_may_be_said_of_its_call() {
    let document = document();
    let references =
        ["priority", "performance", "labels", "affinity"].map(|name| format!("#/components/parameters/{name}"));
    for entry in OPERATIONS.iter() {
        let declaration = entry.declaration;
        let method = declaration.method.as_str().to_ascii_lowercase();
        let operation = &document["paths"][format!("/v1{}", declaration.path)][&method];
        let listed = operation["parameters"].as_array().expect("parameters");
        for reference in &references {
            assert!(
                listed.iter().any(|row| row["$ref"] == **reference),
                "{} {reference}",
                entry.name()
            );
        }
    }
    let parameter = |name: &str| document["components"]["parameters"][name].clone();
    for (name, header) in [
        ("priority", "X-Mosaic-Priority"),
        ("performance", "X-Mosaic-Performance"),
        ("labels", "X-Mosaic-Labels"),
        ("affinity", "X-Mosaic-Affinity"),
    ] {
        let parameter = parameter(name);
        assert_eq!(
            (&parameter["name"], &parameter["in"]),
            (&header.into(), &"header".into())
        );
        assert!(!parameter["description"].as_str().expect("a description").is_empty());
    }
    assert_eq!(
        parameter("priority")["schema"]["enum"],
        serde_json::json!(["low", "normal", "high"])
    );
    let needs = serde_json::json!(["low_latency", "high_throughput", "best_effort"]);
    assert_eq!(parameter("performance")["schema"]["enum"], needs);
    assert_eq!(parameter("affinity")["schema"]["maxLength"], 128);
    let labels = jsonschema::validator_for(&parameter("labels")["schema"]).expect("a schema");
    for (text, is_sound) in [
        ("team=web", true),
        ("team=web, run=the nightly one,empty=", true),
        ("team", false),
        ("Team=web", false),
        ("a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1", false),
    ] {
        assert_eq!(labels.is_valid(&text.into()), is_sound, "{text}");
    }
}

#[test]
fn decision_records_are_described_with_an_example_that_is_one() {
    let document = document();
    let content = |path: &str, method: &str| {
        document["paths"][path][method]["responses"]["200"]["content"]["application/json"].clone()
    };
    let listed = content("/v1/explain/{id}", "get");
    let unmade = content("/v1/route", "post");
    let record = &document["components"]["schemas"]["Decision"];
    let record = jsonschema::validator_for(record).expect("a schema");
    for example in [&listed["example"]["decisions"][0], &unmade["example"]] {
        assert!(record.is_valid(example), "{example}");
        let _read: mosaic_actors::decision::Explained = serde_json::from_value(example.clone()).expect("a record");
    }
    assert_eq!(unmade["schema"]["$ref"], "#/components/schemas/Decision");
    let problem = &document["components"]["schemas"]["Problem"]["properties"];
    assert_eq!(
        problem["tried"]["items"]["required"],
        serde_json::json!(["provider", "code"])
    );
    assert_eq!(problem["decision"]["type"], "object");
    assert_eq!(
        document["components"]["parameters"]["explain"]["name"],
        "X-Mosaic-Explain"
    );
}

#[test]
fn every_error_code_is_the_problem_of_some_status_of_every_operation() {
    let document = document();
    let operation = &document["paths"]["/v1/git/repos/{repo}"]["get"];
    for row in codes() {
        let response = resolve(&document, &operation["responses"][row.status.as_str()]);
        let listed = response
            .pointer("/content/application~1problem+json/schema")
            .map(|schema| resolve(&document, schema))
            .and_then(|schema| schema.pointer("/allOf/1/properties/code/enum"))
            .and_then(Value::as_array)
            .expect("the codes of the status");
        assert!(listed.iter().any(|code| code == row.code), "{}", row.code);
    }
}

/// A schema, where what it refers to is found.
fn compiled(document: &Value, schema: &Value) -> jsonschema::Validator {
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    jsonschema::validator_for(&whole).expect("a schema")
}

#[track_caller]
fn is_valid(document: &Value, schema: &Value, example: &Value, what: &str) {
    if let Err(error) = compiled(document, schema).validate(example) {
        panic!("{what}: {error}: {example}");
    }
}

/// All of the document, by their ids.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let paths = document["paths"].as_object().expect("paths").values();
    let methods = paths.flat_map(|path| path.as_object().expect("methods").values());
    methods.map(|operation| (operation["operationId"].as_str().expect("an id"), operation))
}

#[test]
fn every_body_and_answer_has_an_example_that_is_valid() {
    let document = document();
    let (mut checked, mut seen) = (0, HashSet::new());
    let mut valid = |schema: &Value, example: &Value, id: &str| {
        checked += 1;
        // Errors are the same everywhere.
        if seen.insert(format!("{schema}{example}")) {
            is_valid(&document, schema, example, id);
        }
    };
    for (id, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["required"] == true {
                valid(&parameter["schema"], &parameter["example"], id);
            }
        }
        let answers = operation["responses"].as_object().expect("responses").values();
        let answers = answers.map(|answer| &resolve(&document, answer)["content"]);
        for content in answers.chain([&operation["requestBody"]["content"]]) {
            for media_type in ["application/json", "application/problem+json"] {
                if let Some(content) = content.get(media_type) {
                    valid(&content["schema"], &content["example"], id);
                }
            }
            if let Some(events) = content.get("text/event-stream")
                && let Some(event) = events.get("x-event-data")
            {
                let example = events["example"].as_str().expect("an example");
                let data = example.split("data: ").nth(1).and_then(|rest| rest.split('\n').next());
                let data: Value = serde_json::from_str(data.expect("an event")).expect("JSON");
                valid(event, &data, id);
            }
        }
    }
    assert!(checked > 20 * OPERATIONS.len(), "{checked}");
}

#[test]
fn every_example_of_an_input_is_one_that_the_gateway_takes() {
    let document = document();
    let cursors = mosaic::catalogue::cursor::CursorKey::random();
    let mut refused = Vec::new();
    for (id, operation) in operations(&document) {
        let Some(entry) = mosaic::catalogue::find(id) else {
            continue;
        };
        let mut input = match operation.pointer("/requestBody/content/application~1json/example") {
            Some(body) => body.clone(),
            None => serde_json::json!({}),
        };
        for parameter in operation["parameters"].as_array().expect("parameters") {
            if parameter["required"] == true {
                input[parameter["name"].as_str().expect("a name")] = parameter["example"].clone();
            }
        }
        if let Err(failure) = entry.prepare(input.clone(), false, &cursors) {
            refused.push(format!("{id}: {failure}: {input}"));
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn what_is_absent_is_not_null() {
    let document = document();
    for (id, operation) in operations(&document) {
        for (name, value) in operation.as_object().expect("an operation") {
            assert!(!value.is_null(), "{id}: {name}");
        }
    }
}

#[test]
fn what_http_adds_is_described_where_it_can_come() {
    let document = document();
    for (id, operation) in operations(&document) {
        let Some(entry) = mosaic::catalogue::find(id) else {
            continue;
        };
        let declaration = entry.declaration;
        let tagged = declaration.method.as_str() == "GET" && !declaration.bytes && !declaration.facts.streaming;
        let answers = &operation["responses"];
        assert_eq!(answers.get("304").is_some(), tagged, "{id}");
        assert_eq!(answers["200"]["headers"].get("ETag").is_some(), tagged, "{id}");
        let parameters = operation["parameters"].as_array().expect("parameters");
        let has = |name: &str| {
            let reference = format!("#/components/parameters/{name}");
            parameters.iter().any(|row| row["$ref"] == *reference)
        };
        assert_eq!((has("if_none_match"), has("if_match")), (tagged, tagged), "{id}");
        assert_eq!(has("last_event_id"), declaration.goes_on.is_some(), "{id}");
        assert!(has("timing"), "{id}");
    }
    let follows = OPERATIONS
        .iter()
        .filter_map(|entry| Some((entry, entry.declaration.goes_on?)));
    for (entry, (field, member)) in follows {
        assert!(
            entry.declaration.facts.streaming && entry.field(field).is_some(),
            "{}",
            entry.name()
        );
        let events = entry.output_schema.as_value().to_string();
        assert!(events.contains(&format!("\"{member}\"")), "{}", entry.name());
    }
    let limited = &document["components"]["responses"]["Error429"]["headers"];
    assert!(limited.get("Retry-After").is_some() && limited.get("RateLimit").is_some());
    assert_eq!(
        document["security"],
        serde_json::json!([{ "bearer": [] }, { "apiKey": [] }])
    );
}

/// The public document, and the admin listener's.
fn documents() -> [Value; 2] {
    [document(), mosaic::admin::openapi::document()]
}

#[test]
fn every_reference_resolves_and_every_schema_compiles() {
    for document in documents() {
        check_references(&document, &document);
        for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
            assert!(jsonschema::meta::is_valid(schema), "{name}");
        }
    }
}

#[test]
fn a_foreign_validator_accepts_the_documents() {
    let Ok(command) = std::env::var(VALIDATOR) else {
        assert!(
            std::env::var("CI").is_err(),
            "under CI {VALIDATOR} must name a validator"
        );
        eprintln!("NOT RUN: {VALIDATOR} is unset; no foreign validator has seen the OpenAPI document");
        return;
    };
    let folder = tempfile::tempdir().expect("a scratch folder");
    for document in documents() {
        let path = folder.path().join("openapi.json");
        std::fs::write(&path, document.to_string()).expect("the document is written");
        validate(&command, &path);
    }
}

fn validate(command: &str, path: &std::path::Path) {
    let mut words = command.split_whitespace();
    let output = Command::new(words.next().expect("a command"))
        .args(words)
        .arg(path)
        .output()
        .expect("the validator starts");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            document
                .pointer(pointer)
                .unwrap_or_else(|| panic!("{reference} resolves"))
        }
        None => value,
    }
}

fn check_references(document: &Value, value: &Value) {
    resolve(document, value);
    match value {
        Value::Object(fields) => fields.values().for_each(|field| check_references(document, field)),
        Value::Array(items) => items.iter().for_each(|item| check_references(document, item)),
        _ => {}
    }
}
