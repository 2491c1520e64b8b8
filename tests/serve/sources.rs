//! What the program is given from around it: variables of anybody, files that are none, secrets in the wrong place.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::Command;

use mosaic::sandbox::{Sandbox, SandboxConfig};
use tempfile::TempDir;

use crate::harness::process::{Ended, Program};
use crate::harness::{Gateway, Setup, configuration, credentials, sandbox};

fn run(args: &[&str], config: &Path, env: &[(&OsStr, &OsStr)]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mosaic"));
    command.args(args).arg("--config").arg(config).envs(env.iter().copied());
    Program::run(&mut command).ended()
}

/// A folder with a configuration in it.
fn folder(text: &str) -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("mosaic.toml");
    std::fs::write(&file, text).expect("it is ours");
    (folder, file)
}

/// The commands that read a configuration and end by themselves where it is wrong.
const COMMANDS: [&[&str]; 4] = [&["check"], &["check", "--json"], &["doctor"], &["serve"]];

#[test]
fn another_programs_variable_may_be_anything() {
    let (_folder, file) = folder("[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\n");
    let value = OsString::from_vec(b"planted-\xff".to_vec());
    let name = OsStr::from_bytes(b"OTHER_PROGRAMS_\xfe");
    let env = [(OsStr::new("OTHER_PROGRAMS_PASSWORD"), &*value), (name, &*value)];
    for command in [&["check"][..], &["doctor"], &["git", "repo", "get", "a/b", "--local"]] {
        let ended = run(command, &file, &env);
        assert!(!format!("{ended:?}").contains("planted"), "{ended:#?}");
        assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
        // Without a provider the call finds none; the others have nothing to complain of.
        assert_eq!(ended.code == Some(0), command[0] != "git", "{ended:#?}");
    }
    let mut serve = Command::new(env!("CARGO_BIN_EXE_mosaic"));
    serve.args(["serve", "--config"]).arg(&file).envs(env);
    let program = Program::run(&mut serve);
    program.line("that it serves", |line| line.contains("serving").then_some(()));
    program.signal("TERM");
    program.ended().ok();
}

#[test]
fn our_own_variable_that_is_not_text_is_named_and_not_shown() {
    let (_folder, file) = folder("[keys.ci]\ntenant = \"local\"\nkey = \"env:KEY\"\n");
    let value = OsString::from_vec(b"planted-\xff".to_vec());
    for (name, said) in [
        ("MOSAIC__LOG__FILTER", "MOSAIC__LOG__FILTER"),
        ("mosaic__gateway__max_attempts", "mosaic__gateway__max_attempts"),
        ("KEY", "env:KEY: the content is not text"),
    ] {
        for command in [&["check"][..], &["doctor"], &["serve"]] {
            let ended = run(command, &file, &[(OsStr::new(name), &value)]);
            assert!(matches!(ended.code, Some(1 | 2)), "{ended:#?}");
            let all = ended.stdout + &ended.stderr;
            assert!(
                all.contains(said) && !all.contains("planted") && !all.contains("panicked"),
                "{all}"
            );
        }
    }
    for name in ["MOSAIC_API_KEY", "MOSAIC_URL"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mosaic"));
        command.args(["git", "repo", "get", "a/b"]).env(name, &value);
        let ended = Program::run(&mut command).ended();
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(
            ended.stderr.contains(name) && !ended.stderr.contains("planted"),
            "{ended:#?}"
        );
    }
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let pipe = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .expect("it is there")
            .success()
    );
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("/proc/self/environ", &link).expect("it is ours");
    for path in [
        &*pipe,
        &*link,
        folder.path(),
        Path::new("/dev/zero"),
        Path::new("/proc/self/status"),
    ] {
        for command in COMMANDS.into_iter().chain([&["sandbox"][..]]) {
            let ended = run(command, path, &[]);
            assert!(
                matches!(ended.code, Some(1 | 2)),
                "{command:?} {}: {ended:#?}",
                path.display()
            );
            assert!(format!("{ended:?}").contains("not a regular file"), "{ended:#?}");
        }
        // On free ports: a start takes its addresses first.
        let any = "listen = \"127.0.0.1:0\"";
        let text = format!("[server]\n{any}\n[admin]\n{any}\ntoken = \"file:{}\"\n", path.display());
        let file = folder.path().join("mosaic.toml");
        std::fs::write(&file, text).expect("it is ours");
        for command in COMMANDS {
            let ended = run(command, &file, &[]);
            assert!(
                matches!(ended.code, Some(1 | 2)),
                "{command:?} {}: {ended:#?}",
                path.display()
            );
            assert!(format!("{ended:?}").contains("not a regular file"), "{ended:#?}");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_mosaic"));
        command.args(["git", "repo", "get", "a/b", "--key-file"]).arg(path);
        assert_eq!(Program::run(&mut command).ended().code, Some(2), "{}", path.display());
    }
}

#[test]
fn a_secret_in_the_place_of_its_reference_is_not_quoted() {
    const PASTED: [&str; 6] = [
        "ghp_PLANTED0123456789",
        "env:ghp_PLANTED0123456789",
        "env:PLANTEDPLANTEDPLANTEDPLANTED",
        "file:ghp_PLANTED0123456789",
        "file:PLANTED/x+y=",
        "vault:PLANTED",
    ];
    for pasted in PASTED {
        for table in [
            format!("[providers.a]\nkind = \"github\"\ntoken = \"{pasted}\"\n"),
            format!("[admin]\ntoken = \"{pasted}\"\n"),
            format!("[state]\nencryption_key = \"{pasted}\"\n"),
            format!("[server]\ncluster_key = \"{pasted}\"\n"),
            format!(
                "[keys.a]\ntenant = \"local\"\nkey = \"{pasted}\"\n[keys.b]\ntenant = \"local\"\nkey = \"{pasted}\"\n"
            ),
        ] {
            let (_folder, file) = folder(&table);
            for command in COMMANDS {
                let ended = run(command, &file, &[]);
                assert!(matches!(ended.code, Some(1 | 2)), "{table} {ended:#?}");
                assert!(!format!("{ended:?}").contains("PLANTED"), "{table} {ended:#?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_listener_does_not_quote_a_pasted_secret() {
    let gateway = Gateway::serve(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n",
        vec![],
    )
    .await;
    for token in [
        "ghp_PLANTED0123456789",
        "env:ghp_PLANTED0123456789",
        "file:ghp_PLANTED0123456789",
    ] {
        let order =
            serde_json::json!({"name": "a", "provider": {"kind": "github", "token": token}, "reason": "a test"});
        let reply = gateway.administer("/admin/v1/plugins", &order).await;
        assert!((400..500).contains(&reply.status), "{}", reply.text);
        assert!(
            reply.text.contains("token") && !reply.text.contains("PLANTED"),
            "{}",
            reply.text
        );
    }
    gateway.program.signal("TERM");
    let ended = gateway.program.ended();
    assert!(!format!("{ended:?}").contains("PLANTED"), "{ended:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_editor_leaves_around_a_token_is_not_sent() {
    let sandbox = sandbox().await;
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("token");
    let token = sandbox.server("github-a").expect("one of the pair").token().to_owned();
    for content in [format!("\u{feff}{token}\r\n"), format!("{token}\n\n \r\n")] {
        std::fs::write(&file, content).expect("it is ours");
        let setup = Setup::default();
        let text =
            configuration(&sandbox, &setup).replacen("env:TOKEN_GITHUB_A", &format!("file:{}", file.display()), 1);
        let gateway = Gateway::serve(&text, credentials(&sandbox, &setup)).await;
        let reply = gateway.get("/v1/git/repos/acme%2Fapi?provider=github-a").await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    std::fs::write(&file, format!("{token}\nsecond line")).expect("it is ours");
    let (_folder, config) = self::folder(&format!("[admin]\ntoken = \"file:{}\"\n", file.display()));
    let ended = run(&["check"], &config, &[]);
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(
        ended.stderr.contains("more than one line") && !ended.stderr.contains(&token),
        "{ended:#?}"
    );
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_a_request_stays_within_its_line_of_the_log() {
    let sandbox = Sandbox::start(SandboxConfig::default_pair()).await.expect("it starts");
    for format in ["human", "json"] {
        let setup = Setup {
            log: format!("format = \"{format}\"\nfilter = \"trace\""),
            ..Setup::default()
        };
        let gateway = Gateway::serve(&configuration(&sandbox, &setup), credentials(&sandbox, &setup)).await;
        let long = "n".repeat(30_000);
        for name in [
            "x%0A2026-01-01T00:00:00Z%20%20INFO%20mosaic:%20forged%20status=200",
            "x%0D%1B%5B2J%1B%5B31mforged",
            "x%E2%80%AEforged%C2%9B31m",
            &long,
        ] {
            gateway.get(&format!("/v1/git/repos/acme%2F{name}")).await;
            gateway
                .get(&format!("/v1/git/repos?owner={name}&provider={name}"))
                .await;
            let body = serde_json::json!({"project": "acme/api", "title": name, "labels": [name]});
            gateway.post("/v1/projects/issues", &body).await;
        }
        gateway.program.signal("TERM");
        let log = gateway.program.ended().stderr;
        assert!(log.contains("acme"), "{log}");
        for line in log.lines() {
            let active = |c: char| c.is_control() || c == '\u{202e}';
            assert!(!line.contains(active), "{line:?}");
            assert!(!line.starts_with("2026-01-01T00:00:00Z"), "{line}");
            assert!(line.len() < 16_000, "{} bytes: {}", line.len(), &line[..200]);
        }
    }
    sandbox.shutdown().await;
}
