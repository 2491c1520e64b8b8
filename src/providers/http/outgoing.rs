//! A request to be sent.
//!
//! Invariant: what is added to one never changes where it goes.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, header};
use mosaic_actors::error::{Failure, Kind};
use url::Url;

use super::Form;
use super::embedded::Embedded;
use super::upload::{Sending, Streamed};

/// A request to be sent.
pub struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) content: Content,
    /// Its headers are a caller's: they do not go before those of its endpoint.
    pub(super) passed: bool,
    /// It bears no credential.
    pub(super) bare: bool,
}

/// What a request brings.
#[derive(Clone)]
pub(super) enum Content {
    Nothing,
    Bytes(Bytes),
    Form(Form),
    /// An upload as the whole body.
    Streamed(Streamed),
    /// An upload within JSON.
    Embedded(Embedded),
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

    /// Goes on below its path at a part that is encoded already, and is sent as it is.
    ///
    /// # Errors
    /// `upstream_failed` where it is none.
    pub fn then(mut self, encoded: &str) -> Result<Self, Failure> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'%' | b'-' | b'_' | b'~');
        if encoded.is_empty() || !encoded.bytes().all(plain) {
            return Err(told_oddly());
        }
        let path = format!("{}/{encoded}", self.url.path());
        self.url.set_path(&path);
        Ok(self)
    }

    /// Asks for another media type than the endpoint's own.
    #[must_use]
    pub fn accept(mut self, media_type: &'static str) -> Self {
        self.headers
            .insert(header::ACCEPT, HeaderValue::from_static(media_type));
        self
    }

    /// Adds a header of the provider's own.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Goes on with a stream of events behind the one of this id.
    #[must_use]
    pub fn behind(mut self, id: u64) -> Self {
        self.headers.insert("last-event-id", HeaderValue::from(id));
        self
    }

    /// What comes while it is sent.
    fn streamed(&self) -> Option<&Streamed> {
        match &self.content {
            Content::Form(form) => Some(&form.upload),
            Content::Streamed(streamed) => Some(streamed),
            Content::Embedded(embedded) => Some(&embedded.upload),
            Content::Nothing | Content::Bytes(_) => None,
        }
    }

    /// The same, of what is not passed through: that somebody else looks after.
    fn own_upload(&self) -> Option<&Streamed> {
        self.streamed().filter(|_| self.is_upload())
    }

    /// Whether it can be sent (again): an upload that was read is gone.
    pub(super) fn is_there(&self) -> bool {
        self.streamed().is_none_or(Streamed::is_there)
    }

    /// Why its body broke off, where it did.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.streamed().and_then(Streamed::failure)
    }

    /// Whether all that it brings was asked for, where that comes while it is sent.
    pub(super) fn is_through(&self) -> bool {
        self.own_upload().is_none_or(Streamed::is_through)
    }

    /// Whether it brings a file that comes while it is sent.
    pub(super) fn is_upload(&self) -> bool {
        matches!(self.content, Content::Form(_) | Content::Embedded(_))
    }

    /// The sending of what it brings, where that comes while it is sent. Of what is passed through somebody else has it.
    pub(super) fn sending(&self) -> Option<Sending> {
        self.own_upload().map(Streamed::sending)
    }

    /// How many bytes it brings; none are known of a form.
    pub fn length(&self) -> usize {
        self.bytes().len()
    }

    /// The bytes that it brings; of JSON with an upload in it, the rest.
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Bytes(bytes) => bytes,
            Content::Embedded(embedded) => embedded.object(),
            Content::Nothing | Content::Form(_) | Content::Streamed(_) => b"",
        }
    }

    /// The same request without a credential.
    pub(super) fn bare(self) -> Self {
        Outgoing { bare: true, ..self }
    }

    /// The same request elsewhere.
    pub(super) fn at(&self, url: Url) -> Self {
        Outgoing {
            method: self.method.clone(),
            url,
            headers: self.headers.clone(),
            content: self.content.clone(),
            passed: self.passed,
            bare: self.bare,
        }
    }
}

/// An id that a provider told, and nobody can ask for.
pub(super) fn told_oddly() -> Failure {
    Failure::new(Kind::UpstreamFailed, "an id of the provider's cannot stand in a path").not_usable()
}
