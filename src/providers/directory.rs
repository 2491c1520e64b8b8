//! People, by the names that callers know them by, as they are called at one instance.
//!
//! Invariant: a name that is not in the directory is the account's own.

use std::collections::BTreeMap;

use crate::catalogue::fields::PersonRef;

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
    fn a_name_stands_for_an_account_and_any_other_for_itself() {
        let directory = Directory::from_iter([("ada".to_owned(), "ada-l".to_owned())]);
        assert_eq!((directory.account("ada"), directory.account("bob")), ("ada-l", "bob"));
        let names = ["ada", "bob", "Ada-L", "ada"].map(PersonRef::from);
        assert_eq!(directory.accounts(&names), ["ada-l", "bob"]);
        // Names are told apart by case, accounts are not.
        assert_eq!(directory.account("Ada"), "Ada");
    }
}
