//! Clients of other hands, and the page for people in a browser.

use super::harness::tools::{browser, drive, node};
use super::{KEY, stage};
use crate::harness::process;

#[tokio::test(flavor = "multi_thread")]
async fn graphql_ws_follows_a_model_and_reads_the_schema() {
    let Some(node) = node() else { return };
    let stage = stage("").await;
    let base = format!("http://{}/graphql", stage.gateway.public);
    drive(node, "graphql/graphql_ws.cjs", &base, KEY).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_loads_the_explorer_from_us_alone_and_asks() {
    let Some(node) = browser() else { return };
    let stage = stage("").await;
    let base = format!("http://{}", stage.gateway.public);
    drive(node, "graphql/explorer.cjs", &base, KEY).await;
    assert!(stage.asked("github") > 0 && stage.asked("openai") > 0);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_asks_and_follows() {
    let stage = stage("").await;
    let env = [
        ("MOSAIC_URL".to_owned(), format!("http://{}", stage.gateway.public)),
        ("MOSAIC_API_KEY".to_owned(), KEY.to_owned()),
    ];
    let query = "query($repo: String!) { gitRepoGet(repo: $repo) { path } }";
    let asked = process::run(
        &["graphql", query, "--variables", "{\"repo\": \"acme/api\"}", "--json"],
        &env,
    );
    assert_eq!(asked.json()["gitRepoGet"]["path"], "acme/api");
    let query = "subscription { aiChatStream(model: \"gpt-4o-mini\", prompt: \"say 3 words\") { ... on ChatEventDelta { text } } }";
    let followed = process::run(&["graphql", query, "--jq", ".aiChatStream.text // empty"], &env);
    assert_eq!(followed.ok(), "word1\n word2\n word3\n");
    let wrong = process::run(&["graphql", "{ nothing }"], &env);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("invalid_input"), "{wrong:?}");
    stage.close().await;
}
