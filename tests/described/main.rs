//! What our descriptions of ourselves are good for in other hands: clients are made of them, requests are, and people try calls
//! on their page.
//!
//! Invariant: whoever reads them has nothing but what the gateway serves.

#[path = "../harness/mod.rs"]
mod harness;

mod clients;
mod page;
mod requests;
