//! A short word for what may be long.
//!
//! Invariant: equal bytes have one word, on every node and in every build; of different ones, nobody finds two with the same.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Short, whatever was written.
pub(super) fn digest(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(blake3::hash(bytes).as_bytes())
}
