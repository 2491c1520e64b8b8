//! The vendors' own clients, and others', through the gateway's pass-through to Prism.
//!
//! Invariant: what a client sends arrives as it sends it alone, and as the vendor describes it.

use std::path::Path;

use serde_json::Value;

use crate::harness::Gateway;
use crate::harness::tools::{drive, node, python, tool};
use crate::servers::{Prism, Recorded, Recorder};
use crate::upstream::specs;

/// A provider's credential, which no client knows.
const TOKEN: &str = "a-token-of-the-test";
/// What the clients have instead.
const KEY: &str = "mos-key-of-the-clients";

/// A gateway in front of one provider of this kind, which it calls `prism`.
async fn gateway(kind: &str, origin: &str) -> Gateway {
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n\
         [keys.acme]\nkey = \"env:KEY\"\ntenant = \"acme\"\n[tenants.acme]\n\
         [providers.prism]\nkind = \"{kind}\"\nbase_url = \"{origin}\"\ntoken = \"env:TOKEN\"\nhealth_check = false\n"
    );
    let env = [("KEY", KEY), ("TOKEN", TOKEN)];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Gateway::serve(&config, env.into()).await
}

/// A request that a client of these scripts must not need to send.
fn wrong(seen: &[Recorded]) -> Vec<String> {
    let ours = |violation: &&Value| violation["location"][0] != "response";
    let is_wrong =
        |request: &&Recorded| request.refusal.is_some() || request.violations.iter().filter(ours).count() > 0;
    seen.iter()
        .filter(is_wrong)
        .map(|request| format!("{request:?}"))
        .collect()
}

/// Runs each script at Prism, and through a gateway to Prism.
pub async fn same_through(kind: &str, recorder: &Recorder, origin: &str, scripts: &[&str]) {
    let gateway = gateway(kind, origin).await;
    let through = format!("http://{}/proxy/prism", gateway.public);
    for script in scripts {
        let path = format!("prism/clients/{script}");
        let mut runs = Vec::new();
        for base in [origin, &through] {
            let command = if script.ends_with(".py") { python() } else { node() };
            let Some(command) = command else { return };
            let before = recorder.seen().len();
            drive(command, &path, base, KEY).await;
            let seen = recorder.seen().split_off(before);
            let faults = wrong(&seen);
            assert!(faults.is_empty(), "{script} at {base}: {}", faults.join("\n"));
            runs.push(seen.into_iter().map(|request| request.line).collect::<Vec<_>>());
        }
        assert!(runs[0].len() > 2, "{script}: {runs:?}");
        assert_eq!(runs[0], runs[1], "{script}");
    }
    gateway.program.signal("TERM");
    gateway.program.ended().ok();
}

/// As [`same_through`], with a Prism of its own for one of the collected descriptions.
async fn same_as_described(kind: &str, description: &str, scripts: &[&str]) {
    let (Some(binary), Some(folder)) = (tool("MOSAIC_PRISM"), specs::folder()) else {
        return;
    };
    let prism = Prism::start(&binary, &Path::new(&folder).join(description)).await;
    let recorder = Recorder::default();
    let origin = recorder.serve(prism.origin.clone()).await;
    same_through(kind, &recorder, &origin, scripts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openais_clients_send_through_us_what_openai_describes() {
    same_as_described("openai", "openai.openapi.json", &["openai_sdk.py", "openai_sdk.cjs"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anthropics_clients_send_through_us_what_anthropic_describes() {
    let scripts = ["anthropic_sdk.py", "anthropic_sdk.cjs"];
    same_as_described("anthropic", "anthropic.openapi.yaml", &scripts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notions_client_sends_through_us_what_notion_describes() {
    same_as_described("notion", "notion.openapi.json", &["notion_sdk.cjs"]).await;
}
