//! What is wrong with a configuration, all of it at once, and where each fault comes from.
//!
//! Invariant: an error quotes keys and names, never a value: a value may be a secret in the wrong place.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// No more errors than this are collected: a file with more is of another kind altogether.
const MAX_ERRORS: usize = 100;

/// Where a setting was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: the built-in default holds, or the key is missing.
    Default,
    /// A line (from 1) of the configuration file.
    File {
        /// The file as it was named.
        file: Arc<str>,
        /// The line, from 1; 0 for the file as a whole.
        line: usize,
    },
    /// An environment variable, by its name.
    Env(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("configuration"),
            Origin::File { file, line: 0 } => f.write_str(file),
            Origin::File { file, line } => write!(f, "{file}:{line}"),
            Origin::Env(name) => write!(f, "environment {}", printable(name)),
        }
    }
}

/// Where each setting was made, by path.
pub type Origins = BTreeMap<String, Origin>;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The full path of the key, e.g. `providers.forge-a.base_url`; empty for the file as a whole.
    pub path: String,
    /// Where it was set.
    pub origin: Origin,
    /// What is wrong, in words.
    pub message: String,
    /// The nearest right name, where there is one.
    pub suggestion: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(name) = &self.suggestion {
            write!(f, "; did you mean `{name}`?")?;
        }
        Ok(())
    }
}

/// Every fault found in one reading, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// The faults, in the order of the checks that found them.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Collects faults while a configuration is read.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Where each setting was made; completes a fault that only knows its path.
    pub(crate) origins: Origins,
    errors: Vec<ConfigError>,
}

impl Report {
    /// A report on a configuration that was read before.
    pub(crate) fn of(origins: Origins) -> Self {
        Report {
            origins,
            ..Report::default()
        }
    }

    /// Reports a fault of the setting at `path`.
    pub(crate) fn add(&mut self, path: &str, message: impl Into<String>) {
        self.add_with(path, message, None);
    }

    /// Reports a fault with the name that was probably meant.
    pub(crate) fn add_with(&mut self, path: &str, message: impl Into<String>, suggestion: Option<String>) {
        let origin = self.origin(path);
        self.add_at(origin, path, message, suggestion);
    }

    /// Reports a fault with its origin. A path's first fault wins: what follows from it is noise.
    pub(crate) fn add_at(
        &mut self,
        origin: Origin,
        path: &str,
        message: impl Into<String>,
        suggestion: Option<String>,
    ) {
        let known = |e: &ConfigError| e.path == path && !path.is_empty() && e.origin == origin;
        if self.errors.len() < MAX_ERRORS && !self.errors.iter().any(known) {
            self.errors.push(ConfigError {
                path: path.to_owned(),
                origin,
                message: message.into(),
                suggestion,
            });
        }
    }

    /// Where `path`, or the nearest table around it, was set.
    pub(crate) fn origin(&self, path: &str) -> Origin {
        let mut path = path;
        loop {
            if let Some(origin) = self.origins.get(path) {
                return origin.clone();
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return Origin::Default,
            }
        }
    }

    /// Takes over faults that were found before.
    pub(crate) fn include(&mut self, errors: &ConfigErrors) {
        for error in errors.iter().cloned() {
            self.add_at(error.origin, &error.path, error.message, error.suggestion);
        }
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// The faults, if there are any; otherwise the origins.
    pub(crate) fn finish(self) -> Result<Origins, ConfigErrors> {
        if self.errors.is_empty() {
            Ok(self.origins)
        } else {
            Err(ConfigErrors(self.errors))
        }
    }
}

/// `path.key`; a key that is not bare is quoted, and holds no control character.
pub(crate) fn join(path: &str, key: &str) -> String {
    let key = printable(key);
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// A key as it may be shown: quoted where it is not bare, without control characters.
pub(crate) fn printable(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        format!("{key:?}")
    }
}
