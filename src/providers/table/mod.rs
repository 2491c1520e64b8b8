//! Kinds of providers: a driver as a table of typed handlers.
//!
//! Invariant: what a kind can do is what its driver has handlers for, and what an instance can do is no more.

mod look;
mod provider;
mod rows;

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Method;
use mosaic_actors::call::Operation;
use mosaic_actors::driver::{BoxFuture, Driver};
use mosaic_actors::error::Failure;
use serde::Serialize;

use super::connection::Connection;
use super::http::credential::CredentialStanding;
use super::http::{Accepts, Dialect, Setting};
use super::models::Book;
use super::webhooks::Webhooks;
use crate::catalogue::proxy;

pub use look::Examined;
pub use provider::Provider;

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
                Box::pin(look::examined::<D>(connection))
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
            connect: |connection| Ok(rows::driver(D::connect(connection)?, connection)),
            start: |connection| {
                let connection = connection.clone();
                Box::pin(async move { Ok(rows::driver(D::connect(&connection)?.begin().await?, &connection)) })
            },
        }
    }
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

#[cfg(test)]
mod tests {
    use mosaic_actors::driver::Credential;
    use mosaic_actors::error;

    use super::*;
    use crate::catalogue::Catalogue;
    use crate::catalogue::git::{RepoGet, RepoList};
    use crate::providers::handlers::Handlers;
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
}
