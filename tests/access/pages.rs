//! What browsers and thrifty clients ask for: pages of other origins, and answers in fewer bytes.

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap};
use tower::{ServiceExt as _, service_fn};
use tower_http::decompression::Decompression;

use crate::harness::http::Reply;
use crate::harness::{Gateway, Setup, Stage};

const PAGE: &str = "https://app.test";
const REPO: &str = "/v1/git/repos/acme%2Fapi";

async fn asked(gateway: &Gateway, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let method = method.parse().expect("a method");
    let request = gateway
        .client
        .0
        .request(method, format!("http://{}{path}", gateway.public));
    crate::harness::http::send(request, headers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_origins_that_are_configured_may_ask() {
    let key = crate::Key {
        name: "page",
        scopes: "",
    };
    let mut setup = crate::keyed(&[key], "");
    setup.tables += &format!("[server.cors]\norigins = [\"{PAGE}\"]\n");
    let stage = Stage::open(setup).await;
    let gateway = &stage.gateway;
    let bearer = format!("Bearer {}", crate::secret("page"));
    let preflight = [
        ("origin", PAGE),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "authorization,idempotency-key"),
    ];
    let told = asked(gateway, "OPTIONS", REPO, &preflight).await;
    assert_eq!((told.status, told.header("access-control-allow-origin")), (200, PAGE));
    assert!(told.header("access-control-allow-methods").contains("PUT"));
    assert_eq!(
        told.header("access-control-allow-headers"),
        "authorization,idempotency-key"
    );
    assert_eq!(told.header("access-control-max-age"), "600");
    assert_eq!(told.header("access-control-allow-credentials"), "");
    let own = [("origin", PAGE), ("authorization", &*bearer)];
    let answer = asked(gateway, "GET", REPO, &own).await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (200, PAGE)
    );
    assert!(answer.header("access-control-expose-headers").contains("x-request-id"));
    // A refusal can be read, too.
    let refused = asked(gateway, "GET", REPO, &[("origin", PAGE)]).await;
    assert_eq!(
        (refused.status, refused.header("access-control-allow-origin")),
        (401, PAGE)
    );
    for origin in [
        "https://evil.test",
        "https://app.test.evil.test",
        "http://app.test",
        "null",
    ] {
        let told = asked(gateway, "OPTIONS", REPO, &[("origin", origin), preflight[1]]).await;
        assert_eq!(told.header("access-control-allow-origin"), "", "{origin}");
    }
    // What is no preflight is asked of the surface.
    let options = asked(gateway, "OPTIONS", REPO, &own).await;
    assert!(
        (options.status, options.header("allow").contains("GET")) == (204, true),
        "{options:?}"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_no_page_is_told_anything() {
    let stage = Stage::open(Setup::default()).await;
    let preflight = [("origin", PAGE), ("access-control-request-method", "GET")];
    for (method, headers) in [("OPTIONS", &preflight[..]), ("GET", &preflight[..1])] {
        let told = asked(&stage.gateway, method, REPO, headers).await;
        assert!(
            told.headers
                .keys()
                .all(|name| !name.as_str().starts_with("access-control-")),
            "{told:?}"
        );
    }
    stage.close().await;
    for cors in [
        "origins = [\"*\"]\ncredentials = true",
        "origins = [\"*\", \"https://a.test\"]",
        "origins = [\"https://a.test/\"]",
        "origins = [\"https://a.test:443\"]",
        "origins = [\"a.test\"]",
        "origins = []",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mosaic.toml");
        std::fs::write(&file, format!("[server.cors]\n{cors}\n")).expect("written");
        let ended = crate::harness::process::run(&["check", "--config", file.to_str().expect("a path")], &[]);
        let told = format!("{}{}", ended.stdout, ended.stderr);
        assert!(ended.code != Some(0) && told.contains("server.cors."), "{cors}: {told}");
    }
}

/// The bytes as they came.
async fn bytes(gateway: &Gateway, method: &str, path: &str, accept: Option<&str>) -> (HeaderMap, Bytes) {
    let method = method.parse().expect("a method");
    let mut request = gateway
        .client
        .0
        .request(method, format!("http://{}{path}", gateway.public));
    if let Some(accept) = accept {
        request = request.header(ACCEPT_ENCODING, accept);
    }
    let reply = request.send().await.expect("an answer");
    (reply.headers().clone(), reply.bytes().await.expect("a whole answer"))
}

async fn unpacked(encoding: &str, bytes: Bytes) -> Bytes {
    let mut response = Response::new(Full::new(bytes));
    response
        .headers_mut()
        .insert(CONTENT_ENCODING, HeaderValue::from_str(encoding).expect("a name"));
    let mut given = Some(response);
    let service = service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, std::convert::Infallible>(given.take().expect("asked once")))
    });
    let response = Decompression::new(service)
        .oneshot(Request::new(()))
        .await
        .expect("an answer");
    response.into_body().collect().await.expect("it is unpacked").to_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn long_answers_are_compressed_for_whom_takes_them_so() {
    let stage = Stage::open(Setup::default()).await;
    let gateway = &stage.gateway;
    let long = "/v1/openapi.json";
    let (headers, plain) = bytes(gateway, "GET", long, None).await;
    assert!(!headers.contains_key(CONTENT_ENCODING) && plain.len() > 100_000);
    for (accept, encoding) in [("gzip", "gzip"), ("br", "br"), ("deflate, gzip;q=0.5, br;q=0.9", "br")] {
        let (headers, packed) = bytes(gateway, "GET", long, Some(accept)).await;
        assert_eq!(headers[CONTENT_ENCODING], encoding);
        let vary: Vec<_> = headers
            .get_all("vary")
            .iter()
            .map(|vary| vary.to_str().expect("text"))
            .collect();
        assert!(vary.join(",").contains("accept-encoding"), "{vary:?}");
        assert!(packed.len() * 4 < plain.len());
        assert_eq!(unpacked(encoding, packed).await, plain);
    }
    for (method, path, accept) in [
        ("GET", long, "identity"),
        ("GET", long, "gzip;q=0"),
        ("GET", long, "zstd"),
        ("HEAD", long, "gzip"),
        // Short, and somebody else's.
        ("GET", "/v1/git/repos/acme%2Fnone-of-that-name", "gzip"),
        ("GET", "/proxy/github-a/repos/acme/api", "gzip"),
    ] {
        let (headers, _) = bytes(gateway, method, path, Some(accept)).await;
        assert!(
            !headers.contains_key(CONTENT_ENCODING),
            "{method} {path} {accept}: {headers:?}"
        );
    }
    let events = gateway.client.0.get(format!("http://{}/v1/events", gateway.public));
    let events = events
        .header(ACCEPT_ENCODING, "gzip, br")
        .send()
        .await
        .expect("an answer");
    assert_eq!(events.status(), 200);
    assert!(!events.headers().contains_key(CONTENT_ENCODING));
    drop(events);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_compressed_has_a_weak_tag_and_none_is_where_that_is_set() {
    let stage = Stage::open(Setup {
        server: "compress_above = \"0\"".to_owned(),
        ..Setup::default()
    })
    .await;
    let (headers, _) = bytes(&stage.gateway, "GET", "/v1/openapi.json", Some("gzip")).await;
    assert!(!headers.contains_key(CONTENT_ENCODING));
    stage.close().await;
    let setup = Setup {
        server: "compress_above = 1".to_owned(),
        ..Setup::default()
    };
    let stage = Stage::open(setup).await;
    let (plain, _) = bytes(&stage.gateway, "GET", REPO, None).await;
    let (packed, _) = bytes(&stage.gateway, "GET", REPO, Some("gzip")).await;
    assert_eq!(packed[CONTENT_ENCODING], "gzip");
    let tag = |headers: &HeaderMap| headers.get("etag").map(|tag| tag.to_str().expect("text").to_owned());
    let weak = tag(&plain).map(|tag| format!("W/{}", tag.trim_start_matches("W/")));
    assert_eq!(tag(&packed), weak);
    stage.close().await;
}
