//! What is said: a text, or parts of several kinds.
//!
//! Invariant: a fault in a part is told with its place.

use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A text, or parts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Content<P> {
    /// A text.
    Text(String),
    /// Parts of several kinds, in order.
    Parts(Vec<P>),
}

impl<P> Content<P> {
    /// The parts; of a text alone there are none.
    pub fn parts(&self) -> &[P] {
        match self {
            Content::Text(_) => &[],
            Content::Parts(parts) => parts,
        }
    }

    /// The text, where it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Content::Text(text) => Some(text),
            Content::Parts(_) => None,
        }
    }
}

impl<P> From<String> for Content<P> {
    fn from(text: String) -> Self {
        Content::Text(text)
    }
}

impl<P> From<&str> for Content<P> {
    fn from(text: &str) -> Self {
        Content::Text(text.to_owned())
    }
}

// By hand, so that a fault in a part is told with its place.
impl<'de, P: Deserialize<'de>> Deserialize<'de> for Content<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

struct Reader<P>(PhantomData<P>);

impl<'de, P: Deserialize<'de>> Visitor<'de> for Reader<P> {
    type Value = Content<P>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of parts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Content::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, parts: A) -> Result<Self::Value, A::Error> {
        Deserialize::deserialize(SeqAccessDeserializer::new(parts)).map(Content::Parts)
    }
}
