//! The admin listener over real sockets: probes, metrics, the gate, the first resources.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use mosaic::admin::{AdminConfig, AdminOrder, AdminPort, Check, Json, Order, Readiness, Touches, View, router};
use mosaic::server::{Listener, ServerLimits};
use mosaic::surfaces::problem::Problem;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use secrecy::SecretString;
use serde_json::{Value, json};
use support::{client, listen};

const TOKEN: &str = "planted-admin-token-0b8f";

#[derive(Default)]
struct Port {
    orders: Mutex<Vec<Order>>,
}

impl AdminPort for Port {
    fn view(&self, view: View) -> Result<Json, Problem> {
        match view {
            View::Plugin(name) => Err(Failure::new(Kind::NotFound, format!("no plugin is called {name}")).into()),
            view => Ok(Json::of(&format!("{view:?}"))),
        }
    }

    fn audit(&self, before: Option<i64>, limit: u32) -> BoxFuture<Result<Json, Problem>> {
        Box::pin(async move { Ok(Json::of(&(before, limit))) })
    }

    fn touches(&self, action: &AdminOrder) -> Result<Touches, Problem> {
        Ok(Touches {
            plugins: vec![Arc::from(action.target())],
            calls_in_flight: 3,
            ..Touches::default()
        })
    }

    fn perform(&self, order: Order) -> BoxFuture<Result<Value, Problem>> {
        let known = order.action.target() != "root/none";
        self.orders.lock().expect("no test panics while it records").push(order);
        Box::pin(async move {
            match known {
                true => Ok(json!({"done": true})),
                false => Err(Failure::new(Kind::NotFound, "no actor has this path").into()),
            }
        })
    }
}

struct Admin {
    listener: Listener,
    port: Arc<Port>,
    ready: Arc<AtomicBool>,
    config: AdminConfig,
}

async fn start(token: Option<&str>, addr: [u8; 4]) -> Admin {
    let ready = Arc::new(AtomicBool::new(true));
    let port = Arc::new(Port::default());
    let readiness = ready.clone();
    let config = AdminConfig {
        addr: (addr, 9901).into(),
        hosts: vec!["mosaic.internal".to_owned()],
        token: token.map(SecretString::from),
        keys: None,
        readiness: Arc::new(move || Readiness {
            checks: vec![
                Check {
                    name: "gateway",
                    failure: None,
                },
                Check {
                    name: "draining",
                    failure: (!readiness.load(Ordering::SeqCst)).then(|| "the process is ending".to_owned()),
                },
            ],
        }),
        metrics: Arc::new(|| "mosaic_up 1\n".to_owned()),
        port: port.clone(),
    };
    Admin {
        listener: listen(ServerLimits::default(), router(config.clone())).await,
        port,
        ready,
        config,
    }
}

impl Admin {
    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        client().request(method, format!("http://{}{path}", self.listener.local_addr()))
    }

    async fn get(&self, path: &str) -> (u16, String) {
        told(self.request("GET", path)).await
    }

    async fn restart(&self, body: Value) -> (u16, Value) {
        let sent = self
            .request("POST", "/admin/v1/actors/restart")
            .bearer_auth(TOKEN)
            .json(&body);
        let (status, text) = told(sent).await;
        (status, serde_json::from_str(&text).expect("JSON"))
    }
}

async fn told(request: reqwest::RequestBuilder) -> (u16, String) {
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.text().await.expect("a body"))
}

#[tokio::test]
async fn probes_tell_life_and_readiness_apart() {
    let admin = start(Some(TOKEN), [127, 0, 0, 1]).await;
    assert_eq!(admin.get("/livez").await, (200, "ok\n".to_owned()));
    assert_eq!(admin.get("/readyz").await, (200, "ok\n".to_owned()));
    admin.ready.store(false, Ordering::SeqCst);
    assert_eq!(admin.get("/livez").await.0, 200);
    assert_eq!(admin.get("/readyz").await, (503, "not ready\n".to_owned()));
    let verbose = "[+]gateway ok\n[-]draining failed: the process is ending\nnot ready\n";
    assert_eq!(admin.get("/readyz?verbose").await, (503, verbose.to_owned()));
}

#[tokio::test]
async fn metrics_are_open_on_loopback_only() {
    let local = start(Some(TOKEN), [127, 0, 0, 1]).await;
    let response = local.request("GET", "/metrics").send().await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4");
    assert_eq!(response.text().await.expect("a body"), "mosaic_up 1\n");

    let rebound = local.request("GET", "/metrics").header("host", "rebound.example");
    assert_eq!(told(rebound).await.0, 403);

    let remote = start(Some(TOKEN), [10, 0, 0, 7]).await;
    assert_eq!(remote.get("/metrics").await.0, 401);
    assert_eq!(remote.get("/livez").await.0, 200);
    assert_eq!(told(remote.request("GET", "/metrics").bearer_auth(TOKEN)).await.0, 200);
}

#[tokio::test]
async fn the_api_asks_for_the_token_on_every_path() {
    let admin = start(Some(TOKEN), [127, 0, 0, 1]).await;
    for (method, path) in [
        ("GET", "/admin/v1/tree"),
        ("GET", "/admin/v1/ledger"),
        ("GET", "/admin/v1/status"),
        ("POST", "/admin/v1/actors/restart"),
        ("GET", "/admin/v1/unheard-of"),
    ] {
        for stranger in [
            admin.request(method, path),
            admin.request(method, path).bearer_auth("planted-admin-token"),
            admin.request(method, path).bearer_auth(format!("{TOKEN}x")),
        ] {
            let (status, text) = told(stranger).await;
            assert_eq!(status, 401, "{method} {path}");
            assert!(!text.contains(TOKEN));
        }
    }
    assert!(!format!("{:?}", admin.config).contains(TOKEN));
    let open = start(None, [127, 0, 0, 1]).await;
    assert_eq!(
        open.get("/admin/v1/tree").await.0,
        200,
        "without a token, loopback is enough"
    );
}

#[tokio::test]
async fn web_pages_of_other_origins_get_nothing() {
    let admin = start(None, [127, 0, 0, 1]).await;
    let tree = || admin.request("GET", "/admin/v1/tree");
    assert_eq!(told(tree().header("host", "rebound.example:9901")).await.0, 403);
    assert_eq!(told(tree().header("origin", "http://evil.example")).await.0, 403);
    assert_eq!(told(tree().header("origin", "null")).await.0, 403);
    assert_eq!(told(tree().header("host", "mosaic.internal")).await.0, 200);
    let own = format!("http://{}", admin.listener.local_addr());
    assert_eq!(told(tree().header("origin", own)).await.0, 200);
}

#[tokio::test]
async fn the_tree_the_ledger_and_the_status_are_served_fresh() {
    let admin = start(None, [127, 0, 0, 1]).await;
    let response = admin.request("GET", "/admin/v1/tree").send().await.expect("an answer");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["content-type"], "application/json");
    for (path, view) in [
        ("tree", "\"Tree\""),
        ("status", "\"Status\""),
        ("ledger", "\"Ledger(100)\""),
        ("ledger?limit=1000", "\"Ledger(1000)\""),
        ("plugins", "\"Plugins\""),
        ("breakers", "\"Breakers\""),
        ("caches", "\"Caches\""),
        ("quotas", "\"Quotas\""),
        ("credits", "\"Credits\""),
        ("shadows", "\"Shadows\""),
        ("calls", "\"Calls(1000)\""),
        ("calls?limit=7", "\"Calls(7)\""),
        ("log", "\"Log\""),
        ("audit", "[null,100]"),
        ("audit?before=9&limit=5", "[9,5]"),
    ] {
        assert_eq!(admin.get(&format!("/admin/v1/{path}")).await, (200, view.to_owned()));
    }
    assert_eq!(admin.get("/admin/v1/plugins/none").await.0, 404);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("odd=1", "odd"),
    ] {
        let (status, text) = admin.get(&format!("/admin/v1/ledger?{query}")).await;
        let problem: Value = serde_json::from_str(&text).expect("a problem");
        assert_eq!((status, &problem["field"]), (400, &json!(field)), "{query}");
    }
    assert_eq!(admin.get("/admin/v1/unheard-of").await.0, 404);
    assert_eq!(admin.get("/unheard-of").await.0, 404);
}

#[tokio::test]
async fn a_restart_needs_a_path_a_reason_and_a_post() {
    let admin = start(Some(TOKEN), [127, 0, 0, 1]).await;
    let long = "x".repeat(501);
    for (body, field) in [
        (json!({"path": "root/router"}), "reason"),
        (json!({"reason": "r"}), "path"),
        (json!({"path": "", "reason": "r"}), "path"),
        (json!({"path": "root/router", "reason": " "}), "reason"),
        (json!({"path": "root/router", "reason": "two\nlines"}), "reason"),
        (json!({"path": "root/router", "reason": long}), "reason"),
        (json!({"path": "root/router", "reason": 5}), "reason"),
        (json!({"path": "root/router", "reason": "r", "force": true}), "force"),
    ] {
        let (status, problem) = admin.restart(body).await;
        assert_eq!((status, &problem["field"]), (400, &json!(field)));
    }
    let by_get = admin.request("GET", "/admin/v1/actors/restart").bearer_auth(TOKEN);
    let response = by_get.send().await.expect("an answer");
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "POST");
    assert!(admin.port.orders.lock().expect("no panic").is_empty());

    let done = admin.restart(json!({"path": "root/router", "reason": "stuck"})).await;
    assert_eq!(done, (200, json!({"done": true})));
    assert_eq!(admin.restart(json!({"path": "root/none", "reason": "r"})).await.0, 404);
    let orders = admin.port.orders.lock().expect("no panic").clone();
    let restart = AdminOrder::RestartActor("root/router".to_owned());
    assert_eq!(
        (&orders[0].action, &*orders[0].reason, &*orders[0].who),
        (&restart, "stuck", "admin")
    );
}

#[tokio::test]
async fn a_dry_run_previews_and_does_nothing() {
    let admin = start(None, [127, 0, 0, 1]).await;
    let post = |query: &str| {
        let path = format!("/admin/v1/plugins/forge-a/stop{query}");
        admin.request("POST", &path).json(&json!({"reason": "r"}))
    };
    let (status, text) = told(post("?dry_run=true")).await;
    let preview: Value = serde_json::from_str(&text).expect("JSON");
    let touches = json!({"actors": [], "plugins": ["forge-a"], "calls_in_flight": 3});
    let expected = json!({"dry_run": true, "action": "plugin.stop", "touches": touches});
    assert_eq!((status, preview), (200, expected));
    for query in [
        "?dry_run=yes",
        "?dry_run",
        "?dryrun=true",
        "?dry_run=true&dry_run=false",
    ] {
        assert_eq!(told(post(query)).await.0, 400, "{query}");
    }
    assert!(admin.port.orders.lock().expect("no panic").is_empty());
    assert_eq!(told(post("?dry_run=false")).await.0, 200);
    assert_eq!(admin.port.orders.lock().expect("no panic")[0].who.as_ref(), "loopback");
}
