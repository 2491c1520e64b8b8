//! Lists that are asked for by page number and page size. Pure.
//!
//! Invariant: a cursor made here holds the whole query of the next page, so that filters and page size cannot change on
//! the way through a list.

use mosaic_actors::error::Failure;
use url::form_urlencoded::{Serializer, parse};

/// How a provider names the two parameters, and the sizes that it takes.
pub struct Numbered {
    /// The number of the page, counted from 1.
    pub page: &'static str,
    /// Rows a page.
    pub size: &'static str,
    /// Rows a page where the caller does not say.
    pub default: u32,
    /// The most rows a page; a provider that is asked for more answers with fewer than it was asked for.
    pub most: u32,
}

/// One page of such a list.
#[derive(Debug, PartialEq, Eq)]
pub struct NumberedPage {
    /// The query that asks for it.
    pub query: String,
    /// Its number, from 1.
    pub number: u64,
    /// Rows asked for.
    pub size: u64,
}

impl Numbered {
    /// The first page, or the one that a cursor stands for.
    ///
    /// # Errors
    /// `invalid_input` on `cursor` where it is none of this list's.
    pub fn page(
        &self,
        filters: &[(&str, &str)],
        limit: Option<u32>,
        cursor: Option<&str>,
    ) -> Result<NumberedPage, Failure> {
        let (query, number, size) = match cursor {
            Some(query) => {
                let pair =
                    |wanted: &str| parse(query.as_bytes()).find_map(|(name, value)| number(&name, &value, wanted));
                let strange = || Failure::invalid("cursor", "this cursor does not belong to this list").never_sent();
                let (page, size) = pair(self.page).zip(pair(self.size)).ok_or_else(strange)?;
                (query.to_owned(), page, size)
            }
            None => {
                let size = u64::from(limit.unwrap_or(self.default).min(self.most));
                (self.query(filters.iter().copied(), 1, size), 1, size)
            }
        };
        Ok(NumberedPage { query, number, size })
    }

    /// The cursor of the page after `page`.
    pub fn after(&self, page: &NumberedPage) -> String {
        let filters: Vec<_> = parse(page.query.as_bytes())
            .filter(|(name, _)| name != self.page && name != self.size)
            .collect();
        let filters = filters.iter().map(|(name, value)| (&**name, &**value));
        self.query(filters, page.number.saturating_add(1), page.size)
    }

    fn query<'a>(&self, filters: impl Iterator<Item = (&'a str, &'a str)>, page: u64, size: u64) -> String {
        Serializer::new(String::new())
            .extend_pairs(filters)
            .append_pair(self.page, &page.to_string())
            .append_pair(self.size, &size.to_string())
            .finish()
    }
}

fn number(name: &str, value: &str, wanted: &str) -> Option<u64> {
    (name == wanted).then(|| value.parse().ok().filter(|number| *number > 0))?
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: Numbered = Numbered {
        page: "page",
        size: "perPage",
        default: 30,
        most: 50,
    };

    #[test]
    fn the_next_page_keeps_filters_and_size() {
        let first = LIST.page(&[("branch", "a&b")], Some(100), None).unwrap();
        assert_eq!(first.query, "branch=a%26b&page=1&perPage=50");
        let second = LIST.page(&[("branch", "other")], Some(3), Some(&LIST.after(&first)));
        assert_eq!(
            second.unwrap(),
            NumberedPage {
                query: "branch=a%26b&page=2&perPage=50".to_owned(),
                number: 2,
                size: 50
            }
        );
        assert_eq!(LIST.page(&[], None, None).unwrap().query, "page=1&perPage=30");
    }

    #[test]
    fn a_strange_cursor_is_refused() {
        for cursor in ["", "page=2", "page=0&perPage=5", "page=x&perPage=5", "perPage=5"] {
            let failure = LIST.page(&[], None, Some(cursor)).unwrap_err();
            assert_eq!(failure.field.as_deref(), Some("cursor"), "{cursor}");
        }
    }
}
