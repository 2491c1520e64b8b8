//! One table of scenarios, told by every surface: REST, GraphQL, MCP, the command line and Rust.
//!
//! Each row is played by each surface against a gateway and a sandbox of its own. What the row expects must come, and what one
//! surface brings (results, refusals, what was charged, what was decided) every other one must bring as well.
//!
//! Invariant: a row names no surface but where it says, and why, that one cannot tell it.

#[path = "../harness/mod.rs"]
mod harness;

mod compare;
mod neutral;
mod play;
mod row;
mod stage;
mod table;
mod ways;
