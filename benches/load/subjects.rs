//! The subjects: what is loaded, and the processes that they are.
//!
//! Invariant: all stand in front of one upstream, and each has an access log or none as its users have.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use tempfile::TempDir;

use crate::Failed;
use crate::client::Target;
use crate::nginx;
use crate::process::Process;
use crate::roles::{BARE, FLAG, REPO, UPSTREAM};

pub const NGINX_PROXY: &str = "nginx proxy_pass";
pub const NGINX_CACHE: &str = "nginx proxy_cache";
pub const BARE_TYPED: &str = "bare typed";
pub const BARE_STATIC: &str = "bare static";
pub const MOSAIC_MISS: &str = "mosaic miss";
pub const MOSAIC_HIT: &str = "mosaic L1 hit";

/// What callers present to the gateway. It opens nothing but this bench.
const KEY: &str = "load-bench-key-0123456789";

/// One thing that is measured.
pub struct Subject<'a> {
    pub name: &'static str,
    pub target: Target,
    pub process: &'a Process,
}

/// Which of the processes a subject is.
type ProcessOf = fn(&Subjects) -> &Process;

/// All processes. The upstream comes last, for it is dropped last.
pub struct Subjects {
    targets: Vec<(&'static str, Target, ProcessOf)>,
    mosaic: Process,
    nginx: Process,
    bare: Process,
    _upstream: Process,
    _scratch: TempDir,
}

impl Subjects {
    /// Starts everything.
    pub fn start() -> Result<Self, Failed> {
        let scratch = scratch()?;
        let (upstream, forge) = role(&[UPSTREAM])?;
        let (bare, bare_at) = role(&[BARE, &forge.to_string()])?;
        let nginx_at = free_address()?;
        let nginx = nginx::start(scratch.path(), nginx_at, forge)?;
        let (mosaic, mosaic_at) = mosaic(scratch.path(), forge)?;

        let target = |address, path: String, expect| Target {
            address,
            path,
            headers: HeaderMap::new(),
            expect,
        };
        let key = HeaderValue::from_str(&format!("Bearer {KEY}"))?;
        let keyed = |path, expect| Target {
            headers: HeaderMap::from_iter([(AUTHORIZATION, key.clone())]),
            ..target(mosaic_at, path, expect)
        };
        let miss = keyed(
            format!("/v1/git/repos/{REPO}?no_cache=true"),
            Some(("cache-status", "MosAIc; fwd=uri-miss")),
        );
        let hit = keyed(format!("/v1/git/repos/{REPO}"), None);
        let targets: Vec<(_, _, ProcessOf)> = vec![
            (
                NGINX_PROXY,
                target(nginx_at, format!("/proxy/repos/{REPO}"), None),
                |all| &all.nginx,
            ),
            (BARE_TYPED, target(bare_at, format!("/typed/{REPO}"), None), |all| {
                &all.bare
            }),
            (MOSAIC_MISS, miss, |all| &all.mosaic),
            (
                NGINX_CACHE,
                target(nginx_at, format!("/cache/repos/{REPO}"), None),
                |all| &all.nginx,
            ),
            (BARE_STATIC, target(bare_at, "/static".to_owned(), None), |all| {
                &all.bare
            }),
            (MOSAIC_HIT, hit, |all| &all.mosaic),
        ];
        Ok(Subjects {
            targets,
            mosaic,
            nginx,
            bare,
            _upstream: upstream,
            _scratch: scratch,
        })
    }

    /// The subjects, each round beginning with another one, so that none always comes after the same.
    pub fn in_turn(&self, round: usize) -> impl Iterator<Item = Subject<'_>> {
        let count = self.targets.len();
        (0..count).map(move |index| {
            let (name, target, process) = &self.targets[(round + index) % count];
            Subject {
                name,
                target: target.clone(),
                process: process(self),
            }
        })
    }
}

/// In memory, where the machine has such a place: nobody's disk is measured.
fn scratch() -> Result<TempDir, Failed> {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    Ok(tempfile::Builder::new().prefix("mosaic-load-").tempdir_in(folder)?)
}

/// nginx takes no port 0. Between this and its start another process may take the port; then it says so.
fn free_address() -> Result<SocketAddr, Failed> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn role(args: &[&str]) -> Result<(Process, SocketAddr), Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut process = Process::start(command.arg(FLAG).args(args).stdout(Stdio::piped()))?;
    let address = process.first_line()?.parse()?;
    Ok((process, address))
}

fn mosaic(scratch: &Path, forge: SocketAddr) -> Result<(Process, SocketAddr), Failed> {
    let (config, log) = (scratch.join("mosaic.toml"), scratch.join("mosaic.log"));
    fs::write(&config, configuration(forge))?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_mosaic"));
    command.args(["serve", "--config"]).arg(&config);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MOSAIC")) {
        command.env_remove(name);
    }
    command.env("LOAD_KEY", KEY).env("LOAD_TOKEN", "load-upstream-token");
    let mut process = Process::start(command.stdout(Stdio::null()).stderr(File::create(&log)?))?;
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

/// A key, a tenant with limits that are counted and never reached, a rule, two instances, and all else at its default.
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
[providers.forge-a]
kind = "github"
base_url = "http://{forge}"
token = "env:LOAD_TOKEN"
[providers.forge-b]
kind = "github"
base_url = "http://{forge}"
token = "env:LOAD_TOKEN"
[[routes]]
service = "git"
resource = "octocat/*"
tenant = "bench"
providers = ["forge-a", "forge-b"]
"#
    )
}
