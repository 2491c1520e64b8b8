//! Routes as operators write them, in front of servers that count what they are asked.
//!
//! Invariant: who was asked is told by the servers, never by the gateway alone.

#[path = "../harness/mod.rs"]
mod harness;

mod credits;
mod tree;
mod trials;
