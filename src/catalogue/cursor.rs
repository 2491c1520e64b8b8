//! Cursors: opaque to clients, authenticated by us.
//!
//! Invariant: a cursor opens only for the operation that made it, and names the instance that can continue it, or all of
//! them, each with its own place.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mosaic_actors::error::Failure;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// In front of all. It also keeps a cursor's text from beginning with a hyphen, which a command line takes for a flag.
const VERSION: u8 = 1;
/// Bytes of the authentication tag, behind the version.
const TAG: usize = 16;
/// The longest cursor we accept; a provider's own cursors are far shorter.
const LONGEST: usize = 4096;

/// The word for every instance at once; a cursor that names it holds theirs.
pub const ALL: &str = "all";

/// Seals and opens cursors.
#[derive(Clone)]
pub struct CursorKey([u8; 32]);

/// Where a list of all goes on at one of its instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// At its first page.
    First,
    /// At the provider's own cursor.
    At(String),
    /// Nowhere: it is lost to this list, for an error of this code. It is held so that each page names it.
    Lost(String),
}

/// The instances that a cursor over all holds, each with its place.
pub type Parts = Vec<(Arc<str>, Place)>;

/// An opened cursor.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    /// The instance that made it.
    pub instance: Arc<str>,
    /// The provider's own cursor.
    pub native: String,
}

impl Opened {
    /// The instances and their places, where it is one over all.
    pub fn parts(&self) -> Option<Parts> {
        let parts: Vec<(String, Place)> = serde_json::from_str(&self.native)
            .ok()
            .filter(|_| &*self.instance == ALL)?;
        Some(
            parts
                .into_iter()
                .map(|(instance, place)| (instance.into(), place))
                .collect(),
        )
    }
}

impl CursorKey {
    /// A key for this process. Cursors do not outlive it.
    pub fn random() -> Self {
        let mut key = [0; 32];
        key[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        key[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        CursorKey(blake3::derive_key("mosaic cursor key of one process", &key))
    }

    /// A key derived from a secret that several nodes share.
    pub fn derived(secret: &[u8]) -> Self {
        CursorKey(blake3::derive_key("mosaic cursor key shared by nodes", secret))
    }

    /// Seals the provider's own cursor; none where it would be longer than any that we accept.
    pub fn seal(&self, instance: &str, operation: &str, native: &str) -> Option<String> {
        let text = format!("{instance}\n{operation}\n{native}");
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&self.tag(text.as_bytes()));
        sealed.extend_from_slice(text.as_bytes());
        Some(URL_SAFE_NO_PAD.encode(sealed)).filter(|sealed| sealed.len() <= LONGEST)
    }

    /// Seals the places of several instances as one; none where it would be longer than any that we accept.
    pub fn seal_all(&self, operation: &str, parts: &[(Arc<str>, Place)]) -> Option<String> {
        let parts: Vec<(&str, &Place)> = parts.iter().map(|(instance, place)| (&**instance, place)).collect();
        let native = serde_json::to_string(&parts).ok()?;
        self.seal(ALL, operation, &native)
    }

    /// Opens a cursor that `operation` made.
    ///
    /// # Errors
    /// `invalid_input` on `cursor` when it was not made by us for this operation.
    pub fn open(&self, operation: &str, cursor: &str) -> Result<Opened, Failure> {
        self.try_open(operation, cursor)
            .ok_or_else(|| Failure::invalid("cursor", "this cursor was not made by this operation of this gateway"))
    }

    fn try_open(&self, operation: &str, cursor: &str) -> Option<Opened> {
        if cursor.len() > LONGEST {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, text) = sealed.strip_prefix(&[VERSION])?.split_at_checked(TAG)?;
        if !bool::from(tag.ct_eq(&self.tag(text))) {
            return None;
        }
        let mut parts = std::str::from_utf8(text).ok()?.splitn(3, '\n');
        let (instance, made_by, native) = (parts.next()?, parts.next()?, parts.next()?);
        (made_by == operation).then(|| Opened {
            instance: Arc::from(instance),
            native: native.to_owned(),
        })
    }

    fn tag(&self, text: &[u8]) -> [u8; TAG] {
        let mut tag = [0; TAG];
        tag.copy_from_slice(&blake3::keyed_hash(&self.0, text).as_bytes()[..TAG]);
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn opens_what_it_sealed_and_nothing_else(native in "[ -~\n]{0,60}", flip in 0usize..40) {
            let key = CursorKey::random();
            let sealed = key.seal("forge-a", "git.repo.list", &native).unwrap();
            prop_assert!(!sealed.starts_with('-'), "a flag to a command line: {}", sealed);
            prop_assert_eq!(key.open("git.repo.list", &sealed).unwrap(), Opened { instance: Arc::from("forge-a"), native });
            prop_assert!(key.open("git.branch.list", &sealed).is_err());
            prop_assert!(CursorKey::random().open("git.repo.list", &sealed).is_err());
            let mut forged = sealed.clone().into_bytes();
            let at = flip % forged.len();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            prop_assert!(forged == sealed || key.open("git.repo.list", &forged).is_err());
        }

        #[test]
        fn several_in_one_come_apart_again(natives in proptest::collection::vec("[ -~\n]{0,300}", 0..16)) {
            let key = CursorKey::random();
            let place = |at, native: &String| match at % 3 {
                0 => Place::First,
                1 => Place::At(native.clone()),
                _ => Place::Lost(native.clone()),
            };
            let parts: Parts =
                natives.iter().enumerate().map(|(at, native)| (format!("forge-{at}").into(), place(at, native))).collect();
            match key.seal_all("git.repo.list", &parts) {
                Some(sealed) => {
                    prop_assert_eq!(key.open("git.repo.list", &sealed).unwrap().parts(), Some(parts));
                    prop_assert!(key.open("git.branch.list", &sealed).is_err());
                }
                None => prop_assert!(natives.iter().map(String::len).sum::<usize>() > 1000),
            }
            prop_assert_eq!(key.open("x", &key.seal("forge-a", "x", "[]").unwrap()).unwrap().parts(), None);
        }

        #[test]
        fn nothing_is_handed_out_that_would_be_refused(length in 2_900usize..3_200) {
            let key = CursorKey::random();
            let sealed = key.seal("forge-a", "git.repo.list", &"x".repeat(length));
            prop_assert!(sealed.is_none_or(|sealed| key.open("git.repo.list", &sealed).is_ok()));
        }

        #[test]
        fn never_panics(text in ".{0,200}") {
            let _ = CursorKey::random().open("x", &text);
        }
    }
}
