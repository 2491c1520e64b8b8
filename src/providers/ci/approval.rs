//! Approvals that say no more than yes. Pure.
//!
//! Invariant: what somebody answers to a run is never left out without a word.

use mosaic_actors::error::Failure;

use crate::catalogue::cicd::RunApproveInput;

/// Refuses what a provider whose runs ask for no more than a word cannot pass on.
///
/// # Errors
/// `unsupported` on `variables`.
pub fn plain(input: &RunApproveInput) -> Result<(), Failure> {
    match input.variables.is_empty() {
        true => Ok(()),
        false => {
            let sentence = "a run of this provider asks for an approval alone, and for nothing that is said with it";
            Err(Failure::unsupported_field("variables", sentence).never_sent())
        }
    }
}
