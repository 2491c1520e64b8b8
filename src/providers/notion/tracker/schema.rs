//! Data sources as trackers: their properties, and what the mapping makes of them.
//!
//! Invariant: what does not fit is told whole, each setting by its place, with what there is.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value};

use super::super::wire;
use super::Mapping;
use crate::wording::{list, nearest};

/// A property: names change, ids stay.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    pub id: String,
    pub name: String,
    pub kind: String,
    /// What it may hold, where that is told.
    pub options: Vec<Value>,
}

impl Property {
    /// The names of what it may hold.
    pub fn words(&self) -> Vec<String> {
        let names = self.options.iter().filter_map(|option| option["name"].as_str());
        names.map(str::to_owned).collect()
    }

    pub fn has(&self, word: &str) -> bool {
        self.options.iter().any(|option| option["name"] == word)
    }
}

/// A data source, and what its properties mean.
#[derive(Debug)]
pub struct Tracker {
    pub source: String,
    pub properties: Vec<Property>,
    pub status: Option<Property>,
    pub labels: Option<Property>,
    pub assignee: Option<Property>,
    pub due: Option<Property>,
    pub number: Option<Property>,
    pub closed: Vec<String>,
    pub close: Option<String>,
    pub not_planned: Option<String>,
    pub reopen: Option<String>,
}

impl Tracker {
    /// Reads a data source, and holds the mapping against it, which stands at this place of the settings.
    ///
    /// # Errors
    /// `precondition_failed` that tells of all that does not fit, and of what there is.
    pub fn read(json: &Value, mapping: &Mapping, place: &str) -> Result<Self, Failure> {
        let properties = properties(&json["properties"]);
        let mut drift = Drift::default();
        let mut find = |wanted: &Option<String>, setting: &'static str| {
            let name = wanted.as_deref()?;
            named(&properties, name, setting, &mut drift)
        };
        let (status, labels) = (find(&mapping.status, "status"), find(&mapping.labels, "labels"));
        let (assignee, due) = (find(&mapping.assignee, "assignee"), find(&mapping.due, "due"));
        let number = find(&mapping.number, "number");
        let only = |kind: &str| {
            let mut of = properties.iter().filter(|property| property.kind == kind);
            of.next().filter(|_| of.next().is_none()).cloned()
        };
        let status = status.or_else(|| only("status").filter(|_| mapping.status.is_none()));
        let groups = status.as_ref().map(|status| groups(&json["properties"][&status.name]));
        let mut tracker = Tracker {
            source: json["id"].as_str().unwrap_or_default().to_owned(),
            labels,
            assignee,
            due,
            number: number.or_else(|| only("unique_id")),
            closed: mapping.closed.clone(),
            close: mapping.close.clone(),
            not_planned: mapping.not_planned.clone(),
            reopen: mapping.reopen.clone(),
            status,
            properties,
        };
        tracker.check(mapping, &mut drift);
        tracker.fill(&groups.unwrap_or_default());
        match drift.told(place, &tracker.properties) {
            Some(failure) => Err(failure),
            None => Ok(tracker),
        }
    }

    /// What is not configured is taken from the groups of the status: the last one is of what is closed.
    fn fill(&mut self, groups: &[Vec<String>]) {
        let first = |group: Option<&Vec<String>>| group.and_then(|words| words.first().cloned());
        if self.closed.is_empty() && groups.len() > 1 {
            self.closed = groups.last().cloned().unwrap_or_default();
        }
        let close = self.close.take().or_else(|| self.closed.first().cloned());
        self.close = close;
        let open = first(groups.first()).filter(|word| !self.closed.contains(word));
        let reopen = self.reopen.take().or(open);
        self.reopen = reopen;
    }

    /// Whether each word that the settings give a meaning is there.
    fn check(&self, mapping: &Mapping, drift: &mut Drift) {
        let single = [
            ("close", &mapping.close),
            ("not_planned", &mapping.not_planned),
            ("reopen", &mapping.reopen),
        ];
        let closed = mapping.closed.iter().map(|word| ("closed", word));
        let words = closed.chain(
            single
                .into_iter()
                .filter_map(|(setting, word)| Some((setting, word.as_ref()?))),
        );
        // Of a status that is not there itself no word can be.
        let status = self.status.as_ref();
        if status.is_none() && mapping.status.is_some() {
            return;
        }
        for (setting, word) in words {
            match status {
                None => drift.add(setting, "the data source has no property that is the status".to_owned()),
                Some(status) if !status.has(word) => {
                    let there = status.words();
                    let meant = nearest(word, there.iter().map(String::as_str));
                    let meant = meant.map(|word| format!("; did you mean {word}?")).unwrap_or_default();
                    let (name, there) = (&status.name, list(&there, "and"));
                    drift.add(
                        setting,
                        format!("the property {name} has no option {word}, but {there}{meant}"),
                    );
                }
                Some(_) => {}
            }
        }
    }

    /// Of an operation that is about nothing but a property which the settings do not name.
    pub fn lacking(&self, place: &str, setting: &'static str) -> Failure {
        let fit = self
            .properties
            .iter()
            .filter(|property| fits(setting).contains(&property.kind.as_str()));
        let names: Vec<&str> = fit.map(|property| property.name.as_str()).collect();
        let kinds = fits(setting).join(" or ");
        let sentence = format!(
            "{place}.{setting} names no property of the data source: set it to one of type {kinds}, of which there is {}",
            list(&names, "and")
        );
        Failure::unsupported_field(format!("{place}.{setting}"), sentence).never_sent()
    }

    /// Whether a word is one of a closed issue.
    pub fn is_closed(&self, word: &str) -> bool {
        self.closed.iter().any(|closed| closed == word)
    }
}

fn properties(json: &Value) -> Vec<Property> {
    let property = |(name, said): (&String, &Value)| {
        let kind = said["type"].as_str()?.to_owned();
        let options = said[&kind]["options"].as_array().cloned().unwrap_or_default();
        Some(Property {
            id: said["id"].as_str()?.to_owned(),
            name: name.clone(),
            kind,
            options,
        })
    };
    json.as_object()
        .map(Map::iter)
        .into_iter()
        .flatten()
        .filter_map(property)
        .collect()
}

/// The types of property that a setting may name.
fn fits(setting: &str) -> &'static [&'static str] {
    match setting {
        "status" => &["status", "select"],
        "labels" => &["multi_select"],
        "assignee" => &["people"],
        "due" => &["date"],
        _ => &["unique_id"],
    }
}

fn named(all: &[Property], name: &str, setting: &'static str, drift: &mut Drift) -> Option<Property> {
    let found = all.iter().find(|property| property.name == name || property.id == name);
    let kinds = fits(setting);
    match found {
        Some(property) if kinds.contains(&property.kind.as_str()) => return Some(property.clone()),
        Some(property) => {
            let (kind, wanted) = (&property.kind, kinds.join(" or "));
            drift.add(
                setting,
                format!("the property {name} is of type {kind}, and must be of {wanted}"),
            );
        }
        None => {
            let fit = all.iter().filter(|property| kinds.contains(&property.kind.as_str()));
            let meant = nearest(name, fit.map(|property| property.name.as_str()));
            let meant = meant.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
            drift.add(setting, format!("the data source has no property {name}{meant}"));
        }
    }
    None
}

/// All in which a data source is not as the settings have it: which setting, and what is wrong.
#[derive(Default)]
struct Drift(Vec<(&'static str, String)>);

impl Drift {
    fn add(&mut self, setting: &'static str, sentence: String) {
        self.0.push((setting, sentence));
    }

    /// The failure, with the properties that there are; none where all fits.
    fn told(self, place: &str, properties: &[Property]) -> Option<Failure> {
        let (first, _) = self.0.first()?;
        let field = Arc::from(format!("{place}.{first}"));
        let wrong = self
            .0
            .iter()
            .map(|(setting, what)| format!("{place}.{setting}: {what}"));
        let there: Vec<String> = properties
            .iter()
            .map(|property| format!("{} ({})", property.name, property.kind))
            .collect();
        let wrong = wrong.collect::<Vec<_>>().join("; ");
        let sentence = format!("{wrong}; the data source has the properties {}", list(&there, "and"));
        let mut failure = Failure::new(Kind::PreconditionFailed, sentence);
        failure.field = Some(field);
        Some(failure)
    }
}

/// The words of each group of a status, in their order.
fn groups(property: &Value) -> Vec<Vec<String>> {
    let status = &property["status"];
    let name_of = |id: &Value| {
        let mut options = status["options"].as_array().into_iter().flatten();
        let option = options.find(|option| option["id"] == *id);
        option.and_then(|option| option["name"].as_str()).map(str::to_owned)
    };
    let group = |group: &Value| {
        group["option_ids"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(name_of)
            .collect()
    };
    status["groups"].as_array().into_iter().flatten().map(group).collect()
}

/// What a page says of a property.
pub fn value<'a>(page: &'a wire::Page, property: &Property) -> Option<&'a Value> {
    let found = page
        .properties
        .values()
        .find(|value| value["id"] == property.id.as_str())?;
    found.get(found["type"].as_str()?).filter(|value| !value.is_null())
}

/// The word of a page's status.
pub fn word(page: &wire::Page, tracker: &Tracker) -> Option<String> {
    let status = value(page, tracker.status.as_ref()?)?;
    status["name"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn source() -> Value {
        json!({"id": "s", "properties": {
            "Task": {"id": "title", "type": "title", "title": {}},
            "State": {"id": "f%5C%5C%3Ap", "type": "status", "status": {
                "options": [{"id": "1", "name": "Neu"}, {"id": "2", "name": "Fertig"}, {"id": "3", "name": "Verworfen"}],
                "groups": [{"name": "A", "option_ids": ["1"]}, {"name": "B", "option_ids": ["2", "3"]}]}},
            "Other": {"id": "o", "type": "select", "select": {"options": [{"id": "1", "name": "x"}]}},
            "No": {"id": "n", "type": "unique_id", "unique_id": {"prefix": "T"}}}})
    }

    /// P2: without configuration the last group is of what is closed, whatever it is called. P3: a number is one only where
    /// a property counts. N18: an id is kept as it is told.
    #[test]
    fn groups_tell_what_is_closed_where_nobody_else_does() {
        let tracker = Tracker::read(&source(), &Mapping::default(), "settings.tracker").expect("a tracker");
        assert_eq!(tracker.closed, ["Fertig", "Verworfen"]);
        assert_eq!(
            (tracker.close.as_deref(), tracker.reopen.as_deref()),
            (Some("Fertig"), Some("Neu"))
        );
        assert_eq!(tracker.number.map(|number| number.id).as_deref(), Some("n"));
        assert_eq!(tracker.status.map(|status| status.id).as_deref(), Some("f%5C%5C%3Ap"));
        let select = Mapping {
            status: Some("Other".to_owned()),
            ..Mapping::default()
        };
        let tracker = Tracker::read(&source(), &select, "settings.tracker").expect("a tracker");
        assert_eq!((tracker.closed.len(), tracker.close, tracker.reopen), (0, None, None));
    }

    /// P1: what the settings name and is not there, or is of another type, is named: all of it, with what there is.
    #[test]
    fn drift_is_told_by_its_name() {
        for (mapping, field, names) in [
            (
                json!({"labels": "Tags"}),
                "labels",
                &["no property Tags", "Task (title), State (status)"][..],
            ),
            (
                json!({"status": "Stat"}),
                "status",
                &["no property Stat; did you mean State?"],
            ),
            (
                json!({"due": "Other"}),
                "due",
                &["Other is of type select, and must be of date"],
            ),
            (
                json!({"closed": ["Gone", "Fertg"]}),
                "closed",
                &[
                    "closed: the property State has no option Gone, but Neu, Fertig and Verworfen",
                    "no option Fertg, but Neu, Fertig and Verworfen; did you mean Fertig?",
                ],
            ),
            (
                json!({"labels": "Tags", "due": "Day", "assignee": "Who", "reopen": "Auf"}),
                "labels",
                &[
                    "tracker.labels: ",
                    "tracker.due: ",
                    "tracker.assignee: ",
                    "tracker.reopen: ",
                    "No (unique_id)",
                ],
            ),
        ] {
            let mapping: Mapping = serde_json::from_value(mapping).expect("a mapping");
            let failure = Tracker::read(&source(), &mapping, "settings.tracker").expect_err("it drifted");
            assert_eq!(failure.kind, Kind::PreconditionFailed);
            assert_eq!(failure.field.as_deref(), Some(&*format!("settings.tracker.{field}")));
            for name in names {
                assert!(failure.message().contains(name), "{name}: {failure}");
            }
        }
    }

    #[test]
    fn what_the_settings_do_not_name_is_told_by_its_setting() {
        let tracker = Tracker::read(&source(), &Mapping::default(), "settings.tracker").expect("a tracker");
        let failure = tracker.lacking("settings.tracker", "status");
        assert_eq!(failure.field.as_deref(), Some("settings.tracker.status"));
        assert!(
            failure
                .message()
                .ends_with("type status or select, of which there is State and Other"),
            "{failure}"
        );
    }
}
