//! What there is for a key, as the gateway tells it.
//!
//! Invariant: whoever shows no key and names no gateway is told what the program knows, and nothing is asked.

use std::collections::BTreeSet;

use bytes::Bytes;
use clap::{ArgMatches, Command};
use mosaic_actors::error::{Failure, Kind};
use serde_json::Value;

use super::connection::{CALLS, place};
use super::flags::{key_flag, server_flag};
use super::screen::Stop;
use super::show;

/// The rule, which is the same of the documents that a gateway serves.
pub(super) const RULE: &str = "With a key (--key-file, MOSAIC_API_KEY, a profile), or where --server names a gateway, that \
                               gateway is asked what there is for it; else all is shown that there is.";

/// The flags that lead to a gateway.
pub(super) fn command(command: Command) -> Command {
    command.arg(server_flag()).arg(key_flag())
}

/// The names of the operations that there are; `None` where nobody is to be asked.
///
/// # Errors
/// The server's problem, or that there was no reply.
pub(super) async fn names(flags: &ArgMatches) -> Result<Option<BTreeSet<String>>, Stop> {
    let Some(read) = asked(flags, "/v1/operations").await? else {
        return Ok(None);
    };
    let listed = show::parse(&read)?;
    let rows = listed["operations"].as_array().ok_or_else(odd)?.iter();
    Ok(Some(
        rows.filter_map(|row| row["name"].as_str()).map(str::to_owned).collect(),
    ))
}

/// Which kinds of providers can do them; `None` where nobody is to be asked.
///
/// # Errors
/// As [`names`].
pub(super) async fn matrix(flags: &ArgMatches) -> Result<Option<Value>, Stop> {
    let Some(read) = asked(flags, "/v1/capabilities").await? else {
        return Ok(None);
    };
    let mut told = show::parse(&read)?;
    match told["matrix"].take() {
        rows @ Value::Array(_) => Ok(Some(rows)),
        _ => Err(odd().into()),
    }
}

async fn asked(flags: &ArgMatches, path: &str) -> Result<Option<Bytes>, Stop> {
    let place = place(&CALLS, flags)?;
    if !place.is_said {
        return Ok(None);
    }
    Ok(Some(place.remote()?.read(path, None).await?))
}

fn odd() -> Failure {
    Failure::new(
        Kind::Internal,
        "what the gateway tells of its operations is not as expected",
    )
}
