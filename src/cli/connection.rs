//! Which gateway is asked, and by which key: flags before variables, variables before profiles, profiles before defaults.
//!
//! Invariant: the key of a profile goes to the gateway of that profile and nowhere else; and no secret stands on a command line.

use std::env::VarError;
use std::path::PathBuf;

use clap::ArgMatches;
use mosaic_actors::error::{Failure, Kind};
use secrecy::SecretString;

use super::client::Remote;
use super::profiles::{self, Chosen, Profile};
use super::transport::base_url;
use crate::secret::{SecretError, SecretFault, SecretRef};

/// One of a gateway's two listeners: how a line says where it is.
pub struct Side {
    /// The flags of its address and of the file with its key.
    flags: [&'static str; 2],
    /// The variables of the two.
    variables: [&'static str; 2],
    /// The address where nobody names one.
    pub default: &'static str,
    kept: fn(&Profile) -> (Option<&String>, Option<&SecretString>),
}

/// Where calls are made.
pub const CALLS: Side = Side {
    flags: ["server", "key-file"],
    variables: ["MOSAIC_URL", "MOSAIC_API_KEY"],
    default: "http://127.0.0.1:8080",
    kept: |profile| (profile.server.as_ref(), profile.key.as_ref()),
};

/// Where a gateway is looked after.
pub const ADMIN: Side = Side {
    flags: ["admin", "admin-token-file"],
    variables: ["MOSAIC_ADMIN_URL", "MOSAIC_ADMIN_TOKEN"],
    default: "http://127.0.0.1:9901",
    kept: |profile| (profile.admin.as_ref(), profile.admin_token.as_ref()),
};

/// A file of authorities, and what named it.
#[derive(Clone, Debug)]
pub struct Trusted {
    /// A flag, a variable or a profile.
    pub named: String,
    /// The file, in PEM.
    pub file: PathBuf,
}

/// The flag, and what a profile calls it.
pub const CA_FILE: &str = "ca-file";
/// The variable.
const CA_VARIABLE: &str = "MOSAIC_CA_FILE";

/// The file that the line or the environment names.
///
/// # Errors
/// `invalid_input` where the variable is no text.
pub fn trusted(flags: &ArgMatches) -> Result<Option<Trusted>, Failure> {
    let of = |named: String, file: &str| Trusted {
        named,
        file: file.into(),
    };
    match flags.get_one::<String>(CA_FILE) {
        Some(file) => Ok(Some(of(format!("--{CA_FILE}"), file))),
        None => Ok(variable(CA_VARIABLE)?.map(|file| of(CA_VARIABLE.to_owned(), &file))),
    }
}

/// A gateway as a line names it.
pub struct Place {
    /// What named it.
    named: String,
    /// Its address.
    pub url: String,
    /// The key for it.
    pub key: Option<SecretString>,
    /// Whose authorities are trusted beside the platform's, and what named the file.
    pub trusted: Option<Trusted>,
    /// Somebody named it, or has a key: it is not just the default.
    pub is_said: bool,
}

impl Place {
    /// A client of it.
    ///
    /// # Errors
    /// As [`Remote::trusting`].
    pub fn remote(self) -> Result<Remote, Failure> {
        Remote::trusting(&self.named, &self.url, self.key, self.trusted.as_ref())
    }
}

/// The gateway that the flags name.
///
/// # Errors
/// `invalid_input` naming the flag or variable at fault; what a profile fails with.
pub fn place(side: &Side, flags: &ArgMatches) -> Result<Place, Failure> {
    let [url_flag, key_flag] = side.flags.map(|flag| flags.get_one::<String>(flag));
    let [url_named, key_named] = side.flags.map(|flag| format!("--{flag}"));
    let key = match key_flag {
        Some(_) => secret(&key_named, key_flag, side.variables[1])?,
        None => None,
    };
    let is_whole = url_flag.is_some() && key_flag.is_some();
    let chosen = match is_whole && flags.get_one::<String>(profiles::PROFILE).is_none() {
        true => None,
        false => profiles::chosen(flags)?,
    };
    let kept = chosen
        .as_ref()
        .map_or((None, None), |chosen| (side.kept)(&chosen.profile));
    let by_flag = chosen.as_ref().filter(|chosen| chosen.by_flag);
    let (named, url) = match (url_flag, by_flag) {
        (Some(url), _) => (url_named, url.clone()),
        (None, Some(chosen)) => of_profile(side, chosen)?,
        (None, None) => match (variable(side.variables[0])?, chosen.as_ref().zip(kept.0)) {
            (Some(url), _) => (side.variables[0].to_owned(), url),
            (None, Some((chosen, url))) => (format!("profile {}", chosen.name), url.clone()),
            (None, None) => (url_named, side.default.to_owned()),
        },
    };
    let is_kept = match kept.0 {
        Some(kept) => same(&named, &url, kept)?,
        None => false,
    };
    if by_flag.is_some() && !is_kept {
        let sentence = format!("--{} and --{} name two gateways", side.flags[0], profiles::PROFILE);
        return Err(Failure::invalid(profiles::PROFILE, sentence));
    }
    let key = match key {
        None if by_flag.is_none() && key_flag.is_none() => secret(&key_named, None, side.variables[1])?,
        key => key,
    };
    let key = key.or_else(|| kept.1.filter(|_| is_kept && key_flag.is_none()).cloned());
    let kept_file = || {
        let file = chosen.as_ref()?.profile.ca_file.clone().filter(|_| is_kept)?;
        Some(Trusted {
            named: format!("profile {}", chosen.as_ref()?.name),
            file: file.into(),
        })
    };
    Ok(Place {
        trusted: trusted(flags)?.or_else(kept_file),
        is_said: url_flag.is_some() || key.is_some() || (is_kept && chosen.is_some()),
        named,
        url,
        key,
    })
}

fn of_profile(side: &Side, chosen: &Chosen) -> Result<(String, String), Failure> {
    let named = format!("profile {}", chosen.name);
    let Some(url) = (side.kept)(&chosen.profile).0 else {
        let sentence = format!(
            "the {named} has no address for --{}: `mosaic login` takes one",
            side.flags[0]
        );
        return Err(Failure::invalid(profiles::PROFILE, sentence));
    };
    Ok((named, url.clone()))
}

/// Whether two addresses are those of one gateway.
fn same(named: &str, one: &str, other: &str) -> Result<bool, Failure> {
    let (one, other) = (base_url(named, one)?, base_url(named, other)?);
    Ok(one.as_str().trim_end_matches('/') == other.as_str().trim_end_matches('/'))
}

/// The gateway that calls are made at, by their flags.
///
/// # Errors
/// As [`place`].
pub fn gateway(flags: &ArgMatches) -> Result<Remote, Failure> {
    place(&CALLS, flags)?.remote()
}

fn variable(name: &'static str) -> Result<Option<String>, Failure> {
    match std::env::var(name) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Failure::invalid(name, format!("{name} is not UTF-8 text"))),
    }
}

/// A secret by file or by variable, never by flag, which everybody on the machine could read.
///
/// # Errors
/// `invalid_input` naming `flag` or the variable.
pub fn secret(flag: &str, file: Option<&String>, variable: &str) -> Result<Option<SecretString>, Failure> {
    let (named, place) = match file {
        Some(path) => (flag, SecretRef::File(path.into())),
        None => (variable, SecretRef::Env(variable.to_owned())),
    };
    match place.resolve() {
        Ok(secret) => Ok(Some(secret.expose().trim().into())),
        Err(SecretError { fault, .. }) => match fault {
            SecretFault::Empty => Ok(None),
            SecretFault::NotSet if file.is_none() => Ok(None),
            // As for any other key that no header can carry.
            SecretFault::ControlCharacter => Err(Failure::invalid("key", format!("{named}: {fault}"))),
            fault => Err(Failure::invalid(named, format!("{named}: {fault}"))),
        },
    }
}

/// What a key must be, wherever it comes from.
///
/// # Errors
/// `invalid_input` on `key`; the key is not quoted.
pub fn presentable(text: &str) -> Result<SecretString, Failure> {
    match text.trim() {
        "" => Err(Failure::invalid("key", "there is no key: an empty one was given")),
        key if key.chars().any(char::is_control) => Err(Failure::new(
            Kind::InvalidInput,
            "the key holds characters that a header cannot carry",
        )),
        key => Ok(key.into()),
    }
}
