//! The headers that a message has over HTTP, and not over standard streams.
//!
//! Invariant: each is made of the message that it goes with, and of what was agreed on with the gateway.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mosaic_actors::error::Failure;
use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;
use serde_json::Value;

/// Names a session, of the revisions that have some.
pub(super) const SESSION: &str = "mcp-session-id";
/// Names the revision.
const PROTOCOL_VERSION: &str = "mcp-protocol-version";
/// Name what a message asks for, so that who passes it on need not read it.
const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";
/// A request's own revision, in its `_meta`.
const OWN_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// What an answer tells beside its messages.
#[derive(Default)]
pub(super) struct Answered {
    pub(super) session: Option<HeaderValue>,
    pub(super) version: Option<String>,
}

/// What was agreed on.
#[derive(Default)]
pub(super) struct Spoken {
    agreed: Answered,
}

impl Spoken {
    /// Begins as the gateway has answered.
    pub(super) fn begin(&mut self, answered: Answered) {
        self.agreed = answered;
    }

    /// Whether there is a session, in which requests are cancelled by name.
    pub(super) fn in_session(&self) -> bool {
        self.agreed.session.is_some()
    }

    /// The session.
    pub(super) fn session(&self) -> Option<&HeaderValue> {
        self.agreed.session.as_ref()
    }

    /// The request with a message's headers.
    ///
    /// # Errors
    /// As the request's own; `invalid_input` where the message holds what no header can carry.
    pub(super) fn headers(
        &self,
        message: &Value,
        request: Result<RequestBuilder, Failure>,
    ) -> Result<RequestBuilder, Failure> {
        let mut request = request?;
        let params = &message["params"];
        let own = params["_meta"][OWN_VERSION].as_str();
        let method = message["method"].as_str();
        if method != Some("initialize") {
            if let Some(version) = own.or(self.agreed.version.as_deref()) {
                request = request.header(PROTOCOL_VERSION, carried(version)?);
            }
            if let Some(session) = self.session().filter(|_| own.is_none()) {
                request = request.header(SESSION, session);
            }
        }
        if let (Some(method), Some(_)) = (method, own) {
            request = request.header(METHOD, carried(method)?);
            if let Some(name) = params["name"].as_str().or(params["uri"].as_str()) {
                request = request.header(NAME, carried(name)?);
            }
        }
        Ok(request)
    }
}

/// A text as a header carries it; one that none can, in base64.
fn carried(text: &str) -> Result<HeaderValue, Failure> {
    let plain =
        text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && text.trim() == text && !text.starts_with("=?base64?");
    let text = match plain {
        true => text.to_owned(),
        false => format!("=?base64?{}?=", BASE64_STANDARD.encode(text)),
    };
    HeaderValue::from_str(&text).map_err(|_| Failure::invalid("message", "no header can carry what the message names"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::client::Remote;
    use super::*;

    fn sent(spoken: &Spoken, message: &Value) -> Vec<(String, String)> {
        let remote = Remote::new("--server", "http://127.0.0.1:1", None).expect("a client");
        let request = remote.raw(reqwest::Method::POST, "/mcp").expect("a request");
        let request = spoken
            .headers(message, Ok(request))
            .expect("headers")
            .build()
            .expect("a request");
        let text = |value: &HeaderValue| value.to_str().expect("text").to_owned();
        request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect()
    }

    #[test]
    fn a_request_by_itself_names_what_it_asks_for() {
        let message = json!({
            "id": 1, "method": "resources/read",
            "params": { "uri": "mosaic:///v1/git/repos/grün", "_meta": { OWN_VERSION: "2026-07-28" } },
        });
        let headers = sent(&Spoken::default(), &message);
        let named = |name: &str| {
            headers
                .iter()
                .find(|(given, _)| given == name)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(named(PROTOCOL_VERSION), Some("2026-07-28"));
        assert_eq!(named(METHOD), Some("resources/read"));
        let name = format!("=?base64?{}?=", BASE64_STANDARD.encode("mosaic:///v1/git/repos/grün"));
        assert_eq!(named(NAME), Some(&*name));
    }

    #[test]
    fn a_session_is_named_by_what_follows_its_beginning() {
        let mut spoken = Spoken::default();
        assert!(sent(&spoken, &json!({"method": "initialize", "params": {}})).is_empty());
        spoken.begin(Answered {
            session: Some(HeaderValue::from_static("s-1")),
            version: Some("2025-11-25".to_owned()),
        });
        let headers = sent(&spoken, &json!({"id": 2, "method": "tools/list"}));
        assert!(headers.contains(&(SESSION.to_owned(), "s-1".to_owned())), "{headers:?}");
        assert!(
            headers.contains(&(PROTOCOL_VERSION.to_owned(), "2025-11-25".to_owned())),
            "{headers:?}"
        );
    }
}
