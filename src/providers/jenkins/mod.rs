//! Jenkins.
//!
//! Invariant: a project is named by its path of names as Jenkins gives them, `A/B/job`, a build by `project#number`, and no
//! address that Jenkins writes is ever gone to, since behind a proxy it is wrong.

mod artifacts;
mod builds;
mod control;
mod convert;
mod credential;
mod inputs;
mod jobs;
mod left;
mod logs;
mod names;
mod queue;
mod queued;
mod stage_view;
mod standing;
mod trigger;
mod wire;

use http::StatusCode;
use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;

use super::http::credential::{CredentialStanding, Given};
use super::http::{Accepts, Dialect, Endpoint, Outgoing, Received, Refusal, by_status, settings};
use super::{Connection, Credential, Handlers, Passing, Provider, Setting};
use crate::catalogue::cicd;

static DIALECT: Dialect = Dialect {
    refuse,
    pages: true,
    ..Dialect::PLAIN
};

/// The driver.
pub struct Jenkins {
    endpoint: Endpoint,
    stage_view: stage_view::StageView,
    queued: queued::Queued,
    left: left::Left,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Whose API token the credential is; it may stand before it instead, as `user:token`.
    user: Option<String>,
}

const SETTINGS: &[Setting] = &[Setting {
    name: "user",
    default: "as the credential says, user:token",
    unit: "name",
    meaning: "The user whose API token the credential is",
}];

impl Provider for Jenkins {
    fn connect(connection: &Connection) -> Result<Self, Failure> {
        let settings: Settings = settings(&connection.settings, Self::settings())?;
        let mut connection = connection.clone();
        connection.credential = match connection.credential {
            Some(Given::Token(token)) => Some(credential::of_user(settings.user, &token)?),
            other => other,
        };
        Ok(Jenkins {
            endpoint: Endpoint::new(&connection, &DIALECT)?.authenticated(&connection, credential::ACCEPTS)?,
            stage_view: stage_view::StageView::default(),
            queued: queued::Queued::default(),
            left: left::Left::default(),
        })
    }

    fn accepts() -> &'static [Accepts] {
        credential::ACCEPTS
    }

    fn settings() -> &'static [Setting] {
        SETTINGS
    }

    fn passing() -> Option<Passing<Self>> {
        Some(Passing::to(|jenkins: &Self| &jenkins.endpoint))
    }

    fn dialect() -> Option<&'static Dialect> {
        Some(&DIALECT)
    }

    fn handlers() -> Handlers<Self> {
        Handlers::new()
            .on::<cicd::PipelineList, _, _>(jobs::list)
            .on::<cicd::RunTrigger, _, _>(trigger::trigger)
            .on::<cicd::RunResolve, _, _>(queue::resolve)
            .on::<cicd::RunList, _, _>(builds::list)
            .on::<cicd::RunGet, _, _>(standing::get)
            .on::<cicd::RunWait, _, _>(standing::wait)
            .emulates::<cicd::RunWait>()
            .on::<cicd::RunCancel, _, _>(control::cancel)
            .on::<cicd::RunApprove, _, _>(inputs::approve)
            .on::<cicd::RunDelete, _, _>(control::delete)
            .on::<cicd::LogGet, _, _>(logs::get)
            .stream::<cicd::LogFollow, _, _, _>(logs::follow)
            .on::<cicd::ArtifactList, _, _>(artifacts::list)
            .raw::<cicd::ArtifactGet, _, _>(artifacts::get)
            .on::<cicd::QueueList, _, _>(queue::list)
    }

    async fn standing(&self) -> Result<CredentialStanding, Failure> {
        Ok(CredentialStanding {
            note: Some("what it may do is its user's right at each job, which only a call shows"),
            ..CredentialStanding::default()
        })
    }

    async fn health(&self) -> Result<Credential, Failure> {
        // A wrong credential is refused wherever it is given.
        let root = self.endpoint.get(&["api", "json"])?.query("tree", "nodeName");
        self.endpoint.here(root, true).await
    }
}

/// A refusal is a web page: its status and its headers are all there is to read.
fn refuse(refusal: &Refusal<'_>) -> Failure {
    let failure = by_status(refusal);
    if refusal.status != StatusCode::FORBIDDEN {
        return failure;
    }
    let crumb = b"No valid crumb";
    if refusal.body.windows(crumb.len()).any(|part| part == crumb) {
        let sentence = "Jenkins wants a crumb for this credential, and none for a user's API token (status 403)";
        return Failure::new(Kind::UpstreamAuth, sentence);
    }
    match refusal.header("x-you-are-authenticated-as") {
        Some("anonymous") => Failure::new(
            Kind::UpstreamAuth,
            "Jenkins knows nobody by our credential (status 403)",
        ),
        _ => match refusal
            .header("x-required-permission")
            .filter(|told| is_permission(told))
        {
            Some(told) => failure.also(&format!("it needs {told}")),
            None => failure,
        },
    }
}

/// Whether this is a name such as `hudson.model.Run.Delete`, and nothing else.
fn is_permission(told: &str) -> bool {
    const LONGEST: usize = 128;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
    !told.is_empty() && told.len() <= LONGEST && told.bytes().all(plain)
}

impl Jenkins {
    /// A `GET` of what Jenkins tells of itself at `parts`, of which only what `tree` names. Without that it tells all.
    fn tell(&self, parts: &[&str], tree: &str) -> Result<Outgoing, Failure> {
        let parts = [parts, &["api", "json"]].concat();
        Ok(self.endpoint.get(&parts)?.query("tree", tree))
    }

    /// Sends an order. A redirect to what is to be read next (302, 303) means that it is taken, unless that is the login;
    /// another means that it is to be given elsewhere.
    async fn order(&self, outgoing: Outgoing) -> Result<(StatusCode, Received), Failure> {
        let (status, received) = self.endpoint.send_unfollowed(outgoing).await?;
        let to = received.header("location").unwrap_or_default();
        let path = to.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let login = path.ends_with("/login") || path.ends_with("/securityRealm/commenceLogin");
        if status.is_redirection() && login {
            let sentence = "Jenkins sent us to its login in place of an answer";
            return Err(received.failure(Kind::UpstreamAuth, sentence));
        }
        if status.is_redirection() && !matches!(status, StatusCode::FOUND | StatusCode::SEE_OTHER) {
            let failure = super::http::status(status.as_u16());
            return Err(received.blame(failure.also("Jenkins has another base URL, and was given no order")));
        }
        Ok((status, received))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_passed_on_and_nothing_else() {
        assert!(is_permission("hudson.model.Run.Delete") && is_permission("hudson.model.Item.Read"));
        for odd in ["", "Run/Delete<script>", "a b", &"a".repeat(129)] {
            assert!(!is_permission(odd), "{odd}");
        }
    }
}
