//! Gateways of others in front of models, each as its makers have it started, with one worker and without what it would keep
//! of calls. They are installed by hand, into one folder, which `MOSAIC_PEERS` names; one that is not there is left out:
//!
//! ```sh
//! cd "$MOSAIC_PEERS"
//! python3 -m venv litellm && litellm/bin/pip install 'litellm[proxy]==1.106.2'
//! python3 -m venv tensorzero && tensorzero/bin/pip install tensorzero==2026.6.0
//! mkdir portkey && npm install --prefix portkey --ignore-scripts @portkey-ai/gateway@1.15.2
//! ```
//!
//! They are asked by their own OpenAI dialects, with a key where they look at one. Portkey does not stream: at this version
//! it answers with a status of 500.
//!
//! Invariant: everything that they write lies in the scratch folder, and they listen on loopback alone.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::Failed;
use crate::nginx::free_address;
use crate::process::Process;
use crate::subjects::Asked;
use crate::upstream::MODEL_ID;

pub const LITELLM_CHAT: &str = "LiteLLM, chat";
pub const LITELLM_STREAM: &str = "LiteLLM, streamed chat";
pub const PORTKEY_CHAT: &str = "Portkey, chat";
pub const TENSORZERO_CHAT: &str = "TensorZero, chat";
pub const TENSORZERO_STREAM: &str = "TensorZero, streamed chat";

/// What one may take to come up: much is imported.
const PATIENCE: Duration = Duration::from_secs(120);
/// What LiteLLM is asked by. It opens nothing but this bench.
const KEY: &str = "sk-load-bench-0123456789";
/// The settings of LiteLLM that have no place in its file.
const LITELLM_ENV: [(&str, &str); 4] = [
    ("LITELLM_MASTER_KEY", KEY),
    ("LITELLM_LOG", "ERROR"),
    ("LITELLM_LOCAL_MODEL_COST_MAP", "True"),
    ("LITELLM_TELEMETRY", "False"),
];
/// Portkey would listen on all addresses.
const LOOPBACK: &str = r#"
const { Server } = require("node:net");
const listen = Server.prototype.listen;
Server.prototype.listen = function (first, ...rest) {
  const port = typeof first === "object" ? first.port : first;
  const told = rest.find((each) => typeof each === "function");
  return listen.call(this, { port, host: "127.0.0.1" }, told);
};
"#;
/// The gateway of TensorZero's package, which takes a port that is free and tells it.
const TENSORZERO: &str = r#"
import os, signal, sys
from tensorzero import _start_http_gateway
config, told = sys.argv[1:]
gateway = _start_http_gateway(
    config_file=config, clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False
)
with open(told + ".part", "w") as file:
    file.write(gateway.base_url)
os.rename(told + ".part", told)
signal.pause()
"#;

/// One of them, started.
pub struct Peer {
    pub process: Process,
    pub address: SocketAddr,
    pub path: String,
    /// What it calls the model.
    pub model: &'static str,
    pub headers: HeaderMap,
    /// As what it is measured.
    pub asked: &'static [(&'static str, Asked)],
    /// It is so slow that of all requests it gets one part of so many.
    pub share: usize,
}

/// Starts those that are installed in `place`, in front of `upstream`.
pub fn start(place: &Path, scratch: &Path, upstream: SocketAddr) -> Result<Vec<Peer>, Failed> {
    let mut peers = vec![];
    let programs = [
        (place.join("tensorzero/bin/python"), tensorzero as Start),
        (
            place.join("portkey/node_modules/@portkey-ai/gateway/build/start-server.js"),
            portkey,
        ),
        (place.join("litellm/bin/litellm"), litellm),
    ];
    for (program, start) in programs.iter().filter(|(program, _)| program.exists()) {
        peers.push(start(program, scratch, upstream)?);
    }
    match peers.is_empty() {
        true => Err(format!("no gateway of others is in {}", place.display()).into()),
        false => Ok(peers),
    }
}

type Start = fn(&Path, &Path, SocketAddr) -> Result<Peer, Failed>;

/// Runs a command that writes to a log of this name.
fn run(command: &mut Command, scratch: &Path, log: &str) -> Result<Process, Failed> {
    let log = File::create(scratch.join(log))?;
    Process::start(
        command
            .current_dir(scratch)
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(log),
    )
}

/// Waits until `ready` finds what it looks for; where it does not, tells what was logged.
fn await_it<T>(
    process: &mut Process,
    scratch: &Path,
    log: &str,
    ready: impl FnMut() -> Option<T>,
) -> Result<T, Failed> {
    process.wait_within(PATIENCE, log, ready).map_err(|error| {
        let said = fs::read_to_string(scratch.join(log)).unwrap_or_default();
        format!("{error}\n{said}").into()
    })
}

fn litellm(program: &Path, scratch: &Path, upstream: SocketAddr) -> Result<Peer, Failed> {
    let (config, log, address) = (scratch.join("litellm.yaml"), "litellm.log", free_address()?);
    let text = format!(
        "model_list:\n  - model_name: {MODEL_ID}\n    litellm_params:\n      model: openai/{MODEL_ID}\n      \
         api_base: http://{upstream}/v1\n      api_key: none\nlitellm_settings:\n  telemetry: false\n"
    );
    fs::write(&config, text)?;
    let mut command = Command::new(program);
    command
        .envs(LITELLM_ENV)
        .args(["--host", "127.0.0.1", "--num_workers", "1"]);
    command
        .args(["--port", &address.port().to_string()])
        .arg("--config")
        .arg(config);
    let mut process = run(&mut command, scratch, log)?;
    await_it(&mut process, scratch, log, || TcpStream::connect(address).ok())?;
    let key = HeaderValue::from_str(&format!("Bearer {KEY}"))?;
    Ok(Peer {
        process,
        address,
        path: "/v1/chat/completions".to_owned(),
        model: MODEL_ID,
        headers: HeaderMap::from_iter([(AUTHORIZATION, key)]),
        asked: &[(LITELLM_CHAT, Asked::Chat), (LITELLM_STREAM, Asked::Stream)],
        share: 40,
    })
}

fn portkey(program: &Path, scratch: &Path, upstream: SocketAddr) -> Result<Peer, Failed> {
    let (preload, log, address) = (scratch.join("loopback.cjs"), "portkey.log", free_address()?);
    fs::write(&preload, LOOPBACK)?;
    let mut command = Command::new("node");
    command
        .env("NODE_ENV", "production")
        .arg("-r")
        .arg(preload)
        .arg(program);
    command.args([format!("--port={}", address.port()), "--headless".to_owned()]);
    let mut process = run(&mut command, scratch, log)?;
    await_it(&mut process, scratch, log, || TcpStream::connect(address).ok())?;
    let host = HeaderValue::from_str(&format!("http://{upstream}/v1"))?;
    let headers = [
        (AUTHORIZATION, HeaderValue::from_static("Bearer none")),
        (
            HeaderName::from_static("x-portkey-provider"),
            HeaderValue::from_static("openai"),
        ),
        (HeaderName::from_static("x-portkey-custom-host"), host),
    ];
    Ok(Peer {
        process,
        address,
        path: "/v1/chat/completions".to_owned(),
        model: MODEL_ID,
        headers: HeaderMap::from_iter(headers),
        asked: &[(PORTKEY_CHAT, Asked::Chat)],
        share: 8,
    })
}

fn tensorzero(program: &Path, scratch: &Path, upstream: SocketAddr) -> Result<Peer, Failed> {
    let (config, told, log) = (
        scratch.join("tensorzero.toml"),
        scratch.join("tensorzero.url"),
        "tensorzero.log",
    );
    let text = format!(
        "[gateway]\nobservability.enabled = false\ndisable_pseudonymous_usage_analytics = true\n\
         [models.\"{MODEL_ID}\"]\nrouting = [\"upstream\"]\n[models.\"{MODEL_ID}\".providers.upstream]\ntype = \"openai\"\n\
         model_name = \"{MODEL_ID}\"\napi_base = \"http://{upstream}/v1/\"\napi_key_location = \"none\"\n"
    );
    fs::write(&config, text)?;
    let mut command = Command::new(program);
    command.args(["-c", TENSORZERO]).arg(config).arg(&told);
    let mut process = run(&mut command, scratch, log)?;
    let url = await_it(&mut process, scratch, log, || fs::read_to_string(&told).ok())?;
    let url = url::Url::parse(&url)?;
    let address = url
        .socket_addrs(|| None)?
        .into_iter()
        .next()
        .ok_or("TensorZero listens nowhere")?;
    Ok(Peer {
        process,
        address,
        path: format!("{}/chat/completions", url.path().trim_end_matches('/')),
        model: "tensorzero::model_name::gpt-5.4",
        headers: HeaderMap::new(),
        asked: &[(TENSORZERO_CHAT, Asked::Chat), (TENSORZERO_STREAM, Asked::Stream)],
        share: 2,
    })
}
