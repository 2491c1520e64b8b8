//! What a token may do: the scopes of Gitea's tokens, and which of them a route asks for.
//!
//! Invariant: who may write may read, and whoever may write everywhere may do all.

use std::collections::BTreeMap;
use std::fmt;

use http::Method;

/// What scopes are given for, in Gitea's order.
const CATEGORIES: &[&str] = &[
    "activitypub",
    "admin",
    "misc",
    "notification",
    "organization",
    "package",
    "issue",
    "repository",
    "user",
];

/// The scopes of one token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// By the place of the category in the list, whether it may write.
    levels: BTreeMap<usize, bool>,
    /// Private repositories stay hidden.
    pub public_only: bool,
}

impl Scope {
    /// Those that may do everything.
    pub fn all() -> Self {
        Self {
            levels: (0..CATEGORIES.len()).map(|place| (place, true)).collect(),
            public_only: false,
        }
    }

    /// The scopes of this list; the error is the word that is none.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let mut scope = Self::default();
        for word in words {
            match word.as_str() {
                "" => {}
                "all" => scope.levels = Self::all().levels,
                "public-only" => scope.public_only = true,
                _ => {
                    let (place, write) = level(word).ok_or_else(|| word.clone())?;
                    *scope.levels.entry(place).or_default() |= write;
                }
            }
        }
        Ok(scope)
    }

    /// Whether it opens nothing.
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// Whether all that the other may do is among what this one may.
    pub fn covers(&self, other: &Self) -> bool {
        let covers = |(place, write): (&usize, &bool)| self.levels.get(place).is_some_and(|own| *own || !write);
        other.levels.iter().all(covers)
    }

    /// As a list, in Gitea's order.
    pub fn words(&self) -> Vec<String> {
        let all = self.levels.len() == CATEGORIES.len() && self.levels.values().all(|write| *write);
        let named = self.levels.iter().map(|(place, write)| {
            let level = if *write { "write" } else { "read" };
            format!("{level}:{}", CATEGORIES[*place])
        });
        let public = self.public_only.then(|| "public-only".to_owned());
        public
            .into_iter()
            .chain(if all { vec!["all".to_owned()] } else { named.collect() })
            .collect()
    }

    /// What is missing for this request, in Gitea's words.
    pub fn missing(&self, method: &Method, path: &str) -> Option<String> {
        let write = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        let level = if write { "write" } else { "read" };
        let lacks = |category: &&&str| {
            let place = CATEGORIES.iter().position(|known| known == *category);
            !place
                .and_then(|place| self.levels.get(&place))
                .is_some_and(|own| *own || !write)
        };
        let missing = required(path).iter().find(lacks)?;
        Some(format!(
            "token does not have at least one of required scope(s), required=[{level}:{missing}], token scope={self}"
        ))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(","))
    }
}

/// The category of a scope, and whether it is to write.
fn level(word: &str) -> Option<(usize, bool)> {
    let (level, category) = word.split_once(':')?;
    let write = match level {
        "write" => true,
        "read" => false,
        _ => return None,
    };
    let place = CATEGORIES.iter().position(|known| *known == category)?;
    Some((place, write))
}

/// The categories that a path below the API asks for, one after the other.
fn required(path: &str) -> &'static [&'static str] {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["user", "repos"] | ["users", _, "repos"] => &["user", "repository"],
        ["user" | "users", ..] => &["user"],
        ["orgs", ..] => &["organization"],
        ["admin", ..] => &["admin"],
        ["repos", "issues", "search"] | ["repos", _, _, "issues" | "labels" | "milestones", ..] => &["issue"],
        ["repos" | "repositories", ..] => &["repository"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(words: &[&str]) -> Scope {
        let words: Vec<_> = words.iter().map(ToString::to_string).collect();
        Scope::parse(&words).unwrap()
    }

    #[test]
    fn each_route_asks_for_its_own_and_writing_includes_reading() {
        let reader = scope(&["read:repository", "write:issue"]);
        assert_eq!(reader.missing(&Method::GET, "/repos/a/b/branches"), None);
        assert_eq!(reader.missing(&Method::GET, "/repos/a/b/issues"), None);
        assert_eq!(reader.missing(&Method::POST, "/repos/a/b/issues/1/comments"), None);
        assert_eq!(reader.missing(&Method::POST, "/version"), None);
        let refused = reader.missing(&Method::DELETE, "/repos/a/b").unwrap();
        assert!(refused.ends_with("required=[write:repository], token scope=write:issue,read:repository"));
        let refused = reader.missing(&Method::POST, "/user/repos").unwrap();
        assert!(refused.contains("required=[write:user]"), "{refused}");
        let refused = scope(&["write:user"]).missing(&Method::POST, "/user/repos").unwrap();
        assert!(refused.contains("required=[write:repository]"), "{refused}");
    }

    #[test]
    fn scopes_are_put_in_order_and_all_of_them_are_all() {
        let both = scope(&["read:user", "write:user", "read:issue", "public-only"]);
        assert_eq!(both.to_string(), "public-only,read:issue,write:user");
        assert_eq!(
            (scope(&["all"]), Scope::all().to_string()),
            (Scope::all(), "all".to_owned())
        );
        assert!(Scope::all().covers(&both) && !both.covers(&Scope::all()));
        let unknown = ["write:nothing".to_owned()];
        assert_eq!(Scope::parse(&unknown), Err("write:nothing".to_owned()));
        assert!(scope(&[]).is_empty());
    }
}
