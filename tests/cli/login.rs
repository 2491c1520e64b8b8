//! Profiles: a key is kept once the gateway took it, by its owner alone, and goes nowhere else.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use http::StatusCode;
use serde_json::{Value, json};

use crate::recorder::{self, Ran, Recorder, mosaic, ran};

const KEY: &str = "mk_hunter2";

/// A home of its own.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Home(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("mosaic/profiles.toml")
    }

    fn mosaic(&self, line: &[&str]) -> Command {
        let mut command = mosaic(line);
        command.env("XDG_CONFIG_HOME", self.0.path());
        command
    }

    fn run(&self, line: &[&str]) -> Ran {
        ran(&mut self.mosaic(line))
    }

    fn login(&self, line: &[&str], key: &str) -> Ran {
        let mut command = self.mosaic(&[&["login"], line].concat());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(format!("{key}\n").as_bytes())
            .unwrap();
        let done = child.wait_with_output().unwrap();
        Ran {
            code: done.status.code(),
            out: String::from_utf8(done.stdout).unwrap(),
            err: String::from_utf8(done.stderr).unwrap(),
        }
    }
}

/// Takes one key, and answers anything.
fn gateway() -> Recorder {
    Recorder::start(|seen| match seen.authorization.as_deref() {
        Some("Bearer mk_hunter2") => recorder::json(StatusCode::OK, &json!({"operations": [], "items": []})),
        _ => recorder::json(
            StatusCode::UNAUTHORIZED,
            &json!({"code": "unauthenticated", "detail": "this API key is not known"}),
        ),
    })
}

#[test]
fn a_key_is_kept_once_the_gateway_took_it_and_used_by_name() {
    let (home, server) = (Home::new(), gateway());
    let wrong = home.login(&["--server", &server.url()], "mk_wrong");
    assert_eq!(wrong.code, Some(4), "{wrong:?}");
    assert!(!home.file().exists() && !wrong.err.contains("mk_wrong"), "{wrong:?}");
    let none = home.login(&["--server", &server.url()], "");
    assert_eq!(none.code, Some(2), "{none:?}");

    let done = home.login(&["--server", &server.url()], KEY);
    assert_eq!((done.code, &*done.out), (Some(0), ""), "{done:?}");
    assert!(
        done.err.contains("kept as profile default") && !done.err.contains(KEY),
        "{done:?}"
    );
    let known = home.file().metadata().unwrap();
    assert_eq!(known.mode() & 0o777, 0o600);
    assert_eq!(home.file().parent().unwrap().metadata().unwrap().mode() & 0o777, 0o700);

    let called = home.run(&["git", "repo", "list", "--json"]);
    assert_eq!(called.code, Some(0), "{called:?}");
    let seen = server.seen().pop().unwrap();
    assert_eq!(
        (&*seen.path, seen.authorization.as_deref()),
        ("/v1/git/repos", Some("Bearer mk_hunter2"))
    );

    // Of several, the first stays in use until another is chosen.
    let second = home.login(&["--server", &server.url(), "--profile", "work"], KEY);
    assert!(
        second.code == Some(0) && second.err.contains("mosaic profiles use work"),
        "{second:?}"
    );
    let rows = |home: &Home| -> Value { serde_json::from_str(&home.run(&["profiles", "list", "--json"]).out).unwrap() };
    assert_eq!(
        (&rows(&home)[0]["used"], &rows(&home)[1]["name"]),
        (&json!(true), &json!("work"))
    );
    assert_eq!(home.run(&["profiles", "use", "work"]).code, Some(0));
    assert_eq!(
        (&rows(&home)[0]["used"], &rows(&home)[1]["used"]),
        (&json!(false), &json!(true))
    );
    let shown = home.run(&["profiles", "show", "work"]);
    assert!(shown.out.contains("kept") && !shown.out.contains(KEY), "{shown:?}");
    let unknown = home.run(&["profiles", "use", "wrok"]);
    assert!(
        unknown.code == Some(3) && unknown.err.contains("did you mean work?"),
        "{unknown:?}"
    );

    assert_eq!(home.run(&["logout"]).code, Some(0));
    let left = std::fs::read_to_string(home.file()).unwrap();
    assert!(
        !left.contains("[profiles.work]") && left.contains("[profiles.default]"),
        "{left}"
    );
    assert_eq!(home.run(&["logout", "--profile", "work"]).code, Some(3));
}

#[test]
fn a_file_that_others_may_read_is_refused_and_never_quoted() {
    let (home, server) = (Home::new(), gateway());
    assert_eq!(home.login(&["--server", &server.url()], KEY).code, Some(0));
    for mode in [0o640, 0o604, 0o620, 0o644] {
        std::fs::set_permissions(home.file(), std::fs::Permissions::from_mode(mode)).unwrap();
        let asked = server.seen().len();
        for line in [&["git", "repo", "list"][..], &["profiles", "list"], &["logout"]] {
            let refused = home.run(line);
            assert!(
                refused.code == Some(2) && refused.err.contains("chmod 600"),
                "{refused:?}"
            );
            assert!(
                !refused.err.contains(KEY) && server.seen().len() == asked,
                "{refused:?}"
            );
        }
    }
    std::fs::set_permissions(home.file(), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(
        home.file(),
        format!("used = \"default\"\n[profiles.default]\nkey = {KEY}\n"),
    )
    .unwrap();
    let broken = home.run(&["git", "repo", "list"]);
    assert!(
        broken.code == Some(2) && broken.err.contains("near line 3"),
        "{broken:?}"
    );
    assert!(!broken.err.contains("hunter2"), "{broken:?}");
}

#[test]
fn flags_go_before_variables_and_those_before_profiles() {
    let (home, kept, other) = (Home::new(), gateway(), gateway());
    assert_eq!(
        home.login(&["--server", &kept.url(), "--profile", "work"], KEY).code,
        Some(0)
    );
    let shown = |server: &Recorder| server.seen().pop().map(|seen| seen.authorization);
    let begun = kept.seen().len();
    // The key of a profile goes to its gateway alone.
    assert_eq!(
        home.run(&["git", "repo", "list", "--server", &other.url()]).code,
        Some(4)
    );
    assert_eq!(shown(&other), Some(None));
    let mut command = home.mosaic(&["git", "repo", "list"]);
    assert_eq!(ran(command.env("MOSAIC_URL", other.url())).code, Some(4));
    assert_eq!((shown(&other), kept.seen().len()), (Some(None), begun));
    // A variable's key goes before the profile's.
    let mut command = home.mosaic(&["git", "repo", "list"]);
    assert_eq!(ran(command.env("MOSAIC_API_KEY", "mk_other")).code, Some(4));
    assert_eq!(shown(&kept), Some(Some("Bearer mk_other".to_owned())));
    // A profile that the line names goes before variables: their key is for another gateway.
    let mut command = home.mosaic(&["git", "repo", "list", "--profile", "work"]);
    command.env("MOSAIC_URL", other.url()).env("MOSAIC_API_KEY", "mk_other");
    assert_eq!(ran(&mut command).code, Some(0));
    let two = home.run(&["git", "repo", "list", "--profile", "work", "--server", &other.url()]);
    assert!(two.code == Some(2) && two.err.contains("name two gateways"), "{two:?}");
    // One that a variable names.
    let mut command = home.mosaic(&["git", "repo", "list"]);
    assert_eq!(ran(command.env("MOSAIC_PROFILE", "wrok")).code, Some(3));
    // Who says both needs no file.
    std::fs::write(home.file(), "no TOML").unwrap();
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), KEY).unwrap();
    let path = key.path().to_str().unwrap();
    let given = home.run(&["git", "repo", "list", "--server", &other.url(), "--key-file", path]);
    assert_eq!(given.code, Some(0), "{given:?}");
}

#[test]
fn the_admin_listener_is_kept_too() {
    let home = Home::new();
    let server = Recorder::json(json!({"operations": [], "accepting": true}));
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "at_hunter2").unwrap();
    let path = token.path().to_str().unwrap();
    let admin = format!("{}/", server.url());
    let done = home.login(
        &["--server", &server.url(), "--admin", &admin, "--admin-token-file", path],
        KEY,
    );
    assert_eq!(done.code, Some(0), "{done:?}");
    let status = home.run(&["status", "--json"]);
    assert_eq!(status.code, Some(0), "{status:?}");
    let seen = server.seen().pop().unwrap();
    assert_eq!(
        (&*seen.path, seen.authorization.as_deref()),
        ("/admin/v1/status", Some("Bearer at_hunter2"))
    );
}
