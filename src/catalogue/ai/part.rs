//! Parts of a message.
//!
//! Invariant: a part that a provider wants back unchanged has a place for all that it needs to be that.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::content::Content;
use super::opaque::{Base64, Opaque};
use crate::catalogue::fields::WebUrl;
use crate::catalogue::raw::Raw;

/// One part of a message.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Part {
    /// A text.
    Text {
        text: String,
        /// All up to here shall be kept by the provider for so long, to be read cheaper the next time.
        cache: Option<Cache>,
    },
    /// A picture: by one of `url`, `data` and `file`.
    Image {
        url: Option<WebUrl>,
        data: Option<Base64>,
        /// What `data` is, such as `image/png`.
        media_type: Option<String>,
        /// The provider's own id of a file.
        file: Option<String>,
        /// How closely it is looked at.
        detail: Option<Detail>,
        /// As that of a text.
        cache: Option<Cache>,
    },
    /// A document: by one of `url`, `data` and `file`.
    File {
        url: Option<WebUrl>,
        data: Option<Base64>,
        /// What `data` is, such as `application/pdf`.
        media_type: Option<String>,
        /// The provider's own id of a file.
        file: Option<String>,
        /// Its name.
        name: Option<String>,
        /// As that of a text.
        cache: Option<Cache>,
    },
    /// The model wants a tool called.
    ToolCall {
        /// What the result refers to.
        id: String,
        /// The tool's name.
        name: String,
        /// JSON as the model wrote it: mostly an object, and not always sound.
        arguments: String,
        /// As that of a text.
        cache: Option<Cache>,
    },
    /// What came of the call of a tool.
    ToolResult {
        /// The call's id.
        tool_call_id: String,
        /// What came: a text, or texts and pictures.
        content: Content<ResultPart>,
        /// The call failed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
        /// As that of a text.
        cache: Option<Cache>,
    },
    /// What the model thought, as its provider wants it back: with its signature, or hidden in `data`.
    Thinking {
        #[serde(default)]
        text: String,
        /// Proves that it is unchanged.
        signature: Option<Opaque>,
        /// The thought itself, where it is hidden.
        data: Option<Opaque>,
        /// The dialect that alone takes it back; absent: the one that signs thoughts so that anybody may keep them.
        dialect: Option<String>,
    },
    /// The model refuses, and says so.
    Refusal { text: String },
    /// What only one dialect knows; it is given back there unchanged, and refused elsewhere.
    Other {
        /// The dialect.
        dialect: String,
        /// Its own JSON.
        block: Raw,
    },
}

/// One part of what came of the call of a tool.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ResultPart {
    /// A text.
    Text { text: String },
    /// A picture: by one of `url`, `data` and `file`.
    Image {
        url: Option<WebUrl>,
        data: Option<Base64>,
        /// What `data` is, such as `image/png`.
        media_type: Option<String>,
        /// The provider's own id of a file.
        file: Option<String>,
        /// How closely it is looked at.
        detail: Option<Detail>,
    },
}

/// How long a provider keeps what it has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Cache {
    /// Five minutes.
    #[serde(rename = "5m")]
    FiveMinutes,
    /// An hour.
    #[serde(rename = "1h")]
    OneHour,
}

/// How closely a picture is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// As the model sees fit.
    Auto,
    /// At a glance.
    Low,
    /// Closely.
    High,
}

impl Detail {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Detail::Auto => "auto",
            Detail::Low => "low",
            Detail::High => "high",
        }
    }
}

/// Where a picture or a document is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source<'a> {
    /// At an address of the web.
    Url(&'a WebUrl),
    /// Here.
    Data {
        /// What it is.
        media_type: &'a str,
        /// Its bytes.
        data: &'a Base64,
    },
    /// At the provider, by its id there.
    File(&'a str),
}

impl<'a> Source<'a> {
    /// The only one that is given; none where there are several, or where of bytes nobody says what they are.
    pub fn only(
        url: Option<&'a WebUrl>,
        data: Option<&'a Base64>,
        media_type: Option<&'a str>,
        file: Option<&'a str>,
    ) -> Option<Self> {
        match (url, data, media_type, file) {
            (Some(url), None, None, None) => Some(Source::Url(url)),
            (None, Some(data), Some(media_type), None) => Some(Source::Data { media_type, data }),
            (None, None, None, Some(file)) => Some(Source::File(file)),
            _ => None,
        }
    }
}

impl Part {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Part::Text {
            text: text.into(),
            cache: None,
        }
    }

    /// Where it is, of a picture or a document.
    pub fn source(&self) -> Option<Source<'_>> {
        match self {
            Part::Image {
                url,
                data,
                media_type,
                file,
                ..
            }
            | Part::File {
                url,
                data,
                media_type,
                file,
                ..
            } => Source::only(url.as_ref(), data.as_ref(), media_type.as_deref(), file.as_deref()),
            _ => None,
        }
    }

    /// Its mark for the provider's cache.
    pub fn cache(&self) -> Option<Cache> {
        match self {
            Part::Text { cache, .. }
            | Part::Image { cache, .. }
            | Part::File { cache, .. }
            | Part::ToolCall { cache, .. }
            | Part::ToolResult { cache, .. } => *cache,
            Part::Thinking { .. } | Part::Refusal { .. } | Part::Other { .. } => None,
        }
    }
}

impl ResultPart {
    /// Where it is, of a picture.
    pub fn source(&self) -> Option<Source<'_>> {
        match self {
            ResultPart::Text { .. } => None,
            ResultPart::Image {
                url,
                data,
                media_type,
                file,
                ..
            } => Source::only(url.as_ref(), data.as_ref(), media_type.as_deref(), file.as_deref()),
        }
    }
}
