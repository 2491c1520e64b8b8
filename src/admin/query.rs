//! Query parameters of the admin surface.
//!
//! Invariant: a parameter that nobody reads is refused, and so is one that is given twice.

use http::request::Parts;
use mosaic_actors::error::Failure;

/// The parameters of one request.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads them; only `known` ones may be there.
    pub(super) fn of(parts: &Parts, known: &[&str]) -> Result<Self, Failure> {
        let mut found: Vec<(String, String)> = Vec::new();
        for (name, text) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            if !known.contains(&&*name) {
                return Err(Failure::invalid(&name, "not a parameter of this path"));
            }
            if found.iter().any(|(other, _)| *other == name) {
                return Err(Failure::invalid(&name, "given twice"));
            }
            found.push((name.into_owned(), text.into_owned()));
        }
        Ok(Query(found))
    }

    /// One of them, read.
    pub(super) fn get<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        let text = self.0.iter().find(|(known, _)| known == name).map(|(_, text)| text);
        let value = text.map(|text| read(text)).transpose();
        value.map_err(|sentence| Failure::invalid(name, sentence))
    }
}

/// `true` or `false`.
pub(super) fn flag(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "must be true or false".to_owned())
}

/// A number from 1 to `most`.
pub(super) fn up_to(most: usize) -> impl FnOnce(&str) -> Result<usize, String> {
    move |text| {
        let number = text.parse().ok().filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| format!("must be 1 to {most}"))
    }
}
