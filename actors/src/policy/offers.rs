//! Offers: what an instance is asked for by name, such as models.
//!
//! Invariant: patterns that are configured decide alone; without them the provider's own list does, as far as it is known.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;

use super::glob::glob;

/// Names that are remembered of one provider's list.
const MOST_NAMES: usize = 10_000;

/// How instances' lists are asked for.
#[derive(Clone, Copy, Debug)]
pub struct ListingSettings {
    /// How long one request may take.
    pub timeout: Duration,
    /// How long a list is relied on before it is asked for again; each wait is up to a tenth longer.
    pub every: Duration,
}

impl Default for ListingSettings {
    fn default() -> Self {
        ListingSettings {
            timeout: Duration::from_secs(3),
            every: Duration::from_secs(600),
        }
    }
}

/// What one instance offers.
#[derive(Debug, Default)]
pub struct Offers {
    patterns: Vec<Arc<str>>,
    listed: ArcSwapOption<HashSet<Arc<str>>>,
}

/// Whether an instance offers a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// It does.
    Yes,
    /// It must not be asked for it: what is configured leaves it out.
    Excluded,
    /// Its provider does not list it.
    Unlisted,
    /// Nobody knows: nothing is configured, and it lists nothing.
    Unknown,
}

impl Offers {
    /// The offers that these patterns say; without patterns, those that will be listed.
    pub fn new(patterns: &[Arc<str>]) -> Self {
        Offers {
            patterns: patterns.to_vec(),
            listed: ArcSwapOption::empty(),
        }
    }

    /// Whether there is something of exactly this name, by its provider's list or by what is configured.
    pub fn names(&self, name: &Arc<str>) -> bool {
        self.patterns.contains(name) || self.listed.load().as_ref().is_some_and(|listed| listed.contains(name))
    }

    /// Takes over the provider's list; `None`: it has none.
    pub fn list(&self, names: Option<Vec<Arc<str>>>) {
        let names = names.map(|names| Arc::new(names.into_iter().take(MOST_NAMES).collect()));
        self.listed.store(names);
    }

    /// Whether the provider's own list decides.
    pub fn is_listed(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether `name` is offered.
    pub fn offers(&self, name: &str) -> Offered {
        if !self.patterns.is_empty() {
            let matches = |pattern: &Arc<str>| glob(pattern.as_bytes(), name.as_bytes());
            return if self.patterns.iter().any(matches) {
                Offered::Yes
            } else {
                Offered::Excluded
            };
        }
        match &*self.listed.load() {
            Some(names) if names.contains(name) => Offered::Yes,
            Some(_) => Offered::Unlisted,
            None => Offered::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_decide_alone_and_a_list_where_there_are_none() {
        let configured = Offers::new(&[Arc::from("small-*"), Arc::from("exact")]);
        configured.list(Some(vec![Arc::from("large")]));
        assert_eq!(configured.offers("small-2"), Offered::Yes);
        assert_eq!(configured.offers("exact"), Offered::Yes);
        assert_eq!(configured.offers("large"), Offered::Excluded);

        let listed = Offers::new(&[]);
        assert_eq!(listed.offers("large"), Offered::Unknown);
        listed.list(Some(vec![Arc::from("large")]));
        assert_eq!(
            (listed.offers("large"), listed.offers("small")),
            (Offered::Yes, Offered::Unlisted)
        );
        listed.list(None);
        assert_eq!(listed.offers("large"), Offered::Unknown);
    }
}
