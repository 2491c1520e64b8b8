//! What every text of an input that checks itself can do.
//!
//! Invariant: a value that breaks its type's rule can be neither read nor written.

use std::borrow::Cow;

/// What is wrong with a value; begins with `must`, and the field's name is put before it.
pub(super) type Rule = fn(&str) -> Result<(), Cow<'static, str>>;

/// Gives a type that is one text its rule, and what follows of it: how it is made, read, written, and described.
macro_rules! checked {
    ($name:ident, $description:literal, $rule:expr) => {
        impl $name {
            const RULE: crate::catalogue::checked::Rule = $rule;
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

        impl ::std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Self::RULE(&self.0).map_err(<S::Error as ::serde::ser::Error>::custom)?;
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::RULE(&text).map_err(<D::Error as ::serde::de::Error>::custom)?;
                Ok($name(text))
            }
        }

        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_generator: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::schemars::json_schema!({ "type": "string", "description": $description })
            }
        }
    };
}
