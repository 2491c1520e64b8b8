//! The settings of an instance.
//!
//! Invariant: what is sent of a person, and which features are asked for, is the configuration's word.

use std::collections::BTreeMap;

use mosaic_actors::error::Failure;
use serde::Deserialize;

use crate::catalogue::ai::Effort;
use crate::providers::Setting;

/// The dialect, as extensions and parts name it.
pub const DIALECT: &str = "anthropic";
/// The version of the API that the driver speaks.
pub const API_VERSION: &str = "2023-06-01";
/// The feature that files need which are given by their ids.
pub const FILES: &str = "files-api-2025-04-14";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub api_version: Option<String>,
    max_tokens: Option<u32>,
    thinking: Option<Way>,
    #[serde(default)]
    budgets: BTreeMap<Effort, u32>,
    #[serde(default)]
    betas: Vec<String>,
    user_id: Option<Asker>,
    /// The list of models that says what is known of its own.
    pub prices: Option<String>,
    /// How long an account that is spent is left alone, in seconds; 300 where left out.
    pub spent_pause_s: Option<u64>,
}

/// How a model is told how much to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// In a word.
    Adaptive,
    /// In tokens.
    Budget,
}

/// What is told of the person who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asker {
    /// What stands for them, so that it can be told from others and not read.
    #[default]
    Hash,
    /// As the caller says it.
    Plain,
    /// Nothing.
    Drop,
}

/// What is known of the model that is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// The most tokens that an answer may have.
    pub max_tokens: Option<u32>,
    /// It thinks as much as it sees fit, steered by a word.
    pub adaptive: Option<bool>,
    /// It thinks within a budget.
    pub budgeted: Option<bool>,
}

/// How an instance is asked.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The most tokens of an answer, where the caller does not say.
    pub max_tokens: Option<u32>,
    /// How models are told how much to think; as is known of each where it is not set.
    pub thinking: Option<Way>,
    /// What an effort stands for.
    pub budgets: BTreeMap<Effort, u32>,
    /// The features that a caller may ask for.
    pub betas: Vec<String>,
    pub user_id: Asker,
}

impl Options {
    /// What is set.
    ///
    /// # Errors
    /// `invalid_input` naming the setting.
    pub fn of(settings: Settings) -> Result<Self, Failure> {
        if settings.max_tokens == Some(0) {
            let sentence = "settings.max_tokens must be at least 1";
            return Err(Failure::invalid("settings.max_tokens", sentence));
        }
        let word =
            |name: &String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !settings.betas.iter().all(word) {
            let sentence = "settings.betas are words of letters, digits and '-'";
            return Err(Failure::invalid("settings.betas", sentence));
        }
        Ok(Options {
            max_tokens: settings.max_tokens,
            thinking: settings.thinking,
            budgets: settings.budgets,
            betas: settings.betas,
            user_id: settings.user_id.unwrap_or_default(),
        })
    }

    /// Whether files may be given by their ids.
    pub fn takes_files(&self) -> bool {
        self.betas.iter().any(|beta| beta == FILES)
    }

    /// Whether the model must be known to tell it how much to think.
    pub fn needs_abilities(&self) -> bool {
        self.thinking.is_none()
    }

    /// Whether a model is told in a word how much to think.
    ///
    /// # Errors
    /// `unsupported` on `reasoning` where it does not think.
    pub fn is_adaptive(&self, abilities: Abilities) -> Result<bool, Failure> {
        match (self.thinking, abilities.adaptive, abilities.budgeted) {
            (Some(way), ..) => Ok(way == Way::Adaptive),
            (None, Some(false), Some(false)) => {
                Err(Failure::unsupported_field("reasoning", "this model does not think").never_sent())
            }
            (None, adaptive, _) => Ok(adaptive != Some(false)),
        }
    }

    /// The budget that a word stands for.
    pub fn budget(&self, effort: Effort) -> u32 {
        self.budgets.get(&effort).copied().unwrap_or(match effort {
            Effort::None | Effort::Minimal => 1_024,
            Effort::Low => 2_048,
            Effort::Medium => 8_192,
            Effort::High => 16_384,
            Effort::Xhigh => 32_768,
            Effort::Max => 65_536,
        })
    }
}

pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "api_version",
        default: API_VERSION,
        unit: "date",
        meaning: "The version of the API",
    },
    Setting {
        name: "max_tokens",
        default: "the model's own, as the provider tells it",
        unit: "tokens",
        meaning: "The most tokens of an answer where the caller does not say",
    },
    Setting {
        name: "thinking",
        default: "as the provider tells of the model",
        unit: "adaptive or budget",
        meaning: "How its models are told how much to think",
    },
    Setting {
        name: "budgets",
        default: "low 2048, medium 8192, high 16384, xhigh 32768, max 65536",
        unit: "tokens by effort",
        meaning: "What an effort stands for, where a model is told a budget",
    },
    Setting {
        name: "betas",
        default: "none",
        unit: "list of names",
        meaning: "The features that callers may ask for by extensions.anthropic.betas; files are given to models by their ids \
                  only with files-api-2025-04-14",
    },
    Setting {
        name: "user_id",
        default: "hash",
        unit: "hash, plain or drop",
        meaning: "What is told of the person who asks",
    },
    Setting {
        name: "prices",
        default: "anthropic in the vendor's cloud, none elsewhere",
        unit: "anthropic, azure, deepseek, gemini, groq, mistral, openai, together or xai; empty: none",
        meaning: "Which list says what its models can and cost",
    },
    Setting {
        name: "spent_pause_s",
        default: "300",
        unit: "seconds, 0 to 86400",
        meaning: "How long an account without money is left alone",
    },
];
