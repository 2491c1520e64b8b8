//! Pass-through: a caller's own request to an instance's own API, and the answer as it came.
//!
//! Invariant: it goes to the instance's base or to a second place that its kind declares, and nowhere else, whatever is
//! written in its path; in its head and its query it bears our credential and no other; and the answer neither shows that nor
//! leads past us.

mod answer;
mod facts;
mod few;
mod form;
mod guards;
mod heads;
mod masks;
mod query;
mod reading;
mod replace;
mod rules;
mod secrets;
mod signs;
mod spelled;
mod tokens;

use bytes::Bytes;
use mosaic_actors::call::{Answer, Call};
use mosaic_actors::error::{Failure, Kind};
use url::Url;

use super::outgoing::Content;
use super::revalidation::is_order;
use super::send::{Follow, Refused};
use super::upload::Streamed;
use super::{Endpoint, Outgoing};
use crate::catalogue::proxy::Asked;

pub(in crate::providers) use facts::PassingFacts;
pub use facts::{Beside, Host, Passing};
pub(super) use guards::Kept;
pub(super) use masks::{KeptMasks, Masks};
pub(super) use replace::Replacer;

impl Endpoint {
    /// Passes a call's request through.
    ///
    /// # Errors
    /// What the dialect makes of a refusal, with that as its cause; `invalid_input` on `path` where it leads elsewhere; and as
    /// [`Endpoint::send`].
    pub(in crate::providers) async fn pass(&self, call: &Call, facts: PassingFacts) -> Result<Answer, Failure> {
        let asked = call.input.clone().downcast::<Asked>().map_err(|_| {
            let sentence = format!("{} was given an input of another type", call.operation.name);
            Failure::new(Kind::Internal, sentence).never_sent()
        })?;
        let fixed = call.operation.safe || call.operation.paid;
        let (url, ours) = self.place(&asked, facts, fixed)?;
        let part = self
            .collected
            .part(!call.operation.safe && is_order(&asked.method))
            .map_err(|failure| failure.by(&self.instance))?;
        let streamed = call.upload.clone().map(Streamed::new);
        // Until the answer is over: it may begin before the request has ended.
        let sending = streamed.as_ref().map(Streamed::sending);
        let outgoing = outgoing(&asked, url.clone(), streamed);
        let mut worn = None;
        let sent = self.accepted_with(&outgoing, Follow::Passed, &mut worn).await;
        let guards = self.guards(&ours, facts.hosts, worn.as_ref());
        let way = answer::Way {
            asked: &asked,
            url: &url,
            guards: &guards,
            metered: call.operation.paid,
        };
        match sent {
            Ok(response) => self.passed(response, way, sending, part).await,
            Err(refused) => Err(told(*refused, &way)),
        }
        .map_err(|failure| failure.by(&self.instance))
    }

    /// Where a request goes, and where its caller finds the instance's base.
    ///
    /// # Errors
    /// `invalid_input` on `path` where it is not below the place that it names.
    fn place(&self, asked: &Asked, facts: PassingFacts, fixed: bool) -> Result<(Url, String), Failure> {
        let elsewhere = || Failure::invalid("path", "the path leads out of the provider's API").never_sent();
        let (repeated, mut path) = self.repeated(&asked.path);
        let mut base = self.base.clone();
        for host in facts.hosts {
            let named = path.strip_prefix("/_").and_then(|path| below(path, host.name));
            if let Some(behind) = named {
                base = self.second(host).ok_or_else(elsewhere)?;
                path = behind;
                break;
            }
        }
        let beside = self.beside(&asked.path, facts);
        let (place, path) = match &beside {
            Some(place) => (place.as_str(), ""),
            None => (base.as_str().trim_end_matches('/'), path),
        };
        let query = asked
            .query
            .as_deref()
            .and_then(|query| query::going_on(query, facts.plain, fixed))
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let url = Url::parse(&format!("{place}{path}{query}")).map_err(|_| elsewhere())?;
        let behind = url.as_str().strip_prefix(place);
        let stays = behind.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        match stays && url.origin() == base.origin() {
            true => Ok((url, format!("{}{repeated}", asked.ours))),
            false => Err(elsewhere()),
        }
    }

    /// The API's own path at the beginning of one below a base that ends with it, and what is behind it: clients that know a
    /// server by its name alone put it there themselves.
    fn repeated<'a>(&self, path: &'a str) -> (&'static str, &'a str) {
        let api = self.dialect.api_path;
        let ends = !api.is_empty() && self.base.path().trim_end_matches('/').ends_with(api);
        match below(path, api).filter(|_| ends) {
            Some(behind) => (api, behind),
            None => ("", path),
        }
    }

    /// The one path beside the API that is asked for, where it is that, and the API is where servers of one's own have it.
    fn beside(&self, path: &str, facts: PassingFacts) -> Option<String> {
        let beside = facts.beside.iter().find(|beside| beside.asked == path)?;
        let api = self.dialect.api_path;
        let root = self.base.as_str().trim_end_matches('/').strip_suffix(api);
        Some(format!("{}{}", root.filter(|_| !api.is_empty())?, beside.own))
    }

    /// A second place, as seen from the base: beside the API, where servers of one's own have it, or below one that is at the
    /// root. Elsewhere there may be somebody else's.
    fn second(&self, host: &Host) -> Option<Url> {
        if self.is_in_cloud() {
            return Url::parse(host.cloud).ok();
        }
        let (api, base) = (self.dialect.api_path, self.base.as_str().trim_end_matches('/'));
        let root = match base.strip_suffix(api) {
            Some(root) if !api.is_empty() => root,
            _ if self.base.path() == "/" => base,
            _ => return None,
        };
        Url::parse(&format!("{root}{}", host.own)).ok()
    }
}

/// What is behind `beginning`, where that is all of a path's first parts.
fn below<'a>(path: &'a str, beginning: &str) -> Option<&'a str> {
    let behind = path.strip_prefix(beginning)?;
    (behind.is_empty() || behind.starts_with('/')).then_some(behind)
}

/// A refusal as a failure, with what was said as its cause.
fn told(refused: Refused, way: &answer::Way<'_>) -> Failure {
    let Refused { failure, answer } = refused;
    match answer {
        // Of another protocol, which nobody asked for, nothing is passed on.
        Some(answer) if !answer.status.is_informational() => {
            let own = answer::refusal(answer, way);
            let failure = match own.body {
                Some(_) => failure,
                None => failure.also("what it said broke off, is too long, or cannot be read"),
            };
            failure.because(own)
        }
        _ => failure,
    }
}

fn outgoing(asked: &Asked, url: Url, streamed: Option<Streamed>) -> Outgoing {
    let mut headers = asked.headers.clone();
    let content = match streamed {
        Some(streamed) => {
            if let Some(length) = asked.length {
                headers.insert(http::header::CONTENT_LENGTH, length.into());
            }
            Content::Streamed(streamed)
        }
        None if asked.body.is_empty() => Content::Nothing,
        None => Content::Bytes(Bytes::clone(&asked.body)),
    };
    Outgoing {
        method: asked.method.clone(),
        url,
        headers,
        content,
        passed: true,
        bare: false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::tests::{DIALECT, connection};
    use super::*;
    use http::{HeaderMap, Method};
    use proptest::prelude::*;

    const UPLOADS: [Host; 1] = [Host {
        name: "uploads",
        cloud: "https://uploads.example.com",
        own: "/api/uploads",
    }];

    const GRAPH: [Beside; 2] = [
        Beside {
            asked: "/graph",
            own: "/graph",
        },
        Beside {
            asked: "/api/graph",
            own: "/graph",
        },
    ];

    const FACTS: PassingFacts = Passing::to(|endpoint: &Endpoint| endpoint)
        .and(&UPLOADS)
        .beside(&GRAPH)
        .facts;

    fn asked(path: &str, query: Option<&str>) -> Asked {
        Asked {
            method: Method::GET,
            path: path.to_owned(),
            query: query.map(str::to_owned),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            length: None,
            ours: "http://gw/proxy/a".to_owned(),
        }
    }

    fn place(base: Option<&str>, path: &str, query: Option<&str>) -> Option<String> {
        let endpoint = Endpoint::new(&connection(base), &DIALECT).unwrap();
        let placed = endpoint.place(&asked(path, query), FACTS, true).ok();
        placed.map(|(url, _)| String::from(url))
    }

    #[test]
    fn a_request_goes_below_the_base_as_it_was_written() {
        let own = Some("https://git.example.org/api/v4/");
        for (base, path, query, expected) in [
            (
                own,
                "/projects/a%2Fb/x",
                Some("q=%2F&x=a+b"),
                "https://git.example.org/api/v4/projects/a%2Fb/x?q=%2F&x=a+b",
            ),
            (own, "", None, "https://git.example.org/api/v4"),
            (own, "/", None, "https://git.example.org/api/v4/"),
            (own, "/_uploadsx", None, "https://git.example.org/api/v4/_uploadsx"),
            (own, "/_other/x", None, "https://git.example.org/api/v4/_other/x"),
            (
                None,
                "/_uploads/x",
                Some("name=a"),
                "https://uploads.example.com/x?name=a",
            ),
            (None, "/x", Some(""), "https://api.example.com/x?"),
            (None, "/x", Some("private_token=x"), "https://api.example.com/x"),
        ] {
            assert_eq!(place(base, path, query).as_deref(), Some(expected));
        }
    }

    #[test]
    fn one_path_beside_the_api_is_reached_and_none_below_it() {
        let own = Some("https://git.example.org/sub/api");
        for path in ["/graph", "/api/graph"] {
            let there = place(own, path, Some("x=1"));
            assert_eq!(there.as_deref(), Some("https://git.example.org/sub/graph?x=1"));
        }
        for (path, there) in [
            ("/graph/", "/graph/"),
            ("/graph/x", "/graph/x"),
            ("/api/graph/x", "/graph/x"),
            ("/graphs", "/graphs"),
            ("/%67raph", "/%67raph"),
        ] {
            let expected = format!("https://git.example.org/sub/api{there}");
            assert_eq!(place(own, path, None), Some(expected), "{path}");
        }
        // So is a second place; and where the API is somewhere else, nobody knows where that is.
        let second = place(own, "/_uploads/x", None);
        assert_eq!(second.as_deref(), Some("https://git.example.org/sub/api/uploads/x"));
        assert_eq!(place(Some("https://git.example.org/api/v4"), "/_uploads/x", None), None);
        // Where the API is elsewhere, it is a path like any other.
        let cloud = place(None, "/graph", None);
        assert_eq!(cloud.as_deref(), Some("https://api.example.com/graph"));
    }

    #[test]
    fn a_client_that_names_the_apis_path_itself_is_understood_and_answered_so() {
        let found = |base: &str, path: &str| {
            let endpoint = Endpoint::new(&connection(Some(base)), &DIALECT).unwrap();
            let (url, ours) = endpoint.place(&asked(path, None), FACTS, true).unwrap();
            (String::from(url), ours)
        };
        let (there, ours) = ("https://git.example.org/api", "http://gw/proxy/a");
        assert_eq!(found(there, "/api/x"), (format!("{there}/x"), format!("{ours}/api")));
        assert_eq!(found(there, "/x"), (format!("{there}/x"), ours.to_owned()));
        assert_eq!(found(there, "/apis"), (format!("{there}/apis"), ours.to_owned()));
        assert_eq!(found(there, "/api/_uploads/x").0, format!("{there}/uploads/x"));
        // Where the base does not end with it, it may be a path of the server's.
        let root = "https://git.example.org";
        assert_eq!(found(root, "/api/x"), (format!("{root}/api/x"), ours.to_owned()));
    }

    proptest! {
        #[test]
        fn nothing_that_is_written_leads_elsewhere(path in "(/|\\.|%2e|%2f|%5c|\\\\|@|:|evil|\\?|#|;|\t|x|_uploads){0,14}", query in "[a-z/.:@%\\\\]{0,8}") {
            for base in ["https://git.example.org/api/v4", "https://git.example.org"] {
                if let Some(url) = place(Some(base), &path, Some(&query)) {
                    let url = Url::parse(&url).unwrap();
                    prop_assert_eq!(url.host_str(), Some("git.example.org"));
                    prop_assert!(url.username().is_empty() && url.port().is_none());
                    let place = Url::parse(base).unwrap();
                    let root = place.path().trim_end_matches('/');
                    prop_assert!(url.path().starts_with(root) || url.path().starts_with("/api/uploads"), "{}", url);
                }
            }
        }
    }
}
