//! The engine of MosAIc: actors under supervision, the call path, and the pure policies that they run.
//!
//! A call enters through the [`gateway::Gateway`] handle and passes these phases, in this order: **admit**
//! ([`quota`]), **route** ([`policy::routing`]), **lookup** ([`cache`]), then per attempt **balance** (`router`),
//! **guard** ([`breaker`], [`instance`], [`credits`]) and **call** (`provider`), and at last **fill** and **settle**
//! (`gateway::task`). [`system`] shows the whole tree on one page.
//!
//! What is deliberately absent: vendors' names, HTTP, Redis, SQL. The engine knows calls, failures, tenants and drivers
//! as traits and bytes.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod attributes;
mod balancers;
pub mod breaker;
mod bulkhead;
pub mod cache;
pub mod call;
mod capabilities;
mod clock;
pub mod credits;
pub mod decision;
mod directory;
pub mod driver;
pub mod error;
mod feedback;
pub mod gateway;
pub mod instance;
mod messages;
mod operation;
mod paces;
pub mod plugin;
pub mod policy;
mod port;
mod provider;
pub mod quota;
pub mod rate_limit;
mod router;
pub mod stream;
pub mod supervision;
pub mod system;
pub mod telemetry;
