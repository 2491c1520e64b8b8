//! What of an instance does not fit what is there, for people who look at it.
//!
//! Invariant: a look has a bound in time and in requests, and what it did not come to is told.

use std::time::Duration;

use futures_util::future::{join, join_all};
use mosaic_actors::error::{Failure, Kind};
use tokio::time::{Instant, timeout, timeout_at};

use super::provider::Provider;
use crate::providers::connection::Connection;
use crate::providers::directory::{self, Directory};

/// The most accounts of the directory that are looked for in one look at an instance; of more it is told.
const MOST_PEOPLE: usize = 200;
/// So many of them are looked for side by side.
const ABREAST: usize = 5;
/// How long each half of a look at an instance may take, its settings and its accounts: less than whoever looks waits, so that
/// one half's findings are not lost for the other.
const LOOKED: Duration = Duration::from_secs(8);

/// What of an instance's settings does not fit what is there, or what keeps that from being looked at.
pub type Examined = Result<Vec<Failure>, Failure>;

/// What of an instance's settings does not fit what is there, and which accounts of the directory are not.
///
/// # Errors
/// What keeps its settings from being looked at, where nothing else is found.
pub(super) async fn examined<D: Provider>(connection: Connection) -> Examined {
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
            Failure::new(Kind::Unsupported, sentence)
        });
        wrong.push(directory::not_looked_for(left, all.len(), why));
    }
    wrong
}

fn late() -> Failure {
    Failure::new(Kind::Timeout, format!("the provider did not answer within {LOOKED:?}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mosaic_actors::driver::Credential;

    use super::*;
    use crate::providers::handlers::Handlers;
    use crate::providers::http::endpoint::tests::connection;

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
            Err(Failure::new(Kind::Forbidden, "settings are not shown"))
        }

        async fn has_account(&self, account: &str) -> Result<bool, Failure> {
            match account {
                "hidden" => Err(Failure::new(Kind::Forbidden, "accounts are not shown")),
                account => Ok(account == "there"),
            }
        }

        async fn health(&self) -> Result<Credential, Failure> {
            Ok(Credential::Unproven)
        }
    }

    async fn examined(people: impl IntoIterator<Item = (String, &'static str)>) -> Vec<String> {
        let mut connection = connection(Some("http://localhost:1"));
        let people = people.into_iter().map(|(name, account)| (name, account.to_owned()));
        connection.directory = Arc::new(people.collect());
        let wrong = super::examined::<Staffed>(connection)
            .await
            .expect("something is found");
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
