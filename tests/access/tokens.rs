//! Access tokens of an issuer that the test is: sound ones, hostile ones, and who is told where to get one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::harness::http::{Reply, send};
use crate::harness::{Setup, Stage};
use crate::{Key, ask, keyed, secret};

const AUDIENCE: &str = "https://mosaic.test";

/// An issuer with two keys.
struct Issuer {
    at: SocketAddr,
    edwards: Ed25519KeyPair,
    curve: EcdsaKeyPair,
    /// How often its keys were asked for.
    asked: Arc<AtomicUsize>,
    /// It does not show them.
    down: Arc<AtomicBool>,
}

impl Issuer {
    async fn start() -> Issuer {
        let random = SystemRandom::new();
        let edwards = Ed25519KeyPair::generate_pkcs8(&random).expect("made");
        let edwards = Ed25519KeyPair::from_pkcs8(edwards.as_ref()).expect("read");
        let curve = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("made");
        let curve = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, curve.as_ref(), &random).expect("read");
        let point = curve.public_key().as_ref();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let keys = json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": part(edwards.public_key().as_ref())},
            {"kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "x": part(&point[1..33]), "y": part(&point[33..])},
        ]});
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = listener.local_addr().expect("an address");
        let metadata = json!({"issuer": format!("http://{at}"), "jwks_uri": format!("http://{at}/keys")});
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let down = Arc::new(AtomicBool::new(false));
        let is_down = down.clone();
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async move || Json(metadata)))
            .route(
                "/keys",
                get(async move || {
                    counted.fetch_add(1, SeqCst);
                    match is_down.load(SeqCst) {
                        true => Err(StatusCode::INTERNAL_SERVER_ERROR),
                        false => Ok(Json(keys)),
                    }
                }),
            );
        tokio::spawn(async move { axum::serve(listener, router).await });
        Issuer {
            at,
            edwards,
            curve,
            asked,
            down,
        }
    }

    fn claims(&self, change: &Value) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later").as_secs();
        let mut claims = json!({
            "iss": format!("http://{}", self.at), "aud": AUDIENCE, "sub": "ada", "tenant": "acme",
            "exp": now + 300, "scope": "git:read proxy:read",
        });
        for (name, value) in change.as_object().expect("claims") {
            claims[name] = value.clone();
        }
        claims
    }

    fn sign(&self, header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn token(&self, change: &Value) -> String {
        self.by_edwards(&json!({"alg": "EdDSA", "kid": "ed", "typ": "at+jwt"}), change)
    }

    fn by_edwards(&self, header: &Value, change: &Value) -> String {
        self.sign(header, &self.claims(change), |message| {
            self.edwards.sign(message).as_ref().to_vec()
        })
    }

    fn by_curve(&self, header: &Value) -> String {
        let random = SystemRandom::new();
        let sign = |message: &[u8]| self.curve.sign(&random, message).expect("signed").as_ref().to_vec();
        self.sign(header, &self.claims(&json!({})), sign)
    }

    fn setup(&self, keys: &[Key], more: &str) -> Setup {
        let table = format!(
            "[oauth]\nissuer = \"http://{}\"\naudience = \"{AUDIENCE}\"\n{more}\n[tenants.acme]\n",
            self.at
        );
        keyed(keys, &table)
    }
}

async fn with(stage: &Stage, token: &str, path: &str) -> Reply {
    let url = format!("http://{}{path}", stage.gateway.public);
    let bearer = format!("Bearer {token}");
    stage.gateway.client.get_with(&url, &[("authorization", &bearer)]).await
}

const REPO: &str = "/v1/git/repos/acme%2Fapi";

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_token_is_taken_beside_keys_and_goes_no_further() {
    let issuer = Issuer::start().await;
    let key = Key {
        name: "whole",
        scopes: "",
    };
    let stage = Stage::open(issuer.setup(&[key], "")).await;
    let token = issuer.token(&json!({}));
    with(&stage, &token, REPO).await.ok();
    with(&stage, &issuer.by_curve(&json!({"alg": "ES256", "kid": "ec"})), REPO)
        .await
        .ok();
    // Without a name, the only key of its kind.
    with(&stage, &issuer.by_curve(&json!({"alg": "ES256"})), REPO)
        .await
        .ok();
    ask(&stage.gateway, "whole", "GET", REPO, None).await.ok();
    let refused = with(&stage, &token, "/v1/docs/spaces").await;
    assert!(refused.text.contains("docs:read"), "{refused:?}");
    // With what it takes to come again with a better one, whatever the surface.
    let metadata = format!("http://{}/.well-known/oauth-protected-resource", stage.gateway.public);
    let told = |scope: &str| {
        format!(
            "Bearer realm=\"mosaic\", error=\"insufficient_scope\", scope=\"{scope}\", resource_metadata=\"{metadata}\""
        )
    };
    assert_eq!(refused.header("www-authenticate"), told("docs:read"));
    let chat = with(&stage, &token, "/openai/v1/files/openai-a~file-1").await;
    assert_eq!(chat.header("www-authenticate"), told("ai:read"), "{chat:?}");
    let removed = stage
        .gateway
        .client
        .0
        .delete(format!("http://{}{REPO}", stage.gateway.public));
    let removed = send(removed.bearer_auth(&token), &[]).await;
    assert_eq!(
        removed.header("www-authenticate"),
        told("git:destructive"),
        "{removed:?}"
    );
    assert_eq!(refused.refused(403), "forbidden");
    // A provider refuses a token that is not its own.
    assert_eq!(with(&stage, &token, "/proxy/github-a/repos/acme/api").await.status, 200);
    assert_eq!(issuer.asked.load(SeqCst), 1);
    let log = stage.close().await.stderr;
    assert!(!log.contains(&token) && !log.contains(token.rsplit('.').next().expect("a signature")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_token_may_stand_where_a_providers_clients_have_theirs() {
    let path = "/proxy/github-a/repos/acme/api";
    for (name, scheme) in [("authorization", "token "), ("private-token", "")] {
        let issuer = Issuer::start().await;
        let stage = Stage::open(issuer.setup(&[], "")).await;
        let url = format!("http://{}{path}", stage.gateway.public);
        let shown = format!("{scheme}{}", issuer.token(&json!({})));
        let reply = stage.gateway.client.get_with(&url, &[(name, &shown)]).await;
        assert_eq!((reply.status, issuer.asked.load(SeqCst)), (200, 1), "{name}: {reply:?}");
        stage.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_tokens_are_refused_and_ask_for_keys_no_more_than_once() {
    let issuer = Issuer::start().await;
    let stage = Stage::open(issuer.setup(&[], "")).await;
    with(&stage, &issuer.token(&json!({})), REPO).await.ok();
    let asked = stage.asked("github");
    let (public, sound) = (issuer.edwards.public_key().as_ref().to_vec(), issuer.claims(&json!({})));
    let with_public = |message: &[u8]| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), message)
            .as_ref()
            .to_vec()
    };
    let header = |alg: &str| json!({"alg": alg, "kid": "ed"});
    let mut hostile = vec![
        issuer.sign(&header("none"), &sound, |_| vec![]),
        issuer.sign(&header("None"), &sound, |_| vec![]),
        issuer.sign(&header("HS256"), &sound, with_public),
        issuer.sign(&header("EdDSA"), &sound, with_public),
        issuer.sign(&header("EdDSA"), &sound, |_| vec![0; 64]),
        issuer.by_curve(&header("EdDSA")),
        issuer.by_curve(&header("ES256")),
        issuer.by_edwards(&json!({"alg": "EdDSA", "kid": "ed", "crit": ["x"]}), &json!({})),
        // A key that the token brings along is nobody's.
        issuer.by_edwards(
            &json!({"alg": "EdDSA", "jwk": {"kty": "OKP"}, "jku": "http://evil.test"}),
            &json!({"iss": "x"}),
        ),
    ];
    for change in [
        json!({"aud": "https://other.test"}),
        json!({"aud": null}),
        json!({"iss": "https://evil.test"}),
        json!({"iss": format!("http://{}/", issuer.at)}),
        json!({"exp": 1}),
        json!({"exp": null}),
        json!({"nbf": 4_000_000_000_u64}),
        json!({"tenant": "nobody"}),
        // Neither is somebody's, though both are known.
        json!({"tenant": "default"}),
        json!({"tenant": "local"}),
        json!({"tenant": null}),
        json!({"sub": ""}),
    ] {
        hostile.push(issuer.token(&change));
    }
    for token in &hostile {
        let refused = with(&stage, token, REPO).await;
        assert!(!refused.text.contains(token), "{refused:?}");
        assert!(
            refused.header("www-authenticate").contains("error=\"invalid_token\""),
            "{refused:?}"
        );
        assert_eq!(refused.refused(401), "unauthenticated");
    }
    let floods = (0..64).map(|at| {
        let token = issuer.by_edwards(&json!({"alg": "EdDSA", "kid": format!("unknown-{at}")}), &json!({}));
        let stage = &stage;
        async move { with(stage, &token, REPO).await.status }
    });
    assert!(
        futures_util::future::join_all(floods)
            .await
            .iter()
            .all(|status| *status == 401)
    );
    // The pause between two looks is longer than all of that, save on a very slow machine.
    assert!(issuer.asked.load(SeqCst) <= 3, "{}", issuer.asked.load(SeqCst));
    assert_eq!(stage.asked("github"), asked);
    with(&stage, &issuer.token(&json!({})), REPO).await.ok();
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_none_is_told_where_to_get_a_token_where_there_is_one() {
    let issuer = Issuer::start().await;
    let more = "[oauth.scopes]\n\"forge.read\" = [\"git:read\"]\n";
    let stage = Stage::open(issuer.setup(&[], more)).await;
    let gateway = &stage.gateway;
    let place = format!("http://{}", gateway.public);
    let refused = gateway.get(REPO).await;
    let challenge = refused.header("www-authenticate").to_owned();
    assert!(refused.text.contains("give an access token"), "{refused:?}");
    assert_eq!(refused.refused(401), "unauthenticated");
    let metadata = format!("{place}/.well-known/oauth-protected-resource");
    assert!(
        challenge.contains(&format!("resource_metadata=\"{metadata}\"")),
        "{challenge}"
    );
    assert!(!challenge.contains("error="), "{challenge}");
    for path in ["", "/mcp"] {
        let url = format!("{metadata}{path}");
        let told = gateway.client.get_with(&url, &[("host", "evil.test")]).await.ok();
        // Whatever it is called by whoever asks: a token for that would be another's.
        assert_eq!(told["resource"], AUDIENCE);
        assert_eq!(told["authorization_servers"], json!([format!("http://{}", issuer.at)]));
        assert_eq!(told["scopes_supported"], json!(["forge.read"]));
    }
    assert_eq!(
        gateway.get("/.well-known/oauth-protected-resource/other").await.status,
        404
    );
    // The issuer's scopes mean what is configured, and ours are no words of its.
    with(&stage, &issuer.token(&json!({"scope": "openid forge.read"})), REPO)
        .await
        .ok();
    assert_eq!(
        with(&stage, &issuer.token(&json!({})), REPO).await.refused(403),
        "forbidden"
    );
    stage.close().await;

    let without = Stage::open(Setup::default()).await;
    assert_eq!(
        without
            .gateway
            .get("/.well-known/oauth-protected-resource")
            .await
            .status,
        404
    );
    without.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_cannot_be_judged_is_not_called_wrong_and_keys_are_taken() {
    let issuer = Issuer::start().await;
    issuer.down.store(true, SeqCst);
    let key = Key {
        name: "whole",
        scopes: "",
    };
    let stage = Stage::open(issuer.setup(&[key], "")).await;
    let refused = with(&stage, &issuer.token(&json!({})), REPO).await;
    assert_eq!(issuer.asked.load(SeqCst), 1);
    assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
    assert!(refused.text.contains("\"retryable\":true"), "{refused:?}");
    assert_eq!(refused.refused(503), "overloaded");
    // What is no token of anybody's is wrong all the same.
    assert_eq!(with(&stage, "ey.ey.ey", REPO).await.refused(401), "unauthenticated");
    ask(&stage.gateway, "whole", "GET", REPO, None).await.ok();
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_that_is_no_address_is_told_by_the_public_one() {
    let issuer = Issuer::start().await;
    let mut setup = issuer.setup(&[], "");
    setup.tables = setup.tables.replace(AUDIENCE, "mosaic");
    setup.server = "public_url = \"https://gateway.test/tools\"\n".to_owned();
    let stage = Stage::open(setup).await;
    for path in ["", "/mcp"] {
        let told = stage
            .gateway
            .get(&format!("/.well-known/oauth-protected-resource{path}"))
            .await;
        assert_eq!(told.ok()["resource"], format!("https://gateway.test/tools{path}"));
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_credentials_none_is_chosen() {
    let issuer = Issuer::start().await;
    let key = |name| Key { name, scopes: "" };
    let stage = Stage::open(issuer.setup(&[key("one"), key("other")], "")).await;
    let (one, other) = (format!("Bearer {}", secret("one")), secret("other"));
    let url = format!("http://{}{REPO}", stage.gateway.public);
    let ask = async |headers: &[(&str, &str)]| stage.gateway.client.get_with(&url, headers).await;
    let two = [("authorization", &*one), ("x-api-key", &*other)];
    assert_eq!(ask(&two).await.refused(400), "invalid_input");
    let token = format!("Bearer {}", issuer.token(&json!({})));
    assert_eq!(
        ask(&[("authorization", &token), two[1]]).await.refused(400),
        "invalid_input"
    );
    ask(&two[..1]).await.ok();
    stage.close().await;
}

/// The administration's tools that `/mcp` shows somebody by a token.
async fn admin_tools(stage: &Stage, token: &str) -> String {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
    });
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": { "_meta": meta } });
    let url = format!("http://{}/mcp?toolsets=admin", stage.gateway.public);
    let bearer = format!("Bearer {token}");
    let headers = [
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/list"),
        ("authorization", &*bearer),
    ];
    let reply = stage.gateway.client.post(&url, &list, &headers).await;
    assert!(reply.status == 200 && reply.text.contains("\"tools\""), "{reply:?}");
    reply.text
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_administers_by_a_scope_that_is_not_mapped() {
    let issuer = Issuer::start().await;
    let token = issuer.token(&json!({"scope": "admin git:read"}));
    let mcp = "[mcp]\nadmin = \"write\"\n";
    let stage = Stage::open(issuer.setup(&[], mcp)).await;
    assert!(!admin_tools(&stage, &token).await.contains("mosaic_admin"));
    stage.close().await;
    let mapped = format!("[oauth.scopes]\n\"admin\" = [\"admin\"]\n{mcp}");
    let stage = Stage::open(issuer.setup(&[], &mapped)).await;
    assert!(admin_tools(&stage, &token).await.contains("mosaic_admin_order"));
    stage.close().await;
}
