//! The subjects: what is loaded, and the processes that they are.
//!
//! Invariant: all stand in front of one upstream, and each writes an access log or none as its users have it.

use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use tempfile::TempDir;

use crate::Failed;
use crate::client::Target;
use crate::process::Process;
use crate::roles::{self, BARE, REPO, UPSTREAM};
use crate::upstream::MODEL_ID;
use crate::{gateway, nginx, peers};

pub const NGINX_PROXY: &str = "nginx proxy_pass";
pub const NGINX_CACHE: &str = "nginx proxy_cache";
pub const BARE_TYPED: &str = "bare typed";
pub const BARE_STATIC: &str = "bare static";
pub const BARE_RELAY: &str = "bare relay";
pub const MOSAIC_PASS: &str = "mosaic pass-through";
pub const NGINX_CHAT: &str = "nginx proxy_pass of a chat";
pub const BARE_CHAT: &str = "bare relay of a chat";
pub const MOSAIC_CHAT: &str = "mosaic chat";
pub const MOSAIC_CHAT_PASS: &str = "mosaic pass-through of a chat";
pub const DIALECT_CHAT: &str = "OpenAI dialect, chat";
pub const NGINX_STREAM: &str = "nginx proxy_pass, streamed chat";
pub const MOSAIC_STREAM_PASS: &str = "mosaic pass-through, streamed chat";
pub const DIALECT_STREAM: &str = "OpenAI dialect, streamed chat";
pub const MOSAIC_MISS: &str = "mosaic miss";
pub const MOSAIC_HIT: &str = "mosaic L1 hit";
pub const BESIDE_MISS: &str = "other build's miss";
pub const BESIDE_HIT: &str = "other build's L1 hit";

/// Where the dialect, and the servers that speak as OpenAI does, are asked.
const COMPLETIONS: &str = "chat/completions";
/// A stream takes as long as its pieces take to come: so much fewer are asked for.
const STREAMS: usize = 20;

/// What a subject is asked for.
#[derive(Clone, Copy, PartialEq)]
pub enum Asked {
    Repo,
    Chat,
    Stream,
}

impl Asked {
    /// What is sent by POST, to a server that calls the model so.
    pub fn body(self, model: &str) -> Bytes {
        let messages =
            r#"[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Hello!"}]"#;
        match self {
            Asked::Repo => Bytes::new(),
            Asked::Chat => format!(r#"{{"model":"{model}","messages":{messages}}}"#).into(),
            Asked::Stream => format!(r#"{{"model":"{model}","messages":{messages},"stream":true}}"#).into(),
        }
    }
}

/// One thing that is measured.
pub struct Subject {
    pub name: &'static str,
    pub target: Target,
    /// Of all requests of a turn it gets one part of so many.
    pub share: usize,
    /// The index of its process; a process may be several subjects, of which one is loaded at a time.
    process: usize,
}

/// All subjects, their processes, and what these stand on. The upstream is the last process to be stopped.
#[derive(Default)]
pub struct Subjects {
    subjects: Vec<Subject>,
    processes: Vec<Process>,
    scratch: Option<TempDir>,
}

impl Subjects {
    /// Starts everything; with `beside`, another build of the server too, to compare two; with `peers`, the gateways of
    /// others that are installed there.
    pub fn start(beside: Option<&Path>, peers: Option<&Path>) -> Result<Self, Failed> {
        let scratch = scratch()?;
        let (upstream, forge) = roles::start(&[UPSTREAM])?;
        let mut all = Subjects::default();

        let (nginx, address) = nginx::start(scratch.path(), forge)?;
        all.add(
            nginx,
            (address, MODEL_ID),
            [
                (NGINX_PROXY, Asked::Repo, format!("/proxy/repos/{REPO}")),
                (NGINX_CACHE, Asked::Repo, format!("/cache/repos/{REPO}")),
                (NGINX_CHAT, Asked::Chat, format!("/proxy/v1/{COMPLETIONS}")),
                (NGINX_STREAM, Asked::Stream, format!("/proxy/v1/{COMPLETIONS}")),
            ],
        );
        let (bare, address) = roles::start(&[BARE, &forge.to_string()])?;
        all.add(
            bare,
            (address, MODEL_ID),
            [
                (BARE_TYPED, Asked::Repo, format!("/typed/{REPO}")),
                (BARE_STATIC, Asked::Repo, "/static".to_owned()),
                (BARE_RELAY, Asked::Repo, format!("/relay/repos/{REPO}")),
                (BARE_CHAT, Asked::Chat, format!("/relay/v1/{COMPLETIONS}")),
            ],
        );
        let program = Path::new(env!("CARGO_BIN_EXE_mosaic"));
        all.add_gateway(
            program,
            &scratch.path().join("mosaic"),
            forge,
            [MOSAIC_MISS, MOSAIC_HIT],
            true,
        )?;
        if let Some(program) = beside {
            all.add_gateway(
                program,
                &scratch.path().join("beside"),
                forge,
                [BESIDE_MISS, BESIDE_HIT],
                false,
            )?;
        }
        if let Some(place) = peers {
            all.add_peers(place, scratch.path(), forge)?;
        }
        all.processes.push(upstream);
        all.scratch = Some(scratch);
        Ok(all)
    }

    fn add(
        &mut self,
        process: Process,
        (address, model): (SocketAddr, &str),
        paths: impl IntoIterator<Item = (&'static str, Asked, String)>,
    ) {
        for (name, asked, path) in paths {
            let mut headers = HeaderMap::new();
            if asked != Asked::Repo {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            let target = Target {
                address,
                path,
                headers,
                body: asked.body(model),
                expect: None,
            };
            self.subjects.push(Subject {
                name,
                target,
                share: if asked == Asked::Stream { STREAMS } else { 1 },
                process: self.processes.len(),
            });
        }
        self.processes.push(process);
    }

    fn add_peers(&mut self, place: &Path, scratch: &Path, upstream: SocketAddr) -> Result<(), Failed> {
        for peer in peers::start(place, scratch, upstream)? {
            let before = self.subjects.len();
            let paths = peer
                .asked
                .iter()
                .map(|(name, asked)| (*name, *asked, peer.path.clone()));
            self.add(peer.process, (peer.address, peer.model), paths);
            for subject in &mut self.subjects[before..] {
                subject.target.headers.extend(peer.headers.clone());
                subject.share *= peer.share;
            }
        }
        Ok(())
    }

    fn add_gateway(
        &mut self,
        program: &Path,
        scratch: &Path,
        forge: SocketAddr,
        [miss, hit]: [&'static str; 2],
        passes: bool,
    ) -> Result<(), Failed> {
        let (process, address) = gateway::start(program, scratch, forge)?;
        let path = format!("/v1/git/repos/{REPO}");
        let before = self.subjects.len();
        let passing = [
            (MOSAIC_PASS, Asked::Repo, format!("/proxy/forge-a/repos/{REPO}")),
            (MOSAIC_CHAT, Asked::Chat, "/v1/ai/chat/complete".to_owned()),
            (MOSAIC_CHAT_PASS, Asked::Chat, format!("/proxy/model-a/{COMPLETIONS}")),
            (DIALECT_CHAT, Asked::Chat, format!("/openai/v1/{COMPLETIONS}")),
            (
                MOSAIC_STREAM_PASS,
                Asked::Stream,
                format!("/proxy/model-a/{COMPLETIONS}"),
            ),
            (DIALECT_STREAM, Asked::Stream, format!("/openai/v1/{COMPLETIONS}")),
        ];
        let passing = passing.into_iter().filter(|_| passes);
        let typed = [
            (miss, Asked::Repo, format!("{path}?no_cache=true")),
            (hit, Asked::Repo, path),
        ];
        self.add(process, (address, MODEL_ID), typed.into_iter().chain(passing));
        let key = HeaderValue::from_str(&format!("Bearer {}", gateway::KEY))?;
        for subject in &mut self.subjects[before..] {
            subject.target.headers.insert(AUTHORIZATION, key.clone());
            subject.target.expect = Some(match subject.name {
                name if name == miss => ("cache-status", "; fwd="),
                name if name == hit => ("cache-status", "; hit"),
                MOSAIC_PASS => ("x-mosaic-provider", "forge-a"),
                _ => ("x-mosaic-provider", "model-a"),
            });
        }
        Ok(())
    }

    /// The subjects, each round beginning with another one, so that none always comes after the same.
    pub fn in_turn(&self, round: usize) -> impl Iterator<Item = &Subject> {
        let count = self.subjects.len();
        (0..count).map(move |index| &self.subjects[(round + index) % count])
    }

    /// The process of a subject.
    pub fn process(&self, subject: &Subject) -> &Process {
        &self.processes[subject.process]
    }
}

/// In memory, where the machine has such a place: nobody's disk is measured.
fn scratch() -> Result<TempDir, Failed> {
    let memory = Path::new("/dev/shm");
    let mut folder = tempfile::Builder::new();
    folder.prefix("mosaic-load-");
    Ok(if memory.is_dir() {
        folder.tempdir_in(memory)?
    } else {
        folder.tempdir()?
    })
}
