//! What this program is when it is started as a part of the bench: the upstream, or the bare handlers.
//!
//! Invariant: a role binds loopback, writes its address as its only line, and ends with its standard input.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use mosaic::catalogue::git::{Repo, Visibility};
use mosaic::providers::http::http_client;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::Failed;
use crate::process::Process;
use crate::upstream;

/// What begins the command line of a role.
pub const FLAG: &str = "--role";
/// See [`upstream`].
pub const UPSTREAM: &str = "upstream";
/// Serves the same neutral answers as the gateway, with nothing between.
pub const BARE: &str = "bare";
/// Whose repository is asked for.
pub const REPO: &str = "octocat/Hello-World";

/// Our answer, as the golden tests have it.
const NEUTRAL: &str = include_str!("../../tests/golden/github/git.repo.get/neutral.json");

/// Starts this program as a role.
pub fn start(args: &[&str]) -> Result<(Process, SocketAddr), Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut process = Process::start(command.arg(FLAG).args(args).stdout(Stdio::piped()))?;
    let address = process.first_line()?.parse()?;
    Ok((process, address))
}

/// Runs the role that the arguments name.
pub fn run(mut args: VecDeque<String>) -> Result<(), Failed> {
    let role = args.pop_front().unwrap_or_default();
    match (role.as_str(), args.pop_front()) {
        (UPSTREAM, None) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(until_told(upstream::serve)),
        // The runtime that the gateway has.
        (BARE, Some(forge)) => tokio::runtime::Runtime::new()?.block_on(until_told(|listener| bare(listener, forge))),
        _ => Err("there is no such role".into()),
    }
}

/// Binds a listener, tells its address, and serves until the standard input ends.
pub async fn until_told<F: Future<Output = Result<(), Failed>>>(
    serve: impl FnOnce(TcpListener) -> F,
) -> Result<(), Failed> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    // Its own thread, and not the runtime's: nothing else may wait for it.
    let (ended, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let read = std::io::stdin().read_to_end(&mut Vec::new());
        let _over = ended.send(read);
    });
    tokio::select! {
        served = serve(listener) => served,
        _ = told => std::process::exit(0),
    }
}

/// The part of GitHub's repository that is used, as in the gateway's driver.
#[derive(Deserialize)]
struct WireRepo {
    name: String,
    full_name: String,
    owner: WireUser,
    private: bool,
    fork: bool,
    description: Option<String>,
    default_branch: Option<String>,
    #[serde(default)]
    archived: bool,
    html_url: Option<String>,
    clone_url: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

#[derive(Deserialize)]
struct WireUser {
    login: String,
}

impl From<WireRepo> for Repo {
    fn from(wire: WireRepo) -> Self {
        Repo {
            id: format!("forge-a~{}", wire.full_name),
            name: wire.name,
            owner: wire.owner.login,
            description: wire.description,
            visibility: if wire.private {
                Visibility::Private
            } else {
                Visibility::Public
            },
            default_branch: wire.default_branch,
            archived: wire.archived,
            fork: wire.fork,
            parent: None,
            empty: None,
            web_url: wire.html_url.map(Into::into),
            clone_url: wire.clone_url.map(Into::into),
            ssh_url: None,
            created_at: wire.created_at,
            updated_at: wire.updated_at,
            path: wire.full_name,
            raw: None,
        }
    }
}

struct Bare {
    client: reqwest::Client,
    forge: String,
    headers: HeaderMap,
}

async fn bare(listener: TcpListener, forge: String) -> Result<(), Failed> {
    let headers = HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
        (AUTHORIZATION, HeaderValue::from_static("Bearer load-upstream-token")),
    ]);
    let bare = Arc::new(Bare {
        client: http_client()?,
        forge,
        headers,
    });
    let neutral: Value = serde_json::from_str(NEUTRAL)?;
    let bytes = Bytes::from(serde_json::to_vec(&neutral)?);
    let fixed = move || std::future::ready(([(CONTENT_TYPE, "application/json")], bytes.clone()));
    let router = Router::new()
        .route("/typed/{owner}/{name}", get(typed))
        .route("/static", get(fixed))
        .route("/relay/{*path}", any(relay))
        .with_state(bare);
    // A socket that is gone already is seen by who reads it.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    Ok(axum::serve(listener, router).await?)
}

/// Passes a request on as it is, and the answer back: what anybody writes first.
async fn relay(State(bare): State<Arc<Bare>>, request: axum::extract::Request) -> Response {
    let path = request.uri().path().trim_start_matches("/relay");
    let url = format!("http://{}{path}", bare.forge);
    let method = request.method().clone();
    let mut asked = bare.client.request(method.clone(), url).headers(bare.headers.clone());
    if method != http::Method::GET {
        asked = asked.header(CONTENT_TYPE, "application/json");
        asked = asked.body(reqwest::Body::wrap_stream(request.into_body().into_data_stream()));
    }
    let asked = asked.send().await;
    let answer = match asked {
        Ok(answer) => answer,
        Err(error) => return (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    };
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = Response::new(axum::body::Body::from_stream(answer.bytes_stream()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

async fn typed(State(bare): State<Arc<Bare>>, Path((owner, name)): Path<(String, String)>) -> Response {
    match bare.repo(&owner, &name).await {
        Ok(json) => ([(CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

impl Bare {
    async fn repo(&self, owner: &str, name: &str) -> Result<Vec<u8>, Failed> {
        let url = format!("http://{}/repos/{owner}/{name}", self.forge);
        let request = self.client.get(url).headers(self.headers.clone());
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        let repo = Repo::from(serde_json::from_slice::<WireRepo>(&answer)?);
        Ok(serde_json::to_vec(&repo)?)
    }
}
