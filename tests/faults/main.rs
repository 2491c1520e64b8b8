//! Real faults over real sockets: the program, instances that fail behind it, and callers before it.
//!
//! Invariant: how long something takes decides no test.

#[path = "../harness/mod.rs"]
mod harness;

mod counted;
mod credentials;
mod error_flow;
mod load;
mod nine;
mod request_flow;
mod stage;
mod tally;

mod weather;
