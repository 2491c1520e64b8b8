//! What is looked for behind a refusal, at a server that answers that no more.
//!
//! Invariant: a refusal that is known stays known, however long what would explain it takes.

use std::future::pending;

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use http::{Method, StatusCode};
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::upstream::{ask, connection};

/// A server that refuses every change with `status`, and never answers a question.
async fn mute_but_refusing(status: StatusCode) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(move |request: Request| async move {
        match *request.method() {
            Method::GET => pending().await,
            _ => (status, "{}").into_response(),
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.expect("the server runs") });
    url
}

async fn refused(kind: &str, operation: &str, status: u16, input: Value) -> Failure {
    let status = StatusCode::from_u16(status).expect("a status");
    let connection = connection(&mute_but_refusing(status).await);
    let asked = ask(kind, &connection, operation, input).await;
    asked.expect_err(kind)
}

#[tokio::test]
async fn a_refusal_stands_though_what_would_explain_it_is_never_told() {
    let branch = json!({"repo": "acme/api", "branch": "main"});
    let file = json!({"repo": "acme/api", "path": "a", "content": "b", "branch": "main", "if_match": "0123456789"});
    let run = json!({"project": "acme/api", "pipeline": "ci.yml", "branch": "main"});
    let cases = [
        ("gitlab", "git.branch.delete", 403, branch.clone(), Kind::Forbidden),
        ("gitea", "git.branch.delete", 403, branch.clone(), Kind::Forbidden),
        ("gitea", "git.branch.delete", 404, branch, Kind::NotFound),
        ("gitea", "git.file.put", 403, file, Kind::Forbidden),
        ("github", "cicd.run.trigger", 404, run, Kind::NotFound),
    ];
    let asked = cases.map(|(kind, operation, status, input, meant)| async move {
        let failure = refused(kind, operation, status, input).await;
        assert_eq!(
            (failure.kind, failure.in_doubt),
            (meant, false),
            "{kind} {operation} {failure}"
        );
    });
    futures_util::future::join_all(asked).await;
}
