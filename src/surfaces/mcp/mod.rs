//! The Model Context Protocol: the catalogue as an agent's tools, resources and prompts, at `/mcp` and over standard streams.
//!
//! Invariant: no operation is named here, save in the texts of prompts; what an agent sees is what its caller may do, and
//! every call goes the way of all calls.

mod administration;
mod answer;
mod argument;
mod call;
mod complete;
mod front;
mod ground;
mod handler;
mod own;
mod portion;
mod progress;
mod prompts;
mod refusal;
mod resources;
mod schemas;
mod sessions;
mod stdio;
mod tools;
mod toolsets;
mod trim;
mod uri;
mod visit;

pub(crate) use administration::{AdminTool, Administration};
pub(crate) use front::{FrontConfig, router};
pub(crate) use ground::Offer;
pub(crate) use stdio::serve;
