//! Who may ask, and how far a path reaches.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::http::send;
use crate::place::{KEY, Place, STRANGER};
use reqwest::Method;

/// Sends a request as it is written: HTTP clients mend paths. The status, and all that came.
async fn raw(place: &Place, request: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(place.gateway.public).await.expect("it listens");
    socket.write_all(request.as_bytes()).await.expect("it reads");
    let mut text = String::new();
    socket.read_to_string(&mut text).await.expect("it answers and closes");
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no status: {text:?}")), text)
}

fn request(line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: gw.example\r\nauthorization: Bearer {KEY}\r\n{headers}connection: close\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_the_api() {
    let place = Place::open().await;
    for rest in [
        "/../admin",
        "/x/../../../admin",
        "/./x",
        "/x/..",
        "/%2e%2e/%2e%2e/admin",
        "/%2E./admin",
        "/..%2f..%2fadmin",
        "/x%2F..%2F..%2Fadmin",
        "/%252e%252e/admin",
        "/..;/admin",
        "/..%3B/admin",
        "//evil.example/x",
        "/%2f%2fevil.example",
        "/http://evil.example/",
        "/x%5c..%5cadmin",
        "/%5c%5cevil.example",
        "/x%00",
        "/x%0d%0ahost:%20evil.example",
        "/%c0%ae%c0%ae/admin",
    ] {
        let (status, text) = raw(&place, &request(&format!("GET /proxy/mirror{rest}"), "")).await;
        assert_eq!(status, 400, "{rest}: {text}");
        assert!(text.contains("\"field\":\"path\""), "{rest}: {text}");
    }
    assert!(place.mirror.seen().is_empty(), "nothing was sent");
    // What only looks like it goes through, and below the base.
    for rest in [
        "/a..b/...",
        "/.github",
        "/x@evil.example/y",
        "/x:80",
        "/acme%2Fapi",
        "/?u=http://evil.example/../..",
        "/_other/x",
    ] {
        let (status, text) = raw(&place, &request(&format!("GET /proxy/mirror{rest}"), "")).await;
        assert_eq!(status, 200, "{rest}: {text}");
        assert_eq!(place.mirror.last().target, format!("/api/v3{rest}"));
    }
    // The second place that its kind declares.
    let (status, _) = raw(&place, &request("GET /proxy/mirror/_uploads/x", "")).await;
    assert_eq!((status, &*place.mirror.last().target), (200, "/api/uploads/x"));
    // A target with a host is for us, whatever it names.
    let (status, _) = raw(&place, &request("GET http://evil.example/proxy/mirror/x", "")).await;
    assert_eq!((status, &*place.mirror.last().target), (200, "/api/v3/x"));
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_protocol_is_spoken_through_us() {
    let place = Place::open().await;
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\n";
    let (status, text) = raw(&place, &request("GET /proxy/mirror/x", upgrade)).await;
    assert!(status == 501 && text.contains("\"code\":\"unsupported\""), "{text}");
    let (status, _) = raw(&place, &request("TRACE /proxy/mirror/x", "")).await;
    assert_eq!(status, 405);
    let (status, _) = raw(&place, &request("CONNECT evil.example:443", "")).await;
    assert!((400..500).contains(&status), "{status}");
    assert!(place.mirror.seen().is_empty(), "nothing was sent");
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_finds_its_own_instances_alone() {
    let place = Place::open().await;
    let ask = async |instance: &str, headers: &[(&str, &str)]| {
        let url = format!("{}/rate_limit", place.base(instance));
        send(place.gateway.client.0.get(url), headers).await
    };
    let basic = "Basic dXNlcjptb3Mta2V5LW9mLXN0cmFuZ2Vycy0y";
    for shown in [
        ("authorization", &*format!("Bearer {STRANGER}")),
        ("authorization", &*format!("token {STRANGER}")),
        ("authorization", basic),
        ("private-token", STRANGER),
        ("x-api-key", STRANGER),
    ] {
        assert_eq!(ask("github-b", &[shown]).await.status, 200, "{shown:?}");
        for other in ["github-a", "mirror", "none", "github-b~x", "GITHUB-B"] {
            assert_eq!(ask(other, &[shown]).await.refused(404), "not_found", "{other}");
        }
    }
    assert_eq!(ask("github-b", &[]).await.refused(401), "unauthenticated");
    let wrong = ("authorization", "Bearer nobody-knows-this-key");
    assert_eq!(ask("github-b", &[wrong]).await.refused(401), "unauthenticated");
    assert_eq!(
        ask("github-b", &[("authorization", "Digest x")]).await.refused(401),
        "unauthenticated"
    );
    assert!(place.mirror.seen().is_empty(), "nothing was sent");
    // No list of operations has it: what may be passed through to an instance is told beside what it can do.
    let known = place.typed("/v1/operations").await.text;
    assert!(known.contains("git.repo.get") && !known.contains("proxy."), "{known}");
    let told = place.typed("/v1/capabilities").await.ok();
    let listed = told["operations"].to_string() + &told["matrix"].to_string();
    assert!(
        listed.contains("git.repo.get") && !listed.contains("proxy."),
        "{listed}"
    );
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_without_the_service_passes_nothing_through() {
    let place = Place::with("[tenants.acme]\nservices = [\"git\"]\n").await;
    assert_eq!(place.get("github-a", "/rate_limit").await.refused(404), "not_found");
    assert_eq!(place.typed("/v1/git/repos/github-a~acme/api").await.status, 200);
    let write = place.ask(Method::DELETE, "github-a", "/repos/acme/api");
    assert_eq!(send(write, &[]).await.refused(404), "not_found");
    place.close().await;
}
