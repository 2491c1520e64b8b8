//! The decision tree that README shows, leaf by leaf.

use futures_util::future::join_all;
use mosaic::sandbox::{Effect, Fault, Sandbox, SandboxConfig};
use serde_json::{Value, json};

use crate::harness::Gateway;
use crate::harness::http::Reply;

const README: &str = include_str!("../../README.md");
/// README's providers, and who stands for each in the sandbox.
const STAND_INS: [(&str, &str); 5] = [
    ("gitea", "gitea-a"),
    ("github", "github-a"),
    ("gitlab", "gitlab-a"),
    ("cloud", "openai-a"),
    ("own", "openai-b"),
];

/// README's configuration.
fn written() -> String {
    let lines = README.lines().skip_while(|line| *line != "    [providers.gitea]");
    let block = lines.take_while(|line| line.is_empty() || line.starts_with("    "));
    block.map(|line| format!("{}\n", line.trim_start())).collect()
}

struct Stage {
    sandbox: Sandbox,
    gateway: Gateway,
}

impl Stage {
    /// README's configuration as `change` leaves it, in front of a sandbox.
    async fn open(change: impl FnOnce(&mut toml::Table)) -> Stage {
        let mut config = SandboxConfig::default_pair();
        let stands = |name: &str| STAND_INS.iter().any(|(_, server)| *server == name);
        config.servers.retain(|server| stands(&server.name));
        let sandbox = Sandbox::start(config).await.expect("a sandbox");
        let mut tables: toml::Table = toml::from_str(&written()).expect("README's block is TOML");
        let mut env = Vec::new();
        for (provider, server) in STAND_INS {
            let server = sandbox.server(server).expect("one of the default pair");
            let table = tables["providers"][provider].as_table_mut().expect("a table");
            table.insert("base_url".to_owned(), server.base_url().to_string().into());
            table.insert("health_check".to_owned(), false.into());
            let token = table["token"].as_str().and_then(|token| token.strip_prefix("env:"));
            env.push((token.expect("a variable").to_owned(), server.token().to_owned()));
        }
        change(&mut tables);
        let listeners =
            "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n";
        let text = format!("{listeners}{}", toml::to_string(&tables).expect("it was read"));
        let gateway = Gateway::serve(&text, env).await;
        Stage { sandbox, gateway }
    }

    /// How many requests each of README's providers got so far.
    fn asked(&self) -> [u64; 5] {
        STAND_INS.map(|(_, server)| self.sandbox.server(server).expect("it is there").requests().total)
    }

    /// Which providers are asked for one call.
    async fn who(&self, call: impl Future<Output = Reply>) -> Vec<&'static str> {
        let before = self.asked();
        let reply = call.await;
        assert!(reply.status < 500, "{reply:?}");
        let after = self.asked();
        let asked = (0..STAND_INS.len()).filter(|at| after[*at] > before[*at]);
        asked.map(|at| STAND_INS[at].0).collect()
    }

    fn repo(&self, path: &str) -> impl Future<Output = Reply> {
        let url = format!("http://{}/v1/git/repos/{path}", self.gateway.public);
        let client = self.gateway.client.clone();
        async move { client.get(&url).await }
    }

    /// A chat that may write so many tokens, by a caller who needs this most.
    fn chat(&self, tokens: u64, performance: &str) -> impl Future<Output = Reply> {
        let url = format!("http://{}/v1/ai/chat/complete", self.gateway.public);
        let client = self.gateway.client.clone();
        let input: Value = json!({ "model": "sandbox-small", "prompt": "Hello", "max_tokens": tokens });
        let header = (!performance.is_empty()).then(|| performance.to_owned());
        async move {
            let headers: Vec<(&str, &str)> = header.iter().map(|need| ("x-mosaic-performance", &**need)).collect();
            client.post(&url, &input, &headers).await
        }
    }

    async fn close(self) {
        self.gateway.program.signal("TERM");
        self.gateway.program.ended().ok();
        self.sandbox.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_leaf_of_the_decision_tree_leads_where_it_says() {
    let stage = Stage::open(|_| {}).await;
    // Organisation patterns. That the repository is not there is the forge's word.
    assert_eq!(stage.who(stage.repo("internal-tools/api")).await, ["gitea"]);
    assert_eq!(stage.who(stage.repo("public-site/web")).await, ["github"]);
    assert_eq!(stage.who(stage.repo("client-one/shop")).await, ["gitlab"]);
    // Cost.
    for _ in 0..3 {
        assert_eq!(stage.who(stage.chat(50_000, "")).await, ["own"], "a costly one");
        assert_eq!(
            stage.who(stage.chat(100, "")).await,
            ["cloud"],
            "a cheap one, while credits last"
        );
    }
    // Performance.
    let both = async |need: &str| {
        let before = stage.asked();
        let replies = join_all((0..16).map(|_| stage.chat(100, need))).await;
        assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
        let after = stage.asked();
        (after[3] - before[3], after[4] - before[4])
    };
    let (cloud, own) = both("high_throughput").await;
    assert!(cloud >= 4 && own >= 4, "{cloud} and {own} of 16");
    let (cloud, own) = both("best_effort").await;
    assert_eq!(cloud + own, 16);
    let slow = Fault::new(Effect::Latency { ms: 400, jitter_ms: 0 });
    stage
        .sandbox
        .server("openai-b")
        .expect("own")
        .faults()
        .add(slow)
        .expect("a sound fault");
    for _ in 0..4 {
        stage.chat(100, "low_latency").await.ok();
    }
    for _ in 0..4 {
        assert_eq!(stage.who(stage.chat(100, "low_latency")).await, ["cloud"]);
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cheap_call_goes_to_what_is_ones_own_once_the_clouds_credits_are_spent() {
    let stage = Stage::open(|tables| {
        let cloud = tables["providers"]["cloud"].as_table_mut().expect("a table");
        // Less than one call is expected to cost.
        cloud["credits"]["amount"] = 0.000_1.into();
    })
    .await;
    for _ in 0..3 {
        assert_eq!(stage.who(stage.chat(100, "")).await, ["own"]);
    }
    // Who does not ask for credits is not bound by them.
    let asked = join_all((0..8).map(|_| stage.chat(100, "best_effort"))).await;
    assert!(asked.iter().any(|reply| reply.provider() == "cloud"));
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_ill_is_passed_over_and_with_nobody_left_the_call_is_refused() {
    let stage = Stage::open(|_| {}).await;
    let gone = || Fault::new(Effect::Error { status: 503 });
    let server = |name: &str| stage.sandbox.server(name).expect("it is there");
    // What costs money is repeated only where it is known to have been free.
    let limited = Fault::new(Effect::RateLimit {
        retry_after_s: 600,
        secondary: false,
    });
    server("openai-b").faults().add(limited).expect("a sound fault");
    let reply = stage.chat(50_000, "").await;
    assert_eq!(
        (reply.status, reply.provider()),
        (200, "cloud"),
        "an alternative: {reply:?}"
    );
    server("openai-a").faults().add(gone()).expect("a sound fault");
    assert!(stage.chat(50_000, "").await.status >= 500);
    // A resource that lives in one place is sent nowhere else.
    let before = stage.asked();
    server("gitea-a").faults().add(gone()).expect("a sound fault");
    assert!(stage.repo("internal-tools/other").await.status >= 500);
    let after = stage.asked();
    assert_eq!((after[1], after[2]), (before[1], before[2]));
    stage.close().await;
}
