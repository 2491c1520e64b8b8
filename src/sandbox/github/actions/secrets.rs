//! Secrets, which come sealed for the repository's own key.
//!
//! Invariant: what cannot be opened is refused, and a value is never given back.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crypto_box::SecretKey;
use http::{Response, StatusCode, Uri};
use secrecy::SecretString;
use serde_json::json;

use super::super::body::Input;
use super::super::problem::Problem;
use super::super::{GitHub, page};
use super::{Place, objects};
use crate::sandbox::forge::stable_id;

/// The most bytes of a value.
const MAX_SIZE: usize = 48 << 10;

type Answer = Result<Response<Body>, Problem>;

/// The key of a repository, the same in every run, and its number.
fn key_of(place: &Place<'_>) -> (SecretKey, String) {
    let name = format!("secrets of {} at {}", place.key, place.github.instance.name);
    let key = SecretKey::from_bytes(*blake3::hash(name.as_bytes()).as_bytes());
    (key, stable_id(&name).to_string())
}

pub(crate) async fn public_key(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
) -> Answer {
    let (key, id) = key_of(&github.place(&owner, &name)?);
    let key = STANDARD.encode(key.public_key().as_bytes());
    Ok(Json(json!({ "key_id": id, "key": key })).into_response())
}

pub(crate) async fn list(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Answer {
    let place = github.place(&owner, &name)?;
    let all: Vec<_> = place.project()?.secrets.values().collect();
    let shown: Vec<_> = page::PAGING
        .slice(&uri, &all)
        .iter()
        .map(|secret| objects::secret(secret))
        .collect();
    let body = Json(json!({ "total_count": all.len(), "secrets": shown })).into_response();
    Ok(page::PAGING.linked(body, &github.instance.origin, &uri, all.len()))
}

pub(crate) async fn get(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, secret)): Path<(String, String, String)>,
) -> Answer {
    let place = github.place(&owner, &name)?;
    let secret = place.project()?.secrets.get(&secret.to_uppercase());
    Ok(Json(objects::secret(secret.ok_or_else(Problem::not_found)?)).into_response())
}

pub(crate) async fn put(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, secret)): Path<(String, String, String)>,
    body: Bytes,
) -> Answer {
    let mut place = github.place(&owner, &name)?;
    place.writable()?;
    let input = Input::read(&body, "Secret")?;
    check_name(&secret)?;
    let (key, id) = key_of(&place);
    if input.required("key_id")? != id {
        return Err(Problem::unprocessable(
            "The key_id is not that of the current public key.",
        ));
    }
    input.required("encrypted_value")?;
    let sealed = input.bytes("encrypted_value")?.unwrap_or_default();
    let opened = key.unseal(&sealed).ok().and_then(|value| String::from_utf8(value).ok());
    let value = opened.ok_or_else(|| Problem::unprocessable("The encrypted_value cannot be decrypted."))?;
    if value.len() > MAX_SIZE {
        return Err(Problem::unprocessable("The value of a secret has at most 48 KB."));
    }
    let (key, now) = (place.key.clone(), place.now);
    let project = place.ci.project_mut(&key)?;
    match project.put_secret(&secret, SecretString::from(value), now)? {
        true => Ok((StatusCode::CREATED, Json(json!({}))).into_response()),
        false => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

fn check_name(name: &str) -> Result<(), Problem> {
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let begins = !name.starts_with(|first: char| first.is_ascii_digit());
    if letters && begins && !name.to_uppercase().starts_with("GITHUB_") {
        return Ok(());
    }
    let message = "Secret names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_), and \
                   neither start with a number nor with GITHUB_.";
    Err(Problem::unprocessable(message))
}

pub(crate) async fn delete(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, secret)): Path<(String, String, String)>,
) -> Answer {
    let mut place = github.place(&owner, &name)?;
    place.writable()?;
    let key = place.key.clone();
    let secrets = &mut place.ci.project_mut(&key)?.secrets;
    secrets.remove(&secret.to_uppercase()).ok_or_else(Problem::not_found)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_sealed_is_opened() {
        let github = super::super::super::open_for_test();
        let (key, id) = key_of(&github.place("acme", "api").unwrap());
        let sealed = key
            .public_key()
            .seal(&mut crypto_box::aead::OsRng, "Grüße".as_bytes())
            .unwrap();
        let put_as = |key_id: &str, sealed: &[u8]| {
            let body = json!({ "key_id": key_id, "encrypted_value": STANDARD.encode(sealed) });
            let path = ("acme".to_owned(), "api".to_owned(), "token".to_owned());
            put(State(github.clone()), Path(path), body.to_string().into())
        };
        assert_eq!(put_as(&id, &sealed).await.unwrap().status(), StatusCode::CREATED);
        assert_eq!(put_as(&id, &sealed).await.unwrap().status(), StatusCode::NO_CONTENT);
        assert!(put_as("1", &sealed).await.is_err());
        assert!(put_as(&id, &sealed[1..]).await.is_err());
        let place = github.place("acme", "api").unwrap();
        assert_eq!(place.project().unwrap().secrets["TOKEN"].value(), "Grüße");
    }
}
