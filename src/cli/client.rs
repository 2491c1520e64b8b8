//! The HTTP client of a gateway's REST surface and admin listener.
//!
//! Invariant: a request is built from the operation's declaration alone, and the key goes nowhere but into the
//! `Authorization` header.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Upload;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER,
};
use reqwest::{Method, RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

use crate::catalogue::{Declaration, Entry, Method as Verb};
use crate::dispatch::Options;
use crate::wire::{file, tls};

use super::connection::Trusted;
use super::download::Download;
use super::problem::Problem;
use super::transport::{NOT_HTTP, base_url, body as body_of, broken, http_client};
use super::upload;
use super::{events, explain};

/// The header that tells that an answer is emulated.
const EMULATED: &str = "x-mosaic-emulated";

/// The header that names the request.
const REQUEST_ID: &str = "x-request-id";

/// What the server has beyond the caller's deadline to tell that it passed.
const GRACE: Duration = Duration::from_secs(2);

/// What a placeholder keeps as it is: the unreserved characters of RFC 3986. A `/` is encoded, so that each
/// placeholder is one segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The events of a stream, each one JSON document.
pub type Events = Pin<Box<dyn Stream<Item = Result<Bytes, Problem>> + Send>>;

/// What a call brings, and whether it was made of other things than what was asked for.
pub struct Replied {
    /// What it brings.
    pub reply: Reply,
    /// The provider has nothing of the kind.
    pub emulated: bool,
    /// What was decided for it, where that was asked for and does not stand in the answer.
    pub decision: Option<Value>,
    /// The request's id, by which what was decided can be looked at later.
    pub id: Option<String>,
}

/// What a call brings.
pub enum Reply {
    /// The output.
    Whole(Bytes),
    /// The output's events as they come.
    Events(Events),
    /// A file as it comes.
    File(Download),
}

/// A gateway somewhere else.
pub struct Remote {
    http: reqwest::Client,
    base: Url,
    key: Option<SecretString>,
}

/// What advice an error of the admin listener gets: on the command line other flags lead there than on that of calls.
fn advised(problem: Problem, url: &Url) -> Problem {
    let Some((_, what)) = url.path().split_once("/admin/v1/") else {
        return problem;
    };
    match explain::advice_on_admin(problem.kind(), what) {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

impl Remote {
    /// A client of the gateway at `base`, whose text came from `named` (a flag or a variable).
    ///
    /// # Errors
    /// `invalid_input` for an address that is none; `internal` where TLS cannot be set up.
    #[cfg(test)]
    pub fn new(named: &str, base: &str, key: Option<SecretString>) -> Result<Self, Failure> {
        Self::trusting(named, base, key, None)
    }

    /// The same, which trusts the authorities of a file beside the platform's.
    ///
    /// # Errors
    /// `invalid_input` for an address that is none, or a file of none; `internal` where TLS cannot be set up.
    pub fn trusting(
        named: &str,
        base: &str,
        key: Option<SecretString>,
        trusted: Option<&Trusted>,
    ) -> Result<Self, Failure> {
        let base = base_url(named, base)?;
        Ok(Remote {
            http: http_client(&base, key.is_some(), trusted)?,
            base,
            key,
        })
    }

    /// Does one call.
    ///
    /// # Errors
    /// The server's problem, or `network` and `timeout` where there was no reply.
    pub async fn call(
        &self,
        entry: &Entry,
        input: Map<String, Value>,
        upload: Option<Arc<Upload>>,
        options: &Options,
    ) -> Result<Replied, Problem> {
        let mut request = self.request(entry.declaration, input, options)?;
        if let Some(upload) = &upload {
            request = uploading(request, upload)?;
        }
        let reply = self.send(request).await.map_err(|problem| {
            // Of a file that cannot be read, the connection knows only that it broke.
            let broken = upload.as_ref().and_then(|upload| upload.failure().cloned());
            broken.map_or(problem, |failure| upload::of_flag(entry, failure).into())
        })?;
        let emulated = reply.headers().get(EMULATED).is_some_and(|value| value == "true");
        let id = reply.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let id = id.map(str::to_owned);
        let reply = if entry.declaration.facts.streaming {
            Reply::Events(events::read(reply))
        } else if entry.declaration.bytes {
            let media_type = reply.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            Reply::File(Download {
                media_type: media_type.unwrap_or("application/octet-stream").to_owned(),
                length: reply.content_length(),
                bytes: Box::pin(reply.bytes_stream().map_err(|error| Problem::from(broken(&error)))),
            })
        } else {
            Reply::Whole(body_of(reply).await?)
        };
        Ok(Replied {
            reply,
            emulated,
            decision: None,
            id,
        })
    }

    /// Reads a document of the admin listener; with `limit`, so many of its rows.
    ///
    /// # Errors
    /// As [`Remote::call`].
    pub async fn read(&self, path: &str, limit: Option<u32>) -> Result<Bytes, Problem> {
        let mut url = self.url(path);
        if let Some(limit) = limit {
            url.query_pairs_mut().append_pair("limit", &limit.to_string());
        }
        let request = self.http.get(url).header(ACCEPT, "application/json");
        Ok(body_of(self.send(self.authorised(request)?).await?).await?)
    }

    /// Follows a stream of events of the admin listener.
    ///
    /// # Errors
    /// As [`Remote::call`].
    pub async fn watch(&self, path: &str) -> Result<Events, Problem> {
        let request = self.http.get(self.url(path)).header(ACCEPT, "text/event-stream");
        Ok(events::read(self.send(self.authorised(request)?).await?))
    }

    /// Asks the admin listener for a change; with `dry_run`, for what it would touch.
    ///
    /// # Errors
    /// As [`Remote::call`].
    pub async fn change(&self, path: &str, body: &Value, dry_run: bool) -> Result<Bytes, Problem> {
        let mut url = self.url(path);
        if dry_run {
            url.query_pairs_mut().append_pair("dry_run", "true");
        }
        let request = self.http.post(url).header(ACCEPT, "application/json").json(body);
        Ok(body_of(self.send(self.authorised(request)?).await?).await?)
    }

    /// A request for a path of the gateway's, with the key.
    ///
    /// # Errors
    /// `invalid_input` where no header can carry the key.
    #[cfg(feature = "mcp")]
    pub fn raw(&self, method: reqwest::Method, path: &str) -> Result<RequestBuilder, Failure> {
        self.authorised(self.http.request(method, self.url(path)))
    }

    fn request(
        &self,
        declaration: &Declaration,
        mut input: Map<String, Value>,
        options: &Options,
    ) -> Result<RequestBuilder, Failure> {
        let path = expand(declaration.path, &mut input)?;
        let mut url = self.url(&format!("/v1{path}"));
        if declaration.input_in_query() {
            append_query(&mut url, &input);
        }
        let (in_headers, in_query): (Vec<_>, Vec<_>) = options
            .said()
            .into_iter()
            .partition(|(option, _)| option.header.is_some());
        for (option, text) in in_query {
            url.query_pairs_mut().append_pair(option.name, &text);
        }
        let streaming = declaration.facts.streaming;
        let mut request = match declaration.method {
            Verb::Get => self.http.get(url),
            Verb::Delete => self.http.delete(url),
            Verb::Post => self.http.post(url),
            Verb::Put => self.http.put(url),
            Verb::Patch => self.http.patch(url),
        };
        if !declaration.input_in_query() {
            request = request.json(&input);
        }
        let accepted = match (streaming, declaration.bytes) {
            (true, _) => "text/event-stream",
            (false, true) => "*/*",
            (false, false) => "application/json",
        };
        request = request.header(ACCEPT, accepted);
        for (option, text) in in_headers {
            let value = HeaderValue::from_str(&text).map_err(|_| {
                let sentence = format!("{} holds characters that a header cannot carry", option.name);
                Failure::invalid(option.name, sentence)
            })?;
            request = request.header(option.header.unwrap_or(option.name), value);
        }
        // A stream, or a file, may last longer than the time that its beginning may take.
        if let Some(timeout) = options.timeout.filter(|_| !streaming && !declaration.bytes) {
            request = request.timeout(timeout.saturating_add(GRACE));
        }
        self.authorised(request)
    }

    fn authorised(&self, request: RequestBuilder) -> Result<RequestBuilder, Failure> {
        let Some(key) = &self.key else { return Ok(request) };
        let mut header = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
            .map_err(|_| Failure::invalid("key", "the key holds characters that a header cannot carry"))?;
        header.set_sensitive(true);
        Ok(request.header(AUTHORIZATION, header))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Problem> {
        let reply = self.exchanged(request).await?;
        match reply.status().is_success() {
            true => Ok(reply),
            false => Err(refused(reply).await),
        }
    }

    /// Sends what [`Remote::asking`] began; whatever is answered is a reply.
    ///
    /// # Errors
    /// `network` and `timeout` where there was none.
    pub async fn exchanged(&self, request: RequestBuilder) -> Result<Response, Problem> {
        request.send().await.map_err(|error| self.unreachable(&error))
    }

    /// A request to a path below the gateway's address, with the key.
    ///
    /// # Errors
    /// `invalid_input` where no header can carry the key.
    pub fn asking(&self, method: Method, path: &str) -> Result<RequestBuilder, Failure> {
        self.authorised(self.http.request(method, self.url(path)))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Problem {
        let failure = broken(error);
        let timed_out = failure.kind == Kind::Timeout;
        let origin = self.base.origin().ascii_serialization();
        let problem = Problem::from(Failure::new(
            failure.kind,
            format!("no reply from {origin}: {}", failure.message()),
        ));
        if timed_out {
            return problem;
        }
        if failure.message() == NOT_HTTP {
            let mut secure = self.base.clone();
            let hint = match secure.set_scheme("https") {
                Ok(()) if self.base.scheme() == "http" => {
                    format!("It may speak TLS: write {}.", secure.as_str().trim_end_matches('/'))
                }
                _ => "Is a gateway there? Something else answered.".to_owned(),
            };
            return problem.hint(hint);
        }
        if failure.message().contains(tls::UNKNOWN_ISSUER) {
            return problem
                .hint("--ca-file or MOSAIC_CA_FILE names a private authority; `mosaic login --ca-file` keeps it.");
        }
        problem
            .hint("Is a gateway running there? `mosaic serve` starts one; --server or --admin names another address.")
    }

    /// `path` below the base address, which may itself have a path. `path` is percent-encoded already, and may have a query
    /// behind it.
    fn url(&self, path: &str) -> Url {
        let (path, query) = path
            .split_once('?')
            .map_or((path, None), |(path, query)| (path, Some(query)));
        let mut url = self.base.clone();
        url.set_query(query);
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }
}

/// The problem that a reply tells.
pub async fn refused(reply: Response) -> Problem {
    let (status, url) = (reply.status().as_u16(), reply.url().clone());
    let wait = reply
        .headers()
        .get(RETRY_AFTER)
        .and_then(|wait| wait.to_str().ok()?.parse().ok());
    match body_of(reply).await {
        Ok(body) => advised(Problem::from_reply(status, &body, wait.map(Duration::from_secs)), &url),
        Err(failure) => failure.into(),
    }
}

/// The same request with the file as its body.
fn uploading(request: RequestBuilder, upload: &Upload) -> Result<RequestBuilder, Failure> {
    let media_type = HeaderValue::from_str(&upload.media_type);
    let media_type = media_type.map_err(|_| {
        let sentence = "a media type is written as type/subtype, in ASCII letters";
        Failure::invalid(upload::CONTENT_TYPE, sentence)
    })?;
    let mut request = request.header(CONTENT_TYPE, media_type);
    if let Some(length) = upload.length {
        request = request.header(CONTENT_LENGTH, length);
    }
    if let Some(name) = &upload.name {
        request = request.header(CONTENT_DISPOSITION, file::attachment(Some(name)));
    }
    Ok(request.body(reqwest::Body::wrap_stream(upload.take()?.bytes)))
}

/// Fills the placeholders of a declared path with fields of `input`, which loses them.
///
/// # Errors
/// `invalid_input` naming a field that is missing, or would lead elsewhere.
pub fn expand(template: &str, input: &mut Map<String, Value>) -> Result<String, Failure> {
    let mut pieces = template.split('{');
    let mut path = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once('}').unwrap_or((piece, ""));
        let text = match input.shift_remove(name) {
            None | Some(Value::Null) => return Err(Failure::invalid(name, format!("{name} is missing"))),
            Some(value) => text_of(&value),
        };
        // Addresses are normalised: an empty or dotted segment would lead to another route.
        if matches!(&*text, "" | "." | "..") {
            return Err(Failure::invalid(name, format!("{name} must not be empty, '.' or '..'")));
        }
        path.extend(utf8_percent_encode(&text, SEGMENT));
        path.push_str(rest);
    }
    Ok(path)
}

fn append_query(url: &mut Url, input: &Map<String, Value>) {
    let present = input.iter().filter(|(_, value)| !value.is_null());
    for (name, value) in present {
        match value {
            Value::Array(values) if values.iter().all(Value::is_string) => {
                url.query_pairs_mut()
                    .extend_pairs(values.iter().map(|value| (name, text_of(value))));
            }
            value => {
                url.query_pairs_mut().append_pair(name, &text_of(value));
            }
        }
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalogue::find;

    fn sent(base: &str, name: &str, input: Value) -> Result<(reqwest::Request, Value), Failure> {
        let remote = Remote::new("--server", base, Some("s3cret".into()))?;
        let Value::Object(input) = input else {
            panic!("an object")
        };
        let declaration = find(name).expect("an operation").declaration;
        let options = Options {
            provider: Some("forge a".to_owned()),
            no_cache: true,
            ..Options::default()
        };
        let request = remote
            .request(declaration, input, &options)?
            .build()
            .expect("a request");
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or(b"null");
        let body = serde_json::from_slice(body).expect("JSON");
        Ok((request, body))
    }

    #[test]
    fn a_placeholder_is_one_segment_and_leaves_the_query() {
        let input = json!({"repo": "forge-a~acme/api", "path": "a b/ü.md", "ref": "x&y"});
        let (request, _) = sent("http://127.0.0.1:1/gw/", "git.file.get", input).unwrap();
        assert_eq!(
            request.url().as_str(),
            "http://127.0.0.1:1/gw/v1/git/repos/forge-a~acme%2Fapi/files/a%20b%2F%C3%BC.md?ref=x%26y&provider=forge+a&no_cache=true"
        );
        assert!(request.headers()[AUTHORIZATION].is_sensitive());
    }

    #[test]
    fn a_post_carries_its_input_as_the_body() {
        let input = json!({"project": "acme/api", "title": "T", "labels": ["a", "b"]});
        let (request, body) = sent("http://127.0.0.1:1", "projects.issue.create", input.clone()).unwrap();
        assert_eq!(request.url().path(), "/v1/projects/issues");
        assert_eq!(body, input);
    }

    #[test]
    fn segments_that_lead_elsewhere_and_odd_addresses_are_refused() {
        let field = |base, repo| {
            let failure = sent(base, "git.repo.get", json!({"repo": repo})).expect_err("refused");
            assert!(!failure.message().contains("hunter2"));
            failure.field.expect("a field").to_string()
        };
        assert_eq!(field("http://127.0.0.1:1", ".."), "repo");
        assert_eq!(field("http://127.0.0.1:1", ""), "repo");
        assert_eq!(field("http://u:hunter2@h", "a"), "--server");
        assert_eq!(field("ftp://h", "a"), "--server");
        assert_eq!(field("nonsense", "a"), "--server");
    }
}
