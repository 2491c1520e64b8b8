//! The Model Context Protocol, as clients of other hands speak it and as strangers misuse it.
//!
//! Invariant: every message goes over a real socket or a real process's streams, to the built program in front of the sandbox.

#[path = "../harness/mod.rs"]
mod harness;

mod administration;
mod clients;
mod conformance;
mod context;
mod hostile;
mod sessions;
mod stage;
mod stdio;
mod tools;
mod vanished;
