//! The settings in force, one by one: each with its value as it may be shown, and where it came from.
//!
//! Invariant: a secret is shown as its reference, and the reference only where that cannot be the secret itself.

use serde::Serialize;
use serde_json::{Map, Value};

use super::errors::join;
use super::schema::{Node, Schema};
use super::{Config, ConfigErrors, Origin, Origins, Report};
use crate::secret::SecretRef;

/// One setting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Its full path, e.g. `providers.forge.base_url`.
    pub path: String,
    /// Its value; null where it has none.
    pub value: Value,
    /// Who set it.
    pub source: Source,
    /// The line or the variable, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// Who set a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Nobody: the default holds.
    Default,
    /// The configuration file.
    File,
    /// A variable of the environment.
    Environment,
    /// The program that embeds the gateway.
    Program,
    /// An order, while the gateway ran.
    RunTime,
}

impl Config {
    /// Every setting, in the order of the sections. Without any origin it was made in code: what differs from the defaults
    /// is the program's then.
    ///
    /// # Errors
    /// The key whose path is not Unicode.
    pub fn settings(&self, origins: &Origins) -> Result<Vec<Setting>, ConfigErrors> {
        let (tree, default) = (self.tree()?, Config::default().tree()?);
        let schema = Schema::of::<Config>();
        let mut leaves = Vec::new();
        flatten(schema.node(), &Value::Object(tree), String::new(), &mut leaves);
        let mut defaults = Vec::new();
        flatten(schema.node(), &Value::Object(default), String::new(), &mut defaults);
        let is_default = |leaf: &(String, Value)| leaf.1.is_null() || defaults.contains(leaf);
        let told = leaves.into_iter().map(|leaf| {
            let origin = origins.get(&leaf.0);
            let source = match origin {
                Some(Origin::File { .. }) => Source::File,
                Some(Origin::Env(_)) => Source::Environment,
                Some(Origin::Default) => Source::Default,
                None if origins.is_empty() && !is_default(&leaf) => Source::Program,
                None => Source::Default,
            };
            Setting {
                path: leaf.0,
                value: leaf.1,
                source,
                origin: origin.map(ToString::to_string),
            }
        });
        Ok(told.collect())
    }

    fn tree(&self) -> Result<Map<String, Value>, ConfigErrors> {
        if let Ok(Value::Object(tree)) = serde_json::to_value(self) {
            return Ok(tree);
        }
        let mut report = Report::default();
        report.add(self.unwritable(), "must be Unicode");
        report.finish().map(|_| Map::new())
    }
}

/// Every leaf below a value. A list is one, unless tables stand in it.
fn flatten(node: Node<'_>, value: &Value, path: String, leaves: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                flatten(node.below(key), value, join(&path, key), leaves);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                flatten(node.item(), item, format!("{path}[{index}]"), leaves);
            }
        }
        Value::String(text) if node.is_secret() => {
            let shown =
                SecretRef::parse(text).map_or_else(|error| error.to_string(), |reference| reference.to_string());
            leaves.push((path, shown.into()));
        }
        leaf => leaves.push((path, leaf.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Known, KnownKind};

    #[test]
    fn each_setting_tells_who_set_it_and_a_secret_is_never_shown() {
        let known = Known {
            kinds: vec![KnownKind {
                name: "k".to_owned(),
                operations: vec!["git.repo.get".to_owned()],
                credentials: vec![crate::credential::Scheme::Token],
                ..KnownKind::default()
            }],
            operations: vec!["git.repo.get".to_owned()],
        };
        let text = "[providers.a]\nkind = \"k\"\ntoken = \"env:ghp_planted\"\n[providers.a.settings]\nx = [1]\n[[routes]]\nservice = \"git\"\nproviders = [\"a\"]\n";
        let env = [
            ("MOSAIC__SERVER__MAX_HEADERS", "50"),
            ("MOSAIC__PROVIDERS__A__BREAKER", "{ failures_to_open = 7 }"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let loaded = Config::parse(text, "m.toml", env.into_iter(), &known).unwrap();
        let settings = loaded.config.settings(&loaded.origins).unwrap();
        let told = |path: &str| {
            let setting = settings.iter().find(|setting| setting.path == path).expect(path);
            let origin = setting.origin.clone().unwrap_or_default();
            (setting.value.to_string(), setting.source, origin)
        };
        let line = |number| format!("m.toml:{number}");
        assert_eq!(told("providers.a.kind"), ("\"k\"".to_owned(), Source::File, line(2)));
        assert_eq!(
            told("providers.a.health_check"),
            ("true".to_owned(), Source::Default, String::new())
        );
        assert_eq!(
            told("providers.a.settings.x"),
            ("[1]".to_owned(), Source::File, line(5))
        );
        assert_eq!(told("routes[0].service"), ("\"git\"".to_owned(), Source::File, line(7)));
        let variable = |name: &str| ("MOSAIC__".to_owned() + name, Source::Environment);
        for (path, value, name) in [
            ("server.max_headers", "50", "SERVER__MAX_HEADERS"),
            ("providers.a.breaker.failures_to_open", "7", "PROVIDERS__A__BREAKER"),
        ] {
            let (name, source) = variable(name);
            assert_eq!(told(path), (value.to_owned(), source, format!("environment {name}")));
        }
        let shown = serde_json::to_string(&settings).unwrap();
        assert!(
            !shown.contains("planted") && told("providers.a.token").1 == Source::File,
            "{shown}"
        );
        assert_eq!(told("admin.token").0, "null");

        let mut made = Config::default();
        made.server.max_headers = 50;
        let settings = made.settings(&Origins::new()).unwrap();
        let ours: Vec<_> = settings
            .iter()
            .filter(|setting| setting.source != Source::Default)
            .collect();
        assert!(
            matches!(
                ours[..],
                [Setting {
                    source: Source::Program,
                    ..
                }]
            ),
            "{ours:?}"
        );
    }
}
