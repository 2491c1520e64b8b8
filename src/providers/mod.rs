//! Drivers: what each provider's own API looks like, kept behind the engine's `Driver` trait.
//!
//! Invariant: a provider's name appears in its own folder and in one row of [`KINDS`], nowhere else in the product.
//!
//! To add a driver: a folder with `mod.rs` (the [`Provider`] implementation and its table of handlers), `wire.rs` (private
//! wire types) and `convert.rs` (pure converters), and one row in [`KINDS`].

mod bookstack;
pub mod connection;
mod forge;
mod gitea;
mod github;
pub mod http;
mod openai;
pub mod table;
mod woodpecker;

pub use connection::Connection;
pub use table::{Handlers, Kind, Provider, Reply, Request};

/// Every kind of provider that is built in.
pub static KINDS: &[Kind] = &[
    Kind::of::<bookstack::BookStack>("bookstack"),
    Kind::of::<gitea::Gitea>("gitea"),
    Kind::of::<github::GitHub>("github"),
    Kind::of::<openai::OpenAi>("openai"),
    Kind::of::<woodpecker::Woodpecker>("woodpecker"),
];
