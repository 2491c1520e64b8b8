//! GitHub's sandbox to apps, and in the later version of its API.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use reqwest::{Method, RequestBuilder};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs1KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::contract::{Spec, assert_conforms};
use crate::{Rig, header};

const SERVER: &str = "github-a";

/// The app's signed word, for so long from now.
fn word(life_s: i64) -> String {
    let key = include_str!("../../config/sandbox-app.pem");
    let key = PrivatePkcs1KeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let key = RsaKeyPair::from_der(key.secret_pkcs1_der()).unwrap();
    let now = Timestamp::now().as_second();
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({ "alg": "RS256", "typ": "JWT" }));
    let claims = part(json!({ "iat": now - 60, "exp": now + life_s, "iss": "1" }));
    let mut signature = vec![0; key.public().modulus_len()];
    let text = format!("{head}.{claims}");
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn with(rig: &Rig, method: Method, path: &str, token: &str) -> RequestBuilder {
    let request = rig.bare(SERVER, method, path).header("user-agent", "sandbox-test");
    request.bearer_auth(token)
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

/// A token of the installation of this account.
async fn token(rig: &Rig, account: &str, body: Value) -> String {
    let (status, installation) = answer(with(
        rig,
        Method::GET,
        &format!("/orgs/{account}/installation"),
        &word(540),
    ))
    .await;
    assert_eq!(status, 200);
    let path = format!("/app/installations/{}/access_tokens", installation["id"]);
    let (status, token) = answer(with(rig, Method::POST, &path, &word(540)).json(&body)).await;
    assert_eq!(status, 201);
    token["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_an_app_is_answered_meets_its_description() {
    let Some(spec) = Spec::load("github-api.github.com.openapi.json") else {
        return;
    };
    let rig = Rig::start().await;
    let (_, of_org) = answer(with(&rig, Method::GET, "/orgs/acme/installation", &word(540))).await;
    let tokens = format!("/app/installations/{}/access_tokens", of_org["id"]);
    let narrow = json!({ "repositories": ["api"], "permissions": { "contents": "read" } });
    let token = token(&rig, "acme", json!({})).await;
    for (method, path, operation, bearer, body) in [
        (Method::GET, "/app", "/app", word(540), json!(null)),
        (
            Method::GET,
            "/app/installations",
            "/app/installations",
            word(540),
            json!(null),
        ),
        (
            Method::GET,
            "/repos/acme/api/installation",
            "/repos/{owner}/{repo}/installation",
            word(540),
            json!(null),
        ),
        (
            Method::GET,
            "/orgs/acme/installation",
            "/orgs/{org}/installation",
            word(540),
            json!(null),
        ),
        (
            Method::GET,
            "/users/sandbox-user/installation",
            "/users/{username}/installation",
            word(540),
            json!(null),
        ),
        (
            Method::POST,
            &*tokens,
            "/app/installations/{installation_id}/access_tokens",
            word(540),
            narrow,
        ),
        (
            Method::GET,
            "/installation/repositories",
            "/installation/repositories",
            token,
            json!(null),
        ),
    ] {
        let (status, given) = answer(with(&rig, method.clone(), path, &bearer).json(&body)).await;
        let schema = spec.answer(method.as_str(), operation, status, "application/json");
        // Of an account in a list the description asks that it be a user and an enterprise at once.
        let list = json!({ "type": "array", "items": { "$ref": "#/components/schemas/installation" } });
        let schema = if path == "/app/installations" {
            Some(&list)
        } else {
            schema
        };
        assert_conforms(&spec.validator(schema.expect("a known status")), &given, path);
    }
}

#[tokio::test]
async fn only_the_app_s_own_word_opens_what_is_the_app_s() {
    let rig = Rig::start().await;
    for (path, token, status) in [
        ("/app", "sandbox-github-a".to_owned(), 401),
        ("/app", word(540), 200),
        ("/app", word(-3_600), 401),
        ("/app", word(7_200), 401),
        ("/app", format!("{}A", word(540)), 401),
        ("/orgs/many/installation", word(540), 404),
        ("/repos/many/repo-001/installation", word(540), 404),
        ("/repos/acme/api", word(540), 401),
        ("/installation/repositories", "sandbox-github-a".to_owned(), 403),
    ] {
        let (given, body) = answer(with(&rig, Method::GET, path, &token)).await;
        assert_eq!(given, status, "{path}: {body}");
    }
    let anonymous = rig
        .bare(SERVER, Method::GET, "/app")
        .header("user-agent", "x")
        .send()
        .await
        .unwrap();
    assert_eq!(anonymous.status(), 401);
}

#[tokio::test]
async fn a_token_opens_what_its_installation_covers_and_dies_of_its_uses() {
    let rig = Rig::start().await;
    let all = token(&rig, "acme", json!({})).await;
    let one = token(&rig, "acme", json!({ "repositories": ["api"] })).await;
    let issue = json!({ "title": "By an app" });
    let uses = [
        (&all, Method::POST, "/repos/acme/api/issues", 201),
        (&all, Method::POST, "/repos/acme/web/issues", 201),
        (&all, Method::POST, "/repos/many/repo-001/issues", 403),
        (&all, Method::GET, "/repos/many/repo-001", 200),
        (
            &all,
            Method::GET,
            "/repos/many/repo-001/actions/secrets/public-key",
            403,
        ),
        (&all, Method::GET, "/repos/acme/api/actions/secrets/public-key", 200),
        (&all, Method::GET, "/user", 403),
        (&one, Method::POST, "/repos/acme/api/issues", 201),
        (&one, Method::POST, "/repos/acme/web/issues", 403),
    ];
    for (token, method, path, status) in &uses {
        let (given, body) = answer(with(&rig, method.clone(), path, token).json(&issue)).await;
        assert_eq!(given, *status, "{method} {path}: {body}");
    }
    let (_, covered) = answer(with(&rig, Method::GET, "/installation/repositories", &one)).await;
    assert_eq!(
        (&covered["total_count"], &covered["repository_selection"]),
        (&json!(1), &json!("selected"))
    );
    // Each has fifty uses, whatever became of them.
    let spent = uses.iter().filter(|(token, ..)| **token == all).count();
    for _ in spent..50 {
        assert_eq!(answer(with(&rig, Method::GET, "/repos/acme/api", &all)).await.0, 200);
    }
    let (status, body) = answer(with(&rig, Method::GET, "/repos/acme/api", &all)).await;
    assert_eq!((status, &body["message"]), (401, &json!("Bad credentials")));
    let fresh = token(&rig, "acme", json!({})).await;
    assert_eq!(answer(with(&rig, Method::GET, "/repos/acme/api", &fresh)).await.0, 200);
    let wrong = json!({ "repositories": ["none"] });
    let (_, installation) = answer(with(&rig, Method::GET, "/orgs/acme/installation", &word(540))).await;
    let path = format!("/app/installations/{}/access_tokens", installation["id"]);
    assert_eq!(
        answer(with(&rig, Method::POST, &path, &word(540)).json(&wrong)).await.0,
        422
    );
}

#[tokio::test]
async fn the_later_version_leaves_out_what_it_dropped_and_always_tells_of_a_run() {
    let rig = Rig::start().await;
    let ask = |method, path: &str, version: &str| {
        let request = rig.request(SERVER, method, path);
        request.header("x-github-api-version", version)
    };
    let dropped = [
        ("/repos/acme/api/issues/1", "assignee"),
        ("/repos/acme/api/pulls/3", "merge_commit_sha"),
        ("/repos/acme/api", "has_downloads"),
        ("/rate_limit", "rate"),
    ];
    for (path, field) in dropped {
        for (version, there) in [("2022-11-28", true), ("2026-03-10", false)] {
            let response = ask(Method::GET, path, version).send().await.unwrap();
            assert_eq!(header(&response, "x-github-api-version-selected"), Some(version));
            let body: Value = response.json().await.unwrap();
            assert_eq!(body.get(field).is_some(), there, "{path} in {version}");
        }
    }
    let path = "/repos/acme/api/actions/workflows/ci.yml/dispatches";
    for (version, status) in [("2022-11-28", 204), ("2026-03-10", 200)] {
        let request = ask(Method::POST, path, version).json(&json!({ "ref": "main" }));
        assert_eq!(request.send().await.unwrap().status(), status, "{version}");
    }
}
