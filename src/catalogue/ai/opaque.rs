//! Texts that are passed on and never looked at: what a provider wants back as it came, and files.
//!
//! Invariant: no print of one shows what is in it.

use std::borrow::Cow;
use std::fmt;

macro_rules! unseen {
    ($($(#[$attribute:meta])* $name:ident = $description:literal, $rule:expr;)*) => {$(
        $(#[$attribute])*
        #[derive(Clone, Default, PartialEq, Eq)]
        pub struct $name(String);

        checked!($name, $description, $rule);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({} bytes)", stringify!($name), self.0.len())
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

fn base64(text: &str) -> Result<(), Cow<'static, str>> {
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let digits = text.trim_end_matches('=');
    match !digits.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits.bytes().all(digit)
    {
        true => Ok(()),
        false => Err("must be base64 with its padding and without line breaks".into()),
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
