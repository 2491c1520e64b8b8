//! A request's parts as an input and options.
//!
//! Invariant: nothing that a client says is dropped in silence; what no field or option takes is refused by name.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::CACHE_CONTROL;
use mosaic_actors::error::Failure;
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::catalogue::Entry;
use crate::dispatch::options::{CallOption, OPTIONS, Options};

/// The fields and options that the URL gives.
///
/// # Errors
/// `invalid_input` naming the parameter.
pub fn from_url(
    entry: &Entry,
    values: Vec<(&'static str, String)>,
    query: &str,
) -> Result<(Map<String, Value>, Options), Failure> {
    let mut input = Map::new();
    for (name, text) in values {
        let value = match entry.field(name) {
            Some(field) => field.parse(&[text])?,
            None => Value::from(text),
        };
        input.insert(name.to_owned(), value);
    }
    let mut options = Options::default();
    for (name, texts) in grouped(query) {
        if let Some(option) = in_query().find(|option| option.name == name) {
            option.read(&texts, &mut options)?;
            continue;
        }
        let in_query = entry.declaration.input_in_query();
        let Some(field) = entry.field(&name).filter(|_| in_query) else {
            return Err(Failure::invalid(
                &name,
                format!("{name} is not a parameter of {}", entry.name()),
            ));
        };
        insert_once(&mut input, &name, field.parse(&texts)?)?;
    }
    Ok((input, options))
}

/// Adds the options that the headers give; the dispatcher checks their form.
///
/// # Errors
/// `invalid_input` naming the option, where its header is given several times.
pub fn from_headers(headers: &HeaderMap, options: &mut Options) -> Result<(), Failure> {
    for (option, header) in OPTIONS.iter().filter_map(|option| Some((option, option.header?))) {
        // Bytes that are no text become a character that no option may have.
        let given = headers.get_all(header).iter();
        let texts: Vec<_> = given
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        match texts.len() {
            0 => {}
            1 => option.read(&texts, options)?,
            _ => return Err(Failure::invalid(option.name, format!("give one {header}, not several"))),
        }
    }
    heed_cache_control(headers, options);
    Ok(())
}

/// What HTTP has every client say to the caches on its way (RFC 9111, section 5.2.1), as far as it asks for more than ours
/// does anyway. Other ages than none are not ours to keep: how long an answer is fresh, its operation says.
fn heed_cache_control(headers: &HeaderMap, options: &mut Options) {
    let lines = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|line| line.to_str().ok());
    for directive in lines.flat_map(|line| line.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let no_age = || value.trim().trim_matches('"').parse() == Ok(0_u32);
        match &*name.trim().to_ascii_lowercase() {
            "no-store" => options.no_store = true,
            "no-cache" => options.no_cache = true,
            "max-age" if no_age() => options.no_cache = true,
            _ => {}
        }
    }
}

/// Adds the fields of a body to those that the path gave.
///
/// # Errors
/// `invalid_input` naming the field that both give.
pub fn merge(input: &mut Map<String, Value>, body: Map<String, Value>) -> Result<(), Failure> {
    body.into_iter()
        .try_for_each(|(name, value)| insert_once(input, &name, value))
}

fn grouped(query: &str) -> BTreeMap<String, Vec<String>> {
    let mut grouped: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        grouped.entry(name.into_owned()).or_default().push(text.into_owned());
    }
    grouped
}

fn insert_once(input: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), Failure> {
    if input.contains_key(name) {
        return Err(Failure::invalid(name, format!("{name} is given in the path already")));
    }
    input.insert(name.to_owned(), value);
    Ok(())
}

/// The options that are query parameters of every operation.
fn in_query() -> impl Iterator<Item = &'static CallOption> {
    OPTIONS.iter().filter(|option| option.header.is_none())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::catalogue::{OPERATIONS, find};

    fn url(name: &str, query: &str) -> Result<(Map<String, Value>, Options), String> {
        let entry = find(name).expect("the operation exists");
        from_url(entry, vec![], query).map_err(|failure| failure.field.as_deref().unwrap_or("none").to_owned())
    }

    #[test]
    fn no_operation_with_a_query_has_a_field_called_as_a_common_parameter() {
        for entry in OPERATIONS.iter().filter(|entry| entry.declaration.input_in_query()) {
            for option in in_query() {
                assert!(entry.field(option.name).is_none(), "{} {}", entry.name(), option.name);
            }
        }
    }

    #[test]
    fn texts_become_fields_and_options() {
        let (input, options) = url(
            "projects.issue.list",
            "project=a%2Fb&labels=x&labels=y+z&limit=5&provider=forge-a&timeout_ms=250&no_cache=true",
        )
        .expect("all are known");
        assert_eq!(
            Value::from(input),
            serde_json::json!({"project": "a/b", "labels": ["x", "y z"], "limit": 5})
        );
        assert_eq!(options.provider.as_deref(), Some("forge-a"));
        assert_eq!(options.timeout, Some(Duration::from_millis(250)));
        assert!(options.no_cache && !options.include_raw);
    }

    #[test]
    fn what_is_said_to_caches_is_heeded() {
        for (lines, no_cache, no_store) in [
            (&["no-cache"][..], true, false),
            (&["No-Cache"], true, false),
            (&["max-age=0"], true, false),
            (&["max-age=\"0\""], true, false),
            (&["no-store"], false, true),
            (&["no-transform, no-cache , no-store"], true, true),
            (&["no-transform", "no-cache"], true, false),
            (&["max-age=60, min-fresh=no-cache"], false, false),
            (&["public"], false, false),
            (&[], false, false),
        ] {
            let line = |line: &&str| (CACHE_CONTROL, line.parse().expect("a header"));
            let headers: HeaderMap = lines.iter().map(line).collect();
            let mut options = Options::default();
            from_headers(&headers, &mut options).expect("nothing of it is wrong");
            assert_eq!((options.no_cache, options.no_store), (no_cache, no_store), "{lines:?}");
        }
    }

    #[test]
    fn what_cannot_be_taken_is_named() {
        for (query, field) in [
            ("colour=red", "colour"),
            ("limit=many", "limit"),
            ("limit=1&limit=2", "limit"),
            ("timeout_ms=0", "timeout_ms"),
            ("timeout_ms=-5", "timeout_ms"),
            ("no_cache=yes", "no_cache"),
            ("provider=a&provider=b", "provider"),
        ] {
            assert_eq!(
                url("projects.issue.list", query).err().as_deref(),
                Some(field),
                "{query}"
            );
        }
        assert_eq!(url("projects.issue.create", "title=x").err().as_deref(), Some("title"));
    }
}
