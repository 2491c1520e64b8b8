//! A redis-server of a test's own.
//!
//! Invariant: it listens on loopback, writes nothing beyond its temporary folder, and ends with the test.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::PATIENCE;

pub const PASSWORD: &str = "planted-redis-password-7f3a";

pub struct RedisServer {
    program: String,
    port: u16,
    folder: TempDir,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts one. `None`, with a word about it, where there is no redis-server; under CI that fails the test.
    pub fn start() -> Option<Self> {
        let program = std::env::var("MOSAIC_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
        if Command::new(&program).arg("--version").output().is_err() {
            let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!ci, "{program} cannot be run: set MOSAIC_REDIS_SERVER");
            eprintln!("NOT TESTED: {program} cannot be run; set MOSAIC_REDIS_SERVER to test against a real Redis");
            return None;
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut server = RedisServer {
            program,
            port,
            folder: TempDir::new().expect("a folder"),
            child: None,
        };
        server.up();
        Some(server)
    }

    /// Starts it again, empty, after [`kill`](Self::kill).
    pub fn up(&mut self) {
        let port = self.port.to_string();
        let child = Command::new(&self.program)
            .args([
                "--port",
                &port,
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .args(["--requirepass", PASSWORD, "--loglevel", "warning"])
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.expect("redis-server starts"));
        let since = Instant::now();
        while self.try_connect().is_err() {
            assert!(since.elapsed() < PATIENCE, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// As if its machine had lost power.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it is ours");
            child.wait().expect("it ends");
        }
    }

    /// It hangs: its connections stay open and nothing answers.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.expect("kill runs").success());
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    fn try_connect(&self) -> redis::RedisResult<redis::Connection> {
        let url = format!("redis://:{PASSWORD}@127.0.0.1:{}/0", self.port);
        let mut connection = redis::Client::open(url)?.get_connection_with_timeout(Duration::from_secs(1))?;
        redis::cmd("PING").exec(&mut connection)?;
        Ok(connection)
    }

    pub fn connect(&self) -> redis::Connection {
        self.try_connect().expect("it runs")
    }

    /// The names of the keys that begin with `prefix`.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let pattern = format!("{prefix}*");
        redis::cmd("KEYS")
            .arg(pattern)
            .query(&mut self.connect())
            .expect("KEYS")
    }

    pub fn value(&self, key: &str) -> Vec<u8> {
        redis::cmd("GET").arg(key).query(&mut self.connect()).expect("GET")
    }

    /// Does `command` to the only entry that is there.
    pub fn to_the_entry(&self, command: &str, argument: impl redis::ToRedisArgs) {
        let [entry] = &*self.keys("mosaic:e:") else {
            panic!("one entry: {:?}", self.keys(""))
        };
        let mut command = redis::cmd(command);
        command
            .arg(entry)
            .arg(argument)
            .exec(&mut self.connect())
            .expect("it is done");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // A failure here can only mean that it is gone.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
