//! What is sought in the answers of an endpoint: its addresses, and the secrets of its credential.
//!
//! Invariant: a secret is replaced by as many signs.

use std::sync::Arc;

use url::Url;

use super::guards::Guards;
use super::heads;
use super::replace::Rule;
use super::terms::Host;
use crate::providers::http::Endpoint;
use crate::providers::http::credential::Token;

impl Endpoint {
    /// Those of answers to a caller who finds the instance at `ours`, to requests that bore `worn`.
    pub(super) fn guards(&self, ours: &str, hosts: &[Host], worn: Option<Arc<Token>>) -> Arc<Guards> {
        let kept = self.guards.0.load_full();
        if let Some(kept) = kept.filter(|kept| kept.are_of(ours, worn.as_ref())) {
            return kept;
        }
        let made = Arc::new(self.made(ours, hosts, worn));
        self.guards.0.store(Some(made.clone()));
        made
    }

    fn made(&self, ours: &str, hosts: &[Host], worn: Option<Arc<Token>>) -> Guards {
        let mut rules = urls(&self.base, ours);
        for host in hosts {
            if let Some(place) = self.second(host) {
                rules.extend(urls(&place, &format!("{ours}/_{}", host.name)));
            }
        }
        let bare = Default::default();
        let secrets = heads::secrets(&self.headers, worn.as_ref().map_or(&bare, |worn| &worn.headers));
        // As long as what they hide: what was said of the length stays true.
        let masks = || {
            secrets
                .iter()
                .map(|secret| Rule::text(secret, &"*".repeat(secret.len())))
        };
        rules.extend(masks());
        Guards {
            ours: ours.to_owned(),
            rules: Arc::from(rules),
            masks: masks().collect(),
            secrets,
            worn,
        }
    }
}

/// What stands for a place, in each of the ways in which JSON has it. A server behind a proxy may not know by which scheme it
/// is reached.
fn urls(place: &Url, ours: &str) -> Vec<Rule> {
    let place = place.as_str().trim_end_matches('/');
    let mut written = vec![place.to_owned()];
    match place.split_once("://") {
        Some(("https", rest)) => written.push(format!("http://{rest}")),
        Some(("http", rest)) => written.push(format!("https://{rest}")),
        _ => {}
    }
    written
        .iter()
        .flat_map(|place| {
            let escaped = |text: &str| text.replace('/', r"\/");
            [Rule::url(place, ours), Rule::url(&escaped(place), &escaped(ours))]
        })
        .collect()
}
