//! The query of a request.
//!
//! Invariant: a query for another page differs from its own in nothing but `page`.

use http::Uri;
use url::form_urlencoded::{Serializer, parse};

/// The query of a request, decoded.
#[derive(Clone, Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub fn of(uri: &Uri) -> Self {
        Self(parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// The last value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A number above 0.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.get(name)?.parse().ok().filter(|number| *number > 0)
    }

    /// The same query for another page.
    pub fn at_page(&self, number: usize) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(self.0.iter().filter(|(key, _)| key != "page"));
        query.append_pair("page", &number.to_string());
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_parameters_survive_in_the_links() {
        let params = Params::of(&"/x?page=1&labels=help%20wanted&per_page=5".parse().unwrap());
        assert_eq!(params.at_page(2), "labels=help+wanted&per_page=5&page=2");
    }
}
