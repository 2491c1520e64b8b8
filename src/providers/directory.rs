//! People, by the names that callers know them by, as they are called at one instance.
//!
//! Invariant: a name that is not in the directory is the account's own, and a caller is not blamed for an account that the
//! directory names.

use std::collections::BTreeMap;
use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind, Source};
use serde::Serialize;
use serde_json::Value;

use crate::catalogue::fields::PersonRef;

/// The fields that name people, and what a failure of a name in the directory is on.
const FIELDS: [&str; 3] = ["assignees", "assignee", DIRECTORY];
/// The table of the configuration.
pub const DIRECTORY: &str = "directory";

/// The part of the directory that is about one instance: who is which account there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory(BTreeMap<String, String>);

impl Directory {
    /// The account that is meant by a name.
    pub fn account<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }

    /// The accounts that are meant, each once.
    pub fn accounts<'a>(&'a self, names: &'a [PersonRef]) -> Vec<&'a str> {
        let mut accounts: Vec<&str> = Vec::with_capacity(names.len());
        for account in names.iter().map(|name| self.account(name)) {
            if !accounts.iter().any(|known| known.eq_ignore_ascii_case(account)) {
                accounts.push(account);
            }
        }
        accounts
    }

    /// Who is which account.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, account)| (name.as_str(), account.as_str()))
    }

    /// The failure, where it is of an account that the directory names: that is whose the configuration is to correct.
    pub fn blamed(&self, failure: Failure, input: &impl Serialize, instance: &str) -> Failure {
        let of_people = failure.field.as_deref().is_some_and(|field| FIELDS.contains(&field));
        if self.0.is_empty() || !of_people || !matches!(failure.kind, Kind::InvalidInput | Kind::NotFound) {
            return failure;
        }
        let Some((name, account)) = self.culprit(&failure, input) else {
            return failure;
        };
        let mut failure = failure.also(&format!("the directory says that {name} is {account} at {instance}"));
        (failure.kind, failure.source, failure.retryable) = (Kind::PreconditionFailed, Source::Gateway, false);
        failure.field = Some(Arc::from(format!("{DIRECTORY}.{name}.{instance}")));
        failure
    }

    /// Whom the directory names another than the caller does: whose account the failure tells of, or the only one that can
    /// be meant.
    fn culprit(&self, failure: &Failure, input: &impl Serialize) -> Option<(&str, &str)> {
        let input = serde_json::to_value(input).ok()?;
        let one = input["assignee"].as_str();
        let given: Vec<&str> = input["assignees"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .chain(one)
            .collect();
        let mapped: Vec<(&str, &str)> = given
            .iter()
            .filter_map(|name| self.0.get_key_value(*name))
            .map(|(name, account)| (name.as_str(), account.as_str()))
            .filter(|(name, account)| name != account)
            .collect();
        let is_told = |account: &str| {
            let words = failure
                .message()
                .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':'));
            words.into_iter().any(|word| word.eq_ignore_ascii_case(account))
        };
        let told = mapped.iter().find(|(_, account)| is_told(account));
        told.or_else(|| mapped.first().filter(|_| mapped.len() == given.len()))
            .copied()
    }
}

/// What a look for an account tells: that it is there, or is not.
///
/// # Errors
/// What kept it from being looked for.
pub fn there<T>(looked: Result<T, Failure>) -> Result<bool, Failure> {
    match looked {
        Ok(_) => Ok(true),
        Err(failure) if matches!(failure.kind, Kind::NotFound | Kind::InvalidInput) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// What is wrong with an account of the directory that is not there.
pub fn unknown(name: &str, account: &str, instance: &str) -> Failure {
    let place = format!("{DIRECTORY}.{name}.{instance}");
    Failure::invalid(
        &place,
        format!("{place}: nobody has the account {account} there, as far as our credential sees"),
    )
}

impl FromIterator<(String, String)> for Directory {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(pairs: T) -> Self {
        Directory(pairs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_of_the_directory_is_not_the_callers_fault() {
        let directory =
            Directory::from_iter([("ada", "ada-l"), ("eve", "eve-x")].map(|(a, b)| (a.to_owned(), b.to_owned())));
        let blamed = |field: &str, sentence: &str, names: &[&str]| {
            let failure = directory.blamed(
                Failure::invalid(field, sentence),
                &serde_json::json!({ "assignees": names }),
                "forge-a",
            );
            (
                failure.kind,
                failure.source,
                failure.field.map(|field| field.to_string()),
            )
        };
        let ours = |name: &str| {
            (
                Kind::PreconditionFailed,
                Source::Gateway,
                Some(format!("directory.{name}.forge-a")),
            )
        };
        let theirs = |field: &str| (Kind::InvalidInput, Source::Caller, Some(field.to_owned()));
        let strange = "assignees names eve-x, who has no account there";
        assert_eq!(blamed("assignees", strange, &["ada", "eve", "bob"]), ours("eve"));
        assert_eq!(blamed("assignees", "somebody has no account", &["ada"]), ours("ada"));
        assert_eq!(blamed("directory", "directory must be ids", &["ada"]), ours("ada"));
        // Bob may be meant, who is called so by the caller.
        assert_eq!(
            blamed("assignees", "somebody has no account", &["ada", "bob"]),
            theirs("assignees")
        );
        assert_eq!(blamed("assignees", "bob has no account", &["bob"]), theirs("assignees"));
        assert_eq!(blamed("title", "title is too long", &["ada"]), theirs("title"));
        let failure = directory.blamed(
            Failure::invalid("assignees", strange),
            &serde_json::json!({"assignees": ["eve"]}),
            "forge-a",
        );
        assert!(
            failure
                .message()
                .ends_with("; the directory says that eve is eve-x at forge-a"),
            "{failure}"
        );
    }

    #[test]
    fn a_name_stands_for_an_account_and_any_other_for_itself() {
        let directory = Directory::from_iter([("ada".to_owned(), "ada-l".to_owned())]);
        assert_eq!((directory.account("ada"), directory.account("bob")), ("ada-l", "bob"));
        let names = ["ada", "bob", "Ada-L", "ada"].map(PersonRef::from);
        assert_eq!(directory.accounts(&names), ["ada-l", "bob"]);
        // Names are told apart by case, accounts are not.
        assert_eq!(directory.account("Ada"), "Ada");
    }
}
