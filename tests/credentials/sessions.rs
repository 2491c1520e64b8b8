//! Passwords with a crumb: had once for all writes, with its cookie, and had anew where it does not hold.

use std::collections::HashSet;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use mosaic::providers::http::credential::{Given, Sessions};
use mosaic::providers::http::{Accepts, Endpoint};
use mosaic_actors::error::{Failure, Kind};
use serde_json::json;

use super::Hands;
use super::server::{Answer, Seen, Server};

static SESSIONS: Sessions = Sessions {
    crumb: &["crumbIssuer", "api", "json"],
    stale: |status, body| status == 403 && String::from_utf8_lossy(body).contains("No valid crumb"),
};

/// A server with its protection on.
#[derive(Default)]
struct Builds {
    /// The number of the crumb that holds.
    holds: AtomicU32,
    /// How crumbs are called there; none: the protection is off.
    field: Mutex<Option<&'static str>>,
    /// Writes that were done.
    done: AtomicU32,
    /// No crumb holds.
    never: AtomicU32,
    /// Crumbs serve one write each; these were given and have not served.
    single: Mutex<Option<HashSet<String>>>,
}

impl Builds {
    async fn serve(self: &Arc<Self>) -> Server {
        let builds = self.clone();
        Server::start(move |seen| builds.answer(seen)).await
    }

    fn answer(&self, seen: &Seen) -> Answer {
        // ann:pass-PLANTED
        if seen.header("authorization") != Some("Basic YW5uOnBhc3MtUExBTlRFRA==") {
            return Answer::json(401, "{}");
        }
        let field = *self.field.lock().unwrap();
        let number = self.holds.load(Relaxed);
        if seen.path.ends_with("/crumbIssuer/api/json") {
            let Some(field) = field else {
                return Answer::json(404, "<html>").with("x-jenkins", "2.568");
            };
            let number = match &mut *self.single.lock().unwrap() {
                Some(given) => {
                    let next = self.holds.fetch_add(1, Relaxed);
                    given.insert(format!("crumb-PLANTED{next} JSESSIONID.0a=node-PLANTED{next}"));
                    next
                }
                None => number,
            };
            let crumb = json!({"_class": "c", "crumb": format!("crumb-PLANTED{number}"), "crumbRequestField": field});
            let cookie = format!("JSESSIONID.0a=node-PLANTED{number}; Path=/; HttpOnly");
            return Answer::json(200, crumb.to_string()).with("set-cookie", cookie);
        }
        if seen.method == "GET" {
            return Answer::json(200, "{}");
        }
        if let (Some(given), Some(field)) = (&mut *self.single.lock().unwrap(), field) {
            let shown = [field, "cookie"].map(|name| seen.header(name).unwrap_or_default().to_owned());
            if !given.remove(&shown.join(" ")) {
                return Answer::json(403, "<html>No valid crumb was included in the request");
            }
            self.done.fetch_add(1, Relaxed);
            return Answer::json(201, "{}");
        }
        let crumb = field.is_none_or(|field| seen.header(field) == Some(format!("crumb-PLANTED{number}").as_str()));
        let cookie = seen.header("cookie") == Some(format!("JSESSIONID.0a=node-PLANTED{number}").as_str());
        if seen.path.ends_with("/forbidden") {
            return Answer::json(403, "<html>ann is missing the Job/Build permission");
        }
        if !crumb || field.is_some() && !cookie || self.never.load(Relaxed) > 0 {
            return Answer::json(403, "<html>No valid crumb was included in the request");
        }
        self.done.fetch_add(1, Relaxed);
        Answer::json(201, "{}")
    }
}

fn client(server: &Server) -> Endpoint {
    let given = Given::Password {
        user: "ann".to_owned(),
        password: "pass-PLANTED".to_owned().into(),
    };
    let accepts = [Accepts::Password(Some(&SESSIONS))];
    super::endpoint(server.base(), given, &accepts, &Hands::new()).expect("it is taken")
}

async fn write(endpoint: &Endpoint, job: &str) -> Result<(), Failure> {
    let build = endpoint.post(&["job", job, "build"], &json!({}));
    endpoint.send(build.expect("a path")).await.map(drop)
}

#[tokio::test]
async fn trap_9_reads_need_no_crumb_and_writes_share_one_with_its_cookie() {
    let builds = Arc::<Builds>::default();
    *builds.field.lock().unwrap() = Some("jenkins-crumb");
    let server = builds.serve().await;
    let endpoint = client(&server);
    endpoint
        .send(endpoint.get(&["api", "json"]).expect("a path"))
        .await
        .expect("an answer");
    assert_eq!(server.asked("/crumbIssuer/api/json"), 0);
    for written in join_all((0..20).map(|_| write(&endpoint, "a"))).await {
        written.expect("it is done");
    }
    assert_eq!(
        (server.asked("/crumbIssuer/api/json"), builds.done.load(Relaxed)),
        (1, 20)
    );
}

#[tokio::test]
async fn a_server_calls_its_crumb_as_it_likes() {
    let builds = Arc::<Builds>::default();
    *builds.field.lock().unwrap() = Some("x-our-own-word");
    let server = builds.serve().await;
    write(&client(&server), "a").await.expect("it is done");
    // But no crumb is taken for another header.
    *builds.field.lock().unwrap() = Some("host");
    let odd = write(&client(&server), "a").await.expect_err("no name of a crumb");
    assert_eq!(odd.kind, Kind::UpstreamFailed);
    assert!(!format!("{odd:?}").contains("PLANTED"), "{odd:?}");
}

#[tokio::test]
async fn without_a_protection_it_goes_on_without() {
    let builds = Arc::<Builds>::default();
    let server = builds.serve().await;
    let endpoint = client(&server);
    for _ in 0..2 {
        write(&endpoint, "a").await.expect("it is done");
    }
    assert_eq!(server.asked("/crumbIssuer/api/json"), 1);
    // It is switched on while we look away.
    *builds.field.lock().unwrap() = Some("jenkins-crumb");
    write(&endpoint, "a").await.expect("it is done");
    assert_eq!(
        (server.asked("/crumbIssuer/api/json"), builds.done.load(Relaxed)),
        (2, 3)
    );
}

#[tokio::test]
async fn a_crumb_that_does_not_hold_is_had_anew_once() {
    let builds = Arc::<Builds>::default();
    *builds.field.lock().unwrap() = Some("jenkins-crumb");
    let server = builds.serve().await;
    let endpoint = client(&server);
    write(&endpoint, "a").await.expect("it is done");
    builds.holds.store(1, Relaxed);
    for written in join_all((0..100).map(|_| write(&endpoint, "a"))).await {
        written.expect("it is done");
    }
    assert_eq!(
        (server.asked("/crumbIssuer/api/json"), builds.done.load(Relaxed)),
        (2, 101)
    );
    builds.never.store(1, Relaxed);
    let before = server.asked("/build");
    assert_eq!(
        write(&endpoint, "a").await.expect_err("none holds").kind,
        Kind::Forbidden
    );
    // One that others use, a new one, and one that nobody else has.
    assert_eq!(server.asked("/build"), before + 3);
}

#[tokio::test]
async fn crumbs_that_serve_once_serve_fifty_who_come_at_once() {
    let builds = Arc::<Builds>::default();
    *builds.field.lock().unwrap() = Some("jenkins-crumb");
    *builds.single.lock().unwrap() = Some(HashSet::new());
    let server = builds.serve().await;
    let endpoint = client(&server);
    for written in join_all((0..50).map(|_| write(&endpoint, "a"))).await {
        written.expect("it is done");
    }
    assert_eq!(builds.done.load(Relaxed), 50);
    // From now on each has its own at once.
    let before = (server.asked("/crumbIssuer/api/json"), server.asked("/build"));
    for written in join_all((0..50).map(|_| write(&endpoint, "a"))).await {
        written.expect("it is done");
    }
    let after = (server.asked("/crumbIssuer/api/json"), server.asked("/build"));
    assert_eq!((after.0 - before.0, after.1 - before.1), (50, 50));
}

#[tokio::test]
async fn another_refusal_is_no_matter_of_the_crumb() {
    let builds = Arc::<Builds>::default();
    *builds.field.lock().unwrap() = Some("jenkins-crumb");
    let server = builds.serve().await;
    let endpoint = client(&server);
    let post = endpoint.post(&["forbidden"], &json!({})).expect("a path");
    assert_eq!(endpoint.send(post).await.err().expect("refused").kind, Kind::Forbidden);
    assert_eq!(
        (server.asked("/forbidden"), server.asked("/crumbIssuer/api/json")),
        (1, 1)
    );
    let given = Given::Password {
        user: "ann".to_owned(),
        password: "wrong".to_owned().into(),
    };
    let accepts = [Accepts::Password(Some(&SESSIONS))];
    let endpoint = super::endpoint(server.base(), given, &accepts, &Hands::new()).expect("it is taken");
    let wrong = write(&endpoint, "a").await.expect_err("a wrong password");
    assert_eq!((wrong.kind, wrong.unsent), (Kind::UpstreamAuth, true));
}
