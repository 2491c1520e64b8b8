//! Conversations with models.
//!
//! Invariant: an answer changes nothing and is billed, so it is never asked for twice unless the first was refused.

use mosaic_actors::call::{Estimate, Resource};
use mosaic_actors::error::Failure;

use super::answer::Chat;
use super::check::check;
use super::estimate;
use super::event::ChatEvent;
use super::input::ChatInput;
use super::owned;
use super::prefix;
use crate::catalogue::op::{Declaration, Op};

/// `ai.chat.complete`
pub struct ChatComplete;

impl Op for ChatComplete {
    type Input = ChatInput;
    type Output = Chat;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("ai.chat.complete", "/ai/chat/complete", "Have a model answer")
            .args(&["model", "prompt"])
            .generates();
    fn resource(input: &ChatInput) -> Resource {
        input.model.resource()
    }
    fn owned(input: &ChatInput) -> Vec<Resource> {
        owned::files(input)
    }
    fn check(input: &ChatInput) -> Result<(), Failure> {
        check(input)
    }
    fn estimate(input: &ChatInput) -> Option<Estimate> {
        Some(estimate::chat(input))
    }
    fn prefix(input: &ChatInput) -> Option<u64> {
        Some(prefix::chat(input))
    }
}

/// `ai.chat.stream`
pub struct ChatStream;

impl Op for ChatStream {
    type Input = ChatInput;
    type Output = ChatEvent;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "ai.chat.stream",
        "/ai/chat/stream",
        "Have a model answer, piece by piece",
    )
    .args(&["model", "prompt"])
    .generates()
    .streams();
    fn resource(input: &ChatInput) -> Resource {
        input.model.resource()
    }
    fn owned(input: &ChatInput) -> Vec<Resource> {
        owned::files(input)
    }
    fn check(input: &ChatInput) -> Result<(), Failure> {
        check(input)
    }
    fn estimate(input: &ChatInput) -> Option<Estimate> {
        Some(estimate::chat(input))
    }
    fn prefix(input: &ChatInput) -> Option<u64> {
        Some(prefix::chat(input))
    }
}
