//! What a kind says of how requests are passed through to it.
//!
//! Invariant: it is said once for a kind, and holds for each of its instances.

use http::Method;
use mosaic_actors::call::Operation;
use percent_encoding::percent_decode_str;

use super::super::Endpoint;
use crate::catalogue::proxy;

/// How often what is decoded is decoded again, at most: deeper than any path that comes this far.
const DEEPEST: usize = 8;

/// How a kind of provider has requests passed through to it.
pub struct Passing<D> {
    /// Where they go.
    pub(in crate::providers) endpoint: fn(&D) -> &Endpoint,
    pub(in crate::providers) facts: PassingFacts,
}

/// What is said of it beside where it goes.
#[derive(Clone, Copy)]
pub(in crate::providers) struct PassingFacts {
    pub(super) hosts: &'static [Host],
    pub(super) beside: &'static [Beside],
    metered: &'static [&'static str],
    reads: &'static [&'static str],
    pub(super) plain: &'static [&'static str],
}

impl PassingFacts {
    /// What a request is that is made so, at this path below the instance.
    pub(in crate::providers) fn operation(&self, method: &Method, path: &str) -> &'static Operation {
        let posts = *method == Method::POST;
        if posts && readings(path).iter().any(|path| ends(path, self.metered)) {
            return &proxy::METERED;
        }
        // As it is written, and nothing else: what is taken for a read in error may be done twice.
        if posts && self.reads.contains(&path) {
            return &proxy::READ;
        }
        proxy::by_method(method)
    }
}

/// A path as whoever gets it may read it: decoded however often, in whichever case, and without what stands behind
/// semicolons. One that is billed in any of these readings is billed.
fn readings(path: &str) -> Vec<String> {
    let mut written = vec![path.to_ascii_lowercase()];
    for _ in 0..DEEPEST {
        let last = &written[written.len() - 1];
        let next = percent_decode_str(last).decode_utf8_lossy().to_ascii_lowercase();
        if next == *last {
            break;
        }
        written.push(next);
    }
    let bare = |path: &str| {
        let parts = path.split('/').map(|part| part.split(';').next().unwrap_or_default());
        parts.collect::<Vec<_>>().join("/")
    };
    written.iter().map(|path| bare(path)).collect()
}

/// Whether a path ends as one of these.
fn ends(path: &str, ends: &[&str]) -> bool {
    let path = path.trim_end_matches('/');
    ends.iter().any(|end| path.ends_with(end))
}

/// A second place of a kind's API.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Its name: below an instance, it is found at `_name`.
    pub name: &'static str,
    /// Where the vendor's own cloud has it.
    pub cloud: &'static str,
    /// The path at which servers of one's own have it.
    pub own: &'static str,
}

/// One path of a server of one's own that lies beside the API, and that clients of the vendor's ask for.
#[derive(Clone, Copy, Debug)]
pub struct Beside {
    /// Where clients look for it, as seen from the instance.
    pub asked: &'static str,
    /// Where it is, below what stands before the API's path.
    pub own: &'static str,
}

impl<D> Clone for Passing<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D> Copy for Passing<D> {}

impl<D> Passing<D> {
    /// To this endpoint.
    pub const fn to(endpoint: fn(&D) -> &Endpoint) -> Self {
        let facts = PassingFacts {
            hosts: &[],
            beside: &[],
            metered: &[],
            reads: &[],
            plain: &[],
        };
        Passing { endpoint, facts }
    }

    /// And to these places.
    #[must_use]
    pub const fn and(mut self, hosts: &'static [Host]) -> Self {
        self.facts.hosts = hosts;
        self
    }

    /// And to these paths, and none below them.
    #[must_use]
    pub const fn beside(mut self, paths: &'static [Beside]) -> Self {
        self.facts.beside = paths;
        self
    }

    /// What is asked by `POST` at paths that end so, in small letters, is billed by tokens; they are counted where its answers
    /// tell how many.
    #[must_use]
    pub const fn metered(mut self, ends: &'static [&'static str]) -> Self {
        self.facts.metered = ends;
        self
    }

    /// What is asked by `POST` at these paths changes nothing, and is billed to nobody.
    #[must_use]
    pub const fn reads(mut self, paths: &'static [&'static str]) -> Self {
        self.facts.reads = paths;
        self
    }

    /// In a query these names, which elsewhere stand for a credential, stand for something else.
    #[must_use]
    pub const fn plain(mut self, names: &'static [&'static str]) -> Self {
        self.facts.plain = names;
        self
    }

    /// The names of the operations that it makes possible.
    pub(in crate::providers) fn operations(&self) -> Vec<&'static str> {
        let metered = (!self.facts.metered.is_empty()).then_some(proxy::METERED.name);
        [proxy::READ.name, proxy::WRITE.name]
            .into_iter()
            .chain(metered)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: PassingFacts = PassingFacts {
        hosts: &[],
        beside: &[],
        metered: &["/chat/completions", "/v1/messages"],
        reads: &["/v1/messages/count_tokens"],
        plain: &[],
    };

    #[test]
    fn a_path_tells_what_is_billed_and_what_only_asks() {
        for (method, path, operation) in [
            (Method::GET, "/chat/completions", "proxy.read"),
            (Method::POST, "/chat/completions", "proxy.metered"),
            (Method::POST, "/v1/chat/completions/", "proxy.metered"),
            (Method::POST, "/v1/messages", "proxy.metered"),
            (Method::POST, "/threads/1/messages", "proxy.write"),
            (Method::DELETE, "/chat/completions", "proxy.write"),
            (Method::POST, "/v1/messages/batches", "proxy.write"),
            (Method::POST, "/v1/messages/count_tokens", "proxy.read"),
            (Method::PUT, "/v1/messages/count_tokens", "proxy.write"),
            (Method::POST, "/x/v1/messages/count_tokens", "proxy.write"),
            (Method::POST, "/v1/messages/%63ount_tokens", "proxy.write"),
            (Method::OPTIONS, "/v1/messages", "proxy.read"),
            (Method::POST, "", "proxy.write"),
        ] {
            assert_eq!(FACTS.operation(&method, path).name, operation, "{method} {path}");
        }
    }

    #[test]
    fn no_spelling_of_a_path_is_billed_to_nobody() {
        for path in [
            "/chat/%63ompletions",
            "/chat%2Fcompletions",
            "/%63%68%61%74/completions%2f",
            "/chat/%2563ompletions",
            "/chat/%252563ompletions",
            "/Chat/Completions",
            "/chat/%43ompletions",
            "/chat;x=1/completions;y",
            "/chat/completions%3bx",
        ] {
            assert_eq!(FACTS.operation(&Method::POST, path).name, "proxy.metered", "{path}");
        }
    }

    #[test]
    fn a_kind_that_says_nothing_goes_by_the_method() {
        let facts = PassingFacts {
            metered: &[],
            reads: &[],
            ..FACTS
        };
        assert_eq!(facts.operation(&Method::POST, "/v1/messages").name, "proxy.write");
        assert_eq!(
            facts.operation(&Method::POST, "/v1/messages/count_tokens").name,
            "proxy.write"
        );
    }
}
