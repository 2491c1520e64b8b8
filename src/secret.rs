//! Secrets: references to them in the configuration, and the values behind the references.
//!
//! Invariant: no secret's value reaches a Debug, Display, error or serialised form. A reference may be shown where it
//! cannot be a secret that was pasted behind its scheme.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use schemars::{Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

pub(crate) mod file;
mod key_ring;

use file::FileFault;
pub use key_ring::{KeyError, KeyRing, MIN_KEY_BYTES, Principal};

/// The most bytes a secret may have: room for a certificate chain, not for a mistaken path.
pub const MAX_SECRET_BYTES: usize = 64 * 1024;

/// Where a secret is kept: `env:NAME` or `file:PATH`. It shows a name or path only where that looks like one: what else
/// stands there may be the secret itself. Its serialised form is whole.
#[derive(Clone, PartialEq, Eq, Hash)]
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

    /// The variable's name or the file's path, where it may be shown.
    pub fn place(&self) -> Option<Cow<'_, str>> {
        match self {
            SecretRef::Env(name) => is_conventional(name).then_some(name.into()),
            SecretRef::File(path) => is_evident(path).then(|| path.to_string_lossy()),
        }
    }

    /// Reads the secret as it is now; a file may have been replaced since the last time. Blocks on file I/O.
    ///
    /// # Errors
    /// [`SecretError`] names the reference and what is wrong with what stands there.
    pub fn resolve(&self) -> Result<Secret, SecretError> {
        self.resolve_in(&|name| std::env::var_os(name))
    }

    /// As [`resolve`](SecretRef::resolve), with the environment given.
    ///
    /// # Errors
    /// As there.
    pub fn resolve_in(&self, env: &dyn Fn(&str) -> Option<OsString>) -> Result<Secret, SecretError> {
        self.read_in(env)
            .and_then(Secret::checked)
            .map_err(|fault| self.at_fault(fault))
    }

    /// As [`resolve`](SecretRef::resolve), of a secret that may have several lines, such as a key in PEM.
    ///
    /// # Errors
    /// As there.
    pub fn resolve_lines(&self) -> Result<Secret, SecretError> {
        let read = self.read_in(&|name| std::env::var_os(name));
        read.and_then(Secret::checked_lines)
            .map_err(|fault| self.at_fault(fault))
    }

    fn at_fault(&self, fault: SecretFault) -> SecretError {
        SecretError {
            reference: self.clone(),
            fault,
        }
    }

    fn read_in(&self, env: &dyn Fn(&str) -> Option<OsString>) -> Result<String, SecretFault> {
        match self {
            SecretRef::Env(name) => env(name)
                .ok_or(SecretFault::NotSet)
                .and_then(|value| value.into_string().map_err(|_| SecretFault::NotText)),
            SecretRef::File(path) => read_bounded(path),
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.len() <= 255 && name.starts_with(|c| part(c) && !c.is_ascii_digit()) && name.chars().all(part)
}

fn read_bounded(path: &Path) -> Result<String, SecretFault> {
    // Room for what is cut off at the ends.
    let bytes = file::read(path, MAX_SECRET_BYTES + 64)?;
    String::from_utf8(bytes).map_err(|_| SecretFault::NotText)
}

impl From<FileFault> for SecretFault {
    fn from(fault: FileFault) -> Self {
        match fault {
            FileFault::Unreadable(kind) => SecretFault::Unreadable(kind),
            FileFault::NotAFile => SecretFault::NotAFile,
            FileFault::TooLarge => SecretFault::TooLong,
        }
    }
}

/// Whether a variable's name is made of words as such names are: `FORGE_TOKEN_2`, and neither `ghp_x8Kq` nor
/// `JBSWY3DPEHPK3PXP`, whatever they stand for.
fn is_conventional(name: &str) -> bool {
    let word = |word: &str| {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        (letters.len()..=letters.len() + 3).contains(&word.len())
            && letters.len() <= 16
            && letters.chars().all(|c| c.is_ascii_uppercase())
    };
    name.len() <= 64 && name.split('_').all(word)
}

/// Whether a path says by its first characters that it is one.
fn is_evident(path: &Path) -> bool {
    path.is_absolute() || path.starts_with(".") || path.starts_with("..")
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self {
            SecretRef::Env(_) => "env",
            SecretRef::File(_) => "file",
        };
        match self.place() {
            Some(place) => write!(f, "{scheme}:{place}"),
            None => write!(f, "{scheme}:… (not shown: it may be the secret itself)"),
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            SecretRef::Env(name) => s.collect_str(&format_args!("env:{name}")),
            SecretRef::File(path) => s.collect_str(&format_args!("file:{}", path.display())),
        }
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
    /// The environment has no such variable.
    #[error("the variable is not set")]
    NotSet,
    /// The file cannot be read.
    #[error("the file {}", file::why_unreadable(*.0))]
    Unreadable(io::ErrorKind),
    /// A folder, pipe, device or file of the kernel.
    #[error("not a regular file")]
    NotAFile,
    /// Not UTF-8.
    #[error("the content is not text")]
    NotText,
    /// A line break or another control character within.
    #[error("the content has more than one line, or a control character")]
    ControlCharacter,
    /// Nothing there, apart from blank lines.
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

    /// What editors leave around a secret is taken off: a byte order mark, line ends, blank lines behind it.
    fn checked(value: String) -> Result<Self, SecretFault> {
        let mut text = value.trim_start_matches('\u{feff}');
        while let Some((before, _)) = text.rsplit_once('\n').filter(|(_, line)| line.trim().is_empty()) {
            text = before;
        }
        let text = text.trim_end_matches('\r');
        match text.len() {
            _ if text.trim().is_empty() => Err(SecretFault::Empty),
            len if len > MAX_SECRET_BYTES => Err(SecretFault::TooLong),
            _ if text.contains(char::is_control) => Err(SecretFault::ControlCharacter),
            _ => Ok(Secret::new(text)),
        }
    }

    /// As [`Secret::checked`], where line breaks may stand within.
    fn checked_lines(value: String) -> Result<Self, SecretFault> {
        let text = value.trim_start_matches('\u{feff}').trim();
        match text.len() {
            0 => Err(SecretFault::Empty),
            len if len > MAX_SECRET_BYTES => Err(SecretFault::TooLong),
            _ if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) => {
                Err(SecretFault::ControlCharacter)
            }
            _ => Ok(Secret::new(text)),
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
    fn a_secret_behind_a_scheme_is_not_shown() {
        for text in [
            "env:ghp_planted0123456789",
            "env:JBSWY3DPEHPK3PXP",
            "env:AKIA9PLANTED",
            "env:abcdef",
            "env:EXTRAORDINARILYLONGWORD",
            "file:ghp_planted0123456789",
            "file:eyJhbGciOiJIUzI1NiJ9.planted",
            "file:wJalr/planted+key=",
        ] {
            let reference = SecretRef::parse(text).unwrap();
            let (_, pasted) = text.split_once(':').unwrap();
            let error = reference.resolve_in(&|_| None).unwrap_err();
            let shown = format!("{reference} {reference:?} {error} {error:?}");
            assert!(!shown.contains(pasted) && shown.contains("not shown"), "{shown}");
            assert_eq!(serde_json::to_value(&reference).unwrap(), text);
        }
        for text in [
            "env:FORGE_TOKEN",
            "env:K",
            "env:OAUTH2_KEY_3",
            "env:_X",
            "file:/run/t",
            "file:./t",
        ] {
            assert_eq!(SecretRef::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn resolving_takes_off_what_editors_leave_and_bounds_the_size() {
        let at = |value: &str| {
            let value = value.to_owned();
            let env = move |_: &str| Some(value.clone().into());
            SecretRef::Env("X".into())
                .resolve_in(&env)
                .map(|s| s.expose().to_owned())
                .map_err(|e| e.fault)
        };
        for left in [
            "a",
            "a\n",
            "a\r\n",
            "a\n\n",
            "a\r\n \t\r\n",
            "\u{feff}a\r\n",
            "\u{feff}a",
            "a\r",
        ] {
            assert_eq!(at(left).as_deref(), Ok("a"), "{left:?}");
        }
        assert_eq!(at(" a b ").as_deref(), Ok(" a b "));
        for odd in ["a\nb", "\na", "a\0", "a\tb\n", "a\u{85}b", "\u{1b}[0ma", "a\rb"] {
            assert_eq!(at(odd), Err(SecretFault::ControlCharacter), "{odd:?}");
        }
        for empty in ["", "\u{feff}", "\r\n\r\n", " \n"] {
            assert_eq!(at(empty), Err(SecretFault::Empty), "{empty:?}");
        }
        assert_eq!(at("\n"), Err(SecretFault::Empty));
        assert_eq!(at(&"x".repeat(MAX_SECRET_BYTES)).map(|s| s.len()), Ok(MAX_SECRET_BYTES));
        assert_eq!(at(&"x".repeat(MAX_SECRET_BYTES + 1)), Err(SecretFault::TooLong));
        let unset = SecretRef::Env("X".into()).resolve_in(&|_| None).unwrap_err();
        assert_eq!(unset.to_string(), "secret env:X: the variable is not set");
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_text_is_told_by_its_name() {
        use std::os::unix::ffi::OsStringExt;
        let odd = |_: &str| Some(OsString::from_vec(b"planted\xff".to_vec()));
        let error = SecretRef::Env("X".into()).resolve_in(&odd).unwrap_err();
        assert_eq!(error.to_string(), "secret env:X: the content is not text");
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
