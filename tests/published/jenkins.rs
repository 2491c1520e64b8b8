//! Every request of Jenkins' golden cells against its description.
//!
//! Invariant: what the description lacks is named with the reason, and nothing is named that no request needs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::upstream::cells::cells;
use crate::upstream::jenkins::{self, NOT_REQUIRED, OPERATIONS, PARAMETERS};
use crate::upstream::{specs, yaml};

/// Golden requests that are looked up.
const REQUESTS: usize = 151;

/// The excuses that requests needed, each by what it excuses.
#[derive(Default)]
struct Needed(BTreeSet<String>);

impl Needed {
    fn needs(&mut self, method: &str, path: &str, what: &str) {
        self.0.insert(format!("{method} {path} {what}"));
    }

    /// Those of our tables that nothing needed, with their reasons.
    fn unused(&self) -> Vec<String> {
        let operations = OPERATIONS.iter().map(|row| (row.method, row.path, "", row.why));
        let parameters = PARAMETERS.iter().chain(NOT_REQUIRED).copied();
        let all = operations.chain(parameters);
        all.filter(|(method, path, what, _)| !self.0.contains(&format!("{method} {path} {what}")))
            .map(|(method, path, what, why)| format!("nothing needs {method} {path} {what}: {why}"))
            .collect()
    }
}

#[test]
fn golden_requests_of_jenkins_are_as_described() {
    let Some(folder) = specs::folder() else { return };
    let spec = jenkins::description(&folder);
    let (mut needed, mut checked, mut faults) = (Needed::default(), 0, vec![]);
    for cell in cells().into_iter().filter(|cell| cell.kind == "jenkins") {
        for request in cell.read("request.json").as_array().expect("a list") {
            checked += 1;
            let wrong = hold(&spec, request, &mut needed);
            faults.extend(wrong.into_iter().map(|fault| format!("{}: {fault}", cell.name())));
        }
    }
    faults.extend(needed.unused());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(checked, REQUESTS, "a request was added or has vanished");
}

/// What is wrong with a request.
fn hold(spec: &Value, request: &Value, needed: &mut Needed) -> Vec<String> {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let (method, path) = (text("method").to_ascii_lowercase(), jenkins::of_one_job(text("path")));
    let Some((template, operation)) = specs::described(spec, &method, &path) else {
        return vec![format!("no {method} {path}")];
    };
    if OPERATIONS
        .iter()
        .any(|row| (row.method, row.path) == (&*method, template))
    {
        needed.needs(&method, template, "");
    }
    let mut faults = vec![];
    let known = specs::query_names(spec, operation);
    let sent: BTreeSet<String> = url::form_urlencoded::parse(text("query").as_bytes())
        .map(|(name, _)| name.into_owned())
        .collect();
    faults.extend(
        sent.difference(&known)
            .map(|name| format!("{template}: no query parameter {name}")),
    );
    for (of, at, name, _) in PARAMETERS.iter().filter(|row| sent.contains(row.2)) {
        if (*of, *at) == (&*method, template) {
            needed.needs(&method, template, name);
        }
    }
    for (of, at, name, _) in NOT_REQUIRED.iter().filter(|row| !sent.contains(row.2)) {
        if (*of, *at) == (&*method, template) {
            needed.needs(&method, template, name);
        }
    }
    let missing = specs::required_in_query(spec, operation);
    faults.extend(
        missing
            .difference(&sent)
            .map(|name| format!("{template}: query parameter {name} is required")),
    );
    let form = request["headers"]["content-type"].as_str();
    let forms = operation["requestBody"]["content"].as_object();
    match (form, forms) {
        (None, _) if request["body"].is_null() => {}
        (Some(form), Some(forms)) if forms.contains_key(form) => {}
        _ => faults.push(format!("{template}: its body is described otherwise than {form:?}")),
    }
    faults
}

#[test]
fn what_is_not_described_is_seen() {
    let Some(folder) = specs::folder() else { return };
    let spec = jenkins::description(&folder);
    let faults = |method: &str, path: &str, query: Value, form: Value| {
        let request = json!({"method": method, "path": path, "query": query,
            "headers": {"content-type": form}, "body": if form.is_null() { Value::Null } else { "a=b".into() }});
        hold(&spec, &request, &mut Needed::default()).join("; ")
    };
    let null = || Value::Null;
    for (faults, sentence) in [
        (faults("GET", "/job/a/job/b/api/json", null(), null()), ""),
        (
            faults("POST", "/job/a/job/b/api/json", null(), null()),
            "no post /job/a%2Fjob%2Fb/api/json",
        ),
        (faults("GET", "/job/a/1/consoleHtml", null(), null()), "no get"),
        (
            faults("GET", "/queue/api/json", "depth=1".into(), null()),
            "no query parameter depth",
        ),
        (
            faults("GET", "/job/a/1/logText/progressiveText", null(), null()),
            "parameter start is required",
        ),
        (
            faults("POST", "/job/a/buildWithParameters", null(), "text/plain".into()),
            "its body is described otherwise",
        ),
        (
            faults("POST", "/job/a/build", null(), "text/plain".into()),
            "its body is described otherwise",
        ),
    ] {
        assert!(
            faults.contains(sentence) && faults.is_empty() == sentence.is_empty(),
            "{sentence}: {faults}"
        );
    }
}

#[test]
fn a_description_in_yaml_is_read() {
    let text = "a:\n  # no\n  'b/{c}':\n    - $ref: '#/x'\n    - name: y\n      in: path\n    - plain\n  t: >-\n    one\n    two\ns:\n- k: []\nn: 3\n";
    let read = yaml::read(text);
    let expected = json!({
        "a": { "b/{c}": [{ "$ref": "#/x" }, { "name": "y", "in": "path" }, "plain"], "t": "one two" },
        "s": [{ "k": [] }],
        "n": 3,
    });
    assert_eq!(read, expected);
}
