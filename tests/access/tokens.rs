//! Access tokens of an issuer that the test is: sound ones, hostile ones, and who is told where to get one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::harness::http::Reply;
use crate::harness::{Setup, Stage};
use crate::{Key, ask, keyed};

const AUDIENCE: &str = "https://mosaic.test";

/// An issuer with two keys.
struct Issuer {
    at: SocketAddr,
    edwards: Ed25519KeyPair,
    curve: EcdsaKeyPair,
    /// How often its keys were asked for.
    asked: Arc<AtomicUsize>,
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
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async move || Json(metadata)))
            .route(
                "/keys",
                get(async move || {
                    counted.fetch_add(1, SeqCst);
                    Json(keys)
                }),
            );
        tokio::spawn(async move { axum::serve(listener, router).await });
        Issuer {
            at,
            edwards,
            curve,
            asked,
        }
    }

    fn claims(&self, change: &Value) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later").as_secs();
        let mut claims = json!({
            "iss": format!("http://{}", self.at), "aud": AUDIENCE, "sub": "ada", "tenant": "default",
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
            "[oauth]\nissuer = \"http://{}\"\naudience = \"{AUDIENCE}\"\n{more}",
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
    assert_eq!(refused.refused(401), "unauthenticated");
    let metadata = format!("{place}/.well-known/oauth-protected-resource");
    assert!(
        challenge.contains(&format!("resource_metadata=\"{metadata}\"")),
        "{challenge}"
    );
    assert!(!challenge.contains("error="), "{challenge}");
    for (path, resource) in [("", ""), ("/mcp", "/mcp")] {
        let told = gateway
            .get(&format!("/.well-known/oauth-protected-resource{path}"))
            .await
            .ok();
        assert_eq!(told["resource"], format!("{place}{resource}"));
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
