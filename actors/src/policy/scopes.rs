//! What a caller was granted, within what its tenant may.
//!
//! Invariant: what no scope names is not granted. No name means anything here: a scope's subject is compared with names.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The subject that stands for every operation.
pub const EVERYTHING: &str = "*";

/// The most bytes of a scope.
const LONGEST: usize = 128;

/// What is done, as far as a grant tells it apart. None includes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It changes nothing, and costs nothing.
    Read,
    /// It changes something, or costs money.
    Write,
    /// It removes something.
    Destructive,
}

impl Action {
    /// Its word in a scope.
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Read => "read",
            Action::Write => "write",
            Action::Destructive => "destructive",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let all = [Action::Read, Action::Write, Action::Destructive];
        all.into_iter().find(|action| action.as_str() == word)
    }
}

/// A text that is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a scope: *, or how operations' names begin, alone or with :read, :write or :destructive behind it")]
pub struct NotAScope;

/// One thing that is granted: a subject and an action, `git.repo:write`; without an action, all of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    subject: Arc<str>,
    action: Option<Action>,
}

impl Scope {
    /// Parses `SUBJECT` or `SUBJECT:ACTION`. A subject is `*`, or words of small letters, digits and `_` with dots between.
    ///
    /// # Errors
    /// [`NotAScope`].
    pub fn parse(text: &str) -> Result<Self, NotAScope> {
        let (subject, action) = match text.split_once(':') {
            Some((subject, word)) => (subject, Some(Action::parse(word).ok_or(NotAScope)?)),
            None => (text, None),
        };
        let in_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let is_word = |word: &str| !word.is_empty() && word.chars().all(in_word);
        if text.len() > LONGEST || !(subject == EVERYTHING || subject.split('.').all(is_word)) {
            return Err(NotAScope);
        }
        Ok(Scope {
            subject: subject.into(),
            action,
        })
    }

    /// What it is about.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What it grants; absent: every action.
    pub fn action(&self) -> Option<Action> {
        self.action
    }

    fn grants(&self, action: Action) -> bool {
        self.action.is_none_or(|granted| granted == action)
    }

    /// Whether its subject is `name`, or some of its first words, or everything.
    fn covers(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&*self.subject);
        *self.subject == *EVERYTHING || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.action {
            Some(action) => write!(f, "{}:{}", self.subject, action.as_str()),
            None => f.write_str(&self.subject),
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = NotAScope;

    fn try_from(text: String) -> Result<Self, NotAScope> {
        Scope::parse(&text)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

/// All that a caller was granted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(Box<[Scope]>);

impl Scopes {
    /// Whether `action` is granted on what is called `name`, as operations are called.
    pub fn allow(&self, name: &str, action: Action) -> bool {
        self.0.iter().any(|scope| scope.grants(action) && scope.covers(name))
    }

    /// Whether `action` is granted on `subject` by its own name: `*`, which is every operation, does not.
    pub fn name(&self, subject: &str, action: Action) -> bool {
        self.0
            .iter()
            .any(|scope| scope.grants(action) && *scope.subject == *subject)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Scopes(scopes.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scopes(texts: &[&str]) -> Scopes {
        texts.iter().map(|text| Scope::parse(text).expect("a scope")).collect()
    }

    #[test]
    fn a_scope_grants_its_action_on_its_subject_and_what_is_below_it() {
        let granted = scopes(&["t:read", "t.repo:write", "u.a"]);
        for (name, action, is) in [
            ("t.repo.get", Action::Read, true),
            ("t.repo.get", Action::Write, true),
            ("t.repository.get", Action::Write, false),
            ("t.other.set", Action::Write, false),
            ("t.repo.delete", Action::Destructive, false),
            ("u.a", Action::Destructive, true),
            ("u.ab", Action::Read, false),
            ("tt.x", Action::Read, false),
        ] {
            assert_eq!(granted.allow(name, action), is, "{name} {action:?}");
        }
        assert!(!Scopes::default().allow("t.repo.get", Action::Read));
    }

    #[test]
    fn everything_is_every_operation_and_no_name_of_its_own() {
        let granted = scopes(&["*"]);
        assert!(granted.allow("t.repo.delete", Action::Destructive));
        assert!(!granted.name("doors", Action::Read));
        assert!(scopes(&["doors"]).name("doors", Action::Write));
        assert!(!scopes(&["doors:read"]).name("doors", Action::Write));
        assert!(!scopes(&["*:read"]).allow("t.repo.set", Action::Write));
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for wrong in [
            "",
            ":",
            "t:",
            "t:all",
            "T",
            "t..a",
            ".t",
            "t.",
            "t *",
            "**",
            "*.a",
            "t:read:read",
            "t:Read",
        ] {
            assert_eq!(Scope::parse(wrong), Err(NotAScope), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_scope_is_written_as_it_is_read(text in "(\\*|[a-z_]{1,4}(\\.[a-z0-9]{1,4}){0,3})(:(read|write|destructive))?") {
            prop_assert_eq!(Scope::parse(&text).expect("a scope").to_string(), text);
        }

        #[test]
        fn no_text_breaks_the_parser(text in ".{0,40}") {
            let _ = Scope::parse(&text);
        }
    }
}
