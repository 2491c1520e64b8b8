//! The program over standard streams, as an agent starts it: a gateway in the process, and one elsewhere.
//!
//! Invariant: standard output carries messages alone, whatever comes in.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::harness::{SOON, Stage};
use crate::stage::{KEY, asked, hangs, idle, open, request};

/// A running `mosaic mcp`. It is killed where a test forgets it.
struct Agent {
    child: Child,
    input: Option<ChildStdin>,
    output: mpsc::UnboundedReceiver<String>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Agent {
    fn start(stage: &Stage, args: &[&str]) -> Agent {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mosaic"));
        command
            .arg("mcp")
            .args(args)
            .envs(stage.gateway.env().iter().cloned())
            .env("MOSAIC_API_KEY", KEY)
            .env("NO_PROXY", "127.0.0.1,localhost")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let mut child = command.spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (sender, output) = mpsc::unbounded_channel();
        // It ends with the process.
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Agent {
            input: child.stdin.take(),
            output,
            child,
        }
    }

    fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it is open");
        input.write_all(format!("{line}\n").as_bytes()).expect("it reads");
    }

    /// The next message. Anything else on standard output is a fault.
    async fn hear(&mut self) -> Value {
        let line = timeout(SOON, self.output.recv()).await.expect("in time");
        let line = line.expect("a line, and not its end");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.say(&request(method, params).to_string());
        self.hear().await
    }

    /// Closes its input, and waits until it has ended.
    async fn end(mut self) -> Option<i32> {
        drop(self.input.take());
        let rest = timeout(SOON, self.output.recv()).await.expect("in time");
        assert_eq!(rest, None);
        self.child.wait().expect("a status").code()
    }
}

/// Both ways: a gateway in the process, and one elsewhere.
fn both(stage: &Stage) -> [Vec<String>; 2] {
    let text = |words: [&str; 2]| words.map(str::to_owned).to_vec();
    let server = format!("http://{}", stage.gateway.public);
    [text(["--config", &stage.gateway.config()]), text(["--server", &server])]
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_answer_alike_and_end_with_their_input() {
    let stage = open("").await;
    for args in both(&stage) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut agent = Agent::start(&stage, &[&args[..], &["--toolsets", "docs"]].concat());
        let found = agent.ask("server/discover", json!({})).await;
        assert!(
            found["result"]["supportedVersions"].to_string().contains("2026-07-28"),
            "{found}"
        );
        let tools = agent.ask("tools/list", json!({})).await;
        let names = tools["result"]["tools"].to_string();
        assert!(
            names.contains("docs_page_move") && !names.contains("git_repo_list"),
            "{args:?}: {names}"
        );
        let spaces = agent
            .ask("tools/call", json!({ "name": "docs_space_list", "arguments": {} }))
            .await;
        assert!(
            spaces["result"]["structuredContent"]["items"].is_array(),
            "{args:?}: {spaces}"
        );
        let unknown = agent.ask("tools/destroy", json!({})).await;
        assert_eq!(unknown["error"]["code"], -32601, "{args:?}: {unknown}");
        assert_eq!(agent.end().await, Some(0), "{args:?}");
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_no_message_does_not_end_the_conversation() {
    let stage = open("").await;
    let deep = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":{}{}}}",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    let long = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{}\"}}",
        "x".repeat(17 << 20)
    );
    let odd = [
        "{ no message",
        "",
        "   ",
        "3",
        "null",
        "[]",
        "{}",
        "\u{feff}{}",
        &deep,
        &long,
    ];
    for args in both(&stage) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut agent = Agent::start(&stage, &args);
        agent.ask("server/discover", json!({})).await;
        for line in odd {
            agent.say(line);
        }
        let mut list = request("tools/list", json!({}));
        list["id"] = json!("after");
        agent.say(&list.to_string());
        // What is told of the lines, where anything is, is no answer to anybody.
        loop {
            let heard = agent.hear().await;
            if heard["id"] == "after" {
                assert!(heard["result"]["tools"].is_array(), "{args:?}: {heard}");
                break;
            }
            let code = heard["error"]["code"].as_i64();
            assert!(matches!(code, Some(-32700 | -32600)), "{args:?}: {heard}");
        }
        assert_eq!(agent.end().await, Some(0), "{args:?}");
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_not_there_is_told_to_each_who_asks() {
    let stage = open("").await;
    let mut agent = Agent::start(&stage, &["--server", "http://127.0.0.1:9"]);
    let answer = agent.ask("tools/list", json!({})).await;
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&json!(1), &json!(-32603)),
        "{answer}"
    );
    assert_eq!(agent.end().await, Some(0));

    let server = format!("http://{}", stage.gateway.public);
    let file = stage.gateway.folder.path().join("wrong");
    std::fs::write(&file, "wrong").expect("the folder is ours");
    let mut agent = Agent::start(
        &stage,
        &["--server", &server, "--key-file", file.to_str().expect("plain")],
    );
    let answer = agent.ask("tools/list", json!({})).await;
    assert_eq!(answer["error"]["data"]["code"], "unauthenticated", "{answer}");
    drop(agent);
    stage.close().await;
}

fn slow_call() -> Value {
    let params = json!({ "name": "git_repo_list", "arguments": { "provider": "github-a" } });
    let mut call = request("tools/call", params);
    call["id"] = json!("slow");
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_cancelled_ends() {
    let stage = open("").await;
    let mut before = hangs(&stage, "github-a");
    for args in both(&stage) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut agent = Agent::start(&stage, &args);
        agent.ask("server/discover", json!({})).await;
        agent.say(&slow_call().to_string());
        asked(&stage, "github-a", before).await;
        before = stage.server("github-a").requests().total;
        let params = json!({ "requestId": "slow" });
        let cancelled = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
        agent.say(&cancelled.to_string());
        // Of what was cancelled nothing more is heard.
        let tools = agent.ask("tools/list", json!({})).await;
        assert!(tools["result"]["tools"].is_array(), "{args:?}: {tools}");
        idle(&stage).await;
        // A call that hangs would keep the process until its own end.
        assert_eq!(agent.end().await, Some(0), "{args:?}");
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_has_no_more_to_say_is_not_kept_by_a_call() {
    let stage = open("").await;
    let mut before = hangs(&stage, "github-a");
    for args in both(&stage) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut agent = Agent::start(&stage, &args);
        agent.ask("server/discover", json!({})).await;
        let mut call = slow_call();
        call["params"]["_meta"]["mosaic/timeout_ms"] = json!(600_000);
        agent.say(&call.to_string());
        asked(&stage, "github-a", before).await;
        before = stage.server("github-a").requests().total;
        assert_eq!(agent.end().await, Some(0), "{args:?}");
        idle(&stage).await;
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_killed_leaves_no_call_behind() {
    let stage = open("").await;
    let before = hangs(&stage, "github-a");
    let [_, relay] = both(&stage);
    let args: Vec<&str> = relay.iter().map(String::as_str).collect();
    let mut agent = Agent::start(&stage, &args);
    agent.say(&slow_call().to_string());
    asked(&stage, "github-a", before).await;
    drop(agent);
    idle(&stage).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_starts_an_agents_server() {
    let stage = open("").await;
    let readme = include_str!("../../README.md");
    let block = readme
        .lines()
        .find(|line| line.starts_with("    { \"mcpServers\""))
        .expect("a block");
    let block: Value = serde_json::from_str(block).expect("JSON");
    let server = &block["mcpServers"]["mosaic"];
    assert_eq!(server["command"], "mosaic");
    let config = stage.gateway.config();
    let args = server["args"]
        .as_array()
        .expect("arguments")
        .iter()
        .filter_map(Value::as_str);
    let args: Vec<&str> = args.map(|arg| if arg == "my.toml" { &config } else { arg }).collect();
    let mut agent = Agent::start(&stage, &args[1..]);
    let tools = agent.ask("tools/list", json!({})).await;
    assert!(tools["result"]["tools"].is_array(), "{tools}");
    assert_eq!(agent.end().await, Some(0));
    stage.close().await;
}
