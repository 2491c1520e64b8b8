//! Secrets planted in the running program, and looked for wherever it speaks: its log at its most talkative, its answers,
//! its metrics, its admin surface, its state on disk, and the errors of its commands.

mod harness;

use std::fmt::Write as _;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use harness::http::{Reply, send};
use harness::{Gateway, process};
use mosaic::sandbox::{Effect, Fault, Sandbox, SandboxConfig, ServerConfig};
use serde_json::{Value, json};

/// What must never be seen. Each has characters that encodings change.
const SECRETS: [(&str, &str); 15] = [
    ("a forge's token", "ghs/PLANTED+forge.token=1"),
    ("a model server's token", "sk/PLANTED+model.token=2"),
    ("the token of the hostile provider", "ghs/PLANTED+hostile.token=3"),
    ("an API key", "mos/PLANTED+api.key=4"),
    ("the admin token", "adm/PLANTED+admin.token=5"),
    ("the key of the state", "PLANTED+state+key/of+more+than+32+characters=6"),
    ("a wrong key that a caller presents", "mos/PLANTED+wrong.key=7"),
    ("what an upstream's error says", "ups/PLANTED+upstream.text=8"),
    (
        "a token in the wrong place of a configuration",
        "ghp/PLANTED+misplaced.token=9",
    ),
    ("a user's password", "pwd/PLANTED+password=10"),
    ("an application's secret", "cls/PLANTED+client.secret=11"),
    ("a refresh token", "ref/PLANTED+refresh.token=12"),
    ("an app's minted token", "ghs/PLANTED+minted.token=13"),
    ("a renewed access token", "acc/PLANTED+renewed.token=14"),
    ("a renewed refresh token", "ref/PLANTED+renewed.refresh=15"),
];

/// An app's private key: none of its lines is ever seen.
const APP_KEY: &str = include_str!("credentials/app-key.pem");

/// Not secret at all: a search that misses it is no search.
const CONTROL: &str = "planted-in-plain-sight";

fn secret(what: &str) -> &'static str {
    SECRETS.iter().find(|(name, _)| *name == what).expect(what).1
}

/// The forms in which a text may appear.
fn forms(text: &str) -> Vec<String> {
    let hex = text.bytes().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes all");
        hex
    });
    let mut forms = vec![
        text.to_owned(),
        hex.to_uppercase(),
        hex,
        url::form_urlencoded::byte_serialize(text.as_bytes()).collect(),
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string(),
        serde_json::to_string(&text.replace('/', "\\/"))
            .expect("a text")
            .trim_matches('"')
            .replace("\\\\", "\\"),
    ];
    // Within a longer text in base64 it looks in three ways, by where it begins; what its neighbours share is cut off.
    for before in 0..3 {
        let padded = [&vec![0; before][..], text.as_bytes()].concat();
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&padded);
            forms.push(encoded[4..encoded.len() - 4].to_owned());
        }
    }
    forms
}

/// All that the program said, and where.
#[derive(Default)]
struct Evidence(Vec<(String, Vec<u8>)>);

impl Evidence {
    fn add(&mut self, place: impl Into<String>, said: impl Into<Vec<u8>>) {
        self.0.push((place.into(), said.into()));
    }

    fn reply(&mut self, place: &str, reply: &Reply) -> u16 {
        self.add(
            format!("answer to {place}"),
            format!("{:?}\n{}", reply.headers, reply.text),
        );
        reply.status
    }

    /// Every file in `folder`.
    fn folder(&mut self, when: &str, folder: &std::path::Path) {
        for file in std::fs::read_dir(folder).expect("it is ours") {
            let path = file.expect("it is ours").path();
            self.add(
                format!("{when} {}", path.display()),
                std::fs::read(&path).expect("it is ours"),
            );
        }
    }

    fn places_of(&self, text: &str) -> Vec<String> {
        let forms = forms(text);
        let holds = |said: &[u8]| {
            forms
                .iter()
                .any(|form| said.windows(form.len()).any(|window| window == form.as_bytes()))
        };
        self.0
            .iter()
            .filter(|(_, said)| holds(said))
            .map(|(place, _)| place.clone())
            .collect()
    }
}

/// A provider that repeats, wherever it can, the credential it was sent and a secret of its own.
async fn hostile() -> String {
    let app = Router::new().fallback(|request: Request| async move {
        if let Some(answer) = renewed(request.uri().path()) {
            return Response::new(Body::from(answer.to_string()));
        }
        let credential = request.headers()["authorization"].to_str().expect("ASCII").to_owned();
        let text = format!("{} {credential}", secret("what an upstream's error says"));
        let case = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        let reply = Response::builder()
            .header("x-github-request-id", &text)
            .header("server", &text);
        let problem = json!({"message": text, "errors": [{"field": text, "code": text, "message": text}]}).to_string();
        let (reply, body) = match case.as_str() {
            "moved" => (
                reply
                    .status(302)
                    .header("location", format!("http://127.0.0.1:1/?{credential}")),
                text,
            ),
            "garbage" => (
                reply.header("content-type", "application/json"),
                format!("{{\"name\": {text}"),
            ),
            "mistyped" => (
                reply.header("content-type", "application/json"),
                json!({"name": {text: 1}}).to_string(),
            ),
            "limited" => (reply.status(429).header("retry-after", &text), problem),
            status => (reply.status(status.parse::<u16>().unwrap_or(500)), problem),
        };
        reply.body(Body::from(body)).expect("its parts are sound")
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

/// What it gives whoever wants a credential renewed.
fn renewed(path: &str) -> Option<Value> {
    if path.ends_with("/installation") {
        return Some(json!({"id": 7}));
    }
    if path.ends_with("/access_tokens") {
        return Some(json!({"token": secret("an app's minted token"), "expires_at": "2099-01-01T00:00:00Z"}));
    }
    path.ends_with("/oauth/access_token").then(|| {
        json!({
            "access_token": secret("a renewed access token"), "refresh_token": secret("a renewed refresh token"),
            "expires_in": 3600,
        })
    })
}

async fn sandbox() -> Sandbox {
    let servers = vec![
        ServerConfig::new("forge", "github", secret("a forge's token")),
        ServerConfig::new("models", "openai", secret("a model server's token")),
    ];
    Sandbox::start(SandboxConfig { servers }).await.expect("a sandbox")
}

async fn start(sandbox: &Sandbox, log: &str, state: &std::path::Path) -> Gateway {
    let base = |name: &str| sandbox.server(name).expect("it is there").base_url().to_owned();
    let hostile = hostile().await;
    let common = format!("base_url = \"{hostile}\"\nhealth_check = false\nbreaker = {{ failures_to_open = 1000 }}\n");
    let renewing = format!(
        "[providers.app]\nkind = \"github\"\n{common}\
         [providers.app.app]\nid = 12345\nprivate_key = \"file:{}/tests/credentials/app-key.pem\"\n\
         [providers.pair]\nkind = \"gitea\"\n{common}\
         [providers.pair.oauth]\nclient_id = \"client\"\nclient_secret = \"env:CLIENT\"\nrefresh_token = \"env:REFRESH\"\n\
         [providers.user]\nkind = \"gitea\"\n{common}user = \"ann\"\npassword = \"env:WORD\"\n",
        env!("CARGO_MANIFEST_DIR"),
    );
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n\
         [admin]\nlisten = \"127.0.0.1:0\"\ntoken = \"env:ADMIN\"\n\
         [log]\nformat = \"{log}\"\nfilter = \"trace\"\n\
         [state]\npath = \"{}\"\nencryption_key = \"env:STATE\"\n\
         [keys.k]\ntenant = \"local\"\nkey = \"env:KEY\"\n\
         [providers.forge]\nkind = \"github\"\nbase_url = \"{}\"\ntoken = \"env:FORGE\"\nattempt_timeout = \"1s\"\n\
         [providers.models]\nkind = \"openai\"\nbase_url = \"{}\"\ntoken = \"env:MODELS\"\nattempt_timeout = \"1s\"\n\
         [providers.hostile]\nkind = \"github\"\nbase_url = \"{}\"\ntoken = \"env:HOSTILE\"\n\
         [providers.hostile.breaker]\nfailures_to_open = 1000\n\
         {renewing}\
         [[routes]]\nservice = \"ai\"\nproviders = [\"models\"]\n[[routes]]\nproviders = [\"forge\"]\n",
        state.display(),
        base("forge"),
        base("models"),
        hostile,
    );
    let env = [
        ("ADMIN", "the admin token"),
        ("STATE", "the key of the state"),
        ("KEY", "an API key"),
        ("FORGE", "a forge's token"),
        ("MODELS", "a model server's token"),
        ("HOSTILE", "the token of the hostile provider"),
        ("CLIENT", "an application's secret"),
        ("REFRESH", "a refresh token"),
        ("WORD", "a user's password"),
    ];
    let env = env.map(|(variable, what)| (variable.to_owned(), secret(what).to_owned()));
    Gateway::serve(&config, env.to_vec()).await
}

struct Caller<'g> {
    gateway: &'g Gateway,
    evidence: Evidence,
}

impl Caller<'_> {
    async fn get(&mut self, path: &str) -> u16 {
        let request = self
            .gateway
            .client
            .0
            .get(format!("http://{}{path}", self.gateway.public));
        let reply = send(request.bearer_auth(secret("an API key")), &[]).await;
        self.evidence.reply(path, &reply)
    }

    async fn post(&mut self, path: &str, body: &Value) -> u16 {
        let request = self
            .gateway
            .client
            .0
            .post(format!("http://{}{path}", self.gateway.public))
            .json(body);
        let key = [("idempotency-key", "a-key-of-the-test")];
        let headers = if path.starts_with("/v1/ai") { &[][..] } else { &key };
        let reply = send(request.bearer_auth(secret("an API key")), headers).await;
        self.evidence.reply(path, &reply)
    }
}

/// Calls that succeed, and calls that fail in every way there is.
async fn drive(caller: &mut Caller<'_>, sandbox: &Sandbox) {
    assert_eq!(caller.get("/v1/git/repos/acme/api?include_raw=true").await, 200);
    let issue = json!({"project": "acme/api", "title": CONTROL});
    for _ in 0..2 {
        assert_eq!(caller.post("/v1/projects/issues", &issue).await, 200);
    }
    let chat = json!({"model": "sandbox-small", "prompt": CONTROL});
    assert_eq!(caller.post("/v1/ai/chat/complete", &chat).await, 200);
    assert_eq!(caller.post("/v1/ai/chat/stream", &chat).await, 200);
    assert_eq!(caller.get(&format!("/v1/git/repos/acme/{CONTROL}")).await, 404);
    for path in [
        "/v1/git/repos/acme",
        "/v1/git/repos?limit=many",
        "/v1/nothing",
        "/v1/capabilities",
        "/v1/operations",
    ] {
        caller.get(path).await;
    }
    let hostile = [
        "400", "401", "403", "404", "409", "410", "412", "422", "500", "502", "503", "moved", "garbage", "mistyped",
        "limited",
    ];
    for instance in ["app", "pair", "user"] {
        for case in ["401", "403", "500", "moved", "garbage", "limited"] {
            let path = format!("/v1/git/repos/{instance}~acme/{case}?timeout_ms=3000");
            assert!(caller.get(&path).await >= 400, "{instance} {case}");
        }
    }
    for case in hostile {
        let path = format!("/v1/git/repos/hostile~acme/{case}?timeout_ms=3000");
        assert!(caller.get(&path).await >= 400, "{case}");
        caller
            .post(
                "/v1/projects/issues",
                &json!({"project": format!("hostile~acme/{case}"), "title": "T"}),
            )
            .await;
    }
    let forge = sandbox.server("forge").expect("it is there").faults();
    let effects = [
        Effect::ExpiredToken,
        Effect::RateLimit {
            retry_after_s: 60,
            secondary: true,
        },
        Effect::Malformed,
        Effect::Truncated,
        Effect::Reset { processed: false },
        Effect::Hang { processed: false },
    ];
    for effect in effects {
        let fault = forge.add(Fault::new(effect)).expect("a sound fault");
        assert!(caller.get("/v1/git/repos/acme/web?no_cache=true&timeout_ms=3000").await >= 400);
        forge.remove(fault);
    }
    let models = sandbox.server("models").expect("it is there").faults();
    for effect in [
        Effect::CutStream {
            after_frames: 2,
            clean: false,
        },
        Effect::StreamError { after_frames: 2 },
    ] {
        let fault = models.add(Fault::new(effect)).expect("a sound fault");
        caller.post("/v1/ai/chat/stream", &chat).await;
        models.remove(fault);
    }
}

/// The admin surface, with its token and without.
async fn administer(caller: &mut Caller<'_>) {
    let (gateway, token) = (caller.gateway, secret("the admin token"));
    let restart = json!({"path": "/root/plugins/instances/hostile/provider", "reason": CONTROL});
    let request = gateway
        .client
        .0
        .post(format!("http://{}/admin/v1/actors/restart", gateway.admin))
        .json(&restart);
    caller
        .evidence
        .reply("a restart", &send(request.bearer_auth(token), &[]).await);
    for path in [
        "/admin/v1/tree",
        "/admin/v1/status",
        "/admin/v1/ledger",
        "/metrics",
        "/readyz?verbose",
        "/livez",
    ] {
        let url = format!("http://{}{path}", gateway.admin);
        let reply = send(gateway.client.0.get(&url).bearer_auth(token), &[]).await;
        assert_eq!(caller.evidence.reply(path, &reply), 200);
        let wrong = secret("a wrong key that a caller presents");
        caller
            .evidence
            .reply(path, &send(gateway.client.0.get(&url).bearer_auth(wrong), &[]).await);
    }
    for header in ["authorization", "x-api-key"] {
        let wrong = secret("a wrong key that a caller presents");
        let value = if header == "authorization" {
            format!("Bearer {wrong}")
        } else {
            wrong.to_owned()
        };
        let request = gateway.client.0.get(format!("http://{}/v1/git/repos", gateway.public));
        assert_eq!(
            caller
                .evidence
                .reply("a wrong key", &send(request, &[(header, &value)]).await),
            401
        );
    }
}

/// The commands, which say what is wrong without saying what they were given.
fn commands(caller: &mut Caller<'_>) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let misplaced = secret("a token in the wrong place of a configuration");
    let plain = percent_encoding::utf8_percent_encode(misplaced, percent_encoding::NON_ALPHANUMERIC).to_string();
    let file = folder.path().join("wrong.toml");
    let texts = [
        format!("[providers.a]\nkind = \"github\"\ntoken = \"{misplaced}\"\n"),
        format!("[providers.a]\nkind = \"github\"\nbase_url = \"http://user:{plain}@h/?token={plain}\"\n"),
        format!("[keys.k]\ntenant = \"local\"\nkey = \"{misplaced}\"\n[admin]\ntoken = \"{misplaced}\"\n"),
        format!("[log]\nfilter = \"mosaic={misplaced}\"\n"),
        format!("[providers.a]\nkind = \"{misplaced}\"\n[server]\nlisten = \"{misplaced}\"\n"),
        format!("[state]\nencryption_key = \"{misplaced}\"\nidempotency_ttl = \"{misplaced}\"\n"),
        format!("token = {misplaced}\n"),
    ];
    for text in texts {
        std::fs::write(&file, &text).expect("it is ours");
        for args in [&["check"][..], &["check", "--json"], &["serve"]] {
            let ended = process::run(
                &[args, &["--config", file.to_str().expect("a plain path")]].concat(),
                &[],
            );
            assert_eq!(ended.code, Some(2), "{text}: {ended:#?}");
            caller
                .evidence
                .add(format!("{args:?} of {text:?}"), ended.stderr + &ended.stdout);
        }
    }
    let at = format!("http://user:{plain}@127.0.0.1:1");
    let ended = process::run(&["git", "repo", "get", "a/b", "--server", &at], &[]);
    assert_eq!(ended.code, Some(2));
    caller
        .evidence
        .add("--server with a password", ended.stderr + &ended.stdout);
    let key = |key: &str| vec![("MOSAIC_API_KEY".to_owned(), key.to_owned())];
    let url = format!("http://{}", caller.gateway.public);
    for (presented, repo, code) in [
        ("an API key", "hostile~acme/500", 69),
        ("an API key", "hostile~acme/garbage", 69),
        ("a wrong key that a caller presents", "acme/api", 4),
    ] {
        for json in [&[][..], &["--json"]] {
            let args = [&["git", "repo", "get", repo, "--no-cache", "--server", &url], json].concat();
            let ended = process::run(&args, &key(secret(presented)));
            assert_eq!(ended.code, Some(code), "{repo}: {ended:#?}");
            caller.evidence.add(format!("{args:?}"), ended.stderr + &ended.stdout);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_ever_seen() {
    for log in ["json", "human"] {
        let sandbox = sandbox().await;
        let folder = tempfile::tempdir().expect("a scratch folder");
        let state = folder.path().join("state.db");
        let gateway = start(&sandbox, log, &state).await;
        let mut caller = Caller {
            gateway: &gateway,
            evidence: Evidence::default(),
        };
        drive(&mut caller, &sandbox).await;
        administer(&mut caller).await;
        commands(&mut caller);
        let mut evidence = caller.evidence;
        // The state as it is while the program runs, and as it is left behind.
        evidence.folder("running", folder.path());
        gateway.program.signal("TERM");
        let ended = gateway.program.ended();
        ended.ok();
        evidence.folder("ended", folder.path());
        evidence.add("stdout", ended.stdout);
        evidence.add("stderr", ended.stderr);

        for (what, secret) in SECRETS {
            let places = evidence.places_of(secret);
            assert!(places.is_empty(), "{what} is seen in {places:#?} (log {log})");
        }
        for line in APP_KEY.lines().filter(|line| line.len() > 40) {
            let places = evidence.places_of(line);
            assert!(places.is_empty(), "the app's key is seen in {places:#?} (log {log})");
        }
        let found = evidence.places_of(CONTROL);
        for place in [
            "answer to /v1/projects/issues",
            "answer to /admin/v1/ledger",
            "stderr",
            "running",
            "ended",
        ] {
            assert!(
                found.iter().any(|seen| seen.starts_with(place)),
                "nothing is found in {place}: {found:#?}"
            );
        }
        sandbox.shutdown().await;
    }
}

#[test]
fn every_form_of_a_secret_is_found() {
    let secret = "ghs/PLANTED+forge.token=1";
    let mut evidence = Evidence::default();
    let inside = STANDARD_NO_PAD.encode(format!("user:{secret}@host"));
    for said in [
        "Z2hzL1BMQU5URUQrZm9yZ2UudG9rZW49MQ",
        "ghs%2FPLANTED%2Bforge%2Etoken%3D1",
        &inside,
        "ghs\\/PLANTED+forge.token=1",
    ] {
        evidence.add(said, format!("before {said} after"));
    }
    evidence.add("hex", "6768732f504c414e5445442b666f7267652e746f6b656e3d31");
    assert_eq!(evidence.places_of(secret).len(), 5);
    assert!(evidence.places_of("ghs/ANOTHER+secret.token=1").is_empty());
}
