//! What goes on of a request, and what comes back of its answer.

use reqwest::Method;
use serde_json::json;

use crate::harness::http::send;
use crate::mirror::SECRET;
use crate::place::{KEY, Place};

/// Our credential as it is shown.
fn masked() -> String {
    "*".repeat(SECRET.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_arrives_as_it_was_written_with_our_credential_and_no_other() {
    let place = Place::open().await;
    let target = "/projects/acme%2Fapi/files/a%20b%2B.md?q=a+b&x=%2F&&empty=";
    let request = place.ask(Method::PATCH, "mirror", target).json(&json!({"a": 1}));
    let headers = [
        ("x-own", "1"),
        ("cookie", "session=ours"),
        ("x-api-key", KEY),
        ("x-forwarded-for", "1.2.3.4"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("accept", "application/vnd.github.raw"),
    ];
    assert_eq!(send(request, &headers).await.status, 200);
    let seen = place.mirror.last();
    assert_eq!((&*seen.method, &*seen.target), ("PATCH", &*format!("/api/v3{target}")));
    assert_eq!(seen.body, r#"{"a":1}"#);
    let header = |name: &str| seen.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("authorization"), Some(&*format!("Bearer {SECRET}")));
    assert_eq!(
        (header("x-own"), header("accept")),
        (Some("1"), Some("application/vnd.github.raw"))
    );
    assert_eq!(
        header("host"),
        Some(
            place
                .mirror
                .base
                .trim_start_matches("http://")
                .trim_end_matches("/api/v3")
        )
    );
    assert!(
        header("x-github-api-version").is_some(),
        "what the client leaves out is the endpoint's"
    );
    for name in ["cookie", "x-api-key", "x-forwarded-for", "x-hop"] {
        assert_eq!(header(name), None, "{name}");
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leads_to_the_provider_leads_back_to_us_and_what_is_its_own_stays() {
    let place = Place::open().await;
    let (ours, base) = (place.base("mirror"), place.mirror.base.clone());
    let reply = place.get("mirror", "/links").await;
    assert_eq!(
        reply.header("link"),
        format!("<{ours}/things?page=2>; rel=\"next\", <{ours}/things?page=9>; rel=\"last\"")
    );
    assert_eq!(
        (reply.header("location"), reply.header("x-next")),
        (&*format!("{ours}/things/1"), &*format!("{ours}/next"))
    );
    assert_eq!((reply.header("etag"), reply.provider()), ("\"one\"", "mirror"));
    assert_eq!(reply.header("cache-control"), "private, no-cache");
    for name in [
        "set-cookie",
        "strict-transport-security",
        "access-control-allow-origin",
        "x-echo",
    ] {
        assert_eq!(reply.header(name), "", "{name}");
    }
    let said = reply.ok();
    let host = base.trim_end_matches("/api/v3");
    let expected = json!({
        "url": format!("{ours}/x"), "escaped": format!("{ours}/y"), "web": format!("{host}/x"),
        "other": "https://example.org/api/v3", "upload_url": format!("{ours}/_uploads/x{{?name}}"), "secret": format!("Bearer {}", masked()),
    });
    assert_eq!(said, expected);

    // In pieces.
    let rows = place.get("mirror", "/rows").await;
    assert_eq!(rows.text.matches(&format!("\"{ours}/rows?page=2\"")).count(), 2_000);
    assert!(!rows.text.contains(&base), "none leads past us");

    let moved = place.get("mirror", "/moved").await;
    assert_eq!(
        (moved.status, moved.header("location")),
        (302, &*format!("{ours}/there?from=1"))
    );
    let away = place.get("mirror", "/moved-away").await;
    assert_eq!(
        (away.status, away.header("location")),
        (307, "https://store.example.org/file?sig=1")
    );
    // A server behind a proxy that speaks TLS does not know by which scheme it is reached.
    assert_eq!(place.get("mirror", "/schemes").await.ok()["url"], format!("{ours}/x"));
    // A client that names the path of the API itself is led to there.
    let reply = place.get("mirror", "/api/v3/links").await;
    assert_eq!(reply.ok()["url"], format!("{ours}/api/v3/x"));
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_the_call_is_ours_alone_and_is_checked() {
    let place = Place::open().await;
    let said = [
        ("x-mosaic-priority", "low"),
        ("x-mosaic-performance", "best_effort"),
        ("x-mosaic-labels", "team=web"),
        ("x-mosaic-affinity", "build-7"),
        ("idempotency-key", "theirs"),
    ];
    let reply = send(place.ask(Method::GET, "mirror", "/links"), &said).await;
    assert_eq!(reply.status, 200);
    let seen = place.mirror.last();
    assert!(!seen.headers.keys().any(|name| name.as_str().starts_with("x-mosaic-")));
    assert_eq!(seen.headers["idempotency-key"], "theirs");
    for (wrong, field) in [
        (("x-mosaic-priority", "urgent"), "priority"),
        (("x-mosaic-performance", "fast"), "performance"),
        (("x-mosaic-labels", "web"), "labels"),
        (("x-mosaic-affinity", ""), "affinity"),
    ] {
        let reply = send(place.ask(Method::GET, "mirror", "/links"), &[wrong]).await;
        assert_eq!((reply.status, &reply.json()["field"]), (400, &json!(field)));
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_body_or_a_part_of_one_comes_so() {
    let place = Place::open().await;
    let head = send(place.ask(Method::HEAD, "mirror", "/part"), &[]).await;
    assert_eq!(
        (head.status, head.header("accept-ranges"), &*head.text),
        (200, "bytes", "")
    );
    assert_eq!(head.header("content-length"), "10");
    assert_eq!(place.mirror.last().method, "HEAD");
    let part = send(place.ask(Method::GET, "mirror", "/part"), &[("range", "bytes=2-4")]).await;
    assert_eq!((part.status, &*part.text), (206, "234"));
    assert_eq!(part.header("content-range"), "bytes 2-4/10");
    let nothing = place.get("mirror", "/nothing").await;
    assert_eq!(
        (nothing.status, &*nothing.text, nothing.header("content-length")),
        (204, "", "")
    );
    let known = send(
        place.ask(Method::GET, "mirror", "/known"),
        &[("if-none-match", "\"one\"")],
    )
    .await;
    assert_eq!((known.status, known.header("etag"), &*known.text), (304, "\"one\"", ""));
    let unknown = send(
        place.ask(Method::GET, "mirror", "/known"),
        &[("if-none-match", "\"two\"")],
    )
    .await;
    assert_eq!((unknown.status, &*unknown.text), (200, "all of it"));
    let options = send(place.ask(Method::OPTIONS, "mirror", "/x"), &[]).await;
    assert_eq!((options.status, &*place.mirror.last().method), (200, "OPTIONS"));
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_comes_in_the_providers_own_words() {
    let place = Place::open().await;
    for status in [400, 401, 403, 404, 409, 410, 422, 451, 500, 429] {
        let request = place.ask(Method::POST, "mirror", &format!("/{status}"));
        let reply = send(request, &[]).await;
        assert_eq!((reply.status, reply.header("x-its-own")), (status, "1"), "{reply:?}");
        let said =
            json!({"message": format!("Bearer {} may not", masked()), "url": format!("{}/x", place.base("mirror"))});
        assert_eq!(reply.json(), said);
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_packed_leads_back_and_hides_our_credential_too() {
    let place = Place::open().await;
    let reply = place.get("mirror", "/packed").await;
    assert_eq!(reply.header("content-encoding"), "", "{reply:?}");
    assert_eq!(
        reply.ok(),
        json!({"url": format!("{}/x", place.base("mirror")), "secret": format!("Bearer {}", masked())})
    );
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_changes_the_protocol_unasked_is_at_fault() {
    let place = Place::open().await;
    let reply = place.get("mirror", "/101").await;
    assert_eq!(reply.refused(502), "upstream_failed");
    assert_eq!(reply.header("x-its-own"), "");
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_but_ours_goes_on_in_a_query_or_a_header() {
    let place = Place::open().await;
    let headers = [
        ("private-token", KEY),
        ("job-token", "theirs"),
        ("deploy-token", "theirs"),
        ("x-auth-token", "theirs"),
        ("sudo", "root"),
        ("x-sudo", "root"),
        ("x-gitlab-sudo", "root"),
        ("x-http-method-override", "DELETE"),
    ];
    let target = "/x?a=1&private_token=t&access_token=t&token=t&key=t&api_key=t&%70rivate_token=t&Su%64o=root&_method=DELETE&b=%20";
    let request = place.ask(Method::GET, "mirror-openai", target);
    assert_eq!(send(request, &headers).await.status, 200);
    let seen = place.mirror.last();
    assert_eq!(seen.target, "/v1/x?a=1&b=%20");
    assert_eq!(seen.headers["authorization"], format!("Bearer {SECRET}"));
    for (name, _) in headers {
        assert!(!seen.headers.contains_key(name), "{name}");
    }
    // There a key is a cache's.
    let target = "/repos/acme/api/actions/caches?key=build&access_token=t";
    assert_eq!(place.get("mirror", target).await.status, 200);
    assert_eq!(
        place.mirror.last().target,
        "/api/v3/repos/acme/api/actions/caches?key=build"
    );
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_goes_on_as_it_came_whomever_it_names() {
    let place = Place::open().await;
    for (media_type, body) in [
        ("application/json", r#"{"sudo":"root","title":"a"}"#),
        ("application/x-www-form-urlencoded", "sudo=root&title=a"),
    ] {
        let request = place
            .ask(Method::POST, "mirror", "/x?sudo=root")
            .header("content-type", media_type)
            .body(body);
        assert_eq!(send(request, &[("sudo", "root")]).await.status, 200);
        let seen = place.mirror.last();
        assert_eq!((&*seen.target, &*seen.body), ("/api/v3/x", body.as_bytes()));
        assert!(!seen.headers.contains_key("sudo"));
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_refusal_is_not_told_as_the_whole() {
    let place = Place::open().await;
    for path in ["/refused-cut", "/refused-longer"] {
        let reply = send(place.ask(Method::POST, "mirror", path), &[]).await;
        assert_eq!(reply.refused(422), "invalid_input", "{path}");
        assert_eq!((reply.header("x-its-own"), reply.provider()), ("", "mirror"));
        assert_eq!(reply.header("content-type"), "application/problem+json");
    }
    let whole = send(place.ask(Method::POST, "mirror", "/refused-long"), &[]).await;
    assert_eq!(
        (whole.status, whole.header("x-its-own"), whole.text.len()),
        (422, "1", 1 << 20)
    );
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_credential_is_hidden_in_texts_of_every_name_and_spelling() {
    let place = Place::open().await;
    for path in ["/yaml", "/javascript", "/toml"] {
        let reply = place.get("mirror", path).await;
        assert_eq!(
            (reply.status, &*reply.text),
            (200, &*format!("said: Bearer {}\n", masked()))
        );
    }
    let reply = place.get("mirror", "/written-out").await;
    let hidden = |name: &str| {
        let said = reply.json()[name].as_str().expect("a text").to_owned();
        said.strip_prefix("Bearer ")
            .expect("a scheme")
            .chars()
            .all(|sign| sign == '*')
    };
    assert!(hidden("one") && hidden("two"), "{reply:?}");
    let reply = place.get("mirror", "/every-sign").await.ok();
    let said = reply.as_object().expect("an object");
    let stars = |text: &str| text.chars().all(|sign| sign == '*');
    assert!(stars(said.keys().next().expect("a key")), "{reply}");
    assert!(
        reply["all"]
            .as_str()
            .and_then(|text| text.strip_prefix("of "))
            .is_some_and(stars),
        "{reply}"
    );
    assert!(reply["mixed"].as_str().is_some_and(stars), "{reply}");
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_wait_goes_on_that_no_client_should_keep_to() {
    let place = Place::open().await;
    let reply = place.get("mirror", "/absurd").await;
    assert_eq!(reply.status, 200);
    for name in ["retry-after", "x-ratelimit-reset", "x-ratelimit-limit"] {
        assert_eq!(reply.header(name), "", "{name}");
    }
    assert_eq!(reply.header("x-ratelimit-remaining"), "7");
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_private_in_part_only_is_kept_by_no_shared_cache() {
    let place = Place::open().await;
    let reply = place.get("mirror", "/private-in-part").await;
    assert_eq!(reply.header("cache-control"), "private, no-cache");
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_it_finds_the_record_by_a_link_beside_the_providers_own() {
    let place = Place::open().await;
    let asking = |path: &str| {
        place
            .ask(Method::GET, "mirror", path)
            .header("x-mosaic-explain", "true")
    };
    let reply = send(asking("/links"), &[]).await;
    let links: Vec<_> = reply
        .headers
        .get_all("link")
        .iter()
        .filter_map(|link| link.to_str().ok())
        .collect();
    assert_eq!(links.len(), 2, "{links:?}");
    let id = reply.header("x-request-id");
    assert_eq!(links[1], format!("</v1/explain/{id}>; rel=\"describedby\""));
    assert!(
        !place.mirror.last().headers.contains_key("x-mosaic-explain"),
        "it is for us"
    );
    let told = place.typed(&format!("/v1/explain/{id}")).await.ok();
    assert_eq!(told["decisions"][0]["attempts"][0]["instance"], "mirror", "{told}");
    let plain = place.get("mirror", "/links").await;
    assert_eq!(plain.headers.get_all("link").iter().count(), 1);
    place.close().await;
}
