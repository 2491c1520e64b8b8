//! Clients of other hands.

use super::harness::tools::{drive, node};
use super::{KEY, stage};

#[tokio::test(flavor = "multi_thread")]
async fn graphql_ws_follows_a_model_and_reads_the_schema() {
    let Some(node) = node() else { return };
    let stage = stage("").await;
    let base = format!("http://{}/graphql", stage.gateway.public);
    drive(node, "graphql/graphql_ws.cjs", &base, KEY).await;
    stage.close().await;
}
