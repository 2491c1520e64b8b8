//! The built program as a process.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use super::SOON;

/// How a process ended, and all that it wrote.
#[derive(Debug)]
pub struct Ended {
    /// None where a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Its standard output, after it ended well.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:#?}");
        &self.stdout
    }

    /// Its standard output as JSON, after it ended well.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.ok()).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Runs a command line to its end.
pub fn run(args: &[&str], env: &[(String, String)]) -> Ended {
    Program::start(args, env).ended()
}

/// A running process. It is killed where a test forgets it.
pub struct Program {
    child: Mutex<Child>,
    /// Lines of both outputs as they come.
    lines: Mutex<Receiver<String>>,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    readers: Mutex<Vec<JoinHandle<()>>>,
}

impl Program {
    /// Starts `mosaic` with `args`. Of the environment it sees `env`, and nothing that begins with MOSAIC.
    pub fn start(args: &[&str], env: &[(String, String)]) -> Program {
        Program::run(
            Command::new(env!("CARGO_BIN_EXE_mosaic"))
                .args(args)
                .envs(env.iter().cloned()),
        )
    }

    /// Starts any command.
    pub fn run(command: &mut Command) -> Program {
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MOSAIC")) {
            if !command.get_envs().any(|(given, _)| given == name) {
                command.env_remove(name);
            }
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (sender, lines) = mpsc::channel();
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let readers = vec![
            copy(child.stdout.take().expect("piped"), &stdout, sender.clone()),
            copy(child.stderr.take().expect("piped"), &stderr, sender),
        ];
        Program {
            child: Mutex::new(child),
            lines: Mutex::new(lines),
            stdout,
            stderr,
            readers: Mutex::new(readers),
        }
    }

    /// The first line from now on of which `read` makes something.
    #[track_caller]
    pub fn line<T>(&self, what: &str, read: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + SOON;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let next = self.lines.lock().unwrap().recv_timeout(left);
            match next {
                Ok(line) => {
                    if let Some(found) = read(&line) {
                        return found;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no line said {what} in time:\n{}", self.written()),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended and no line said {what}:\n{}", self.written())
                }
            }
        }
    }

    /// A field of what Linux tells of its memory, in KiB: `VmRSS`, `VmHWM`.
    pub fn memory_kib(&self, field: &str) -> u64 {
        let told = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let mut lines = told.lines();
        let rest = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let number = rest.and_then(|rest| rest.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).expect("a number")
    }

    /// Sends a signal, by its name without SIG.
    pub fn signal(&self, name: &str) {
        let pid = self.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .expect("kill is there");
        assert!(sent.success(), "kill -s {name}");
    }

    /// Its process's id.
    pub fn id(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    /// What it has written to standard output up to now.
    pub fn stdout(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    /// What it has written to standard error up to now.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    fn written(&self) -> String {
        format!("{}\n{}", self.stdout(), self.stderr())
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ended(&self) -> Ended {
        let deadline = Instant::now() + SOON;
        let status = loop {
            if let Some(status) = self.child.lock().unwrap().try_wait().expect("a child of ours") {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.written());
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        for reader in self.readers.lock().unwrap().drain(..) {
            reader.join().expect("a reader of lines does not panic");
        }
        Ended {
            code: status.code(),
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        // It has ended already, as a rule.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn copy(from: impl Read + Send + 'static, kept: &Arc<Mutex<String>>, lines: mpsc::Sender<String>) -> JoinHandle<()> {
    let kept = kept.clone();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut bytes = Vec::new();
        while matches!(from.read_until(b'\n', &mut bytes), Ok(1..)) {
            let line = String::from_utf8_lossy(&bytes).into_owned();
            kept.lock().unwrap().push_str(&line);
            // Nobody may be waiting for lines any more.
            let _ = lines.send(line.trim_end().to_owned());
            bytes.clear();
        }
    })
}
