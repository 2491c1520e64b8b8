//! What stands at the path of `--output`, and what a signal leaves there.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use http::header::CONTENT_TYPE;

use crate::recorder::{Ran, Recorder};

const PATIENCE: Duration = Duration::from_secs(60);

fn page(body: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, "text/markdown")], body.into()).into_response()
}

fn line(output: &Path) -> Vec<&str> {
    let output = output.to_str().unwrap();
    vec![
        "docs", "page", "export", "1", "--format", "markdown", "--output", output,
    ]
}

fn export(server: &Recorder, output: &Path) -> Ran {
    server.run(&line(output))
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn only_a_file_is_replaced() {
    let server = Recorder::start(|_| page("new"));
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);

    // A link stays, and the file that it leads to is the one that is written; its permissions stay too.
    symlink("further", at("link")).unwrap();
    symlink(at("page.md"), at("further")).unwrap();
    for before in [None, Some("old")] {
        if let Some(old) = before {
            fs::write(at("page.md"), old).unwrap();
            fs::set_permissions(at("page.md"), fs::Permissions::from_mode(0o640)).unwrap();
        }
        let told = export(&server, &at("link"));
        assert_eq!(told.code, Some(0), "{told:?}");
        assert!(at("link").is_symlink() && at("further").is_symlink());
        assert_eq!(fs::read_to_string(at("page.md")).unwrap(), "new");
    }
    assert_eq!(fs::metadata(at("page.md")).unwrap().permissions().mode() & 0o777, 0o640);

    // A pipe is written through, by its name and by a link to it.
    pipe(&at("pipe"));
    symlink("pipe", at("to-pipe")).unwrap();
    for name in ["pipe", "to-pipe"] {
        let pipe = at("pipe");
        let reader = std::thread::spawn(move || fs::read_to_string(pipe).unwrap());
        let told = export(&server, &at(name));
        assert_eq!(told.code, Some(0), "{told:?}");
        assert!(fs::symlink_metadata(at("pipe")).unwrap().file_type().is_fifo());
        assert!(at("to-pipe").is_symlink());
        assert_eq!(reader.join().unwrap(), "new");
    }

    fs::create_dir(at("folder")).unwrap();
    symlink("round", at("round")).unwrap();
    for (name, said) in [("folder", "is a folder"), ("absent/", "is a folder"), ("round", "link")] {
        let told = export(&server, &at(name));
        assert_eq!(told.code, Some(2), "{told:?}");
        assert!(told.err.contains(said), "{said} in {told:?}");
    }
    let there = ["folder", "further", "link", "page.md", "pipe", "round", "to-pipe"];
    assert_eq!(names(folder.path()), there);
}

#[test]
fn what_the_shell_opened_is_written_and_not_replaced() {
    let server = Recorder::start(|_| page("new"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.md");
    let told_to = folder.path().join("told");
    symlink("/dev/stdout", folder.path().join("link")).unwrap();
    let link = folder.path().join("link");
    let run = |output: &Path, redirection: &str| {
        fs::write(&path, "before\n").unwrap();
        let before = fs::metadata(&path).unwrap().ino();
        let mosaic = server.mosaic(&line(output));
        // More is written to the same file afterwards.
        let script = format!("{{ \"$0\" \"$@\" && echo after; }} {redirection}");
        let ended = Command::new("sh")
            .args(["-c", &script])
            .arg(mosaic.get_program())
            .args(mosaic.get_args())
            .env("MOSAIC_URL", server.url())
            .env("FILE", &path)
            .env("TOLD", &told_to)
            .status()
            .unwrap();
        assert!(
            ended.success(),
            "{}: {}",
            output.display(),
            fs::read_to_string(&told_to).unwrap()
        );
        assert_eq!(fs::metadata(&path).unwrap().ino(), before, "{}", output.display());
        fs::read_to_string(&path).unwrap()
    };
    for output in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]
        .map(Path::new)
        .into_iter()
        .chain([&*link])
    {
        let into = run(output, "> \"$FILE\" 2> \"$TOLD\"");
        assert_eq!(into, "newafter\n", "{}", output.display());
        let behind = run(output, ">> \"$FILE\" 2> \"$TOLD\"");
        assert_eq!(behind, "before\nnewafter\n", "{}", output.display());
    }
    let third = run(Path::new("/dev/fd/3"), "3> \"$FILE\" > \"$TOLD\" 2>&1");
    assert_eq!(third, "new");
    assert_eq!(names(folder.path()), ["link", "page.md", "told"]);
}

#[test]
fn whatever_signal_ends_a_call_nothing_is_left() {
    let server = Recorder::start(|_| {
        let first = stream::iter([Ok::<_, io::Error>(Bytes::from("half"))]);
        page(Body::from_stream(first.chain(stream::pending())))
    });
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let folder = tempfile::tempdir().unwrap();
        // Whatever this process ignores, as under nohup.
        let mosaic = server.mosaic(&line(&folder.path().join("page.md")));
        let mut child = Command::new("env")
            .arg(format!("--default-signal={signal}"))
            .arg(mosaic.get_program())
            .args(mosaic.get_args())
            .env("MOSAIC_URL", server.url())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while names(folder.path()).is_empty() {
            assert!(start.elapsed() < PATIENCE, "the file was never begun");
            std::thread::yield_now();
        }
        send(signal, child.id());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        let mut told = String::new();
        child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        assert!(told.starts_with("error[cancelled]: "), "{told}");
        assert_eq!(names(folder.path()), [""; 0], "{signal}");
    }
}

#[test]
fn a_pipe_that_nobody_reads_can_be_left() {
    let server = Recorder::start(|_| page("new"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    pipe(&path);
    let mut child = server.mosaic(&line(&path)).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while server.seen().is_empty() {
        assert!(start.elapsed() < PATIENCE, "the request never came");
        std::thread::yield_now();
    }
    send("TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(143));

    // A reader that goes has what it wanted, as at stdout.
    let endless = Recorder::start(|_| {
        let piece = || Ok::<_, io::Error>(Bytes::from_static(&[b'a'; 4096]));
        page(Body::from_stream(stream::repeat_with(piece)))
    });
    let reader = std::thread::spawn(move || File::open(path).unwrap().read_exact(&mut [0]).unwrap());
    let told = export(&endless, &folder.path().join("pipe"));
    reader.join().unwrap();
    assert_eq!((told.code, &*told.err), (Some(0), ""));
}

fn send(signal: &str, to: u32) {
    let sent = Command::new("kill").args(["-s", signal, &to.to_string()]).status();
    assert!(sent.unwrap().success());
}
