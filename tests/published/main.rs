//! The drivers against the providers' published descriptions.
//!
//! Invariant: the number of checks is asserted, so that none passes by not being made.

mod bookstack;
mod jenkins;
#[path = "../upstream/mod.rs"]
mod upstream;

use std::collections::BTreeMap;
use std::path::Path;

use mosaic::providers::http::HttpClient;
use serde_json::{Value, json};
use upstream::cells::cells;
use upstream::{Canned, Upstream, specs};

const ANTHROPIC: &str = "anthropic.openapi.yaml";
const GITEA: &str = "gitea-1.26.1.swagger.json";
const GITHUB: &str = "github-api.github.com.openapi.json";
const NOTION: &str = "notion.openapi.json";
/// The methods and paths of Notion; its description lacks some.
const NOTION_ROUTES: &str = "notion-endpoints.tsv";
/// Fields of bodies that its description lacks, as its own client's types have them.
const NOTION_FIELDS: [(&str, &str); 6] = [
    ("PATCH /v1/blocks/{block_id}/children", "position"),
    ("POST /v1/comments", "discussion_id"),
    ("POST /v1/data_sources/{data_source_id}/query", "result_type"),
    ("PATCH /v1/comments/{comment_id}", "rich_text"),
    ("PATCH /v1/blocks/{block_id}", "in_trash"),
    ("POST /v1/pages", "position"),
];
/// Golden requests of Notion that are looked up in both.
const NOTION_REQUESTS: usize = 385;
const OPENAI: &str = "openai.openapi.json";
const WOODPECKER: &str = "woodpecker.swagger.json";

/// For each kind of provider: golden answers whose body is copied from a published description, and golden requests
/// that are looked up in it.
const COUNTS: &[(&str, usize, usize)] = &[
    ("gitea", 0, 551),
    ("github", 196, 565),
    ("gitlab", 79, 0),
    ("anthropic", 1, 79),
    ("notion", 2, 0),
    ("openai", 19, 155),
    ("woodpecker", 0, 161),
    ("bookstack", 33, 0),
];
/// What Gitea's description lacks: the list of a run's artifacts takes these as any list does.
const GITEA_LACKS: (&str, [&str; 2]) = ("/artifacts", ["page", "limit"]);
/// The methods and paths of GitLab; of `{resourceId}` a project is one.
const GITLAB: &str = "gitlab-endpoints.tsv";
/// What that table lacks, as GitLab's source has it.
const GITLAB_LACKS: [&str; 6] = [
    "POST /projects",
    "GET /issues",
    "GET /projects/{id}/issues",
    "GET /projects/{id}/issues/{iid}",
    "GET /projects/{id}/merge_requests",
    "GET /projects/{id}/merge_requests/{iid}/approvals",
];
/// Golden requests of GitLab that are looked up there.
const GITLAB_REQUESTS: usize = 389;

/// Hand-made answers of Woodpecker that are held to its description.
const WOODPECKER_ANSWERS: usize = 117;
/// Hand-made answers of Gitea that are held to its description.
const GITEA_ANSWERS: usize = 344;
/// Answers with one field left out or null.
const FIELDS: usize = 337;

/// Descriptions, read once each: they are large.
#[derive(Default)]
struct Specs(BTreeMap<String, Value>);

impl Specs {
    fn get(&mut self, folder: &Path, file: &str) -> &Value {
        self.0
            .entry(file.to_owned())
            .or_insert_with(|| specs::read(folder, file))
    }
}

/// A column of [`COUNTS`], as counting gives it: without zeros.
fn expected(column: impl Fn(&(&str, usize, usize)) -> usize) -> BTreeMap<String, usize> {
    let counts = COUNTS.iter().map(|row| (row.0.to_owned(), column(row)));
    counts.filter(|(_, count)| *count > 0).collect()
}

#[test]
fn golden_answers_are_as_published() {
    let Some(folder) = specs::folder() else { return };
    let mut descriptions = Specs::default();
    let mut checked = vec![];
    for cell in cells() {
        let answers = cell.provenance.iter().zip(&cell.answers);
        for (line, answer) in answers.filter(|(line, _)| !line.starts_with("hand-made: ")) {
            let (file, pointer) = line.split_once('#').expect("file#pointer");
            let published = published(descriptions.get(&folder, file), pointer);
            assert_eq!(answer.body.as_ref(), Some(&published), "{}", cell.name());
            checked.push(cell.kind.clone());
        }
    }
    assert_eq!(
        upstream::count(checked),
        expected(|(_, answers, _)| *answers),
        "a published answer was added or has vanished"
    );
}

/// What a pointer leads to; some examples are JSON within a string.
fn published(spec: &Value, pointer: &str) -> Value {
    let value = spec
        .pointer(pointer)
        .unwrap_or_else(|| panic!("{pointer} leads nowhere"));
    match value.as_str() {
        Some(text) => serde_json::from_str(text).expect("JSON"),
        None => value.clone(),
    }
}

#[test]
fn golden_requests_are_known_to_the_provider() {
    let Some(folder) = specs::folder() else { return };
    let mut descriptions = Specs::default();
    let mut checked = vec![];
    for cell in cells() {
        let spec = match cell.kind.as_str() {
            "anthropic" => descriptions.get(&folder, ANTHROPIC),
            "gitea" => descriptions.get(&folder, GITEA),
            "github" => descriptions.get(&folder, GITHUB),
            "openai" => descriptions.get(&folder, OPENAI),
            "woodpecker" => descriptions.get(&folder, WOODPECKER),
            // Each provider's description has a form of its own; theirs are read elsewhere.
            _ => continue,
        };
        let requests = cell.read("request.json");
        // Where a redirect leads is the provider's own affair.
        let redirected = |at: usize| at > 0 && (300..400).contains(&cell.answers[at - 1].status);
        let requests = requests.as_array().expect("a list").iter().enumerate();
        for (_, request) in requests.filter(|(at, _)| !redirected(*at)) {
            assert_known(spec, request, &cell.name());
            checked.push(cell.kind.clone());
        }
    }
    assert_eq!(
        upstream::count(checked),
        expected(|(_, _, requests)| *requests),
        "a request was added or has vanished"
    );
}

#[test]
fn golden_requests_of_gitlab_are_known_routes() {
    let Some(folder) = specs::folder() else { return };
    let table = std::fs::read_to_string(folder.join(GITLAB)).expect(GITLAB);
    let rows = table.lines().map(|line| line.replacen('\t', " ", 1));
    let rows = rows.map(|row| row.replacen("/{resourceId}", "/projects/{id}", 1));
    let known: Vec<String> = rows.chain(GITLAB_LACKS.map(str::to_owned)).collect();
    let fits = |row: &String, asked: &str| {
        let (row, asked) = (row.split('/').collect::<Vec<_>>(), asked.split('/').collect::<Vec<_>>());
        let mut parts = row.iter().zip(&asked);
        row.len() == asked.len() && parts.all(|(part, asked)| part.starts_with('{') || part == asked)
    };
    let mut checked = 0;
    for cell in cells().into_iter().filter(|cell| cell.kind == "gitlab") {
        for request in cell.read("request.json").as_array().expect("a list") {
            let method = request["method"].as_str().expect("a method");
            // What can be got can be asked for without its body.
            let method = if method == "HEAD" { "GET" } else { method };
            let asked = format!("{method} {}", request["path"].as_str().expect("a path"));
            assert!(known.iter().any(|row| fits(row, &asked)), "{}: {asked}", cell.name());
            checked += 1;
        }
    }
    assert_eq!(checked, GITLAB_REQUESTS, "a request was added or has vanished");
}

/// Notion's description has a part of its routes, and its client's table all of them.
#[test]
fn golden_requests_of_notion_are_known_to_it() {
    let Some(folder) = specs::folder() else { return };
    let spec = specs::read(&folder, NOTION);
    let table = std::fs::read_to_string(folder.join(NOTION_ROUTES)).expect(NOTION_ROUTES);
    let routes: Vec<(&str, &str)> = table.lines().filter_map(|line| line.split_once('\t')).collect();
    let mut checked = 0;
    for cell in cells().into_iter().filter(|cell| cell.kind == "notion") {
        let requests = cell.read("request.json");
        let requests = requests.as_array().expect("a list").iter();
        // A file lies elsewhere.
        for request in requests.filter(|request| request["headers"].get("credential").is_none()) {
            let (method, path) = (
                request["method"].as_str().expect("a method"),
                request["path"].as_str().expect("a path"),
            );
            let path = format!("/v1{path}");
            let fits = |route: &&(&str, &str)| route.0 == method && specs::fits(route.1, &path);
            let route = routes
                .iter()
                .filter(fits)
                .min_by_key(|route| route.1.matches('{').count());
            let route = route.unwrap_or_else(|| panic!("{}: no {method} {path}", cell.name()));
            checked += 1;
            let Some(operation) = specs::operation(&spec, method, &path) else {
                continue;
            };
            let known = specs::query_names(&spec, operation);
            let query = request["query"].as_str().unwrap_or_default();
            for (name, _) in url::form_urlencoded::parse(query.as_bytes()) {
                assert!(known.contains(&*name), "{}: no query parameter {name}", cell.name());
            }
            let known = specs::body_names(&spec, operation);
            for name in request["body"].as_object().into_iter().flat_map(|body| body.keys()) {
                let named = format!("{} {}", route.0, route.1);
                let beyond = NOTION_FIELDS.contains(&(named.as_str(), name.as_str()));
                assert!(known.contains(name) || beyond, "{}: no body field {name}", cell.name());
            }
        }
    }
    assert_eq!(checked, NOTION_REQUESTS, "a request was added or has vanished");
}

/// No example of an answer is published for Woodpecker, so that its golden ones are hand-made: by its description.
#[test]
fn hand_made_answers_of_woodpecker_are_of_the_described_types() {
    let Some(folder) = specs::folder() else { return };
    let mut spec = specs::read(&folder, WOODPECKER);
    // Described as numbers, sent as base64.
    let data = &mut spec["definitions"]["LogEntry"]["properties"]["data"];
    *data = json!({"anyOf": [data.take(), {"type": "string"}]});
    let mut checked = 0;
    let cells = cells().into_iter().filter(|cell| cell.kind == "woodpecker");
    // What an earlier version answers is described nowhere.
    for cell in cells.filter(|cell| !cell.name().ends_with(".version_2")) {
        let requests = cell.read("request.json");
        let pairs = requests.as_array().expect("a list").iter().zip(&cell.answers);
        for (request, answer) in pairs.filter(|(_, answer)| answer.status == 200) {
            let text = |name: &str| request[name].as_str().expect("text");
            let operation = specs::operation(&spec, text("method"), text("path")).expect("an operation");
            // A list without rows may be null, which no description of it says.
            if let Some(body) = answer.body.as_ref().filter(|body| !body.is_null()) {
                let schema = &operation["responses"]["200"]["schema"];
                specs::assert_swagger(&spec, schema, body, &cell.name());
                checked += 1;
            }
        }
    }
    assert_eq!(checked, WOODPECKER_ANSWERS, "an answer was added or has vanished");
}

/// No example of an answer is published for Gitea either.
#[test]
fn hand_made_answers_of_gitea_are_of_the_described_types() {
    let Some(folder) = specs::folder() else { return };
    let spec = specs::read(&folder, GITEA);
    let mut checked = 0;
    let cells = cells().into_iter().filter(|cell| cell.kind == "gitea");
    // What Forgejo answers in other words is not described there.
    for cell in cells.filter(|cell| !cell.name().contains(".forgejo")) {
        let requests = cell.read("request.json");
        let pairs = requests.as_array().expect("a list").iter().zip(&cell.answers);
        for (request, answer) in pairs.filter(|(_, answer)| (200..300).contains(&answer.status)) {
            let text = |name: &str| request[name].as_str().expect("text");
            let operation = specs::operation(&spec, text("method"), text("path")).expect("an operation");
            let responses = &operation["responses"];
            let described = responses.get(answer.status.to_string()).unwrap_or(&responses["200"]);
            let schema = specs::resolve(&spec, described).get("schema");
            // A directory's list is at the same path as a file, and not described.
            let (Some(schema), Some(body)) = (schema, answer.body.as_ref()) else {
                continue;
            };
            if body.is_array() == (specs::resolve(&spec, schema)["type"] == "array") {
                specs::assert_swagger(&spec, schema, body, &cell.name());
                checked += 1;
            }
        }
    }
    assert_eq!(checked, GITEA_ANSWERS, "an answer was added or has vanished");
}

fn assert_known(spec: &Value, request: &Value, cell: &str) {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let described = specs::described(spec, text("method"), text("path"));
    let (template, operation) = described.unwrap_or_else(|| panic!("{cell}: no {} {}", text("method"), text("path")));
    let mut known = specs::query_names(spec, operation);
    // Some paths are described with a part of their query.
    let (_, own) = template.split_once('?').unwrap_or_default();
    known.extend(url::form_urlencoded::parse(own.as_bytes()).map(|(name, _)| name.into_owned()));
    if cell.starts_with("gitea/") && text("path").ends_with(GITEA_LACKS.0) {
        known.extend(GITEA_LACKS.1.map(str::to_owned));
    }
    for (name, _) in url::form_urlencoded::parse(text("query").as_bytes()) {
        assert!(known.contains(&*name), "{cell}: no query parameter {name}");
    }
    let known = specs::body_names(spec, operation);
    for name in request["body"].as_object().into_iter().flat_map(|body| body.keys()) {
        // Older releases of Gitea know these by another name only, and newer ones by both.
        let name = match name.as_str() {
            "Do" => "do",
            "MergeTitleField" => "merge_title_field",
            "MergeMessageField" => "merge_message_field",
            name => name,
        };
        assert!(known.contains(name), "{cell}: no body field {name}");
    }
}

/// An operation, the schema of an object in its answer, an example of the answer, and where in it the object is.
struct Case {
    kind: &'static str,
    operation: &'static str,
    input: Value,
    schema: &'static str,
    example: &'static str,
    object: &'static str,
}

fn cases() -> Vec<Case> {
    let case = |kind, operation, input, schema, example, object| Case {
        kind,
        operation,
        input,
        schema,
        example,
        object,
    };
    let github = |operation, input, schema, example, object| case("github", operation, input, schema, example, object);
    let example = "/components/examples/full-repository-default-response/value";
    let repo = json!({"repo": "octocat/Hello-World"});
    let file = json!({"repo": "octocat/Hello-World", "path": "README.md"});
    let issue = json!({"project": "octocat/Hello-World", "title": "t"});
    let pull = json!({"pr": "octocat/Hello-World#1347"});
    let of_commit = json!({"repo": "octocat/Hello-World", "commit": "6dcb09b5b57875f334f61aebed695e2e4193db5e"});
    let named = |input: &Value, more: Value| {
        let mut input = input.as_object().cloned().expect("an object");
        input.extend(more.as_object().cloned().expect("an object"));
        Value::from(input)
    };
    let of_status = named(&of_commit, json!({"state": "success", "context": "c"}));
    let written = named(&file, json!({"content": "x", "if_match": "a"}));
    let compared = named(&repo, json!({"base": "a", "head": "b"}));
    let tree = named(&repo, json!({"ref": "a"}));
    let retitled = named(&pull, json!({"title": "t"}));
    let of = |name: &'static str| format!("/components/examples/{name}/value").leak() as &'static str;
    vec![
        github("git.commit.get", of_commit.clone(), "commit", of("commit"), ""),
        github("git.commit.list", repo.clone(), "commit", of("commit-items"), "/0"),
        github(
            "git.compare",
            compared,
            "commit-comparison",
            of("commit-comparison"),
            "",
        ),
        github("git.tree.list", tree, "git-tree", of("git-tree-default-response"), ""),
        github("git.tag.list", repo.clone(), "tag", of("tag-items"), "/0"),
        github("git.release.list", repo.clone(), "release", of("release-items"), "/0"),
        github("git.pr.update", retitled, "pull-request", of("pull-request"), ""),
        github(
            "git.pr.list",
            repo.clone(),
            "pull-request-simple",
            of("pull-request-simple-items"),
            "/0",
        ),
        github("git.pr.files", pull.clone(), "diff-entry", of("diff-entry-items"), "/0"),
        github(
            "git.pr.reviews",
            pull.clone(),
            "pull-request-review",
            of("pull-request-review-items"),
            "/0",
        ),
        github(
            "git.pr.comments",
            pull,
            "issue-comment",
            of("issue-comment-items"),
            "/0",
        ),
        github("git.status.set", of_status, "status", of("status"), ""),
        github(
            "git.status.get",
            of_commit,
            "combined-commit-status",
            of("combined-commit-status"),
            "",
        ),
        github("git.hook.list", repo.clone(), "hook", of("hook-items"), "/0"),
        github(
            "git.file.put",
            written,
            "file-commit",
            of("file-commit-example-for-updating-a-file"),
            "",
        ),
        github("git.repo.get", repo.clone(), "full-repository", example, ""),
        github(
            "git.repo.list",
            json!({}),
            "repository",
            "/components/examples/repository-items-default-response/value",
            "/0",
        ),
        github(
            "git.repo.list",
            json!({"owner": "octocat"}),
            "minimal-repository",
            "/components/examples/minimal-repository-items/value",
            "/0",
        ),
        github(
            "git.branch.list",
            repo,
            "short-branch",
            "/components/examples/short-branch-with-protection-items/value",
            "/0",
        ),
        github(
            "git.file.get",
            file,
            "content-file",
            "/components/examples/content-file-response-if-content-is-a-file/value",
            "",
        ),
        github(
            "projects.issue.create",
            issue,
            "issue",
            "/components/examples/issue/value",
            "",
        ),
        case(
            "openai",
            "ai.chat.complete",
            json!({"model": "m", "prompt": "p"}),
            "CreateChatCompletionResponse",
            "/paths/~1chat~1completions/post/x-oaiMeta/examples/0/response",
            "",
        ),
        case(
            "openai",
            "ai.chat.complete",
            json!({"model": "m", "prompt": "p"}),
            "ChatCompletionResponseMessage",
            "/paths/~1chat~1completions/post/x-oaiMeta/examples/0/response",
            "/choices/0/message",
        ),
        case(
            "openai",
            "ai.response.get",
            json!({"response": "r"}),
            "Response",
            "/components/schemas/Response/example",
            "",
        ),
        case(
            "openai",
            "ai.moderation.create",
            json!({"texts": ["a"]}),
            "CreateModerationResponse",
            "/paths/~1moderations/post/x-oaiMeta/examples/0/response",
            "",
        ),
        case(
            "anthropic",
            "ai.chat.complete",
            json!({"model": "m", "prompt": "p", "max_tokens": 9}),
            "Message",
            "/components/schemas/Message/examples/0",
            "",
        ),
    ]
}

#[tokio::test]
async fn every_optional_field_may_be_absent_and_every_nullable_one_null() {
    let Some(folder) = specs::folder() else { return };
    let client = HttpClient::from_env().expect("a client");
    let mut descriptions = Specs::default();
    let mut checked = 0;
    for case in cases() {
        let file = match case.kind {
            "anthropic" => ANTHROPIC,
            "github" => GITHUB,
            _ => OPENAI,
        };
        let spec = descriptions.get(&folder, file);
        let variants = variants(spec, &case);
        let answers = variants.iter().map(|(_, body)| Canned::json(200, body.clone()));
        let provider = Upstream::answering(answers).await;
        let connection = upstream::connection_by(&client, &provider.url);
        for (what, _) in &variants {
            let outcome = upstream::ask(case.kind, &connection, case.operation, case.input.clone()).await;
            assert!(outcome.is_ok(), "{} {what}: {:?}", case.operation, outcome.err());
            checked += 1;
        }
    }
    assert_eq!(checked, FIELDS, "a field was added or has vanished");
}

/// An operation of Gitea, the golden cell whose last answer serves as an example, where in it the object is, the
/// object's definition, and those of its fields that the driver cannot do without.
const GITEA_CASES: &[(&str, &str, &str, &str, &[&str])] = &[
    (
        "git.repo.get",
        "git.repo.get",
        "",
        "Repository",
        &["name", "full_name", "owner"],
    ),
    (
        "git.repo.list",
        "git.repo.list",
        "/0",
        "Repository",
        &["name", "full_name", "owner"],
    ),
    (
        "git.branch.list",
        "git.branch.list",
        "/0",
        "Branch",
        &["name", "commit"],
    ),
    (
        "git.branch.list",
        "git.branch.list",
        "/0/commit",
        "PayloadCommit",
        &["id"],
    ),
    // Without a content a file is asked for once more, raw: that is another cell.
    (
        "git.file.get",
        "git.file.get",
        "",
        "ContentsResponse",
        &["type", "name", "path", "sha", "size", "content"],
    ),
    ("git.tag.list", "git.tag.list", "/0", "Tag", &["name", "commit"]),
    ("git.commit.get", "git.commit.get", "", "Commit", &["sha"]),
    ("git.commit.get", "git.commit.get", "/commit", "RepoCommit", &[]),
    ("git.commit.get", "git.commit.get", "/commit/author", "CommitUser", &[]),
    ("git.commit.get", "git.commit.get", "/author", "User", &[]),
    ("git.commit.list", "git.commit.list", "/0", "Commit", &["sha"]),
    ("git.compare", "git.compare", "", "Compare", &[]),
    ("git.tree.list", "git.tree.list", "", "GitTreeResponse", &[]),
    (
        "git.tree.list",
        "git.tree.list",
        "/tree/1",
        "GitEntry",
        &["path", "sha"],
    ),
    ("git.release.list", "git.release.list", "/0", "Release", &["tag_name"]),
    ("git.pr.get", "git.pr.get", "", "PullRequest", &["number"]),
    ("git.pr.get", "git.pr.get", "/head", "PRBranchInfo", &[]),
    ("git.pr.get", "git.pr.get", "/head/repo", "Repository", &[]),
    ("git.pr.get", "git.pr.get", "/user", "User", &[]),
    ("git.pr.files", "git.pr.files", "/0", "ChangedFile", &["filename"]),
    ("git.pr.reviews", "git.pr.reviews", "/2", "PullReview", &[]),
    ("git.pr.comments", "git.pr.comments", "/0", "Comment", &["id"]),
    ("git.status.set", "git.status.set", "", "CommitStatus", &[]),
    ("git.status.get", "git.status.get.none_new", "", "CombinedStatus", &[]),
    ("git.hook.list", "git.hook.list", "/0", "Hook", &["id"]),
    (
        "projects.issue.get",
        "projects.issue.get",
        "",
        "Issue",
        &["number", "title", "state"],
    ),
    (
        "projects.issue.list",
        "projects.issue.list",
        "/1/labels/0",
        "Label",
        &["id", "name"],
    ),
    (
        "projects.issue.list",
        "projects.issue.list",
        "/1/user",
        "User",
        &["login"],
    ),
];
/// Answers with one field left out or null.
const GITEA_FIELDS: usize = 843;

/// Gitea's description requires nothing and knows no null: each field is left out, and each that may be absent in Go
/// is made null too.
#[tokio::test]
async fn every_field_that_gitea_leaves_open_may_be_absent_or_null() {
    let Some(folder) = specs::folder() else { return };
    let (spec, cells) = (specs::read(&folder, GITEA), cells());
    let client = HttpClient::from_env().expect("a client");
    let mut checked = 0;
    for (operation, cell, object, definition, needed) in GITEA_CASES {
        let cell = cells.iter().find(|one| one.name() == format!("gitea/{cell}"));
        let cell = cell.expect("a cell");
        let example = cell.answers[0].body.as_ref().expect("JSON");
        let fields = spec["definitions"][definition]["properties"].as_object();
        for (name, schema) in fields.expect("properties") {
            if needed.contains(&name.as_str()) {
                continue;
            }
            let mut variants = vec![with_field(example, object, name, None)];
            if schema["type"] != "boolean" {
                variants.push(with_field(example, object, name, Some(Value::Null)));
            }
            let provider = Upstream::answering(variants.iter().map(|body| Canned::json(200, body.clone()))).await;
            let connection = upstream::connection_by(&client, &provider.url);
            for body in variants {
                let outcome = upstream::ask("gitea", &connection, operation, cell.read("input.json")).await;
                assert!(outcome.is_ok(), "{operation} {name} in {body}: {:?}", outcome.err());
                checked += 1;
            }
        }
    }
    assert_eq!(checked, GITEA_FIELDS, "a field was added or has vanished");
}

/// The example with one field of the object at a pointer replaced, or left out.
fn with_field(example: &Value, object: &str, name: &str, value: Option<Value>) -> Value {
    let mut body = example.clone();
    let fields = body.pointer_mut(object).and_then(Value::as_object_mut);
    let fields = fields.expect("an object");
    fields.remove(name);
    fields.extend(value.map(|value| (name.to_owned(), value)));
    body
}

/// The example as it is, and once for each field that the schema allows to be absent or null.
fn variants(spec: &Value, case: &Case) -> Vec<(String, Value)> {
    let example = published(spec, case.example);
    let (absent, null) = specs::optional(spec, &spec["components"]["schemas"][case.schema]);
    let with = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut body = example.clone();
        change(
            body.pointer_mut(case.object)
                .and_then(Value::as_object_mut)
                .expect("an object"),
        );
        body
    };
    let mut variants = vec![("as published".to_owned(), example.clone())];
    for name in absent {
        let body = with(&|object| drop(object.remove(&name)));
        variants.push((format!("without {name}"), body));
    }
    for name in null {
        let body = with(&|object| drop(object.insert(name.clone(), Value::Null)));
        variants.push((format!("with {name}: null"), body));
    }
    variants
}
