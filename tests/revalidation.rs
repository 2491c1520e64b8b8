//! Conditional requests over HTTP: a provider is asked whether what is kept has changed, where it tells, and pays nothing
//! where it has not.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{DATE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LINK};
use http::{HeaderMap, StatusCode};
use mosaic::Mosaic;
use mosaic::catalogue::Page;
use mosaic::catalogue::git::{Branch, BranchListInput, Repo, RepoGetInput};
use mosaic::catalogue::op::{Declaration, Op};
use mosaic::config::{BaseUrl, Config, ProviderConfig};
use mosaic::dispatch::Options;
use mosaic::embed::Typed;
use mosaic_actors::call::{CacheStatus, Resource};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// `git.repo.get`, whose answers are past their time as soon as they are there.
struct AgingRepo;

impl Op for AgingRepo {
    type Input = RepoGetInput;
    type Output = Repo;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("git.repo.get", "/git/repos/{repo}", "Get a repository").cached(0, 3600, 0);

    fn resource(input: &RepoGetInput) -> Resource {
        input.repo.resource()
    }
}

/// `git.branch.list`, likewise.
struct AgingBranches;

impl Op for AgingBranches {
    type Input = BranchListInput;
    type Output = Page<Branch>;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("git.branch.list", "/git/repos/{repo}/branches", "List branches").cached(0, 3600, 0);

    fn resource(input: &BranchListInput) -> Resource {
        input.repo.resource()
    }
}

/// How the provider recognises its answers.
#[derive(Clone, Copy, PartialEq)]
enum By {
    WeakTag,
    Time,
    Nothing,
}

const CHANGED: &str = "Tue, 14 Jul 2026 03:34:19 GMT";

/// A provider that counts.
struct Provider {
    by: By,
    version: AtomicUsize,
    /// The conditions that requests came with, if any.
    conditions: Mutex<Vec<Option<String>>>,
    /// Requests that it counts against the quota.
    paid: AtomicUsize,
    /// Its lists have a page behind each.
    has_next: bool,
    url: Mutex<String>,
}

impl Provider {
    async fn start(by: By, has_next: bool) -> (Arc<Self>, JoinHandle<()>) {
        let provider = Arc::new(Provider {
            by,
            version: AtomicUsize::new(1),
            conditions: Mutex::default(),
            paid: AtomicUsize::new(0),
            has_next,
            url: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        *provider.url.lock().expect("no panic") = format!("http://{}", listener.local_addr().expect("an address"));
        let answering = provider.clone();
        let router = Router::new().fallback(async move |request: Request| answering.answer(&request));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        (provider, server)
    }

    fn answer(&self, request: &Request) -> Response {
        let tag = format!("W/\"v{}\"", self.version.load(SeqCst));
        let text = |headers: &HeaderMap, name| headers.get(name).map(|value| value.to_str().expect("text").to_owned());
        let (match_, since) = (
            text(request.headers(), IF_NONE_MATCH),
            text(request.headers(), IF_MODIFIED_SINCE),
        );
        let same = match self.by {
            By::WeakTag => match_.as_ref() == Some(&tag),
            By::Time => since.as_deref() == Some(CHANGED),
            By::Nothing => false,
        };
        self.conditions.lock().expect("no panic").push(match_.or(since));
        let mut answer = Response::builder();
        answer = match self.by {
            By::WeakTag => answer.header(ETAG, &tag),
            By::Time => answer
                .header(LAST_MODIFIED, CHANGED)
                .header(DATE, "Tue, 14 Jul 2026 03:34:20 GMT"),
            By::Nothing => answer,
        };
        if self.has_next && !same {
            answer = answer.header(LINK, "</x?page=2>; rel=\"next\"");
        }
        let paid = if same {
            self.paid.load(SeqCst)
        } else {
            self.paid.fetch_add(1, SeqCst) + 1
        };
        answer = answer
            .header("x-ratelimit-limit", "5000")
            .header("x-ratelimit-remaining", 5000 - paid)
            .header("x-ratelimit-reset", "4000000000");
        let body = match request.uri().path() {
            path if path.ends_with("branches") => json!([{"name": "main", "commit": {"sha": "a"}}]),
            _ => json!({"id": 1, "name": "api", "full_name": "acme/api", "owner": {"login": "acme"}, "private": false,
                "description": format!("version {}", self.version.load(SeqCst))}),
        };
        let (status, body) = match same {
            true => (StatusCode::NOT_MODIFIED, Body::empty()),
            false => (StatusCode::OK, Body::from(body.to_string())),
        };
        answer.status(status).body(body).expect("sound headers")
    }

    /// The conditions of the requests since the last look.
    fn conditions(&self) -> Vec<Option<String>> {
        std::mem::take(&mut *self.conditions.lock().expect("no panic"))
    }

    async fn gateway(&self, kind: &str) -> Mosaic {
        let mut config = Config::default();
        let at = BaseUrl::parse(&self.url.lock().expect("no panic")).expect("a base URL");
        let mut provider = ProviderConfig::new(kind).at(at);
        provider.health_check = false;
        config.providers.insert("forge".to_owned(), provider);
        let builder = Mosaic::builder(config)
            .operation::<AgingRepo>()
            .operation::<AgingBranches>();
        builder.start().await.expect("it starts")
    }
}

async fn ask<O: Op>(gateway: &Mosaic, input: Value, options: Options) -> Typed<O::Output> {
    let input = serde_json::from_value(input).expect("an input");
    let answer = gateway.call_as::<O>(input, Mosaic::local_caller(), options).await;
    answer.expect("an answer")
}

async fn repo(gateway: &Mosaic) -> (CacheStatus, String) {
    let answer = ask::<AgingRepo>(gateway, json!({"repo": "acme/api"}), Options::default()).await;
    (
        answer.head.cache,
        answer.value.description.clone().expect("it is there"),
    )
}

/// What is left, as the provider said last.
fn left(gateway: &Mosaic) -> Option<u64> {
    let instances = gateway.snapshot().instances;
    instances[0].rate_limits.first()?.remaining
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again_and_costs_no_quota() {
    let (provider, server) = Provider::start(By::WeakTag, false).await;
    let gateway = provider.gateway("github").await;
    let first = "version 1".to_owned();
    assert_eq!(repo(&gateway).await, (CacheStatus::Miss, first.clone()));
    assert_eq!(left(&gateway), Some(4999));
    for _ in 0..3 {
        assert_eq!(repo(&gateway).await, (CacheStatus::Revalidated, first.clone()));
        assert_eq!(left(&gateway), Some(4999));
    }
    let back = Some("W/\"v1\"".to_owned());
    assert_eq!(
        provider.conditions(),
        [None, back.clone(), back.clone(), back.clone()],
        "weak, and as it came"
    );
    let counted = gateway.metrics();
    assert!(
        counted.contains("mosaic_cache_revalidated_total{provider=\"forge\"} 3\n"),
        "{counted}"
    );

    provider.version.store(2, SeqCst);
    assert_eq!(repo(&gateway).await, (CacheStatus::Miss, "version 2".to_owned()));
    assert_eq!(repo(&gateway).await, (CacheStatus::Revalidated, "version 2".to_owned()));
    assert_eq!(provider.conditions(), [back, Some("W/\"v2\"".to_owned())]);

    // Who refuses the cache, or wants another form of the answer, gets all of it.
    let refusing = Options {
        no_cache: true,
        ..Options::default()
    };
    let raw = Options {
        include_raw: true,
        ..Options::default()
    };
    for options in [refusing, raw] {
        ask::<AgingRepo>(&gateway, json!({"repo": "acme/api"}), options).await;
    }
    assert_eq!(provider.conditions(), [None, None]);
    gateway.shutdown().await;
    server.abort();
}

#[tokio::test]
async fn a_time_will_do_and_what_tells_nothing_is_asked_nothing() {
    for (kind, by, condition) in [
        ("github", By::Time, Some(CHANGED)),
        ("github", By::Nothing, None),
        ("gitea", By::WeakTag, Some("W/\"v1\"")),
    ] {
        let (provider, server) = Provider::start(by, false).await;
        let gateway = provider.gateway(kind).await;
        let asked = async || repo(&gateway).await.0;
        let status = match condition {
            Some(_) => CacheStatus::Revalidated,
            None => CacheStatus::Miss,
        };
        assert_eq!((asked().await, asked().await), (CacheStatus::Miss, status), "{kind}");
        let conditions = provider.conditions();
        assert_eq!(conditions.last(), Some(&condition.map(str::to_owned)), "{kind}");
        gateway.shutdown().await;
        server.abort();
    }
}

#[tokio::test]
async fn a_page_is_asked_about_unless_another_may_have_come_behind_it() {
    for (has_next, status) in [(true, CacheStatus::Revalidated), (false, CacheStatus::Miss)] {
        let (provider, server) = Provider::start(By::WeakTag, has_next).await;
        let gateway = provider.gateway("github").await;
        let page = async || ask::<AgingBranches>(&gateway, json!({"repo": "acme/api"}), Options::default()).await;
        let first = page().await;
        let second = page().await;
        assert_eq!(second.head.cache, status);
        assert_eq!(second.value.items, first.value.items);
        assert_eq!(second.value.next_cursor.is_some(), has_next);
        gateway.shutdown().await;
        server.abort();
    }
}
