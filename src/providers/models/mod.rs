//! What is known of models by tables: the one that comes along, and the file that says it better.
//!
//! Invariant: what neither says is not known; a model that the file names is as the file has it, in all of its facts.

mod file;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use futures_util::{Stream, StreamExt};
use mosaic_actors::error::Failure;
use mosaic_actors::policy::price::Prices;
use mosaic_actors::stream::Piece;

use crate::catalogue::ai::{Chat, ChatEvent, Facts, Model, Terms, Usage, Usd};
use crate::config::ConfigErrors;
use crate::providers::http::none_of;

/// The table that comes along, see its head.
const TABLE: &str = include_str!("table.toml");
/// Read once: it never changes.
static BUILT_IN: LazyLock<Result<Lists, ConfigErrors>> = LazyLock::new(|| file::own(TABLE));

/// By the list's name, then by the model's.
type Lists = BTreeMap<String, BTreeMap<String, Arc<Facts>>>;

/// All that is known.
#[derive(Clone, Debug, Default)]
pub struct Models {
    lists: Lists,
    /// The models that the file names, by their list.
    filed: BTreeMap<String, Vec<String>>,
}

impl Models {
    /// What the table that comes along knows, and a file where one is named. Blocks on file I/O.
    ///
    /// # Errors
    /// `invalid_input` on `models.file` where it cannot be read, with each fault and its place.
    pub fn load(file: Option<&Path>) -> Result<Self, Failure> {
        Models::read(file).map_err(|faults| {
            let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Failure::invalid("models.file", told.join("; "))
        })
    }

    /// As [`Models::load`].
    ///
    /// # Errors
    /// Every fault of the file, with its line; `models.file` where it is that of the whole.
    pub fn read(file: Option<&Path>) -> Result<Self, ConfigErrors> {
        let mut models = Models {
            lists: BUILT_IN.clone()?,
            filed: BTreeMap::new(),
        };
        if let Some(path) = file {
            let known: Vec<String> = models.lists.keys().cloned().collect();
            let shown = path.display().to_string();
            for (name, list) in file::lists(&file::text(path)?, &shown, &known)? {
                models.filed.insert(name.clone(), list.keys().cloned().collect());
                models.lists.entry(name).or_default().extend(list);
            }
        }
        Ok(models)
    }

    /// The names of the lists.
    pub fn lists(&self) -> impl Iterator<Item = &str> {
        self.lists.keys().map(String::as_str)
    }

    /// What is known of each model of a list.
    pub fn of_list(&self, list: &str) -> impl Iterator<Item = (&str, &Facts)> {
        let known = self.lists.get(list).into_iter().flatten();
        known.map(|(name, facts)| (name.as_str(), facts.as_ref()))
    }

    /// The models that the file names, by the names of their lists.
    pub fn filed(&self) -> &BTreeMap<String, Vec<String>> {
        &self.filed
    }
}

/// The name in the table that comes along that a name of the file is written almost as: by other capitals or marks, or with
/// more before it. Such a one says nothing of the model that is meant.
pub fn almost(list: &str, name: &str) -> Option<String> {
    let plain = |name: &str| {
        let own = name.rsplit('/').next().unwrap_or(name);
        let kept = own.chars().filter(|c| c.is_alphanumeric());
        kept.flat_map(char::to_lowercase).collect::<String>()
    };
    let table = BUILT_IN.as_ref().ok()?.get(list)?;
    let wanted = plain(name);
    let mut alike = table.keys().filter(|known| plain(known) == wanted);
    (!table.contains_key(name)).then(|| alike.next().cloned()).flatten()
}

/// What is known of the models of one instance.
#[derive(Clone, Default)]
pub struct Book {
    models: Arc<Models>,
    list: Option<Arc<str>>,
    /// The instance's own prices: all that holds where there are any.
    own: Arc<Prices>,
}

impl Book {
    /// What `list` says; without one, or by an empty name, nothing is known.
    ///
    /// # Errors
    /// `invalid_input` on `settings.prices` where there is no such list.
    pub fn new(models: &Arc<Models>, list: Option<&str>) -> Result<Self, Failure> {
        let list = list.filter(|list| !list.is_empty());
        match list.filter(|list| !models.lists.contains_key(*list)) {
            Some(name) => Err(none_of("prices", name, &models.lists().collect::<Vec<_>>())),
            None => Ok(Book {
                models: models.clone(),
                list: list.map(Arc::from),
                own: Arc::default(),
            }),
        }
    }

    /// The same, of an instance that has prices of its own.
    #[must_use]
    pub fn by(self, own: &Arc<Prices>) -> Self {
        Book {
            own: own.clone(),
            ..self
        }
    }

    /// The list that it is of.
    pub fn list(&self) -> Option<Arc<str>> {
        self.list.clone()
    }

    /// What is known of a model.
    pub fn facts(&self, model: &str) -> Option<&Facts> {
        let list = self.models.lists.get(self.list.as_deref()?)?;
        list.get(model).or_else(|| list.get(tuned(model)?)).map(Arc::as_ref)
    }

    /// A model with what is known of it.
    #[must_use]
    pub fn known(&self, model: Model) -> Model {
        let known = self.facts(&model.name).cloned();
        Model { known, ..model }
    }

    /// Tokens with what they cost: as the provider says; else by the instance's own price for the operation and the model
    /// that was `asked`, where it has any prices; else by the price of the model that `answered`, or of the one that was
    /// asked: a provider answers an alias by the name of what is behind it.
    #[must_use]
    pub fn priced(&self, usage: Usage, operation: &str, answered: &str, asked: &str) -> Usage {
        let terms = usage.terms.unwrap_or(Terms::Standard);
        let at = |model| self.facts(model)?.usd_per_million.as_ref()?.cost(terms, &usage);
        let own = || {
            let price = self
                .own
                .price_of(operation, Some(asked).filter(|model| !model.is_empty()))?;
            Some(Usd::of_nano(price.actual(&usage.into())))
        };
        let known = || match self.own.0.is_empty() {
            true => at(answered).or_else(|| at(asked)),
            false => own(),
        };
        let cost_usd: Option<Usd> = usage.cost_usd.or_else(known);
        Usage { cost_usd, ..usage }
    }

    /// The same of what was done in a batch, whatever the provider says of the terms.
    #[must_use]
    pub fn batched(&self, usage: Usage, operation: &str, model: &str) -> Usage {
        let terms = Some(Terms::Batch);
        self.priced(Usage { terms, ..usage }, operation, model, model)
    }

    /// A whole answer, its tokens priced.
    #[must_use]
    pub fn answered(&self, chat: Chat, operation: &str, asked: &str) -> Chat {
        let usage = chat
            .usage
            .map(|usage| self.priced(usage, operation, &chat.model, asked));
        Chat { usage, ..chat }
    }

    /// The events of a streamed answer, their tokens priced.
    pub fn told(
        self,
        operation: &'static str,
        asked: Arc<str>,
        events: impl Stream<Item = Result<Piece<ChatEvent>, Failure>> + Send + 'static,
    ) -> impl Stream<Item = Result<Piece<ChatEvent>, Failure>> + Send + 'static {
        let mut answered = String::new();
        events.map(move |piece| {
            Ok(match piece? {
                Piece::Item(ChatEvent::Usage { usage }) => {
                    let usage = self.priced(usage, operation, &answered, &asked);
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
    use mosaic_actors::policy::price::{Price, PriceRow};

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
        let all: Vec<_> = models.lists.values().flat_map(BTreeMap::values).collect();
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
        let cost = |usage: Usage, answered, asked| {
            book.priced(usage, "ai.chat.complete", answered, asked)
                .cost_usd
                .map(Usd::nano)
        };
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
    fn own_prices_are_all_that_holds_but_for_what_the_provider_tells() {
        let row = |model: &str, input: u64| PriceRow {
            operation: Some(Arc::from("ai.chat")),
            model: Some(Arc::from(model)),
            price: Price {
                call: 7,
                input,
                ..Price::default()
            },
        };
        let file = "[xai.a]\nwork = 'chat'\nusd_per_million.standard.input = 1\n";
        let own = Arc::new(Prices(vec![row("a", 5_000_000_000), row("mine*", 1_000_000)]));
        let book = book(Some(file)).expect("sound").by(&own);
        let cost = |operation, asked: &str, told| {
            let usage = Usage {
                cost_usd: told,
                ..read(1_000)
            };
            book.priced(usage, operation, "a", asked).cost_usd.map(Usd::nano)
        };
        assert_eq!(cost("ai.chat.complete", "a", None), Some(5_000_007));
        assert_eq!(cost("ai.chat.stream", "mine-7", None), Some(1_007));
        assert_eq!(cost("ai.chat.complete", "a", Usd::new(0.5)), Some(500_000_000));
        // Not by the table either: it would be another's price.
        assert_eq!(cost("ai.embeddings.create", "a", None), None);
    }

    #[test]
    fn every_fault_of_a_file_is_told_with_its_line_and_the_nearest_name() {
        let file = "[xai.'grok-9']\nwork = 'chatt'\nprice = 1\nmax_input_tokens = 'many'\n\
                    usd_per_million.standard.input = -1\nusd_per_million.standard.out = 1\n\
                    [oppenai.a]\nwork = 'chat'\n[openai]\nb = 7\n[openai.c]\nmax_input_tokens = 1\n";
        let failure = book(Some(file)).err().expect("refused");
        assert_eq!(failure.field.as_deref(), Some("models.file"));
        for (line, told) in [
            (2, "xai.grok-9.work: expected one of"),
            (2, "did you mean `chat`?"),
            (3, "xai.grok-9.price: unknown key"),
            (
                4,
                "xai.grok-9.max_input_tokens: expected a whole number, found a string",
            ),
            (
                6,
                "xai.grok-9.usd_per_million.standard.out: unknown key; did you mean `output`?",
            ),
            (7, "oppenai: no list of models is called so"),
            (7, "did you mean `openai`?"),
            (10, "openai.b: expected a table, found a whole number"),
            (11, "openai.c.work: is required"),
        ] {
            let mut faults = failure
                .message()
                .split("; /")
                .map(|fault| fault.trim_start_matches('/'));
            let place = format!("models.toml:{line}: ");
            assert!(
                faults.any(|fault| fault.contains(&place) && fault.contains(told)),
                "{line} {told}: {failure}"
            );
        }
        assert!(!failure.message().contains("many"), "{failure}");
    }

    #[test]
    fn a_wrong_file_is_refused_with_the_place() {
        for (text, place) in [
            (
                "[xai.a]\nwork = 'chat'\nusd_per_million.standard.input = -1\n",
                "models.toml:3: xai.a.usd_per_million.standard.input: must be US dollars per million tokens, 0 to 1000000",
            ),
            (
                "[xai.a]\nwork = 'chat'\n[[xai.a.usd_per_million.standard.above]]\ntoken = 1\n",
                "above[0].token: unknown key",
            ),
            (
                "[source]\npackage = 7\n",
                "source.package: expected a string, found a whole number",
            ),
            ("xai = 7\n", "xai: expected a table"),
            ("[xai", "models.toml:1: not valid TOML"),
        ] {
            let failure = book(Some(text)).err().expect("refused");
            assert_eq!(failure.field.as_deref(), Some("models.file"), "{text}");
            assert!(failure.message().contains(place), "{place}: {failure}");
        }
        let missing = Models::load(Some(Path::new("/nowhere/models.toml"))).expect_err("refused");
        assert!(missing.message().contains("/nowhere/models.toml"), "{missing}");
        assert!(Models::load(Some(Path::new("/dev/null"))).is_err());
    }

    #[test]
    fn a_name_that_is_written_almost_as_a_known_one_is_noticed() {
        for (name, known) in [
            ("grok-4.3", None),
            ("Grok-4.3", Some("grok-4.3")),
            ("xai/grok_4_3", Some("grok-4.3")),
            ("mine", None),
        ] {
            assert_eq!(almost("xai", name).as_deref(), known, "{name}");
        }
    }
}
