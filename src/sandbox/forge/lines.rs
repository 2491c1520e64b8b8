//! What changed between two texts, line by line, as a unified diff.
//!
//! Invariant: the work and the memory for two texts are bounded, however long they are.

/// Lines around a change.
const CONTEXT: usize = 3;
/// The largest table of line pairs; beyond it the changed part is shown as replaced as a whole.
const MAX_PAIRS: usize = 1 << 20;

/// The change of one file's lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineChange {
    pub added: usize,
    pub removed: usize,
    /// The hunks, without a head; `None`: it is no text.
    pub patch: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit {
    Keep,
    Remove,
    Add,
}

/// What leads from one content to another.
pub(crate) fn change(before: &[u8], after: &[u8]) -> LineChange {
    let text = |bytes| std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    let (Some(before), Some(after)) = (text(before), text(after)) else {
        return LineChange::default();
    };
    let (old, new): (Vec<&str>, Vec<&str>) = (
        before.split_inclusive('\n').collect(),
        after.split_inclusive('\n').collect(),
    );
    let edits = edits(&old, &new);
    let count = |wanted| edits.iter().filter(|edit| **edit == wanted).count();
    LineChange {
        added: count(Edit::Add),
        removed: count(Edit::Remove),
        patch: Some(patch(&old, &new, &edits)),
    }
}

/// The steps from one list of lines to the other.
fn edits(old: &[&str], new: &[&str]) -> Vec<Edit> {
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = old.iter().zip(new).take_while(same).count();
    let tail = old[head..]
        .iter()
        .rev()
        .zip(new[head..].iter().rev())
        .take_while(same)
        .count();
    let (a, b) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut edits = vec![Edit::Keep; head];
    if a.len().saturating_mul(b.len()) > MAX_PAIRS {
        edits.extend(a.iter().map(|_| Edit::Remove));
        edits.extend(b.iter().map(|_| Edit::Add));
    } else {
        edits.extend(shortest(a, b));
    }
    edits.extend(vec![Edit::Keep; tail]);
    edits
}

/// By the longest common subsequence.
fn shortest(a: &[&str], b: &[&str]) -> Vec<Edit> {
    let width = b.len() + 1;
    let mut common = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i * width + j] = match a[i] == b[j] {
                true => common[(i + 1) * width + j + 1] + 1,
                false => common[(i + 1) * width + j].max(common[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j, mut edits) = (0, 0, Vec::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            edits.push(Edit::Keep);
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            edits.push(Edit::Remove);
            i += 1;
        } else {
            edits.push(Edit::Add);
            j += 1;
        }
    }
    edits
}

fn patch(old: &[&str], new: &[&str], edits: &[Edit]) -> String {
    let mut text = String::new();
    let (mut at, mut i, mut j) = (0, 0, 0);
    while let Some(first) = edits[at..].iter().position(|edit| *edit != Edit::Keep) {
        let start = at + first.saturating_sub(CONTEXT);
        (i, j) = (i + start - at, j + start - at);
        let end = hunk_end(edits, at + first);
        let hunk = &edits[start..end];
        let lines = |left_out| hunk.iter().filter(|edit| **edit != left_out).count();
        let (removed, added) = (lines(Edit::Add), lines(Edit::Remove));
        text += &format!("@@ -{} +{} @@\n", range(i, removed), range(j, added));
        for edit in hunk {
            let (sign, line) = match edit {
                Edit::Keep => (' ', old[i]),
                Edit::Remove => ('-', old[i]),
                Edit::Add => ('+', new[j]),
            };
            i += usize::from(*edit != Edit::Add);
            j += usize::from(*edit != Edit::Remove);
            text.push(sign);
            text += line;
            if !line.ends_with('\n') {
                text += "\n\\ No newline at end of file\n";
            }
        }
        at = end;
    }
    text.truncate(text.trim_end_matches('\n').len());
    text
}

/// Where the hunk ends whose first change is at `first`: after its context, or where no further change is near.
fn hunk_end(edits: &[Edit], first: usize) -> usize {
    let mut last = first;
    for (at, edit) in edits.iter().enumerate().skip(first) {
        if at - last > 2 * CONTEXT {
            break;
        }
        if *edit != Edit::Keep {
            last = at;
        }
    }
    (last + 1 + CONTEXT).min(edits.len())
}

fn range(start: usize, lines: usize) -> String {
    match lines {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        _ => format!("{},{lines}", start + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_its_context() {
        let before = "a\nb\nc\nd\ne\nf\ng\n";
        let after = "a\nb\nc\nD\ne\nf\ng\n";
        let found = change(before.as_bytes(), after.as_bytes());
        assert_eq!((found.added, found.removed), (1, 1));
        assert_eq!(found.patch.unwrap(), "@@ -1,7 +1,7 @@\n a\n b\n c\n-d\n+D\n e\n f\n g");
    }

    #[test]
    fn distant_changes_stand_in_hunks_of_their_own() {
        let lines: Vec<String> = (1..=30).map(|n| format!("{n}\n")).collect();
        let mut after = lines.clone();
        after[1] = "two\n".to_owned();
        after.remove(27);
        let found = change(lines.concat().as_bytes(), after.concat().as_bytes());
        let patch = found.patch.unwrap();
        let heads: Vec<_> = patch.lines().filter(|line| line.starts_with("@@")).collect();
        assert_eq!(heads, ["@@ -1,5 +1,5 @@", "@@ -25,6 +25,5 @@"]);
        assert_eq!((found.added, found.removed), (1, 2));
    }

    #[test]
    fn a_new_file_begins_at_nothing_and_a_missing_last_line_feed_is_told() {
        let found = change(b"", b"x");
        assert_eq!(found.patch.unwrap(), "@@ -0,0 +1 @@\n+x\n\\ No newline at end of file");
    }

    #[test]
    fn what_is_no_text_has_no_lines_and_what_is_too_long_is_replaced() {
        assert_eq!(change(b"\0", b"x"), LineChange::default());
        let old: String = (0..2_000).map(|n| format!("a{n}\n")).collect();
        let new: String = (0..2_000).map(|n| format!("b{n}\n")).collect();
        let found = change(old.as_bytes(), new.as_bytes());
        assert_eq!((found.added, found.removed), (2_000, 2_000));
    }
}
