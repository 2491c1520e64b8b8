//! The requests that set secrets.
//!
//! Invariant: a value leaves sealed for GitHub's key alone, which is asked for each time, since a new one may stand there.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::PublicKey;
use crypto_box::aead::OsRng;
use mosaic_actors::error::Failure;

use super::{GitHub, wire};
use crate::catalogue::cicd::{SecretPut, SecretWritten};
use crate::providers::ci::actions;
use crate::providers::forge;
use crate::providers::{Reply, Request};

/// What the names of GitHub's own begin with.
const OWN: &str = "GITHUB_";

pub async fn put(github: Arc<GitHub>, request: Request<SecretPut>) -> Result<Reply<SecretWritten>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let input = &request.input;
    actions::for_all_events(&input.events)?;
    check_name(&input.name)?;
    let secrets = ["repos", owner, name, "actions", "secrets"];
    let key_at = [&secrets[..], &["public-key"]].concat();
    // Whatever fails here, nothing was written, and the whole may be repeated.
    let received = github
        .endpoint
        .send(github.endpoint.get(&key_at)?)
        .await
        .map_err(Failure::never_sent)?;
    let key: wire::PublicKey = received.json().map_err(Failure::never_sent)?;
    let Some(sealed) = seal(&key.key, input.value.expose()) else {
        return Err(received.unusable("the provider's public key is none").never_sent());
    };
    let secret = wire::Secret {
        encrypted_value: &sealed,
        key_id: &key.key_id,
    };
    let parts = [&secrets[..], &[&*input.name]].concat();
    let received = github.endpoint.send(github.endpoint.put(&parts, &secret)?).await?;
    Ok(received.reply(SecretWritten {
        name: input.name.to_ascii_uppercase(),
        // It tells of a new one in JSON, and of one that was there with nothing.
        created: Some(!received.bytes().is_empty()),
    }))
}

/// "Secret names must not start with the GITHUB_ prefix", whatever their case, and can have no other signs than these.
fn check_name(name: &str) -> Result<(), Failure> {
    let begins = name
        .get(..OWN.len())
        .is_some_and(|begins| begins.eq_ignore_ascii_case(OWN));
    let sentence = match name.contains('-') {
        true => "name must hold only letters, digits and _ at this provider",
        false if begins => "name must not begin with GITHUB_: those names are the provider's own",
        false => return Ok(()),
    };
    Err(Failure::invalid("name", sentence).never_sent())
}

/// What only the owner of the key can open, as base64.
fn seal(key: &str, value: &str) -> Option<String> {
    let key = STANDARD.decode(key).ok()?;
    let key = PublicKey::from_slice(&key).ok()?;
    let sealed = key.seal(&mut OsRng, value.as_bytes()).ok()?;
    Some(STANDARD.encode(sealed))
}

#[cfg(test)]
mod tests {
    use crypto_box::SecretKey;

    use super::*;

    #[test]
    fn a_name_that_github_keeps_for_itself_is_refused_on_its_field() {
        for wrong in ["GITHUB_TOKEN", "github_x", "A-B"] {
            let failure = check_name(wrong).expect_err(wrong);
            assert_eq!(failure.field.as_deref(), Some("name"), "{wrong}");
            assert!(failure.unsent);
        }
        for sound in ["TOKEN", "MY_GITHUB_TOKEN", "GITHUB", "_1"] {
            assert!(check_name(sound).is_ok(), "{sound}");
        }
    }

    #[test]
    fn only_the_owner_of_the_key_opens_what_was_sealed() {
        let owner = SecretKey::generate(&mut OsRng);
        let key = STANDARD.encode(owner.public_key().as_bytes());
        let sealed = seal(&key, "hunter2").expect("a key");
        assert_ne!(
            Some(&sealed),
            seal(&key, "hunter2").as_ref(),
            "each box has a key of its own"
        );
        let sealed = STANDARD.decode(sealed).expect("base64");
        assert_eq!(sealed.len(), "hunter2".len() + 48);
        assert_eq!(owner.unseal(&sealed).expect("its own"), b"hunter2");
        assert!(SecretKey::generate(&mut OsRng).unseal(&sealed).is_err());
        for wrong in ["", "no base64", "c2hvcnQ="] {
            assert_eq!(seal(wrong, "hunter2"), None, "{wrong}");
        }
    }
}
