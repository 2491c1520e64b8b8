//! What the native loader is given of an instance.
//!
//! Invariant: a secret that the program gave stands here, and shows itself to nobody.

use crate::config::ProviderConfig;
use crate::secret::Secret;

/// What the loader knows of an instance.
#[derive(Clone)]
pub(super) struct Manifest {
    pub(super) provider: ProviderConfig,
    /// Given by the program; wins over the reference.
    pub(super) credential: Option<Secret>,
}
