//! The admin API of a running gateway, over real sockets.

#[path = "../support/mod.rs"]
mod support;

mod actions;
mod decisions;
mod described;
mod door;
mod kept;
mod limits;
mod orders;
mod saturated;
mod stage;
