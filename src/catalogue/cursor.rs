//! Cursors: opaque to clients, authenticated by us.
//!
//! Invariant: a cursor opens only for the operation that made it, asked with the same arguments, and names the instance
//! that can continue it, or all of them, each with its own place.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mosaic_actors::error::Failure;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::trail::Trail;

/// In front of all. It also keeps a cursor's text from beginning with a hyphen, which a command line takes for a flag.
const VERSION: u8 = 3;
/// Bytes of the authentication tag, behind the version.
const TAG: usize = 16;
/// Bytes of the arguments' fingerprint, behind the tag: enough that no two lists of a client are taken for one.
const ARGUMENTS: usize = 8;
/// The longest cursor we accept; a provider's own cursors are far shorter.
const LONGEST: usize = 4096;

/// The word for every instance at once; a cursor that names it holds theirs.
pub const ALL: &str = "all";

/// The arguments that say where a page begins and how long it is, and not what is listed.
const OF_THE_PAGE: [&str; 2] = ["cursor", "limit"];

/// What a cursor belongs to: an operation, and the arguments that it lists by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    operation: &'static str,
    arguments: [u8; ARGUMENTS],
}

impl Query {
    /// What is listed by `operation` with this input. One that is absent and one that is null are the same.
    pub fn of(operation: &'static str, mut input: Value) -> Self {
        if let Some(fields) = input.as_object_mut() {
            fields.retain(|name, value| !value.is_null() && !OF_THE_PAGE.contains(&name.as_str()));
        }
        input.sort_all_objects();
        let mut arguments = [0; ARGUMENTS];
        arguments.copy_from_slice(&blake3::hash(input.to_string().as_bytes()).as_bytes()[..ARGUMENTS]);
        Query { operation, arguments }
    }
}

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
    /// Where the walk has been.
    pub trail: Trail,
}

impl Opened {
    /// The provider's own cursor as a list goes on with it: behind where it has been.
    pub fn walked(&self) -> String {
        self.trail.joined(&self.native)
    }

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
    pub fn seal(&self, instance: &str, query: &Query, native: &str) -> Option<String> {
        let mut text = query.arguments.to_vec();
        text.extend_from_slice(format!("{instance}\n{}\n{native}", query.operation).as_bytes());
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&self.tag(&text));
        sealed.extend_from_slice(&text);
        Some(URL_SAFE_NO_PAD.encode(sealed)).filter(|sealed| sealed.len() <= LONGEST)
    }

    /// Seals the places of several instances as one; none where it would be longer than any that we accept.
    pub fn seal_all(&self, query: &Query, parts: &[(Arc<str>, Place)]) -> Option<String> {
        let parts: Vec<(&str, &Place)> = parts.iter().map(|(instance, place)| (&**instance, place)).collect();
        let native = serde_json::to_string(&parts).ok()?;
        self.seal(ALL, query, &native)
    }

    /// Opens a cursor that `query` made.
    ///
    /// # Errors
    /// `invalid_input` on `cursor` when it was not made by us for this operation and these arguments.
    pub fn open(&self, query: &Query, cursor: &str) -> Result<Opened, Failure> {
        let refused = |sentence| Failure::invalid("cursor", sentence);
        let (arguments, opened) = self
            .try_open(query.operation, cursor)
            .ok_or_else(|| refused("this cursor was not made by this operation of this gateway"))?;
        match arguments == query.arguments {
            true => Ok(opened),
            false => Err(refused(
                "this cursor belongs to other arguments: a list goes on with those that it began with, save limit",
            )),
        }
    }

    fn try_open(&self, operation: &str, cursor: &str) -> Option<([u8; ARGUMENTS], Opened)> {
        if cursor.len() > LONGEST {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, text) = sealed.strip_prefix(&[VERSION])?.split_at_checked(TAG)?;
        if !bool::from(tag.ct_eq(&self.tag(text))) {
            return None;
        }
        let (arguments, text) = text.split_first_chunk()?;
        let mut parts = std::str::from_utf8(text).ok()?.splitn(3, '\n');
        let (instance, made_by, native) = (parts.next()?, parts.next()?, parts.next()?);
        let (trail, native) = Trail::parted(native);
        let opened = || Opened {
            instance: Arc::from(instance),
            native: native.to_owned(),
            trail,
        };
        (made_by == operation).then(|| (*arguments, opened()))
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
    use serde_json::json;

    fn of(operation: &'static str) -> Query {
        Query::of(operation, json!({}))
    }

    #[test]
    fn a_cursor_belongs_to_the_arguments_that_it_was_made_with() {
        let key = CursorKey::random();
        let asked = |input| Query::of("projects.issue.list", input);
        let began = asked(json!({"project": "a/b", "state": "open", "labels": ["x"], "limit": 5}));
        let one = key.seal("forge-a", &began, "2").unwrap();
        let all = key.seal_all(&began, &[(Arc::from("forge-a"), Place::First)]).unwrap();
        for (input, same) in [
            (
                json!({"project": "a/b", "state": "open", "labels": ["x"], "limit": 5}),
                true,
            ),
            (
                json!({"labels": ["x"], "state": "open", "project": "a/b", "cursor": "c", "assignee": null}),
                true,
            ),
            (
                json!({"project": "a/b", "state": "open", "labels": ["x"], "limit": 6}),
                true,
            ),
            (
                json!({"project": "a/c", "state": "open", "labels": ["x"], "limit": 5}),
                false,
            ),
            (json!({"project": "a/b", "state": "closed", "labels": ["x"]}), false),
            (json!({"project": "a/b", "state": "open", "labels": ["y"]}), false),
            (json!({"project": "a/b", "state": "open"}), false),
            (json!({}), false),
        ] {
            for sealed in [&one, &all] {
                let opened = key.open(&asked(input.clone()), sealed);
                assert_eq!(opened.is_ok(), same, "{input}");
                if let Err(refused) = opened {
                    assert_eq!(refused.field.as_deref(), Some("cursor"));
                    assert!(refused.message().contains("other arguments"), "{refused}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn opens_what_it_sealed_and_nothing_else(native in "[ -~\n]{0,60}", flip in 0usize..40) {
            let key = CursorKey::random();
            let sealed = key.seal("forge-a", &of("git.repo.list"), &native).unwrap();
            prop_assert!(!sealed.starts_with('-'), "a flag to a command line: {}", sealed);
            prop_assert_eq!(key.open(&of("git.repo.list"), &sealed).unwrap(), Opened { instance: Arc::from("forge-a"), native, trail: Trail::default() });
            prop_assert!(key.open(&of("git.branch.list"), &sealed).is_err());
            prop_assert!(CursorKey::random().open(&of("git.repo.list"), &sealed).is_err());
            let mut forged = sealed.clone().into_bytes();
            let at = flip % forged.len();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            prop_assert!(forged == sealed || key.open(&of("git.repo.list"), &forged).is_err());
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
            match key.seal_all(&of("git.repo.list"), &parts) {
                Some(sealed) => {
                    prop_assert_eq!(key.open(&of("git.repo.list"), &sealed).unwrap().parts(), Some(parts));
                    prop_assert!(key.open(&of("git.branch.list"), &sealed).is_err());
                }
                None => prop_assert!(natives.iter().map(String::len).sum::<usize>() > 1000),
            }
            prop_assert_eq!(key.open(&of("x"), &key.seal("forge-a", &of("x"), "[]").unwrap()).unwrap().parts(), None);
        }

        #[test]
        fn nothing_is_handed_out_that_would_be_refused(length in 2_900usize..3_200) {
            let key = CursorKey::random();
            let sealed = key.seal("forge-a", &of("git.repo.list"), &"x".repeat(length));
            prop_assert!(sealed.is_none_or(|sealed| key.open(&of("git.repo.list"), &sealed).is_ok()));
        }

        #[test]
        fn never_panics(text in ".{0,200}") {
            let _ = CursorKey::random().open(&of("x"), &text);
        }
    }
}
