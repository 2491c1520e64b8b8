//! Who is calling, by API key or access token.
//!
//! Invariant: a credential that is presented and wrong is refused, even where callers without one are let in.

use std::fmt;
use std::sync::Arc;

use http::header::{AUTHORIZATION, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName};
use mosaic_actors::call::Caller;
use mosaic_actors::error::{Failure, Kind};

use super::hosts::{self, Hosts};
use crate::oauth::Tokens;

/// The other header that carries a key.
pub const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// A browser's word on where the page that asks comes from (Fetch Metadata Request Headers, section 2.1).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Knows keys.
pub type Keys = Arc<dyn Fn(&str) -> Option<Caller> + Send + Sync>;

/// Turns a request's headers into a caller.
#[derive(Clone)]
pub struct Authenticator {
    keys: Keys,
    tokens: Option<Arc<Tokens>>,
    anonymous: Option<Caller>,
    /// Where nobody needs a key: by which names callers come.
    hosts: Option<Hosts>,
}

impl Authenticator {
    /// Takes callers that `keys` knows; without a key, `anonymous` where it is configured.
    pub fn new(keys: Keys, anonymous: Option<Caller>) -> Self {
        Authenticator {
            keys,
            tokens: None,
            anonymous,
            hosts: None,
        }
    }

    /// Takes access tokens, too.
    #[must_use]
    pub(crate) fn or_by_token(mut self, tokens: Option<Arc<Tokens>>) -> Self {
        self.tokens = tokens;
        self
    }

    /// Lets in callers without a key by these names only.
    #[must_use]
    pub(crate) fn reached_as(mut self, hosts: Hosts) -> Self {
        self.hosts = Some(hosts);
        self
    }

    /// Waits, where `key` is an access token by a key that is not known, until its issuer's keys have been asked for: to be
    /// called before a credential is looked at that stands elsewhere than in the headers where callers have their keys, for
    /// which it is done before any surface.
    pub(super) async fn prepare(&self, key: &str) {
        if let Some(tokens) = &self.tokens {
            tokens.prepare(key).await;
        }
    }

    /// The same of the credential that these headers show.
    #[cfg(feature = "graphql")]
    pub(super) async fn prepare_shown(&self, headers: &HeaderMap) {
        if let Ok(Some(key)) = presented(headers) {
            self.prepare(key).await;
        }
    }

    /// The caller of a request with these headers, which names `target` as the host that it is for, if it does it so.
    ///
    /// # Errors
    /// `unauthenticated`; `forbidden`, where only a key would let in what may be a web page.
    pub fn caller(&self, headers: &HeaderMap, target: Option<&Authority>) -> Result<Caller, Failure> {
        let key = presented(headers).map_err(|failure| self.explained(failure))?;
        self.admit(key, headers, target)
    }

    /// As [`Authenticator::caller`], for a document that is open to all: whoever shows no key reads the whole, and whoever
    /// is somebody what there is for him.
    ///
    /// # Errors
    /// `unauthenticated` for a credential that is presented and wrong.
    pub(super) fn reader(&self, headers: &HeaderMap, target: Option<&Authority>) -> Result<Option<Caller>, Failure> {
        let shown = headers.contains_key(AUTHORIZATION) || headers.contains_key(API_KEY);
        shown.then(|| self.caller(headers, target)).transpose()
    }

    /// Of a credential that is none of a key here, where that is so because nobody has one.
    pub(super) fn explained(&self, failure: Failure) -> Failure {
        match self.anonymous {
            Some(_) if failure.kind == Kind::Unauthenticated => failure.saying(KEYLESS),
            _ => failure,
        }
    }

    fn unknown(&self) -> Failure {
        self.explained(refused("this API key is not known"))
    }

    /// As [`Authenticator::caller`], by a key that was found elsewhere, and that was [prepared](Authenticator::prepare) for.
    ///
    /// # Errors
    /// As [`Authenticator::caller`].
    pub(super) fn admit(
        &self,
        key: Option<&str>,
        headers: &HeaderMap,
        target: Option<&Authority>,
    ) -> Result<Caller, Failure> {
        match key {
            Some(key) => match self.tokens.as_ref().and_then(|tokens| tokens.caller(key)) {
                // A key may look like a token.
                Some(Err(failure)) => (self.keys)(key).ok_or(failure),
                Some(Ok(caller)) => Ok(caller),
                None => (self.keys)(key).ok_or_else(|| self.unknown()),
            },
            None => {
                let anonymous = self.anonymous.clone();
                let wanted = match self.tokens {
                    Some(_) => TOKEN_WANTED,
                    None => KEY_WANTED,
                };
                let caller = anonymous.ok_or_else(|| refused(wanted))?;
                let forbidden = |sentence| Err(Failure::new(Kind::Forbidden, sentence).never_sent());
                if is_of_another_site(headers, target) {
                    return forbidden(ANOTHER_SITE);
                }
                match self.hosts.as_ref().map(|hosts| hosts.check(headers, target)) {
                    None | Some(Ok(())) => Ok(caller),
                    Some(Err(_)) => forbidden(ANOTHER_NAME),
                }
            }
        }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("anonymous", &self.anonymous)
            .finish_non_exhaustive()
    }
}

/// The token of `Authorization: Bearer`, where that header is what it should be.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

const KEY_WANTED: &str = "give an API key: Authorization: Bearer <key>, or X-Api-Key";
const TOKEN_WANTED: &str =
    "give an access token: Authorization: Bearer <token>; or an API key: Authorization: Bearer <key>, or X-Api-Key";

/// Which of several is meant, another on the way may judge otherwise than we do.
const SEVERAL: &str = "several credentials are given: give one, as Authorization: Bearer <key> or as X-Api-Key";

/// A client that cannot do without a key needs one that is known: to take any would make it seem that it was looked at.
const KEYLESS: &str = "this gateway has no keys, so that it knows none: leave the credential out, or, for a client that must \
                       have one, add [keys.NAME] with key = \"env:VARIABLE\" and tenant = \"local\" to its configuration, \
                       and give that key";

const ANOTHER_SITE: &str = "a page of another site asks, and no key says that it may: give an API key";

/// Such a name may be that of a page which lets it resolve to this machine: to its browser both are one site.
const ANOTHER_NAME: &str = "this host name is none of the gateway's, and no key says that it may be asked by it: call it by its \
                            address, list the name in its setting `server.hosts`, or give an API key";

/// Whether a browser asks for a page of another site. What a page may send without asking first, and a person's browser may
/// reach, is no more than that: a gateway that lets in whoever comes must not do it for every page that the person reads.
fn is_of_another_site(headers: &HeaderMap, target: Option<&Authority>) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    // Of the browser's own word, which says it also where a proxy in front has changed the Host.
    if let Some(site) = text(&SEC_FETCH_SITE) {
        // Ports do not tell sites apart, nor do names below one: only what is of this very origin is ours.
        return !["same-origin", "none"]
            .iter()
            .any(|ours| site.eq_ignore_ascii_case(ours));
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return false;
    };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let host = hosts::named(headers, target);
    let same = |(_, origin): (&str, &str)| {
        host.as_ref()
            .is_some_and(|host| host.as_str().eq_ignore_ascii_case(origin))
    };
    !origin.is_some_and(same)
}

fn presented(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let several = || Failure::new(Kind::InvalidInput, SEVERAL).never_sent();
    let repeated = |name| headers.get_all(name).iter().nth(1).is_some();
    if repeated(&AUTHORIZATION) || repeated(&API_KEY) {
        return Err(several());
    }
    let by_bearer = headers
        .contains_key(AUTHORIZATION)
        .then(|| bearer(headers).ok_or_else(|| refused("the Authorization header is not a Bearer token")))
        .transpose()?;
    let by_key = headers
        .get(API_KEY)
        .map(|value| value.to_str().map_err(|_| refused("the X-Api-Key header is not ASCII")))
        .transpose()?;
    match (by_bearer, by_key) {
        (Some(one), Some(other)) if one != other => Err(several()),
        (one, other) => Ok(one.or(other)),
    }
}

pub(super) fn refused(sentence: &str) -> Failure {
    Failure::new(Kind::Unauthenticated, sentence).never_sent()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn caller(name: &str) -> Caller {
        Caller::new(name, name)
    }

    fn ask(name: HeaderName, value: &'static str, anonymous: bool) -> Result<Caller, Kind> {
        let keys: Keys = Arc::new(|key| (key == "good").then(|| caller("known")));
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        Authenticator::new(keys, anonymous.then(|| caller("nobody")))
            .caller(&headers, None)
            .map_err(|failure| failure.kind)
    }

    #[test]
    fn both_headers_carry_keys_and_a_wrong_one_is_never_anonymous() {
        assert_eq!(ask(AUTHORIZATION, "Bearer good", false), Ok(caller("known")));
        assert_eq!(ask(AUTHORIZATION, "bearer good", false), Ok(caller("known")));
        assert_eq!(ask(API_KEY, "good", false), Ok(caller("known")));
        assert_eq!(ask(API_KEY, "bad", true), Err(Kind::Unauthenticated));
        assert_eq!(ask(AUTHORIZATION, "Basic good", true), Err(Kind::Unauthenticated));
        assert_eq!(
            ask(HeaderName::from_static("accept"), "good", true),
            Ok(caller("nobody"))
        );
        assert_eq!(
            ask(HeaderName::from_static("accept"), "good", false),
            Err(Kind::Unauthenticated)
        );
    }

    #[test]
    fn of_several_credentials_none_is_chosen() {
        let keys: Keys = Arc::new(|key: &str| key.strip_prefix("key-of-").map(caller));
        let asked = |given: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in given {
                headers.append(*name, HeaderValue::from_static(value));
            }
            let closed = Authenticator::new(keys.clone(), None);
            closed.caller(&headers, None).map_err(|failure| failure.kind)
        };
        let (one, other) = (
            ("authorization", "Bearer key-of-a"),
            ("authorization", "Bearer key-of-b"),
        );
        assert_eq!(asked(&[one, other]), Err(Kind::InvalidInput));
        assert_eq!(asked(&[one, ("x-api-key", "key-of-b")]), Err(Kind::InvalidInput));
        assert_eq!(
            asked(&[("x-api-key", "key-of-a"), ("x-api-key", "key-of-b")]),
            Err(Kind::InvalidInput)
        );
        // Clients that know two places for it may fill both.
        assert_eq!(asked(&[one, ("x-api-key", "key-of-a")]), Ok(caller("a")));
    }

    #[test]
    fn whoever_has_a_key_where_there_is_none_is_told_so() {
        let told = |anonymous: bool, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_static(value));
            let open = Authenticator::new(Arc::new(|_| None), anonymous.then(|| caller("nobody")));
            open.caller(&headers, None)
                .expect_err("no such key")
                .message()
                .to_owned()
        };
        assert_eq!(told(false, "Bearer sk-anything"), "this API key is not known");
        for value in ["Bearer sk-anything", "Basic c2s6"] {
            assert_eq!(told(true, value), KEYLESS);
        }
        assert!(KEYLESS.contains("[keys.NAME]") && KEYLESS.contains("leave the credential out"));
    }

    #[test]
    fn a_document_that_is_open_is_whole_for_whoever_is_nobody() {
        let closed = Authenticator::new(Arc::new(|key| (key == "good").then(|| caller("known"))), None);
        let read = |value: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(value.map(|value| (AUTHORIZATION, HeaderValue::from_static(value))));
            closed.reader(&headers, None).map_err(|failure| failure.kind)
        };
        assert_eq!(read(None), Ok(None));
        assert_eq!(read(Some("Bearer good")), Ok(Some(caller("known"))));
        assert_eq!(read(Some("Bearer bad")), Err(Kind::Unauthenticated));
        // Also where whoever shows none is let in as somebody, for whom there may be less.
        let open = Authenticator::new(Arc::new(|_| None), Some(caller("somebody")));
        assert_eq!(
            open.reader(&HeaderMap::new(), None).map_err(|failure| failure.kind),
            Ok(None)
        );
    }

    #[test]
    fn nobody_is_let_in_for_a_page_of_another_site() {
        let open = Authenticator::new(
            Arc::new(|key| (key == "good").then(|| caller("known"))),
            Some(caller("nobody")),
        );
        let asked = |given: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in [("host", "127.0.0.1:8080")].iter().chain(given) {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            open.caller(&headers, None).map_err(|failure| failure.kind)
        };
        let there = ("origin", "http://evil.example");
        for evil in [
            &[there][..],
            &[("origin", "null")],
            &[("origin", "http://127.0.0.1:8081")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:8081")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:8080")],
        ] {
            assert_eq!(asked(evil), Err(Kind::Forbidden), "{evil:?}");
        }
        for sound in [
            &[][..],
            &[("origin", "http://127.0.0.1:8080")],
            &[("sec-fetch-site", "same-origin"), there],
            &[("sec-fetch-site", "none")],
        ] {
            assert_eq!(asked(sound), Ok(caller("nobody")), "{sound:?}");
        }
        assert_eq!(asked(&[there, ("x-api-key", "good")]), Ok(caller("known")));
    }
}
