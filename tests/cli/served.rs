//! The command line against a gateway that serves: two models' providers, keys with scopes, TLS.

use std::path::Path;
use std::process::{Command, Stdio};

use mosaic::Mosaic;
use mosaic::config::Config;
use mosaic::embed::serve::{self, Serving};
use mosaic::sandbox::{Sandbox, SandboxConfig};
use serde_json::Value;

use crate::recorder::{Ran, mosaic, ran};

const KEY: &str = "a-key-of-the-operators-1";

struct Served {
    folder: tempfile::TempDir,
    sandbox: Sandbox,
    gateway: Mosaic,
    serving: Serving,
}

impl Served {
    /// A forge and two AI providers; what `tables` says of the admin listener, and what stands behind it all.
    async fn start(tables: impl FnOnce(&Path) -> (String, String)) -> Self {
        let sandbox = Sandbox::start(SandboxConfig::default_pair()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (admin, tables) = tables(folder.path());
        let mut text = format!("[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n{admin}");
        for (name, kind, server) in [
            ("forge", "github", "github-a"),
            ("one", "openai", "openai-a"),
            ("two", "anthropic", "anthropic-a"),
        ] {
            let server = sandbox.server(server).unwrap();
            std::fs::write(folder.path().join(name), server.token()).unwrap();
            let (url, token) = (server.base_url(), folder.path().join(name));
            text += &format!(
                "[providers.{name}]\nkind = \"{kind}\"\nbase_url = \"{url}\"\ntoken = \"file:{}\"\n",
                token.display()
            );
        }
        text += &tables;
        let config = Config::parse(&text, "a.toml", std::iter::empty(), &Mosaic::known());
        let config = config.unwrap_or_else(|errors| panic!("{errors}")).config;
        let gateway = Mosaic::builder(config).start().await.unwrap();
        Served {
            serving: serve::serve(&gateway).await.unwrap(),
            folder,
            sandbox,
            gateway,
        }
    }

    fn command(&self, line: &[&str]) -> Command {
        let mut command = mosaic(line);
        command
            .env("XDG_CONFIG_HOME", self.folder.path())
            .env("MOSAIC_URL", format!("http://{}", self.serving.public))
            .env("MOSAIC_ADMIN_URL", format!("http://{}", self.serving.admin));
        command
    }

    async fn run(&self, line: &[&str]) -> Ran {
        done(self.command(line)).await
    }

    async fn stop(self) {
        self.serving.stop(&self.gateway).await;
        self.sandbox.shutdown().await;
    }
}

async fn done(mut command: Command) -> Ran {
    command.stdin(Stdio::null());
    tokio::task::spawn_blocking(move || ran(&mut command)).await.unwrap()
}

fn plain(_: &Path) -> (String, String) {
    Default::default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_that_name_nothing_are_asked_of_each_that_has_some() {
    let served = Served::start(plain).await;
    let listed = served.run(&["ai", "models", "list", "--json"]).await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let page: Value = serde_json::from_str(&listed.out).unwrap();
    for provider in ["one", "two"] {
        let mut rows = page["items"].as_array().unwrap().iter();
        assert!(rows.any(|row| row["provider"] == provider), "{provider}: {page}");
    }
    let batches = served.run(&["ai", "batch", "list", "--json"]).await;
    assert_eq!(batches.code, Some(0), "{batches:?}");
    let asked = served
        .run(&[
            "graphql",
            "{ aiModelsList { nodes { id } } }",
            "--jq",
            ".aiModelsList.nodes[].id",
        ])
        .await;
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(asked.out.contains("one~") && asked.out.contains("two~"), "{asked:?}");
    // What names one is asked of that one, and what is no list needs to be told.
    let one = served
        .run(&["ai", "models", "list", "--provider", "one", "--jq", ".items[].id"])
        .await;
    assert!(one.code == Some(0) && !one.out.contains("two~"), "{one:?}");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_ends_well_and_jq_sees_what_is_printed() {
    let served = Served::start(plain).await;
    let query = "subscription { aiChatStream(model: \"one~gpt-4o-mini\", prompt: \"say 3 words\") { ... on ChatEventDelta { text } } }";
    let followed = served
        .run(&["graphql", query, "--jq", ".aiChatStream.text // empty"])
        .await;
    assert_eq!((followed.code, &*followed.err), (Some(0), ""), "{followed:?}");
    assert!(followed.out.contains("word3"), "{followed:?}");
    let query = "{ gitRepoGet(repo: \"acme/api\") { path } }";
    let printed = served.run(&["graphql", query]).await;
    let printed: Value = serde_json::from_str(&printed.out).unwrap();
    let picked = served.run(&["graphql", query, "--jq", "."]).await;
    assert_eq!(serde_json::from_str::<Value>(&picked.out).unwrap(), printed);
    assert_eq!(printed["gitRepoGet"]["path"], "acme/api");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_out_of_memory_can_be_explained() {
    let served = Served::start(|_| (String::new(), "[explain]\nhits = 0\n".to_owned())).await;
    for _ in 0..3 {
        let refused = served.run(&["git", "repo", "get", "acme/nothing"]).await;
        assert_eq!(refused.code, Some(3), "{refused:?}");
        let id = refused.err.split_once("request id: ").expect("an id").1;
        let id = id.split_whitespace().next().unwrap();
        let told = served.run(&["explain", id]).await;
        assert!(told.code == Some(0) && told.out.contains("acme/nothing"), "{told:?}");
    }
    let unknown = served.run(&["explain", "nonsense"]).await;
    assert!(
        unknown.code == Some(3) && unknown.err.contains("circuit_open"),
        "{unknown:?}"
    );
    let unknown = served.run(&["explain", "01a22ee7-75c5-73e3-b1c9-266ea1d38029"]).await;
    assert!(
        unknown.err.contains("`mosaic calls`") && !unknown.err.contains("Check its name"),
        "{unknown:?}"
    );
    served.stop().await;
}

/// What bash is told of a line whose last word is typed.
async fn completed(served: &Served, line: &[&str]) -> Vec<String> {
    let mut command = served.command(&[&["--", "mosaic"], line].concat());
    command
        .env("MOSAIC_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", line.len().to_string())
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .env("_CLAP_IFS", "\n");
    let done = done(command).await;
    assert_eq!((done.code, &*done.err), (Some(0), ""), "{done:?}");
    done.out.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_user_types_is_completed() {
    let served = Served::start(plain).await;
    std::fs::create_dir(served.folder.path().join("mosaic")).unwrap();
    let profiles = served.folder.path().join("mosaic/profiles.toml");
    std::fs::write(&profiles, "[profiles.work]\n[profiles.home]\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&profiles, mode).unwrap();
    for (line, wanted) in [
        (&["ai", "models", "get", "one~gpt-4o-m"][..], "one~gpt-4o-mini"),
        (&["ai", "models", "get", "gpt-4o-m"], "gpt-4o-mini"),
        (&["git", "repo", "get", "ac"], "acme/api"),
        (&["git", "repo", "get", "forge~ac"], "forge~acme/api"),
        (&["git", "pr", "list", "acme/"], "acme/api"),
        (&["git", "repo", "list", "--profile", "wo"], "work"),
        (&["profiles", "use", "ho"], "home"),
        (&["git", "repo", "get", "acme/api", "--json", "defa"], "default_branch"),
        (
            &["git", "repo", "get", "acme/api", "--json", "name,defa"],
            "name,default_branch",
        ),
        (&["explain", "circ"], "circuit_open"),
    ] {
        let told = completed(&served, line).await;
        assert!(told.iter().any(|word| word == wanted), "{line:?}: {told:?}");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn examples_of_the_help_are_done_as_they_stand() {
    let served = Served::start(plain).await;
    let made = served
        .run(&[
            "api",
            "POST",
            "/v1/projects/issues",
            "--field",
            "project=acme/api",
            "--field",
            "title=Mend the gate",
        ])
        .await;
    assert!(made.code == Some(0) && made.out.contains("Mend the gate"), "{made:?}");
    let listed = served
        .run(&[
            "api",
            "GET",
            "/v1/git/repos",
            "--field",
            "limit=1",
            "--jq",
            ".items | length",
        ])
        .await;
    assert_eq!((listed.code, &*listed.out), (Some(0), "1\n"), "{listed:?}");
    let input = served.folder.path().join("chat.json");
    std::fs::write(&input, "{\"model\": \"one~gpt-4o-mini\", \"prompt\": \"say 3 words\"}").unwrap();
    let input = input.to_str().unwrap();
    let line = [
        "api",
        "POST",
        "/v1/ai/chat/complete",
        "--input",
        input,
        "--header",
        "X-Mosaic-Labels: team=web",
    ];
    let told = served.run(&line).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    for command in ["restart", "stop", "start"] {
        let help = served.run(&["actors", command, "--help"]).await.out;
        let path = help
            .split_whitespace()
            .rfind(|word| word.starts_with("/root/"))
            .expect("an example");
        let path = path.replace("forge-a", "forge");
        let line = ["actors", command, &path, "--reason", "a rehearsal", "--force", "--json"];
        let told = served.run(&line[..if command == "restart" { 5 } else { 7 }]).await;
        assert_eq!(told.code, Some(0), "{command} {path}: {told:?}");
    }
    served.stop().await;
}

/// A key that reaches the admin listener, and no admin token.
fn keyed(folder: &Path) -> (String, String) {
    std::fs::write(folder.join("key"), KEY).unwrap();
    std::fs::write(folder.join("token"), "a-token-of-the-admin-listener").unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    let tenant = "tenant = \"default\"\nscopes = [\"*\", \"admin\"]\n";
    (
        format!("token = \"file:{}\"\n", file("token")),
        format!("[keys.ops]\nkey = \"file:{}\"\n{tenant}", file("key")),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_tries_its_key_at_the_admin_listener() {
    let served = Served::start(keyed).await;
    let key = served.folder.path().join("key").display().to_string();
    let server = format!("http://{}", served.serving.public);
    let admin = format!("http://{}", served.serving.admin);
    let line = [
        "login",
        "--server",
        &server,
        "--admin",
        &admin,
        "--key-file",
        &key,
        "--profile",
        "adm",
    ];
    let told = served.run(&line).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    let status = served.run(&["status", "--profile", "adm", "--json"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
    // Who has none is told how a key is given here.
    let mut stranger = served.command(&["git", "repo", "list"]);
    stranger.env_remove("XDG_CONFIG_HOME");
    let none = done(stranger).await;
    assert!(none.code == Some(4) && none.err.contains("`mosaic login`"), "{none:?}");
    assert!(!none.err.contains("Authorization"), "{none:?}");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_authority_is_named_by_a_flag_a_variable_or_a_profile() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let (pem, private) = (made.cert.pem(), made.signing_key.serialize_pem());
    let served = Served::start(|folder| {
        std::fs::write(folder.join("cert.pem"), pem).unwrap();
        std::fs::write(folder.join("key.pem"), private).unwrap();
        let file = |name: &str| folder.join(name).display().to_string();
        let (cert, key) = (file("cert.pem"), file("key.pem"));
        (String::new(), format!("[server.tls]\ncert = {cert:?}\nkey = {key:?}\n"))
    })
    .await;
    let ca = served.folder.path().join("cert.pem").display().to_string();
    let (plain, secure) = (
        format!("http://{}", served.serving.public),
        format!("https://{}", served.serving.public),
    );
    let clear = served
        .run(&["git", "repo", "get", "acme/api", "--server", &plain])
        .await;
    assert_eq!(clear.code, Some(69), "{clear:?}");
    assert!(clear.err.contains(&format!("write {secure}")), "{clear:?}");
    let strange = served
        .run(&["git", "repo", "get", "acme/api", "--server", &secure])
        .await;
    assert!(
        strange.code == Some(69) && strange.err.contains("--ca-file"),
        "{strange:?}"
    );
    let trusted = served
        .run(&["git", "repo", "get", "acme/api", "--server", &secure, "--ca-file", &ca])
        .await;
    assert_eq!(trusted.code, Some(0), "{trusted:?}");
    let mut command = served.command(&["git", "repo", "get", "acme/api", "--server", &secure]);
    command.env("MOSAIC_CA_FILE", &ca);
    assert_eq!(done(command).await.code, Some(0));
    let none = served
        .run(&[
            "git",
            "repo",
            "get",
            "acme/api",
            "--server",
            &secure,
            "--ca-file",
            "/nowhere",
        ])
        .await;
    assert!(none.code == Some(2) && none.err.contains("--ca-file"), "{none:?}");
    served.stop().await;
}
