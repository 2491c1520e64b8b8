//! Which instance a call is to go to, of all that name one.
//!
//! Invariant: two that name different ones are refused, and none of them is preferred.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use super::options;
use crate::catalogue::Prepared;
use crate::catalogue::cursor::ALL;

/// Where a call is to go.
pub(super) enum Pin {
    /// Wherever it is routed.
    None,
    /// To this one.
    One(Arc<str>),
    /// To each that can do it.
    All,
}

/// One instance out of what the resource, the cursor and the caller name; `prepare` has already compared the first two.
pub(super) fn pinned(prepared: &Prepared, wanted: Option<&str>) -> Result<Pin, Failure> {
    let implied = prepared.instance.as_ref().or(prepared.resource.instance());
    match (implied, wanted) {
        (_, Some("")) => Err(Failure::invalid(options::PROVIDER, "provider must not be empty")),
        (Some(implied), Some(wanted)) if **implied != *wanted => Err(Failure::invalid(
            options::PROVIDER,
            format!("the resource or the cursor belongs to {implied}, but provider asks for {wanted}"),
        )),
        (Some(all), _) if **all == *ALL && !prepared.each.is_empty() => Ok(Pin::All),
        // Routing reads the resource itself, and knows then that it was the resource that named the instance.
        (Some(_), None) if prepared.instance.is_none() => Ok(Pin::None),
        (Some(implied), _) => Ok(Pin::One(implied.clone())),
        (None, Some(ALL)) => Ok(Pin::All),
        (None, Some(wanted)) => Ok(Pin::One(Arc::from(wanted))),
        (None, None) => Ok(Pin::None),
    }
}
