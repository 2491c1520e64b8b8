//! The same reads through every surface that has them.
//!
//! Invariant: the first way of a case is plain REST, and all of its ways ask for the same.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Failed;
use crate::client::Target;
use crate::gateway::KEY;
use crate::harness::http::{Client, send};
use crate::roles::REPO;
use crate::upstream::MODEL_ID;

/// The newest revision of MCP, of which every request stands by itself.
const REVISION: &str = "2026-07-28";

/// What is read.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum Read {
    Repo,
    Model,
}

impl Read {
    /// What a right answer has, whatever its form.
    fn sign(self) -> &'static str {
        match self {
            Read::Repo => "https://github.com/octocat/Hello-World",
            Read::Model => MODEL_ID,
        }
    }
}

/// What is read, from the cache or not, through what.
pub struct Case {
    pub what: &'static str,
    pub read: Read,
    /// Not from the cache.
    pub fresh: bool,
    pub ways: Vec<Way>,
}

pub struct Way {
    pub name: &'static str,
    pub through: Through,
}

pub enum Through {
    Http(Box<Target>),
    /// A program calls the gateway that it embeds.
    Nothing,
}

/// All of them, at a gateway.
pub fn cases(address: SocketAddr) -> Result<Vec<Case>, Failed> {
    let kinds = [
        ("a repository, from the cache", Read::Repo, false),
        ("a repository, asked for anew", Read::Repo, true),
        ("a model, from the cache", Read::Model, false),
        ("a model, asked for anew", Read::Model, true),
    ];
    let cases = kinds.into_iter().map(|(what, read, fresh)| {
        let http = ways(read, fresh).into_iter().map(|(name, asked)| {
            let through = Through::Http(Box::new(asked.target(address, fresh)?));
            Ok(Way { name, through })
        });
        let mut ways = http.collect::<Result<Vec<_>, Failed>>()?;
        ways.push(Way {
            name: "in-process Rust",
            through: Through::Nothing,
        });
        Ok(Case {
            what,
            read,
            fresh,
            ways,
        })
    });
    cases.collect()
}

/// A request, without what all have.
struct Asked {
    path: String,
    body: Option<Value>,
    headers: Vec<(&'static str, &'static str)>,
}

impl Asked {
    fn at(path: String) -> Self {
        Asked {
            path,
            body: None,
            headers: vec![],
        }
    }

    fn target(self, address: SocketAddr, fresh: bool) -> Result<Target, Failed> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {KEY}"))?);
        if fresh {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        if self.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in self.headers {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        Ok(Target {
            address,
            path: self.path,
            headers,
            body: self.body.map_or_else(Bytes::new, |body| body.to_string().into()),
            expect: None,
        })
    }
}

fn ways(read: Read, fresh: bool) -> Vec<(&'static str, Asked)> {
    match read {
        Read::Repo => {
            let fields = "neutralId name path owner description visibility defaultBranch archived fork webUrl cloneUrl \
                createdAt updatedAt";
            let query = format!("{{ gitRepoGet(repo: \"{REPO}\") {{ {fields} }} }}");
            vec![
                ("REST", Asked::at(format!("/v1/git/repos/{REPO}"))),
                ("GraphQL", graphql(&query)),
                (
                    "MCP",
                    mcp("/mcp?toolsets=git", "git_repo_get", &json!({ "repo": REPO }), fresh),
                ),
            ]
        }
        Read::Model => {
            let query = format!("{{ aiModelsGet(model: \"{MODEL_ID}\") {{ neutralId name owner createdAt }} }}");
            let arguments = json!({ "model": MODEL_ID });
            let mut anthropic = Asked::at(format!("/anthropic/v1/models/{MODEL_ID}"));
            anthropic.headers.push(("anthropic-version", "2023-06-01"));
            vec![
                ("REST", Asked::at(format!("/v1/ai/models/{MODEL_ID}"))),
                ("GraphQL", graphql(&query)),
                ("MCP", mcp("/mcp?toolsets=ai", "ai_models_get", &arguments, fresh)),
                ("OpenAI dialect", Asked::at(format!("/openai/v1/models/{MODEL_ID}"))),
                ("Anthropic dialect", anthropic),
            ]
        }
    }
}

fn graphql(query: &str) -> Asked {
    Asked {
        body: Some(json!({ "query": query })),
        ..Asked::at("/graphql".to_owned())
    }
}

/// A tool's call. What is said beside its arguments has no header there.
fn mcp(path: &str, tool: &'static str, arguments: &Value, fresh: bool) -> Asked {
    let mut params = json!({ "name": tool, "arguments": arguments, "_meta": {
        "io.modelcontextprotocol/protocolVersion": REVISION, "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1" } } });
    if fresh {
        params["_meta"]["mosaic/no_cache"] = true.into();
    }
    Asked {
        path: path.to_owned(),
        body: Some(json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })),
        headers: vec![
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", REVISION),
            ("mcp-method", "tools/call"),
            ("mcp-name", tool),
        ],
    }
}

/// Asks once through each, and reads what comes: some tell failures by a status of 200.
pub async fn try_all(cases: &[Case]) -> Result<(), Failed> {
    let client = Client::new();
    for case in cases {
        for way in &case.ways {
            let Through::Http(target) = &way.through else { continue };
            let method = if target.body.is_empty() {
                Method::GET
            } else {
                Method::POST
            };
            let url = format!("http://{}{}", target.address, target.path);
            let request = client.0.request(method, url).headers(target.headers.clone());
            let reply = send(request.body(target.body.clone()), &[]).await;
            let failed = ["\"errors\":", "\"isError\":true", "\"error\":"]
                .iter()
                .any(|sign| reply.text.contains(sign));
            if reply.status != 200 || failed || !reply.text.contains(case.read.sign()) {
                return Err(format!("{}, {}: {reply:?}", case.what, way.name).into());
            }
        }
    }
    Ok(())
}
