//! The gateway as an OAuth 2.1 resource server: where its tokens come from (RFC 9728), and how a caller is told (RFC 6750).
//!
//! Invariant: it is there where an issuer is configured, and nowhere else; what stands here is no secret, and open to all.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{Extensions, HeaderMap, HeaderValue, Request, StatusCode};
use mosaic_actors::policy::scopes::{Action, EVERYTHING};
use serde_json::json;

use super::auth::{API_KEY, bearer};
use super::mount::Mount;
use super::origin::PublicOrigin;
use super::rest::not_found;
use crate::catalogue::Catalogue;
use crate::dispatch::MissingScope;
use crate::oauth::{Tokens, is_token};

/// Where the metadata is; of what is below the root, that path follows.
pub const METADATA: &str = "/.well-known/oauth-protected-resource";
/// What is a resource of its own to its clients, by its path.
const RESOURCES: [&str; 1] = ["/mcp"];

/// What is told of us.
#[derive(Clone)]
pub struct ProtectedConfig {
    /// Whose tokens are taken.
    pub tokens: Arc<Tokens>,
    /// Where callers find us.
    pub origin: PublicOrigin,
    /// What can be granted.
    pub catalogue: Catalogue,
}

/// The routes of the metadata.
pub fn router(config: ProtectedConfig) -> Router {
    Router::new()
        .route(METADATA, get(metadata))
        .route(&format!("{METADATA}/{{*resource}}"), get(metadata))
        .with_state(Arc::new(config))
}

async fn metadata(State(config): State<Arc<ProtectedConfig>>, request: Request<Body>) -> Response {
    let resource = request.uri().path().strip_prefix(METADATA).unwrap_or_default();
    if !resource.is_empty() && !RESOURCES.contains(&resource) {
        return not_found(request).await;
    }
    let Some(resource) = config.resource(resource, request.extensions()) else {
        return not_found(request).await;
    };
    let document = json!({
        "resource": resource,
        "authorization_servers": [config.tokens.terms().issuer],
        "scopes_supported": config.scopes(),
        "bearer_methods_supported": ["header"],
        "resource_name": "MosAIc",
    });
    ([(CACHE_CONTROL, "no-store")], Json(document)).into_response()
}

impl ProtectedConfig {
    /// What a client asks the issuer for a token for: the audience, where that is an address, else what is `below` the one that
    /// is configured as ours. Whoever asks does not say what it is: a token for that would be another's.
    fn resource(&self, below: &str, extensions: &Extensions) -> Option<String> {
        let terms = self.tokens.terms();
        if terms.audience_is_address() {
            return Some(terms.audience.clone());
        }
        let url = self.origin.url.as_ref()?.as_str().trim_end_matches('/');
        Some(format!("{url}{}{below}", Mount::of(extensions).path()))
    }

    fn place(&self, request: &Request<Body>) -> Option<String> {
        let origin = self.origin.seen_by(request.headers(), request.uri().authority())?;
        Some(format!("{origin}{}", Mount::of(request.extensions()).path()))
    }

    /// That a token grants too little, and the word that grants more.
    fn insufficient(&self, missing: MissingScope) -> String {
        let terms = self.tokens.terms();
        let word = terms.word_for(missing.service, missing.operation, missing.action);
        // A word that would end its quotes is none of a scope's (RFC 6749, section 3.3).
        let word = word.filter(|word| !word.contains(['"', '\\']));
        let scope = word.map(|word| format!(", scope=\"{word}\"")).unwrap_or_default();
        format!(", error=\"insufficient_scope\"{scope}")
    }

    /// What a client may ask the issuer for: its own words, or ours for each service.
    fn scopes(&self) -> Vec<String> {
        if let Some(mapped) = &self.tokens.terms().scopes {
            return mapped.keys().cloned().collect();
        }
        let mut services = vec![EVERYTHING];
        for entry in self.catalogue.iter() {
            let service = entry.declaration.facts.service;
            if !services.contains(&service) {
                services.push(service);
            }
        }
        let actions = [Action::Read, Action::Write, Action::Destructive].map(Action::as_str);
        let of = |service: &str| actions.map(|action| format!("{service}:{action}"));
        services.into_iter().flat_map(of).collect()
    }
}

/// Middleware of all surfaces: has the issuer's keys there before a token is looked at, and tells whoever is refused where a
/// token is to be had.
pub async fn guide(State(config): State<Arc<ProtectedConfig>>, request: Request<Body>, next: Next) -> Response {
    let shown = shown(request.headers());
    let by_token = shown.is_some_and(is_token);
    if let Some(token) = shown {
        config.tokens.prepare(token).await;
    }
    let failed = if shown.is_some() {
        ", error=\"invalid_token\""
    } else {
        ""
    };
    let path = request.uri().path();
    let resource = RESOURCES
        .iter()
        .find(|resource| path.strip_prefix(**resource).is_some_and(is_below));
    let place = config.place(&request);
    let metadata = place.map(|place| {
        let resource = resource.copied().unwrap_or_default();
        format!(", resource_metadata=\"{place}{METADATA}{resource}\"")
    });
    let mut response = next.run(request).await;
    let missing = response.extensions().get::<MissingScope>().copied();
    let told = match (response.status(), missing) {
        (StatusCode::UNAUTHORIZED, _) => failed.to_owned(),
        // Another token would do, of which this is what it needs (RFC 6750, section 3.1).
        (StatusCode::FORBIDDEN, Some(missing)) if by_token => config.insufficient(missing),
        _ => return response,
    };
    let challenge = metadata.map(|metadata| HeaderValue::try_from(format!("Bearer realm=\"mosaic\"{told}{metadata}")));
    if let Some(Ok(challenge)) = challenge {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// The credential in the places where callers have their key.
fn shown(headers: &HeaderMap) -> Option<&str> {
    match headers.contains_key(AUTHORIZATION) {
        true => bearer(headers),
        false => headers.get(API_KEY)?.to_str().ok(),
    }
}

fn is_below(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}
