//! `mosaic serve` in front of a sandbox, seen from outside: over HTTP, by the command line, by signals.

#[path = "../harness/mod.rs"]
mod harness;

mod admin;
mod cancel;
mod check;
mod failures;
mod hostile;
mod lifecycle;
mod lines;
mod log;
mod names;
mod offered;
mod sources;
mod starting;
mod state;
mod surfaces;
mod writes;
