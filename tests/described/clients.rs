//! Clients that foreign generators make of our OpenAPI documents: whole, typed, and able to call us.
//!
//! Invariant: a generator that leaves something out, or warns, fails the test.

use std::fs;
use std::path::Path;
use std::process::Command;

use mosaic::catalogue::OPERATIONS;

use crate::harness::tools::tool;
use crate::harness::{Setup, Stage};

/// Names the folder of Node's programs: openapi-typescript and tsc.
const NODE_TOOLS: &str = "MOSAIC_NODE_TOOLS";
/// Names the Python that has openapi-python-client.
const PYTHON: &str = "MOSAIC_PYTHON";

/// What a programmer writes against the types; what must not compile is marked so, and fails where it does.
const TYPESCRIPT: &str = r#"
import type { components, operations, paths } from "./public";
import type { paths as AdminPaths } from "./admin";

type Repo = operations["git.repo.get"]["responses"][200]["content"]["application/json"];
export const path = (repo: Repo): string => repo.path;
export const visibility: components["schemas"]["Visibility"] = "internal";
// @ts-expect-error a word that is none of the enumeration
export const unknown: components["schemas"]["Visibility"] = "secret";
export const said = (event: components["schemas"]["ChatEvent"]): string =>
    event.type === "delta" ? event.text : event.type;
export type Upload = NonNullable<paths["/v1/docs/pages/{page}/attachments"]["post"]["requestBody"]>;
export const upload: Upload["content"]["application/octet-stream"] = "bytes";
// @ts-expect-error an order has a reason
export const order: AdminPaths["/admin/v1/plugins"]["post"]["requestBody"]["content"]["application/json"] = {};
"#;

/// What a programmer writes against the package; it is given our address.
const PROGRAM: &str = r#"
import enum, sys
from public import Client
from public.api.git import git_repo_get
from public.models import Problem404, Repo, Visibility

client = Client(base_url=sys.argv[1])
repo = git_repo_get.sync(repo="github-a~acme/api", client=client)
assert isinstance(repo, Repo) and repo.path == "acme/api", repo
assert issubclass(Visibility, enum.Enum) and isinstance(repo.visibility, Visibility), repo
missing = git_repo_get.sync(repo="github-a~acme/none", client=client)
assert isinstance(missing, Problem404) and missing.code == "not_found", missing
"#;

fn run(command: &mut Command) {
    let output = command.output().expect("it starts");
    let texts = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        texts[0],
        texts[1]
    );
}

/// Writes the documents that a gateway serves.
async fn served(stage: &Stage, folder: &Path) {
    let (public, admin) = (stage.gateway.public, stage.gateway.admin);
    let documents = [
        ("public", format!("http://{public}/v1/openapi.json")),
        ("admin", format!("http://{admin}/admin/v1/openapi.json")),
    ];
    for (name, url) in documents {
        let reply = stage.gateway.client.0.get(url).send().await.expect("an answer");
        let text = reply.text().await.expect("a text");
        fs::write(folder.join(format!("{name}.json")), text).expect("it is written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn types_for_typescript_are_strict() {
    let Some(tools) = tool(NODE_TOOLS) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let stage = Stage::open(Setup::default()).await;
    served(&stage, folder.path()).await;
    for name in ["public", "admin"] {
        let mut generator = Command::new(tools.join("openapi-typescript"));
        let (from, to) = (format!("{name}.json"), format!("{name}.ts"));
        run(generator.args([&from, "-o", &to]).current_dir(&folder));
    }
    fs::write(folder.path().join("program.ts"), TYPESCRIPT).expect("it is written");
    let mut compiler = Command::new(tools.join("tsc"));
    let options = ["--noEmit", "--strict", "program.ts"];
    run(compiler.args(options).current_dir(&folder));
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_for_python_is_whole_and_calls_us() {
    let Some(python) = tool(PYTHON) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let stage = Stage::open(Setup::default()).await;
    served(&stage, folder.path()).await;
    // It would format what it made.
    fs::write(folder.path().join("settings.yaml"), "post_hooks: []\n").expect("it is written");
    for name in ["public", "admin"] {
        let from = format!("{name}.json");
        let mut generator = Command::new(python.with_file_name("openapi-python-client"));
        let options = [
            "generate",
            "--fail-on-warning",
            "--meta",
            "none",
            "--config",
            "settings.yaml",
        ];
        run(generator
            .args(options)
            .args(["--path", &from, "--output-path", name])
            .current_dir(&folder));
    }
    for entry in OPERATIONS.iter() {
        let function = format!("{}.py", entry.name().replace('.', "_"));
        let file = folder
            .path()
            .join("public/api")
            .join(entry.declaration.facts.service)
            .join(function);
        assert!(file.is_file(), "{}", file.display());
    }
    let program = folder.path().join("program.py");
    fs::write(&program, PROGRAM).expect("it is written");
    let url = format!("http://{}", stage.gateway.public);
    run(Command::new(&python)
        .arg(&program)
        .arg(url)
        .current_dir(&folder)
        .env("NO_PROXY", "127.0.0.1"));
    stage.close().await;
}
