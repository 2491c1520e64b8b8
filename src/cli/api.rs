//! `mosaic api`: any request to the gateway, with the profile's key.
//!
//! Invariant: a request goes to the gateway that the line names and to nobody else, and no secret stands on a command line.

use std::io;

use clap::{Arg, ArgAction, ArgMatches, Command};
use futures_util::{StreamExt, TryStreamExt};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use mosaic_actors::error::Failure;
use reqwest::Response;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::admin::connected;
use super::client::refused;
use super::connection::{ADMIN, CALLS, place};
use super::download::{Download, OUTPUT};
use super::flags::{flag, key_flag, server_flag, switch};
use super::input::{open, read_bytes};
use super::problem::Problem;
use super::screen::{Screen, Stop, clean};
use super::show::visible;
use super::transport::{body, broken};

/// The command.
pub const API: &str = "api";

/// The longest body, in bytes: it is held whole.
const LONGEST_INPUT: u64 = 64 << 20;
/// What the admin listener has.
const OF_ADMIN: &str = "/admin/";
/// The headers that say who asks: they come from files, or lead elsewhere.
const OURS: [HeaderName; 5] = [
    AUTHORIZATION,
    COOKIE,
    HOST,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
];

/// The declaration.
pub fn declared() -> Command {
    let place = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).value_name(value).help(help).required(true)
    };
    let command = Command::new(API)
        .about("Send any request to the gateway, with the key, and print the answer")
        .after_help("The fields of a GET go into its query; those of others are the body, each value as JSON where it is some, else as text. A PATH that begins with /admin/ goes to the admin listener, with its token. `mosaic operations` lists the paths of all operations.")
        .arg(place("method", "METHOD", "GET, POST, PUT, PATCH, DELETE, or another"))
        .arg(place("path", "PATH", "The path below the gateway's address, with its query, as in '/v1/git/repos?limit=5'"))
        .arg(flag("input", "FILE", "Send this file as the body; `-` is standard input").conflicts_with("field"))
        .arg(
            flag("field", "NAME=VALUE", "Send an object with this field as the body; once for each")
                .short('f')
                .action(ArgAction::Append),
        )
        .arg(
            flag("header", "NAME: VALUE", "Send this header, too; those of keys are refused")
                .short('H')
                .action(ArgAction::Append),
        )
        .arg(flag(OUTPUT, "FILE", "Write an answer that is no JSON there; `-` is stdout [default: stdout]"))
        .arg(switch("include", "Tell the status and the headers of the answer, on stderr").short('i'))
        .arg(server_flag())
        .arg(key_flag());
    connected(command)
}

/// Runs it.
///
/// # Errors
/// `invalid_input` on the argument at fault, what the gateway refuses with, or that there was no reply.
pub async fn run(matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let method = method(text("method").unwrap_or_default())?;
    let path = path(text("path").unwrap_or_default())?;
    let mut headers = HeaderMap::new();
    for line in matches.get_many::<String>("header").into_iter().flatten() {
        let (name, value) = header(line)?;
        headers.append(name, value);
    }
    let side = if path.starts_with(OF_ADMIN) { &ADMIN } else { &CALLS };
    let remote = place(side, matches)?.remote()?;
    let fields: Vec<(String, Value)> = matches
        .get_many::<String>("field")
        .into_iter()
        .flatten()
        .map(|text| field(text))
        .collect::<Result<_, _>>()?;
    let in_query = matches!(method, Method::GET | Method::HEAD);
    let path = match in_query {
        true => with_query(path, &fields),
        false => path.to_owned(),
    };
    let mut request = remote.asking(method, &path)?;
    if !in_query && !fields.is_empty() {
        headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static("application/json"));
        request = request.body(Value::from(Map::from_iter(fields)).to_string());
    }
    if let Some(source) = text("input") {
        let bytes = match source {
            "-" => read_bytes("input", io::stdin(), LONGEST_INPUT)?,
            path => read_bytes("input", open("input", path)?, LONGEST_INPUT)?,
        };
        headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static("application/json"));
        request = request.body(bytes);
    }
    headers
        .entry(ACCEPT)
        .or_insert(HeaderValue::from_static("application/json, */*;q=0.5"));
    let reply = remote.exchanged(request.headers(headers)).await?;
    if matches.get_flag("include") {
        include(&reply, screen);
    }
    // What is not changed, or stands elsewhere, is an answer, too.
    match reply.status().is_success() || reply.status().is_redirection() {
        true => show(reply, text(OUTPUT), screen).await,
        false => Err(refused(reply).await.into()),
    }
}

/// One field of a body: what is JSON as that, all else as text.
fn field(text: &str) -> Result<(String, Value), Failure> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| Failure::invalid("field", "--field takes NAME=VALUE, as in --field title='Mend it'"))?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}

/// The path with the fields behind its query.
fn with_query(path: &str, fields: &[(String, Value)]) -> String {
    if fields.is_empty() {
        return path.to_owned();
    }
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        pairs.append_pair(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    let mark = if path.contains('?') { '&' } else { '?' };
    format!("{path}{mark}{}", pairs.finish())
}

fn method(text: &str) -> Result<Method, Failure> {
    let method = Method::from_bytes(text.to_ascii_uppercase().as_bytes());
    method.map_err(|_| Failure::invalid("method", "METHOD must be one of HTTP's, as GET or POST"))
}

/// The gateway is named by other flags: no path leads away from it.
fn path(text: &str) -> Result<&str, Failure> {
    match text.starts_with('/') && !text.starts_with("//") && !text.contains(['#', '\\']) {
        true => Ok(text),
        false => {
            let sentence =
                "PATH begins with one / and names no host: --server, --admin or --profile say which gateway it is of";
            Err(Failure::invalid("path", sentence))
        }
    }
}

fn header(line: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let wrong = |what: &str| Failure::invalid("header", what);
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| wrong("--header takes NAME: VALUE"))?;
    let name: HeaderName = name
        .trim()
        .parse()
        .map_err(|_| wrong("--header takes NAME: VALUE, and this is no name"))?;
    if OURS.contains(&name) {
        return Err(wrong(
            "a key stands on no command line, and the host is the gateway's: give --key-file, --profile or --server",
        ));
    }
    let value = HeaderValue::from_str(value.trim());
    Ok((
        name,
        value.map_err(|_| wrong("the value of --header holds characters that a header cannot carry"))?,
    ))
}

fn include(reply: &Response, screen: &Screen) {
    screen.note(&format!("{:?} {}", reply.version(), reply.status()));
    for (name, value) in reply.headers() {
        screen.note(&clean(&format!(
            "{name}: {}",
            String::from_utf8_lossy(value.as_bytes())
        )));
    }
}

async fn show(reply: Response, output: Option<&str>, screen: &Screen) -> Result<(), Stop> {
    let kind = reply.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned();
    if output.is_none() && (kind == "application/json" || kind.ends_with("+json")) {
        let body = body(reply).await?;
        return match body.is_empty() {
            true => Ok(()),
            false => screen.lines(&body),
        };
    }
    if output.is_none() && kind.starts_with("text/") {
        let mut pieces = reply.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| broken(&error))?;
            screen.data(visible(&String::from_utf8_lossy(&piece), screen))?;
        }
        return Ok(());
    }
    if reply.content_length() == Some(0) {
        return Ok(());
    }
    let file = Download {
        length: reply.content_length(),
        media_type: kind,
        bytes: Box::pin(reply.bytes_stream().map_err(|error| Problem::from(broken(&error)))),
    };
    file.save(output, screen).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_away_and_no_key_stands_on_the_line() {
        assert!(path("/v1/git/repos?limit=5").is_ok());
        for odd in [
            "",
            "v1/x",
            "//evil.example/x",
            "http://evil.example/",
            "/\\evil.example",
            "/a#b",
        ] {
            assert_eq!(path(odd).expect_err(odd).field.as_deref(), Some("path"));
        }
        assert_eq!(header("X-Mosaic-Labels: a=b").unwrap().1, "a=b");
        for odd in [
            "Authorization: Bearer hunter2",
            "x-api-key:hunter2",
            "nonsense",
            "a b: c",
            "a: \u{7f}hunter2",
        ] {
            let failure = header(odd).expect_err(odd);
            assert!(failure.field.as_deref() == Some("header") && !failure.message().contains("hunter2"));
        }
        assert_eq!(field("limit=5").unwrap().1, 5);
        assert_eq!(field("title=a=b").unwrap(), ("title".to_owned(), "a=b".into()));
        assert!(field("title").is_err() && field("=x").is_err());
        let fields = [field("q=a b&c").unwrap(), field("limit=5").unwrap()];
        assert_eq!(
            with_query("/v1/git/repos?x=1", &fields),
            "/v1/git/repos?x=1&q=a+b%26c&limit=5"
        );
        assert_eq!(with_query("/v1/git/repos", &[]), "/v1/git/repos");
        assert_eq!(method("patch").unwrap(), Method::PATCH);
        assert!(method("a b").is_err());
    }
}
