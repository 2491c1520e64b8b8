//! The requests that set secrets.
//!
//! Invariant: a value is sent as it is, and shown nowhere.

use std::sync::Arc;

use http::StatusCode;
use mosaic_actors::error::{Failure, Kind};

use super::super::Gitea;
use super::wire;
use crate::catalogue::cicd::{SecretPut, SecretWritten};
use crate::providers::ci::actions;
use crate::providers::forge;
use crate::providers::{Reply, Request};

pub async fn put(gitea: Arc<Gitea>, request: Request<SecretPut>) -> Result<Reply<SecretWritten>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let input = &request.input;
    actions::for_all_events(&input.events)?;
    let parts = ["repos", owner, name, "actions", "secrets", &*input.name];
    let secret = wire::Secret {
        data: input.value.expose(),
    };
    let put = || gitea.endpoint.put(&parts, &secret);
    // Only the status tells a new one from one that was there.
    let (status, received) = gitea.endpoint.send_unfollowed(put()?).await.map_err(refused)?;
    let (created, received) = match status.is_redirection() {
        false => (Some(status == StatusCode::CREATED), received),
        true => (None, gitea.endpoint.send(put()?).await.map_err(refused)?),
    };
    Ok(received.reply(SecretWritten {
        name: input.name.to_ascii_uppercase(),
        created,
    }))
}

/// The name is all that can be wrong.
fn refused(mut failure: Failure) -> Failure {
    if failure.kind == Kind::InvalidInput {
        failure = failure.saying("name is not one that this provider takes for a secret");
        failure.field = Some(Arc::from("name"));
    }
    failure
}
