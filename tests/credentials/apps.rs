//! An app's key, and the tokens that it is exchanged for.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use mosaic::providers::KINDS;
use mosaic::providers::http::credential::{AppKey, Given};
use mosaic_actors::driver::{Credential, Driver};
use mosaic_actors::error::Kind;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs1KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::server::{Answer, Seen, Server};
use super::{Hands, connection, upstream};

const KEY: &str = include_str!("app-key.pem");
const ID: &str = "Iv23planted";

/// A forge with apps: who installed ours, and which tokens it takes.
struct Forge {
    hands: Hands,
    /// Its clock is so many seconds ahead of ours.
    ahead: i64,
    installed: Mutex<BTreeMap<String, u64>>,
    /// The tokens that hold, and whose they are.
    tokens: Mutex<BTreeMap<String, u64>>,
    minted: AtomicU32,
    /// So many requests with a sound token are refused.
    deaf: AtomicU32,
}

impl Forge {
    fn new(hands: &Hands, installed: &[(&str, u64)]) -> Arc<Self> {
        Arc::new(Forge {
            hands: hands.clone(),
            ahead: 0,
            installed: Mutex::new(installed.iter().map(|(name, id)| ((*name).to_owned(), *id)).collect()),
            tokens: Mutex::default(),
            minted: AtomicU32::new(0),
            deaf: AtomicU32::new(0),
        })
    }

    async fn serve(self: &Arc<Self>) -> Server {
        let forge = self.clone();
        Server::start(move |seen| forge.answer(seen)).await
    }

    fn revoke(&self) {
        self.tokens.lock().unwrap().clear();
    }

    fn minted(&self) -> u32 {
        self.minted.load(Relaxed)
    }

    fn answer(&self, seen: &Seen) -> Answer {
        let parts: Vec<&str> = seen.path.trim_start_matches('/').split('/').collect();
        let credential = seen.header("authorization").unwrap_or_default();
        let bearer = credential.strip_prefix("Bearer ").unwrap_or_default();
        let as_app = |answer: &dyn Fn() -> Answer| self.check(bearer).unwrap_or_else(answer);
        let installation = |name: &str| match self.installed.lock().unwrap().get(&name.to_ascii_lowercase()) {
            Some(id) => Answer::json(200, json!({"id": id, "account": {"login": name}}).to_string()),
            None => missing(),
        };
        match parts[..] {
            ["app", "installations"] => as_app(&|| {
                let installed = self.installed.lock().unwrap();
                let all: Vec<Value> = installed.values().map(|id| json!({ "id": id })).collect();
                Answer::json(200, json!(all).to_string())
            }),
            ["app", "installations", id, "access_tokens"] => {
                as_app(&|| self.mint(id.parse().expect("a number"), &seen.method))
            }
            // One project of theirs is not there.
            ["repos", _, "gone", "installation"] => as_app(&missing),
            ["repos", owner, _, "installation"] => as_app(&|| installation(owner)),
            ["orgs", "ann", "installation"] => as_app(&missing),
            ["orgs" | "users", owner, "installation"] => as_app(&|| installation(owner)),
            _ => self.serve_call(seen, &parts, bearer),
        }
    }

    /// Refuses what is not signed as it must be.
    fn check(&self, jwt: &str) -> Option<Answer> {
        let refusal = |sentence: &str| {
            let date = jiff::fmt::rfc2822::to_string(&self.now().to_zoned(jiff::tz::TimeZone::UTC)).expect("a date");
            Some(Answer::json(401, json!({ "message": sentence }).to_string()).with("date", date))
        };
        let Some((text, signature)) = jwt.rsplit_once('.') else {
            return refusal("A JSON web token could not be decoded");
        };
        let der = PrivatePkcs1KeyDer::from_pem_slice(KEY.as_bytes()).expect("a key");
        let pair = RsaKeyPair::from_der(der.secret_pkcs1_der()).expect("a key");
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref().to_vec());
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
        if public.verify(text.as_bytes(), &signature).is_err() {
            return refusal("A JSON web token could not be decoded");
        }
        let (head, claims) = text.split_once('.').expect("two parts");
        let read =
            |part| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON");
        assert_eq!(read(head)["alg"], "RS256");
        let claims = read(claims);
        assert_eq!(claims["iss"], ID);
        let (from, until) = (
            claims["iat"].as_i64().expect("iat"),
            claims["exp"].as_i64().expect("exp"),
        );
        assert_eq!(until - from, 600);
        let now = self.now().as_second();
        if from > now {
            return refusal(
                "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
            );
        }
        if until > now + 600 || until < now {
            return refusal("'Expiration time' claim ('exp') is too far in the future");
        }
        None
    }

    fn now(&self) -> jiff::Timestamp {
        self.hands.now() + jiff::SignedDuration::from_secs(self.ahead)
    }

    fn mint(&self, installation: u64, method: &str) -> Answer {
        assert_eq!(method, "POST");
        if !self.installed.lock().unwrap().values().any(|id| *id == installation) {
            return missing();
        }
        let number = self.minted.fetch_add(1, Relaxed) + 1;
        let token = format!("ghs_PLANTED{number}");
        self.tokens.lock().unwrap().insert(token.clone(), installation);
        let expires_at = self.hands.in_seconds(3600);
        Answer::json(201, json!({"token": token, "expires_at": expires_at}).to_string())
    }

    fn serve_call(&self, seen: &Seen, parts: &[&str], bearer: &str) -> Answer {
        let of = self.tokens.lock().unwrap().get(bearer).copied();
        let deaf = self
            .deaf
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
            .is_ok();
        let Some(of) = of.filter(|_| !deaf) else {
            return Answer::json(401, r#"{"message":"Bad credentials"}"#);
        };
        match parts {
            ["rate_limit"] => Answer::json(200, "{}"),
            ["repos", owner, ..] => {
                let owner = owner.to_ascii_lowercase();
                // Nobody's token opens what is another's.
                if self.installed.lock().unwrap().get(&owner) != Some(&of) {
                    return missing();
                }
                match seen.method.as_str() {
                    "POST" => Answer::json(201, r#"{"number":1,"title":"T","state":"open"}"#),
                    _ => Answer::json(200, json!({"full_name": format!("{owner}/api")}).to_string()),
                }
            }
            _ => missing(),
        }
    }
}

fn missing() -> Answer {
    Answer::json(404, r#"{"message":"Not Found"}"#)
}

fn key(installation: Option<u64>) -> Given {
    Given::App(AppKey {
        id: ID.to_owned(),
        private_key: KEY.to_owned().into(),
        installation,
    })
}

fn driver(server: &Server, installation: Option<u64>, hands: &Hands) -> Client {
    let connection = connection(server.base(), key(installation), hands);
    let kind = KINDS.iter().find(|kind| kind.name == "github").expect("it is built in");
    Client {
        driver: (kind.connect)(&connection).expect("a driver"),
    }
}

struct Client {
    driver: Arc<dyn Driver>,
}

impl Client {
    async fn call(&self, operation: &str, input: Value) -> Result<Value, mosaic_actors::error::Failure> {
        let call = upstream::call(operation, input, false).expect("a call");
        let answer = self.driver.clone().call(Arc::new(call)).await?;
        let mosaic_actors::call::Body::Bytes(bytes) = answer.body else {
            panic!("a whole answer")
        };
        Ok(serde_json::from_slice(&bytes).expect("JSON"))
    }

    /// Reads a repository, and says how that ended.
    async fn read(&self, repo: &str) -> Result<(), Kind> {
        let read = self.call("git.repo.get", json!({ "repo": repo })).await;
        read.map(drop).map_err(|failure| failure.kind)
    }
}

#[tokio::test]
async fn each_owner_is_asked_with_a_token_of_its_own_and_once() {
    let hands = Hands::new();
    let forge = Forge::new(&hands, &[("acme", 7), ("ann", 8)]);
    let server = forge.serve().await;
    let client = driver(&server, None, &hands);
    for repo in ["acme/api", "ann/site", "ACME/other", "acme/api"] {
        assert_eq!(client.read(repo).await, Ok(()), "{repo}");
    }
    assert_eq!(forge.minted(), 2);
    assert_eq!(server.asked("/installation"), 2);
}

#[tokio::test]
async fn an_owner_is_found_though_the_project_is_not_there() {
    let hands = Hands::new();
    let forge = Forge::new(&hands, &[("ann", 8)]);
    let server = forge.serve().await;
    let client = driver(&server, None, &hands);
    // Of a person, whom no organisation is called by.
    assert_eq!(client.read("ann/gone").await, Ok(()));
    let asked: Vec<String> = server.seen().iter().map(|seen| seen.path.clone()).collect();
    let looked = [
        "/repos/ann/gone/installation",
        "/orgs/ann/installation",
        "/users/ann/installation",
    ];
    assert_eq!(asked[..3], looked);
    assert_eq!(client.read("else/api").await, Err(Kind::NotFound));
    assert_eq!(forge.minted(), 1);
}

#[tokio::test]
async fn a_hundred_calls_with_an_expired_token_have_it_renewed_once() {
    let hands = Hands::new();
    let forge = Forge::new(&hands, &[("acme", 7)]);
    let server = forge.serve().await;
    let client = driver(&server, None, &hands);
    assert_eq!(client.read("acme/api").await, Ok(()));
    // Once by our clock, once by their word alone.
    for (seconds, minted) in [(3600, 2), (10, 3)] {
        hands.pass(seconds);
        forge.revoke();
        let all = join_all((0..100).map(|_| client.read("acme/api"))).await;
        assert_eq!(all, vec![Ok(()); 100]);
        assert_eq!(forge.minted(), minted);
    }
    // Who installed it was looked for once.
    assert_eq!(server.asked("/installation"), 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let hands = Hands::new();
    let forge = Forge::new(&hands, &[("acme", 7)]);
    let server = forge.serve().await;
    let client = driver(&server, None, &hands);
    for (seconds, minted) in [(0, 1), (3539, 1), (1, 2)] {
        hands.pass(seconds);
        assert_eq!(client.read("acme/api").await, Ok(()));
        assert_eq!(forge.minted(), minted, "after {seconds} s more");
    }
    assert_eq!(
        server
            .seen()
            .iter()
            .filter(|seen| seen.path == "/repos/acme/api")
            .count(),
        3
    );
}

#[tokio::test]
async fn a_write_that_was_refused_for_its_token_is_done_once() {
    let hands = Hands::new();
    let forge = Forge::new(&hands, &[("acme", 7)]);
    let server = forge.serve().await;
    let client = driver(&server, None, &hands);
    assert_eq!(client.read("acme/api").await, Ok(()));
    hands.pass(10);
    forge.revoke();
    let issue = json!({"project": "acme/api", "title": "T"});
    client.call("projects.issue.create", issue).await.expect("it is done");
    let posts: Vec<_> = server
        .seen()
        .into_iter()
        .filter(|seen| seen.path == "/repos/acme/api/issues")
        .collect();
    assert_eq!(posts.len(), 2);
    assert_eq!(posts[0].body, posts[1].body);
    assert_ne!(posts[0].header("authorization"), posts[1].header("authorization"));
}

#[tokio::test]
async fn a_credential_that_is_refused_again_is_no_reason_for_a_third_time() {
    let hands = Hands::new();
    let forge = Forge::new(&hands, &[("acme", 7)]);
    let server = forge.serve().await;
    let client = driver(&server, None, &hands);
    assert_eq!(client.read("acme/api").await, Ok(()));
    hands.pass(10);
    forge.deaf.store(1, Relaxed);
    // The refusal of the old one, and one of the new one, which is waited out.
    assert_eq!(client.read("acme/api").await, Ok(()));
    assert_eq!(forge.minted(), 2);
    hands.pass(10);
    forge.deaf.store(u32::MAX, Relaxed);
    assert_eq!(client.read("acme/api").await, Err(Kind::UpstreamAuth));
    assert_eq!(forge.minted(), 3);
}

#[tokio::test]
async fn h24_a_new_token_that_is_not_known_everywhere_yet_is_tried_again() {
    let hands = Hands::new();
    let forge = Forge::new(&hands, &[("acme", 7)]);
    let server = forge.serve().await;
    let client = driver(&server, None, &hands);
    forge.deaf.store(1, Relaxed);
    assert_eq!(client.read("acme/api").await, Ok(()));
    assert_eq!(forge.minted(), 1);
    assert_eq!(
        server
            .seen()
            .iter()
            .filter(|seen| seen.path == "/repos/acme/api")
            .count(),
        2
    );
}

#[tokio::test]
async fn h24_a_clock_that_goes_wrong_is_corrected_by_theirs() {
    for ahead in [-3600, 3600] {
        let hands = Hands::new();
        let mut forge = Forge::new(&hands, &[("acme", 7)]);
        Arc::get_mut(&mut forge).expect("it is ours").ahead = ahead;
        let server = forge.serve().await;
        let client = driver(&server, None, &hands);
        assert_eq!(client.read("acme/api").await, Ok(()), "{ahead}");
        // The first question was signed twice, and the second one right at once.
        assert_eq!((server.asked("/installation"), server.asked("/access_tokens")), (2, 1));
    }
}

#[tokio::test]
async fn an_installation_that_was_made_anew_is_found() {
    let hands = Hands::new();
    let forge = Forge::new(&hands, &[("acme", 7)]);
    let server = forge.serve().await;
    let client = driver(&server, None, &hands);
    assert_eq!(client.read("acme/api").await, Ok(()));
    forge.installed.lock().unwrap().insert("acme".to_owned(), 9);
    forge.revoke();
    hands.pass(10);
    assert_eq!(client.read("acme/api").await, Ok(()));
    forge.installed.lock().unwrap().clear();
    forge.revoke();
    hands.pass(10);
    assert_eq!(client.read("acme/api").await, Err(Kind::NotFound));
}

#[tokio::test]
async fn what_is_nobodys_needs_the_one_installation_and_health_any() {
    let hands = Hands::new();
    let forge = Forge::new(&hands, &[("acme", 7), ("ann", 8)]);
    let server = forge.serve().await;
    let client = driver(&server, None, &hands);
    assert_eq!(
        client.driver.clone().health().await.expect("it is well"),
        Credential::Serves
    );
    let unclear = client.call("git.repo.list", json!({})).await.expect_err("whose?");
    assert_eq!((unclear.kind, unclear.unsent), (Kind::Unsupported, true));
    assert!(unclear.message().contains("app.installation"), "{unclear}");
    // One that is given goes with everything, and nobody is asked for it.
    let client = driver(&server, Some(8), &hands);
    assert_eq!(client.read("ann/site").await, Ok(()));
    assert_eq!(client.read("acme/api").await, Err(Kind::NotFound));
    assert_eq!(server.asked("/installation"), 0);
    let wrong = driver(&server, Some(99), &hands).call("git.repo.list", json!({})).await;
    assert_eq!(wrong.expect_err("it is not there").kind, Kind::NotFound);
}

#[test]
fn a_key_that_is_none_is_refused_at_its_key() {
    let hands = Hands::new();
    for text in [
        "",
        "ghp_PLANTED",
        "-----BEGIN RSA PRIVATE KEY-----\nUExBTlRFRA==\n-----END RSA PRIVATE KEY-----",
    ] {
        let given = Given::App(AppKey {
            id: ID.to_owned(),
            private_key: text.to_owned().into(),
            installation: None,
        });
        let kind = KINDS.iter().find(|kind| kind.name == "github").expect("it is built in");
        let refused = (kind.connect)(&connection("http://localhost:1", given, &hands))
            .err()
            .expect("no key");
        assert_eq!(refused.field.as_deref(), Some("app.private_key"));
        let shown = format!("{refused} {refused:?}");
        assert!(!shown.contains("PLANTED") && !shown.contains("UExB"), "{shown}");
    }
    // As a variable has it that cannot hold lines.
    let given = Given::App(AppKey {
        id: ID.to_owned(),
        private_key: KEY.trim().replace('\n', "\\n").into(),
        installation: None,
    });
    let kind = KINDS.iter().find(|kind| kind.name == "github").expect("it is built in");
    assert!((kind.connect)(&connection("http://localhost:1", given, &hands)).is_ok());
}
