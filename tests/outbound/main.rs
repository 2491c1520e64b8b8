//! The ways out of the program: TLS, proxies and connections, against real servers.
//!
//! Invariant: every server here is a socket of its own, and what it was sent is what is judged.

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../upstream/mod.rs"]
mod upstream;

mod connections;
mod hostile;
mod proxies;
mod servers;
mod trust;

use harness::Gateway;
use mosaic::sandbox::{Sandbox, ServerHandle};

/// What every read here asks for; the sandbox has it.
const READ: &str = "/v1/git/repos/acme%2Fapi";

/// The forge of the sandbox that stands behind what a test puts in front of it.
fn forge(sandbox: &Sandbox) -> &ServerHandle {
    sandbox.server("github-a").expect("one of the default pair")
}

/// A configuration with one forge at `base_url`, more lines of its table, and more tables.
fn configuration(base_url: &str, more: &str, tables: &str) -> String {
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n{tables}\n\
         [providers.forge]\nkind = \"github\"\nbase_url = \"{base_url}\"\ntoken = \"env:FORGE_TOKEN\"\n\
         health_check = false\n{more}\n"
    )
}

/// The program's environment: the credential, and `more`.
fn environment(token: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = [("FORGE_TOKEN", token)];
    let all = own.iter().chain(more);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Serves, reads once, and says with which status and what.
async fn read(text: &str, env: Vec<(String, String)>) -> (u16, String) {
    let gateway = Gateway::serve(text, env).await;
    let reply = gateway.get(READ).await;
    (reply.status, reply.text)
}
