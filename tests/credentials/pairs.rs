//! Tokens that are renewed by OAuth: once for all, kept before they are used, and by one gateway of many.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use mosaic::providers::http::credential::{Claim, Given, Grant, Keep, OAuth};
use mosaic::providers::http::{Accepts, Endpoint};
use mosaic_actors::error::{Failure, Kind};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::Hands;
use super::server::{Answer, Seen, Server};

static OAUTH: OAuth = OAuth {
    token: &["oauth", "token"],
};

/// A refusal that says nothing of the token.
const UNSAID: &str = r#"{"message":"401 Unauthorized"}"#;

/// A server whose renewals kill the old pair.
struct Forge {
    hands: Hands,
    place: Arc<Place>,
    /// The pair that holds, by its number; 0: the one to begin with.
    holds: AtomicU32,
    /// What it answers renewals with instead.
    refuses: Mutex<Option<(u16, &'static str)>>,
    /// The access token that holds has ended, until the pair is renewed.
    dead: AtomicBool,
    /// It does not say of a token that it has ended.
    silent: AtomicBool,
    /// Where it sends those who want a file.
    stored: Mutex<String>,
    /// New tokens that came before they were kept.
    early: AtomicU32,
}

impl Forge {
    fn new(hands: &Hands, place: &Arc<Place>) -> Arc<Self> {
        Arc::new(Forge {
            hands: hands.clone(),
            place: place.clone(),
            holds: AtomicU32::new(0),
            refuses: Mutex::default(),
            dead: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            stored: Mutex::default(),
            early: AtomicU32::new(0),
        })
    }

    async fn serve(self: &Arc<Self>) -> Server {
        let forge = self.clone();
        Server::start(move |seen| forge.answer(seen)).await
    }

    fn answer(&self, seen: &Seen) -> Answer {
        match seen.path.as_str() {
            // Beside the API, not below it.
            "/sub/oauth/token" => self.renew(seen),
            "/file" => Answer::json(200, "{}"),
            _ => {
                let number = self.holds.load(Relaxed);
                let token = format!("Bearer access-PLANTED{number}");
                let holds = seen.header("authorization") == Some(token.as_str()) && !self.dead.load(Relaxed);
                if !holds {
                    let says = !self.silent.load(Relaxed);
                    let body = if says { r#"{"error":"invalid_token"}"# } else { UNSAID };
                    return Answer::json(401, body);
                }
                // Who lacks a right is told no more than that.
                if ["/approve", "/merge"].iter().any(|end| seen.path.ends_with(end)) {
                    return Answer::json(401, UNSAID);
                }
                let kept = self.place.text();
                let both = [format!("access-PLANTED{number}"), format!("refresh-PLANTED{number}")];
                if number > 0 && !both.iter().all(|token| kept.contains(token.as_str())) {
                    self.early.fetch_add(1, Relaxed);
                }
                if seen.path.ends_with("/archive") {
                    return Answer::json(302, "").with("location", self.stored.lock().unwrap().clone());
                }
                Answer::json(200, "{}")
            }
        }
    }

    fn renew(&self, seen: &Seen) -> Answer {
        if let Some((status, body)) = *self.refuses.lock().unwrap() {
            return Answer::json(status, body);
        }
        assert_eq!(seen.header("authorization"), None);
        assert_eq!(seen.field("grant_type").as_deref(), Some("refresh_token"));
        assert_eq!(seen.field("client_id").as_deref(), Some("client"));
        assert_eq!(seen.field("client_secret").as_deref(), Some("secret+PLANTED/="));
        assert_eq!(seen.field("redirect_uri").as_deref(), Some("https://gw.example/cb?a=b"));
        let number = self.holds.load(Relaxed);
        if seen.field("refresh_token") != Some(format!("refresh-PLANTED{number}")) {
            return Answer::json(400, r#"{"error":"invalid_grant","error_description":"PLANTED"}"#);
        }
        let next = number + 1;
        self.holds.store(next, Relaxed);
        self.dead.store(false, Relaxed);
        let pair = json!({
            "access_token": format!("access-PLANTED{next}"), "refresh_token": format!("refresh-PLANTED{next}"),
            "token_type": "Bearer", "expires_in": 7200, "created_at": self.hands.now().as_second(),
        });
        Answer::json(200, pair.to_string())
    }
}

/// A durable place that several gateways share.
#[derive(Default)]
struct Place {
    kept: Mutex<Option<SecretString>>,
    claimed: Mutex<Option<i64>>,
    claims: AtomicI64,
    full: AtomicBool,
}

impl Place {
    fn text(&self) -> String {
        let kept = self.kept.lock().unwrap();
        kept.as_ref()
            .map_or(String::new(), |kept| kept.expose_secret().to_owned())
    }
}

impl Keep for Place {
    fn load(&self) -> BoxFuture<'_, Result<Option<SecretString>, Failure>> {
        std::future::ready(Ok(self.kept.lock().unwrap().clone())).boxed()
    }

    fn save(&self, kept: SecretString) -> BoxFuture<'_, Result<(), Failure>> {
        let saved = match self.full.load(Relaxed) {
            true => Err(Failure::new(Kind::Internal, "the state store is full")),
            false => {
                *self.kept.lock().unwrap() = Some(kept);
                Ok(())
            }
        };
        std::future::ready(saved).boxed()
    }

    fn claim(&self, _lease: Duration) -> BoxFuture<'_, Result<Option<Claim>, Failure>> {
        let mut claimed = self.claimed.lock().unwrap();
        let mine = claimed.is_none().then(|| {
            let number = self.claims.fetch_add(1, Relaxed);
            *claimed = Some(number);
            Claim(number)
        });
        std::future::ready(Ok(mine)).boxed()
    }

    fn release(&self, claim: Claim) -> BoxFuture<'_, Result<(), Failure>> {
        let mut claimed = self.claimed.lock().unwrap();
        claimed.take_if(|number| *number == claim.0);
        std::future::ready(Ok(())).boxed()
    }
}

fn grant(place: &Arc<Place>) -> Grant {
    Grant {
        client_id: "client".to_owned(),
        client_secret: Some("secret+PLANTED/=".to_owned().into()),
        refresh_token: "refresh-PLANTED0".to_owned().into(),
        access_token: Some("access-PLANTED0".to_owned().into()),
        redirect_uri: Some("https://gw.example/cb?a=b".to_owned()),
        keep: Some(place.clone()),
    }
}

fn gateway(server: &Server, grant: Grant, hands: &Hands) -> Endpoint {
    let accepts = [Accepts::OAuth(&OAUTH)];
    super::endpoint(&server.api(), Given::OAuth(grant), &accepts, hands).expect("it is taken")
}

async fn ask(endpoint: &Endpoint) -> Result<(), Failure> {
    endpoint.send(endpoint.get(&["user"])?).await.map(drop)
}

async fn all_well(calls: impl Iterator<Item = impl Future<Output = Result<(), Failure>>>) {
    for answered in join_all(calls).await {
        answered.expect("each call is answered");
    }
}

#[tokio::test]
async fn trap_17_a_hundred_calls_with_an_expired_token_have_the_pair_renewed_once() {
    let (hands, place) = (Hands::new(), Arc::<Place>::default());
    let forge = Forge::new(&hands, &place);
    let server = forge.serve().await;
    let endpoint = gateway(&server, grant(&place), &hands);
    ask(&endpoint).await.expect("the first pair holds");
    assert_eq!(server.asked("/oauth/token"), 0);
    // It ends before its time: their word is what tells.
    forge.dead.store(true, Relaxed);
    all_well((0..100).map(|_| ask(&endpoint))).await;
    assert_eq!(server.asked("/oauth/token"), 1);
    // And by our clock.
    hands.pass(7200);
    all_well((0..100).map(|_| ask(&endpoint))).await;
    assert_eq!(server.asked("/oauth/token"), 2);
    assert_eq!(forge.early.load(Relaxed), 0, "both are kept before one is used");
}

#[tokio::test]
async fn of_many_gateways_on_one_store_one_renews() {
    let (hands, place) = (Hands::new(), Arc::<Place>::default());
    let forge = Forge::new(&hands, &place);
    let server = forge.serve().await;
    let without = || Grant {
        access_token: None,
        ..grant(&place)
    };
    let gateways: Vec<Endpoint> = (0..5).map(|_| gateway(&server, without(), &hands)).collect();
    for turn in 1..4 {
        all_well(gateways.iter().flat_map(|gateway| (0..10).map(move |_| ask(gateway)))).await;
        assert_eq!(server.asked("/oauth/token"), turn);
        hands.pass(7200);
    }
    assert_eq!(forge.early.load(Relaxed), 0);
}

#[tokio::test]
async fn what_another_gateway_renewed_is_used_and_not_renewed_again() {
    let (hands, place) = (Hands::new(), Arc::<Place>::default());
    let forge = Forge::new(&hands, &place);
    let server = forge.serve().await;
    let without = Grant {
        access_token: None,
        ..grant(&place)
    };
    let (one, other) = (
        gateway(&server, without.clone(), &hands),
        gateway(&server, without, &hands),
    );
    ask(&one).await.expect("it has one made");
    ask(&other).await.expect("it takes that");
    assert_eq!(server.asked("/oauth/token"), 1);
    hands.pass(7200);
    ask(&one).await.expect("it renews");
    ask(&other).await.expect("it takes that");
    assert_eq!(server.asked("/oauth/token"), 2);
}

#[tokio::test]
async fn what_is_kept_wins_until_the_configuration_has_another() {
    let (hands, place) = (Hands::new(), Arc::<Place>::default());
    let forge = Forge::new(&hands, &place);
    let server = forge.serve().await;
    let without = Grant {
        access_token: None,
        ..grant(&place)
    };
    ask(&gateway(&server, without.clone(), &hands))
        .await
        .expect("it has one made");
    // After a restart the configuration's pair is dead, and the kept one is used.
    ask(&gateway(&server, without, &hands)).await.expect("it is kept");
    assert_eq!(server.asked("/oauth/token"), 1);
    // Somebody gave it new ones.
    forge.holds.store(7, Relaxed);
    let newer = Grant {
        refresh_token: "refresh-PLANTED7".to_owned().into(),
        access_token: Some("access-PLANTED7".to_owned().into()),
        ..grant(&place)
    };
    let endpoint = gateway(&server, newer, &hands);
    ask(&endpoint).await.expect("they are used");
    assert_eq!(server.asked("/oauth/token"), 1);
    // What they are renewed by takes the place of what was kept.
    forge.dead.store(true, Relaxed);
    ask(&endpoint).await.expect("they are renewed");
    assert!(place.text().contains("refresh-PLANTED8"));
}

#[tokio::test]
async fn a_pair_that_could_not_be_kept_is_not_used_and_not_lost() {
    let (hands, place) = (Hands::new(), Arc::<Place>::default());
    let forge = Forge::new(&hands, &place);
    let server = forge.serve().await;
    let without = Grant {
        access_token: None,
        ..grant(&place)
    };
    let endpoint = gateway(&server, without, &hands);
    place.full.store(true, Relaxed);
    for _ in 0..2 {
        let failure = ask(&endpoint).await.expect_err("it is not durable");
        assert_eq!((failure.kind, failure.unsent), (Kind::Internal, true));
    }
    place.full.store(false, Relaxed);
    ask(&endpoint).await.expect("now it is");
    assert_eq!((server.asked("/oauth/token"), server.asked("/user")), (1, 1));
    assert_eq!(forge.early.load(Relaxed), 0);
}

#[tokio::test]
async fn a_pair_that_no_request_can_carry_is_not_kept_in_the_place_of_one_that_can() {
    let (hands, place) = (Hands::new(), Arc::<Place>::default());
    let forge = Forge::new(&hands, &place);
    let server = forge.serve().await;
    let endpoint = gateway(&server, grant(&place), &hands);
    forge.dead.store(true, Relaxed);
    for odd in [
        r#"{"access_token": "a\r\nPLANTED: b", "refresh_token": "r"}"#,
        r#"{"access_token": "", "refresh_token": "r"}"#,
        r#"{"access_token": "a", "refresh_token": "r s"}"#,
    ] {
        *forge.refuses.lock().unwrap() = Some((200, odd));
        let failure = ask(&endpoint).await.expect_err("nothing can be sent");
        assert_eq!(failure.kind, Kind::UpstreamAuth, "{odd}");
        assert!(
            place.text().is_empty() && !format!("{failure:?}").contains("PLANTED"),
            "{odd}"
        );
    }
    // What there was is as good as ever.
    *forge.refuses.lock().unwrap() = None;
    ask(&endpoint).await.expect("it is renewed");
    // An empty one is none, and the old one lives on.
    forge.dead.store(true, Relaxed);
    *forge.refuses.lock().unwrap() = Some((200, r#"{"access_token": "other", "refresh_token": ""}"#));
    ask(&endpoint).await.expect_err("nobody knows this access token");
    assert!(place.text().contains("refresh-PLANTED1"), "it is kept");
}

#[tokio::test]
async fn a_renewal_that_is_refused_says_so_and_quotes_nothing() {
    let (hands, place) = (Hands::new(), Arc::<Place>::default());
    let forge = Forge::new(&hands, &place);
    let server = forge.serve().await;
    let endpoint = gateway(&server, grant(&place), &hands);
    forge.holds.store(5, Relaxed);
    let failure = ask(&endpoint).await.expect_err("both are dead");
    assert_eq!(failure.kind, Kind::UpstreamAuth);
    let shown = format!("{failure} {failure:?}");
    assert!(shown.contains("invalid_grant") && !shown.contains("PLANTED"), "{shown}");
    // What is no refusal of ours stays what it is.
    *forge.refuses.lock().unwrap() = Some((503, "{}"));
    assert_eq!(ask(&endpoint).await.expect_err("it is down").kind, Kind::UpstreamFailed);
    *forge.refuses.lock().unwrap() = Some((200, "{\"access_token\": PLANTED"));
    let failure = ask(&endpoint).await.expect_err("it is garbled");
    assert!(!format!("{failure} {failure:?}").contains("PLANTED"), "{failure:?}");
    let nowhere = Grant {
        keep: None,
        ..grant(&place)
    };
    let endpoint = gateway(&server, nowhere, &hands);
    let before = server.asked("/oauth/token");
    assert_eq!(
        ask(&endpoint).await.expect_err("it is not renewed").kind,
        Kind::UpstreamAuth
    );
    assert_eq!(server.asked("/oauth/token"), before);
}

#[tokio::test]
async fn a_file_that_is_kept_elsewhere_is_asked_for_with_a_renewed_token_and_fetched_without() {
    let (hands, place) = (Hands::new(), Arc::<Place>::default());
    let forge = Forge::new(&hands, &place);
    let server = forge.serve().await;
    // Another place, by another name.
    let store = server.base().replace("127.0.0.1", "localhost");
    *forge.stored.lock().unwrap() = format!("{store}/file?signature=1");
    let endpoint = gateway(&server, grant(&place), &hands);
    forge.dead.store(true, Relaxed);
    let archive = endpoint.get(&["archive"]).expect("a path");
    endpoint.open_stored(archive).await.map(drop).expect("it is fetched");
    assert_eq!((server.asked("/archive"), server.asked("/oauth/token")), (2, 1));
    let fetched = server.seen().pop().expect("it was asked");
    assert_eq!((&*fetched.path, fetched.header("authorization")), ("/file", None));
}

#[tokio::test]
async fn a_401_that_is_none_of_the_credential_renews_nothing() {
    let (hands, place) = (Hands::new(), Arc::<Place>::default());
    let forge = Forge::new(&hands, &place);
    let server = forge.serve().await;
    let endpoint = gateway(&server, grant(&place), &hands);
    let approve = endpoint
        .post(&["merge_requests", "1", "approve"], &json!({}))
        .expect("a path");
    assert_eq!(
        endpoint.send(approve).await.err().expect("refused").kind,
        Kind::Forbidden
    );
    assert_eq!((server.asked("/approve"), server.asked("/oauth/token")), (1, 0));
}

#[tokio::test]
async fn a_write_whose_token_is_not_renewed_behind_its_refusal_is_in_no_doubt() {
    let (hands, place) = (Hands::new(), Arc::<Place>::default());
    let forge = Forge::new(&hands, &place);
    let server = forge.serve().await;
    let endpoint = gateway(&server, grant(&place), &hands);
    forge.dead.store(true, Relaxed);
    for (refused, becomes) in [
        (Some((503, "{}")), Kind::UpstreamFailed),
        (Some((200, "{")), Kind::UpstreamFailed),
        (Some((400, "{}")), Kind::UpstreamAuth),
    ] {
        *forge.refuses.lock().unwrap() = refused;
        let write = endpoint.post(&["notes"], &json!({})).expect("a path");
        let failure = endpoint.send(write).await.err().expect("refused");
        assert_eq!((failure.kind, failure.unsent), (becomes, true));
    }
    assert_eq!(server.asked("/notes"), 3, "each was refused once, and so not done");
}

#[tokio::test]
async fn a_new_pair_is_not_renewed_for_whoever_lacks_a_right() {
    let (hands, place) = (Hands::new(), Arc::<Place>::default());
    let forge = Forge::new(&hands, &place);
    let server = forge.serve().await;
    let without = Grant {
        access_token: None,
        ..grant(&place)
    };
    let endpoint = gateway(&server, without, &hands);
    ask(&endpoint).await.expect("it has one made");
    let merge = async || {
        let merge = endpoint
            .put(&["merge_requests", "1", "merge"], &json!({}))
            .expect("a path");
        endpoint.send(merge).await.err().expect("refused").kind
    };
    for _ in 0..3 {
        assert_eq!(merge().await, Kind::UpstreamAuth);
    }
    hands.pass(59);
    assert_eq!(merge().await, Kind::UpstreamAuth);
    assert_eq!((server.asked("/merge"), server.asked("/oauth/token")), (4, 1));
    // After a minute it may have ended, whatever was said of its end: once.
    hands.pass(1);
    for _ in 0..3 {
        assert_eq!(merge().await, Kind::UpstreamAuth);
    }
    assert_eq!((server.asked("/merge"), server.asked("/oauth/token")), (8, 2));
    ask(&endpoint).await.expect("the new one holds");
}

/// A token may end, or be revoked, as soon as it is had: what its provider says of it counts, and not how new it is.
#[tokio::test]
async fn a_token_that_has_ended_is_renewed_however_new_it_is() {
    let (hands, place) = (Hands::new(), Arc::<Place>::default());
    let forge = Forge::new(&hands, &place);
    let server = forge.serve().await;
    let without = Grant {
        access_token: None,
        ..grant(&place)
    };
    let endpoint = gateway(&server, without, &hands);
    ask(&endpoint).await.expect("it has one made");
    hands.pass(5);
    forge.dead.store(true, Relaxed);
    all_well((0..100).map(|_| ask(&endpoint))).await;
    assert_eq!(server.asked("/oauth/token"), 2);
    // Where that is no help, it is no storm either: they are told how long the next one has to wait.
    hands.pass(10);
    forge.dead.store(true, Relaxed);
    for _ in 0..5 {
        let failure = ask(&endpoint).await.expect_err("renewed as recently");
        assert_eq!(failure.kind, Kind::UpstreamAuth);
        assert_eq!(failure.retry_after, Some(Duration::from_secs(50)));
        assert!(failure.message().contains("within the last minute"), "{failure}");
    }
    assert_eq!(server.asked("/oauth/token"), 2);
    hands.pass(50);
    all_well((0..100).map(|_| ask(&endpoint))).await;
    assert_eq!(server.asked("/oauth/token"), 3);
}

#[tokio::test]
async fn a_refusal_that_does_not_say_why_has_a_new_token_renewed_once_it_has_rested() {
    let (hands, place) = (Hands::new(), Arc::<Place>::default());
    let forge = Forge::new(&hands, &place);
    let server = forge.serve().await;
    let without = Grant {
        access_token: None,
        ..grant(&place)
    };
    let endpoint = gateway(&server, without, &hands);
    ask(&endpoint).await.expect("it has one made");
    forge.silent.store(true, Relaxed);
    forge.dead.store(true, Relaxed);
    hands.pass(20);
    let failure = ask(&endpoint).await.expect_err("it may be a right that lacks");
    assert_eq!(failure.retry_after, Some(Duration::from_secs(40)));
    assert!(failure.message().contains("may lack a right"), "{failure}");
    assert_eq!(server.asked("/oauth/token"), 1);
    hands.pass(40);
    ask(&endpoint).await.expect("it is renewed");
    assert_eq!(server.asked("/oauth/token"), 2);
}
