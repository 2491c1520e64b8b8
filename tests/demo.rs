//! `mosaic demo`, as a reader of it sees it.

mod harness;

use std::process::{Command, Stdio};

use harness::http::Client;
use harness::process::{self, Program};
use serde_json::Value;

const CHAPTERS: [&str; 8] = [
    "1. A call travels to a provider",
    "2. A write reaches one provider",
    "3. A model's answer comes in pieces",
    "4. Continuous integration and documentation answer",
    "5. One change travels from a branch to a finished run",
    "6. A plugin crashes under load and comes back",
    "7. A provider fails; its circuit opens",
    "8. A stream breaks after it began",
];

#[test]
fn once_it_tells_every_chapter_and_ends() {
    let told = process::run(&["demo", "--once"], &[]);
    let heads = CHAPTERS.map(|chapter| told.ok().find(&format!("\n{chapter}")).expect(chapter));
    assert!(heads.is_sorted(), "{}", told.stdout);
    assert!(told.stdout.ends_with("\nEvery step was as told.\n"), "{}", told.stdout);
    // The one panic of the story, as one event; a backtrace would be many lines.
    let [line] = told.stderr.lines().collect::<Vec<_>>()[..] else {
        panic!("{}", told.stderr)
    };
    assert!(
        line.contains("mosaic::panic") && line.contains("the demonstration"),
        "{line}"
    );
}

#[tokio::test]
async fn without_once_it_serves_what_it_advertises_until_it_is_told_to_stop() {
    for signal in ["TERM", "INT"] {
        let demo = Program::start(&["demo"], &[]);
        // The last of what it advertises.
        let metrics = demo.line("where the metrics are", |line| {
            Some(line.strip_prefix("  curl ")?.to_owned()).filter(|url| url.ends_with("/metrics"))
        });
        let advertised: Vec<String> = demo
            .stdout()
            .lines()
            .filter_map(|line| line.strip_prefix("  curl "))
            .map(|rest| rest.split_whitespace().next().unwrap().to_owned())
            .collect();
        assert_eq!((advertised.len(), advertised.last()), (3, Some(&metrics)));
        for url in &advertised {
            let reply = Client::new().get(url).await;
            assert_eq!(reply.status, 200, "{url}: {reply:?}");
        }
        let commands: Vec<String> = demo
            .stdout()
            .lines()
            .filter_map(|line| line.strip_prefix("  mosaic "))
            .map(str::to_owned)
            .collect();
        assert_eq!(commands.len(), 2, "{}", demo.stdout());
        for command in &commands {
            // Words after two spaces are a remark.
            let words: Vec<&str> = command.split("  ").next().unwrap().split(' ').collect();
            process::run(&words, &[]).ok();
        }
        demo.signal(signal);
        assert_eq!(demo.ended().code, Some(0), "after SIG{signal}");
    }
}

#[tokio::test]
async fn told_to_stop_in_the_middle_it_ends_cleanly() {
    let demo = Program::start(&["demo", "--once"], &[]);
    demo.line("the first chapter", |line| line.starts_with("1. ").then_some(()));
    demo.signal("INT");
    let ended = demo.ended();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(!ended.stdout.contains("Every step"), "{ended:#?}");
}

#[test]
fn a_reader_that_goes_away_breaks_nothing() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_mosaic"))
        .args(["demo", "--once"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    drop(demo.stdout.take());
    assert_eq!(demo.wait().expect("a child of ours").code(), Some(0));
}

#[test]
fn the_sandbox_runs_by_itself_and_says_where() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("sandbox.toml");
    std::fs::write(
        &file,
        "[[server]]\nname = \"one\"\nvendor = \"github\"\ntoken = \"t-1\"\n",
    )
    .expect("it is ours");
    let sandbox = Program::start(&["sandbox", "--config", file.to_str().expect("a plain path")], &[]);
    let row = sandbox.line("its server", |line| line.starts_with("one ").then(|| line.to_owned()));
    let url = row.split_whitespace().nth(2).expect("an address").to_owned();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let repo: Value = runtime.block_on(async {
        let bearer = [("authorization", "Bearer t-1")];
        Client::new()
            .get_with(&format!("{url}/repos/acme/api"), &bearer)
            .await
            .ok()
    });
    assert_eq!(repo["full_name"], "acme/api");
    sandbox.signal("INT");
    assert_eq!(sandbox.ended().code, Some(0));
}

#[test]
fn as_json_every_line_is_an_object() {
    let told = process::run(&["demo", "--once", "--json"], &[]);
    let lines: Vec<Value> = told
        .ok()
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let chapters = lines.iter().filter(|line| line["chapter"].is_number()).count();
    assert_eq!(chapters, CHAPTERS.len(), "{}", told.stdout);
    assert_eq!(
        lines.last().map(|line| &line["line"]),
        Some(&Value::from("Every step was as told."))
    );
}
