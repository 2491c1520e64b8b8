//! The envelope in which an entry of the cache travels between nodes.
//!
//! Layout: magic, version, authentication code, head (bincode), body (as it is). The code covers everything after it and
//! the place where it is kept, under a key that only the nodes of one deployment have: what was damaged, moved to another
//! key, or written by anybody else is not read. This is the only module that knows bincode.
//!
//! Invariant: bytes from outside never panic and never allocate more than they are long; what cannot be read is no entry.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mosaic_actors::cache::portable::{Memory, Portable};
use mosaic_actors::cache::tier::Stamp;
use serde::{Deserialize, Serialize};

const MAGIC: [u8; 3] = *b"MSC";
/// Raise it with every change of [`Head`]; another version's entries are misses.
const VERSION: u8 = 4;
const CODE: usize = 16;
const PREFACE: usize = MAGIC.len() + 1;

/// Seals and opens envelopes.
#[derive(Clone)]
pub struct Codec {
    key: [u8; 32],
}

/// An opened envelope.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    /// The entry.
    pub entry: Portable,
    /// The stamp that it was put with.
    pub stamp: Stamp,
}

#[derive(Serialize, Deserialize)]
struct Head<'a> {
    fresh_ms: u64,
    stale_ms: u64,
    stamp: &'a [u8],
    #[serde(borrow)]
    memory: MemoryHead<'a>,
}

#[derive(Serialize, Deserialize)]
enum MemoryHead<'a> {
    Answer {
        provider: &'a str,
        upstream_request_id: Option<&'a str>,
        skipped: u32,
        emulated: bool,
        validator: Option<&'a str>,
    },
    NotFound {
        provider: Option<&'a str>,
        field: Option<&'a str>,
        message: &'a str,
    },
}

impl Codec {
    /// A codec for the nodes that share `secret`.
    pub fn new(secret: &[u8]) -> Self {
        Codec {
            key: blake3::derive_key("mosaic cache envelope", secret),
        }
    }

    /// Seals an entry for the place `at`. Its age is not written: the tier tells how long it still has to live. `None`:
    /// it cannot be written, which no entry of ours is known to cause.
    pub fn seal(&self, at: &[u8], entry: &Portable, stamp: &Stamp) -> Option<Vec<u8>> {
        let (memory, body): (_, &[u8]) = match &entry.outcome {
            Memory::Answer {
                provider,
                upstream_request_id,
                skipped,
                emulated,
                validator,
                body,
            } => {
                let upstream_request_id = upstream_request_id.as_deref();
                (
                    MemoryHead::Answer {
                        provider,
                        upstream_request_id,
                        skipped: *skipped,
                        emulated: *emulated,
                        validator: validator.as_deref(),
                    },
                    body,
                )
            }
            Memory::NotFound {
                provider,
                field,
                message,
            } => {
                let (provider, field) = (provider.as_deref(), field.as_deref());
                (
                    MemoryHead::NotFound {
                        provider,
                        field,
                        message,
                    },
                    &[],
                )
            }
        };
        let head = Head {
            fresh_ms: millis(entry.fresh),
            stale_ms: millis(entry.stale),
            stamp: &stamp.0,
            memory,
        };
        let head = bincode::serde::encode_to_vec(&head, bincode::config::standard()).ok()?;
        let mut sealed = Vec::with_capacity(PREFACE + CODE + head.len() + body.len());
        sealed.extend_from_slice(&MAGIC);
        sealed.push(VERSION);
        sealed.extend_from_slice(&[0; CODE]);
        sealed.extend_from_slice(&head);
        sealed.extend_from_slice(body);
        let code = self.code(at, &sealed[PREFACE + CODE..]);
        sealed[PREFACE..PREFACE + CODE].copy_from_slice(&code.as_bytes()[..CODE]);
        Some(sealed)
    }

    /// Opens the envelope that was found at `at` with `left` to live. The body is a part of `sealed`, not a copy.
    pub fn open(&self, at: &[u8], sealed: &Bytes, left: Duration) -> Option<Opened> {
        let (preface, rest) = sealed.split_at_checked(PREFACE)?;
        let (code, content) = rest.split_at_checked(CODE)?;
        if preface[..MAGIC.len()] != MAGIC || preface[MAGIC.len()] != VERSION {
            return None;
        }
        use subtle::ConstantTimeEq;
        if !bool::from(self.code(at, content).as_bytes()[..CODE].ct_eq(code)) {
            return None;
        }
        // Texts and the stamp are borrowed from the bytes at hand, so a length that lies allocates nothing.
        let (head, read) =
            bincode::serde::borrow_decode_from_slice::<Head<'_>, _>(content, bincode::config::standard()).ok()?;
        let (fresh, stale) = (
            Duration::from_millis(head.fresh_ms),
            Duration::from_millis(head.stale_ms),
        );
        let outcome = match head.memory {
            MemoryHead::Answer {
                provider,
                upstream_request_id,
                skipped,
                emulated,
                validator,
            } => Memory::Answer {
                provider: Arc::from(provider),
                upstream_request_id: upstream_request_id.map(Arc::from),
                skipped,
                emulated,
                validator: validator.map(Arc::from),
                body: sealed.slice_ref(content.get(read..)?),
            },
            MemoryHead::NotFound {
                provider,
                field,
                message,
            } => Memory::NotFound {
                provider: provider.map(Arc::from),
                field: field.map(Arc::from),
                message: Arc::from(message),
            },
        };
        Some(Opened {
            entry: Portable {
                outcome,
                age: fresh.saturating_add(stale).saturating_sub(left),
                fresh,
                stale,
            },
            stamp: Stamp(Bytes::copy_from_slice(head.stamp)),
        })
    }

    fn code(&self, at: &[u8], content: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(at.len() as u64).to_le_bytes()).update(at);
        hasher.update(content).finalize()
    }
}

/// Whole milliseconds; what is longer than 500 million years is cut.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT: &[u8] = b"mosaic:e:1";

    fn memories() -> impl Strategy<Value = Memory> {
        let text = || ".{0,40}".prop_map(Arc::<str>::from);
        let maybe = move || proptest::option::of(text());
        let body = proptest::collection::vec(any::<u8>(), 0..2000);
        prop_oneof![
            (text(), maybe(), any::<u32>(), any::<bool>(), maybe(), body).prop_map(
                |(provider, upstream_request_id, skipped, emulated, validator, body)| {
                    Memory::Answer {
                        provider,
                        upstream_request_id,
                        skipped,
                        emulated,
                        validator,
                        body: Bytes::from(body),
                    }
                }
            ),
            (maybe(), maybe(), text()).prop_map(|(provider, field, message)| Memory::NotFound {
                provider,
                field,
                message,
            }),
        ]
    }

    fn entries() -> impl Strategy<Value = (Portable, Stamp)> {
        let times = (0u64..100_000_000, 0u64..100_000_000);
        let stamp = proptest::collection::vec(any::<u8>(), 0..64);
        (memories(), times, stamp).prop_map(|(outcome, (fresh, stale), stamp)| {
            let entry = Portable {
                outcome,
                age: Duration::ZERO,
                fresh: Duration::from_millis(fresh),
                stale: Duration::from_millis(stale),
            };
            (entry, Stamp(Bytes::from(stamp)))
        })
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens((mut entry, stamp) in entries(), aged in 0u64..100_000_000) {
            let codec = Codec::new(b"a secret");
            let sealed = Bytes::from(codec.seal(AT, &entry, &stamp).unwrap());
            let left = entry.lifetime().saturating_sub(Duration::from_millis(aged));
            let opened = codec.open(AT, &sealed, left).unwrap();
            entry.age = entry.lifetime().saturating_sub(left);
            prop_assert_eq!(opened, Opened { entry, stamp });
        }

        #[test]
        fn what_was_damaged_moved_or_forged_does_not((entry, stamp) in entries(), at in any::<prop::sample::Index>(), flip in 1u8..) {
            let codec = Codec::new(b"a secret");
            let sealed = codec.seal(AT, &entry, &stamp).unwrap();
            let left = Duration::from_secs(1);
            let mut damaged = sealed.clone();
            damaged[at.index(sealed.len())] ^= flip;
            prop_assert_eq!(codec.open(AT, &Bytes::from(damaged), left), None);
            let cut = Bytes::from(sealed.clone()).slice(..at.index(sealed.len()));
            prop_assert_eq!(codec.open(AT, &cut, left), None);
            let sealed = Bytes::from(sealed);
            prop_assert_eq!(codec.open(b"mosaic:e:2", &sealed, left), None);
            prop_assert_eq!(Codec::new(b"another").open(AT, &sealed, left), None);
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let codec = Codec::new(b"a secret");
            prop_assert_eq!(codec.open(AT, &Bytes::from(bytes.clone()), Duration::ZERO), None);
            // Behind a good code, too: the decoder itself must bear them.
            let mut sealed = [&MAGIC[..], &[VERSION], &codec.code(AT, &bytes).as_bytes()[..CODE]].concat();
            sealed.extend_from_slice(&bytes);
            let _opened = codec.open(AT, &Bytes::from(sealed), Duration::ZERO);
        }
    }
}
