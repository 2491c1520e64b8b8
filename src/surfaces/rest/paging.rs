//! Where a list goes on, as a link (RFC 8288).
//!
//! Invariant: the link is there exactly where the page has a `next_cursor`, and asks for the same with that cursor. The page is
//! not parsed for it.

use http::{HeaderValue, Uri};
use url::form_urlencoded;

use super::super::mount::Mount;

/// The parameter that takes a cursor.
const CURSOR: &str = "cursor";

/// The link to the page behind `page`, of the list that was asked for by `uri`.
pub(super) fn next(page: &[u8], mount: &Mount, uri: &Uri) -> Option<HeaderValue> {
    let cursor = cursor_of(page)?;
    let asked = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(asked.filter(|(name, _)| name != CURSOR));
    query.append_pair(CURSOR, cursor);
    let (mount, path) = (mount.path(), uri.path());
    HeaderValue::try_from(format!("<{mount}{path}?{}>; rel=\"next\"", query.finish())).ok()
}

/// The cursor at a page's end. Behind its rows a page always tells whether there are more, and nothing else that is told there
/// can hold these words: in a text their quotes are escaped.
fn cursor_of(page: &[u8]) -> Option<&str> {
    let page = std::str::from_utf8(page).ok()?;
    let (before, _) = page.rsplit_once(",\"has_more\":")?;
    let (before, cursor) = before.strip_suffix('"')?.rsplit_once('"')?;
    before.ends_with("\"next_cursor\":").then_some(cursor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Page;
    use crate::catalogue::page::PartialError;
    use serde_json::{Value, json};

    /// As every page is written.
    fn written(rows: Vec<Value>, next: Option<&str>) -> String {
        let mut page = Page::new(rows, next.map(str::to_owned));
        page.total = Some(7);
        page.errors = vec![PartialError {
            provider: "forge-b".to_owned(),
            code: "timeout".to_owned(),
            message: r#"it said ,"next_cursor":"x","has_more":true"#.to_owned(),
            retryable: true,
        }];
        serde_json::to_string(&page).expect("a page")
    }

    #[test]
    fn the_next_page_is_asked_for_as_this_one_was() {
        let of = |page: &str, uri: &'static str| {
            let link = next(page.as_bytes(), &Mount::default(), &Uri::from_static(uri))?;
            Some(link.to_str().expect("ASCII").to_owned())
        };
        // A provider's own JSON may have the same words.
        let row = json!({ "raw": { "next_cursor": "theirs", "has_more": true } });
        let (more, last) = (written(vec![row.clone()], Some("c1_-")), written(vec![row], None));
        for (uri, link) in [
            ("/v1/git/repos", "</v1/git/repos?cursor=c1_->; rel=\"next\""),
            (
                "/v1/projects/issues?project=a%2Fb&cursor=c0&labels=x&labels=y+z",
                "</v1/projects/issues?project=a%2Fb&labels=x&labels=y+z&cursor=c1_->; rel=\"next\"",
            ),
        ] {
            assert_eq!(of(&more, uri).as_deref(), Some(link));
            assert_eq!(of(&last, uri), None);
        }
        for odd in ["", "{}", "[]", r#"{"has_more":true}"#, "\u{e9}"] {
            assert_eq!(of(odd, "/v1/git/repos"), None, "{odd}");
        }
        assert_eq!(next(b"\xff", &Mount::default(), &Uri::from_static("/")), None);
    }
}
