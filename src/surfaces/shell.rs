//! What stands around all surfaces of the public listener: pages of other origins, compressed answers, tokens.
//!
//! Invariant: what is not configured adds nothing to a request's way.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};

pub use super::cors::{ANY, CorsConfig};
use super::protected::{self, ProtectedConfig};
use super::{compressed, cors, mount};

/// What is configured.
#[derive(Clone, Default)]
pub struct ShellConfig {
    /// Pages of other origins; absent: they get nothing.
    pub cors: Option<CorsConfig>,
    /// The fewest bytes of an answer that is compressed; 0: none is.
    pub compress_above: u64,
    /// Whose tokens are taken, where some are.
    pub protected: Option<ProtectedConfig>,
}

/// The surfaces with their shell; what is `passed` through is neither compressed nor changed otherwise.
pub fn around(surfaces: Router, passed: Router, config: ShellConfig) -> Router {
    let mut router = surfaces;
    if let Some(protected) = config.protected.clone() {
        router = router.merge(protected::router(protected));
    }
    if config.compress_above > 0 {
        router = router.layer(from_fn_with_state(config.compress_above, compressed::compressed));
    }
    router = router.merge(passed);
    if let Some(protected) = config.protected {
        router = router
            .layer(from_fn_with_state(Arc::new(protected), protected::guide))
            .layer(from_fn(mount::note));
    }
    if let Some(cors) = &config.cors {
        router = router.layer(from_fn_with_state(cors::layer(cors), cors::pages));
    }
    router
}
