//! The admin API of a running gateway, over real sockets.

#[path = "../support/mod.rs"]
mod support;

mod actions;
mod door;
mod kept;
mod saturated;
mod stage;
