//! Credentials that a program gives, beside those that its configuration refers to.
//!
//! Invariant: they win over the configuration's.

use std::collections::HashMap;

use crate::secret::Secret;

/// Secrets by the name of their provider instance.
pub(super) type Credentials = HashMap<String, Secret>;
