//! The GitHub driver through the whole program against Prism, a mock server that checks every request against GitHub's
//! own description and answers with GitHub's own examples; every request of the golden cells of GitHub's Actions, of
//! Gitea, of Jenkins and of Woodpecker against theirs; and the vendors' own clients through the pass-through.
//!
//! Invariant: what Prism refuses is a fault, or is excused by name, and an excuse that nothing needs is one too.

mod cases;
mod compare;
#[path = "../harness/mod.rs"]
mod harness;
mod passed;
mod replay;
mod servers;
#[path = "../upstream/mod.rs"]
mod upstream;

use std::path::Path;

use cases::{Case, cases};
use harness::Gateway;
use harness::http::Client;
use harness::tools::tool;
use mosaic::providers::KINDS;
use serde_json::{Value, json};
use servers::{Prism, Recorded, Recorder};
use upstream::{jenkins, specs};

/// The first example that the description has for an answer: the one that Prism serves; null for one without a body.
fn example<'d>(description: &'d Value, method: &str, path: &str, status: &str) -> &'d Value {
    let answer = &description["paths"][path][method]["responses"][status]["content"]["application/json"]["examples"];
    if answer.is_null() {
        return answer;
    }
    let first = answer
        .as_object()
        .and_then(|examples| examples.values().next())
        .expect("an example");
    let reference = first["$ref"].as_str().expect("a reference");
    &description
        .pointer(reference.trim_start_matches('#'))
        .expect("the reference leads somewhere")["value"]
}

/// A page's rows with the examples' rows, or the one with the one.
fn compare(case: &Case, ours: &Value, theirs: &Value) {
    let Some(rows) = theirs.as_array() else {
        return (case.compare)(ours, theirs);
    };
    let items = ours["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{}: {ours}", case.line));
    assert_eq!(items.len(), rows.len(), "{}", case.line);
    items
        .iter()
        .zip(rows)
        .for_each(|(ours, theirs)| (case.compare)(ours, theirs));
}

/// GitHub's description has no form of an answer for a file's bytes, and Prism takes a reference for one part of a path; the
/// examples of boards are one thing where a list is meant, that of a search is a pull request, and those of people and labels
/// are others than were asked for. What is uploaded becomes the request that `git.file.put` makes.
const NOT_DESCRIBED: &[&str] = &[
    "git.branch.delete",
    "git.file.download",
    "git.file.upload",
    "projects.board.add_item",
    "projects.board.items",
    "projects.board.list",
    "projects.board.update_item",
    "projects.issue.assign",
    "projects.issue.search",
    "projects.label.set",
];

/// The table has a row for each operation that the kind can do at its forge; the requests to its Actions are those of the
/// golden cells.
fn every_operation_is_called() {
    let github = KINDS.iter().find(|kind| kind.name == "github").expect("the kind");
    let forge = (github.operations)()
        .into_iter()
        .filter(|name| !name.starts_with("cicd."));
    for name in forge {
        let line = format!("{} ", name.replace('.', " "));
        let is_called = cases().iter().any(|case| case.line.starts_with(&line));
        assert_ne!(is_called, NOT_DESCRIBED.contains(&name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_as_github_describes_it() {
    let (Some(binary), Some(file)) = (tool("MOSAIC_PRISM"), tool("MOSAIC_GITHUB_SPEC")) else {
        return;
    };
    let description: Value = serde_json::from_slice(&std::fs::read(&file).expect("the description")).expect("JSON");
    let prism = Prism::start(&binary, &file).await;
    let recorder = Recorder::default();
    let origin = recorder.serve(prism.origin.clone()).await;
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n\
         [cache.l1]\nenabled = false\n[providers.prism]\nkind = \"github\"\nbase_url = \"{origin}\"\ntoken = \"env:TOKEN\"\nhealth_check = false\n"
    );
    let gateway = Gateway::serve(&config, vec![("TOKEN".to_owned(), "a-token-of-the-test".to_owned())]).await;

    for case in cases() {
        let (method, path, status) = case.example;
        let theirs = example(&description, method, path, status);
        let by_rest = gateway.send(case.method, case.address, case.body.as_ref()).await;
        compare(&case, &by_rest.ok(), theirs);
        let words: Vec<&str> = case.line.split(' ').chain(["--json"]).collect();
        compare(&case, &gateway.cli(&words).json(), theirs);
    }

    // GitHub's example links to its next page at an address of its own. Only the query of it may be used.
    let first = gateway.get("/v1/git/repos?limit=2").await.ok();
    let cursor = first["next_cursor"].as_str().expect("the example has a next page");
    // From there the same example leads back to itself.
    let again = gateway.get(&format!("/v1/git/repos?cursor={cursor}")).await;
    assert!(again.text.contains("leads back to where it has been"), "{again:?}");
    let seen = recorder.seen();
    assert_eq!(
        seen.last().expect("requests").line,
        "GET /user/repos?page=2",
        "asked here, as GitHub's link says"
    );

    let needed: usize = cases().iter().map(|case| case.requests).sum();
    assert_eq!(seen.len(), needed * 2 + 2, "no request too many: {seen:#?}");
    every_operation_is_called();
    for Recorded { line, violations, .. } in &seen {
        // Examples that break GitHub's own schema are GitHub's affair.
        let ours: Vec<&Value> = violations
            .iter()
            .filter(|violation| violation["location"][0] != "response")
            .collect();
        assert!(ours.is_empty(), "{line}: {ours:#?}");
    }
    passed::same_through("github", &recorder, &origin, &["octokit.cjs", "pygithub.py"]).await;
    // A request that is wrong is seen as wrong; else the check above could not fail.
    Client::new()
        .get(&format!("{origin}/repos/octocat/Hello-World/issues?state=sleepy"))
        .await;
    let wrong = recorder.seen().pop().expect("requests");
    let wrong = wrong
        .violations
        .first()
        .unwrap_or_else(|| panic!("Prism found nothing wrong: {wrong:?}"));
    assert_eq!(wrong["location"], json!(["request", "query", "state"]));
    // Its Actions and what cannot be called above, whose answers the golden cells have.
    let of = |name: &str| name.starts_with("cicd.") || NOT_DESCRIBED.contains(&name);
    let faults = replay::faults(&prism.origin, "github", &description, of).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));

    gateway.program.signal("TERM");
    gateway.program.ended().ok();
}

/// The requests of a kind's golden cells, against the vendor's description among the collected ones, as `mended`.
///
/// `wrong` is an address with a query that the description does not allow: what finds nothing wrong would prove nothing.
async fn every_request_is_described(kind: &str, mended: fn(&Path) -> Value, wrong: &str) {
    let (Some(binary), Some(folder)) = (tool("MOSAIC_PRISM"), specs::folder()) else {
        return;
    };
    let description = mended(&folder);
    let scratch = tempfile::tempdir().expect("a folder");
    let file = scratch.path().join("description.json");
    std::fs::write(&file, description.to_string()).expect("written");
    let prism = Prism::start(&binary, &file).await;
    let faults = replay::faults(&prism.origin, kind, &description, |_| true).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let recorder = Recorder::default();
    let origin = recorder.serve(prism.origin.clone()).await;
    // Jenkins knows users.
    let credential = if kind == "jenkins" { "Basic YTpi" } else { "Bearer x" };
    for address in [wrong, "/no/such/address"] {
        let asked = Client::new().0.get(format!("{origin}{address}"));
        asked
            .header("authorization", credential)
            .send()
            .await
            .expect("an answer");
    }
    let [refused, unknown] = &recorder.seen()[..] else {
        panic!("two requests")
    };
    for (judged, part) in [(refused, "UNPROCESSABLE_ENTITY"), (unknown, "NO_PATH_MATCHED_ERROR")] {
        let problem = judged.refusal.as_ref().map(Value::to_string);
        assert!(problem.is_some_and(|problem| problem.contains(part)), "{judged:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_as_gitea_describes_it() {
    let described = |folder: &Path| specs::read(folder, "gitea-1.26.1.swagger.json");
    every_request_is_described("gitea", described, "/repos/acme/api/pulls?state=sleepy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_as_woodpecker_describes_it() {
    let described = |folder: &Path| {
        let mut description = specs::read(folder, "woodpecker.swagger.json");
        // It does not say what form its bodies have, by which it would have none.
        assert!(description.get("consumes").is_none());
        description["consumes"] = json!(["application/json"]);
        description
    };
    every_request_is_described("woodpecker", described, "/repos/1/pipelines?page=first").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_as_jenkins_is_described() {
    every_request_is_described("jenkins", jenkins::description, "/computer/api/json?depth=deep").await;
}
