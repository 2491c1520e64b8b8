//! The order that has the cache forget.
//!
//! Invariant: exactly one thing is named: a key, a tag or a tier.

use mosaic_actors::cache::purge::Purge;
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::Table;
use super::{AdminOrder, Port};

/// Bytes of a tag, of a tier's name, or of a key.
const LONGEST_NAME: usize = 1024;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// One answer, by the `cache_key` that the list of calls shows.
    key: Option<String>,
    /// Every answer that carries a tag such as `repo:acme/api`.
    tag: Option<String>,
    /// All that a tier holds, by its name; `all` is every tier.
    tier: Option<String>,
}

pub(super) fn routes(table: Table<Port>) -> Table<Port> {
    table.order("/caches/purge", "Have the cache forget a key, a tag or a tier", checked)
}

fn checked(Which { key, tag, tier }: Which) -> Result<AdminOrder, Failure> {
    let named = [("key", &key), ("tag", &tag), ("tier", &tier)];
    for (field, name) in named {
        let bad = |name: &String| name.is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control);
        if name.as_ref().is_some_and(bad) {
            let sentence = format!("{field} must be 1 to {LONGEST_NAME} bytes on one line");
            return Err(Failure::invalid(field, sentence));
        }
    }
    let (purge, target) = match (key, tag, tier) {
        (Some(key), None, None) => (Purge::Key(key.parse()?), format!("key {key}")),
        // Tags are written in one case, as paths of forges are compared.
        (None, Some(tag), None) => (Purge::Tag(tag.to_lowercase().into()), format!("tag {tag}")),
        (None, None, Some(tier)) => (Purge::Tier(tier.as_str().into()), format!("tier {tier}")),
        _ => return Err(Failure::invalid("key", "give one of key, tag and tier")),
    };
    Ok(AdminOrder::PurgeCache { purge, target })
}
