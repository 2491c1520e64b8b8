//! What was sent and never answered: blocks that may stand in a page by now.
//!
//! Invariant: only what stands where it was put, as it was sent, and was not there before is taken for ours.

use mosaic_actors::error::Failure;
use serde_json::Value;
use tokio::time::Instant;

use super::{Notion, rich};

/// Where blocks are put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    End,
    Start,
    After(String),
}

/// What an operation has put into a page or block.
#[derive(Debug, Default)]
pub struct Written {
    /// The blocks that were made, as they came to be.
    pub ids: Vec<String>,
    /// Those that stood there before; none where nobody has looked.
    pub before: Option<Vec<String>>,
    /// What is sent, and whose answer is not there: it may be done, or still come to be done.
    pub open: Option<Sent>,
}

impl Written {
    /// Whether nothing of it can be there.
    pub fn is_nothing(&self) -> bool {
        self.ids.is_empty() && self.open.is_none()
    }
}

/// Blocks of one request.
#[derive(Debug)]
pub struct Sent {
    pub holder: String,
    pub at: At,
    pub blocks: Vec<Value>,
}

/// Whether a request that failed may have been done all the same.
pub fn in_doubt(failure: &Failure) -> bool {
    !failure.unsent && failure.kind.leaves_in_doubt()
}

impl Sent {
    /// The ids of those of its blocks that have come to stand among `rows`, from the first one on.
    fn among(&self, rows: &[Value], written: &Written) -> Vec<String> {
        let behind = |id: &String| rows.iter().position(|row| row["id"] == id.as_str()).map(|at| at + 1);
        let is_old = |row: &Value| {
            let mut known = written.ids.iter().chain(written.before.iter().flatten());
            known.any(|id| row["id"] == id.as_str())
        };
        let first = match (&self.at, written.ids.last(), &written.before) {
            (At::Start, ..) => Some(0),
            (At::After(id), ..) | (At::End, Some(id), _) => behind(id),
            (At::End, None, Some(_)) => Some(rows.iter().rposition(is_old).map_or(0, |at| at + 1)),
            // What stands at the end may have stood there before.
            (At::End, None, None) => None,
        };
        let rows = rows.iter().skip(first.unwrap_or(rows.len()));
        rows.zip(&self.blocks)
            .take_while(|(row, sent)| !is_old(row) && is_same(row, sent))
            .filter_map(|(row, _)| row["id"].as_str().map(str::to_owned))
            .collect()
    }
}

/// Whether a block says what was sent.
fn is_same(row: &Value, sent: &Value) -> bool {
    let text = |block: &Value| {
        let name = block["type"].as_str().unwrap_or_default();
        rich::plain(&rich::read(&block[name]["rich_text"], None))
    };
    row["type"] == sent["type"] && text(row) == text(sent)
}

impl Notion {
    /// All blocks that an operation has put there, as far as they can be known, and whether there can be no others.
    pub(super) async fn all_of(&self, written: &Written, deadline: Instant) -> (Vec<String>, bool) {
        let mut all = written.ids.clone();
        let Some(sent) = &written.open else {
            return (all, true);
        };
        let found = match self.children_of(&sent.holder, deadline).await {
            Ok(rows) => sent.among(&rows, written),
            Err(failure) => {
                tracing::debug!(%failure, "whether a part without an answer was written cannot be seen");
                vec![]
            }
        };
        // What is not there yet may be on its way still.
        let whole = found.len() == sent.blocks.len();
        all.extend(found);
        (all, whole)
    }
}

#[cfg(test)]
mod tests {
    use mosaic_actors::error::Kind;
    use serde_json::json;

    use super::*;

    fn block(id: Option<&str>, text: &str) -> Value {
        let text = json!([{"type": "text", "text": {"content": text}, "plain_text": text}]);
        json!({"id": id, "type": "paragraph", "paragraph": {"rich_text": text}})
    }

    fn found(at: At, ids: &[&str], before: Option<&[&str]>, rows: &[(&str, &str)]) -> Vec<String> {
        let strings = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let sent = Sent {
            holder: "p".to_owned(),
            at,
            blocks: vec![block(None, "x"), block(None, "y")],
        };
        let written = Written {
            ids: strings(ids),
            before: before.map(strings),
            open: None,
        };
        let rows: Vec<Value> = rows.iter().map(|(id, text)| block(Some(id), text)).collect();
        sent.among(&rows, &written)
    }

    #[test]
    fn only_what_was_sent_is_found_where_it_was_put() {
        let page = [("a", "x"), ("b", "y"), ("c", "x"), ("d", "y")];
        let behind = || At::After("b".to_owned());
        assert_eq!(found(behind(), &[], None, &page), ["c", "d"]);
        assert_eq!(found(At::End, &["a", "b"], None, &page), ["c", "d"]);
        assert_eq!(found(At::End, &[], Some(&["a", "b"]), &page), ["c", "d"]);
        assert_eq!(found(At::End, &[], Some(&[]), &page[..2]), ["a", "b"]);
        assert_eq!(found(At::Start, &[], Some(&["c", "d"]), &page), ["a", "b"]);
        // What is in part there, is of somebody else, was there before, or cannot be told apart.
        assert_eq!(found(behind(), &[], None, &page[..3]), ["c"]);
        assert!(found(behind(), &[], None, &[("b", "y"), ("c", "other")]).is_empty());
        assert!(found(behind(), &[], Some(&["b", "c", "d"]), &page).is_empty());
        assert!(found(At::End, &[], None, &page).is_empty());
        assert!(found(At::After("gone".to_owned()), &[], None, &page).is_empty());
    }

    #[test]
    fn a_refusal_leaves_nothing_in_doubt() {
        for (kind, doubt) in [
            (Kind::Timeout, true),
            (Kind::Network, true),
            (Kind::UpstreamFailed, true),
            (Kind::InvalidInput, false),
            (Kind::UpstreamRateLimited, false),
        ] {
            assert_eq!(in_doubt(&Failure::new(kind, "x")), doubt, "{kind}");
            assert!(!in_doubt(&Failure::new(kind, "x").never_sent()), "{kind}");
        }
    }
}
