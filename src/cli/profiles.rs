//! Gateways by name: where they are, and the keys for them, in a file of this user's own.
//!
//! Invariant: the file is read and written by its owner alone. One that others may read is refused, and none of its contents is
//! ever quoted.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use mosaic_actors::error::{Failure, Kind};
use rustix::fs::{FlockOperation, flock};
use secrecy::{ExposeSecret, SecretString};
use toml::{Table, Value};

use super::input::{open, read_bounded};
use crate::wording::nearest;

/// The flag that names one, and the field that failures name.
pub const PROFILE: &str = "profile";
/// The variable that does.
const VARIABLE: &str = "MOSAIC_PROFILE";
/// The one that a login makes where none is named.
pub const FIRST: &str = "default";

/// The longest file, in bytes: a thousand profiles are less.
const LONGEST_FILE: u64 = 1 << 20;
/// The longest name, in characters.
const LONGEST_NAME: usize = 64;
/// Permissions that nobody but the owner has any of.
const OTHERS: u32 = 0o077;

/// One gateway.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// Where calls go.
    pub server: Option<String>,
    /// By which key.
    pub key: Option<SecretString>,
    /// Where its admin listener is.
    pub admin: Option<String>,
    /// The token for that.
    pub admin_token: Option<SecretString>,
    /// A file of authorities that are trusted at both, beside the platform's.
    pub ca_file: Option<String>,
}

/// All that this user has.
#[derive(Debug, Default)]
pub struct Profiles {
    /// The one in use where none is named.
    pub used: Option<String>,
    /// By name.
    pub each: BTreeMap<String, Profile>,
}

/// Which one a line means, and who says so.
#[derive(Debug)]
pub struct Chosen {
    /// Its name.
    pub name: String,
    /// What is kept of it.
    pub profile: Profile,
    /// A flag names it, so that it goes before variables.
    pub by_flag: bool,
}

/// The profile that a line means: by its flag, else by the variable, else the one in use; `None` where there is none.
///
/// # Errors
/// `not_found` for a name that there is not; what [`Profiles::read`] fails with.
pub fn chosen(flags: &ArgMatches) -> Result<Option<Chosen>, Failure> {
    let by_flag = flags.get_one::<String>(PROFILE).cloned();
    let is_by_flag = by_flag.is_some();
    let named = by_flag.or_else(|| std::env::var(VARIABLE).ok().filter(|name| !name.is_empty()));
    if named.is_none() && file().is_err() {
        return Ok(None);
    }
    let mut profiles = Profiles::read()?;
    let Some(name) = named.or_else(|| profiles.used.take()) else {
        return Ok(None);
    };
    let profile = profiles.take(&name)?;
    Ok(Some(Chosen {
        name,
        profile,
        by_flag: is_by_flag,
    }))
}

/// The file, be it there or not.
///
/// # Errors
/// `invalid_input` where no folder of this user's is known.
pub fn file() -> Result<PathBuf, Failure> {
    // What is not absolute is to be ignored (XDG Base Directory Specification).
    let folder = |variable| {
        std::env::var_os(variable)
            .map(PathBuf::from)
            .filter(|path: &PathBuf| path.is_absolute())
    };
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
    let config = config.ok_or_else(|| {
        let sentence = "profiles are kept below XDG_CONFIG_HOME or HOME, and neither names a folder";
        Failure::invalid(PROFILE, sentence)
    })?;
    Ok(config.join("mosaic").join("profiles.toml"))
}

/// A name as files and shells take it.
///
/// # Errors
/// `invalid_input` on `profile`.
pub fn checked(name: &str) -> Result<&str, Failure> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(is_plain) {
        true => Ok(name),
        false => {
            let sentence = format!("a profile's name is 1 to {LONGEST_NAME} letters, digits, '-', '_' or '.'");
            Err(Failure::invalid(PROFILE, sentence))
        }
    }
}

impl Profiles {
    /// Reads the file; none holds none.
    ///
    /// # Errors
    /// `invalid_input` where others may read it, or it is not as it is written here.
    pub fn read() -> Result<Self, Failure> {
        let path = file()?;
        match fs::symlink_metadata(&path) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Ok(Profiles::default())
            }
            _ => of_file(&path),
        }
    }

    /// Reads the file, has it changed, and writes it; two at a time wait for each other.
    ///
    /// # Errors
    /// As [`Profiles::read`]; `internal` where it cannot be written; what the change fails with.
    pub fn change<T>(change: impl FnOnce(&mut Self) -> Result<T, Failure>) -> Result<T, Failure> {
        let path = file()?;
        let unwritten = |error: std::io::Error| {
            Failure::new(Kind::Internal, format!("{} cannot be written: {error}", path.display()))
        };
        let folder = path.parent().unwrap_or(&path);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(unwritten)?;
        let lock = File::open(folder).map_err(unwritten)?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|error| unwritten(error.into()))?;
        let mut profiles = Profiles::read()?;
        let changed = change(&mut profiles)?;
        replace(&path, &profiles.text()).map_err(unwritten)?;
        Ok(changed)
    }

    /// One of them.
    ///
    /// # Errors
    /// `not_found`, with the nearest name.
    pub fn take(&mut self, name: &str) -> Result<Profile, Failure> {
        self.each.remove(name).ok_or_else(|| {
            let meant = nearest(name, self.each.keys().map(String::as_str));
            let hint = meant.map_or(String::new(), |name| format!("; did you mean {name}?"));
            Failure::new(Kind::NotFound, format!("there is no profile '{name}'{hint}"))
        })
    }

    fn text(&self) -> String {
        let each = self
            .each
            .iter()
            .map(|(name, profile)| (name.clone(), Value::Table(profile.table())));
        let mut table = Table::new();
        if let Some(used) = &self.used {
            table.insert("used".to_owned(), used.as_str().into());
        }
        table.insert("profiles".to_owned(), Value::Table(each.collect()));
        format!("# Written by `mosaic login`. It holds keys: nobody else may read it.\n{table}")
    }
}

impl Profile {
    fn table(&self) -> Table {
        let secret = |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
        let fields = [
            ("server", self.server.clone()),
            ("key", secret(&self.key)),
            ("admin", self.admin.clone()),
            ("admin_token", secret(&self.admin_token)),
            ("ca_file", self.ca_file.clone()),
        ];
        let given = fields
            .into_iter()
            .filter_map(|(name, text)| Some((name.to_owned(), Value::String(text?))));
        given.collect()
    }

    fn of(table: &Table) -> Self {
        let text = |name: &str| table.get(name).and_then(Value::as_str).map(str::to_owned);
        Profile {
            server: text("server"),
            key: text("key").map(SecretString::from),
            admin: text("admin"),
            admin_token: text("admin_token").map(SecretString::from),
            ca_file: text("ca_file"),
        }
    }
}

fn of_file(path: &Path) -> Result<Profiles, Failure> {
    let file = open(PROFILE, path)?;
    let wrong = |what: String| Failure::invalid(PROFILE, format!("{} {what}", path.display()));
    let known = file
        .metadata()
        .map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if known.mode() & OTHERS != 0 {
        let mode = known.mode() & 0o777;
        return Err(wrong(format!(
            "holds keys, and others than its owner have rights to it (mode {mode:03o}): chmod 600 it, and renew its keys"
        )));
    }
    let text = read_bounded(PROFILE, file, LONGEST_FILE)?;
    // The parser's own words quote the line, which may hold a key.
    let parsed: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error
            .span()
            .map(|span| text[..span.start.min(text.len())].lines().count().max(1));
        wrong(format!("is no TOML, near line {}", line.unwrap_or(1)))
    })?;
    let each = parsed.get("profiles").and_then(Value::as_table);
    let each = each.into_iter().flatten();
    Ok(Profiles {
        used: parsed.get("used").and_then(Value::as_str).map(str::to_owned),
        each: each
            .filter_map(|(name, profile)| Some((name.clone(), Profile::of(profile.as_table()?))))
            .collect(),
    })
}

/// Writes a file of the owner's beside the other, and puts it in its place.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension(format!("{}.part", std::process::id()));
    let written = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    written().inspect_err(|_| {
        // Its only failure is that there is none.
        let _ = fs::remove_file(&beside);
    })
}
