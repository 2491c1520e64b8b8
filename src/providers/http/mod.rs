//! What every driver over HTTP shares: sending, auth, paging, waits, refusals, bodies and server-sent events.
//!
//! Invariant: no sentence of a provider, no credential and no URL reaches a `Failure`; of a provider's words, only a code is
//! passed on.
//!
//! A driver describes itself with a [`Dialect`], makes its [`Endpoint`] from the connection, builds each request with
//! [`Endpoint::get`] or [`Endpoint::post`], and reads the [`Received`] answer. It never touches a socket itself.
//!
//! Wire types are plain `Deserialize` types, read leniently: what an answer is useful without is an `Option` or
//! `#[serde(default)]`, a point in time is a [`Time`], and what a model says is a [`Text`](text::Text). Null, absent and
//! odd are then one thing, and a row that cannot be read is skipped and counted.

mod ask;
mod behind;
mod body;
pub(super) mod client;
pub mod collected;
pub mod credential;
mod crowded;
mod dialect;
mod elements;
mod embedded;
pub(super) mod endpoint;
pub mod fault;
mod health;
mod lenient;
pub mod limits;
mod lines;
pub mod link;
mod mend;
mod merged;
mod opened;
mod outgoing;
pub mod pages;
pub(super) mod passed;
mod pieces;
pub mod quota;
mod ranged;
mod redirect;
mod refusal;
mod requests;
pub(super) mod revalidation;
mod said;
mod send;
mod settings;
pub mod sse;
mod store;
mod strikes;
pub mod text;
mod time;
mod transport;
mod upload;
pub mod waits;

pub use behind::behind;
pub use body::{Received, Row, parse};
pub use client::{HttpClient, http_client};
pub use collected::Collected;
pub use credential::{Accepts, Header};
pub use dialect::{Astray, Dialect};
pub use elements::{Element, Elements, list};
pub use endpoint::Endpoint;
pub use fault::{Fault, Refused};
pub use health::routeless;
pub use lines::{LONGEST as LONGEST_LINE, Line, Lines};
pub use opened::Opened;
pub use outgoing::Outgoing;
pub use passed::{Beside, Host, Passing};
pub use pieces::Pieces;
pub use ranged::Ranged;
pub use refusal::{Refusal, by_status, left_alone, status, too_large};
pub use said::{said, saying};
pub use settings::{Setting, none_of, settings};
pub use time::Time;
pub use upload::Form;
