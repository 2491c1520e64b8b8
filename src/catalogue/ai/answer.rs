//! What a model answers.
//!
//! Invariant: what was counted, finished and left out is told in the same words whole and piece by piece.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::message::Message;
use super::money::{Terms, Usd};
use crate::catalogue::op::Output;
use crate::catalogue::raw::Raw;

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It had said all, or met a stop text.
    Stop,
    /// It ran out of tokens.
    Length,
    /// It wants a tool called.
    Tool,
    /// A filter or a refusal ended it.
    Filter,
    /// It paused and can be continued.
    Pause,
    /// For a reason of the provider's own; its word stands beside it.
    Other,
}

/// The most tokens that one answer is believed to have taken: a thousand times what the longest conversations have.
pub const MOST_TOKENS: u64 = 1_000_000_000;
/// The most billionths of a dollar that one is believed to have cost: a million dollars.
const MOST_COST: Usd = Usd::of_nano(1_000_000_000_000_000);
/// The most answers of a batch.
const MOST_ANSWERS: u64 = 1_000_000;

/// Tokens, as the provider counted them.
#[skip_serializing_none]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Read, those from a cache and those written to one included.
    pub input_tokens: u64,
    /// Written, those of its thoughts included.
    pub output_tokens: u64,
    /// Read from the provider's cache; absent where it does not tell.
    pub cached_input_tokens: Option<u64>,
    /// Written to the provider's cache; absent where it does not tell.
    pub cache_write_tokens: Option<u64>,
    /// Of those written to its cache, kept for an hour; absent where it does not tell.
    pub cache_write_hour_tokens: Option<u64>,
    /// Thought; absent where it does not tell.
    pub reasoning_tokens: Option<u64>,
    /// The terms that they were served on; absent where the provider does not tell.
    pub terms: Option<Terms>,
    /// What they cost: as the provider says, else by the prices that are known of the model; absent where neither is.
    pub cost_usd: Option<Usd>,
}

impl Usage {
    /// What of the counts of one answer can be believed; none where neither what was read nor what was written can: sums are
    /// made of them.
    pub fn believed(self) -> Option<Self> {
        self.within(MOST_TOKENS)
    }

    /// The same, of the counts of a whole batch.
    pub fn believed_of_many(self) -> Option<Self> {
        self.within(MOST_TOKENS * MOST_ANSWERS)
    }

    fn within(self, most: u64) -> Option<Self> {
        let part = |count: Option<u64>| count.filter(|count| *count <= most);
        let believed = Usage {
            cached_input_tokens: part(self.cached_input_tokens),
            cache_write_tokens: part(self.cache_write_tokens),
            cache_write_hour_tokens: part(self.cache_write_hour_tokens),
            reasoning_tokens: part(self.reasoning_tokens),
            cost_usd: self.cost_usd.filter(|cost| *cost <= MOST_COST),
            ..self
        };
        let sound = self.input_tokens.max(self.output_tokens) <= most;
        if !sound || believed != self {
            tracing::warn!(
                most,
                "an answer tells of more tokens than can be, or of more money: they are left out"
            );
        }
        sound.then_some(believed)
    }
}

impl From<Usage> for mosaic_actors::stream::Usage {
    fn from(usage: Usage) -> Self {
        mosaic_actors::stream::Usage {
            input_tokens: usage.input_tokens,
            cached_input_tokens: usage.cached_input_tokens.unwrap_or(0),
            output_tokens: usage.output_tokens,
            cost_nano_usd: usage.cost_usd.map(Usd::nano),
        }
    }
}

/// A part of an input that was not passed on as it was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Where it stands in the input.
    pub field: String,
    /// What became of it.
    pub message: String,
}

impl Warning {
    /// What became of the part at `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Warning {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// A whole answer.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chat {
    /// The provider's id of the answer, as a neutral id; absent where it gave none.
    pub id: Option<String>,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// What it said; with what it was thinking, where the provider wants that back.
    pub message: Message,
    /// What it thought before, where the provider shows it and does not want it back.
    pub reasoning: Option<String>,
    /// Why it stopped; absent where the provider did not say.
    pub finish: Option<Finish>,
    /// The provider's word for it, where `finish` is `other`.
    pub raw_finish: Option<String>,
    /// The stop text that it met, where the provider says which.
    pub stop_sequence: Option<String>,
    /// Tokens; absent where the provider did not count.
    pub usage: Option<Usage>,
    /// What of the input was not passed on as it was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Chat {
    fn usage(&self) -> Option<mosaic_actors::stream::Usage> {
        self.usage.map(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_beyond_belief_are_absent() {
        let usage = |input_tokens, output_tokens| Usage {
            input_tokens,
            output_tokens,
            ..Usage::default()
        };
        let most = usage(MOST_TOKENS, MOST_TOKENS);
        assert_eq!(most.believed(), Some(most));
        assert_eq!(usage(MOST_TOKENS + 1, 0).believed(), None);
        assert_eq!(usage(0, u64::MAX).believed(), None);
        assert_eq!(
            usage(MOST_TOKENS + 1, 0).believed_of_many(),
            Some(usage(MOST_TOKENS + 1, 0))
        );
        assert_eq!(usage(u64::MAX, 0).believed_of_many(), None);
        let odd = Usage {
            cached_input_tokens: Some(u64::MAX),
            cost_usd: Usd::new(1e8),
            ..usage(1, 2)
        };
        assert_eq!(odd.believed(), Some(usage(1, 2)));
    }
}
