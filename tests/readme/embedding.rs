//! README's program: the same text is compiled here, and run.

use std::path::Path;

use mosaic::sandbox::{Sandbox, SandboxConfig};

use crate::block;

const OWN: &str = include_str!("embedding.rs");

/// As README has it, but for the indent; `my.toml` is where the process is.
async fn readme() -> Result<(), Box<dyn std::error::Error>> {
    // <readme>
    use mosaic::{Mosaic, catalogue::git::RepoGetInput, config::Config};

    let config = Config::read(Some("my.toml".as_ref()), &Mosaic::known())?.config;
    let gateway = Mosaic::start(config).await?;
    let repo = gateway
        .git()
        .repo_get(RepoGetInput {
            repo: "acme/api".into(),
        })
        .await?;
    println!(
        "{} is {:?}, says {}",
        repo.value.path, repo.value.visibility, repo.head.provider
    );
    gateway.shutdown().await;
    // </readme>
    Ok(())
}

/// Without spaces: how it is laid out is the formatter's, and README's.
fn bare(text: &str) -> String {
    let text: String = text.split_whitespace().collect();
    text.replace(",}", "}").replace(",)", ")")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_is_compiled_and_runs() {
    let (_, rest) = OWN.split_once("// <readme>\n").expect("it begins");
    let (own, _) = rest.split_once("// </readme>").expect("it ends");
    assert_eq!(
        bare(&block("use mosaic::").text),
        bare(own),
        "README's program is another"
    );

    let sandbox = Sandbox::start(SandboxConfig::default_pair()).await.expect("a sandbox");
    let forge = sandbox.server("github-a").expect("one of the pair");
    let folder = tempfile::tempdir().expect("a scratch folder");
    let token = folder.path().join("token");
    std::fs::write(&token, forge.token()).expect("it is ours");
    let text = format!(
        "[providers.forge]\nkind = \"github\"\nbase_url = \"{}\"\ntoken = \"file:{}\"\n",
        forge.base_url(),
        token.display()
    );
    std::fs::write(folder.path().join("my.toml"), text).expect("it is ours");
    // The other tests of this program name their folders.
    std::env::set_current_dir(folder.path()).expect("it is there");
    let ran = readme().await;
    std::env::set_current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("it is there");
    ran.expect("it runs");
    sandbox.shutdown().await;
}
