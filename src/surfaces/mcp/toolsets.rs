//! Toolsets: which of its tools an agent is shown.
//!
//! Invariant: a toolset only ever hides; what a caller may do is decided elsewhere.

use http::HeaderMap;
use mosaic_actors::error::Failure;
use url::form_urlencoded;

use crate::catalogue::{Catalogue, Entry};
use crate::wording::{list, nearest};

/// What most agents need.
const CORE: &str = "core";
/// What there is of the administration.
const ADMIN: &str = "admin";
/// Everything.
const ALL: &str = "all";
/// The query parameter that names some.
const PARAMETER: &str = "toolsets";
/// The header that does.
const HEADER: &str = "x-mosaic-toolsets";

/// Those that somebody is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Toolsets(Vec<String>);

impl Toolsets {
    /// Those of these names, which there are.
    pub(super) fn named(names: Vec<String>) -> Self {
        Toolsets(names)
    }

    /// Those that a request asks for, if it asks for any: `toolsets=git,cicd` in the query, or the same in a header.
    ///
    /// # Errors
    /// `invalid_input` on `toolsets`, with the nearest name.
    pub(super) fn asked(query: &str, headers: &HeaderMap, catalogue: &Catalogue) -> Result<Option<Self>, Failure> {
        let in_query = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == PARAMETER);
        let mut texts: Vec<String> = in_query.map(|(_, text)| text.into_owned()).collect();
        for value in headers.get_all(HEADER) {
            let text = value.to_str();
            let text = text.map_err(|_| Failure::invalid(PARAMETER, "the toolsets' names are ASCII letters"))?;
            texts.push(text.to_owned());
        }
        match texts.is_empty() {
            true => Ok(None),
            false => Self::read(&texts.join(","), catalogue).map(Some),
        }
    }

    /// Those of a text such as `git,cicd`.
    ///
    /// # Errors
    /// As [`Toolsets::asked`].
    pub(super) fn read(text: &str, catalogue: &Catalogue) -> Result<Self, Failure> {
        let mut known = vec![CORE, ADMIN, ALL];
        for entry in catalogue.iter() {
            let service = entry.declaration.facts.service;
            if !known.contains(&service) {
                known.push(service);
            }
        }
        let mut names = Vec::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if !known.contains(&name) {
                let sentence = format!("there is no such toolset; there are {}", list(&known, "and"));
                let failure = Failure::invalid(PARAMETER, sentence);
                return Err(match nearest(name, known.iter().copied()) {
                    Some(meant) => failure.also(&format!("did you mean {meant}?")),
                    None => failure,
                });
            }
            names.push(name.to_owned());
        }
        match names.is_empty() {
            true => Err(Failure::invalid(PARAMETER, "no toolset is named")),
            false => Ok(Toolsets(names)),
        }
    }

    /// Whether an operation is in one of them.
    pub(super) fn have(&self, entry: &Entry) -> bool {
        let declaration = entry.declaration;
        self.0.iter().any(|name| match &**name {
            ALL => true,
            CORE => declaration.common,
            service => declaration.facts.service == service,
        })
    }

    /// Whether the administration is.
    pub(super) fn have_administration(&self) -> bool {
        self.0.iter().any(|name| name == ADMIN || name == ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(toolsets: &Toolsets) -> usize {
        let catalogue = Catalogue::built_in();
        catalogue.iter().filter(|entry| toolsets.have(entry)).count()
    }

    #[test]
    fn few_are_shown_unasked_and_all_where_all_are_wanted() {
        let catalogue = Catalogue::built_in();
        let of = |text| Toolsets::read(text, &catalogue).expect("there are such");
        let core = shown(&of("core"));
        assert!((18..=26).contains(&core), "{core}");
        assert_eq!(shown(&of("all")), catalogue.iter().count());
        let both = shown(&of("git, docs"));
        assert_eq!(both, shown(&of("git")) + shown(&of("docs")));
        assert!(of("admin,git").have_administration() && !of("git").have_administration());
    }

    #[test]
    fn a_wrong_name_is_told_with_the_right_one() {
        let catalogue = Catalogue::built_in();
        let headers = HeaderMap::new();
        let failure = Toolsets::asked("toolsets=gti", &headers, &catalogue).expect_err("no such");
        assert!(failure.message().contains("did you mean git?"), "{}", failure.message());
        assert!(Toolsets::asked("toolsets=", &headers, &catalogue).is_err());
        assert_eq!(Toolsets::asked("other=1", &headers, &catalogue).expect("none"), None);
    }
}
