//! How often an upstream is asked for a GraphQL list of fifty, and for what its rows have within them.
//!
//! Invariant: what is counted is what arrived at the servers behind.

use serde_json::{Value, json};

use crate::Failed;
use crate::harness::{Setup, Stage};

/// Rows of a list.
const ROWS: usize = 50;

/// Asks for both kinds of relations, and tells what they cost.
pub async fn tell() -> Result<(), Failed> {
    let stage = Stage::open(Setup::default()).await;
    for row in 0..ROWS {
        let query = format!(
            "mutation {{ projectsIssueCreate(project: \"github-a~acme/web\", title: \"Row {row}\", labels: [\"bug\"]) {{ id }} }}"
        );
        ask(&stage, &query).await?;
    }
    let list = "gitRepoList(owner: \"many\", first: 50, provider: \"github-a\")";
    let each = format!("{{ {list} {{ nodes {{ path prs(first: 1) {{ nodes {{ number }} }} }} }} }}");
    let list = "projectsIssueList(project: \"github-a~acme/web\", first: 50)";
    let shared = format!("{{ {list} {{ nodes {{ title labelDetails {{ name color }} }} }} }}");
    for (what, list, query) in [
        ("repositories, each with its pull requests", "gitRepoList", each),
        (
            "issues of one project, each with its labels",
            "projectsIssueList",
            shared,
        ),
    ] {
        let calls = count(&stage, list, &query).await?;
        let again = count(&stage, list, &query).await?;
        println!("GraphQL, {ROWS} {what}: {calls} upstream calls; asked again: {again}");
    }
    stage.close().await;
    Ok(())
}

/// The calls that came to the servers for a query.
async fn count(stage: &Stage, list: &str, query: &str) -> Result<u64, Failed> {
    let before = stage.asked("github");
    let data = ask(stage, query).await?;
    match data[list]["nodes"].as_array().map(Vec::len) {
        Some(ROWS) => Ok(stage.asked("github") - before),
        _ => Err(format!("not {ROWS} rows: {data}").into()),
    }
}

async fn ask(stage: &Stage, query: &str) -> Result<Value, Failed> {
    let reply = stage.gateway.post("/graphql", &json!({ "query": query })).await;
    let mut answer = reply.json();
    match answer.get("errors") {
        None => Ok(answer["data"].take()),
        Some(errors) => Err(format!("{query}: {errors}").into()),
    }
}
