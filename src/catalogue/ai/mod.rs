//! AI: chat and models.
//!
//! Invariant: the neutral finish reasons and usage counts mean the same at every provider.

mod chat;
mod model;

pub use chat::{Chat, ChatComplete, ChatEvent, ChatInput, ChatStream, Finish, Message, Role, Usage};
pub use model::{Model, ModelsList, ModelsListInput};
