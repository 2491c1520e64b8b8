//! Secrets: references to them in the configuration, and the values behind the references.
//!
//! Invariant: no secret's value reaches a Debug, Display, error or serialised form. A reference may be shown.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use schemars::{Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

mod key_ring;

pub use key_ring::{KeyError, KeyRing, MIN_KEY_BYTES, Principal};

/// The most bytes a secret may have: room for a certificate chain, not for a mistaken path.
pub const MAX_SECRET_BYTES: usize = 64 * 1024;

/// Where a secret is kept: `env:NAME` or `file:PATH`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file, read anew at each [`resolve`](SecretRef::resolve).
    File(PathBuf),
}

/// Text that is no reference. It does not say what the text was: it may be the secret itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "expected a reference to a secret, \"env:NAME\" or \"file:PATH\"; a secret itself never stands in a configuration"
)]
pub struct NotAReference;

impl SecretRef {
    /// Parses `env:NAME` or `file:PATH`.
    ///
    /// # Errors
    /// [`NotAReference`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NotAReference> {
        match text.split_once(':') {
            Some(("env", name)) if is_variable_name(name) => Ok(SecretRef::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() && !path.contains(char::is_control) => {
                Ok(SecretRef::File(PathBuf::from(path)))
            }
            _ => Err(NotAReference),
        }
    }

    /// Reads the secret as it is now; a file may have been replaced since the last time. Blocks on file I/O.
    ///
    /// # Errors
    /// [`SecretError`] names the reference and what is wrong with what stands there.
    pub fn resolve(&self) -> Result<Secret, SecretError> {
        self.resolve_in(&|name| std::env::var(name).ok())
    }

    /// As [`resolve`](SecretRef::resolve), with the environment given.
    ///
    /// # Errors
    /// As there.
    pub fn resolve_in(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Secret, SecretError> {
        let read = match self {
            SecretRef::Env(name) => env(name).ok_or(SecretFault::NotSet),
            SecretRef::File(path) => read_bounded(path),
        };
        read.and_then(Secret::checked).map_err(|fault| SecretError {
            reference: self.clone(),
            fault,
        })
    }
}

fn is_variable_name(name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.len() <= 255 && name.starts_with(|c| part(c) && !c.is_ascii_digit()) && name.chars().all(part)
}

fn read_bounded(path: &std::path::Path) -> Result<String, SecretFault> {
    let unreadable = |e: io::Error| SecretFault::Unreadable(e.kind());
    // Looked at before it is opened: opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(SecretFault::NotAFile);
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_SECRET_BYTES as u64 + 2)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|_| SecretFault::NotText)
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretRef::Env(name) => write!(f, "env:{name}"),
            SecretRef::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        SecretRef::parse(&String::deserialize(d)?).map_err(de::Error::custom)
    }
}

impl schemars::JsonSchema for SecretRef {
    fn schema_name() -> Cow<'static, str> {
        "SecretRef".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "secret-ref", "description": "env:NAME or file:PATH" })
    }
}

/// Why a reference gives no secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("secret {reference}: {fault}")]
pub struct SecretError {
    /// The reference at fault.
    pub reference: SecretRef,
    /// What is wrong there.
    pub fault: SecretFault,
}

/// What is wrong with the place a reference points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretFault {
    /// The environment has no such variable, or it is not Unicode.
    #[error("the variable is not set")]
    NotSet,
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    /// A folder, pipe or device.
    #[error("not a regular file")]
    NotAFile,
    /// Not UTF-8.
    #[error("the content is not text")]
    NotText,
    /// Nothing there, apart from a line end.
    #[error("the content is empty")]
    Empty,
    /// More than [`MAX_SECRET_BYTES`].
    #[error("the content is longer than 64 KiB")]
    TooLong,
}

/// A secret's value. It shows itself to nobody but the caller of [`expose`](Secret::expose), and is wiped on drop.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Secret(SecretString::from(value.into()))
    }

    fn checked(mut value: String) -> Result<Self, SecretFault> {
        // One line end is what editors and `echo` leave; more may belong to the secret.
        if value.ends_with('\n') {
            value.truncate(value.len() - if value.ends_with("\r\n") { 2 } else { 1 });
        }
        match value.len() {
            0 => Err(SecretFault::Empty),
            len if len > MAX_SECRET_BYTES => Err(SecretFault::TooLong),
            _ => Ok(Secret::new(value)),
        }
    }

    /// The value itself. Do not keep it, and do not format it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANTED: &str = "ghp_planted-secret-0123456789";

    #[test]
    fn only_references_are_accepted_and_nothing_is_echoed() {
        assert_eq!(SecretRef::parse("env:TOKEN_1"), Ok(SecretRef::Env("TOKEN_1".into())));
        assert_eq!(SecretRef::parse("file:/run/t"), Ok(SecretRef::File("/run/t".into())));
        for text in [
            PLANTED,
            "",
            "env:",
            "file:",
            "env:ghp-x",
            "env:1A",
            "vault:x",
            "ENV:A",
            "file:a\nb",
        ] {
            let error = SecretRef::parse(text).unwrap_err();
            assert!(text.len() < 9 || !format!("{error} {error:?}").contains(text));
        }
    }

    #[test]
    fn resolving_trims_one_line_end_and_bounds_the_size() {
        let at = |value: &str| {
            let value = value.to_owned();
            let env = move |_: &str| Some(value.clone());
            SecretRef::Env("X".into())
                .resolve_in(&env)
                .map(|s| s.expose().to_owned())
                .map_err(|e| e.fault)
        };
        assert_eq!(at("a\n").as_deref(), Ok("a"));
        assert_eq!(at("a\r\n").as_deref(), Ok("a"));
        assert_eq!(at("a\n\n").as_deref(), Ok("a\n"));
        assert_eq!(at("\n"), Err(SecretFault::Empty));
        assert_eq!(at(&"x".repeat(MAX_SECRET_BYTES)).map(|s| s.len()), Ok(MAX_SECRET_BYTES));
        assert_eq!(at(&"x".repeat(MAX_SECRET_BYTES + 1)), Err(SecretFault::TooLong));
        let unset = SecretRef::Env("X".into()).resolve_in(&|_| None).unwrap_err();
        assert_eq!(unset.to_string(), "secret env:X: the variable is not set");
    }

    #[test]
    fn a_file_may_rotate_and_must_be_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let reference = SecretRef::File(path.clone());
        assert_eq!(
            reference.resolve().unwrap_err().fault,
            SecretFault::Unreadable(io::ErrorKind::NotFound)
        );
        for value in ["first", "second"] {
            std::fs::write(&path, format!("{value}\n")).unwrap();
            assert_eq!(reference.resolve().unwrap().expose(), value);
        }
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(reference.resolve().unwrap_err().fault, SecretFault::NotText);
        std::fs::write(&path, "x".repeat(MAX_SECRET_BYTES + 9)).unwrap();
        assert_eq!(reference.resolve().unwrap_err().fault, SecretFault::TooLong);
        let folder = SecretRef::File(folder.path().to_owned());
        assert_eq!(folder.resolve().unwrap_err().fault, SecretFault::NotAFile);
    }

    #[test]
    fn a_secret_shows_itself_to_nobody() {
        let secret = Secret::new(PLANTED);
        let shown = format!(
            "{secret} {secret:?} {:?} {}",
            Some(&secret),
            serde_json::to_string(&secret).unwrap()
        );
        assert!(!shown.contains("planted"), "{shown}");
        assert_eq!(secret.expose(), PLANTED);
    }
}
