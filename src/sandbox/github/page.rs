//! GitHub's pagination: `page`, `per_page`, and the Link header.
//!
//! Invariant: beyond the end the way back leads to the last page.

use crate::sandbox::kit::page::Paging;

pub(crate) const PAGING: Paging = Paging {
    size: "per_page",
    default: 30,
    max: 100,
    links,
    separator: ", ",
};

/// The files of a commit.
pub(crate) const FILES: Paging = Paging {
    default: 300,
    max: 300,
    ..PAGING
};

/// The commits of a comparison.
pub(crate) const COMPARED: Paging = Paging {
    default: 250,
    max: 250,
    ..PAGING
};

/// In GitHub's order.
fn links(number: usize, last: usize) -> Vec<(&'static str, usize)> {
    let mut links = Vec::new();
    if number > 1 {
        links.push(("prev", (number - 1).min(last)));
    }
    if number < last {
        links.extend([("next", number + 1), ("last", last)]);
    }
    if number > 1 {
        links.push(("first", 1));
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::kit::page::Page;
    use crate::sandbox::kit::query::Params;

    #[test]
    fn the_link_header_names_only_pages_that_exist() {
        assert_eq!(links(1, 1), []);
        assert_eq!(links(1, 2), [("next", 2), ("last", 2)]);
        assert_eq!(links(2, 3), [("prev", 1), ("next", 3), ("last", 3), ("first", 1)]);
        assert_eq!(links(3, 3), [("prev", 2), ("first", 1)]);
        assert_eq!(
            links(9, 3),
            [("prev", 3), ("first", 1)],
            "beyond the end the way back leads to the last page"
        );
    }

    #[test]
    fn sizes_are_clamped_and_nonsense_means_the_default() {
        let page = |query: &str| PAGING.page(&Params::of(&format!("/x?{query}").parse().unwrap()));
        assert_eq!(page(""), Page { number: 1, size: 30 });
        assert_eq!(page("per_page=500&page=2"), Page { number: 2, size: 100 });
        assert_eq!(page("per_page=0&page=-1"), Page { number: 1, size: 30 });
        assert_eq!(page("page=99999999999999999999"), Page { number: 1, size: 30 });
    }
}
