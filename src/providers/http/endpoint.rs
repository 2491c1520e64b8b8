//! Where an instance is, and how it is asked.
//!
//! Invariant: a base URL holds nothing that may not be shown.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, header};
use mosaic_actors::driver::Credential;
use mosaic_actors::error::{Failure, Kind};
use serde::de::IgnoredAny;
use url::Url;

use super::client::KeptAlive;
use super::collected::Collected;
use super::credential::{Clock, Token};
use super::outgoing::Outgoing;
use super::passed::{Kept, KeptMasks};
use super::quota::Quota;
use super::{Received, Refusal, behind, by_status};
use crate::providers::connection::Connection;

/// How one kind of provider differs from the others on the wire.
pub struct Dialect {
    /// Where the vendor's own cloud is; `None`: the configuration must say where the instance is.
    pub cloud: Option<&'static str>,
    /// Where the API mostly is on a server of one's own.
    pub api_path: &'static str,
    /// Where the vendor's own cloud keeps large files, as ends of host names; it sends there who asks for one.
    pub stores: &'static [&'static str],
    /// The response header that holds the provider's request id.
    pub request_id: &'static str,
    /// What an answer that is no success means.
    pub refuse: fn(&Refusal<'_>) -> Failure,
    /// The least wait after a rate limit that names no time; each that follows in a row is twice as long. `None`: as the
    /// engine has it.
    pub quiet: Option<Duration>,
    /// Whether a rate limit holds for whatever is asked with the credential, and not for requests of its kind alone.
    pub limits_all: fn(&Refusal<'_>) -> bool,
    /// It answers orders with web pages; elsewhere one in place of an answer is that of somebody between us.
    pub pages: bool,
    /// A write that it redirects within itself for good is sent again there.
    pub follows_writes: bool,
    /// It tells whether an answer has changed, by the validators of its answers: `ETag`, else `Last-Modified`.
    pub validates: bool,
    /// What requests begin with themselves: no base ends with it.
    pub begins: &'static str,
    /// Others speak it, too, and have their API wherever they like: only one at its root is doubted.
    pub anywhere: bool,
    /// Hosts of such that have it at their root.
    pub at_root: &'static [&'static str],
}

/// A base that is not where its API is.
pub struct Astray {
    /// What is wrong with it; goes on where the name of the setting ends, and names no host.
    pub why: String,
    /// What is meant.
    pub meant: Url,
    /// It can be nothing else.
    pub surely: bool,
}

impl Dialect {
    /// What most have in common.
    pub const PLAIN: Dialect = Dialect {
        cloud: None,
        api_path: "",
        stores: &[],
        request_id: "x-request-id",
        refuse: |refusal| by_status(refusal),
        quiet: None,
        limits_all: |_| false,
        pages: false,
        follows_writes: true,
        validates: false,
        begins: "",
        anywhere: false,
        at_root: &[],
    };

    fn cloud(&self) -> Option<Url> {
        Url::parse(self.cloud?).ok()
    }

    /// What is wrong with a base, by where the API mostly is; none where it looks right.
    pub fn astray(&self, base: &Url) -> Option<Astray> {
        let path = base.path().trim_end_matches('/');
        let api = self.api_path.trim_end_matches('/');
        let at = |why: String, path: &str, surely| {
            let mut meant = base.clone();
            meant.set_path(path);
            Some(Astray { why, meant, surely })
        };
        if let Some(before) = path.strip_suffix(self.begins).filter(|_| !self.begins.is_empty()) {
            let why = format!("ends in {}, which requests begin with themselves", self.begins);
            return at(why, before, true);
        }
        let lacks = || {
            format!(
                "lacks the path of the API, which mostly is {}",
                if api.is_empty() { "/" } else { api }
            )
        };
        let may_be_at_root = self.cloud().is_some_and(|cloud| cloud.path() == "/");
        if let Some(once) = path
            .strip_suffix(api)
            .filter(|once| !api.is_empty() && once.ends_with(api))
        {
            return at(format!("has the path of the API, {api}, twice"), once, true);
        }
        if let Some(cloud) = self.cloud()
            && let (Some(host), Some(vendors)) = (base.host_str(), cloud.host_str())
            && (host == vendors || vendors.strip_prefix("api.") == Some(host))
        {
            let is_there = host == vendors && path == cloud.path().trim_end_matches('/');
            let why = "is not where the vendor has its API".to_owned();
            return (!is_there).then_some(Astray {
                why,
                meant: cloud,
                surely: !may_be_at_root,
            });
        }
        let known = base.host_str().is_some_and(|host| self.at_root.contains(&host));
        if api.is_empty() || path.ends_with(api) || self.anywhere && (known || !path.is_empty()) {
            return None;
        }
        at(lacks(), &format!("{}{api}", before_api(path, api)), !may_be_at_root)
    }

    /// What `base_url` may be meant to be; none where it looks right.
    pub fn meant(&self, base: &Url) -> Option<Url> {
        self.astray(base).map(|astray| astray.meant)
    }

    /// What is wrong with a base whose API may be nowhere else: a server that may have it at its root is not doubted.
    pub fn surely_astray(&self, base: &Url) -> Option<Astray> {
        self.astray(base).filter(|astray| astray.surely)
    }
}

/// What of a path stands before the API's: also where a part of that is there, or another version of it.
fn before_api<'a>(path: &'a str, api: &str) -> &'a str {
    let above = api.rsplit_once('/').map_or("", |(above, _)| above);
    if above.is_empty() {
        return path;
    }
    let version = path.rsplit_once('/').filter(|(_, last)| last.starts_with('v'));
    let of_version = version.and_then(|(before, _)| before.strip_suffix(above));
    of_version.or(path.strip_suffix(above)).unwrap_or(path)
}

/// One instance, ready to be asked.
pub struct Endpoint {
    pub(super) client: KeptAlive,
    pub(super) dialect: &'static Dialect,
    pub(super) instance: Arc<str>,
    pub(super) headers: HeaderMap,
    pub(super) max_response: usize,
    pub(super) collected: Collected,
    pub(super) quota: Arc<Quota>,
    /// How long an account that is spent is left alone.
    pub(super) spent: Duration,
    /// A credential goes with each request.
    pub(super) has_credential: bool,
    /// What goes with a request and changes.
    pub(super) renewable: Option<Box<dyn Renewable>>,
    pub(super) clock: Clock,
    /// A check was refused for its credential: where it asks, one is looked at.
    refuses: AtomicBool,
    pub(super) base: Url,
    /// What is replaced in answers that are passed through.
    pub(super) guards: Kept,
    /// What is hidden in all others.
    pub(super) masks: KeptMasks,
}

/// What goes with requests beside an endpoint's own headers, and changes while it is used.
pub(super) trait Renewable: Send + Sync {
    /// What a request needs, other than what was `refused`; `None`: nothing.
    fn token<'a>(
        &'a self,
        outgoing: &'a Outgoing,
        refused: Option<&'a Arc<Token>>,
    ) -> BoxFuture<'a, Result<Option<Arc<Token>>, Failure>>;

    /// Whether a refusal is one of what went with the request.
    fn is_stale(&self, failure: &Failure, status: StatusCode, body: &[u8]) -> bool;

    /// How long a new token may be refused though it is sound.
    fn fresh(&self) -> Duration;

    /// For how long a token that was refused with this body is not renewed; `None`: it is now.
    fn rests(&self, _token: &Arc<Token>, _body: &[u8]) -> Option<Duration> {
        None
    }

    /// A token that nobody else is given, for a provider that takes each once; `None`: it takes one as long as it holds.
    fn single(&self) -> Option<BoxFuture<'_, Result<Arc<Token>, Failure>>> {
        None
    }

    /// Such a token has served where no shared one did.
    fn serves_singly(&self) {}
}

/// As long as it takes somebody to pay a bill who was told at once.
const SPENT: Duration = Duration::from_secs(300);

/// Whether an answer is a web page.
pub(super) fn is_page(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.is_some_and(|text| text.to_ascii_lowercase().starts_with("text/html"))
}

/// What a web page in the place of an answer tells of where a server was looked for.
pub(super) fn misplaced(base: &Url, dialect: &Dialect, headers: &HeaderMap) -> Option<String> {
    // Nearly every answer ends here.
    if !is_page(headers) {
        return None;
    }
    // The vendor's cloud may have its API elsewhere than the servers of others.
    let cloud = dialect.cloud().filter(|cloud| cloud.host() == base.host());
    let api_path = cloud.as_ref().map_or(dialect.api_path, Url::path);
    let lacks = !base
        .path()
        .trim_end_matches('/')
        .ends_with(api_path.trim_end_matches('/'));
    lacks.then(|| format!("a web page came: does base_url lack the API's path, such as {api_path}?"))
}

/// Whether a failure says that what was asked for as it is always asked is none of what is there.
fn unheard(failure: &Failure) -> bool {
    routeless(failure) || failure.kind == Kind::InvalidInput
}

/// Whether a failure says that the provider has no such route.
pub fn routeless(failure: &Failure) -> bool {
    matches!(failure.kind, Kind::NotFound | Kind::Unsupported)
}

impl Endpoint {
    /// The endpoint of a connection, without a credential yet.
    ///
    /// # Errors
    /// `invalid_input` on `base_url`.
    pub fn new(connection: &Connection, dialect: &'static Dialect) -> Result<Self, Failure> {
        let base = match (&connection.base_url, dialect.cloud) {
            (Some(url), _) => url.clone(),
            (None, Some(cloud)) => Url::parse(cloud)
                .map_err(|error| Failure::new(Kind::Internal, "the cloud's own URL is wrong").because(error))?,
            (None, None) => return Err(Failure::invalid("base_url", "base_url is required for this provider")),
        };
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(Failure::invalid("base_url", "base_url must be an http or https URL"));
        }
        // What is written there would be sent with every request, or shown wherever the URL is.
        if !base.username().is_empty()
            || base.password().is_some()
            || base.query().is_some()
            || base.fragment().is_some()
        {
            return Err(Failure::invalid(
                "base_url",
                "base_url must hold no credentials, query or fragment",
            ));
        }
        Ok(Endpoint {
            client: KeptAlive::new(connection.http.clone()),
            dialect,
            instance: connection.instance.clone(),
            // What is compressed nevertheless is unpacked.
            headers: HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))]),
            max_response: connection.max_response,
            collected: connection.collected.clone(),
            quota: connection.quota.clone(),
            spent: SPENT,
            has_credential: false,
            renewable: None,
            clock: connection.clock.clone(),
            refuses: AtomicBool::new(false),
            base,
            guards: Kept::default(),
            masks: KeptMasks::default(),
        })
    }

    /// Leaves an account that is spent alone for so long, instead of some minutes.
    #[must_use]
    pub fn spent_for(self, spent: Duration) -> Self {
        Endpoint { spent, ..self }
    }

    /// How long an account that is spent is left alone.
    pub fn spent(&self) -> Duration {
        self.spent
    }

    /// Whether it is at the vendor's own cloud.
    pub fn is_in_cloud(&self) -> bool {
        self.dialect
            .cloud()
            .is_some_and(|cloud| cloud.origin() == self.base.origin())
    }

    /// What more is to be found out behind an answer that is known already; none where it cannot be, or not soon.
    pub async fn look<T>(&self, read: impl Future<Output = Result<T, Failure>>) -> Option<T> {
        behind(&self.instance, read).await
    }

    /// Asks whether the provider is there and takes our credential. A server that has no such route is there, and looks at
    /// none. `keyed`: with a wrong one nobody is answered there; where that is not known, a refusal shows it.
    ///
    /// # Errors
    /// As [`Endpoint::send`].
    pub async fn well(&self, outgoing: Outgoing, keyed: bool) -> Result<Credential, Failure> {
        let astray = self.dialect.astray(&self.base);
        let meant = astray.map(|astray| self.at_base(&outgoing, &astray));
        let failure = match self.send(outgoing).await {
            Ok(_) => return Ok(self.proven(keyed)),
            Err(failure) => failure,
        };
        if let Some(meant) = meant.filter(|_| unheard(&failure))
            && self.answers(meant).await
        {
            return Err(self.elsewhere());
        }
        match routeless(&failure) {
            true => Ok(Credential::Unproven),
            false => Err(self.refused(failure)),
        }
    }

    /// The same request below another base; `None` where that is another host's, which our credential is not for.
    fn at_base(&self, outgoing: &Outgoing, astray: &Astray) -> Option<Outgoing> {
        let own = self.base.path().trim_end_matches('/');
        let below = outgoing.url.path().strip_prefix(own)?;
        let mut url = outgoing.url.clone();
        url.set_path(&format!("{}{below}", astray.meant.path().trim_end_matches('/')));
        (astray.meant.origin() == self.base.origin()).then(|| outgoing.at(url))
    }

    /// Whether the API is where a request is sent: it answers, or looks at our credential. At another host it surely is.
    async fn answers(&self, outgoing: Option<Outgoing>) -> bool {
        match outgoing {
            None => true,
            Some(outgoing) => match self.send(outgoing).await {
                Ok(received) => received.json::<IgnoredAny>().is_ok(),
                Err(failure) => failure.kind == Kind::UpstreamAuth,
            },
        }
    }

    /// A server that refuses a credential looks at it.
    fn refused(&self, failure: Failure) -> Failure {
        self.refuses.fetch_or(failure.kind == Kind::UpstreamAuth, Relaxed);
        failure
    }

    fn proven(&self, keyed: bool) -> Credential {
        match self.has_credential && (keyed || self.refuses.load(Relaxed)) {
            true => Credential::Serves,
            false => Credential::Unproven,
        }
    }

    /// As [`Endpoint::well`], by a route that every server of the kind has, and answers with JSON: where that is not, its API
    /// is elsewhere.
    ///
    /// # Errors
    /// As [`Endpoint::send`]; `upstream_failed` that tells what `base_url` may be meant to be.
    pub async fn here(&self, outgoing: Outgoing, keyed: bool) -> Result<Credential, Failure> {
        self.found(self.send(outgoing).await, keyed)
    }

    /// What such a route's answer proves.
    ///
    /// # Errors
    /// As [`Endpoint::here`].
    pub fn found(&self, sent: Result<Received, Failure>, keyed: bool) -> Result<Credential, Failure> {
        match sent.and_then(|received| received.json::<IgnoredAny>()) {
            Ok(_) => Ok(self.proven(keyed)),
            Err(failure) if routeless(&failure) || failure.unreadable => Err(self.elsewhere()),
            Err(failure) => Err(self.refused(failure)),
        }
    }

    /// What an answer that is none of the API's tells of `base_url`.
    fn elsewhere(&self) -> Failure {
        let base = self.base.as_str().trim_end_matches('/');
        let api = self.dialect.api_path.trim_end_matches('/');
        let why = match self.dialect.astray(&self.base) {
            Some(Astray { why, meant, .. }) => {
                format!("base_url {why}: try {}", meant.as_str().trim_end_matches('/'))
            }
            None => match base.strip_suffix(api).filter(|_| !api.is_empty()) {
                Some(without) => format!(
                    "there is no API at {base}: try {without}, or the path that the server is below, with {api} behind it"
                ),
                None => format!("there is no API at {base}: does base_url lack the path that the server is below?"),
            },
        };
        let sentence = format!("what answers there is not the provider's API; {why}");
        Failure::new(Kind::UpstreamFailed, sentence)
            .not_usable()
            .by(&self.instance)
    }

    /// Sends a header with every request. `setting` names where its value came from.
    ///
    /// # Errors
    /// `invalid_input` on `setting` where the value holds what a header cannot.
    pub fn header(mut self, name: &'static str, value: &str, setting: &str) -> Result<Self, Failure> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Failure::invalid(setting, format!("{setting} holds characters that no header can")))?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::catalogue::cursor::CursorKey;
    use crate::providers::http::http_client;

    pub(crate) static DIALECT: Dialect = Dialect {
        cloud: Some("https://api.example.com"),
        api_path: "/api",
        ..Dialect::PLAIN
    };

    pub(crate) fn connection(base: Option<&str>) -> Connection {
        Connection {
            instance: Arc::from("forge-a"),
            base_url: base.map(|text| Url::parse(text).expect("a URL")),
            credential: None,
            settings: serde_json::Map::new(),
            http: http_client().expect("a client").into(),
            cursors: CursorKey::random(),
            scope: None,
            operations: Catalogue::built_in().operations().clone(),
            max_response: 1 << 20,
            collected: Collected::default(),
            quota: Arc::default(),
            directory: Arc::default(),
            models: Arc::new(crate::providers::models::Models::load(None).expect("a sound table")),
            clock: Clock::default(),
        }
    }

    #[test]
    fn one_that_has_refused_a_credential_looks_at_it_by_whatever_route() {
        let mut endpoint = Endpoint::new(&connection(None), &DIALECT).expect("an endpoint");
        endpoint.has_credential = true;
        assert_eq!(endpoint.proven(false), Credential::Unproven);
        let refused = Failure::new(Kind::UpstreamAuth, "no");
        assert!(endpoint.found(Err(refused), false).is_err());
        assert_eq!(endpoint.proven(false), Credential::Serves);
    }

    #[test]
    fn a_base_that_is_no_place_is_refused() {
        for base in [
            "ftp://example.com",
            "https://user:pw@example.com",
            "https://example.com/?key=1",
            "data:text/plain,x",
        ] {
            let failure = Endpoint::new(&connection(Some(base)), &DIALECT).err().expect(base);
            assert_eq!(failure.field.as_deref(), Some("base_url"), "{base}");
        }
    }

    #[test]
    fn a_base_without_the_path_of_its_api_is_known_with_what_is_meant() {
        let dialect = |cloud, api_path| Dialect {
            cloud,
            api_path,
            ..Dialect::PLAIN
        };
        let hub = dialect(Some("https://api.hub.example"), "/api/v3");
        let lab = dialect(Some("https://lab.example/api/v4"), "/api/v4");
        let own = dialect(None, "/api/v1");
        let ci = dialect(None, "/api");
        for (dialect, base, meant) in [
            (&own, "https://h", Some("https://h/api/v1")),
            (&own, "https://h:1/sub/", Some("https://h:1/sub/api/v1")),
            (&own, "https://h/api", Some("https://h/api/v1")),
            (&own, "https://h/sub/api/v3", Some("https://h/sub/api/v1")),
            (&own, "https://h/api/v1/", None),
            (&ci, "https://h", Some("https://h/api")),
            (&ci, "https://h/ci/api", None),
            (&lab, "https://lab.example", Some("https://lab.example/api/v4")),
            (&lab, "https://h/api/v3", Some("https://h/api/v4")),
            (&hub, "https://hub.example", Some("https://api.hub.example/")),
            (&hub, "https://api.hub.example/api/v3", Some("https://api.hub.example/")),
            (&hub, "https://api.hub.example/", None),
            (&hub, "https://h/api/v3", None),
            (&hub, "https://h", Some("https://h/api/v3")),
        ] {
            let told = dialect.meant(&Url::parse(base).expect("a URL"));
            assert_eq!(told.as_ref().map(Url::as_str), meant, "{base}");
        }
        let at_root = Url::parse("https://h").expect("a URL");
        assert!(hub.surely_astray(&at_root).is_none() && lab.surely_astray(&at_root).is_some());
    }

    #[test]
    fn a_base_with_the_path_twice_or_where_requests_bring_it_is_known() {
        let models = Dialect {
            cloud: Some("https://api.example.com/v1"),
            api_path: "/v1",
            anywhere: true,
            at_root: &["root.example"],
            ..Dialect::PLAIN
        };
        let messages = Dialect {
            cloud: Some("https://api.example.com"),
            begins: "/v1",
            ..Dialect::PLAIN
        };
        for (dialect, base, meant, why) in [
            (
                &models,
                "https://api.example.com",
                "https://api.example.com/v1",
                "not where the vendor",
            ),
            (
                &models,
                "https://api.example.com/v1/v1",
                "https://api.example.com/v1",
                "twice",
            ),
            (&models, "http://h:1/v1/v1/", "http://h:1/v1", "twice"),
            (
                &models,
                "http://h:1",
                "http://h:1/v1",
                "lacks the path of the API, which mostly is /v1",
            ),
            (&models, "http://h:1/v1", "", ""),
            (&models, "http://h:1/v1beta/openai", "", ""),
            (&models, "https://root.example", "", ""),
            (
                &messages,
                "https://api.example.com/v1",
                "https://api.example.com/",
                "begin with themselves",
            ),
            (
                &messages,
                "http://h:1/sub/v1/",
                "http://h:1/sub",
                "begin with themselves",
            ),
            (&messages, "http://h:1/sub", "", ""),
            (&messages, "http://h:1", "", ""),
        ] {
            let told = dialect.surely_astray(&Url::parse(base).expect("a URL"));
            assert_eq!(told.as_ref().map_or("", |told| told.meant.as_str()), meant, "{base}");
            assert!(told.is_none_or(|told| told.why.contains(why)), "{base}");
        }
    }

    #[test]
    fn a_page_in_place_of_an_answer_tells_of_the_path_that_is_lacking_there() {
        static FORGE: Dialect = Dialect {
            api_path: "/api/v3",
            ..DIALECT
        };
        static MODELS: Dialect = Dialect {
            cloud: Some("https://api.example.com/v1"),
            api_path: "/v1",
            ..DIALECT
        };
        let page = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/html"))]);
        for (dialect, base, lacks) in [
            (&FORGE, "https://git.example.com", Some("/api/v3")),
            (&FORGE, "https://git.example.com/api/v3/", None),
            // There is nothing below which its API would be.
            (&FORGE, "https://api.example.com", None),
            (&MODELS, "https://api.example.com", Some("/v1")),
            (&MODELS, "https://api.example.com/v1", None),
        ] {
            let told = misplaced(&Url::parse(base).expect("a URL"), dialect, &page);
            assert_eq!(told.is_some(), lacks.is_some(), "{base}");
            let path = lacks.unwrap_or_default();
            assert!(told.unwrap_or_default().contains(path), "{base}");
        }
    }
}
