//! What Gitea's driver can be given to be let in by its stand-in, and what a token's scopes keep it from.
//!
//! Invariant: of a pair that is renewed no refresh token is used twice, or the stand-in would refuse it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use mosaic::providers::KINDS;
use mosaic::providers::http::credential::{Claim, Given, Grant, Keep};
use mosaic::providers::http::http_client;
use mosaic_actors::error::{Failure, Kind};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::through_gitea::{Gitea, REPO};
use crate::upstream::{ask, call, driver};

/// Requests that the stand-in takes for one access token.
const USES: u64 = 100;

/// A place for the pair, in memory.
#[derive(Default)]
struct Place(Mutex<Option<SecretString>>);

impl Keep for Place {
    fn load(&self) -> BoxFuture<'_, Result<Option<SecretString>, Failure>> {
        ready(Ok(self.0.lock().expect("no panic while held").clone())).boxed()
    }

    fn save(&self, kept: SecretString) -> BoxFuture<'_, Result<(), Failure>> {
        *self.0.lock().expect("no panic while held") = Some(kept);
        ready(Ok(())).boxed()
    }

    fn claim(&self, _lease: Duration) -> BoxFuture<'_, Result<Option<Claim>, Failure>> {
        ready(Ok(Some(Claim(1)))).boxed()
    }

    fn release(&self, _claim: Claim) -> BoxFuture<'_, Result<(), Failure>> {
        ready(Ok(())).boxed()
    }
}

fn own() -> Value {
    json!({"repo": REPO})
}

#[tokio::test]
async fn it_is_let_in_by_each_kind_of_credential() {
    let gitea = Gitea::with_work().await;
    let secret = || SecretString::from("sandbox-one");
    let user = || "sandbox-user".to_owned();
    for given in [
        Given::Token(secret()),
        Given::Bearer(secret()),
        Given::UserToken {
            user: user(),
            token: secret(),
        },
        Given::Password {
            user: user(),
            password: secret(),
        },
    ] {
        let connection = gitea.with_credential(given);
        let repo = ask("gitea", &connection, "git.repo.get", own()).await;
        assert_eq!(repo.expect("it is private, and shown")["path"], REPO);
    }
    let wrong = gitea.with_credential(Given::Bearer(SecretString::from("wrong")));
    let failure = ask("gitea", &wrong, "git.repo.get", own()).await.expect_err("refused");
    assert_eq!(failure.kind, Kind::UpstreamAuth);
}

#[tokio::test]
async fn a_pair_is_renewed_each_time_that_its_access_token_ends() {
    let gitea = Gitea::with_work().await;
    let grant = Grant {
        client_id: "sandbox".to_owned(),
        client_secret: Some(SecretString::from("sandbox-one")),
        refresh_token: SecretString::from("sandbox-one.refresh"),
        access_token: None,
        redirect_uri: None,
        keep: Some(Arc::new(Place::default())),
    };
    let mut connection = gitea.with_credential(Given::OAuth(grant));
    connection.clock = crate::hurried();
    let driver = driver("gitea", &connection).expect("connected");
    let before = gitea.server().requests().total;
    while gitea.server().requests().total - before < 2 * USES + USES / 2 {
        let call = call("git.repo.get", own(), false).expect("a sound input");
        driver
            .clone()
            .call(Arc::new(call))
            .await
            .expect("it is renewed in time");
    }
    let renewed = gitea
        .server()
        .requests()
        .arrived(&Method::POST, "/login/oauth/access_token");
    assert_eq!(renewed, 3, "the first time to have one at all");
}

#[tokio::test]
async fn a_token_without_the_scope_is_forbidden_and_told_so() {
    let gitea = Gitea::with_work().await;
    let made = http_client()
        .expect("a client")
        .post(format!("{}/users/sandbox-user/tokens", gitea.server().base_url()))
        .basic_auth("sandbox-user", Some("sandbox-one"))
        .json(&json!({"name": "reader", "scopes": ["read:repository"]}))
        .send();
    let made: Value = made.await.expect("an answer").json().await.expect("JSON");
    let token = SecretString::from(made["sha1"].as_str().expect("a token"));
    let reader = gitea.with_credential(Given::Token(token));
    ask("gitea", &reader, "git.branch.list", own())
        .await
        .expect("it may read");
    for (operation, input) in [
        ("git.branch.create", json!({"repo": REPO, "branch": "x"})),
        ("git.repo.create", json!({"name": "another"})),
        ("projects.issue.list", json!({"project": REPO})),
    ] {
        let failure = ask("gitea", &reader, operation, input).await.expect_err(operation);
        assert_eq!(failure.kind, Kind::Forbidden, "{operation}");
    }
    let kind = KINDS.iter().find(|kind| kind.name == "gitea").expect("a kind");
    let standing = (kind.standing)(&reader).await.expect("it is asked");
    assert_eq!(standing.scopes, Some(vec!["read:repository".to_owned()]));
    assert!(standing.cannot.contains(&"projects.issue.list"));
}
