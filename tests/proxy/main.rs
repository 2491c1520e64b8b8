//! Pass-through over real sockets: the program, the sandboxes and a provider of the test's own behind it, and before it
//! clients that speak those providers' APIs, some of them the vendors' own.

#[path = "../harness/mod.rs"]
mod harness;

mod answers;
mod bounds;
mod clients;
mod leaks;
mod mirror;
mod models;
mod place;
mod streams;
mod writes;
