//! A request's parts as an input and options.
//!
//! Invariant: nothing that a client says is dropped in silence; what no field or option takes is refused by name.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName};
use mosaic_actors::error::Failure;
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::catalogue::Entry;
use crate::dispatch::options::{CallOption, OPTIONS, Options};
use crate::wording::{list, nearest};

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
            return Err(unknown(&name, entry, in_query));
        };
        insert_once(&mut input, &name, field.parse(&texts)?)?;
    }
    Ok((input, options))
}

/// Names the parameters that there are, and the one that may be meant.
fn unknown(name: &str, entry: &Entry, in_query: bool) -> Failure {
    if !in_query && entry.field(name).is_some() {
        let sentence = format!("{name} is a field of the body of {}, and no parameter", entry.name());
        return Failure::invalid(name, sentence);
    }
    let in_path = |field: &&str| entry.declaration.path.contains(&format!("{{{field}}}"));
    let fields = entry.fields.iter().map(|field| field.name.as_str());
    let fields = fields.filter(|field| in_query && !in_path(field));
    let known: Vec<&str> = fields.chain(self::in_query().map(|option| option.name)).collect();
    let meant = nearest(name, known.iter().copied()).map(|meant| format!("; did you mean {meant}?"));
    let sentence = format!(
        "{name} is not a parameter of {}{} It has {}",
        entry.name(),
        meant.as_deref().unwrap_or("."),
        list(&known, "and")
    );
    Failure::invalid(name, sentence)
}

/// The options that headers carry. Their names are made once: to look for one that is not there costs a hash.
static IN_HEADERS: LazyLock<Vec<(&CallOption, HeaderName)>> = LazyLock::new(|| {
    let named = |option: &'static CallOption| Some((option, HeaderName::from_bytes(option.header?.as_bytes()).ok()?));
    OPTIONS.iter().filter_map(named).collect()
});

/// Adds the options that the headers give; the dispatcher checks their form.
///
/// # Errors
/// `invalid_input` naming the option, where it has no such value, or its header is given several times and is no list.
pub fn from_headers(headers: &HeaderMap, options: &mut Options) -> Result<(), Failure> {
    for (option, header) in IN_HEADERS.iter() {
        read_header(option, header, headers, options)?;
    }
    heed_cache_control(headers, options);
    Ok(())
}

/// Adds those that say something of the call itself, whatever it asks for: of a request that is passed through, all else is
/// its provider's.
///
/// # Errors
/// As [`from_headers`].
pub fn passed(headers: &HeaderMap, options: &mut Options) -> Result<(), Failure> {
    let rows = IN_HEADERS.iter().filter(|(option, _)| option.passed);
    rows.into_iter()
        .try_for_each(|(option, header)| read_header(option, header, headers, options))
}

fn read_header(
    option: &CallOption,
    header: &HeaderName,
    headers: &HeaderMap,
    options: &mut Options,
) -> Result<(), Failure> {
    // Bytes that are no text become a character that no option may have.
    let given = headers.get_all(header).iter();
    let texts: Vec<_> = given
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect();
    match texts.len() {
        0 => Ok(()),
        count if count == 1 || option.repeats() => option.read(&texts, options),
        _ => {
            let header = option.header.unwrap_or(option.name);
            Err(Failure::invalid(option.name, format!("give one {header}, not several")))
        }
    }
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

    use mosaic_actors::call::{Performance, Priority};

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
    fn every_option_with_a_header_is_looked_for_in_it() {
        let count = OPTIONS.iter().filter(|option| option.header.is_some()).count();
        assert_eq!(IN_HEADERS.len(), count);
    }

    #[test]
    fn what_is_said_of_the_call_is_read_from_headers() {
        let read = |lines: &[(&'static str, &'static str)], read: Reader| {
            let line = |(name, text): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), http::HeaderValue::from_static(text))
            };
            let mut options = Options::default();
            let headers: HeaderMap = lines.iter().map(line).collect();
            read(&headers, &mut options)
                .map(|()| options)
                .map_err(|failure| failure.field.as_deref().unwrap_or("none").to_owned())
        };
        let lines = [
            ("x-mosaic-priority", "low"),
            ("x-mosaic-performance", "best_effort"),
            ("x-mosaic-labels", "team=web,run=1"),
            ("x-mosaic-labels", "x=y"),
            ("x-mosaic-affinity", "thread-7"),
            ("idempotency-key", "k"),
        ];
        for (reader, key) in [(from_headers as Reader, Some("k")), (passed, None)] {
            let options = read(&lines, reader).expect("sound");
            assert_eq!(options.priority, Some(Priority::Low));
            assert_eq!(options.performance, Some(Performance::BestEffort));
            let names: Vec<&str> = options.labels.iter().map(|(name, _)| &**name).collect();
            assert_eq!(names, ["team", "run", "x"]);
            assert_eq!(options.affinity.as_deref(), Some("thread-7"));
            assert_eq!(options.idempotency_key.as_deref(), key);
        }
        for (lines, field) in [
            (&[("x-mosaic-priority", "urgent")][..], "priority"),
            (
                &[("x-mosaic-priority", "low"), ("x-mosaic-priority", "low")],
                "priority",
            ),
            (&[("x-mosaic-performance", "LOW_LATENCY")], "performance"),
            (&[("x-mosaic-labels", "web")], "labels"),
            (&[("x-mosaic-affinity", "a"), ("x-mosaic-affinity", "b")], "affinity"),
        ] {
            for reader in [from_headers as Reader, passed] {
                assert_eq!(read(lines, reader).err().as_deref(), Some(field), "{lines:?}");
            }
        }
    }

    type Reader = fn(&HeaderMap, &mut Options) -> Result<(), Failure>;

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
        let told = |name: &str, query: &str| {
            let entry = find(name).expect("the operation exists");
            let failure = from_url(entry, vec![], query).expect_err("refused");
            failure.message().to_owned()
        };
        let meant = told("git.repo.list", "limti=5");
        assert!(
            meant.contains("did you mean limit? It has ") && meant.contains("provider"),
            "{meant}"
        );
        let other = told("git.repo.list", "zzzzz=5");
        assert!(
            other.contains("git.repo.list. It has ") && other.contains("cursor"),
            "{other}"
        );
        assert!(told("projects.issue.create", "title=x").contains("a field of the body"));
        assert_eq!(url("projects.issue.create", "title=x").err().as_deref(), Some("title"));
    }
}
