//! What stands behind the path of a request.
//!
//! Invariant: what nobody has taken is refused by its name.

use std::collections::BTreeMap;

use http::Uri;
use mosaic_actors::error::Failure;
use url::form_urlencoded;

use super::fields::must;

/// The parameters that are left of a query.
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Those of an address; of one that is given twice, the last.
    pub fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        Query(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// One of them; an empty one says nothing.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|text| !text.is_empty())
    }

    /// How many rows are wanted.
    ///
    /// # Errors
    /// `invalid_input` where it is none of 1 to `most`.
    pub fn limit(&mut self, usual: usize, most: usize) -> Result<usize, Failure> {
        let Some(text) = self.take("limit") else {
            return Ok(usual);
        };
        let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
        limit.ok_or_else(|| must("limit", &format!("be between 1 and {most}")))
    }

    /// That all were taken.
    ///
    /// # Errors
    /// `invalid_input` on the first that nobody knows.
    pub fn end(self) -> Result<(), Failure> {
        match self.0.into_keys().next() {
            Some(name) => Err(must(&name, "not be here: this parameter is not known")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_taken_or_refused() {
        let query = |text: &str| Query::of(&format!("/x?{text}").parse::<Uri>().expect("an address"));
        let mut some = query("after=a%7Eb&limit=3&odd=1");
        assert_eq!(some.take("after").as_deref(), Some("a~b"));
        assert_eq!(some.limit(20, 100).expect("a number"), 3);
        assert_eq!(some.end().expect_err("one is left").field.as_deref(), Some("odd"));
        assert_eq!(query("").limit(20, 100).expect("none"), 20);
        for wrong in ["limit=0", "limit=101", "limit=x"] {
            assert!(query(wrong).limit(20, 100).is_err(), "{wrong}");
        }
    }
}
