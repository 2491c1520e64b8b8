//! A branch, and the names that branches and tags can have.
//!
//! Invariant: a name that git would refuse is refused here.

/// A branch.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub name: String,
    /// Id of its last commit.
    pub commit: String,
    pub protected: bool,
}

/// Whether git takes this for the name of a branch or a tag.
pub(crate) fn is_name(name: &str) -> bool {
    let bad = |c: char| c.is_ascii_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    name != "@"
        && !name.contains(bad)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && !name.starts_with('-')
        && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_git_takes() {
        for name in ["main", "feature/x", "release-1.4", "ünïcödé", "a#b", "100%", "a+b&c"] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "", "a b", "a..b", "/a", "a/", "a//b", ".a", "a.lock", "a~1", "-a", "@", "a.", "x/.y",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
