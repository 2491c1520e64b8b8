//! `mosaic login`, `mosaic logout` and `mosaic profiles`.
//!
//! Invariant: a key is kept only when the gateway took it, and none is ever printed.

use std::io::{self, IsTerminal};
use std::path::Path;

use clap::{Arg, ArgMatches, Command};
use mosaic_actors::error::{Failure, Kind};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::client::Remote;
use super::connection::{CALLS, Trusted, presentable, secret, trusted};
use super::flags::flag;
use super::input::read_bounded;
use super::problem::Problem;
use super::profiles::{self, FIRST, PROFILE, Profile, Profiles, checked};
use super::screen::{Screen, Stop};
use super::show;

/// The commands.
pub const LOGIN: &str = "login";
pub const LOGOUT: &str = "logout";
pub const PROFILES: &str = "profiles";

/// The longest key, in bytes.
const LONGEST_KEY: u64 = 16 << 10;
/// Told with a key that is right by whoever has it: what needs one, and costs nothing.
const ASKED: &str = "/v1/operations";
/// The same of an admin token.
const ASKED_OF_ADMIN: &str = "/admin/v1/status";

/// Their declarations.
pub fn commands() -> [Command; 3] {
    let name = || {
        Arg::new("name")
            .value_name("NAME")
            .required(true)
            .help("The profile's name")
    };
    let login = Command::new(LOGIN)
        .about("Keep a gateway's address and a key for it, once the gateway took the key")
        .after_help(
            "The key is asked for without being shown, or read from --key-file or from standard input; never from the \
             command line, which everybody on the machine can read. It is kept in mosaic/profiles.toml below \
             XDG_CONFIG_HOME (else ~/.config), which nobody else may read. Flags go before variables, variables before \
             the profile; --profile goes before both.",
        )
        .arg(flag(
            "server",
            "URL",
            "The gateway's address [default: MOSAIC_URL, else what the profile has, else http://127.0.0.1:8080]",
        ))
        .arg(flag(
            "key-file",
            "FILE",
            "Read the API key from this file; `-` is standard input",
        ))
        .arg(flag("admin", "URL", "Keep this address of its admin listener, too"))
        .arg(
            flag(
                "admin-token-file",
                "FILE",
                "Read the token for that from this file [default: MOSAIC_ADMIN_TOKEN, else the key is tried]",
            )
            .requires("admin"),
        );
    let profiles = Command::new(PROFILES)
        .about("List the profiles, show one, or choose the one in use")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("list").about("List the profiles"))
        .subcommand(
            Command::new("use")
                .about("Use this one where none is named")
                .arg(name()),
        )
        .subcommand(
            Command::new("show")
                .about("Show what is kept of one, without its key")
                .arg(name()),
        );
    let logout = Command::new(LOGOUT).about("Forget a profile and its key: that of --profile, else the one in use");
    [login, logout, profiles]
}

/// Runs `mosaic login`.
///
/// # Errors
/// `invalid_input` where there is no key; what the gateway refuses the key with; what keeps it from being kept.
pub async fn login(matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let name = name_of(matches)?;
    let known = Profiles::read()?.each.remove(&name);
    let server = match (matches.get_one::<String>("server"), variable("MOSAIC_URL"), &known) {
        (Some(url), ..) => url.clone(),
        (None, Some(url), _) => url,
        (None, None, Some(Profile { server: Some(url), .. })) => url.clone(),
        (None, None, _) => CALLS.default.to_owned(),
    };
    // Refused before a key is asked for.
    super::transport::base_url("--server", &server)?;
    let key = key(matches, &server, screen)?;
    let trusted = trusted(matches)?.or_else(|| of_known(known.as_ref()));
    Remote::trusting("--server", &server, Some(key.clone()), trusted.as_ref())?
        .read(ASKED, None)
        .await?;
    let admin = admin(matches, &key, trusted.as_ref()).await?;
    let (kept, token) = match (admin, known) {
        (Some((url, token)), _) => (Some(url), token),
        (None, Some(known)) => (known.admin, known.admin_token),
        (None, None) => (None, None),
    };
    let profile = Profile {
        server: Some(server.clone()),
        key: Some(key),
        admin: kept,
        admin_token: token,
        ca_file: trusted.map(|trusted| absolute(&trusted.file)),
    };
    let used = Profiles::change(|profiles| {
        profiles.each.insert(name.clone(), profile);
        Ok(profiles.used.get_or_insert_with(|| name.clone()) == &name)
    })?;
    if screen.json {
        return screen.lines(json!({"profile": name, "server": server, "used": used}).to_string());
    }
    screen.note(&format!("{server} took the key, which is kept as profile {name}"));
    if !used {
        screen.note(&format!("another one is in use: mosaic profiles use {name}"));
    }
    Ok(())
}

/// What the profile trusts already.
fn of_known(known: Option<&Profile>) -> Option<Trusted> {
    let file = known?.ca_file.as_ref()?;
    Some(Trusted {
        named: "the profile's ca_file".to_owned(),
        file: file.into(),
    })
}

/// A profile is used from anywhere.
fn absolute(file: &Path) -> String {
    let whole = std::path::absolute(file);
    whole.unwrap_or_else(|_| file.to_owned()).display().to_string()
}

/// The name that a flag or the variable gives, else that of the one in use, else the first's.
fn name_of(matches: &ArgMatches) -> Result<String, Failure> {
    let named = matches
        .get_one::<String>(PROFILE)
        .cloned()
        .or_else(|| variable("MOSAIC_PROFILE"));
    match named {
        Some(name) => Ok(checked(&name)?.to_owned()),
        None => Ok(Profiles::read()?.used.unwrap_or_else(|| FIRST.to_owned())),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn key(matches: &ArgMatches, server: &str, screen: &Screen) -> Result<SecretString, Failure> {
    match matches.get_one::<String>("key-file").map(String::as_str) {
        Some("-") => presentable(&read_bounded("key", io::stdin(), LONGEST_KEY)?),
        Some(path) => {
            let read = secret("--key-file", Some(&path.to_owned()), "")?;
            read.ok_or_else(|| Failure::invalid("key", format!("{path} holds no key")))
        }
        None if !io::stdin().is_terminal() => presentable(&read_bounded("key", io::stdin(), LONGEST_KEY)?),
        None if screen.asks => {
            let typed = rpassword::prompt_password(format!("API key for {server} (not shown): "));
            presentable(&typed.map_err(|error| Failure::invalid("key", format!("no key can be asked for: {error}")))?)
        }
        None => Err(Failure::invalid(
            "key",
            "nobody can be asked for the key: give --key-file",
        )),
    }
}

/// The admin listener that the flags name, once it took the token; where none is given and it asks for one, the key, whose
/// scopes may reach there.
async fn admin(
    matches: &ArgMatches,
    key: &SecretString,
    trusted: Option<&Trusted>,
) -> Result<Option<(String, Option<SecretString>)>, Problem> {
    let Some(url) = matches.get_one::<String>("admin") else {
        return Ok(None);
    };
    let token = secret(
        "--admin-token-file",
        matches.get_one("admin-token-file"),
        "MOSAIC_ADMIN_TOKEN",
    )?;
    let asked = async |token: Option<SecretString>| {
        let remote = Remote::trusting("--admin", url, token, trusted)?;
        remote.read(ASKED_OF_ADMIN, None).await
    };
    match asked(token.clone()).await {
        Ok(_) => Ok(Some((url.clone(), token))),
        Err(problem) if token.is_none() && problem.kind() == Kind::Unauthenticated => {
            asked(Some(key.clone())).await?;
            Ok(Some((url.clone(), Some(key.clone()))))
        }
        Err(problem) => Err(problem),
    }
}

/// Runs `mosaic logout`.
///
/// # Errors
/// `not_found` where there is no such profile; what keeps the file from being written.
pub fn logout(matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let name = name_of(matches)?;
    Profiles::change(|profiles| {
        profiles.take(&name)?;
        profiles.used.take_if(|used| *used == name);
        Ok(())
    })?;
    if screen.json {
        return screen.lines(json!({"profile": name, "forgotten": true}).to_string());
    }
    screen.note(&format!(
        "profile {name} is forgotten, with its key; the gateway still takes that"
    ));
    Ok(())
}

/// Runs `mosaic profiles`.
///
/// # Errors
/// As [`logout`].
pub fn profiles(matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let named = |flags: &ArgMatches| flags.get_one::<String>("name").cloned().unwrap_or_default();
    match matches.subcommand() {
        Some(("use", flags)) => {
            let name = named(flags);
            Profiles::change(|profiles| {
                let profile = profiles.take(&name)?;
                profiles.each.insert(name.clone(), profile);
                profiles.used = Some(name.clone());
                Ok(())
            })?;
            match screen.json {
                true => screen.lines(json!({"profile": name, "used": true}).to_string()),
                false => {
                    screen.note(&format!("profile {name} is in use"));
                    Ok(())
                }
            }
        }
        Some(("show", flags)) => {
            let mut profiles = Profiles::read()?;
            let name = named(flags);
            let profile = profiles.take(&name)?;
            let mut row = row(&name, &profile, profiles.used.as_deref());
            row["file"] = profiles::file()?.display().to_string().into();
            show::document(row.to_string().as_bytes(), screen)
        }
        _ => {
            let Profiles { used, each } = Profiles::read()?;
            if each.is_empty() && !screen.json {
                screen.note("there is no profile: mosaic login makes one");
                return Ok(());
            }
            let rows: Vec<Value> = each
                .iter()
                .map(|(name, profile)| row(name, profile, used.as_deref()))
                .collect();
            show::document(Value::from(rows).to_string().as_bytes(), screen)
        }
    }
}

/// All of a profile but its secrets.
fn row(name: &str, profile: &Profile, used: Option<&str>) -> Value {
    json!({
        "name": name,
        "used": used == Some(name),
        "server": profile.server,
        "key": profile.key.as_ref().map(|_| "kept"),
        "admin": profile.admin,
        "admin_token": profile.admin_token.as_ref().map(|_| "kept"),
        "ca_file": profile.ca_file,
    })
}
