//! Surfaces: the ways in. Each turns its own wire form into an invocation and an answer back into its own form.
//!
//! Invariant: a surface holds no rule of its own about operations; what exists, and how it is checked, comes from the
//! catalogue, and every failure leaves through [`problem`].

pub mod access;
pub mod arrival;
pub mod auth;
mod beside;
pub mod bodies;
mod cache_status;
pub(crate) mod decision;
pub mod decisions;
pub(crate) mod docs;
pub mod feed;
#[cfg(feature = "graphql")]
pub mod graphql;
pub(crate) mod hosts;
pub mod json_body;
pub(crate) mod mount;
pub mod openapi;
pub(crate) mod page;
pub mod problem;
pub mod proxy;
pub mod request_id;
pub mod rest;
pub(crate) mod shared;
mod strict;
pub mod tenure;
pub mod webhooks;
