//! Who GitLab lets in, for what, how often, and how tokens are renewed.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::{Rig, header, number};

async fn rig() -> Rig {
    Rig::one("gitlab", |_| {}).await
}

async fn shown(rig: &Rig, method: Method, path: &str, name: &str, value: &str) -> Response {
    rig.bare("one", method, path)
        .header(name, value)
        .json(&json!({}))
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn each_kind_of_token_opens_what_it_may() {
    let rig = rig().await;
    let branches = "/projects/acme%2Fapi/repository/branches";
    let releases = "/projects/acme%2Fapi/releases";
    for (method, path, name, value, status) in [
        (Method::GET, "/user", "private-token", "sandbox-one", 200),
        (Method::GET, "/user", "authorization", "Bearer sandbox-one", 200),
        (Method::GET, "/user", "authorization", "Bearer sandbox-one.read", 200),
        (Method::POST, branches, "private-token", "sandbox-one.read", 403),
        (Method::GET, "/user", "private-token", "another", 401),
        (Method::GET, "/user", "job-token", "sandbox-one.job", 401),
        (Method::GET, branches, "job-token", "sandbox-one.job", 200),
        (Method::POST, branches, "job-token", "sandbox-one.job", 401),
        (Method::POST, releases, "job-token", "sandbox-one.job", 400),
        (Method::GET, releases, "job-token", "sandbox-one", 401),
        (Method::GET, "/version", "x-none", "", 401),
        (Method::GET, "/projects", "x-none", "", 200),
        (Method::POST, branches, "x-none", "", 401),
    ] {
        let response = shown(&rig, method.clone(), path, name, value).await;
        assert_eq!(response.status(), status, "{method} {path} {name}");
    }
    assert_eq!(rig.server("one").created(), 0);
}

#[tokio::test]
async fn a_token_that_is_not_enough_is_told_why() {
    let rig = rig().await;
    let get = |token: &'static str| shown(&rig, Method::GET, "/user", "private-token", token);
    for (token, words) in [
        (
            "sandbox-one.expired",
            "Token is expired. You can either do re-authorization or token refresh.",
        ),
        (
            "sandbox-one.revoked",
            "Token was revoked. You have to re-authorize from the user.",
        ),
    ] {
        let response = get(token).await;
        assert!(header(&response, "www-authenticate").unwrap().contains("invalid_token"));
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer, json!({ "error": "invalid_token", "error_description": words }));
    }
    let answer: Value = get("x").await.json().await.unwrap();
    assert_eq!(answer, json!({ "message": "401 Unauthorized" }));
    let response = shown(&rig, Method::POST, "/groups", "private-token", "sandbox-one.read").await;
    let answer: Value = response.json().await.unwrap();
    assert_eq!(
        (&answer["error"], &answer["scope"]),
        (&json!("insufficient_scope"), &json!("api"))
    );
    let response = shown(
        &rig,
        Method::GET,
        "/personal_access_tokens/self",
        "private-token",
        "sandbox-one.read",
    )
    .await;
    assert_eq!(response.json::<Value>().await.unwrap()["scopes"], json!(["read_api"]));
}

#[tokio::test]
async fn a_private_project_is_hidden_from_strangers() {
    let rig = rig().await;
    let made = rig.post("one", "/projects", &json!({ "name": "hidden" })).await;
    assert_eq!(made.json::<Value>().await.unwrap()["visibility"], "private");
    let path = "/projects/sandbox-user%2Fhidden";
    assert_eq!(rig.get("one", path).await.status(), 200);
    let response = rig.bare("one", Method::GET, path).send().await.unwrap();
    assert_eq!(
        response.json::<Value>().await.unwrap()["message"],
        "404 Project Not Found"
    );
}

/// A renewal with these fields.
async fn renew(rig: &Rig, refresh: &str, more: &[(&str, &str)]) -> Response {
    let mut fields = vec![
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh),
        ("client_id", "sandbox-app"),
    ];
    fields.extend(more);
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let request = rig.client.post(format!("{}/oauth/token", rig.server("one").origin()));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body(body).send().await.unwrap()
}

#[tokio::test]
async fn a_pair_is_renewed_once_and_ends_by_its_use() {
    let rig = rig().await;
    let secret = [("client_secret", "sandbox-one")];
    for (refresh, more, status, error) in [
        (
            "sandbox-one.refresh",
            [("client_secret", "wrong")],
            401,
            "invalid_client",
        ),
        ("sandbox-one", secret, 400, "invalid_grant"),
        (
            "sandbox-one.refresh",
            [("grant_type", "password")],
            400,
            "unsupported_grant_type",
        ),
    ] {
        let response = renew(&rig, refresh, &more).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.json::<Value>().await.unwrap()["error"], error);
    }
    let first: Value = renew(&rig, "sandbox-one.refresh", &secret).await.json().await.unwrap();
    assert_eq!(
        (&first["token_type"], &first["expires_in"]),
        (&json!("Bearer"), &json!(7_200))
    );
    assert_eq!(
        renew(&rig, "sandbox-one.refresh", &secret).await.status(),
        400,
        "it is used"
    );
    let access = format!("Bearer {}", first["access_token"].as_str().unwrap());
    let mut statuses = Vec::new();
    for _ in 0..=100 {
        let response = rig.bare("one", Method::GET, "/user").header("authorization", &access);
        statuses.push(response.send().await.unwrap().status().as_u16());
    }
    assert_eq!(
        (statuses.iter().filter(|status| **status == 200).count(), statuses[100]),
        (100, 401)
    );
    let second: Value = renew(&rig, first["refresh_token"].as_str().unwrap(), &secret)
        .await
        .json()
        .await
        .unwrap();
    let info = |token: &str| {
        let request = rig
            .client
            .get(format!("{}/oauth/token/info", rig.server("one").origin()));
        request.header("authorization", format!("Bearer {token}")).send()
    };
    let told = info(second["access_token"].as_str().unwrap()).await.unwrap();
    assert_eq!(told.json::<Value>().await.unwrap()["scope"], json!(["api"]));
    assert_eq!(info("none").await.unwrap().status(), 401);
}

#[tokio::test]
async fn the_throttle_tells_how_much_is_left_and_refuses_in_plain_text() {
    let rig = Rig::one("gitlab", |server| server.requests_per_window = Some(2)).await;
    let first = rig.get("one", "/user").await;
    assert_eq!(
        (number(&first, "ratelimit-limit"), number(&first, "ratelimit-remaining")),
        (2, 1)
    );
    assert_eq!(
        (number(&first, "ratelimit-observed"), header(&first, "ratelimit-name")),
        (1, Some("throttle_authenticated_api"))
    );
    // One that is not answered anew costs as much as any other.
    let tag = header(&first, "etag").unwrap().to_owned();
    assert!(tag.starts_with("W/"));
    let same = rig
        .request("one", Method::GET, "/user")
        .header("if-none-match", tag)
        .send()
        .await
        .unwrap();
    assert_eq!((same.status().as_u16(), number(&same, "ratelimit-remaining")), (304, 0));
    let spent = rig.get("one", "/user").await;
    assert_eq!(spent.status(), 429);
    assert!(number(&spent, "retry-after") <= 60 && header(&spent, "ratelimit-resettime").unwrap().ends_with("GMT"));
    assert!(header(&spent, "content-type").unwrap().starts_with("text/plain"));
    assert_eq!(spent.text().await.unwrap(), "Retry later\n");
}
