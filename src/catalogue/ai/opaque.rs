//! Texts that are passed on and never looked at: what a provider wants back as it came, and files.
//!
//! Invariant: no print of one shows what is in it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! unseen {
    ($($(#[$attribute:meta])* $name:ident = $description:literal, $rule:expr;)*) => {$(
        $(#[$attribute])*
        #[derive(Clone, Default, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            const RULE: fn(&str) -> Result<(), &'static str> = $rule;
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                $name(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name(text.to_owned())
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({} bytes)", stringify!($name), self.0.len())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Self::RULE(&self.0).map_err(S::Error::custom)?;
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::RULE(&text).map_err(D::Error::custom)?;
                Ok($name(text))
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $description })
            }
        }
    )*};
}

unseen! {
    /// What a provider made for itself and wants back unchanged.
    Opaque = "Of the provider's own; given back as it came.", |_| Ok(());
    /// A file's bytes as base64.
    Base64 = "The bytes as base64 (RFC 4648, section 4).", base64;
}

fn base64(text: &str) -> Result<(), &'static str> {
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let digits = text.trim_end_matches('=');
    match !digits.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits.bytes().all(digit)
    {
        true => Ok(()),
        false => Err("must be base64 with its padding and without line breaks"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_them_is_printed() {
        let (signature, file) = (Opaque::from("c2VjcmV0"), Base64::from("c2VjcmV0"));
        assert_eq!(format!("{signature:?} {file:?}"), "Opaque(8 bytes) Base64(8 bytes)");
    }

    #[test]
    fn what_is_no_base64_can_be_neither_read_nor_written() {
        for wrong in [
            "",
            "=",
            "YQ",
            "YQ=",
            "Y===",
            "YQ==\n",
            "Y_-=",
            "data:image/png;base64,YQ==",
        ] {
            assert!(serde_json::from_value::<Base64>(wrong.into()).is_err(), "{wrong}");
            assert!(serde_json::to_vec(&Base64::from(wrong)).is_err(), "{wrong}");
        }
        for sound in ["YQ==", "YWI=", "YWJj", "+/+/"] {
            assert!(serde_json::from_value::<Base64>(sound.into()).is_ok(), "{sound}");
        }
    }
}
