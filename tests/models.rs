//! What is known of models: the table against its source, and what callers are told by it.
//!
//! Invariant: a price comes from the table's source, from the operator's file, or from the provider, and is told with who says so.

mod harness;

use std::process::{Command, Stdio};

use futures_util::StreamExt;
use harness::tools::tool;
use mosaic::catalogue::ai::{
    ChatComplete, ChatEvent, ChatInput, ChatStream, EmbeddingsCreate, EmbeddingsInput, ModelGet, ModelGetInput,
    ModelsList, ModelsListInput, Usage, Usd,
};
use mosaic::config::{BaseUrl, Config, ProviderConfig};
use mosaic::sandbox::{Sandbox, SandboxConfig};
use mosaic::{Mosaic, Secret};

const TABLE: &str = include_str!("../src/providers/models/table.toml");
const KINDS: [&str; 2] = ["openai-a", "anthropic-a"];

#[test]
fn the_table_is_what_its_source_says() {
    let Some(prices) = tool("MOSAIC_PRICE_TABLE") else {
        return;
    };
    let made = Command::new("jq")
        .args([
            "-r",
            "-f",
            concat!(env!("CARGO_MANIFEST_DIR"), "/src/providers/models/renew.jq"),
        ])
        .arg(prices)
        .stderr(Stdio::inherit())
        .output()
        .expect("jq runs");
    assert!(made.status.success());
    let rows = String::from_utf8(made.stdout).expect("text");
    let told = TABLE.find("\n[anthropic]").expect("rows");
    assert!(
        rows.trim() == TABLE[told..].trim(),
        "the rows are not those that renew.jq makes"
    );
    let pinned = include_str!("foreign/prices.txt")
        .lines()
        .find(|line| line.starts_with("litellm=="))
        .expect("a pin");
    let version = pinned.trim_end_matches(" \\").trim_start_matches("litellm==");
    assert!(TABLE.contains(&format!("version = \"{version}\"\n")), "{version}");
}

/// A gateway in front of one server of each dialect, with `file` as its own table.
async fn started(sandbox: &Sandbox, file: &std::path::Path) -> Mosaic {
    with(sandbox, file, |_| {}).await
}

/// The same, after `change` had its way with each provider.
async fn with(sandbox: &Sandbox, file: &std::path::Path, change: impl Fn(&mut ProviderConfig)) -> Mosaic {
    let mut config = Config::default();
    config.models.file = Some(file.to_owned());
    for name in KINDS {
        let server = sandbox.server(name).expect("it runs");
        let at = BaseUrl::parse(server.base_url()).expect("a base URL");
        let mut provider = ProviderConfig::new(server.vendor()).at(at);
        provider.settings.insert("prices".to_owned(), server.vendor().into());
        change(&mut provider);
        config.providers.insert(name.to_owned(), provider);
    }
    let builder = KINDS.into_iter().fold(Mosaic::builder(config), |builder, name| {
        let server = sandbox.server(name).expect("it runs");
        builder.credential(name, Secret::new(server.token()))
    });
    builder.start().await.expect("it starts")
}

/// What `usage` costs at these prices for a million tokens.
fn cost(usage: &Usage, input: f64, output: f64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "counts of a small answer")]
    let [read, written] = [usage.input_tokens, usage.output_tokens].map(|tokens| tokens as f64);
    (read * input + written * output) / 1e6
}

fn told(usage: Option<Usage>) -> (Usage, f64) {
    let usage = usage.expect("it is counted");
    let sum: f64 = usage
        .cost_usd
        .expect("it is priced")
        .to_string()
        .parse()
        .expect("a number");
    (usage, sum)
}

#[tokio::test]
async fn own_prices_go_before_every_table_and_are_told_in_answer_and_record() {
    let sandbox = Sandbox::start(SandboxConfig::default_pair()).await.expect("a sandbox");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("models.toml");
    let row = "\"sandbox-large\" = { work = \"chat\", usd_per_million = { standard = { input = 4, output = 20 } } }\n";
    std::fs::write(&file, format!("[openai]\n{row}[anthropic]\n{row}")).expect("written");
    let own = |input: f64, output: f64| {
        let prices = serde_json::json!([{ "model": "sandbox-*", "input_usd": input, "output_usd": output }]);
        serde_json::from_value(prices).expect("prices")
    };
    let gateway = with(&sandbox, &file, |provider| provider.prices = own(100.0, 500.0)).await;
    for name in KINDS {
        let input = ChatInput {
            model: format!("{name}~sandbox-large").as_str().into(),
            prompt: Some("Hello there".to_owned()),
            max_tokens: Some(100),
            ..ChatInput::default()
        };
        let id = format!("own-{name}");
        let request = gateway.request::<ChatComplete>(input).request_id(&*id);
        let answered = request.send().await.expect("an answer");
        let (usage, sum) = told(answered.value.usage);
        assert!(
            (sum - cost(&usage, 100.0, 500.0)).abs() < 1e-9,
            "{name}: {sum} for {usage:?}"
        );
        let record = &gateway.explain(&id, None)[0];
        let nano = usage.cost_usd.map(Usd::nano);
        assert_eq!(record.cost.cost_nano_usd, nano, "{name}");
        let expected = record.candidates[0].expected_cost_nano_usd;
        assert!(
            expected >= nano && expected.is_some(),
            "{name}: {expected:?} for {nano:?}"
        );
    }
    gateway.shutdown().await;
    sandbox.shutdown().await;
}

#[tokio::test]
async fn an_answer_tells_what_it_cost_whole_and_streamed_in_either_dialect() {
    let sandbox = Sandbox::start(SandboxConfig::default_pair()).await.expect("a sandbox");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("models.toml");
    let row = "\"sandbox-large\" = { work = \"chat\", max_input_tokens = 7, abilities = [\"tools\"],\
               usd_per_million = { standard = { input = 4, output = 20 } } }\n";
    std::fs::write(&file, format!("[openai]\n{row}[anthropic]\n{row}")).expect("written");
    let gateway = started(&sandbox, &file).await;
    for name in KINDS {
        let input = ChatInput {
            model: format!("{name}~sandbox-large").as_str().into(),
            prompt: Some("Hello there".to_owned()),
            max_tokens: Some(100),
            ..ChatInput::default()
        };
        let (usage, sum) = told(
            gateway
                .call::<ChatComplete>(input.clone())
                .await
                .expect("an answer")
                .value
                .usage,
        );
        assert!(
            (sum - cost(&usage, 4.0, 20.0)).abs() < 1e-9,
            "{name}: {sum} for {usage:?}"
        );
        let mut stream = gateway.stream::<ChatStream>(input).await.expect("a stream");
        let mut streamed = None;
        while let Some(event) = stream.next().await {
            if let ChatEvent::Usage { usage } = event.expect("an event") {
                streamed = Some(usage);
            }
        }
        assert_eq!(told(streamed), (usage, sum), "{name}");
        let model = ModelGetInput {
            model: format!("{name}~sandbox-large").as_str().into(),
        };
        let known = gateway
            .call::<ModelGet>(model)
            .await
            .expect("a model")
            .value
            .known
            .clone()
            .expect("it is known");
        assert_eq!(known.max_input_tokens, Some(7));
        assert_eq!(known.source.as_deref(), file.to_str());
    }
    // Its own table goes before; what it does not name is as it came along.
    let list = gateway
        .request::<ModelsList>(ModelsListInput::default())
        .provider("openai-a")
        .send()
        .await
        .expect("a list");
    let known = |name: &str| {
        list.value
            .items
            .iter()
            .find(|model| model.name == name)
            .and_then(|model| model.known.clone())
    };
    assert!(known("gpt-4o").is_some_and(|facts| facts.source.is_some_and(|source| source.contains("litellm"))));
    assert!(known("sandbox-small").is_none());
    let metrics = gateway.metrics();
    let counted = |name: &str| {
        metrics
            .lines()
            .any(|line| line.starts_with(name) && !line.ends_with(" 0"))
    };
    assert!(
        counted("mosaic_call_cost_nanodollars_total{operation=\"ai.chat.complete\"}"),
        "{metrics}"
    );
    assert!(
        counted("mosaic_call_cost_nanodollars_total{operation=\"ai.chat.stream\"}"),
        "{metrics}"
    );
    assert!(
        counted("mosaic_call_estimated_input_tokens_total{operation=\"ai.chat.stream\"}"),
        "{metrics}"
    );
    gateway.shutdown().await;
}

#[tokio::test]
async fn a_wrong_table_or_list_stops_the_start() {
    let mut config = Config::default();
    config.models.file = Some("/nowhere/models.toml".into());
    let refused = Mosaic::builder(config).start().await.expect_err("refused");
    assert!(refused.to_string().contains("/nowhere/models.toml"), "{refused}");
    let mut config = Config::default();
    let mut provider = ProviderConfig::new("openai");
    provider.settings.insert("prices".to_owned(), "nobody".into());
    config.providers.insert("gpt".to_owned(), provider);
    let refused = Mosaic::builder(config).start().await.expect_err("refused");
    assert!(refused.to_string().contains("settings.prices"), "{refused}");
}

#[tokio::test]
async fn an_embedding_tells_what_it_cost() {
    let sandbox = Sandbox::start(SandboxConfig::default_pair()).await.expect("a sandbox");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("models.toml");
    let row = "\"sandbox-small\" = { work = \"embedding\", usd_per_million = { standard = { input = 0.02 } } }\n";
    std::fs::write(&file, format!("[openai]\n{row}")).expect("written");
    let gateway = started(&sandbox, &file).await;
    let input = EmbeddingsInput {
        model: "openai-a~sandbox-small".into(),
        texts: vec!["one".to_owned(), "two three".to_owned()],
        ..EmbeddingsInput::default()
    };
    let (usage, sum) = told(
        gateway
            .call::<EmbeddingsCreate>(input)
            .await
            .expect("vectors")
            .value
            .usage,
    );
    assert!((sum - cost(&usage, 0.02, 0.0)).abs() < 1e-9, "{sum} for {usage:?}");
    gateway.shutdown().await;
}
