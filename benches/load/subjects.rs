//! The subjects: what is loaded, and the processes that they are.
//!
//! Invariant: all stand in front of one upstream, and each writes an access log or none as its users have it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use tempfile::TempDir;

use crate::Failed;
use crate::client::Target;
use crate::process::Process;
use crate::roles::{BARE, FLAG, REPO, UPSTREAM};
use crate::{gateway, nginx};

pub const NGINX_PROXY: &str = "nginx proxy_pass";
pub const NGINX_CACHE: &str = "nginx proxy_cache";
pub const BARE_TYPED: &str = "bare typed";
pub const BARE_STATIC: &str = "bare static";
pub const BARE_RELAY: &str = "bare relay";
pub const MOSAIC_PASS: &str = "mosaic pass-through";
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
        let (upstream, forge) = role(&[UPSTREAM])?;
        let mut all = Subjects::default();

        let address = free_address()?;
        let nginx = nginx::start(scratch.path(), address, forge)?;
        all.add(
            nginx,
            address,
            [
                (NGINX_PROXY, format!("/proxy/repos/{REPO}")),
                (NGINX_CACHE, format!("/cache/repos/{REPO}")),
            ],
        );
        let (bare, address) = role(&[BARE, &forge.to_string()])?;
        all.add(
            bare,
            address,
            [
                (BARE_TYPED, format!("/typed/{REPO}")),
                (BARE_STATIC, "/static".to_owned()),
                (BARE_RELAY, format!("/relay/repos/{REPO}")),
            ],
        );
        let program = Path::new(env!("CARGO_BIN_EXE_mosaic"));
        all.add_gateway(
            program,
            &scratch.path().join("mosaic"),
            forge,
            [MOSAIC_MISS, MOSAIC_HIT],
            Some(MOSAIC_PASS),
        )?;
        if let Some(program) = beside {
            all.add_gateway(
                program,
                &scratch.path().join("beside"),
                forge,
                [BESIDE_MISS, BESIDE_HIT],
                None,
            )?;
        }
        all.processes.push(upstream);
        all.scratch = Some(scratch);
        Ok(all)
    }

    fn add(&mut self, process: Process, address: SocketAddr, paths: impl IntoIterator<Item = (&'static str, String)>) {
        for (name, path) in paths {
            let target = Target {
                address,
                path,
                headers: HeaderMap::new(),
                expect: None,
            };
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
        passed: Option<&'static str>,
    ) -> Result<(), Failed> {
        let (process, address) = gateway::start(program, scratch, forge)?;
        let path = format!("/v1/git/repos/{REPO}");
        let before = self.subjects.len();
        let passing = passed.map(|name| (name, format!("/proxy/forge-a/repos/{REPO}")));
        let typed = [(miss, format!("{path}?no_cache=true")), (hit, path)];
        self.add(process, address, typed.into_iter().chain(passing));
        let key = HeaderValue::from_str(&format!("Bearer {}", gateway::KEY))?;
        for subject in &mut self.subjects[before..] {
            subject.target.headers.insert(AUTHORIZATION, key.clone());
            subject.target.expect = Some(match subject.name {
                name if name == miss => ("cache-status", "; fwd="),
                name if name == hit => ("cache-status", "; hit"),
                _ => ("x-mosaic-provider", "forge-a"),
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
