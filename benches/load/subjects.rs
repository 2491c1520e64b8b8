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
use crate::{gateway, nginx};

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
/// What a model is asked, by its vendor's API and by ours.
const ASKED: &str = r#"{"model":"gpt-5.4","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Hello!"}]}"#;
pub const MOSAIC_MISS: &str = "mosaic miss";
pub const MOSAIC_HIT: &str = "mosaic L1 hit";
pub const BESIDE_MISS: &str = "other build's miss";
pub const BESIDE_HIT: &str = "other build's L1 hit";

/// One thing that is measured.
pub struct Subject {
    pub name: &'static str,
    pub target: Target,
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
    /// Starts everything; with `beside`, another build of the server too, to compare two.
    pub fn start(beside: Option<&Path>) -> Result<Self, Failed> {
        let scratch = scratch()?;
        let (upstream, forge) = roles::start(&[UPSTREAM])?;
        let mut all = Subjects::default();

        let (nginx, address) = nginx::start(scratch.path(), forge)?;
        all.add(
            nginx,
            address,
            [
                (NGINX_PROXY, format!("/proxy/repos/{REPO}")),
                (NGINX_CACHE, format!("/cache/repos/{REPO}")),
                (NGINX_CHAT, "/proxy/v1/chat/completions".to_owned()),
            ],
        );
        let (bare, address) = roles::start(&[BARE, &forge.to_string()])?;
        all.add(
            bare,
            address,
            [
                (BARE_TYPED, format!("/typed/{REPO}")),
                (BARE_STATIC, "/static".to_owned()),
                (BARE_RELAY, format!("/relay/repos/{REPO}")),
                (BARE_CHAT, "/relay/v1/chat/completions".to_owned()),
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
        all.processes.push(upstream);
        all.scratch = Some(scratch);
        Ok(all)
    }

    fn add(&mut self, process: Process, address: SocketAddr, paths: impl IntoIterator<Item = (&'static str, String)>) {
        for (name, path) in paths {
            let chats = [NGINX_CHAT, BARE_CHAT, MOSAIC_CHAT, MOSAIC_CHAT_PASS].contains(&name);
            let mut target = Target {
                address,
                path,
                headers: HeaderMap::new(),
                body: Bytes::new(),
                expect: None,
            };
            if chats {
                target.body = Bytes::from_static(ASKED.as_bytes());
                let json = HeaderValue::from_static("application/json");
                target.headers.insert(CONTENT_TYPE, json);
            }
            let process = self.processes.len();
            self.subjects.push(Subject { name, target, process });
        }
        self.processes.push(process);
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
            (MOSAIC_PASS, format!("/proxy/forge-a/repos/{REPO}")),
            (MOSAIC_CHAT, "/v1/ai/chat/complete".to_owned()),
            (MOSAIC_CHAT_PASS, "/proxy/model-a/chat/completions".to_owned()),
        ];
        let passing = passing.into_iter().filter(|_| passes);
        let typed = [(miss, format!("{path}?no_cache=true")), (hit, path)];
        self.add(process, address, typed.into_iter().chain(passing));
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
