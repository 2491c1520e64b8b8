//! The leaves of the error-handling flow that are about credentials.
//!
//! Invariant: how often a token was renewed, and a call repeated, the forge counts.

use http::Method;
use mosaic::sandbox::{Effect, Fault, Sandbox, SandboxConfig, ServerConfig};
use tempfile::TempDir;

use crate::harness::{Gateway, Stage};
use crate::stage::{FRESH, arrived, attempts, forges, strike};

/// A forge that renews tokens, and the program with a pair of them.
struct Renewing {
    stage: Stage,
    _state: TempDir,
}

impl Renewing {
    async fn by(refresh_token: &str) -> Renewing {
        let server = ServerConfig::new("forge", "gitea", "secret-of-forge");
        let config = SandboxConfig { servers: vec![server] };
        let sandbox = Sandbox::start(config).await.expect("a sandbox");
        let state = tempfile::tempdir().expect("a scratch folder");
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n\
             [state]\npath = \"{}/state.db\"\nencryption_key = \"env:STATE_KEY\"\n\
             [providers.forge]\nkind = \"gitea\"\nbase_url = \"{}\"\nhealth_check = false\n\
             [providers.forge.oauth]\nclient_id = \"sandbox\"\nclient_secret = \"env:SECRET\"\n\
             refresh_token = \"env:REFRESH\"\naccess_token = \"env:ACCESS\"\n",
            state.path().display(),
            sandbox.servers()[0].base_url()
        );
        let env = [
            ("STATE_KEY", "an encryption key made of quite a few words"),
            ("SECRET", "secret-of-forge"),
            ("REFRESH", refresh_token),
            ("ACCESS", "secret-of-forge"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let gateway = Gateway::serve(&text, env.to_vec()).await;
        Renewing {
            stage: Stage { sandbox, gateway },
            _state: state,
        }
    }

    /// The access token has ended for repositories: for so many requests, or for good.
    fn expire(&self, times: Option<u32>) {
        let mut fault = Fault::new(Effect::ExpiredToken).path_prefix("/api/v1/repos");
        fault.times = times;
        self.stage.server("forge").faults().add(fault).expect("a sound fault");
    }

    /// How often a repository was asked for, and how often another pair of tokens.
    fn asked(&self) -> (u64, u64) {
        let requests = self.stage.server("forge").requests();
        let reads = requests.arrived(&Method::GET, "/api/v1/repos/acme/api");
        (reads, requests.arrived(&Method::POST, "/login/oauth/access_token"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_refreshed_once_and_the_call_repeated() {
    let forge = Renewing::by("secret-of-forge.refresh").await;
    forge.expire(Some(1));
    let read = forge.stage.gateway.get(FRESH).await;
    assert_eq!((read.ok()["path"].as_str(), attempts(&read)), (Some("acme/api"), 1));
    assert_eq!(forge.asked(), (2, 1), "refused, renewed, and repeated");
    forge.stage.gateway.get(FRESH).await.ok();
    assert_eq!(forge.asked(), (3, 1), "the new one is used from now on");
    forge.stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_that_cannot_be_refreshed_is_an_error() {
    let forge = Renewing::by("one-that-was-used").await;
    forge.expire(None);
    let refused = forge.stage.gateway.get(FRESH).await;
    assert_eq!(refused.refused(502), "upstream_auth");
    assert_eq!(forge.asked(), (1, 1));
    forge.stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_that_is_none_of_a_pair_is_an_error_although_there_is_an_alternative() {
    let stage = forges(2, "").await;
    for name in ["forge-1", "forge-2"] {
        strike(&stage, name, Effect::ExpiredToken, Some(1));
    }
    let refused = stage.gateway.get(FRESH).await;
    assert_eq!(refused.refused(502), "upstream_auth");
    assert_eq!(refused.json()["retryable"], false);
    assert_eq!(
        arrived(&stage).iter().sum::<u64>(),
        1,
        "it may be ours that is at fault"
    );
    stage.close().await.ok();
}
