//! People, by the names that callers know them by, as they are called at one instance.
//!
//! Invariant: a name that is not in the directory is the account's own, and a caller is not blamed for an account that the
//! directory names and nobody has.

use std::collections::BTreeMap;
use std::sync::Arc;

use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind, Source};
use serde::Serialize;
use serde_json::Value;

use crate::catalogue::fields::PersonRef;

/// The fields that name people, and what a failure of a name in the directory is on.
const FIELDS: [&str; 3] = ["assignees", "assignee", DIRECTORY];
/// Looks whether an account is there, as far as our credential sees.
pub type Looks = Arc<dyn Fn(&str) -> BoxFuture<Result<bool, Failure>> + Send + Sync>;
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

    /// Whom a failure may be of: who is called otherwise by the caller than at the instance, and the account. They are those
    /// whose accounts it tells of, or all of them where it tells of none.
    pub fn suspects(&self, failure: &Failure, input: &impl Serialize) -> Vec<(&str, &str)> {
        let of_people = failure.field.as_deref().is_some_and(|field| FIELDS.contains(&field));
        if self.0.is_empty() || !of_people || !matches!(failure.kind, Kind::InvalidInput | Kind::NotFound) {
            return vec![];
        }
        let Ok(input) = serde_json::to_value(input) else {
            return vec![];
        };
        let given = input["assignees"].as_array().into_iter().flatten();
        let given = given.chain([&input["assignee"]]).filter_map(Value::as_str);
        let mut mapped: Vec<(&str, &str)> = given
            .filter_map(|name| self.0.get_key_value(name))
            .map(|(name, account)| (name.as_str(), account.as_str()))
            .filter(|(name, account)| name != account)
            .collect();
        let is_told = |account: &str| {
            let words = failure
                .message()
                .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':'));
            words.into_iter().any(|word| word.eq_ignore_ascii_case(account))
        };
        if mapped.iter().any(|(_, account)| is_told(account)) {
            mapped.retain(|(_, account)| is_told(account));
        }
        mapped
    }

    /// Whether somebody is called otherwise by callers than by this account.
    pub fn leads_to(&self, account: &str) -> bool {
        self.iter().any(|(name, own)| own == account && name != own)
    }
}

/// The failure of an account that the directory names and nobody has: the configuration is to be corrected.
pub fn blamed(failure: Failure, (name, account): (&str, &str), instance: &str) -> Failure {
    let mut failure = failure.also(&format!("the directory says that {name} is {account} at {instance}"));
    (failure.kind, failure.source, failure.retryable) = (Kind::PreconditionFailed, Source::Gateway, false);
    failure.field = Some(Arc::from(format!("{DIRECTORY}.{name}.{instance}")));
    failure
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

/// That some accounts of the directory were not looked for, and why.
pub fn not_looked_for(left: usize, all: usize, why: Failure) -> Failure {
    let sentence = format!(
        "{DIRECTORY}: {left} of its {all} accounts were not looked for: {}",
        why.message()
    );
    let mut failure = why.saying(sentence);
    failure.field = Some(Arc::from(DIRECTORY));
    failure
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
    fn whom_a_failure_may_be_of_is_told_by_it_or_is_anybody_mapped() {
        let pairs = [("ada", "ada-l"), ("eve", "eve-x"), ("joe", "joe")];
        let directory = Directory::from_iter(pairs.map(|(name, account)| (name.to_owned(), account.to_owned())));
        let suspects = |field: &str, sentence: &str, names: &[&str]| {
            let failure = Failure::invalid(field, sentence);
            let input = serde_json::json!({ "assignees": names });
            let suspects = directory.suspects(&failure, &input).into_iter();
            suspects.map(|(name, _)| name.to_owned()).collect::<Vec<String>>()
        };
        let strange = "assignees names eve-x, who has no account there";
        assert_eq!(suspects("assignees", strange, &["ada", "eve", "bob"]), ["eve"]);
        assert_eq!(
            suspects("assignees", "somebody has none", &["ada", "bob", "joe"]),
            ["ada"]
        );
        assert_eq!(
            suspects("directory", "directory must be ids", &["ada", "eve"]),
            ["ada", "eve"]
        );
        for (field, sentence, name) in [
            ("assignees", "bob has no account", "bob"),
            ("assignees", "joe has no account", "joe"),
            ("title", "title is too long", "ada"),
        ] {
            assert!(suspects(field, sentence, &[name]).is_empty(), "{sentence}");
        }
        let forbidden = Failure::new(Kind::Forbidden, strange);
        assert!(
            directory
                .suspects(&forbidden, &serde_json::json!({"assignee": "eve"}))
                .is_empty()
        );
        assert!(directory.leads_to("eve-x") && !directory.leads_to("joe") && !directory.leads_to("bob"));
    }

    #[test]
    fn an_account_of_the_directory_is_not_the_callers_fault() {
        let strange = "assignees names eve-x, who has no account there";
        let failure = blamed(Failure::invalid("assignees", strange), ("eve", "eve-x"), "forge-a");
        assert_eq!(
            (failure.kind, failure.source),
            (Kind::PreconditionFailed, Source::Gateway)
        );
        assert_eq!(failure.field.as_deref(), Some("directory.eve.forge-a"));
        let told = failure.message();
        assert!(
            told.ends_with("; the directory says that eve is eve-x at forge-a"),
            "{told}"
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
