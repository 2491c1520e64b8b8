//! Walks a tree of settings along the JSON schema of [`Config`](super::Config), which is the one place where
//! keys, types and ranges are declared.
//!
//! Invariant: what the walk returns deserialises; each part that it leaves out has been reported.

use mosaic_actors::policy::scopes::Scope;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use super::billing::CreditPeriod;
use super::errors::{Report, join};
use super::outbound::ProxyConfig;
use super::redis_url::RedisUrl;
use super::routes::TimeOfDay;
use super::units;
use crate::secret::SecretRef;
use crate::wording::{self, Form, nearest};

/// The schema of the whole configuration.
pub(crate) struct Schema(Value);

impl Schema {
    pub(crate) fn of<T: schemars::JsonSchema>() -> Self {
        Schema(schemars::schema_for!(T).to_value())
    }

    /// The schema's root.
    pub(crate) fn node(&self) -> Node<'_> {
        Node {
            root: &self.0,
            at: &self.0,
        }
        .resolve()
    }
}

/// One place in the schema.
#[derive(Clone, Copy)]
pub(crate) struct Node<'s> {
    root: &'s Value,
    at: &'s Value,
}

impl<'s> Node<'s> {
    fn to(self, at: &'s Value) -> Node<'s> {
        Node { at, ..self }.resolve()
    }

    /// Follows a reference, and an optional type to the type itself. Our schema is not recursive.
    fn resolve(self) -> Node<'s> {
        if let Some(reference) = self.at["$ref"].as_str() {
            let target = self.root.pointer(reference.trim_start_matches('#'));
            return target.map_or(self, |at| self.to(at));
        }
        let is_null = |option: &&Value| option["type"] == "null";
        match self.at["anyOf"]
            .as_array()
            .map(|options| options.iter().find(|o| !is_null(o)))
        {
            Some(Some(option)) => self.to(option),
            _ => self,
        }
    }

    /// The declared keys of a table.
    pub(crate) fn properties(self) -> impl Iterator<Item = (&'s str, Node<'s>)> {
        let properties = self.at["properties"].as_object();
        properties
            .into_iter()
            .flatten()
            .map(move |(key, at)| (key.as_str(), self.to(at)))
    }

    fn property(self, key: &str) -> Option<Node<'s>> {
        self.at["properties"].get(key).map(|at| self.to(at))
    }

    /// What stands under each name, in a table whose keys are names.
    pub(crate) fn entries(self) -> Option<Node<'s>> {
        match &self.at["additionalProperties"] {
            Value::Null | Value::Bool(false) => self.is_free().then_some(self),
            entry => Some(self.to(entry)),
        }
    }

    /// What stands under a key; where nothing is declared, anything.
    pub(crate) fn below(self, key: &str) -> Node<'s> {
        self.property(key).or_else(|| self.entries()).unwrap_or(self)
    }

    /// What stands in a list.
    pub(crate) fn item(self) -> Node<'s> {
        self.to(&self.at["items"])
    }

    /// A reference to a secret.
    pub(crate) fn is_secret(self) -> bool {
        self.at["format"] == "secret-ref"
    }

    /// Anything may stand here.
    pub(crate) fn is_free(self) -> bool {
        self.at.as_bool() == Some(true) || self.at.as_object().is_some_and(Map::is_empty)
    }

    /// Whether a value of this type may stand here.
    pub(crate) fn admits(self, kind: &str) -> bool {
        match &self.at["type"] {
            Value::String(one) => one == kind,
            Value::Array(several) => several.iter().any(|one| one == kind),
            _ => kind == "string" && !self.choices().is_empty(),
        }
    }

    /// The words of an enumeration.
    fn choices(self) -> Vec<&'s str> {
        let words = self.at["enum"].as_array().into_iter().flatten();
        let documented = self.at["oneOf"].as_array().into_iter().flatten().flat_map(|option| {
            let several = option["enum"].as_array().into_iter().flatten();
            option.get("const").into_iter().chain(several)
        });
        words.chain(documented).filter_map(Value::as_str).collect()
    }

    fn bound(self, key: &str) -> Option<u64> {
        self.at[key].as_u64()
    }
}

/// Reads what stands at `path`; what the schema cannot say of a value, its type says in our words.
pub(crate) fn read<T: DeserializeOwned>(schema: &Schema, value: Value, path: &str, report: &mut Report) -> Option<T> {
    let sound = walk(schema.node(), value, path, report)?;
    let told = |error: serde_path_to_error::Error<serde_json::Error>| {
        let wrong = wording::wrong(Form::Toml, &error.path().to_string(), &error.inner().to_string());
        let place = match wrong.place.as_str() {
            "" => path.to_owned(),
            place => format!("{path}.{place}"),
        };
        report.add(&place, wrong.what);
    };
    serde_path_to_error::deserialize(sound).map_err(told).ok()
}

/// Checks `value` against `node`; answers with what may be deserialised.
pub(crate) fn walk(node: Node<'_>, value: Value, path: &str, report: &mut Report) -> Option<Value> {
    if node.is_free() {
        return Some(value);
    }
    match value {
        // A key without a value: TOML has none, but a serialised default has.
        Value::Null => None,
        Value::Object(table) if node.admits("object") => walk_table(node, table, path, report),
        Value::Array(items) if node.admits("array") => walk_list(node, items, path, report),
        Value::String(text) if node.admits("string") => {
            let sound = report_if(check_text(node, &text), path, report);
            sound.then_some(Value::String(text))
        }
        Value::Number(number) if node.admits("integer") && !number.is_f64() => {
            let sound = report_if(check_number(node, &number), path, report);
            sound.then_some(Value::Number(number))
        }
        Value::Number(number) if node.admits("number") => {
            let sound = report_if(check_fraction(node, number.as_f64()), path, report);
            sound.then_some(Value::Number(number))
        }
        Value::Bool(flag) if node.admits("boolean") => Some(Value::Bool(flag)),
        other => {
            report.add(path, format!("expected {}, found {}", wanted(node), name(&other)));
            None
        }
    }
}

fn walk_table(node: Node<'_>, table: Map<String, Value>, path: &str, report: &mut Report) -> Option<Value> {
    let mut sound = Map::new();
    let required: Vec<&str> = node.at["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut complete = true;
    for key in &required {
        if table.get(*key).is_none_or(Value::is_null) {
            complete = false;
            report.add(&join(path, key), "is required");
        }
    }
    for (key, value) in table {
        let here = join(path, &key);
        let Some(next) = node.property(&key).or_else(|| node.entries()) else {
            let suggestion = meant(&key, node);
            report.add_with(&here, "unknown key", suggestion);
            continue;
        };
        match walk(next, value, &here, report) {
            Some(value) => {
                sound.insert(key, value);
            }
            None => complete &= !required.contains(&key.as_str()),
        }
    }
    complete.then_some(Value::Object(sound))
}

/// What other programs call things, and what they are called here.
const OTHERWISE: &[(&str, &[&str])] = &[
    ("listen", &["bind", "addr", "address", "host", "port", "listen_addr"]),
    ("base_url", &["url", "endpoint", "api_base", "api_url", "server"]),
    (
        "token",
        &["api_key", "apikey", "access_token", "secret", "credential", "pat"],
    ),
    ("kind", &["type", "driver", "provider", "vendor"]),
    ("key", &["token", "value", "secret", "api_key"]),
    (
        "providers",
        &["provider", "instances", "backends", "upstreams", "targets"],
    ),
    ("resource", &["repo", "repository", "project", "path", "match"]),
    ("path", &["file", "database", "db"]),
    ("filter", &["level"]),
];

/// The key that is meant: by what others call it, else the nearest one.
fn meant(key: &str, node: Node<'_>) -> Option<String> {
    let written = key.to_ascii_lowercase().replace('-', "_");
    let otherwise = OTHERWISE
        .iter()
        .find(|(known, others)| others.contains(&written.as_str()) && node.property(known).is_some());
    match otherwise {
        Some((known, _)) => Some((*known).to_owned()),
        None => nearest(key, node.properties().map(|(key, _)| key)),
    }
}

fn walk_list(node: Node<'_>, items: Vec<Value>, path: &str, report: &mut Report) -> Option<Value> {
    let min = node.bound("minItems").unwrap_or(0);
    if (items.len() as u64) < min {
        report.add(path, format!("must hold at least {min}"));
        return None;
    }
    let max = node.bound("maxItems").unwrap_or(u64::MAX);
    if (items.len() as u64) > max {
        report.add(path, format!("must hold at most {max}"));
        return None;
    }
    let element = node.item();
    // Every element is visited before any is given up, so that all faults are found.
    let walked: Vec<Option<Value>> = items
        .into_iter()
        .enumerate()
        .map(|(index, item)| walk(element, item, &format!("{path}[{index}]"), report))
        .collect();
    walked.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
}

type Fault = (String, Option<String>);

fn report_if(fault: Result<(), Fault>, path: &str, report: &mut Report) -> bool {
    match fault {
        Ok(()) => true,
        Err((message, suggestion)) => {
            report.add_with(path, message, suggestion);
            false
        }
    }
}

fn check_text(node: Node<'_>, text: &str) -> Result<(), Fault> {
    let choices = node.choices();
    if !choices.is_empty() && !choices.contains(&text) {
        return Err((wanted_word(&choices), nearest(text, choices)));
    }
    let plain = |message: &str| (message.to_owned(), None);
    match node.at["format"].as_str() {
        Some("interval") if units::parse_interval(text).is_ok_and(|every| every.is_zero()) => Ok(()),
        Some(format @ ("duration" | "interval")) => {
            let parse = if format == "interval" {
                units::parse_interval
            } else {
                units::parse_duration
            };
            let millis = parse(text).map_err(plain)?.as_millis();
            check_range(node, "x-min", "x-max", u64::try_from(millis).ok(), |ms| {
                humantime::format_duration(std::time::Duration::from_millis(ms)).to_string()
            })
        }
        Some("size") => check_bytes(node, Some(units::parse_size(text).map_err(plain)? as u64)),
        Some("listen-address") => units::parse_listen(text).map(drop).map_err(plain),
        Some("base-url") => units::BaseUrl::parse(text).map(drop).map_err(plain),
        Some("proxy") => ProxyConfig::parse(text).map(drop).map_err(plain),
        Some("time-of-day") => TimeOfDay::parse(text).map(drop).map_err(plain),
        Some("credit-period") => CreditPeriod::parse(text).map(drop).map_err(plain),
        Some("redis-url") => RedisUrl::parse(text).map(drop).map_err(plain),
        Some("scope") => Scope::parse(text).map(drop).map_err(|e| (e.to_string(), None)),
        Some("secret-ref") => SecretRef::parse(text).map(drop).map_err(|e| (e.to_string(), None)),
        _ => {
            let max = node.bound("maxLength").unwrap_or(4096);
            if text.chars().count() as u64 > max {
                return Err((format!("must be at most {max} characters"), None));
            }
            if text.chars().any(char::is_control) {
                return Err(plain("must not contain control characters"));
            }
            Ok(())
        }
    }
}

fn check_number(node: Node<'_>, number: &Number) -> Result<(), Fault> {
    match node.at["format"].as_str() {
        Some("size") => check_bytes(node, number.as_u64()),
        _ if node.at["minimum"].as_i64().is_some_and(i64::is_negative) => check_fraction(node, number.as_f64()),
        _ => check_range(node, "minimum", "maximum", number.as_u64(), |n| n.to_string()),
    }
}

/// `None` stands for a number that has no place among the fractions, which no range holds.
fn check_fraction(node: Node<'_>, value: Option<f64>) -> Result<(), Fault> {
    let bound = |key: &str| node.at[key].as_f64();
    let (above, min, max) = (bound("exclusiveMinimum"), bound("minimum"), bound("maximum"));
    let fits = |value: f64| {
        above.is_none_or(|above| value > above)
            && min.is_none_or(|min| value >= min)
            && max.is_none_or(|max| value <= max)
    };
    if value.is_some_and(fits) {
        return Ok(());
    }
    if let (None, Some(min), Some(max)) = (above, min, max) {
        return Err((format!("must be between {min} and {max}"), None));
    }
    let bounds = [(above, "more than"), (min, "at least"), (max, "at most")];
    let words = bounds
        .iter()
        .filter_map(|(bound, words)| Some(format!("{words} {}", (*bound)?)));
    Err((format!("must be {}", words.collect::<Vec<_>>().join(" and ")), None))
}

fn check_bytes(node: Node<'_>, bytes: Option<u64>) -> Result<(), Fault> {
    check_range(node, "x-min", "x-max", bytes, |b| {
        units::format_size(usize::try_from(b).unwrap_or(usize::MAX))
    })
}

/// `None` stands for a number outside of u64, which no range holds.
fn check_range(
    node: Node<'_>,
    min: &str,
    max: &str,
    value: Option<u64>,
    print: impl Fn(u64) -> String,
) -> Result<(), Fault> {
    let (min, max) = (node.bound(min).unwrap_or(0), node.bound(max).unwrap_or(u64::MAX));
    match value {
        Some(value) if (min..=max).contains(&value) => Ok(()),
        _ => Err((format!("must be between {} and {}", print(min), print(max)), None)),
    }
}

fn wanted_word(choices: &[&str]) -> String {
    let quoted: Vec<String> = choices.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [one] => format!("expected {one}"),
        several => format!("expected one of {}", several.join(", ")),
    }
}

fn wanted(node: Node<'_>) -> String {
    let kinds = [
        ("object", "a table"),
        ("array", "a list"),
        ("string", "a string"),
        ("integer", "a whole number"),
        ("number", "a number"),
        ("boolean", "true or false"),
    ];
    let admitted: Vec<&str> = kinds
        .iter()
        .filter(|(kind, _)| node.admits(kind))
        .map(|(_, words)| *words)
        .collect();
    admitted.join(" or ")
}

fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a whole number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}
