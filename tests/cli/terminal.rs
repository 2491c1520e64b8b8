//! A real terminal: what is drawn, at any size, with and without colour, and what is left behind.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::real::Rig;
use crate::recorder::Recorder;

/// How long something may take to appear before a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A shell in a terminal of its own.
struct Pane(tempfile::TempDir);

impl Pane {
    fn start(columns: u16, rows: u16, variables: &[(&str, &str)]) -> Self {
        let pane = Pane(tempfile::tempdir().expect("a folder"));
        let here = pane.0.path().display().to_string();
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let folder = Path::new(env!("CARGO_BIN_EXE_mosaic")).parent().expect("a folder");
        let path = format!("{}:/usr/bin:/bin", folder.display());
        let mut line = vec![
            "new-session",
            "-d",
            "-c",
            &here,
            "-x",
            &columns,
            "-y",
            &rows,
            "env",
            "-i",
            "TERM=screen",
            "LC_ALL=C.UTF-8",
            "PS1=$ ",
        ];
        let home = format!("HOME={}", pane.0.path().display());
        let path = format!("PATH={path}");
        let set: Vec<String> = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        line.extend([&*home, &*path]);
        line.extend(set.iter().map(String::as_str));
        line.extend(["sh", "-i"]);
        pane.tmux(&line);
        pane.until("a prompt", |text| text.contains('$'));
        pane
    }

    fn tmux(&self, line: &[&str]) -> String {
        let socket = self.0.path().join("tmux");
        let mut command = Command::new("tmux");
        command.args(["-u", "-f", "/dev/null", "-S"]).arg(socket).args(line);
        let done = command
            .env("LC_ALL", "C.UTF-8")
            .env_remove("TMUX")
            .output()
            .expect("tmux runs");
        assert!(
            done.status.success(),
            "{line:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        String::from_utf8(done.stdout).expect("text")
    }

    fn run(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.keys(&["Enter"]);
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn text(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// With the sequences that paint it.
    fn painted(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    fn resize(&self, columns: u16, rows: u16) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    fn until(&self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let text = self.text();
            if is_there(&text) {
                return text;
            }
            assert!(began.elapsed() < PATIENCE, "{what} is not there:\n{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The program that the shell runs.
    fn running(&self) -> String {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let shell = shell.trim();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).expect("a shell");
        children.split_whitespace().next().expect("a program").to_owned()
    }

    /// That the terminal is as it was: it echoes, takes lines, and shows what was there before.
    fn is_sound(&self) {
        self.run("stty -a | tr ' ;' '\\n\\n' | grep -x -e -echo -e -icanon; echo checked:$?");
        let text = self.until("the check", |text| {
            text.contains("checked:1") || text.contains("checked:0")
        });
        assert!(text.contains("checked:1"), "{text}");
        assert!(text.contains("before"), "{text}");
        assert_eq!(
            self.tmux(&[
                "display-message",
                "-p",
                "#{alternate_on}#{mouse_any_flag}#{cursor_flag}"
            ])
            .trim(),
            "001"
        );
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        let socket = self.0.path().join("tmux");
        let _ = Command::new("tmux").arg("-S").arg(socket).arg("kill-server").output();
    }
}

/// Whether anything but the terminal's own colours is painted.
fn is_coloured(painted: &str) -> bool {
    let own = painted.replace("\u{1b}[39m", "").replace("\u{1b}[49m", "");
    ["\u{1b}[3", "\u{1b}[4", "\u{1b}[9", ";3", ";4"]
        .iter()
        .any(|colour| own.contains(colour))
}

async fn in_terminal(
    rig: &Rig,
    size: (u16, u16),
    variables: &[(&str, &str)],
    act: impl FnOnce(&Pane) + Send + 'static,
) {
    let url = format!("http://{}", rig.serving.admin);
    let mut variables: Vec<(String, String)> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    variables.push(("MOSAIC_ADMIN_URL".to_owned(), url));
    let done = tokio::task::spawn_blocking(move || {
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
        act(&Pane::start(size.0, size.1, &variables));
    });
    done.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn top_is_drawn_at_any_size_and_leaves_the_terminal_sound() {
    let rig = Rig::start().await;
    in_terminal(&rig, (100, 30), &[], |pane| {
        pane.run("echo before; mosaic top --interval 200ms");
        let tree = pane.until("the tree", |text| text.contains("root (") && text.contains("calls/s"));
        assert!(tree.contains("MosAIc ") && tree.contains(" 2 Providers "), "{tree}");
        pane.keys(&["2"]);
        pane.until("the providers", |text| {
            text.contains("forge") && text.contains("github")
        });
        assert!(is_coloured(&pane.painted()), "{:?}", pane.painted());
        // A mouse's press on the fifth tab, as terminals tell it.
        let line = pane.text().lines().nth(1).expect("the tabs").to_owned();
        let column = line.find("Tenants").expect("a tab") + 1;
        pane.tmux(&["send-keys", "-l", &format!("\u{1b}[<0;{column};2M")]);
        pane.until("the tenants", |text| {
            text.contains("TENANT") || text.contains("no tenant")
        });
        pane.keys(&["2"]);
        pane.until("the providers again", |text| text.contains("github"));
        pane.keys(&["?"]);
        pane.until("the help", |text| text.contains("previous tab"));
        pane.keys(&["Escape"]);
        pane.until("no help", |text| !text.contains("previous tab"));
        pane.keys(&["Enter"]);
        pane.until("the facts", |text| {
            text.contains("Esc closes") && text.contains("traffic.answered")
        });
        pane.resize(40, 12);
        let narrow = pane.until("a narrow one", |text| text.contains("2Pro"));
        assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
        pane.resize(15, 4);
        pane.until("a tiny one", |text| text.contains("mosaic top:"));
        pane.resize(120, 40);
        pane.until("a wide one", |text| {
            text.contains(" 6 Calls") && text.contains("in flight 0")
        });
        pane.keys(&["q"]);
        pane.is_sound();
    })
    .await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn top_without_colour_has_none_and_a_signal_leaves_the_terminal_sound() {
    let rig = Rig::start().await;
    in_terminal(&rig, (80, 24), &[("NO_COLOR", "1")], |pane| {
        for signal in ["-TERM", "-INT", "-HUP"] {
            pane.run("clear; echo before; mosaic top");
            pane.until("the tree", |text| text.contains("root (") && text.contains("calls/s"));
            let painted = pane.painted();
            assert!(!is_coloured(&painted), "{painted:?}");
            let ended = Command::new("kill").args([signal, &pane.running()]).status().unwrap();
            assert!(ended.success());
            pane.until("the prompt", |text| !text.contains("calls/s"));
            pane.is_sound();
        }
    })
    .await;
    // A terminal that cannot be drawn on is told so.
    in_terminal(&rig, (80, 24), &[], |pane| {
        pane.run("TERM=dumb mosaic top; echo code:$?");
        pane.until("the refusal", |text| text.contains("code:2"));
    })
    .await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn top_waits_for_a_gateway_that_goes_away() {
    let rig = Rig::start().await;
    let url = format!("http://{}", rig.serving.admin);
    let pane = tokio::task::spawn_blocking(move || {
        let pane = Pane::start(100, 24, &[("MOSAIC_ADMIN_URL", &url)]);
        pane.run("echo before; mosaic top --interval 100ms");
        pane.until("the tree", |text| text.contains("root ("));
        pane
    });
    let pane = pane.await.unwrap();
    rig.stop().await;
    let done = tokio::task::spawn_blocking(move || {
        let old = pane.until("the loss", |text| text.contains("NO ANSWER"));
        assert!(old.contains("root ("), "what was seen stays: {old}");
        pane.keys(&["C-c"]);
        pane.is_sound();
    });
    done.await.unwrap();
}

#[test]
fn a_key_that_is_typed_is_not_shown() {
    let server = Recorder::json(json!({"operations": []}));
    let pane = Pane::start(100, 24, &[]);
    pane.run(&format!(
        "echo before; mosaic login --server {}; echo code:$?",
        server.url()
    ));
    pane.until("the question", |text| {
        text.contains("API key for") && text.contains("(not shown):")
    });
    pane.run("mk_hunter2");
    let text = pane.until("the end", |text| text.contains("code:0"));
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(server.only().authorization.as_deref(), Some("Bearer mk_hunter2"));
    pane.is_sound();
}

#[test]
fn a_read_is_repeated_over_what_is_there() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let server = Recorder::start(move |_| {
        let count = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("branch-{count}");
        crate::recorder::json(
            http::StatusCode::OK,
            &json!({"items": [{"name": name, "sha": "f".repeat(200)}], "has_more": false}),
        )
    });
    let pane = Pane::start(40, 10, &[("MOSAIC_URL", &server.url())]);
    pane.run("mosaic git branch list a/b --watch --interval 500ms");
    let text = pane.until("the third", |text| text.contains("branch-2"));
    assert!(!text.contains("branch-1 ") && text.contains('…'), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
    pane.keys(&["C-c"]);
    pane.run("echo code:$?");
    pane.until("its end", |text| text.contains("code:130"));
}

#[test]
fn a_download_is_told_by_a_bar_on_terminals_that_want_it() {
    let gate = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let opened = gate.clone();
    let server = Recorder::start(move |_| {
        let (sender, pieces) = tokio::sync::mpsc::unbounded_channel::<Result<bytes::Bytes, std::io::Error>>();
        sender.send(Ok(bytes::Bytes::from(vec![b'x'; 512]))).unwrap();
        opened.lock().unwrap().push(sender);
        let body = futures_util::stream::unfold(pieces, async |mut pieces| Some((pieces.recv().await?, pieces)));
        let body = axum::body::Body::from_stream(body);
        axum::response::IntoResponse::into_response(([(http::header::CONTENT_LENGTH, "1024")], body))
    });
    let finish = || {
        let sender = gate.lock().unwrap().pop().expect("a download");
        sender.send(Ok(bytes::Bytes::from(vec![b'y'; 512]))).unwrap();
    };
    let pane = Pane::start(100, 24, &[("MOSAIC_URL", &server.url())]);
    pane.run("mosaic git file download a/b x.bin --output x.bin; echo code:$?");
    let bar = pane.until("the bar", |text| text.contains("50 % of 1.0 KiB"));
    assert!(bar.contains("[############------------]"), "{bar}");
    finish();
    let done = pane.until("the end", |text| text.contains("code:0"));
    assert!(done.contains("x.bin: 1024 bytes") && !done.contains("[####"), "{done}");
    for quiet in ["NO_COLOR=1 mosaic", "TERM=dumb mosaic", "mosaic -q"] {
        pane.run(&format!(
            "clear; {quiet} git file download a/b x.bin --output x.bin; echo code:$?"
        ));
        let began = Instant::now();
        while gate.lock().unwrap().is_empty() {
            assert!(began.elapsed() < PATIENCE, "{quiet}");
            std::thread::sleep(Duration::from_millis(10));
        }
        finish();
        let done = pane.until("the end", |text| text.contains("code:0"));
        assert!(!done.contains("% of"), "{done}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_removes_something_asks_at_a_terminal_and_nowhere_else() {
    let server = Recorder::json(json!({}));
    let url = server.url();
    let line = ["git", "branch", "delete", "acme/api", "old"];
    let scripted = server.run(&line);
    assert_eq!(
        (scripted.code, server.seen().len()),
        (Some(0), 1),
        "a script is not asked: {scripted:?}"
    );
    let done = tokio::task::spawn_blocking(move || {
        let pane = Pane::start(100, 20, &[("MOSAIC_URL", &url)]);
        pane.run("mosaic git branch delete acme/api old; echo code:$?");
        pane.until("the question", |text| {
            text.contains("git branch delete acme/api old? It cannot be undone. [y/N]")
        });
        pane.run("n");
        pane.until("no", |text| {
            text.contains("nothing was changed") && text.contains("code:1")
        });
        pane.run("clear; mosaic git branch delete acme/api old; echo code:$?");
        pane.until("the question", |text| text.contains("[y/N]"));
        pane.run("y");
        pane.until("a deletion", |text| text.contains("code:0"));
        pane.run("clear; mosaic git branch delete acme/api old --yes; echo code:$?");
        pane.until("another", |text| text.contains("code:0") && !text.contains("[y/N]"));
    });
    done.await.unwrap();
    let deleted = server.seen().iter().filter(|seen| seen.method == "DELETE").count();
    assert_eq!(deleted, 3);
}
