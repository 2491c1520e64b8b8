//! Thoughts that their server alone reads.
//!
//! Invariant: what was sealed for one thought of one instance opens for no other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Seals what is thought in the item `id`.
pub(super) fn sealed(instance: &str, id: &str) -> String {
    STANDARD.encode(format!("{instance} {id}"))
}

/// Whether a seal is the one of the item `id`.
pub(super) fn opens(instance: &str, id: &str, seal: &str) -> bool {
    sealed(instance, id) == seal
}
