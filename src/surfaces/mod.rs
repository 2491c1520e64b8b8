//! Surfaces: the ways in. Each turns its own wire form into an invocation and an answer back into its own form.
//!
//! Invariant: a surface holds no rule of its own about operations; what exists, and how it is checked, comes from the
//! catalogue, and every failure leaves through [`problem`].

pub mod access;
pub mod anthropic;
pub mod arrival;
pub mod auth;
mod beside;
pub mod bodies;
mod cache_status;
mod compressed;
mod cors;
pub(crate) mod decision;
pub mod decisions;
mod described;
pub mod dialect;
pub(crate) mod docs;
mod example;
pub mod feed;
#[cfg(feature = "graphql")]
pub mod graphql;
pub(crate) mod hosts;
pub mod json_body;
#[cfg(feature = "mcp")]
pub(crate) mod mcp;
pub(crate) mod mount;
pub mod openai;
pub mod openapi;
pub mod origin;
pub(crate) mod page;
pub mod problem;
pub mod protected;
pub mod proxy;
pub mod rate_limit;
pub mod request_id;
pub mod rest;
pub(crate) mod shared;
pub mod shell;
mod strict;
pub mod tenure;
pub mod trace;
pub mod webhooks;
