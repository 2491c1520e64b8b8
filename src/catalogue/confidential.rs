//! Texts of an input that nobody may see.
//!
//! Invariant: it is shown nowhere: a Debug print, an error and a schema's example know only that it is there.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Error as _, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest secret, in bytes: what the strictest of the providers takes (GitHub: 48 KB).
const LONGEST: usize = 48 << 10;

/// A secret that a caller hands on to a provider: a hook's, or a variable of a CI server.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Confidential(String);

impl Confidential {
    /// The text, to be sent to the provider.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn check(&self) -> Result<(), &'static str> {
        match self.0.len() {
            0 => Err("must not be empty"),
            1..=LONGEST => Ok(()),
            _ => Err("must be at most 49152 bytes"),
        }
    }
}

impl From<&str> for Confidential {
    fn from(text: &str) -> Self {
        Confidential(text.to_owned())
    }
}

impl fmt::Debug for Confidential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[confidential]")
    }
}

impl Serialize for Confidential {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.check().map_err(S::Error::custom)?;
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Confidential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text)
    }
}

/// Reads a text; serde's own sentence on anything else would quote it.
struct Text;

macro_rules! refuses {
    ($($method:ident($kind:ty)),*) => {$(
        fn $method<E: de::Error>(self, _value: $kind) -> Result<Confidential, E> {
            Err(E::custom("must be a text"))
        }
    )*};
}

impl<'de> Visitor<'de> for Text {
    type Value = Confidential;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Confidential, E> {
        let secret = Confidential(text.to_owned());
        secret.check().map_err(E::custom)?;
        Ok(secret)
    }

    refuses!(
        visit_bool(bool),
        visit_i64(i64),
        visit_u64(u64),
        visit_i128(i128),
        visit_u128(u128),
        visit_f64(f64)
    );
    refuses!(visit_bytes(&[u8]));

    fn visit_seq<A: de::SeqAccess<'de>>(self, _items: A) -> Result<Confidential, A::Error> {
        Err(A::Error::custom("must be a text"))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, _fields: A) -> Result<Confidential, A::Error> {
        Err(A::Error::custom("must be a text"))
    }
}

impl JsonSchema for Confidential {
    fn schema_name() -> Cow<'static, str> {
        "Confidential".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "password", "writeOnly": true, "minLength": 1, "maxLength": LONGEST })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_shown_nowhere() {
        let secret = Confidential::from("hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
        for wrong in ["{\"hunter2\": 1}", "27182818", "[\"hunter2\"]"] {
            let error = serde_json::from_str::<Confidential>(wrong).unwrap_err().to_string();
            assert!(!error.contains("hunter2") && !error.contains("27182818"), "{error}");
        }
        #[derive(Debug, Deserialize)]
        struct Input {
            #[allow(dead_code, reason = "read by Debug only")]
            value: Confidential,
        }
        let missing = serde_json::from_str::<Input>("{}").unwrap_err().to_string();
        assert!(missing.contains("missing field `value`"), "{missing}");
        assert!(serde_json::from_value::<Confidential>("".into()).is_err());
        assert!(serde_json::from_value::<Confidential>("x".repeat(LONGEST + 1).into()).is_err());
        assert_eq!(
            serde_json::from_value::<Confidential>("x".into()).unwrap().expose(),
            "x"
        );
    }
}
