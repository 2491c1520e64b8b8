//! From the first moment to the first call: a provider that does not answer keeps nobody else waiting.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use serde_json::Value;

use crate::harness::http::Client;
use crate::harness::process::Program;

/// A program that starts before a provider which takes its connections and says nothing.
struct Starting {
    program: Program,
    admin: SocketAddr,
    client: Client,
    _provider: TcpListener,
}

/// `folder` holds its configuration.
fn start(folder: &Path) -> Starting {
    let provider = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let at = provider.local_addr().expect("bound");
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n\
         [providers.code]\nkind = \"gitea\"\nbase_url = \"http://{at}\"\ntoken = \"env:T\"\n"
    );
    let file = folder.join("mosaic.toml");
    std::fs::write(&file, config).expect("the scratch folder is ours");
    let env = [("T".to_owned(), "t".to_owned())];
    let program = Program::start(&["serve", "--config", file.to_str().expect("a plain path")], &env);
    let admin = program.line("where its probes are", |line| {
        let event: Value = serde_json::from_str(line).ok()?;
        let admin = event["fields"]["admin"].as_str()?.parse().ok();
        (event["msg"] == "starting").then_some(admin)?
    });
    Starting {
        program,
        admin,
        client: Client::new(),
        _provider: provider,
    }
}

impl Starting {
    async fn probe(&self, path: &str) -> (u16, String) {
        let reply = self.client.get(&format!("http://{}{path}", self.admin)).await;
        (reply.status, reply.text)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_are_answered_and_signals_heeded_while_a_provider_hangs() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let starting = start(folder.path());
    assert_eq!(starting.probe("/livez").await, (200, "ok\n".to_owned()));
    let (status, told) = starting.probe("/readyz").await;
    assert_eq!((status, &*told), (503, "not ready: starting\n"));
    let (status, told) = starting.probe("/readyz?verbose").await;
    assert_eq!(status, 503);
    assert!(told.starts_with("[-]starting failed: "), "{told}");
    let (status, told) = starting.probe("/admin/v1/status").await;
    assert!(status == 503 && told.contains("overloaded"), "{told}");

    starting.program.signal("HUP");
    starting.program.line("that it changes nothing", |line| {
        line.contains("SIGHUP changes nothing").then_some(())
    });
    assert_eq!(starting.probe("/livez").await.0, 200);

    starting.program.signal("TERM");
    let ended = starting.program.ended();
    ended.ok();
    assert!(ended.stderr.contains("stopped while it was starting"), "{ended:#?}");
    assert!(!ended.stderr.contains("\"serving\""), "{ended:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_while_it_started_is_answered_by_the_gateway_afterwards() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let starting = start(folder.path());
    assert_eq!(starting.probe("/readyz").await.0, 503);
    starting
        .program
        .line("that it serves", |line| line.contains("\"serving\"").then_some(()));
    assert_eq!(starting.probe("/readyz").await, (200, "ok\n".to_owned()));
    assert_eq!(starting.probe("/admin/v1/status").await.0, 200);
    starting.program.signal("TERM");
    starting.program.ended().ok();
}
