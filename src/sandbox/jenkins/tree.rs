//! Which fields are asked for: the query's `tree`, or its `depth`.
//!
//! Invariant: with a tree, a field that it does not name is not answered; only `_class` always is.

use serde_json::{Map, Value};

/// A tree: `jobs[name,url],mode`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree(Vec<Branch>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Branch {
    name: String,
    below: Tree,
    range: Range,
}

/// Which entries of a list: `{from,until}`, `until` not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    from: usize,
    until: usize,
}

/// How plainly an object shows a field when no tree is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    /// Wherever the object stands.
    Brief,
    /// Where the object stands within the depth.
    Usual,
    /// Never: a tree must name it.
    Hidden,
}

/// What is asked of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask<'a> {
    Depth(i32),
    Tree(&'a Tree, Range),
}

/// The deepest that is shown without a tree.
const MAX_DEPTH: i32 = 4;
/// How deep a tree may nest.
const MAX_NESTED: usize = 32;

impl Range {
    pub const WHOLE: Range = Range {
        from: 0,
        until: usize::MAX,
    };

    /// These entries of a list.
    pub fn of<T>(self, items: &[T]) -> &[T] {
        let until = self.until.min(items.len());
        &items[self.from.min(until)..until]
    }
}

impl Tree {
    /// Reads the query's text; what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { left: text, nested: 0 };
        let tree = reader.branches()?;
        match reader.left.is_empty() {
            true => Ok(tree),
            false => Err(format!("unexpected {:?}", reader.left)),
        }
    }

    fn find(&self, name: &str) -> Option<&Branch> {
        let named = self.0.iter().find(|branch| branch.name == name);
        named.or_else(|| self.0.iter().find(|branch| branch.name == "*"))
    }
}

struct Reader<'a> {
    left: &'a str,
    nested: usize,
}

impl Reader<'_> {
    fn branches(&mut self) -> Result<Tree, String> {
        let mut branches = Vec::new();
        loop {
            let end = self.left.find([',', '[', ']', '{', '}']).unwrap_or(self.left.len());
            let (name, left) = self.left.split_at(end);
            self.left = left;
            let mut branch = Branch {
                name: name.trim().to_owned(),
                below: Tree::default(),
                range: Range::WHOLE,
            };
            if self.take('[') {
                self.nested += 1;
                if self.nested > MAX_NESTED {
                    return Err("it nests too deep".to_owned());
                }
                branch.below = self.branches()?;
                self.nested -= 1;
                self.expect(']')?;
            }
            if self.take('{') {
                branch.range = self.range()?;
                self.expect('}')?;
            }
            if !branch.name.is_empty() {
                branches.push(branch);
            }
            if !self.take(',') {
                return Ok(Tree(branches));
            }
        }
    }

    fn range(&mut self) -> Result<Range, String> {
        let end = self.left.find('}').ok_or("expected }")?;
        let (text, left) = self.left.split_at(end);
        self.left = left;
        let number = |text: &str, or: usize| match text.trim() {
            "" => Ok(or),
            text => text.parse().map_err(|_| format!("{text:?} is no number")),
        };
        match text.split_once(',') {
            Some((from, until)) => Ok(Range {
                from: number(from, 0)?,
                until: number(until, usize::MAX)?,
            }),
            None => {
                let from = number(text, 0)?;
                Ok(Range {
                    from,
                    until: from.saturating_add(1),
                })
            }
        }
    }

    fn take(&mut self, mark: char) -> bool {
        match self.left.strip_prefix(mark) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, mark: char) -> Result<(), String> {
        match self.take(mark) {
            true => Ok(()),
            false => Err(format!("expected {mark}")),
        }
    }
}

impl<'a> Ask<'a> {
    /// What a request asks: `tree` wins over `depth`.
    pub fn of(tree: Option<&'a Tree>, depth: Option<i32>) -> Self {
        match tree {
            Some(tree) => Ask::Tree(tree, Range::WHOLE),
            None => Ask::Depth(depth.unwrap_or_default().clamp(0, MAX_DEPTH)),
        }
    }

    /// What is asked of a field; none: it is not asked for.
    pub fn field(self, name: &str, rank: Rank) -> Option<Ask<'a>> {
        match self {
            Ask::Tree(tree, _) => tree.find(name).map(|branch| Ask::Tree(&branch.below, branch.range)),
            Ask::Depth(depth) => {
                let shown = rank == Rank::Brief || rank == Rank::Usual && depth >= 0;
                shown.then_some(Ask::Depth(depth - 1))
            }
        }
    }

    /// Which entries of a list are asked for.
    pub fn range(self) -> Range {
        match self {
            Ask::Depth(_) => Range::WHOLE,
            Ask::Tree(_, range) => range,
        }
    }

    /// What of a whole value is asked for.
    pub fn prune(self, value: Value) -> Value {
        let Ask::Tree(tree, range) = self else {
            return value;
        };
        match value {
            Value::Object(fields) => {
                let kept = fields.into_iter().filter_map(|(name, value)| match name.as_str() {
                    "_class" => Some((name, value)),
                    _ => {
                        let branch = tree.find(&name)?;
                        let value = Ask::Tree(&branch.below, branch.range).prune(value);
                        Some((name, value))
                    }
                });
                Value::Object(kept.collect::<Map<_, _>>())
            }
            Value::Array(items) => {
                let inner = Ask::Tree(tree, Range::WHOLE);
                range.of(&items).iter().map(|item| inner.prune(item.clone())).collect()
            }
            scalar => scalar,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pruned(tree: &str, value: Value) -> Value {
        let tree = Tree::parse(tree).unwrap();
        Ask::of(Some(&tree), None).prune(value)
    }

    #[test]
    fn what_is_not_named_is_left_out() {
        let builds = json!({"_class": "J", "name": "a", "builds": [{"_class": "B", "number": 2, "url": "u"}, {"_class": "B", "number": 1}]});
        let of = |tree: &str| pruned(tree, builds.clone());
        assert_eq!(of("name,nothing"), json!({"_class": "J", "name": "a"}));
        assert_eq!(
            of("builds[number]{1,2}"),
            json!({"_class": "J", "builds": [{"_class": "B", "number": 1}]})
        );
        assert_eq!(
            of("builds"),
            json!({"_class": "J", "builds": [{"_class": "B"}, {"_class": "B"}]})
        );
        assert_eq!(
            of("builds[*]{0}")["builds"],
            json!([{"_class": "B", "number": 2, "url": "u"}])
        );
        assert_eq!(of("builds[number]{5,9}")["builds"], json!([]));
    }

    #[test]
    fn a_tree_that_does_not_close_is_refused() {
        for wrong in ["jobs[name", "jobs]", "builds{1,2", "builds{x}", &"a[".repeat(64)] {
            assert!(Tree::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Tree::parse("").unwrap().0.is_empty());
    }
}
