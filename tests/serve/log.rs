//! The log of a process whose reader is slow, or reads no more.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::harness::http::Client;
use crate::harness::{SOON, soon};

/// A `mosaic serve` whose standard error nobody reads so far.
struct Unread {
    child: Child,
    public: SocketAddr,
    admin: SocketAddr,
    client: Client,
}

impl Unread {
    async fn start() -> Unread {
        let (public, admin) = (free_address(), free_address());
        let mut command = Command::new(env!("CARGO_BIN_EXE_mosaic"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MOSAIC")) {
            command.env_remove(name);
        }
        let config = tempfile::NamedTempFile::new().expect("a scratch file");
        let child = command
            .args(["serve", "--config"])
            .arg(config.path())
            .env("MOSAIC__SERVER__LISTEN", public.to_string())
            .env("MOSAIC__ADMIN__LISTEN", admin.to_string())
            .env("MOSAIC__LOG__FILTER", "debug")
            .env("MOSAIC__LOG__BUFFER_LINES", "16")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let unread = Unread {
            child,
            public,
            admin,
            client: Client::new(),
        };
        soon("it lives", async || {
            let alive = tokio::net::TcpStream::connect(admin).await.is_ok();
            let serves = tokio::net::TcpStream::connect(public).await.is_ok();
            (alive && serves).then_some(())
        })
        .await;
        unread
    }

    async fn get(&self, address: SocketAddr, path: &str) -> (u16, String) {
        let reply = self.client.get_with(&format!("http://{address}{path}"), &[]).await;
        (reply.status, reply.text)
    }

    /// More lines than a pipe and the buffer hold.
    async fn log_much(&self) {
        for n in 0..2_000 {
            assert_eq!(self.get(self.public, "/v1/operations").await.0, 200, "request {n}");
        }
    }

    async fn dropped(&self) -> u64 {
        let (_, metrics) = self.get(self.admin, "/metrics").await;
        let line = metrics
            .lines()
            .find(|line| line.starts_with("mosaic_log_dropped_total"));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
            .expect("it is counted")
    }

    fn terminate(&mut self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(sent.expect("kill is there").success());
        let deadline = Instant::now() + SOON;
        while self.child.try_wait().expect("a child of ours").is_none() {
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(self.child.wait().expect("a child of ours").code(), Some(0));
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        // It has ended already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("it is bound")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stopped_reading_stops_nothing() {
    let mut unread = Unread::start().await;
    unread.log_much().await;
    assert_eq!(unread.get(unread.admin, "/livez").await.0, 200);
    assert!(unread.dropped().await > 0);
    unread.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_comes_back_is_told_what_it_missed_and_reads_the_last_line() {
    let mut slow = Unread::start().await;
    slow.log_much().await;
    let stderr = slow.child.stderr.take().expect("piped");
    let (told, heard) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut last = String::new();
        for line in BufReader::new(stderr).lines() {
            last = line.expect("UTF-8");
            if last.contains("lines were dropped") {
                // Told again and again, while lines are dropped.
                let _heard = told.send(());
            }
        }
        last
    });
    tokio::task::spawn_blocking(move || heard.recv_timeout(SOON))
        .await
        .expect("no panic")
        .expect("it is told what it missed");
    slow.terminate();
    let last = reader.join().expect("no panic");
    assert!(last.contains("stopped"), "the last line is lost: {last}");
}
