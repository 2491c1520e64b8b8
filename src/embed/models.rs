//! What a file of models says and nobody hears.
//!
//! Invariant: a list that no instance is of, an instance whose models are of no list, and a name that is written almost as
//! a known one are told before the first call; a model that nobody knows yet is not.

use std::collections::BTreeSet;

use super::native::Native;
use super::notice::Notice;
use super::registry::Registry;
use crate::catalogue::cursor::CursorKey;
use crate::config::Config;
use crate::providers::models::{Models, almost};
use crate::wording::list;

/// What `models.file` does not change though it looks as if it did; nothing where it cannot be read, which is told otherwise.
pub(super) fn untouched(config: &Config, registry: &Registry) -> Vec<Notice> {
    let Some(file) = config.models.file.as_deref() else {
        return vec![];
    };
    let read = Models::read(Some(file)).ok();
    let Some((models, native)) = read.zip(Native::looking(config, CursorKey::random(), registry).ok()) else {
        return vec![];
    };
    let of = |name: &str, provider| Some((name.to_owned(), native.list_of(name, provider)?));
    let instances: Vec<_> = config
        .providers
        .iter()
        .filter_map(|(name, provider)| of(name, provider))
        .collect();
    let used: BTreeSet<&str> = instances.iter().filter_map(|(_, list)| list.as_deref()).collect();
    let filed: Vec<&str> = models.filed().keys().map(String::as_str).collect();
    let unknown = instances.iter().filter(|(_, list)| list.is_none());
    let unknown = unknown.map(|(name, _)| without_list(name, &filed));
    let unused = filed.iter().filter(|name| !used.contains(*name));
    let unused = unused.map(|name| without_instance(name, &used));
    let named = models
        .filed()
        .iter()
        .flat_map(|(list, names)| names.iter().map(move |name| (list, name)));
    let odd = named.filter_map(|(list, name)| Some(misnamed(list, name, &almost(list, name)?)));
    unknown.chain(unused).chain(odd).collect()
}

fn without_list(name: &str, filed: &[&str]) -> Notice {
    notice(
        format!("providers.{name}"),
        format!(
            "providers.{name} is a server of which no list of models is known: models.file says nothing of its models"
        ),
        format!(
            "Say by its settings.prices, or settings.profile, which list is its own: the file has {}.",
            list(filed, "and")
        ),
    )
}

fn without_instance(name: &str, used: &BTreeSet<&str>) -> Notice {
    let used: Vec<&str> = used.iter().copied().collect();
    notice(
        format!("models.file {name}"),
        format!("models.file {name}: the list is of no configured provider, and changes nothing"),
        format!(
            "Name it by settings.prices of an instance, or write it for a list that is used: {}.",
            list(&used, "and")
        ),
    )
}

fn misnamed(list: &str, name: &str, known: &str) -> Notice {
    notice(
        format!("models.file {list}"),
        format!("models.file {list}.{name:?} is written almost as {known:?}, and says nothing of that model"),
        "Write it as its provider calls it.".to_owned(),
    )
}

fn notice(subject: String, sentence: String, remedy: String) -> Notice {
    Notice {
        check: "models",
        subject,
        sentence,
        remedy,
    }
}
