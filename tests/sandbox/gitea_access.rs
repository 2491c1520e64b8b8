//! Gitea's tokens: how they are sent, what each opens, and how those of OAuth are renewed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Rig, header};

const TOKENS: &str = "/users/sandbox-user/tokens";

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

async fn send(rig: &Rig, method: Method, path: &str, authorization: &str, body: Option<&Value>) -> (u16, Value) {
    let request = rig.bare("gitea-a", method, path).header("authorization", authorization);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&text).unwrap_or_default())
}

async fn token(rig: &Rig, scopes: &[&str]) -> String {
    let body = json!({ "name": scopes.join(" "), "scopes": scopes });
    let password = basic("sandbox-user", "sandbox-gitea-a");
    let (status, made) = send(rig, Method::POST, TOKENS, &password, Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    format!("token {}", made["sha1"].as_str().unwrap())
}

#[tokio::test]
async fn a_token_is_sent_in_many_ways_and_a_wrong_one_in_none() {
    let rig = Rig::start().await;
    for (authorization, status) in [
        (basic("sandbox-user", "sandbox-gitea-a"), 200),
        (basic("sandbox-gitea-a", ""), 200),
        (basic("sandbox-gitea-a", "x-oauth-basic"), 200),
        (basic("sandbox-user", "wrong"), 401),
        ("Digest x".to_owned(), 401),
    ] {
        assert_eq!(
            send(&rig, Method::GET, "/user", &authorization, None).await.0,
            status,
            "{authorization}"
        );
    }
    // A scheme that is not known is passed over, a wrong token never.
    assert_eq!(
        send(&rig, Method::GET, "/repos/acme/api", "Digest x", None).await.0,
        200
    );
    assert_eq!(
        send(&rig, Method::GET, "/repos/acme/api", &basic("x", "wrong"), None)
            .await
            .0,
        401
    );
    for name in ["token", "access_token"] {
        let query = rig.bare("gitea-a", Method::GET, &format!("/user?{name}=sandbox-gitea-a"));
        let response = query.send().await.unwrap();
        assert_eq!(response.status(), 200, "{name}");
        assert!(header(&response, "x-gitea-warning").is_some_and(|text| text.contains("deprecated")));
        let wrong = rig.bare("gitea-a", Method::GET, &format!("/version?{name}=wrong"));
        assert_eq!(wrong.send().await.unwrap().status(), 401, "{name}");
    }
}

#[tokio::test]
async fn gt30_what_a_scope_does_not_open_is_refused_by_its_name() {
    let rig = Rig::start().await;
    let reader = token(&rig, &["read:repository"]).await;
    let ask = async |method, path: &str| {
        let (status, answer) = send(&rig, method, path, &reader, Some(&json!({ "name": "x" }))).await;
        (status, answer["message"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(ask(Method::GET, "/repos/acme/api").await.0, 200);
    assert_eq!(ask(Method::GET, "/version").await.0, 200);
    for (method, path, scope) in [
        (Method::POST, "/repos/acme/api/branches", "write:repository"),
        (Method::GET, "/repos/acme/api/issues", "read:issue"),
        (Method::GET, "/user", "read:user"),
        (Method::POST, "/user/repos", "write:user"),
        (Method::GET, "/orgs/acme/repos", "read:organization"),
    ] {
        let (status, message) = ask(method.clone(), path).await;
        assert_eq!(status, 403, "{method} {path}");
        assert!(
            message.contains(&format!("required=[{scope}], token scope=read:repository")),
            "{message}"
        );
    }
    let user = token(&rig, &["write:user"]).await;
    let (status, answer) = send(&rig, Method::POST, "/user/repos", &user, Some(&json!({ "name": "x" }))).await;
    assert!(
        status == 403 && answer["message"].as_str().unwrap().contains("[write:repository]"),
        "{answer}"
    );
    let both = token(&rig, &["write:user", "write:repository"]).await;
    let (status, _) = send(
        &rig,
        Method::POST,
        "/user/repos",
        &both,
        Some(&json!({ "name": "x", "private": true })),
    )
    .await;
    assert_eq!(status, 201);
    let public = token(&rig, &["public-only", "read:repository"]).await;
    assert_eq!(
        send(&rig, Method::GET, "/repos/sandbox-user/x", &public, None).await.0,
        404
    );
    assert_eq!(
        send(&rig, Method::GET, "/repos/sandbox-user/x", &reader, None).await.0,
        200
    );
    assert_eq!(
        rig.bare("gitea-a", Method::GET, "/repos/sandbox-user/x")
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
}

#[tokio::test]
async fn tokens_are_made_by_password_shown_once_and_ended() {
    let rig = Rig::start().await;
    let password = basic("sandbox-user", "sandbox-gitea-a");
    let made = token(&rig, &["read:user"]).await;
    assert_eq!(send(&rig, Method::GET, "/user", &made, None).await.0, 200);
    let body = |name: &str, scopes: &[&str]| json!({ "name": name, "scopes": scopes });
    for (body, status) in [
        (body("read:user", &["read:user"]), 400),
        (body("x", &[]), 400),
        (body("x", &["read:nothing"]), 400),
        (json!({ "scopes": ["read:user"] }), 422),
    ] {
        assert_eq!(
            send(&rig, Method::POST, TOKENS, &password, Some(&body)).await.0,
            status,
            "{body}"
        );
    }
    let more = body("x", &["read:user"]);
    assert_eq!(
        send(&rig, Method::POST, TOKENS, "token sandbox-gitea-a", Some(&more))
            .await
            .0,
        401
    );
    assert_eq!(
        send(
            &rig,
            Method::POST,
            "/users/sandbox-guest/tokens",
            &password,
            Some(&more)
        )
        .await
        .0,
        403
    );
    let (_, list) = send(&rig, Method::GET, TOKENS, &password, None).await;
    assert_eq!((&list[0]["name"], &list[0]["sha1"]), (&json!("read:user"), &json!("")));
    let one = format!("{TOKENS}/{}", list[0]["id"]);
    assert_eq!(send(&rig, Method::DELETE, &one, &password, None).await.0, 204);
    assert_eq!(send(&rig, Method::DELETE, &one, &password, None).await.0, 404);
    assert_eq!(send(&rig, Method::GET, "/user", &made, None).await.0, 401);
}

#[tokio::test]
async fn a_pair_of_oauth_is_renewed_once_with_each_refresh_token() {
    let rig = Rig::start().await;
    let origin = rig.server("gitea-a").origin().to_owned();
    let renew = async |secret: &str, refresh: &str| {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "refresh_token")
            .append_pair("client_id", "sandbox")
            .append_pair("client_secret", secret)
            .append_pair("refresh_token", refresh)
            .finish();
        let request = rig.client.post(format!("{origin}/login/oauth/access_token"));
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let token = "sandbox-gitea-a";
    let (status, pair) = renew(token, "sandbox-gitea-a.refresh").await;
    assert_eq!(
        (status, &pair["token_type"], &pair["expires_in"]),
        (200, &json!("bearer"), &json!(3_600))
    );
    let (access, refresh) = (
        pair["access_token"].as_str().unwrap(),
        pair["refresh_token"].as_str().unwrap(),
    );
    for (secret, refresh, error) in [
        (token, "sandbox-gitea-a.refresh", "unauthorized_client"),
        (token, "unknown", "unauthorized_client"),
        ("wrong", refresh, "invalid_client"),
    ] {
        let (status, answer) = renew(secret, refresh).await;
        assert_eq!((status, &answer["error"]), (400, &json!(error)), "{answer}");
        assert!(answer["error_description"].is_string());
    }
    let bearer = format!("Bearer {access}");
    let mut opened = 0;
    while send(&rig, Method::GET, "/version", &bearer, None).await.0 == 200 {
        opened += 1;
        assert!(opened <= 100, "it does not end");
    }
    assert_eq!(opened, 100, "requests stand for its hour");
    let (status, next) = renew(token, refresh).await;
    assert_eq!(status, 200);
    let bearer = format!("Bearer {}", next["access_token"].as_str().unwrap());
    assert_eq!(send(&rig, Method::GET, "/user", &bearer, None).await.0, 200);
}
