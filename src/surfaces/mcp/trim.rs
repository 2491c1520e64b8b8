//! Answers cut to what a model can read.
//!
//! Invariant: what is cut keeps its shape, says that it is cut, and never points past what it left out.

use serde_json::{Map, Value};

/// The shortest that a text is cut to, in bytes: what is cut further says nothing.
const SHORTEST: usize = 400;
/// What the words that mark a cut take, at most, in bytes.
const MARK: usize = 64;
/// Members that lead on: they are whole, or of no use.
const LEADING: [&str; 2] = ["next_cursor", "id"];

/// What was left out of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cut {
    /// Texts that were shortened.
    pub(super) texts: usize,
    /// Rows of lists that were left out.
    pub(super) rows: usize,
    /// Rows of the answer's own list that were kept, where some of them were left out.
    pub(super) kept: Option<usize>,
}

impl Cut {
    pub(super) fn is_any(self) -> bool {
        self.texts + self.rows > 0
    }
}

/// Cuts `answer` to `most` bytes of JSON, or as near to it as its shape allows: its texts first, its lists' ends then.
pub(super) fn fit(answer: &mut Value, most: usize) -> Cut {
    let mut cut = Cut::default();
    if size(answer) <= most {
        return cut;
    }
    if let Some(longest) = fitting(answer, most) {
        cut.texts = shorten(answer, longest);
        return cut;
    }
    cut.texts = shorten(answer, SHORTEST);
    while size(answer) > most {
        let over = size(answer) - most;
        match thin(answer, over) {
            0 => break,
            rows => cut.rows += rows,
        }
    }
    cut
}

/// How long a value is as JSON, in bytes.
pub(super) fn size(value: &Value) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

/// The longest that texts may be for all to fit; `None`, where it is not enough to cut texts.
fn fitting(answer: &Value, most: usize) -> Option<usize> {
    let mut lengths = Vec::new();
    measure(answer, &mut lengths);
    let whole = size(answer);
    let saved = |longest: usize| -> usize {
        let long = lengths.iter().filter(|length| **length > longest);
        long.map(|length| length.saturating_sub(longest + MARK)).sum()
    };
    let mut longest = most;
    while longest >= SHORTEST {
        if whole.saturating_sub(saved(longest)) <= most {
            return Some(longest);
        }
        longest -= longest / 8;
    }
    None
}

/// The lengths of texts that may be cut, in bytes as JSON writes them.
fn measure(value: &Value, lengths: &mut Vec<usize>) {
    match value {
        Value::String(text) if text.len() > SHORTEST => lengths.push(size(value)),
        Value::Array(values) => values.iter().for_each(|value| measure(value, lengths)),
        Value::Object(fields) => {
            let free = fields.iter().filter(|(name, _)| !LEADING.contains(&name.as_str()));
            free.for_each(|(_, value)| measure(value, lengths));
        }
        _ => {}
    }
}

/// Cuts the texts that take more than `longest` bytes; tells how many.
fn shorten(value: &mut Value, longest: usize) -> usize {
    match value {
        Value::String(text) if text.len() > SHORTEST => cut_text(text, longest),
        Value::Array(values) => values.iter_mut().map(|value| shorten(value, longest)).sum(),
        Value::Object(fields) => {
            let free = fields.iter_mut().filter(|(name, _)| !LEADING.contains(&name.as_str()));
            free.map(|(_, value)| shorten(value, longest)).sum()
        }
        _ => 0,
    }
}

fn cut_text(text: &mut String, longest: usize) -> usize {
    let written = |character: char| match character {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        control if (control as u32) < 0x20 => 6,
        other => other.len_utf8(),
    };
    let mut taken = 0;
    let end = text.char_indices().find(|(_, character)| {
        taken += written(*character);
        taken > longest
    });
    let Some((end, _)) = end else { return 0 };
    let left = text.len() - end;
    text.truncate(end);
    text.push_str(&format!(" … [{left} more bytes]"));
    1
}

/// Takes rows from the end of the longest list, until `over` bytes are gone or one row is left; tells how many.
fn thin(value: &mut Value, over: usize) -> usize {
    match value {
        Value::Array(rows) if rows.len() > 1 => {
            let before = rows.len();
            let mut gone = 0;
            while rows.len() > 1 && gone < over {
                gone += rows.pop().map_or(0, |row| size(&row) + 1);
            }
            before - rows.len()
        }
        Value::Array(rows) => rows.first_mut().map_or(0, |row| thin(row, over)),
        Value::Object(fields) => {
            let longest = fields.values_mut().max_by_key(|value| size(value));
            longest.map_or(0, |value| thin(value, over))
        }
        _ => 0,
    }
}

/// Makes what is left of a page, or of a part, lead to what was left out: a cursor behind the whole page would skip it.
pub(super) fn lead_on(answer: &mut Map<String, Value>, rows: &str, before: usize, after: Option<u64>) -> Option<usize> {
    let kept = answer.get(rows).and_then(Value::as_array).map(Vec::len)?;
    if kept == before {
        return None;
    }
    if answer.shift_remove("next_cursor").is_some() || answer.contains_key("has_more") {
        answer.insert("has_more".to_owned(), Value::Bool(true));
    } else {
        let first = after.map_or(0, |after| after + 1);
        let last = first + u64::try_from(kept).unwrap_or(u64::MAX).saturating_sub(1);
        answer.insert("truncated".to_owned(), Value::Bool(true));
        answer.insert("next_after".to_owned(), Value::from(last));
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_is_left_alone() {
        let mut answer = json!({"items": [{"body": "x".repeat(900)}]});
        let whole = answer.clone();
        assert_eq!(fit(&mut answer, 1_000), Cut::default());
        assert_eq!(answer, whole);
    }

    #[test]
    fn long_texts_go_before_rows_and_rows_from_the_end() {
        let row = |id: u32, length: usize| json!({"id": id.to_string(), "body": "é\n".repeat(length)});
        let mut answer = json!({"items": [row(1, 9_000), row(2, 9_000)], "next_cursor": "c".repeat(600)});
        let cut = fit(&mut answer, 8_000);
        assert_eq!((cut.texts, cut.rows), (2, 0));
        assert!(size(&answer) <= 8_000, "{}", size(&answer));
        assert_eq!(answer["next_cursor"], "c".repeat(600));
        assert!(
            answer["items"][1]["body"]
                .as_str()
                .expect("a text")
                .ends_with("more bytes]")
        );

        let mut answer = json!({"items": (0..500).map(|id| row(id, 5)).collect::<Vec<_>>(), "has_more": false});
        let cut = fit(&mut answer, 4_000);
        assert!(cut.rows > 0 && size(&answer) <= 4_000);
        assert_eq!(answer["items"][0]["id"], "0");
    }

    #[test]
    fn a_page_that_is_cut_leads_to_what_it_left_out() {
        let mut page = json!({"items": [1, 2], "next_cursor": "behind-9", "has_more": false});
        let page = page.as_object_mut().expect("an object");
        assert_eq!(lead_on(page, "items", 9, None), Some(2));
        assert_eq!(Value::from(page.clone()), json!({"items": [1, 2], "has_more": true}));
        let mut part = json!({"lines": ["a", "b"]});
        let part = part.as_object_mut().expect("an object");
        assert_eq!(lead_on(part, "lines", 9, Some(10)), Some(2));
        assert_eq!(part["next_after"], 12);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_cut_to_fit(texts in prop::collection::vec("\\PC{0,700}", 1..40), most in 2_000usize..9_000) {
            let rows: Vec<Value> = texts.iter().map(|text| json!({"text": text, "n": 1})).collect();
            let mut answer = json!({"items": rows});
            fit(&mut answer, most);
            prop_assert!(size(&answer) <= most + MARK, "{} of {most}", size(&answer));
        }
    }
}
