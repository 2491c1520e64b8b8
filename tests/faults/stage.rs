//! Equivalent forges behind the program.
//!
//! Invariant: a request arrives at a forge only because a test's call was made: nobody asks for health.

use std::time::Duration;

use mosaic::sandbox::{Effect, Fault, Sandbox, SandboxConfig, ServerConfig};
use serde_json::Value;

use crate::harness::http::Reply;
use crate::harness::{Gateway, Setup, Stage, configuration, credentials};

/// A read that the cache must not answer.
pub const FRESH: &str = "/v1/git/repos/acme/api?no_cache=true";
/// The same read where the cache may.
pub const READ: &str = "/v1/git/repos/acme/api";

/// So many forges of one kind, `forge-1` and on, equivalent by a route, behind the program with these settings more.
pub async fn forges(count: usize, tables: &str) -> Stage {
    forges_with(count, tables, &[]).await
}

/// The same, with variables for the program.
pub async fn forges_with(count: usize, tables: &str, env: &[(&str, &str)]) -> Stage {
    let servers = (1..=count).map(|number| {
        let name = format!("forge-{number}");
        let mut server = ServerConfig::new(&name, "github", format!("token-of-{name}"));
        // No test is about how much a forge grants.
        server.requests_per_window = Some(1_000_000_000);
        server.chunk_pace = Duration::ZERO;
        server
    });
    let config = SandboxConfig {
        servers: servers.collect(),
    };
    let sandbox = Sandbox::start(config).await.expect("a sandbox");
    let setup = Setup {
        tables: tables.to_owned(),
        env: env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Setup::default()
    };
    let gateway = Gateway::serve(&configuration(&sandbox, &setup), credentials(&sandbox, &setup)).await;
    Stage { sandbox, gateway }
}

/// From now on `effect` is what requests to the forge `name` meet; so many times, or always.
pub fn strike(stage: &Stage, name: &str, effect: Effect, times: Option<u32>) {
    let mut fault = Fault::new(effect);
    fault.times = times;
    stage.server(name).faults().add(fault).expect("a sound fault");
}

/// Requests that arrived at each forge, in their order.
pub fn arrived(stage: &Stage) -> Vec<u64> {
    let servers = stage.sandbox.servers().iter();
    servers.map(|server| server.requests().total).collect()
}

/// How many attempts an answer says that it took.
pub fn attempts(reply: &Reply) -> u32 {
    reply.header("x-mosaic-attempts").parse().expect("a number")
}

/// The state of the circuit of the forge `name`.
pub async fn circuit(stage: &Stage, name: &str) -> String {
    let status = stage.gateway.admin("/admin/v1/status").await.ok();
    let rows = status["providers"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["name"] == name).expect("it is shown");
    row["breaker"]["state"].as_str().expect("a state").to_owned()
}

/// The lines at the end of calls in the program's log, as JSON objects.
pub fn calls_told(log: &str) -> Vec<Value> {
    let lines = log.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        line
    });
    let ends = lines.filter(|line| line["target"] == "mosaic::calls" && !field(line, "attempts").is_null());
    ends.collect()
}

/// What a line tells of a call.
pub fn field<'a>(line: &'a Value, name: &str) -> &'a Value {
    let own = &line[name];
    if own.is_null() { &line["fields"][name] } else { own }
}
