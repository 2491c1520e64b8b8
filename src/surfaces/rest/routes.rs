//! Paths to operations, from the catalogue's table.
//!
//! Invariant: every path that [`build`] makes of an operation's values resolves to that operation and those values.
//!
//! A placeholder takes one percent-encoded segment (`acme%2Fapi`) or several raw ones (`acme/api`). Of several readings,
//! a literal wins over a placeholder, the leftmost first, and a placeholder takes as little as it can; a value that
//! holds a literal of the route is written percent-encoded to be taken whole. A removal is made by the best reading alone:
//! where that has other methods, none that is worse is looked for.

use std::borrow::Cow;

use mosaic_actors::error::Failure;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::catalogue::{Entry, Method};

/// Paths with more segments match nothing, which bounds the search.
const MOST_SEGMENTS: usize = 64;

/// RFC 3986's unreserved characters stay as they are.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// All routes.
#[derive(Default)]
pub struct Routes {
    root: Node,
}

#[derive(Default)]
struct Node {
    literals: Vec<(&'static str, Node)>,
    capture: Option<Box<Node>>,
    entries: Vec<&'static Entry>,
}

/// What a path resolves to.
pub enum Resolved {
    /// An operation, and its placeholders' values in order.
    Found(Match),
    /// The path exists with these methods only.
    OtherMethods(Vec<Method>),
    /// No route.
    Nothing,
}

/// A resolved path.
pub struct Match {
    /// The operation.
    pub entry: &'static Entry,
    /// Names and decoded values of the placeholders.
    pub values: Vec<(&'static str, String)>,
}

impl Routes {
    /// The routes of these operations.
    pub fn of(entries: impl IntoIterator<Item = &'static Entry>) -> Self {
        let mut routes = Routes::default();
        for entry in entries {
            let node = segments(entry.declaration.path).fold(&mut routes.root, Node::child);
            node.entries.push(entry);
        }
        routes
    }

    /// Resolves the path below `/v1`, still percent-encoded.
    ///
    /// # Errors
    /// `invalid_input` naming the placeholder whose value is not UTF-8.
    pub fn resolve(&self, method: Method, path: &str) -> Result<Resolved, Failure> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        if parts.len() > MOST_SEGMENTS || parts.iter().any(|part| part.is_empty()) {
            return Ok(Resolved::Nothing);
        }
        let mut search = Search {
            method,
            taken: Vec::new(),
            others: Vec::new(),
        };
        match self.root.find(&parts, &mut search) {
            // Nobody who forgets a branch's name means to delete a repository that is called `acme/api/branches`.
            Some(_) if method == Method::Delete && !search.others.is_empty() => {
                Ok(Resolved::OtherMethods(search.others))
            }
            Some(entry) => decoded(entry, &search.taken).map(Resolved::Found),
            None if search.others.is_empty() => Ok(Resolved::Nothing),
            None => Ok(Resolved::OtherMethods(search.others)),
        }
    }

    /// The methods that a path has, for `Allow`.
    pub fn methods(&self, path: &str) -> Vec<Method> {
        [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete]
            .into_iter()
            .filter(|method| matches!(self.resolve(*method, path), Ok(Resolved::Found(_))))
            .collect()
    }
}

/// Makes the path below `/v1` of an operation; `value` gives each placeholder's text.
pub fn build(entry: &Entry, value: impl Fn(&str) -> String) -> String {
    segments(entry.declaration.path).fold(String::new(), |path, segment| {
        let text = match placeholder(segment) {
            Some(name) => Cow::Owned(utf8_percent_encode(&value(name), ESCAPED).to_string()),
            None => Cow::Borrowed(segment),
        };
        path + "/" + &text
    })
}

/// The names of a template's placeholders, in order.
pub fn placeholders(template: &'static str) -> impl Iterator<Item = &'static str> {
    segments(template).filter_map(placeholder)
}

fn segments(template: &'static str) -> impl Iterator<Item = &'static str> {
    template.split('/').filter(|segment| !segment.is_empty())
}

fn placeholder(segment: &'static str) -> Option<&'static str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// One search: what the placeholders have taken so far, and which methods would have had the path.
struct Search<'p> {
    method: Method,
    taken: Vec<Vec<&'p str>>,
    others: Vec<Method>,
}

impl Node {
    fn child(&mut self, segment: &'static str) -> &mut Node {
        if placeholder(segment).is_some() {
            return self.capture.get_or_insert_default();
        }
        let at = self
            .literals
            .iter()
            .position(|(literal, _)| *literal == segment)
            .unwrap_or_else(|| {
                self.literals.push((segment, Node::default()));
                self.literals.len() - 1
            });
        &mut self.literals[at].1
    }

    fn find<'p>(&self, parts: &[&'p str], search: &mut Search<'p>) -> Option<&'static Entry> {
        let Some((first, rest)) = parts.split_first() else {
            return self.end(search);
        };
        let literal = self.literals.iter().find(|(literal, _)| literal == first);
        if let Some(entry) = literal.and_then(|(_, node)| node.find(rest, search)) {
            return Some(entry);
        }
        let capture = self.capture.as_deref()?;
        for length in 1..=parts.len() {
            let (taken, rest) = parts.split_at(length);
            search.taken.push(taken.to_vec());
            if let Some(entry) = capture.find(rest, search) {
                return Some(entry);
            }
            search.taken.pop();
        }
        None
    }

    fn end(&self, search: &mut Search<'_>) -> Option<&'static Entry> {
        let method_of = |entry: &&Entry| entry.declaration.method;
        if let Some(entry) = self.entries.iter().find(|entry| method_of(entry) == search.method) {
            return Some(entry);
        }
        for method in self.entries.iter().map(method_of) {
            if !search.others.contains(&method) {
                search.others.push(method);
            }
        }
        None
    }
}

fn decoded(entry: &'static Entry, taken: &[Vec<&str>]) -> Result<Match, Failure> {
    let values = placeholders(entry.declaration.path)
        .zip(taken)
        .map(|(name, parts)| {
            let text = percent_decode_str(&parts.join("/"))
                .decode_utf8()
                .map_err(|_| Failure::invalid(name, format!("{name} is not UTF-8")))?
                .into_owned();
            Ok((name, text))
        })
        .collect::<Result<_, Failure>>()?;
    Ok(Match { entry, values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::OPERATIONS;
    use proptest::prelude::*;

    fn resolve(method: Method, path: &str) -> (String, Vec<String>) {
        match Routes::of(OPERATIONS.iter()).resolve(method, path).expect("decodes") {
            Resolved::Found(found) => (
                found.entry.name().to_owned(),
                found.values.into_iter().map(|(_, value)| value).collect(),
            ),
            Resolved::OtherMethods(methods) => (format!("{methods:?}"), vec![]),
            Resolved::Nothing => ("nothing".to_owned(), vec![]),
        }
    }

    #[track_caller]
    fn check(path: &str, name: &str, values: &[&str]) {
        let (found, taken) = resolve(Method::Get, path);
        assert_eq!(
            (found.as_str(), taken),
            (name, values.iter().map(|v| (*v).to_owned()).collect())
        );
    }

    #[test]
    fn placeholders_take_one_encoded_or_several_raw_segments() {
        check("/git/repos", "git.repo.list", &[]);
        check("/git/repos/acme%2Fapi", "git.repo.get", &["acme/api"]);
        check("/git/repos/acme/api", "git.repo.get", &["acme/api"]);
        check("/git/repos/forge-a~acme/api", "git.repo.get", &["forge-a~acme/api"]);
        check("/git/repos/acme/api/branches", "git.branch.list", &["acme/api"]);
        check(
            "/git/repos/a/b/files/src/main.rs",
            "git.file.get",
            &["a/b", "src/main.rs"],
        );
        check("/git/repos/a/b/files/branches", "git.file.get", &["a/b", "branches"]);
        check("/git/repos/a/files/files/x", "git.file.get", &["a", "files/x"]);
        check("/git/repos/a%2Ffiles/files/x", "git.file.get", &["a/files", "x"]);
        check("/git/repos/a%2Fbranches", "git.repo.get", &["a/branches"]);
        check("/projects/issues/acme/api%237", "projects.issue.get", &["acme/api#7"]);
    }

    #[test]
    fn what_is_no_route_is_told_apart_from_a_wrong_method() {
        for path in ["/", "", "/git", "/git/repos/", "/git/repos//x", "/nothing/here"] {
            check(path, "nothing", &[]);
        }
        assert_eq!(resolve(Method::Patch, "/git/repos").0, "[Get, Post]");
        assert_eq!(resolve(Method::Get, "/ai/chat/stream").0, "[Post]");
        assert_eq!(resolve(Method::Delete, "/git/repos/acme/api/branches").0, "[Get, Post]");
        for (path, name) in [
            ("/git/repos/acme/api%2Fbranches", "git.repo.delete"),
            ("/git/repos/acme/api", "git.repo.delete"),
            ("/git/repos/acme/api/branches/main", "git.branch.delete"),
        ] {
            assert_eq!(resolve(Method::Delete, path).0, name, "{path}");
        }
        assert_eq!(resolve(Method::Get, &"/git".repeat(200)).0, "nothing");
        let broken = Routes::of(OPERATIONS.iter())
            .resolve(Method::Get, "/git/repos/%ff")
            .err();
        assert_eq!(broken.and_then(|failure| failure.field).as_deref(), Some("repo"));
        let both = Routes::of(OPERATIONS.iter()).methods("/projects/issues");
        assert_eq!(both, [Method::Get, Method::Post]);
    }

    proptest! {
        #[test]
        fn a_built_path_resolves_to_its_route_and_values(
            at in 0..OPERATIONS.len(),
            texts in prop::collection::vec("(branches|files|[^\u{0}]{1,12}|/|%2F|~|\\.\\.){1,3}", 4),
        ) {
            let entry = &OPERATIONS[at];
            let names: Vec<_> = placeholders(entry.declaration.path).collect();
            let value = |name: &str| texts[names.iter().position(|n| *n == name).unwrap()].clone();
            let path = build(entry, value);
            let (name, values) = resolve(entry.declaration.method, &path);
            prop_assert_eq!(name, entry.name());
            prop_assert_eq!(&values[..], &texts[..names.len()]);
        }

        #[test]
        fn any_path_is_answered(path in "[a-z/%{}~.]{0,80}|(/git|/repos|/files|/branches|/x){0,70}") {
            let _ = Routes::of(OPERATIONS.iter()).resolve(Method::Get, &path);
        }
    }
}
