//! The commands of those who run a gateway, against a gateway that runs.

use std::net::{Ipv4Addr, SocketAddr};

use mosaic::config::{BaseUrl, Config, ProviderConfig};
use mosaic::embed::serve::{self, Serving};
use mosaic::sandbox::{Sandbox, SandboxConfig};
use mosaic::{Mosaic, Secret};
use serde_json::Value;

use crate::recorder::{Ran, mosaic, ran};

/// A gateway in front of one server of the sandbox; the token of another is in the file.
pub struct Rig {
    pub sandbox: Sandbox,
    gateway: Mosaic,
    pub serving: Serving,
    token: tempfile::NamedTempFile,
}

impl Rig {
    pub async fn start() -> Self {
        let sandbox = Sandbox::start(SandboxConfig::default_pair()).await.unwrap();
        let forge = sandbox.server("github-a").unwrap();
        let mut config = Config::default();
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        (config.server.listen, config.admin.listen) = (free, free);
        let provider = ProviderConfig::new("github").at(BaseUrl::parse(forge.base_url()).unwrap());
        config.providers.insert("forge".to_owned(), provider);
        let builder = Mosaic::builder(config).credential("forge", Secret::new(forge.token()));
        let gateway = builder.start().await.unwrap();
        let token = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(token.path(), sandbox.server("github-b").unwrap().token()).unwrap();
        Rig {
            serving: serve::serve(&gateway).await.unwrap(),
            gateway,
            sandbox,
            token,
        }
    }

    async fn run(&self, line: &[&str]) -> Ran {
        let mut command = mosaic(line);
        command.env("MOSAIC_ADMIN_URL", format!("http://{}", self.serving.admin));
        tokio::task::spawn_blocking(move || ran(&mut command)).await.unwrap()
    }

    /// The document that a command shows, after it ended well.
    async fn json(&self, line: &[&str]) -> Value {
        let shown = self.run(&[line, &["--json"]].concat()).await;
        assert_eq!((shown.code, &*shown.err), (Some(0), ""), "{line:?} {shown:?}");
        serde_json::from_str(&shown.out).unwrap()
    }

    pub async fn stop(self) {
        self.serving.stop(&self.gateway).await;
        self.sandbox.shutdown().await;
    }
}

const WHY: &str = "--reason=a rehearsal";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_is_led_through_its_life() {
    let rig = Rig::start().await;
    let url = rig.sandbox.server("github-b").unwrap().base_url().to_owned();
    let token = format!("file:{}", rig.token.path().display());
    let provider = ["--kind", "github", "--base-url", &url, "--token-ref", &token, WHY];
    let add = [&["plugins", "add", "second"][..], &provider].concat();
    let rehearsed = rig.json(&[&add[..], &["--dry-run"]].concat()).await;
    assert_eq!(rehearsed["dry_run"], true, "{rehearsed}");
    assert_eq!(
        rig.run(&["plugins", "show", "second"]).await.code,
        Some(3),
        "nothing was added"
    );

    rig.json(&add).await;
    let list = rig.json(&["plugins", "list"]).await.to_string();
    assert!(list.contains("forge") && list.contains("second"), "{list}");
    // Its start asked how it is, and any answer tells what is left.
    let limits = rig.json(&["plugins", "show", "second"]).await["rate_limits"].clone();
    let (left, granted) = (&limits[0]["remaining"], &limits[0]["limit"]);
    assert!(limits[0]["resource"] == "core" && left.is_u64(), "{limits}");
    let wide = rig.run(&["plugins", "list", "--wide"]).await.out;
    assert!(
        wide.contains("QUOTA") && wide.contains(&format!("{left}/{granted} core")),
        "{wide}"
    );
    for step in ["drain", "start", "stop", "start", "update"] {
        rig.json(&["plugins", step, "second", WHY, "--force"]).await;
    }
    let shown = rig.json(&["plugins", "show", "second"]).await.to_string();
    assert!(shown.contains("running"), "{shown}");
    rig.json(&["plugins", "remove", "second", WHY, "--force"]).await;
    assert_eq!(rig.run(&["plugins", "show", "second"]).await.code, Some(3));
    let audit = rig.json(&["audit", "--limit", "20"]).await.to_string();
    assert!(
        audit.contains("plugin.remove") && audit.contains("a rehearsal"),
        "{audit}"
    );
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actors_and_breakers_obey_and_every_view_is_shown() {
    let rig = Rig::start().await;
    rig.json(&["actors", "restart", "/root/plugins/instances/forge/provider", WHY])
        .await;
    let ledger = rig.json(&["ledger", "--limit", "1"]).await.to_string();
    assert!(ledger.contains("/root/plugins/instances/forge/provider"), "{ledger}");
    rig.json(&["breakers", "force-open", "forge", WHY, "-f"]).await;
    let open = rig.json(&["breakers", "list"]).await.to_string();
    rig.json(&["breakers", "reset", "forge", WHY]).await;
    let closed = rig.json(&["breakers", "list"]).await.to_string();
    assert_ne!(open, closed);
    for view in [
        "status", "tree", "ledger", "caches", "quotas", "credits", "shadows", "calls", "audit", "log",
    ] {
        let shown = rig.run(&[view]).await;
        // What is empty is a sentence beside the data.
        let told = shown.out.is_empty() == shown.err.starts_with("no");
        assert!(shown.code == Some(0) && told, "{view} {shown:?}");
        rig.json(&[view]).await;
    }
    let unknown = rig.run(&["actors", "restart", "/root/nobody", WHY]).await;
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
    rig.json(&["drain", WHY, "--force"]).await;
    assert!(!rig.gateway.snapshot().accepting);
    // As long as it takes at least to be led to another gateway.
    let server = format!("http://{}", rig.serving.public);
    let refused = rig.run(&["git", "repo", "get", "acme/api", "--server", &server]).await;
    assert!(
        refused.code == Some(69) && refused.err.contains("retry after: 1s"),
        "{refused:?}"
    );
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_knows_is_answered_with_the_command_that_lists_it() {
    let rig = Rig::start().await;
    let release = [
        "keys",
        "release",
        "k",
        "--tenant",
        "local",
        "--operation",
        "projects.issue.create",
    ];
    for (line, named, hint) in [
        (&["plugins", "stop", "nope"][..], "nope", "`mosaic plugins list`"),
        (&["plugins", "update", "nope"], "nope", "`mosaic plugins list`"),
        (&["plugins", "remove", "nope"], "nope", "`mosaic plugins list`"),
        (&["breakers", "reset", "nope"], "nope", "`mosaic breakers list`"),
        (
            &["actors", "restart", "/root/nope"],
            "/root/nope",
            "`mosaic tree --wide`",
        ),
        (&["calls", "cancel", "nope"], "nope", "`mosaic calls`"),
        (&release, "this tenant", "`mosaic keys list --in-doubt`"),
    ] {
        let flags: &[&str] = if line[1] == "reset" || line[1] == "restart" || line[1] == "update" {
            &[WHY]
        } else {
            &[WHY, "--force"]
        };
        let refused = rig.run(&[line, flags].concat()).await;
        assert_eq!(refused.code, Some(3), "{line:?} {refused:?}");
        let (sentence, advice) = refused.err.split_once("hint: ").expect("a hint");
        assert!(
            sentence.contains(named) && advice.contains(hint),
            "{line:?} {refused:?}"
        );
    }
    let shown = rig.run(&["plugins", "show", "nope"]).await;
    assert!(shown.err.contains("`mosaic plugins list`"), "{shown:?}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_see_one_row_an_order_and_the_last_calls() {
    let rig = Rig::start().await;
    rig.json(&["breakers", "force-open", "forge", WHY, "-f"]).await;
    rig.json(&["breakers", "reset", "forge", WHY]).await;
    let audit = rig.run(&["audit"]).await;
    assert_eq!(audit.out.lines().count(), 1 + 2, "{audit:?}");
    let one = rig.run(&["audit", "--limit", "1"]).await;
    assert!(
        one.out.lines().count() == 2 && one.out.contains("breaker.reset"),
        "{one:?}"
    );
    let both = rig.json(&["audit"]).await;
    assert_eq!(
        both["entries"].as_array().map(Vec::len),
        Some(4),
        "programs get both facts"
    );
    let server = format!("http://{}", rig.serving.public);
    let called = rig.run(&["git", "repo", "get", "acme/api", "--server", &server]).await;
    assert_eq!(called.code, Some(0), "{called:?}");
    let calls = rig.run(&["calls"]).await;
    assert!(
        calls.out.contains("the last that ended:") && calls.out.contains("git.repo.get"),
        "{calls:?}"
    );
    rig.stop().await;
}
