//! The vendors' own clients, and others', with another base URL and a key of ours.

use std::process::Command;

use mosaic::sandbox::{Effect, Fault};
use reqwest::Method;

use crate::harness::tools::{drive, node, python};
use crate::place::{KEY, Place};

#[tokio::test(flavor = "multi_thread")]
async fn pygithub_does_through_us_what_it_does_alone() {
    let Some(python) = python() else { return };
    let place = Place::open().await;
    drive(python, "clients/pygithub.py", &place.base("github-a"), KEY).await;
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pygithub_uploads_to_where_a_release_says_and_tries_again() {
    let Some(python) = python() else { return };
    let place = Place::open().await;
    let server = place.sandbox.server("github-a").expect("it is there");
    let once = Fault::new(Effect::Error { status: 502 }).method(&Method::POST).times(1);
    server.faults().add(once).expect("a sound fault");
    drive(python, "proxy/pygithub.py", &place.base(""), KEY).await;
    let seen = place.mirror.last();
    assert!(
        seen.target
            .starts_with("/api/uploads/repos/acme/api/releases/1/assets?"),
        "{seen:?}"
    );
    assert_eq!(seen.body.len(), 1 << 20);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn octokit_does_through_us_what_it_does_alone() {
    let Some(node) = node() else { return };
    let place = Place::open().await;
    drive(node, "clients/octokit.cjs", &place.base("github-a"), KEY).await;
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_gitlab_does_through_us_what_it_does_alone() {
    let Some(python) = python() else { return };
    let place = Place::open().await;
    drive(python, "clients/pygitlab.py", &place.base("gitlab-a"), KEY).await;
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openais_own_clients_do_through_us_what_they_do_alone() {
    for (command, script) in [(python(), "proxy/openai_sdk.py"), (node(), "proxy/openai_sdk.cjs")] {
        vendors_own(command, script, "openai-a", "/v1/chat/completions").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn anthropics_own_clients_do_through_us_what_they_do_alone() {
    for (command, script) in [
        (python(), "proxy/anthropic_sdk.py"),
        (node(), "proxy/anthropic_sdk.cjs"),
    ] {
        vendors_own(command, script, "anthropic-a", "/v1/messages").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notions_own_client_does_through_us_what_it_does_alone() {
    let Some(node) = node() else { return };
    let place = Place::open().await;
    let server = place.sandbox.server("notion-a").expect("it is there");
    let once = Fault::new(Effect::Error { status: 500 }).method(&Method::GET).times(1);
    server.faults().add(once).expect("a sound fault");
    drive(node, "proxy/notion_sdk.cjs", &place.base(""), KEY).await;
    place.close().await;
}

/// Runs a script whose first question to the model fails once, and which uploads a file to the mirror.
async fn vendors_own(command: Option<Command>, script: &str, instance: &str, route: &str) {
    let Some(command) = command else { return };
    let place = Place::open().await;
    let server = place.sandbox.server(instance).expect("it is there");
    let once = Fault::new(Effect::Error { status: 500 }).method(&Method::POST).times(1);
    server.faults().add(once).expect("a sound fault");
    drive(command, script, &place.base(""), KEY).await;
    let asked = server.requests().arrived(&Method::POST, route);
    assert!(asked >= 3, "it tried again: {asked}");
    let uploads = place.mirror.seen().into_iter().filter(|seen| seen.method == "POST");
    assert!(uploads.count() == 1, "it uploaded a file");
    place.close().await;
}
