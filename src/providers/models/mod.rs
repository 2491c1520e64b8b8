//! What is known of models by tables: the one that comes along, and the file that says it better.
//!
//! Invariant: what neither says is not known; a model that the file names is as the file has it, in all of its facts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use futures_util::{Stream, StreamExt};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;
use serde::Deserialize;

use crate::catalogue::ai::{Chat, ChatEvent, Facts, Model, Terms, Usage, Usd};

/// The table that comes along, see its head.
const TABLE: &str = include_str!("table.toml");
/// The most bytes that a file may have.
const MOST_BYTES: u64 = 16 << 20;

/// Read once: it never changes.
static BUILT_IN: LazyLock<Result<Models, String>> = LazyLock::new(|| read(TABLE).map_err(|error| error.to_string()));

/// By the list's name, then by the model's.
type Lists = BTreeMap<String, BTreeMap<String, Arc<Facts>>>;

/// All that is known.
#[derive(Clone, Debug, Default)]
pub struct Models(Lists);

/// Where a table is from.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    package: String,
    version: String,
    date: String,
}

#[derive(Deserialize)]
struct Table {
    source: Option<Source>,
    #[serde(flatten)]
    lists: BTreeMap<String, BTreeMap<String, Facts>>,
}

fn read(text: &str) -> Result<Models, toml::de::Error> {
    let Table { source, lists } = toml::from_str(text)?;
    let source = source.map(|Source { package, version, date }| format!("{package} {version} of {date}"));
    let sourced = |facts: Facts| {
        let source = source.clone().or(facts.source);
        Arc::new(Facts { source, ..facts })
    };
    let models = |list: BTreeMap<String, Facts>| list.into_iter().map(|(name, facts)| (name, sourced(facts))).collect();
    Ok(Models(
        lists.into_iter().map(|(name, list)| (name, models(list))).collect(),
    ))
}

impl Models {
    /// What the table that comes along knows, and a file where one is named. Blocks on file I/O.
    ///
    /// # Errors
    /// `invalid_input` on `models.file` where it cannot be read, with the place of the fault.
    pub fn load(file: Option<&Path>) -> Result<Self, Failure> {
        let built_in = BUILT_IN
            .as_ref()
            .map_err(|error| Failure::new(Kind::Internal, format!("the table of models is wrong: {error}")))?;
        let mut models = built_in.clone();
        if let Some(file) = file {
            models
                .lay_over(file)
                .map_err(|fault| Failure::invalid("models.file", fault))?;
        }
        Ok(models)
    }

    fn lay_over(&mut self, file: &Path) -> Result<(), String> {
        let shown = file.display();
        let unread = |error: std::io::Error| format!("{shown} cannot be read: {error}");
        let about = std::fs::metadata(file).map_err(unread)?;
        // A pipe would be waited for.
        if !about.is_file() || about.len() > MOST_BYTES {
            return Err(format!("{shown} must be a file of {MOST_BYTES} bytes at most"));
        }
        let text = std::fs::read_to_string(file).map_err(unread)?;
        let Models(lists) = read(&text).map_err(|error| format!("{shown}: {error}"))?;
        for (name, list) in lists {
            let known = self.0.keys().cloned().collect::<Vec<_>>().join(", ");
            let Some(under) = self.0.get_mut(&name) else {
                return Err(format!(
                    "{shown}: there is no list {name:?} of models; there are {known}"
                ));
            };
            let source = shown.to_string();
            under.extend(list.into_iter().map(|(model, facts)| {
                let source = facts.source.clone().or(Some(source.clone()));
                (
                    model,
                    Arc::new(Facts {
                        source,
                        ..(*facts).clone()
                    }),
                )
            }));
        }
        Ok(())
    }

    /// The names of the lists.
    pub fn lists(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// What is known of the models of one instance.
#[derive(Clone, Default)]
pub struct Book {
    models: Arc<Models>,
    list: Option<Arc<str>>,
}

impl Book {
    /// What `list` says; without one, or by an empty name, nothing is known.
    ///
    /// # Errors
    /// `invalid_input` on `settings.prices` where there is no such list.
    pub fn new(models: &Arc<Models>, list: Option<&str>) -> Result<Self, Failure> {
        let list = list.filter(|list| !list.is_empty());
        match list.filter(|list| !models.0.contains_key(*list)) {
            Some(_) => {
                let names: Vec<_> = models.lists().collect();
                let sentence = format!("settings.prices is one of {}", names.join(", "));
                Err(Failure::invalid("settings.prices", sentence))
            }
            None => Ok(Book {
                models: models.clone(),
                list: list.map(Arc::from),
            }),
        }
    }

    /// What is known of a model.
    pub fn facts(&self, model: &str) -> Option<&Facts> {
        let list = self.models.0.get(self.list.as_deref()?)?;
        list.get(model).or_else(|| list.get(tuned(model)?)).map(Arc::as_ref)
    }

    /// A model with what is known of it.
    #[must_use]
    pub fn known(&self, model: Model) -> Model {
        let known = self.facts(&model.name).cloned();
        Model { known, ..model }
    }

    /// Tokens with what they cost: as the provider says, else by the price of the model that `answered`, else of the one
    /// that was `asked`: a provider answers an alias by the name of what is behind it.
    #[must_use]
    pub fn priced(&self, usage: Usage, answered: &str, asked: &str) -> Usage {
        let terms = usage.terms.unwrap_or(Terms::Standard);
        let at = |model| self.facts(model)?.usd_per_million.as_ref()?.cost(terms, &usage);
        let cost_usd: Option<Usd> = usage.cost_usd.or_else(|| at(answered)).or_else(|| at(asked));
        Usage { cost_usd, ..usage }
    }

    /// The same of what was done in a batch, whatever the provider says of the terms.
    #[must_use]
    pub fn batched(&self, usage: Usage, model: &str) -> Usage {
        let terms = Some(Terms::Batch);
        self.priced(Usage { terms, ..usage }, model, model)
    }

    /// A whole answer, its tokens priced.
    #[must_use]
    pub fn answered(&self, chat: Chat, asked: &str) -> Chat {
        let usage = chat.usage.map(|usage| self.priced(usage, &chat.model, asked));
        Chat { usage, ..chat }
    }

    /// The events of a streamed answer, their tokens priced.
    pub fn told(
        self,
        asked: Arc<str>,
        events: impl Stream<Item = Result<Piece<ChatEvent>, Failure>> + Send + 'static,
    ) -> impl Stream<Item = Result<Piece<ChatEvent>, Failure>> + Send + 'static {
        let mut answered = String::new();
        events.map(move |piece| {
            Ok(match piece? {
                Piece::Item(ChatEvent::Usage { usage }) => {
                    let usage = self.priced(usage, &answered, &asked);
                    Piece::Item(ChatEvent::Usage { usage })
                }
                piece => {
                    if let Piece::Item(ChatEvent::Start { model, .. }) = &piece {
                        answered.clone_from(model);
                    }
                    piece
                }
            })
        })
    }
}

/// `ft:MODEL`, of a model that was tuned: `ft:MODEL:ORGANISATION::ID`.
fn tuned(model: &str) -> Option<&str> {
    let name = model.strip_prefix("ft:")?;
    let end = name.find(':')?;
    Some(&model[..end + "ft:".len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(file: Option<&str>) -> Result<Book, Failure> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("models.toml");
        if let Some(text) = file {
            std::fs::write(&path, text).expect("written");
        }
        let models = Models::load(file.map(|_| path.as_path()))?;
        Book::new(&Arc::new(models), Some("xai"))
    }

    fn read(input_tokens: u64) -> Usage {
        Usage {
            input_tokens,
            ..Usage::default()
        }
    }

    #[test]
    fn the_table_that_comes_along_is_sound() {
        let models = Models::load(None).expect("sound");
        let all: Vec<_> = models.0.values().flat_map(BTreeMap::values).collect();
        assert!(all.len() > 500, "{}", all.len());
        for facts in all {
            assert!(facts.source.as_deref().is_some_and(|source| source.contains("litellm")));
            for rates in facts
                .usd_per_million
                .iter()
                .filter_map(|prices| prices.standard.as_ref())
            {
                let long = |rates: &crate::catalogue::ai::Rates| rates.tokens.is_some() && rates.above.is_empty();
                assert!(rates.tokens.is_none() && rates.above.iter().all(long), "{rates:?}");
                assert!(rates.above.is_sorted_by_key(|rates| rates.tokens), "{rates:?}");
            }
        }
    }

    #[test]
    fn the_answered_model_is_priced_before_the_asked_one_and_a_told_cost_before_both() {
        let file = "[xai.a]\nwork = 'chat'\nusd_per_million = { standard = { input = 1 }, flex = { input = 0.5 } }\n\
                    [xai.'ft:b']\nwork = 'chat'\nusd_per_million.standard = { input = 2 }\n";
        let book = book(Some(file)).expect("sound");
        let cost = |usage: Usage, answered, asked| book.priced(usage, answered, asked).cost_usd.map(Usd::nano);
        assert_eq!(cost(read(1), "ft:b:acme::1", "a"), Some(2000));
        assert_eq!(cost(read(1), "a-2026", "a"), Some(1000));
        assert_eq!(cost(read(1), "c", "d"), None);
        let told = Usage {
            cost_usd: Usd::new(0.5),
            ..read(1)
        };
        assert_eq!(cost(told, "a", "a"), Some(500_000_000));
        let on = |terms| Usage {
            terms: Some(terms),
            ..read(1)
        };
        assert_eq!(cost(on(Terms::Flex), "a", "a"), Some(500));
        assert_eq!(cost(on(Terms::Priority), "a", "a"), None);
        assert!(
            book.facts("a")
                .and_then(|facts| facts.source.clone())
                .is_some_and(|source| source.ends_with("models.toml"))
        );
        // What it does not name is as it was.
        assert!(book.facts("grok-4.3").is_some());
    }

    #[test]
    fn a_wrong_file_is_refused_with_the_place() {
        for (text, place) in [
            ("[xai.a]\nwork = 'chat'\nprice = 1\n", "price"),
            ("[xai.a]\nwork = 'play'\n", "play"),
            (
                "[xai.a]\nwork = 'chat'\nusd_per_million.standard.input = -1\n",
                "0 to 1000000",
            ),
            ("[nobody.a]\nwork = 'chat'\n", "nobody"),
            ("[xai", "1"),
        ] {
            let failure = book(Some(text)).err().expect("refused");
            assert_eq!(failure.field.as_deref(), Some("models.file"), "{text}");
            assert!(failure.message().contains(place), "{failure}");
        }
        let missing = Models::load(Some(Path::new("/nowhere/models.toml"))).expect_err("refused");
        assert!(missing.message().contains("/nowhere/models.toml"), "{missing}");
        assert!(Models::load(Some(Path::new("/dev/null"))).is_err());
    }
}
