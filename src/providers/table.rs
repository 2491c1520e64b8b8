//! Kinds of providers: a driver as a table of typed handlers.
//!
//! Invariant: what a kind can do is what its driver has handlers for, and what an instance can do is no more.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use http::Method;
use jiff::Timestamp;
use mosaic_actors::call::{Answer, Call, Operation};
use mosaic_actors::driver::{BoxFuture, Capabilities, Credential, Driver};
use mosaic_actors::error::{self, Failure};
use mosaic_actors::rate_limit::RateLimit;
use serde::Serialize;
use tokio::time::{Instant, timeout, timeout_at};

use super::connection::Connection;
use super::directory::{self, Directory};
use super::handlers::{Handler, Handlers, Seal};
use super::http::credential::CredentialStanding;
use super::http::quota::Quota;
use super::http::{Accepts, Dialect, Header, Passing, Setting};
use super::models::Book;
use super::webhooks::Webhooks;
use crate::catalogue::proxy;

/// The most accounts of the directory that are looked for in one look at an instance; of more it is told.
const MOST_PEOPLE: usize = 200;
/// So many of them are looked for side by side.
const ABREAST: usize = 5;
/// How long each half of a look at an instance may take, its settings and its accounts: less than whoever looks waits, so that
/// one half's findings are not lost for the other.
const LOOKED: Duration = Duration::from_secs(8);

/// A provider's driver, typed. [`connect`] makes the engine's object of it.
pub trait Provider: Send + Sync + Sized + 'static {
    /// Makes the driver of one instance. Sends nothing.
    ///
    /// # Errors
    /// `invalid_input` naming the setting at fault.
    fn connect(connection: &Connection) -> Result<Self, Failure>;

    /// What it can do.
    fn handlers() -> Handlers<Self>;

    /// How requests are passed through to it as they are; `None`: none are.
    fn passing() -> Option<Passing<Self>> {
        None
    }

    /// The credentials that it takes: a token in `Authorization: Bearer …`, unless it says otherwise.
    fn accepts() -> &'static [Accepts] {
        &[Accepts::Token(Header::BEARER)]
    }

    /// What `[providers.NAME.settings]` may hold, for people.
    fn settings() -> &'static [Setting] {
        &[]
    }

    /// How its kind differs from others on the wire; none where that is no other's business.
    fn dialect() -> Option<&'static Dialect> {
        None
    }

    /// What is known of the models that it offers; none where it offers none.
    fn book(&self) -> Option<&Book> {
        None
    }

    /// What of its settings does not fit what is at the provider, for people who look at it.
    ///
    /// # Errors
    /// What a call would fail with.
    fn examined(&self) -> impl Future<Output = Result<Vec<Failure>, Failure>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// Whether an account that the directory names is there, as far as the credential shows it.
    ///
    /// # Errors
    /// What a call would fail with.
    fn has_account(&self, _account: &str) -> impl Future<Output = Result<bool, Failure>> + Send {
        std::future::ready(Ok(true))
    }

    /// How what it sends by itself is proven and read; none where it sends nothing.
    fn webhooks() -> Option<&'static Webhooks> {
        None
    }

    /// What its tokens begin with, and what such a token is; a longer beginning stands before one that it begins with.
    fn tokens() -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// What the provider tells of our credential beside its [`Provider::health`], for people who look at it.
    ///
    /// # Errors
    /// What a call would fail with.
    fn standing(&self) -> impl Future<Output = Result<CredentialStanding, Failure>> + Send {
        std::future::ready(Ok(CredentialStanding::default()))
    }

    /// What must be asked before the first call; the start timeout of its actor bounds it.
    ///
    /// # Errors
    /// What a call would fail with.
    fn begin(self) -> impl Future<Output = Result<Self, Failure>> + Send {
        std::future::ready(Ok(self))
    }

    /// The names of the operations that this instance cannot do though its kind can: its server's version lacks them, as
    /// [`Provider::begin`] found.
    fn lacks(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The names of what it offers and is asked for by name, such as models; `None` where it cannot tell.
    ///
    /// # Errors
    /// What a call would fail with.
    fn offers(&self) -> impl Future<Output = Result<Option<Vec<Arc<str>>>, Failure>> + Send {
        std::future::ready(Ok(None))
    }

    /// The failure of a call, with what more can be learned of it by reading: where the provider's own words say too little.
    fn explained(&self, _call: &Call, failure: Failure) -> impl Future<Output = Failure> + Send {
        std::future::ready(failure)
    }

    /// Asks the provider, cheaply, whether it is there and takes our credential; where it is there, tells what that proves
    /// of the credential.
    fn health(&self) -> impl Future<Output = Result<Credential, Failure>> + Send;
}

/// Where the API of a kind mostly is, as people are told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Base {
    /// At the vendor's own: what holds where `base_url` is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<&'static str>,
    /// At a server of one's own, which may be below a path.
    pub own: String,
}

/// A driver, or what keeps it from being made.
pub type Made = Result<Arc<dyn Driver>, Failure>;

/// What of an instance's settings does not fit what is there, or what keeps that from being looked at.
pub type Examined = Result<Vec<Failure>, Failure>;

/// One kind of provider.
#[derive(Clone, Copy)]
pub struct Kind {
    /// As written in the configuration.
    pub name: &'static str,
    /// The names of the operations that it can do at most, in order.
    pub operations: fn() -> Vec<&'static str>,
    /// The names of those of them that its provider has nothing of the kind for, in order.
    pub emulated: fn() -> Vec<&'static str>,
    /// The names of the operations by which requests are passed through to it.
    pub passed: fn() -> Vec<&'static str>,
    /// Which of those a request is, by its method and its path below the instance.
    pub asked: fn(&Method, &str) -> &'static Operation,
    /// The credentials that it takes.
    pub accepts: fn() -> &'static [Accepts],
    /// What its `settings` may hold.
    pub settings: fn() -> &'static [Setting],
    /// How it differs from others on the wire, where that is told.
    pub dialect: fn() -> Option<&'static Dialect>,
    /// How what it sends by itself is proven and read.
    pub webhooks: fn() -> Option<&'static Webhooks>,
    /// The list of models that is known of an instance's; `None` of a kind that offers none.
    pub list: fn(&Connection) -> Option<Option<Arc<str>>>,
    /// Asks what of an instance's settings does not fit what is there: each failure names its place. One that names none, or
    /// the directory alone, tells of what could not be looked at.
    pub examined: fn(&Connection) -> BoxFuture<Examined>,
    /// Asks what is known of a connection's credential.
    pub standing: fn(&Connection) -> BoxFuture<Result<CredentialStanding, Failure>>,
    /// Makes a driver for one instance, and sends nothing.
    pub connect: fn(&Connection) -> Made,
    /// Makes one that is ready to be called; it may ask its server first.
    pub start: fn(&Connection) -> BoxFuture<Made>,
}

impl Kind {
    /// The kind of a [`Provider`].
    pub const fn of<D: Provider>(name: &'static str) -> Self {
        Kind {
            name,
            operations: || D::handlers().names(),
            emulated: || D::handlers().emulated(),
            passed: || D::passing().map(|passing| passing.operations()).unwrap_or_default(),
            asked: |method, path| match D::passing() {
                Some(passing) => passing.facts.operation(method, path),
                None => proxy::by_method(method),
            },
            accepts: D::accepts,
            settings: D::settings,
            dialect: D::dialect,
            webhooks: D::webhooks,
            list: |connection| D::connect(connection).ok()?.book().map(Book::list),
            examined: |connection| {
                let connection = connection.clone();
                Box::pin(async move {
                    let driver = D::connect(&connection)?;
                    let people = strangers(&driver, &connection.directory, &connection.instance);
                    let (settings, people) = join(timeout(LOOKED, driver.examined()), people).await;
                    let settings = settings.unwrap_or_else(|_| Err(late()));
                    match settings {
                        Err(failure) if people.is_empty() => Err(failure),
                        // What was found stands beside what was not looked at.
                        Err(mut failure) => {
                            failure.field = None;
                            Ok([vec![failure], people].concat())
                        }
                        Ok(settings) => Ok([settings, people].concat()),
                    }
                })
            },
            standing: |connection| {
                let connection = connection.clone();
                Box::pin(async move {
                    let what = connection
                        .credential
                        .as_ref()
                        .and_then(|given| given.called(D::tokens()));
                    let mut known = D::connect(&connection)?.standing().await?;
                    known.cannot.sort_unstable();
                    Ok(CredentialStanding { what, ..known })
                })
            },
            connect: |connection| Ok(driver(D::connect(connection)?, connection)),
            start: |connection| {
                let connection = connection.clone();
                Box::pin(async move { Ok(driver(D::connect(&connection)?.begin().await?, &connection)) })
            },
        }
    }
}

/// The accounts of the directory that are not there; the last failure tells of those that were not looked for.
async fn strangers<D: Provider>(driver: &D, directory: &Directory, instance: &str) -> Vec<Failure> {
    let owned = |(name, account): (&str, &str)| (name.to_owned(), account.to_owned());
    let all: Vec<(String, String)> = directory.iter().map(owned).collect();
    let ends = Instant::now() + LOOKED;
    let (mut wrong, mut looked, mut why) = (vec![], 0, None);
    for some in all[..all.len().min(MOST_PEOPLE)].chunks(ABREAST) {
        let looks = join_all(some.iter().map(|(_, account)| driver.has_account(account)));
        let Ok(there) = timeout_at(ends, looks).await else {
            why = Some(late());
            break;
        };
        let before = looked;
        for ((name, account), there) in some.iter().zip(there) {
            match there {
                Ok(true) => looked += 1,
                Ok(false) => {
                    looked += 1;
                    wrong.push(directory::unknown(name, account, instance));
                }
                Err(failure) => why = Some(failure),
            }
        }
        // Where none could be looked for, neither will the others be.
        if looked == before {
            break;
        }
    }
    let left = all.len() - looked;
    if left > 0 {
        let why = why.unwrap_or_else(|| {
            let sentence = format!("no more than {MOST_PEOPLE} are, at one look");
            Failure::new(error::Kind::Unsupported, sentence)
        });
        wrong.push(directory::not_looked_for(left, all.len(), why));
    }
    wrong
}

fn late() -> Failure {
    Failure::new(
        error::Kind::Timeout,
        format!("the provider did not answer within {LOOKED:?}"),
    )
}

impl Kind {
    /// The services that it has a part in, in order: the first words of its operations' names.
    pub fn services(&self) -> BTreeSet<&'static str> {
        let names = (self.operations)().into_iter();
        names.filter_map(|name| Some(name.split_once('.')?.0)).collect()
    }

    /// Where its API mostly is, where that is told.
    pub fn base(&self) -> Option<Base> {
        let dialect = (self.dialect)()?;
        Some(Base {
            vendor: dialect.cloud,
            own: format!("https://HOST{}", dialect.api_path),
        })
    }
}

struct TableDriver<D> {
    driver: Arc<D>,
    rows: HashMap<&'static str, (Handler<D>, Seal)>,
    /// Less than its kind can; `None`: as much.
    narrowed: Option<Capabilities>,
    scope: Option<u64>,
    quota: Arc<Quota>,
}

fn driver<D: Provider>(driver: D, connection: &Connection) -> Arc<dyn Driver> {
    let lacks = driver.lacks();
    let driver = Arc::new(driver);
    let looking = driver.clone();
    let seal = Seal {
        instance: connection.instance.clone(),
        cursors: connection.cursors.clone(),
        emulated: false,
        directory: connection.directory.clone(),
        looks: Arc::new(move |account: &str| {
            let (driver, account) = (looking.clone(), account.to_owned());
            Box::pin(async move { driver.has_account(&account).await })
        }),
    };
    let mut rows = D::handlers().into_rows(&seal);
    if let Some(passing) = D::passing() {
        let passed = passing.operations().into_iter();
        rows.extend(passed.map(|name| (name, (through(passing), seal.clone()))));
    }
    rows.retain(|name, _| !lacks.contains(name));
    let able = || Capabilities::of(&connection.operations, rows.keys().copied());
    Arc::new(TableDriver {
        narrowed: (!lacks.is_empty()).then(able),
        driver,
        rows,
        scope: connection.scope,
        quota: connection.quota.clone(),
    })
}

/// Passes what is asked through.
fn through<D: Provider>(passing: Passing<D>) -> Handler<D> {
    Box::new(move |driver, call, _| {
        Box::pin(async move { (passing.endpoint)(&driver).pass(&call, passing.facts).await })
    })
}

impl<D: Provider> Driver for TableDriver<D> {
    fn call(self: Arc<Self>, call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        match self.rows.get(call.operation.name) {
            Some((handler, seal)) => {
                let handled = handler(self.driver.clone(), call.clone(), seal.clone());
                Box::pin(async move {
                    match handled.await {
                        Err(failure) => Err(self.driver.explained(&call, failure).await),
                        answer => answer,
                    }
                })
            }
            None => Box::pin(async move {
                let sentence = format!("{} cannot be done by this provider", call.operation.name);
                Err(Failure::new(error::Kind::Unsupported, sentence).never_sent())
            }),
        }
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(async move { self.driver.health().await })
    }

    fn offers(self: Arc<Self>) -> BoxFuture<Result<Option<Vec<Arc<str>>>, Failure>> {
        Box::pin(async move { self.driver.offers().await })
    }

    fn is_scarce(&self) -> bool {
        self.quota.is_scarce(Timestamp::now())
    }

    fn rate_limits(&self) -> Vec<RateLimit> {
        self.quota.limits(Timestamp::now())
    }

    fn paced_by(&self) -> Option<Arc<str>> {
        self.quota.only_resource(Timestamp::now())
    }

    fn capabilities(&self) -> Option<Capabilities> {
        self.narrowed.clone()
    }

    fn credential_scope(&self) -> Option<u64> {
        self.scope
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::catalogue::git::{RepoGet, RepoList};
    use crate::providers::http::endpoint::tests::connection;

    /// A server whose version is found at the start.
    struct Old(bool);

    impl Provider for Old {
        fn connect(_connection: &Connection) -> Result<Self, Failure> {
            Ok(Old(false))
        }

        fn handlers() -> Handlers<Self> {
            let refused = || Failure::new(error::Kind::NotFound, "as told").never_sent();
            Handlers::new()
                .on::<RepoGet, _, _>(move |_, _| async move { Err(refused()) })
                .on::<RepoList, _, _>(move |_, _| async move { Err(refused()) })
        }

        async fn begin(self) -> Result<Self, Failure> {
            Ok(Old(true))
        }

        fn lacks(&self) -> Vec<&'static str> {
            if self.0 { vec!["git.repo.list"] } else { vec![] }
        }

        async fn health(&self) -> Result<Credential, Failure> {
            Ok(Credential::Unproven)
        }
    }

    #[tokio::test]
    async fn an_instance_is_narrowed_by_what_its_server_lacks() {
        static OLD: Kind = Kind::of::<Old>("old");
        let connection = connection(Some("http://localhost:1"));
        assert_eq!((OLD.operations)(), ["git.repo.get", "git.repo.list"]);
        assert!((OLD.connect)(&connection).unwrap().capabilities().is_none());
        let begun = (OLD.start)(&connection).await.unwrap();
        let able = begun.capabilities().expect("it is narrowed");
        let operations = Catalogue::built_in().operations().clone();
        assert_eq!(able.names(&operations), ["git.repo.get"]);
    }

    /// Whose settings cannot be looked at, and who knows one account.
    struct Staffed;

    impl Provider for Staffed {
        fn connect(_connection: &Connection) -> Result<Self, Failure> {
            Ok(Staffed)
        }

        fn handlers() -> Handlers<Self> {
            Handlers::new()
        }

        async fn examined(&self) -> Result<Vec<Failure>, Failure> {
            Err(Failure::new(error::Kind::Forbidden, "settings are not shown"))
        }

        async fn has_account(&self, account: &str) -> Result<bool, Failure> {
            match account {
                "hidden" => Err(Failure::new(error::Kind::Forbidden, "accounts are not shown")),
                account => Ok(account == "there"),
            }
        }

        async fn health(&self) -> Result<Credential, Failure> {
            Ok(Credential::Unproven)
        }
    }

    async fn examined(people: impl IntoIterator<Item = (String, &'static str)>) -> Vec<String> {
        static STAFFED: Kind = Kind::of::<Staffed>("staffed");
        let mut connection = connection(Some("http://localhost:1"));
        let people = people.into_iter().map(|(name, account)| (name, account.to_owned()));
        connection.directory = Arc::new(people.collect());
        let wrong = (STAFFED.examined)(&connection).await.expect("something is found");
        wrong.iter().map(|failure| failure.message().to_owned()).collect()
    }

    #[tokio::test]
    async fn what_is_found_is_told_beside_what_cannot_be_looked_at() {
        let people = [("ada", "there"), ("bob", "hidden"), ("eve", "gone"), ("joe", "gone")];
        let found = examined(people.map(|(name, account)| (name.to_owned(), account))).await;
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!(found[0], "settings are not shown");
        assert!(
            found[1].starts_with("directory.eve.") && found[2].starts_with("directory.joe."),
            "{found:?}"
        );
        assert!(
            found[3].ends_with("1 of its 4 accounts were not looked for: accounts are not shown"),
            "{found:?}"
        );
    }

    #[tokio::test]
    async fn accounts_that_are_too_many_to_be_looked_for_are_counted() {
        let found = examined((0..MOST_PEOPLE + 3).map(|at| (format!("p{at:04}"), "there"))).await;
        let told = found.last().expect("it is told");
        assert!(told.contains("3 of its 203 accounts were not looked for"), "{found:?}");
    }
}
