//! Sending to an actor that may be in the microseconds of a restart.
//!
//! Invariant: bounded by the deadline that is given and by half a second.

use std::time::Duration;

use tokio::time::Instant;

use crate::supervision::{Handle, Message, Unavailable};

const PATIENCE: Duration = Duration::from_millis(500);

/// Sends `message`, over a restart if need be.
///
/// # Errors
/// Gives the message back where the actor did not come back in time.
pub(crate) async fn send_patiently<M: Message>(
    handle: &Handle<M>,
    message: M,
    deadline: Instant,
) -> Result<(), Unavailable<M>> {
    // Nearly always: no clock is read.
    let mut message = match handle.send(message) {
        Ok(()) => return Ok(()),
        Err(Unavailable(back)) => back,
    };
    let give_up = deadline.min(Instant::now() + PATIENCE);
    let mut pause = Duration::from_millis(1);
    while Instant::now() + pause <= give_up {
        tokio::time::sleep(pause).await;
        pause *= 2;
        match handle.send(message) {
            Ok(()) => return Ok(()),
            Err(Unavailable(back)) => message = back,
        }
    }
    Err(Unavailable(message))
}
