//! How an instance is kept from more than it can bear.
//!
//! Invariant: fixed while the instance is up.

use crate::policy::concurrency::LimitSettings;
use crate::policy::pacing::PacingSettings;
use crate::policy::waiting::WaitingSettings;

/// How an instance is kept from more than it can bear.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OverloadSettings {
    /// The short queue in front of its places, and a tenant's part in both.
    pub waiting: WaitingSettings,
    /// Its adaptive limit on attempts in flight; `None`: `max_in_flight` alone. Off unless said otherwise: it takes the time
    /// of an answer for a measure of load, which is right for servers of one's own, and wrong where operations differ by
    /// orders of magnitude.
    pub limit: Option<LimitSettings>,
    /// How its provider's quota is spread; `None`: it is not.
    pub pacing: Option<PacingSettings>,
}

impl Default for OverloadSettings {
    fn default() -> Self {
        OverloadSettings {
            waiting: WaitingSettings::default(),
            limit: None,
            pacing: Some(PacingSettings::default()),
        }
    }
}
