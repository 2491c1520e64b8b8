//! Every operation by REST, by the command line, and by a gateway within the command: one answer.

use std::collections::BTreeSet;

use mosaic::catalogue::OPERATIONS;
use serde_json::{Value, json};

use crate::harness::{SERVICES, Setup, Stage};

/// A reading operation as a command line and as an address.
const READS: [(&str, &str); 31] = [
    ("git repo get acme/api", "/v1/git/repos/acme/api?"),
    ("git repo list --owner acme", "/v1/git/repos?owner=acme"),
    ("git branch list acme/api", "/v1/git/repos/acme/api/branches?"),
    (
        "git file get acme/api src/main.rs",
        "/v1/git/repos/acme/api/files/src/main.rs?",
    ),
    ("git commit list acme/api", "/v1/git/repos/acme/api/commits?"),
    (
        "git commit get acme/api develop",
        "/v1/git/repos/acme/api/commits/develop?",
    ),
    (
        "git compare acme/api main develop",
        "/v1/git/repos/acme/api/compare?base=main&head=develop",
    ),
    ("git tree list acme/api", "/v1/git/repos/acme/api/tree?"),
    ("git tag list acme/api", "/v1/git/repos/acme/api/tags?"),
    ("git release list acme/api", "/v1/git/repos/acme/api/releases?"),
    ("git pr list acme/api", "/v1/git/repos/acme/api/prs?"),
    ("git pr files acme/api#3", "/v1/git/prs/acme%2Fapi%233/files?"),
    ("git pr reviews acme/api#3", "/v1/git/prs/acme%2Fapi%233/reviews?"),
    ("git pr comments acme/api#3", "/v1/git/prs/acme%2Fapi%233/comments?"),
    ("git status get acme/api main", "/v1/git/repos/acme/api/statuses/main?"),
    ("git hook list acme/api", "/v1/git/repos/acme/api/hooks?"),
    (
        "projects issue list acme/web --state all",
        "/v1/projects/issues?project=acme/web&state=all",
    ),
    ("projects issue get acme/api#1", "/v1/projects/issues/acme%2Fapi%231?"),
    ("cicd run list acme/api", "/v1/cicd/runs?project=acme/api"),
    ("cicd run get acme/api#1", "/v1/cicd/runs/acme%2Fapi%231?"),
    ("cicd log get acme/api#1 6", "/v1/cicd/runs/acme%2Fapi%231/log?step=6"),
    ("docs search welcome", "/v1/docs/search?query=welcome"),
    ("docs page get 1", "/v1/docs/pages/1?"),
    ("docs attachment list 1", "/v1/docs/pages/1/attachments?"),
    ("docs space list", "/v1/docs/spaces?"),
    ("docs page list", "/v1/docs/pages?"),
    ("docs page list_children book/1", "/v1/docs/pages/book%2F1/children?"),
    ("docs comment list 1", "/v1/docs/pages/1/comments?"),
    ("docs user list", "/v1/docs/users?"),
    ("ai models get sandbox-small", "/v1/ai/models/sandbox-small?"),
    ("ai models list", "/v1/ai/models?"),
];

/// The names of the operations that the tests of this file call.
const OTHERS: [&str; 34] = [
    "docs page export",
    "docs attachment get",
    "docs attachment upload",
    "projects issue create",
    "cicd run trigger",
    "docs page create",
    "ai chat complete",
    "ai chat stream",
    "docs page export_markdown",
    "docs page export_html",
    "docs space create",
    "docs page update",
    "docs page append",
    "docs page move",
    "docs page delete",
    "docs page restore",
    "docs comment create",
    "ai tokens count",
    "ai embeddings create",
    "ai response create",
    "ai response stream",
    "ai response get",
    "ai response cancel",
    "ai moderation create",
    "ai batch create",
    "ai batch list",
    "ai batch get",
    "ai batch cancel",
    "ai batch results",
    "ai file upload",
    "ai file list",
    "ai file get",
    "ai file content",
    "ai file delete",
];

/// The services whose every operation is called by tests/scenario, by both surfaces.
const TOLD: [&str; 3] = ["git", "cicd", "projects"];

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// Without what differs from one gateway to the next: cursors are sealed by a key of the process.
fn without_cursor(mut answer: Value) -> Value {
    if let Some(fields) = answer.as_object_mut() {
        fields.remove("next_cursor");
    }
    answer
}

#[test]
fn no_operation_is_left_out() {
    // As many words as its name has; those that follow are its input.
    let named = |line: &str| {
        let begins = |name: &str| format!("{line} ").starts_with(&format!("{} ", name.replace('.', " ")));
        let entry = OPERATIONS.iter().find(|entry| begins(entry.name()));
        entry
            .unwrap_or_else(|| panic!("{line} is no operation"))
            .name()
            .to_owned()
    };
    let called: BTreeSet<String> = READS.iter().map(|(line, _)| *line).chain(OTHERS).map(named).collect();
    let known = OPERATIONS.iter().map(|entry| entry.name().to_owned());
    let told = |name: &String| TOLD.contains(&name.split('.').next().unwrap_or_default());
    let left: Vec<String> = known.filter(|name| !told(name) && !called.contains(name)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_the_same_everywhere() {
    let stage = Stage::open(Setup::default()).await;
    let config = stage.gateway.config();
    for (line, address) in READS {
        let service = words(line)[0];
        let (_, vendor) = SERVICES
            .iter()
            .find(|(name, _)| *name == service)
            .expect("a service of the stage");
        let provider = &format!("{vendor}-b");
        let reply = stage.gateway.get(&format!("{address}&provider={provider}")).await;
        let by_rest = reply.ok();
        assert_eq!(reply.provider(), provider, "{line}");
        let mut args = words(line);
        args.extend(["--json", "--provider", provider]);
        assert_eq!(stage.gateway.cli(&args).json(), by_rest, "{line}");
        args.extend(["--local", "--config", &config]);
        let local = stage.gateway.cli(&args).json();
        assert_eq!(without_cursor(local), without_cursor(by_rest), "{line}");
    }
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_the_same_bytes_everywhere() {
    let stage = Stage::open(Setup::default()).await;
    let config = stage.gateway.config();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "attached\n").unwrap();
    let path = file.path().display().to_string();
    let attach = words("docs attachment upload bookstack-b~1 --name notes.txt --json --file");
    let attached = stage.gateway.cli(&[&attach[..], &[&path]].concat()).json();
    let id = attached["id"].as_str().unwrap();
    for (line, address) in [
        (
            "docs page export bookstack-b~1 --format markdown".to_owned(),
            "/v1/docs/pages/bookstack-b~1/export?format=markdown".to_owned(),
        ),
        (
            "docs page export_markdown bookstack-b~1".to_owned(),
            "/v1/docs/pages/bookstack-b~1/export/markdown".to_owned(),
        ),
        (
            "docs page export_html bookstack-b~1".to_owned(),
            "/v1/docs/pages/bookstack-b~1/export/html".to_owned(),
        ),
        (
            format!("docs attachment get {id}"),
            format!("/v1/docs/attachments/{id}"),
        ),
    ] {
        let reply = stage.gateway.get(&address).await;
        assert_eq!((reply.status, reply.provider()), (200, "bookstack-b"));
        assert!(!reply.text.is_empty());
        let line = words(&line);
        assert_eq!(stage.gateway.cli(&line).ok(), reply.text);
        let local = [&line[..], &["--local", "--config", &config]].concat();
        assert_eq!(stage.gateway.cli(&local).ok(), reply.text);
    }
    stage.close().await.ok();
}

/// Without what differs from one writing of the same to the next.
fn lasting(mut answer: Value) -> Value {
    if let Some(fields) = answer.as_object_mut() {
        for name in ["id", "version", "web_url", "created_at", "updated_at"] {
            fields.remove(name);
        }
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_and_files_of_models_are_had_alike_by_rest_and_by_the_command_line() {
    let stage = Stage::open(Setup::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let chat = |id: &str, prompt: &str| json!({"custom_id": id, "chat": {"model": "openai-b~sandbox-small", "prompt": prompt}});
    let asked = json!({"requests": [chat("a", "Hello"), chat("b", "Bye")]});
    let path = folder.path().join("batch.json");
    std::fs::write(&path, asked.to_string()).unwrap();
    let path = path.display().to_string();
    let by_cli = stage
        .gateway
        .cli(&["ai", "batch", "create", "--json", "--input", &path])
        .json();
    let by_rest = stage.gateway.post("/v1/ai/batches", &asked).await.ok();
    assert_eq!(
        (&by_cli["state"], &by_rest["state"]),
        (&json!("validating"), &json!("validating"))
    );
    let (first, second) = (by_cli["id"].as_str().unwrap(), by_rest["id"].as_str().unwrap());
    let early = stage.gateway.get(&format!("/v1/ai/batches/{first}/results")).await;
    assert_eq!(early.refused(412), "precondition_failed");
    let cancelled = stage.gateway.cli(&["ai", "batch", "cancel", second, "--json"]).json();
    assert_eq!(cancelled["state"], "cancelling");
    // It moves on whenever it is looked at.
    for _ in 0..4 {
        let at = format!("/v1/ai/batches/{first}?no_cache=true");
        stage.gateway.get(&at).await.ok();
    }
    let by_cli = stage
        .gateway
        .cli(&["ai", "batch", "get", first, "--no-cache", "--json"])
        .json();
    assert_eq!(
        (&by_cli["state"], &by_cli["counts"]["succeeded"]),
        (&json!("completed"), &json!(2))
    );
    let told = stage.gateway.cli(&["ai", "batch", "results", first, "--json"]);
    let lines: Vec<Value> = told
        .ok()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ids: Vec<_> = lines.iter().filter_map(|line| line["custom_id"].as_str()).collect();
    assert_eq!((ids, &lines[2]["type"]), (vec!["b", "a"], &json!("end")));
    // For people a result is a line, too.
    let told = stage.gateway.cli(&["ai", "batch", "results", first]);
    assert_eq!(told.ok().lines().count(), 2, "{told:?}");
    let by_rest = stage.gateway.get(&format!("/v1/ai/batches/{first}/results")).await;
    assert_eq!(by_rest.text.matches("\"type\":\"chat\"").count(), 2, "{}", by_rest.text);
    let listed = stage
        .gateway
        .cli(&words("ai batch list --provider openai-b --json"))
        .json();
    let by_rest = stage.gateway.get("/v1/ai/batches?provider=openai-b").await.ok();
    assert_eq!(listed, by_rest);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);

    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "kept\n").unwrap();
    let path = path.display().to_string();
    let line = words("ai file upload --provider openai-b --purpose batch --json --file");
    let kept = stage.gateway.cli(&[&line[..], &[&path]].concat()).json();
    let id = kept["id"].as_str().unwrap();
    assert_eq!(
        (&kept["name"], &kept["purpose"]),
        (&json!("notes.txt"), &json!("batch"))
    );
    assert_eq!(stage.gateway.get(&format!("/v1/ai/files/{id}")).await.ok(), kept);
    assert_eq!(stage.gateway.cli(&["ai", "file", "get", id, "--json"]).json(), kept);
    assert_eq!(stage.gateway.cli(&["ai", "file", "content", id]).ok(), "kept\n");
    let by_rest = stage.gateway.get(&format!("/v1/ai/files/{id}/content")).await;
    assert_eq!((by_rest.status, &*by_rest.text), (200, "kept\n"));
    let list = words("ai file list --provider openai-b --json");
    let by_rest = stage.gateway.get("/v1/ai/files?provider=openai-b").await.ok();
    assert_eq!(stage.gateway.cli(&list).json(), by_rest);
    assert_eq!(by_rest["items"][0], kept);
    stage.gateway.cli(&["ai", "file", "delete", id]).ok();
    assert_eq!(stage.gateway.get(&format!("/v1/ai/files/{id}")).await.status, 404);
    let left = stage.gateway.cli(&list).json();
    assert!(
        left["items"].as_array().unwrap().iter().all(|file| file["id"] != *id),
        "what was remembered of the list is gone: {left}"
    );
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_change_alike_by_rest_and_by_the_command_line() {
    let stage = Stage::open(Setup::default()).await;
    let page = "bookstack-a~2";
    let at = |rest: &str| format!("/v1/docs/pages/{page}{rest}");
    let text = json!({"body": "B", "title": "T"});
    for (method, path, body, line) in [
        (
            "POST",
            "/v1/docs/spaces".to_owned(),
            json!({"name": "S"}),
            "docs space create S",
        ),
        ("PATCH", at(""), text, "docs page update PAGE --title T --body B"),
        (
            "POST",
            at("/append"),
            json!({"body": ""}),
            "docs page append PAGE --body \u{20}",
        ),
        (
            "POST",
            at("/move"),
            json!({"parent": "bookstack-a~book/2"}),
            "docs page move PAGE bookstack-a~book/2",
        ),
        (
            "POST",
            at("/comments"),
            json!({"body": "C"}),
            "docs comment create PAGE C",
        ),
    ] {
        let reply = stage
            .gateway
            .send(method, &format!("{path}?provider=bookstack-a"), Some(&body))
            .await;
        let mut args: Vec<&str> = words(line)
            .into_iter()
            .map(|word| if word == "PAGE" { page } else { word })
            .collect();
        args.extend(["--json", "--provider", "bookstack-a"]);
        let ended = stage.gateway.cli(&args);
        match line.contains("append") {
            // Nothing to add is refused by both.
            true => assert_eq!(
                (reply.refused(400).as_str(), ended.code),
                ("invalid_input", Some(2)),
                "{line}"
            ),
            false => assert_eq!(lasting(ended.json()), lasting(reply.ok()), "{line}"),
        }
    }
    let cli = |line: &str| {
        stage
            .gateway
            .cli(&[&words(line)[..], &[page, "--json"]].concat())
            .json()
    };
    let restored = json!({});
    assert_eq!(
        stage.gateway.send("DELETE", &at("?"), None).await.ok(),
        json!({"outcome": "trashed"})
    );
    let by_cli = cli("docs page restore");
    assert_eq!(cli("docs page delete"), json!({"outcome": "trashed"}));
    let by_rest = stage.gateway.post(&at("/restore"), &restored).await.ok();
    assert_eq!(lasting(by_rest), lasting(by_cli));
    let add = json!({"body": "more"});
    let reply = stage.gateway.post(&at("/append"), &add).await.ok();
    let by_cli = stage
        .gateway
        .cli(&["docs", "page", "append", page, "--body", "more", "--json"])
        .json();
    assert_eq!((&by_cli["title"], &by_cli["id"]), (&reply["title"], &reply["id"]));
    let count = json!({"model": "openai-a~sandbox-small", "prompt": "Say hello"});
    let by_rest = stage.gateway.post("/v1/ai/tokens/count", &count).await.ok();
    let line = words("ai tokens count openai-a~sandbox-small hello --json");
    assert!(
        stage.gateway.cli(&line).json()["input_tokens"].is_u64() && by_rest["input_tokens"].is_u64(),
        "{by_rest}"
    );
    let embed = json!({"model": "openai-a~sandbox-small", "texts": ["hello"]});
    let by_rest = stage.gateway.post("/v1/ai/embeddings", &embed).await.ok();
    let line = words("ai embeddings create openai-a~sandbox-small --texts hello --json");
    assert_eq!(stage.gateway.cli(&line).json()["vectors"], by_rest["vectors"]);
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_and_models_answer_alike_everywhere() {
    let stage = Stage::open(Setup::default()).await;
    let config = stage.gateway.config();
    let issue = json!({"project": "github-a~acme/api", "title": "T", "body": "B", "labels": ["bug"]});
    let by_rest = stage.gateway.post("/v1/projects/issues", &issue).await.ok();
    let create = words("projects issue create github-a~acme/api --title T --body B --labels bug --json");
    let by_cli = stage.gateway.cli(&create).json();
    let local = stage
        .gateway
        .cli(&[&create[..], &["--local", "--config", &config]].concat())
        .json();
    let numbers: Vec<u64> = [&by_rest, &by_cli, &local]
        .iter()
        .map(|issue| issue["number"].as_u64().unwrap())
        .collect();
    assert!(numbers.is_sorted_by(|a, b| b - a == 1), "{numbers:?}");
    for issue in [by_rest, by_cli, local] {
        assert_eq!(issue["id"], format!("github-a~acme/api#{}", issue["number"]));
        let told = (&issue["title"], &issue["body"], &issue["labels"], &issue["state"]);
        assert_eq!(told, (&json!("T"), &json!("B"), &json!(["bug"]), &json!("open")));
    }

    let run = json!({"project": "woodpecker-a~acme/api", "branch": "develop"});
    let by_rest = stage.gateway.post("/v1/cicd/runs", &run).await.ok();
    let trigger = words("cicd run trigger woodpecker-a~acme/api --branch develop --json");
    let by_cli = stage.gateway.cli(&trigger).json();
    let started = [&by_rest, &by_cli].map(|answer| (&answer["outcome"], &answer["run"]["branch"]));
    assert_eq!(started, [(&json!("started"), &json!("develop")); 2]);
    let number = |answer: &Value| answer["run"]["number"].as_u64().unwrap();
    assert_eq!(number(&by_cli), number(&by_rest) + 1);

    let parent = "bookstack-a~book/1";
    let page = json!({"parent": parent, "title": "T", "body": "B"});
    let by_rest = stage.gateway.post("/v1/docs/pages", &page).await.ok();
    let create = [
        "docs", "page", "create", parent, "--title", "T", "--body", "B", "--json",
    ];
    let by_cli = stage.gateway.cli(&create).json();
    assert_ne!(by_cli["id"], by_rest["id"]);
    assert_eq!(
        (&by_cli["title"], &by_cli["parent"]),
        (&by_rest["title"], &json!(parent))
    );

    let chat = json!({"model": "openai-a~sandbox-small", "prompt": "Say hello"});
    let by_rest = stage.gateway.post("/v1/ai/chat/complete", &chat).await.ok();
    let complete = words("ai chat complete openai-a~sandbox-small Say hello --json");
    let by_cli = stage.gateway.cli(&complete).json();
    let local = stage
        .gateway
        .cli(&[&complete[..], &["--local", "--config", &config]].concat())
        .json();
    assert!(!by_rest["message"]["content"].as_str().unwrap().is_empty());
    for chat in [by_cli, local] {
        assert_eq!(
            (&chat["message"], &chat["usage"], &chat["finish"]),
            (&by_rest["message"], &by_rest["usage"], &by_rest["finish"])
        );
    }
    stage.close().await.ok();
}

/// The data of the events without a name, until `done`.
fn frames(text: &str) -> Vec<Value> {
    assert!(text.ends_with("event: done\ndata: {}\n\n"), "{text}");
    let unnamed = text.split("\n\n").filter(|event| !event.contains("event: "));
    let data = unnamed.filter_map(|event| event.lines().find_map(|line| line.strip_prefix("data: ")));
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// What the pieces say together.
fn spoken(frames: &[Value]) -> String {
    let deltas = frames.iter().filter(|frame| frame["type"] == "delta");
    deltas.map(|frame| frame["text"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_says_the_same_everywhere() {
    let stage = Stage::open(Setup::default()).await;
    let config = stage.gateway.config();
    let chat = json!({"model": "openai-a~sandbox-small", "prompt": "Say hello"});
    let whole = stage.gateway.post("/v1/ai/chat/complete", &chat).await.ok();
    let reply = stage.gateway.post("/v1/ai/chat/stream", &chat).await;
    assert_eq!(reply.header("content-type"), "text/event-stream");
    let by_rest = frames(&reply.text);
    assert!(by_rest.len() > 3, "{by_rest:?}");
    assert_eq!(spoken(&by_rest), whole["message"]["content"]);
    let line = words("ai chat stream openai-a~sandbox-small Say hello");
    let local = ["--local", "--config", &config];
    for args in [line.clone(), [&line[..], &local].concat()] {
        let printed = stage.gateway.cli(&args);
        assert_eq!(printed.ok().trim_end(), spoken(&by_rest));
        let printed = stage.gateway.cli(&[&args[..], &["--json"]].concat());
        let lines: Vec<Value> = printed
            .ok()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(spoken(&lines), spoken(&by_rest));
        assert_eq!(lines.last().unwrap()["type"], "end");
    }
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_kept_are_alike_everywhere() {
    let stage = Stage::open(Setup::default()).await;
    let cli = |line: &str| stage.gateway.cli(&words(line));
    let ask = json!({"model": "openai-a~sandbox-small", "prompt": "Say hello"});
    let by_rest = stage.gateway.post("/v1/ai/responses", &ask).await.ok();
    let by_cli = cli("ai response create openai-a~sandbox-small Say hello --json").json();
    assert_eq!(
        (&by_cli["message"], &by_cli["state"]),
        (&by_rest["message"], &json!("completed"))
    );
    let id = by_rest["id"].as_str().expect("an id");
    let found = stage.gateway.get(&format!("/v1/ai/responses/{id}")).await.ok();
    assert_eq!(found, by_rest);
    assert_eq!(cli(&format!("ai response get {id} --json")).json(), by_rest);
    let reply = stage.gateway.post("/v1/ai/responses/stream", &ask).await;
    assert_eq!(spoken(&frames(&reply.text)), by_rest["message"]["content"]);
    let printed = cli("ai response stream openai-a~sandbox-small Say hello");
    assert_eq!(printed.ok().trim_end(), by_rest["message"]["content"]);
    let begin = "ai response create openai-a~sandbox-small Say hello --background --json";
    let [first, second] = [begin, begin].map(|line| cli(line).json()["id"].as_str().expect("an id").to_owned());
    let path = format!("/v1/ai/responses/{first}/cancel");
    let by_rest = stage.gateway.post(&path, &json!({})).await.ok();
    let by_cli = cli(&format!("ai response cancel {second} --json")).json();
    assert_eq!(
        (&by_rest["state"], &by_cli["state"]),
        (&json!("cancelled"), &json!("cancelled"))
    );
    let judged = json!({"texts": ["I hate it"]});
    let by_rest = stage
        .gateway
        .post("/v1/ai/moderations?provider=openai-a", &judged)
        .await
        .ok();
    let line = [
        "ai",
        "moderation",
        "create",
        "--texts",
        "I hate it",
        "--provider",
        "openai-a",
        "--json",
    ];
    assert_eq!(stage.gateway.cli(&line).json(), by_rest);
    assert_eq!(by_rest["flagged"], true);
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_lead_through_all_rows_once() {
    let stage = Stage::open(Setup::default()).await;
    let mut seen = Vec::new();
    let mut address = "/v1/git/repos?owner=many&limit=25".to_owned();
    let pages = loop {
        let page = stage.gateway.get(&address).await.ok();
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["path"].to_string()),
        );
        assert_eq!(page["has_more"], page.get("next_cursor").is_some());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break seen.len().div_ceil(25);
        };
        assert!(seen.len() < 1000, "the pages have no end");
        address = format!("/v1/git/repos?owner=many&limit=25&cursor={cursor}");
    };
    assert_eq!(
        (seen.len(), seen.iter().collect::<BTreeSet<_>>().len(), pages),
        (120, 120, 5)
    );

    let mut by_cli = Vec::new();
    let mut more = Vec::new();
    loop {
        let line = words("git repo list --owner many --limit 50 --json");
        let more_words: Vec<&str> = more.iter().map(String::as_str).collect();
        let page = stage.gateway.cli(&[line, more_words].concat()).json();
        by_cli.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["path"].to_string()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        assert!(by_cli.len() < 1000, "the pages have no end");
        more = vec!["--cursor".to_owned(), cursor.to_owned()];
    }
    assert_eq!(by_cli, seen);

    // A cursor goes on with what it began with, and with nothing else.
    let page = stage.gateway.get("/v1/git/repos?owner=many&limit=25").await.ok();
    let all = stage
        .gateway
        .get("/v1/git/repos?owner=many&limit=25&provider=all")
        .await
        .ok();
    for page in [page, all] {
        let cursor = page["next_cursor"].as_str().expect("there are more");
        let with = |query: &str| format!("/v1/git/repos?{query}&cursor={cursor}");
        stage.gateway.get(&with("owner=many&limit=7")).await.ok();
        for other in ["owner=acme&limit=25", "limit=25"] {
            let refused = stage.gateway.get(&with(other)).await;
            assert_eq!(refused.refused(400), "invalid_input");
            let told = refused.json();
            assert_eq!(told["field"], "cursor");
            assert!(told["detail"].to_string().contains("other arguments"), "{told}");
        }
    }

    let forged = stage.gateway.get("/v1/git/repos?owner=many&cursor=AAAA").await;
    assert_eq!(
        (forged.refused(400), forged.json()["field"].clone()),
        ("invalid_input".to_owned(), json!("cursor"))
    );
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_was_given_is_an_input() {
    let stage = Stage::open(Setup::default()).await;
    let list = stage
        .gateway
        .get("/v1/git/repos?owner=acme&provider=github-b")
        .await
        .ok();
    for repo in list["items"].as_array().unwrap() {
        let id = repo["id"].as_str().unwrap();
        let reply = stage.gateway.get(&format!("/v1/git/repos/{id}")).await;
        assert_eq!((reply.ok()["id"].as_str(), reply.provider()), (Some(id), "github-b"));
        assert_eq!(
            stage.gateway.cli(&["git", "repo", "get", id, "--json"]).json()["id"],
            id
        );
    }
    let list = stage
        .gateway
        .get("/v1/projects/issues?project=github-b~acme/api")
        .await
        .ok();
    for issue in list["items"].as_array().unwrap() {
        let id = issue["id"].as_str().unwrap();
        let reply = stage
            .gateway
            .get(&format!("/v1/projects/issues/{}", id.replace('#', "%23")))
            .await;
        assert_eq!(
            (reply.ok()["title"].clone(), reply.provider()),
            (issue["title"].clone(), "github-b")
        );
        assert_eq!(
            stage.gateway.cli(&["projects", "issue", "get", id, "--json"]).json()["id"],
            id
        );
    }
    let list = stage.gateway.get("/v1/ai/models?provider=openai-b").await.ok();
    let id = list["items"][0]["id"].as_str().unwrap();
    let chat = json!({"model": id, "prompt": "hello"});
    let reply = stage.gateway.post("/v1/ai/chat/complete", &chat).await;
    reply.ok();
    assert_eq!(reply.provider(), "openai-b");
    stage.gateway.cli(&["ai", "chat", "complete", id, "hello"]).ok();
    // It was asked for its list, and for nothing else.
    let arrived = stage.server("openai-a").requests().arrived;
    assert!(arrived.keys().all(|asked| asked.ends_with("/models")), "{arrived:?}");

    let elsewhere = stage
        .gateway
        .get("/v1/git/repos/github-b~acme/api?provider=github-a")
        .await;
    assert_eq!(elsewhere.refused(400), "invalid_input");
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_own_json_comes_on_request_alone() {
    let stage = Stage::open(Setup::default()).await;
    let plain = stage.gateway.get("/v1/git/repos/acme/api").await.ok();
    assert!(plain.get("raw").is_none());
    let with_raw = stage.gateway.get("/v1/git/repos/acme/api?include_raw=true").await.ok();
    assert_eq!(with_raw["raw"]["full_name"], "acme/api");
    let by_cli = stage
        .gateway
        .cli(&words("git repo get acme/api --include-raw --json"))
        .json();
    assert!(by_cli["raw"]["node_id"].is_string(), "{by_cli}");
    stage.close().await.ok();
}
