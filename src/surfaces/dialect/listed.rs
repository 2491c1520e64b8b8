//! The models that a caller may ask for, of all instances together.
//!
//! Invariant: an id of the list is taken wherever a model is named; a list that some instance did not tell its part of says
//! so.

use std::collections::{BTreeMap, HashMap};

use mosaic_actors::call::{Answer, Resource};
use mosaic_actors::error::Failure;

use super::desk::Visit;
use super::pages::{Rows, Wanted, walk};
use crate::catalogue::ai::{Model, ModelsList, ModelsListInput, Warning};
use crate::catalogue::cursor::ALL;
use crate::dispatch::Aliases;

/// The most models that are listed.
const MOST: usize = 10_000;

/// A model, and the id that it is asked for by.
pub struct Listed {
    /// Its own id, where the rules find who offers it; else the neutral one, which says who does.
    pub id: String,
    /// The model.
    pub model: Model,
}

/// Models of all instances.
pub struct Models {
    /// In the order of their ids.
    pub rows: Vec<Listed>,
    /// The instances that did not tell theirs.
    pub warnings: Vec<Warning>,
    /// The last answer that they came from.
    pub answer: Answer,
}

/// All of them, of one instance where the caller names it.
///
/// # Errors
/// What the list fails with.
pub async fn models(visit: &mut Visit) -> Result<Models, Failure> {
    visit.prefer(Some(ALL));
    let wanted = Wanted {
        after: None,
        limit: MOST,
    };
    let input = |cursor| ModelsListInput { cursor, limit: None };
    let Rows {
        rows, warnings, answer, ..
    } = walk::<ModelsList, Model>(visit, wanted, input, |model| model.id.clone()).await?;
    Ok(Models {
        rows: named(rows, visit.config.dispatcher.aliases()),
        warnings,
        answer,
    })
}

/// A model by its own id, once; and where several instances offer it, by the id at each of them as well. An alias is told
/// as the first of its models that there is.
fn named(models: Vec<Model>, aliases: &Aliases) -> Vec<Listed> {
    let mut offers: HashMap<&str, usize> = HashMap::new();
    for model in &models {
        *offers.entry(&model.name).or_default() += 1;
    }
    let mut listed = BTreeMap::new();
    for model in &models {
        // A name that looks like a neutral id would be taken for one.
        let plain = Resource::parse(&model.name).instance().is_none();
        if !plain || offers[&*model.name] > 1 {
            listed.insert(model.id.clone(), model.clone());
        }
        if plain {
            listed.entry(model.name.clone()).or_insert_with(|| model.clone());
        }
    }
    for (alias, chain) in aliases.iter() {
        let mut there = chain.iter().filter_map(|target| {
            let is_it = |model: &&Model| **target == *model.id || **target == *model.name;
            models.iter().find(is_it)
        });
        if let Some(model) = there.next() {
            listed.insert(alias.to_string(), model.clone());
        }
    }
    let rows = listed.into_iter().map(|(id, model)| Listed { id, model });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_model_is_listed_once_by_its_name_and_at_each_who_offers_it() {
        let model = |id: &str, name: &str| serde_json::from_value(json!({"id": id, "name": name})).expect("a model");
        let models = vec![
            model("a~one", "one"),
            model("a~two", "two"),
            model("b~one", "one"),
            model("b~x~y", "x~y"),
        ];
        let aliases = [
            ("fast".to_owned(), vec!["gone".to_owned(), "b~one".to_owned()]),
            ("none".to_owned(), vec!["gone".to_owned()]),
        ];
        let ids: Vec<String> = named(models, &Aliases::of(&aliases.into()))
            .into_iter()
            .map(|listed| listed.id)
            .collect();
        assert_eq!(ids, ["a~one", "b~one", "b~x~y", "fast", "one", "two"]);
    }
}
