//! `mosaic serve` with everything on: a key, a tenant whose limits are counted and never reached, a rule, two instances
//! with their breakers, metrics and access log as they are by default.
//!
//! Invariant: everything that it writes lies in a scratch folder of its own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Failed;
use crate::process::Process;

/// What callers present. It opens nothing but this bench.
pub const KEY: &str = "load-bench-key-0123456789";

/// The variables that its configuration refers to.
pub const ENV: [(&str, &str); 2] = [("LOAD_KEY", KEY), ("LOAD_TOKEN", "load-upstream-token")];
/// The name of its configuration, in its folder.
pub const FILE: &str = "mosaic.toml";

/// Starts the server that `program` is, and tells where its public listener is.
pub fn start(program: &Path, scratch: &Path, forge: SocketAddr) -> Result<(Process, SocketAddr), Failed> {
    fs::create_dir_all(scratch)?;
    let (config, log) = (scratch.join(FILE), scratch.join("mosaic.log"));
    fs::write(&config, configuration(forge))?;
    let mut command = Command::new(program);
    command.args(["serve", "--config"]).arg(&config);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MOSAIC")) {
        command.env_remove(name);
    }
    let mut process = Process::start(command.envs(ENV).stdout(Stdio::null()).stderr(File::create(&log)?))?;
    // The line that tells both listeners: … serving public=127.0.0.1:1234 admin=127.0.0.1:5678
    let told = || {
        let text = fs::read_to_string(&log).ok()?;
        let (_, rest) = text.split_once("public=")?;
        rest.split_once(char::is_whitespace)?.0.parse().ok()
    };
    let address = process.wait_for("mosaic serve", told).map_err(|error| {
        let said = fs::read_to_string(&log).unwrap_or_default();
        format!("{error}\n{said}")
    })?;
    Ok((process, address))
}

fn configuration(forge: SocketAddr) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
[keys.bench]
key = "env:LOAD_KEY"
tenant = "bench"
[tenants.bench]
rate_per_second = 1000000
burst = 1000000
max_in_flight = 1000
providers = ["forge-a", "forge-b", "model-a"]
[providers.forge-a]
kind = "github"
base_url = "http://{forge}"
token = "env:LOAD_TOKEN"
[providers.forge-b]
kind = "github"
base_url = "http://{forge}"
token = "env:LOAD_TOKEN"
[providers.model-a]
kind = "openai"
base_url = "http://{forge}/v1"
token = "env:LOAD_TOKEN"
models = ["*"]
health_check = false
[[routes]]
service = "git"
resource = "octocat/*"
tenant = "bench"
providers = ["forge-a", "forge-b"]
"#
    )
}
