//! Calls that leave a decision record, and that none of those is lost.

use std::sync::Arc;

use mosaic_actors::call::Call;
use mosaic_actors::system::System;

use super::all_is_back;

/// The call under this id.
pub fn named(id: &str, mut call: Call) -> Call {
    call.id = Arc::from(id);
    call
}

/// The call, whose answer tells what was decided for it.
pub fn explain(mut call: Call) -> Call {
    call.explain = true;
    call
}

/// Every record is somebody's or free: none was lost on the way.
pub async fn none_is_lost(system: &System) {
    all_is_back(system).await;
    let counts = system.decision_counts();
    assert_eq!(counts.free + counts.kept, counts.total);
}
