//! Whether each provider can be reached, and whether it takes our credential.
//!
//! Invariant: no URL, answer or credential of a provider is quoted beyond its host and our own sentences.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use http::header::DATE;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use mosaic_actors::driver::{BoxFuture, Credential};
use mosaic_actors::error::{Failure, Kind};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::Url;

use crate::config::{Config, OutboundConfig, ProviderConfig};
use crate::embed::outbound::{outbound, trusting};
use crate::embed::{self, Looked, Registry, StartError};
use crate::providers::directory::DIRECTORY;
use crate::stores::{self, StateStore};
use crate::wire::client::{self, Outbound};
use crate::wire::tls;

use super::{AT_ONCE, CheckStatus, Finding, PATIENCE, standing};

/// What was learned.
pub(super) struct Asked {
    pub(super) findings: Vec<Finding>,
    /// How far each provider's clock is ahead of ours, with the provider's name.
    pub(super) clocks: Vec<(String, jiff::SignedDuration)>,
}

pub(super) async fn check(config: &Config) -> Asked {
    // What is wrong with the state its own check tells.
    let store = stores::look_at(&config.state).await.ok().flatten();
    let asked = ask_all(config, store.clone()).await;
    if let Some(store) = store {
        store.close().await;
    }
    asked
}

async fn ask_all(config: &Config, store: Option<Arc<dyn StateStore>>) -> Asked {
    // A pair of tokens that is replaced with each use is not touched before there is a place for the next one.
    let is_kept = config.state.path.as_os_str().is_empty() || store.is_some();
    let drivers = match embed::drivers(config, &Registry::built_in(), store) {
        Ok(drivers) => drivers,
        Err(error) => {
            let remedy = "Install the system's certificate authorities, e.g. the package ca-certificates.";
            return Asked {
                findings: vec![Finding::of("reachability", "").failed(error.to_string(), remedy)],
                clocks: vec![],
            };
        }
    };
    let asked: Vec<BoxFuture<_>> = drivers
        .into_iter()
        .map(|(name, driver)| {
            let provider = config.providers.get(&name);
            if !is_kept && provider.is_some_and(|provider| provider.oauth.is_some()) {
                let told: BoxFuture<_> = Box::pin(std::future::ready(later(&name)));
                return told;
            }
            let base = provider.and_then(|provider| provider.base_url.as_ref());
            let client = way_to(&config.outbound, provider);
            let asked: BoxFuture<_> = Box::pin(ask(name, base.map(|base| base.url().clone()), client, driver));
            asked
        })
        .collect();
    let asked: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    let (findings, clocks): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    Asked {
        findings: findings.into_iter().flatten().collect(),
        clocks: clocks.into_iter().flatten().collect(),
    }
}

/// Of a credential that is looked at only once there is a state.
fn later(name: &str) -> Told {
    let seen = "its tokens are looked at once a start has made the state that keeps them";
    (vec![Finding::of("credentials", name).ok(seen)], None)
}

type Told = (Vec<Finding>, Option<(String, jiff::SignedDuration)>);

/// The ways that a gateway would take to a provider.
fn way_to(config: &OutboundConfig, provider: Option<&ProviderConfig>) -> Result<Outbound, Failure> {
    let ca_file = provider.and_then(|provider| provider.ca_file.as_deref());
    trusting(outbound(config)?, ca_file)
}

async fn ask(
    name: String,
    base: Option<Url>,
    way: Result<Outbound, Failure>,
    driver: Result<Looked, StartError>,
) -> Told {
    let (reached, ahead) = match (&base, way) {
        // What is wrong with the way is told with the driver, which is not made either.
        (Some(base), Ok(way)) if way.proxies.of(base).is_some() => by_proxy(&name, base, &way).await,
        (Some(base), Ok(way)) => reach(&name, base, &way).await,
        _ => (None, None),
    };
    let (credential, looked) = credential(&name, driver, reached.as_ref()).await;
    let reached = reached.unwrap_or_else(|| by_its_health(&name, &credential));
    let mut findings = vec![reached, credential];
    if let Some(looked) = looked {
        findings.extend(settings(&name, &looked).await);
    }
    (findings, ahead.map(|ahead| (name, ahead)))
}

/// The name, the connection, and with it TLS; and the clock that answered.
async fn reach(name: &str, base: &Url, way: &Outbound) -> (Option<Finding>, Option<jiff::SignedDuration>) {
    let finding = Finding::of("reachability", name);
    let (Some(host), Some(port)) = (base.host_str(), base.port_or_known_default()) else {
        return (Some(finding.failed("base_url has no host", "Correct base_url.")), None);
    };
    let at = format!("{host}:{port}");
    // IPv6 hosts come in brackets, and are taken so.
    let addresses = match timeout(PATIENCE, lookup_host(&at)).await {
        Ok(Ok(addresses)) => addresses.collect::<Vec<_>>(),
        Ok(Err(error)) => {
            let seen = format!("the name {host} cannot be resolved: {error}");
            return (
                Some(finding.failed(seen, "Check base_url and this machine's DNS.")),
                None,
            );
        }
        Err(_) => {
            let seen = format!("the name {host} is not resolved within {PATIENCE:?}");
            return (Some(finding.failed(seen, "Check this machine's DNS.")), None);
        }
    };
    match timeout(PATIENCE, TcpStream::connect(&*addresses)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            let seen = format!("{at} refuses connections: {error}");
            return (
                Some(finding.failed(seen, "Check base_url, and that the provider is up.")),
                None,
            );
        }
        Err(_) => {
            let seen = format!("{at} does not answer within {PATIENCE:?}");
            return (
                Some(finding.failed(seen, "Check the firewalls and routes between here and there.")),
                None,
            );
        }
    }
    match ask_the_time(way, base).await {
        Ok(ahead) => (Some(finding.ok(format!("{at} answers over {}", base.scheme()))), ahead),
        Err(failure) => {
            let seen = format!(
                "{at} is there, and {} with it fails: {}",
                base.scheme(),
                failure.message()
            );
            let remedy = "Check the scheme of base_url, and that its certificate is one that this machine trusts.";
            (Some(finding.failed(seen, remedy)), None)
        }
    }
}

/// Whether it answers through the proxy, which alone may know where it is.
async fn by_proxy(name: &str, base: &Url, way: &Outbound) -> (Option<Finding>, Option<jiff::SignedDuration>) {
    let finding = Finding::of("reachability", name);
    match ask_the_time(way, base).await {
        Ok(ahead) => (
            Some(finding.ok(format!("answers over {}, through a proxy", base.scheme()))),
            ahead,
        ),
        Err(failure) => {
            let remedy = "Check the proxy ([outbound], HTTPS_PROXY, HTTP_PROXY), or name the host in NO_PROXY.";
            let seen = format!("cannot be reached through the proxy: {}", failure.message());
            (Some(finding.failed(seen, remedy)), None)
        }
    }
}

/// Any answer will do, a refusal too. The difference of the clocks is as exact as a Date header: a second.
pub(super) async fn ask_the_time(way: &Outbound, base: &Url) -> Result<Option<jiff::SignedDuration>, Failure> {
    let client = client::build(way.builder()?.timeout(PATIENCE))?;
    let reply = client.head(base.clone()).send().await.map_err(|error| {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Failure::new(
            Kind::Network,
            tls::why(&error).map_or_else(|| cause.to_string(), str::to_owned),
        )
    })?;
    let date = reply.headers().get(DATE).and_then(|date| date.to_str().ok());
    let told = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
    Ok(told.map(|told| told.duration_since(Timestamp::now())))
}

/// What of a provider's settings does not fit what is there.
async fn settings(name: &str, looked: &Looked) -> Vec<Finding> {
    let finding = || Finding::of("settings", name);
    let correct = "Correct the setting; `mosaic providers KIND` tells what each is.";
    match timeout(PATIENCE, looked.examined()).await {
        Ok(Ok(wrong)) => wrong
            .iter()
            .map(|failure| match failure.field.as_deref() {
                // What is at fault names its place.
                None | Some(DIRECTORY) => {
                    finding().unknown(format!("not all of it can be held against it: {}", failure.message()))
                }
                Some(_) => finding().failed(failure.message(), correct),
            })
            .collect(),
        Ok(Err(failure)) => vec![finding().unknown(format!("they cannot be held against it: {}", failure.message()))],
        Err(_) => vec![finding().unknown(format!("the provider did not answer within {PATIENCE:?}"))],
    }
}

/// The provider's credential, and the provider where it is well.
async fn credential(
    name: &str,
    driver: Result<Looked, StartError>,
    reached: Option<&Finding>,
) -> (Finding, Option<Looked>) {
    let finding = Finding::of("credentials", name);
    let driver = match driver {
        Ok(driver) => driver,
        Err(error) => {
            let remedy = "Correct the provider's table, or put its secret where the reference leads.";
            return (finding.failed(error.to_string(), remedy), None);
        }
    };
    if reached.is_some_and(|reached| reached.verdict == CheckStatus::Failed) {
        return (finding.unknown("the provider cannot be reached"), None);
    }
    let told = proven(finding, &driver).await;
    let is_well = matches!(told.verdict, CheckStatus::Ok | CheckStatus::Warning);
    (told, is_well.then_some(driver))
}

/// What a provider that is there says of its credential.
async fn proven(finding: Finding, driver: &Looked) -> Finding {
    match timeout(PATIENCE, driver.driver.clone().health()).await {
        Ok(Ok(Credential::Serves)) => standing::of(finding, "the provider is well and takes it", driver).await,
        Ok(Ok(Credential::Unproven)) => {
            let seen = "the provider is well; whether it takes one, only a call shows";
            standing::of(finding, seen, driver).await
        }
        Ok(Err(failure)) => judged(finding, &failure),
        Err(_) => finding.unknown(format!("the provider did not answer within {PATIENCE:?}")),
    }
}

fn judged(finding: Finding, failure: &Failure) -> Finding {
    let seen = failure.message().to_owned();
    match failure.kind {
        Kind::UpstreamAuth | Kind::Unauthenticated | Kind::Forbidden => finding.failed(
            seen,
            "Renew the credential at the provider, with the scopes it needs, and put it where `token` leads.",
        ),
        Kind::Network | Kind::Timeout => finding.unknown(seen),
        Kind::RateLimited | Kind::UpstreamRateLimited => {
            finding.warning(seen, "Wait: the provider's rate limit is used up at present.")
        }
        _ if failure.unreadable => {
            finding.failed(seen, "Check base_url: what answers there is not the provider's API.")
        }
        Kind::NotFound => finding.failed(seen, "Check base_url: the provider's API is not there."),
        _ => finding.warning(
            seen,
            "Look at the provider's own status; it does not answer as it should.",
        ),
    }
}

/// Where the driver alone knows the address, its health tells.
fn by_its_health(name: &str, credential: &Finding) -> Finding {
    let finding = Finding::of("reachability", name);
    match credential.verdict {
        CheckStatus::Unknown => finding.failed(
            format!("the vendor's own address cannot be reached: {}", credential.seen),
            "Check this machine's DNS, firewalls and proxies.",
        ),
        CheckStatus::Ok => finding.ok("the vendor's own address answers"),
        _ => finding.unknown("see its credential"),
    }
}
