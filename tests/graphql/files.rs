//! Files: their bytes within answers and arguments.

use serde_json::json;

use super::{ask, data, stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_up_and_comes_down_byte_for_byte() {
    let stage = stage("").await;
    let upload = |path: &str, file: &str| {
        format!(
            "mutation {{ gitFileUpload(repo: \"github-a~acme/web\", path: \"{path}\", branch: \"files\", message: \"Add it\", file: {file}) {{ __typename }} }}"
        )
    };
    let download = |path: &str| {
        format!(
            "{{ gitFileDownload(repo: \"github-a~acme/web\", path: \"{path}\", ref: \"files\") {{ base64 size mediaType }} }}"
        )
    };
    let branch = "mutation { gitBranchCreate(repo: \"github-a~acme/web\", branch: \"files\") { name } }";
    data(&stage.gateway, branch).await;
    data(&stage.gateway, &upload("bytes.bin", "{ base64: \"AAEC/w==\" }")).await;
    data(
        &stage.gateway,
        &upload("text.txt", "{ text: \"Grüße\", mediaType: \"text/plain\" }"),
    )
    .await;
    let bytes = data(&stage.gateway, &download("bytes.bin")).await["gitFileDownload"].clone();
    assert_eq!(
        (&bytes["base64"], &bytes["size"]),
        (&json!("AAEC/w=="), &json!(4)),
        "{bytes}"
    );
    let text = data(&stage.gateway, &download("text.txt")).await["gitFileDownload"].clone();
    assert_eq!(text["base64"], "R3LDvMOfZQ==", "{text}");
    let none = ask(&stage.gateway, &download("none.txt")).await;
    assert_eq!(none["errors"][0]["extensions"]["code"], "not_found", "{none}");
    stage.close().await;
}
