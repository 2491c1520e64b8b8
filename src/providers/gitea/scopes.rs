//! The scopes of Gitea's tokens, as its refusals tell them.
//!
//! Invariant: only words of a closed list are known, so that nothing else that a server writes is ever shown.

/// What scopes are given for.
const CATEGORIES: [&str; 9] = [
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
/// Narrows all others to what everybody sees.
const PUBLIC_ONLY: (&str, u32) = ("public-only", 1 << (2 * CATEGORIES.len()));
/// Bits of one category: it may be read, and written.
const LEVELS: [(&str, u32); 2] = [("read", 0b01), ("write", 0b11)];

/// The scopes of one token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u32);

impl Scopes {
    /// Those that a refusal says the token has, in small letters: releases before 1.22 do not say it.
    pub fn told(sentence: &str) -> Option<Self> {
        let (_, had) = sentence.split_once("token scope=")?;
        let words = had.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '-')));
        Some(words.fold(Scopes::default(), |scopes, word| Scopes(scopes.0 | bits(word))))
    }

    /// Whether it opens what is kept under `category`, also to write there.
    pub fn opens(self, category: &str, writes: bool) -> bool {
        let level = if writes { "write" } else { "read" };
        let wanted = bits(&format!("{level}:{category}"));
        self.0 & wanted == wanted
    }

    /// Their names.
    pub fn names(self) -> Vec<String> {
        let narrowed = (self.0 & PUBLIC_ONLY.1 != 0).then(|| PUBLIC_ONLY.0.to_owned());
        if (0..CATEGORIES.len()).all(|place| self.level(place) == 0b11) {
            return narrowed.into_iter().chain(["all".to_owned()]).collect();
        }
        let name = |(place, category): (usize, &&str)| match self.level(place) {
            0b00 => None,
            0b01 => Some(format!("read:{category}")),
            _ => Some(format!("write:{category}")),
        };
        let named = CATEGORIES.iter().enumerate().filter_map(name);
        narrowed.into_iter().chain(named).collect()
    }

    const fn level(self, place: usize) -> u32 {
        (self.0 >> (2 * place)) & 0b11
    }
}

/// The bits of one scope; none of what is none.
fn bits(word: &str) -> u32 {
    if word == "all" {
        return (1 << (2 * CATEGORIES.len())) - 1;
    }
    if word == PUBLIC_ONLY.0 {
        return PUBLIC_ONLY.1;
    }
    let known = word.split_once(':').and_then(|(level, category)| {
        let (_, level) = LEVELS.iter().find(|(name, _)| *name == level)?;
        let place = CATEGORIES.iter().position(|known| *known == category)?;
        Some(level << (2 * place))
    });
    known.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gt30_what_a_token_has_is_read_from_a_refusal() {
        let refused = "token does not have at least one of required scope(s), required=[read:admin], token scope=";
        let told = |had: &str| Scopes::told(&format!("{refused}{had}"));
        let had = told("public-only,read:issue,write:repository,<b>read:x").expect("it tells");
        assert_eq!(had.names(), ["public-only", "read:issue", "write:repository"]);
        assert!(had.opens("issue", false) && !had.opens("issue", true));
        assert!(had.opens("repository", false) && had.opens("repository", true) && !had.opens("user", false));
        assert_eq!(told("all").expect("it tells").names(), ["all"]);
        assert_eq!(
            told("all,public-only").expect("it tells").names(),
            ["public-only", "all"]
        );
        assert_eq!(told("").expect("it tells").names(), Vec::<String>::new());
        assert_eq!(Scopes::told("required scope(s): [read:admin]"), None);
    }
}
