//! Pages of lists that a provider gives only whole. Pure.
//!
//! Invariant: a list that does not change between two pages is told row for row, once.

use super::super::http::pages::{Numbered, NumberedPage};
use crate::catalogue::Page;

/// The part of `all` that `page` asks for, and where it goes on.
pub fn part<T>(all: Vec<T>, list: &Numbered, page: &NumberedPage) -> Page<T> {
    let skipped = page.number.saturating_sub(1).saturating_mul(page.size);
    let total = all.len() as u64;
    let more = skipped.saturating_add(page.size) < total;
    let rows = all.into_iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX));
    let items = rows.take(usize::try_from(page.size).unwrap_or(usize::MAX)).collect();
    let mut found = Page::new(items, more.then(|| list.after(page)));
    found.total = Some(total);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_told_once() {
        const LIST: Numbered = Numbered {
            page: "page",
            size: "size",
            default: 2,
            most: 100,
        };
        let (mut cursor, mut told) = (None, vec![]);
        loop {
            let page = LIST.page(&[], None, cursor.as_deref()).unwrap();
            let found = part((0..5).collect(), &LIST, &page);
            assert_eq!(found.total, Some(5));
            told.extend(found.items);
            cursor = found.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(told, [0, 1, 2, 3, 4]);
        let beyond = LIST.page(&[], None, Some("page=18446744073709551615&size=9")).unwrap();
        assert!(part(vec![1], &LIST, &beyond).items.is_empty());
    }
}
