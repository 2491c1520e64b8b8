//! Where an instance is, how it is asked, and the requests made for it.
//!
//! Invariant: a request's URL lies below the instance's base URL, and each part of its path is encoded on its own, so
//! that no input can climb out of its place.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, header};
use mosaic_actors::driver::Credential;
use mosaic_actors::error::{Failure, Kind};
use serde::Serialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::client::KeptAlive;
use super::credential::{Clock, Token};
use super::quota::Quota;
use super::{Form, Refusal, by_status};
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
    /// It tells whether an answer has changed, by the validators of its answers: `ETag`, else `Last-Modified`.
    pub validates: bool,
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
        validates: false,
    };
}

/// One instance, ready to be asked.
pub struct Endpoint {
    pub(super) client: KeptAlive,
    pub(super) dialect: &'static Dialect,
    pub(super) instance: Arc<str>,
    pub(super) headers: HeaderMap,
    pub(super) max_response: usize,
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
}

/// As long as it takes somebody to pay a bill who was told at once.
const SPENT: Duration = Duration::from_secs(300);

/// What a web page in the place of an answer tells of where a server was looked for.
pub(super) fn misplaced(base: &Url, dialect: &Dialect, headers: &HeaderMap) -> Option<String> {
    let media_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    // Nearly every answer ends here.
    if !media_type.to_ascii_lowercase().starts_with("text/html") {
        return None;
    }
    // The vendor's cloud may have its API elsewhere than the servers of others.
    let cloud = dialect.cloud.and_then(|cloud| Url::parse(cloud).ok());
    let cloud = cloud.filter(|cloud| cloud.host() == base.host());
    let api_path = cloud.as_ref().map_or(dialect.api_path, Url::path);
    let lacks = !base
        .path()
        .trim_end_matches('/')
        .ends_with(api_path.trim_end_matches('/'));
    lacks.then(|| format!("a web page came: does base_url lack the API's path, such as {api_path}?"))
}

/// Whether a failure says that the provider has no such route.
pub fn routeless(failure: &Failure) -> bool {
    matches!(failure.kind, Kind::NotFound | Kind::Unsupported)
}

/// A request to be sent.
pub struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) content: Content,
}

/// What a request brings.
#[derive(Clone)]
pub(super) enum Content {
    Nothing,
    Bytes(Bytes),
    Form(Form),
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
            quota: connection.quota.clone(),
            spent: SPENT,
            has_credential: false,
            renewable: None,
            clock: connection.clock.clone(),
            refuses: AtomicBool::new(false),
            base,
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
        let cloud = self.dialect.cloud.and_then(|cloud| Url::parse(cloud).ok());
        cloud.is_some_and(|cloud| cloud.origin() == self.base.origin())
    }

    /// Asks whether the provider is there and takes our credential. A server that has no such route is there, and looks at
    /// none. `keyed`: with a wrong one nobody is answered there; where that is not known, a refusal shows it.
    ///
    /// # Errors
    /// As [`Endpoint::send`].
    pub async fn well(&self, outgoing: Outgoing, keyed: bool) -> Result<Credential, Failure> {
        match self.send(outgoing).await {
            Ok(_) if self.has_credential && (keyed || self.refuses.load(Relaxed)) => Ok(Credential::Serves),
            Ok(_) => Ok(Credential::Unproven),
            Err(failure) if routeless(&failure) => Ok(Credential::Unproven),
            Err(failure) => {
                self.refuses.fetch_or(failure.kind == Kind::UpstreamAuth, Relaxed);
                Err(failure)
            }
        }
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

    /// A `GET` of the path made of `parts`, below the base URL.
    ///
    /// # Errors
    /// `invalid_input` where a part cannot stand in a path.
    pub fn get(&self, parts: &[&str]) -> Result<Outgoing, Failure> {
        Ok(Outgoing {
            method: Method::GET,
            url: self.url(parts)?,
            headers: HeaderMap::new(),
            content: Content::Nothing,
        })
    }

    /// A `POST` of a JSON body.
    ///
    /// # Errors
    /// `invalid_input` where a part cannot stand in a path.
    pub fn post(&self, parts: &[&str], body: &impl Serialize) -> Result<Outgoing, Failure> {
        self.with_json(Method::POST, parts, body)
    }

    /// A `PUT` of a JSON body.
    ///
    /// # Errors
    /// As [`Endpoint::post`].
    pub fn put(&self, parts: &[&str], body: &impl Serialize) -> Result<Outgoing, Failure> {
        self.with_json(Method::PUT, parts, body)
    }

    /// A `PATCH` of a JSON body.
    ///
    /// # Errors
    /// As [`Endpoint::post`].
    pub fn patch(&self, parts: &[&str], body: &impl Serialize) -> Result<Outgoing, Failure> {
        self.with_json(Method::PATCH, parts, body)
    }

    /// A request with a JSON body. Some providers want one with a `DELETE`, too.
    ///
    /// # Errors
    /// As [`Endpoint::post`].
    pub fn with_json(&self, method: Method, parts: &[&str], body: &impl Serialize) -> Result<Outgoing, Failure> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Failure::new(Kind::Internal, "a request could not be serialised").because(error))?;
        self.with_bytes(method, parts, "application/json", Bytes::from(body))
    }

    /// A `POST` of a form, as browsers send one without files.
    ///
    /// # Errors
    /// As [`Endpoint::post`].
    pub fn post_fields<'a>(
        &self,
        parts: &[&str],
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Outgoing, Failure> {
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let media_type = "application/x-www-form-urlencoded";
        self.with_bytes(Method::POST, parts, media_type, Bytes::from(body))
    }

    /// A request without a body.
    ///
    /// # Errors
    /// As [`Endpoint::post`].
    pub fn bare(&self, method: Method, parts: &[&str]) -> Result<Outgoing, Failure> {
        Ok(Outgoing {
            method,
            ..self.get(parts)?
        })
    }

    /// A `DELETE` without a body.
    ///
    /// # Errors
    /// As [`Endpoint::post`].
    pub fn delete(&self, parts: &[&str]) -> Result<Outgoing, Failure> {
        self.bare(Method::DELETE, parts)
    }

    /// The same request with what a path may hold as it is, and some servers read as more than a name, written out in its
    /// path behind the base's: a dot (what follows the last one, they take for the form of the answer), `+` and `&`.
    pub fn written_out(&self, mut outgoing: Outgoing) -> Outgoing {
        let (base, rest) = outgoing
            .url
            .path()
            .split_at(self.base.path().trim_end_matches('/').len());
        let rest = rest.replace('.', "%2E").replace('+', "%2B").replace('&', "%26");
        let path = format!("{base}{rest}");
        outgoing.url.set_path(&path);
        outgoing
    }

    fn with_bytes(
        &self,
        method: Method,
        parts: &[&str],
        media_type: &'static str,
        bytes: Bytes,
    ) -> Result<Outgoing, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        Ok(Outgoing {
            headers,
            content: Content::Bytes(bytes),
            ..self.bare(method, parts)?
        })
    }

    /// A `POST` of a form with a file in it.
    ///
    /// # Errors
    /// `invalid_input` where a part cannot stand in a path.
    pub fn post_form(&self, parts: &[&str], form: Form) -> Result<Outgoing, Failure> {
        Ok(Outgoing {
            method: Method::POST,
            url: self.url(parts)?,
            headers: HeaderMap::new(),
            content: Content::Form(form),
        })
    }

    fn url(&self, parts: &[&str]) -> Result<Url, Failure> {
        // URL parsers take dots away together with what stands before them, encoded or not.
        if parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
            return Err(Failure::new(
                Kind::InvalidInput,
                "a name must not be empty, '.' or '..'",
            ));
        }
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::invalid("base_url", "base_url must be an http or https URL"))?
            .pop_if_empty()
            .extend(parts);
        Ok(url)
    }
}

impl Outgoing {
    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.url.query_pairs_mut().append_pair(name, value.as_ref());
        self
    }

    /// Adds a query parameter where there is a value.
    #[must_use]
    pub fn query_if(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value.to_string()),
            None => self,
        }
    }

    /// Replaces the whole query by one that the provider gave, see [`super::link::next_query`].
    #[must_use]
    pub fn continued(mut self, query: &str) -> Self {
        self.url.set_query(Some(query));
        self
    }

    /// Asks for another media type than the endpoint's own.
    #[must_use]
    pub fn accept(mut self, media_type: &'static str) -> Self {
        self.headers
            .insert(header::ACCEPT, HeaderValue::from_static(media_type));
        self
    }

    /// Goes on with a stream of events behind the one of this id.
    #[must_use]
    pub fn behind(mut self, id: u64) -> Self {
        self.headers.insert("last-event-id", HeaderValue::from(id));
        self
    }

    /// Whether it can be sent (again): an upload that was read is gone.
    pub(super) fn is_there(&self) -> bool {
        self.form().is_none_or(Form::is_there)
    }

    /// The form that it brings.
    pub(super) fn form(&self) -> Option<&Form> {
        match &self.content {
            Content::Form(form) => Some(form),
            Content::Nothing | Content::Bytes(_) => None,
        }
    }

    /// The bytes that it brings.
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Bytes(bytes) => bytes,
            Content::Nothing | Content::Form(_) => b"",
        }
    }

    /// The same request elsewhere.
    pub(super) fn at(&self, url: Url) -> Self {
        Outgoing {
            method: self.method.clone(),
            url,
            headers: self.headers.clone(),
            content: self.content.clone(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::catalogue::cursor::CursorKey;
    use crate::providers::http::http_client;
    use proptest::prelude::*;
    use std::sync::LazyLock;

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
            quota: Arc::default(),
            clock: Clock::default(),
        }
    }

    #[test]
    fn a_base_keeps_its_path_with_or_without_a_slash() {
        for base in ["https://git.example.com/api/v3", "https://git.example.com/api/v3/"] {
            let endpoint = Endpoint::new(&connection(Some(base)), &DIALECT).unwrap();
            let url = endpoint.get(&["repos", "a", "b"]).unwrap().url;
            assert_eq!(url.as_str(), "https://git.example.com/api/v3/repos/a/b");
        }
    }

    #[test]
    fn what_is_read_as_more_than_a_name_is_written_out_behind_the_base() {
        let endpoint = Endpoint::new(&connection(Some("https://git.example.com/v1.0/")), &DIALECT).unwrap();
        let outgoing = endpoint.get(&["a.b/c", "..x", "%2E+&"]).unwrap().query("ref", "v1.0&+");
        let url = endpoint.written_out(outgoing).url;
        let written = "https://git.example.com/v1.0/a%2Eb%2Fc/%2E%2Ex/%252E%2B%26?ref=v1.0%26%2B";
        assert_eq!(url.as_str(), written);
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

    static ENDPOINT: LazyLock<Endpoint> =
        LazyLock::new(|| Endpoint::new(&connection(Some("https://h.example/api")), &DIALECT).expect("an endpoint"));

    proptest! {
        #[test]
        fn no_part_leaves_its_place(part in ".{0,20}") {
            if let Ok(outgoing) = ENDPOINT.get(&["repos", &part, "end"]) {
                let parts: Vec<_> = outgoing.url.path_segments().unwrap().collect();
                prop_assert_eq!(parts.len(), 4);
                prop_assert_eq!((parts[0], parts[1], parts[3]), ("api", "repos", "end"));
                prop_assert_eq!(outgoing.url.query(), None);
                let decoded = percent_encoding::percent_decode_str(parts[2]).decode_utf8().unwrap();
                // URL parsers drop tabs and line breaks; names with control characters never come this far.
                let kept: String = part.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
                prop_assert_eq!(decoded.as_ref(), kept);
            } else {
                prop_assert!(matches!(part.as_str(), "" | "." | ".."));
            }
        }
    }
}
