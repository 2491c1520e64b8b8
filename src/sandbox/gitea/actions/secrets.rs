//! Secrets, which come as they are.
//!
//! Invariant: a value is never given back.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Place, objects};
use crate::sandbox::gitea::problem::Problem;
use crate::sandbox::gitea::{Gitea, page};

/// The most bytes of a value.
const MAX_SIZE: usize = 65_536;

type Answer = Result<Response<Body>, Problem>;
type Named = Path<(String, String, String)>;

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Answer {
    let place = Place::of(&gitea, &owner, &name)?;
    let all: Vec<_> = place.project()?.secrets.values().collect();
    Ok(page::answer(&gitea.instance.origin, &uri, &all, |secret| {
        objects::secret(secret)
    }))
}

/// What a secret is to be.
#[derive(Deserialize)]
struct Draft {
    #[serde(default)]
    data: String,
}

pub(crate) async fn put(State(gitea): State<Arc<Gitea>>, Path((owner, name, secret)): Named, body: Bytes) -> Answer {
    let mut place = Place::writable(&gitea, &owner, &name)?;
    // A body that cannot be read is not told of: it may hold the value.
    let draft: Draft = serde_json::from_slice(&body).map_err(|_| Problem::invalid("json: cannot be read"))?;
    let value = SecretString::from(draft.data);
    let size = value.expose_secret().len();
    if size == 0 {
        return Err(Problem::invalid("[Data]: Required"));
    }
    if !is_name(&secret) || size > MAX_SIZE {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid secret name or data"));
    }
    let (key, now) = (place.key.clone(), place.now);
    match place.ci.project_mut(&key)?.put_secret(&secret, value, now)? {
        true => Ok(StatusCode::CREATED.into_response()),
        false => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// Letters, digits and underscores, no digit first, and neither of the names that are kept.
fn is_name(name: &str) -> bool {
    let upper = name.to_uppercase();
    let kept = upper.starts_with("GITEA_") || upper.starts_with("GITHUB_");
    let letters = upper.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    letters && !kept && !upper.starts_with(|first: char| first.is_ascii_digit())
}

pub(crate) async fn delete(State(gitea): State<Arc<Gitea>>, Path((owner, name, secret)): Named) -> Answer {
    let mut place = Place::writable(&gitea, &owner, &name)?;
    let key = place.key.clone();
    let secrets = &mut place.ci.project_mut(&key)?.secrets;
    secrets.remove(&secret.to_uppercase()).ok_or_else(Problem::not_found)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
