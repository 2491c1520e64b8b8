//! What a request's headers say of its call, on every route.

use mosaic::catalogue::OPERATIONS;
use mosaic_actors::call::{Performance, Priority};

use crate::refused;
use crate::support::fake::FakeCalls;
use crate::support::operations::{request, sample};
use crate::support::{KEY, Server};

const PATH: &str = "/v1/git/repos/acme/api";

#[tokio::test]
async fn every_operation_takes_what_is_said_of_its_call() {
    let server = Server::start(FakeCalls::json("{}")).await;
    for entry in OPERATIONS.iter() {
        let sent = request(&server, entry, sample(entry))
            .header("x-mosaic-priority", "low")
            .header("x-mosaic-performance", "high_throughput")
            .header("x-mosaic-labels", "team=web, run=nightly")
            .header("x-mosaic-affinity", "build-7");
        assert_eq!(sent.send().await.expect("an answer").status(), 200, "{}", entry.name());
        let said = server.calls.seen().pop().expect("a call").attributes;
        assert_eq!(said.priority, Priority::Low);
        assert_eq!(said.performance, Some(Performance::HighThroughput));
        let labels: Vec<(&str, &str)> = said.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(labels, [("team", "web"), ("run", "nightly")]);
        assert!(said.affinity.is_some() && said.payload_bytes > 0, "{}", entry.name());
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused_by_its_name_with_the_nearest_word() {
    let server = Server::start(FakeCalls::json("{}")).await;
    let nine: Vec<String> = (0..9).map(|at| format!("n{at}=v")).collect();
    for (header, text, field, told) in [
        ("x-mosaic-priority", "hihg", "priority", "did you mean high?"),
        ("x-mosaic-priority", "", "priority", "low, normal or high"),
        (
            "x-mosaic-performance",
            "low-latency",
            "performance",
            "did you mean low_latency?",
        ),
        (
            "x-mosaic-performance",
            "fast",
            "performance",
            "low_latency, high_throughput or best_effort",
        ),
        ("x-mosaic-labels", "web", "labels", "name=value"),
        ("x-mosaic-labels", "Team=web", "labels", "the name of"),
        ("x-mosaic-labels", &nine.join(","), "labels", "at most 8"),
        ("x-mosaic-affinity", "", "affinity", "1 to 128"),
        ("x-mosaic-affinity", "\u{fc}", "affinity", "printable"),
    ] {
        let sent = server.http.get(server.url(PATH)).bearer_auth(KEY).header(header, text);
        let problem = refused(sent, 400, text).await;
        assert_eq!(problem["code"], "invalid_input");
        assert_eq!(problem["field"], field, "{text}");
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains(told), "{text}: {detail}");
    }
    let twice = server.http.get(server.url(PATH)).bearer_auth(KEY);
    let twice = twice.header("x-mosaic-affinity", "a").header("x-mosaic-affinity", "b");
    assert_eq!(refused(twice, 400, "twice").await["field"], "affinity");
    // They are headers alone: a query's `labels` is a field of some operations.
    let asked = server.http.get(server.url(&format!("{PATH}?priority=low")));
    assert_eq!(
        refused(asked.bearer_auth(KEY), 400, "a query").await["field"],
        "priority"
    );
    assert!(server.calls.seen().is_empty());
}
