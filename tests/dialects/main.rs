//! The dialects of vendors' own clients, over real sockets: the program before the sandboxes of both vendors, and before it
//! those clients, unchanged but for address and key.

#[path = "../harness/mod.rs"]
mod harness;

mod aliases;
mod apart;
mod bounds;
mod heads;
mod own;
mod place;
mod rows;
mod sdks;
