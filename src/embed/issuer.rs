//! The issuer of access tokens, as the configuration says, and the way to its keys.
//!
//! Invariant: what leads to its keys is the configuration, or what the issuer itself says of itself.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;

use super::error::StartError;
use super::outbound;
use crate::config::{Config, DEFAULT_TENANT, IssuerConfig, is_trustworthy};
use crate::oauth::{Fetch, Keys, Terms, Tokens};
use crate::wire::client;

/// How long all of the requests that lead to its keys may take: less than is waited for them.
const PATIENCE: Duration = Duration::from_millis(4_800);
/// The requests to an issuer that says itself where its keys are, at most: two documents, and the keys.
const STEPS: u32 = 3;
/// The most bytes of a document of the issuer's.
const LONGEST: usize = 256 << 10;

/// What an issuer says of itself, as far as it is heeded (OpenID Connect Discovery 1.0, section 3; RFC 8414, section 2).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// Looks at tokens, where an issuer is configured. Nothing is sent before the first of them comes.
///
/// # Errors
/// `Http`: the client cannot be made.
pub(super) fn tokens(config: &Config) -> Result<Option<Arc<Tokens>>, StartError> {
    let Some(issuer) = &config.oauth else { return Ok(None) };
    let fetch = fetch(config, issuer.clone()).map_err(StartError::Http)?;
    let terms = Terms {
        issuer: issuer.issuer.clone(),
        audience: issuer.audience.clone(),
        leeway: issuer.leeway,
        tenant_claim: issuer.tenant_claim.clone(),
        tenant: issuer.tenant.as_deref().map(Arc::from),
        tenants: tenants(config, issuer).map(Arc::from).collect(),
        scopes: issuer.scopes.clone(),
    };
    Ok(Some(Arc::new(Tokens::new(terms, Keys::new(fetch)))))
}

/// The tenants that a token may name: those that the configuration names as somebody's. The table of those that have none is
/// nobody's, and who comes without a credential is not who brings a token.
fn tenants<'a>(config: &'a Config, issuer: &'a IssuerConfig) -> impl Iterator<Item = &'a str> {
    let tables = config.tenants.keys().map(String::as_str);
    let tables = tables.filter(|name| *name != DEFAULT_TENANT);
    let keys = config.keys.values().map(|key| key.tenant.as_str());
    tables.chain(keys).chain(issuer.tenant.as_deref())
}

fn fetch(config: &Config, issuer: IssuerConfig) -> Result<Fetch, Failure> {
    let builder = outbound::outbound(&config.outbound)?.builder()?;
    let steps = if issuer.jwks_url.is_some() { 1 } else { STEPS };
    // A share for each: one that hangs leaves the others theirs.
    let http = client::build(builder.timeout(PATIENCE / steps))?;
    let issuer = Arc::new(issuer);
    Ok(Arc::new(move || {
        let (http, issuer) = (http.clone(), issuer.clone());
        Box::pin(async move {
            let url = match &issuer.jwks_url {
                Some(url) => url.clone(),
                None => discovered(&http, &issuer.issuer).await?,
            };
            document(&http, &url).await
        })
    }))
}

/// Where an issuer says that its keys are, in one of the documents in which it does.
async fn discovered(http: &reqwest::Client, issuer: &str) -> Result<String, Failure> {
    let base = issuer.trim_end_matches('/');
    let mut last = unfit("the issuer has no metadata");
    let (origin, path) = match base
        .find("://")
        .and_then(|at| base[at + 3..].find('/').map(|slash| at + 3 + slash))
    {
        Some(slash) => base.split_at(slash),
        None => (base, ""),
    };
    for url in [
        format!("{base}/.well-known/openid-configuration"),
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
    ] {
        let read = document(http, &url).await.and_then(|document| {
            serde_json::from_slice::<Metadata>(&document).map_err(|_| unfit("the issuer's metadata cannot be read"))
        });
        match read {
            // A document of somebody else's may lead to that one's keys.
            Ok(metadata) if metadata.issuer != issuer => last = unfit("the metadata is another issuer's"),
            Ok(metadata) if !is_as_safe(issuer, &metadata.jwks_uri) => last = unfit("the keys' address is not https"),
            Ok(metadata) => return Ok(metadata.jwks_uri),
            Err(failure) => last = failure,
        }
    }
    Err(last)
}

/// An issuer of this machine may show its keys there, and nowhere else but over HTTPS.
fn is_as_safe(issuer: &str, keys: &str) -> bool {
    keys.starts_with("https://") || (issuer.starts_with("http://") && is_trustworthy(keys))
}

async fn document(http: &reqwest::Client, url: &str) -> Result<Bytes, Failure> {
    let unreached = |error: reqwest::Error| Failure::new(Kind::Network, "the issuer cannot be reached").because(error);
    let mut response = http
        .get(url)
        .header("accept", "application/json")
        .send()
        .await
        .map_err(unreached)?;
    if !response.status().is_success() {
        return Err(unfit("the issuer refuses to show its keys"));
    }
    let mut whole = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(unreached)? {
        if whole.len() + piece.len() > LONGEST {
            return Err(unfit("the issuer's document is too long"));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

fn unfit(sentence: &str) -> Failure {
    Failure::new(Kind::UpstreamFailed, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_https_or_from_this_machine_to_an_issuer_of_it() {
        let here = "http://127.0.0.1:7000";
        for (issuer, keys, safe) in [
            ("https://id.test", "https://id.test/keys", true),
            ("https://id.test", "https://keys.test/", true),
            ("https://id.test", "http://id.test/keys", false),
            ("https://id.test", "http://127.0.0.1/keys", false),
            (here, "http://127.0.0.1:7000/keys", true),
            (here, "http://localhost/keys", true),
            (here, "http://[::1]:7000/keys", true),
            (here, "https://id.test/keys", true),
            (here, "http://id.test/keys", false),
            (here, "http://10.0.0.7/keys", false),
            (here, "http://127.0.0.1.evil.test/keys", false),
            (here, "file:///keys", false),
        ] {
            assert_eq!(is_as_safe(issuer, keys), safe, "{issuer} {keys}");
        }
    }
}
