//! `mosaic explain`: what an error code means, or what was decided for a call.
//!
//! Invariant: it only reads.

use bytes::Bytes;
use clap::{Arg, ArgMatches, Command};
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value};

use super::client::expand;
use super::explain::document;
use super::flags::{key_flag, server_flag};
use super::problem::Problem;
use super::screen::{Screen, Stop};
use super::waterfall::waterfall;
use super::{admin, connection, show};
use crate::failures::codes;
use crate::wording::{list, nearest};

/// The declaration of `mosaic explain`.
pub fn declared() -> Command {
    let what = Arg::new("what")
        .required(true)
        .value_name("CODE|ID")
        .help("The code between the brackets of an error message, or a call's request id");
    let command = Command::new("explain")
        .about("Explain an error code, or what was decided for a call")
        .after_help(
            "A call's id is asked for at the gateway's address, which tells its own calls to each key; with --admin or \
             --admin-token-file at its admin listener, which tells all. Of several calls with one id each is shown, the \
             newest first.",
        )
        .arg(what)
        .arg(server_flag().conflicts_with("admin"))
        .arg(key_flag());
    admin::connected(command)
}

/// Runs it.
///
/// # Errors
/// `not_found` where no record is kept; what keeps the gateway from telling.
pub async fn run(matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let what = matches
        .get_one::<String>("what")
        .map(String::as_str)
        .unwrap_or_default();
    if let Some(document) = document(what) {
        return show::document(document.to_string().as_bytes(), screen);
    }
    if let Some(code) = meant(what) {
        let problem = Problem::from(Failure::invalid("code", format!("'{what}' is no error code")));
        return Err(problem.hint(format!("a similar code exists: '{code}'")).into());
    }
    let body = records(what, matches).await.map_err(|problem| unknown(what, problem))?;
    if screen.json {
        return screen.lines(&body);
    }
    let told = show::parse(&body)?;
    let records = told["decisions"].as_array().into_iter().flatten();
    let records: Vec<String> = records.map(|record| waterfall(record, screen)).collect();
    screen.lines(records.join("\n\n"))
}

/// The code that may be meant by what is none, and looks like none of the ids that gateways give.
fn meant(what: &str) -> Option<String> {
    let is_word = what.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_word.then(|| nearest(what, codes().map(|row| row.code))).flatten()
}

/// Of an id that nobody knows: what has a record, and of a word, that it is no code.
fn unknown(what: &str, problem: Problem) -> Problem {
    if problem.kind() != Kind::NotFound || problem.code() != Kind::NotFound.code() {
        return problem;
    }
    let is_word = what.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    match is_word {
        true => {
            let all: Vec<&str> = codes().map(|row| row.code).collect();
            problem.hint(format!("It is no error code, either; those are {}.", list(&all, "and")))
        }
        false => problem.hint(
            "`mosaic calls` shows the last calls with their ids. Of answers from memory few have a record; --explain \
             gives a call one, and [explain] says how many are kept.",
        ),
    }
}

async fn records(id: &str, matches: &ArgMatches) -> Result<Bytes, Problem> {
    let mut named = Map::from_iter([("id".to_owned(), Value::from(id))]);
    let by_admin = ["admin", "admin-token-file"]
        .iter()
        .any(|flag| matches.contains_id(flag));
    match by_admin {
        true => {
            let path = expand("/admin/v1/decisions/{id}", &mut named)?;
            admin::remote(matches)?.read(&path, None).await
        }
        false => {
            let path = expand("/v1/explain/{id}", &mut named)?;
            connection::gateway(matches)?.read(&path, None).await
        }
    }
}
