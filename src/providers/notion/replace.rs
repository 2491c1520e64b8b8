//! Another text in the place of a page's: what is alike stays, what is new is written, and what is gone is taken away last.
//!
//! Invariant: nothing of the old text is taken away before the new one is there; a page within the page never is.

use std::collections::{HashMap, HashSet};
use std::mem::replace;
use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind as Why};
use tokio::time::Instant;

use super::block::{Block, Kind};
use super::parts::{self, At, Prepared};
use super::unanswered::{Written, in_doubt};
use super::unfinished::Unfinished;
use super::{Notion, markdown, tree};
use crate::catalogue::docs::Lost;
use crate::leisure::at_leisure;

/// The most pairs of blocks that are compared: above it only the beginnings and the ends of both texts are.
const MOST_PAIRS: usize = 4_000_000;
/// What the writing of one block costs, in bytes that are read.
const OF_A_BLOCK: usize = 1024;

/// What a page holds now.
pub struct Replaced {
    pub body: String,
    pub lost: Vec<Lost>,
    /// Nothing was to be written or taken away.
    pub same: bool,
}

/// What is to be done.
struct Plan {
    /// New blocks, and the place of the old one that they come behind; none: before all.
    runs: Vec<(Option<usize>, Vec<Block>)>,
    /// Places of old blocks that go.
    gone: Vec<usize>,
}

impl Notion {
    pub(super) async fn replace(
        self: &Arc<Self>,
        (instance, page): (&Arc<str>, &str),
        old: &[Block],
        new: Vec<Block>,
        lossy: bool,
        deadline: Instant,
    ) -> Result<Replaced, Failure> {
        // Each pair of blocks that is compared costs about as much as a byte that is read.
        let work = old
            .len()
            .saturating_mul(new.len())
            .max(OF_A_BLOCK * (old.len() + new.len()));
        let plan = at_leisure(work, || plan(old, new, self.version.has_start()));
        let same = plan.runs.is_empty() && plan.gone.is_empty();
        let dropped: Vec<Block> = plan.gone.iter().map(|at| old[*at].clone()).collect();
        let mut lost = dropping(&dropped, lossy)?;
        let mut runs: Vec<(At, Vec<Prepared>)> = vec![];
        for (place, blocks) in &plan.runs {
            let at = match place.and_then(|at| old[at].id.clone()) {
                Some(id) => At::After(id),
                None if old.is_empty() => At::End,
                None => At::Start,
            };
            runs.push((at, parts::prepare(&parts::makeable(blocks.clone(), &mut lost))?));
        }
        let mut begun = Unfinished::new(self, instance);
        begun.written.before = Some(old.iter().filter_map(|block| block.id.clone()).collect());
        for (at, prepared) in runs {
            let put = self.put_in(page.to_owned(), at, prepared, &mut begun.written, deadline);
            if let Err(failure) = put.await {
                let failure = self.undone(failure, &begun.written, deadline).await;
                begun.end();
                return Err(failure);
            }
        }
        let gone: Vec<String> = dropped.iter().filter_map(|block| block.id.clone()).collect();
        // Where nobody waits any more it is brought to its end from here on; where it is refused, it is taken back.
        let going = Written {
            ids: gone.clone(),
            ..Written::default()
        };
        let new = replace(&mut begun.written, going);
        if let Err((left, failure)) = self.take_away(&gone, deadline).await {
            begun.written = new;
            // Those that went are the last ones, and with them one of which nobody knows.
            let stay = if in_doubt(&failure) { left - 1 } else { left };
            begun.gone = gone[stay..].to_vec();
            let ids: Vec<String> = old.iter().filter_map(|block| block.id.clone()).collect();
            let failure = self.reverted(failure, (page, &ids[..]), &begun, deadline).await;
            begun.end();
            return Err(failure);
        }
        begun.end();
        let now = after(old, plan);
        let kept = tree::kept(&now);
        lost.retain(|lost| lost.id.is_none() || !kept.contains(lost));
        lost.extend(kept);
        Ok(Replaced {
            body: markdown::write(&now),
            lost,
            same,
        })
    }
}

/// What the page holds once a plan is carried out.
fn after(old: &[Block], plan: Plan) -> Vec<Block> {
    let gone: HashSet<usize> = plan.gone.into_iter().collect();
    let mut runs = plan.runs.into_iter().peekable();
    let mut now = vec![];
    let mut take = |behind: Option<usize>, now: &mut Vec<Block>| {
        while let Some((_, blocks)) = runs.next_if(|(place, _)| *place == behind) {
            now.extend(parts::makeable(blocks, &mut vec![]));
        }
    };
    take(None, &mut now);
    for (at, block) in old.iter().enumerate() {
        if !gone.contains(&at) {
            now.push(block.clone());
        }
        take(Some(at), &mut now);
    }
    now
}

/// What would be lost with blocks that go: refused, but where the caller wants it.
fn dropping(gone: &[Block], lossy: bool) -> Result<Vec<Lost>, Failure> {
    let documents = gone.iter().flat_map(Block::all).any(parts::is_document);
    if documents {
        let sentence = "the new text leaves out a block that holds other pages: move or delete those first";
        return Err(refused(sentence));
    }
    let lost = tree::kept(gone);
    if lost.is_empty() || lossy {
        return Ok(lost);
    }
    let told = |lost: &Lost| format!("{} {}", lost.what, lost.id.as_deref().unwrap_or("-"));
    let named: Vec<String> = lost.iter().take(5).map(told).collect();
    let sentence = format!(
        "the new text leaves out, or moves, {} blocks that cannot be made anew ({}): keep their marks where they are, or say lossy",
        lost.len(),
        named.join(", ")
    );
    Err(refused(&sentence))
}

fn refused(sentence: &str) -> Failure {
    let mut failure = Failure::new(Why::Conflict, sentence);
    failure.field = Some("body".into());
    failure
}

/// What a block is compared by: one that stays by its id, any other by how it is written.
fn key(block: &Block) -> String {
    match &block.kind {
        Kind::Kept { .. } => format!("kept {}", block.id.as_deref().unwrap_or("-")),
        _ => markdown::alone(block),
    }
}

/// The keys of blocks as numbers: equal ones have the same.
fn numbered(blocks: &[Block], known: &mut HashMap<String, usize>) -> Vec<usize> {
    let number = |block: &Block| {
        let next = known.len();
        *known.entry(key(block)).or_insert(next)
    };
    blocks.iter().map(number).collect()
}

fn plan(old: &[Block], new: Vec<Block>, has_start: bool) -> Plan {
    let mut known = HashMap::new();
    let (old_keys, new_keys) = (numbered(old, &mut known), numbered(&new, &mut known));
    let mut pairs = alike(&old_keys, &new_keys);
    let is_first = |pairs: &[(usize, usize)]| match (pairs.first(), new.is_empty()) {
        // What stands first has nothing before it that something could be put behind.
        (Some((0, at)), false) => *at > 0,
        _ => false,
    };
    if !has_start && is_first(&pairs) && !matches!(old[0].kind, Kind::Kept { .. }) {
        pairs.remove(0);
    }
    let anchored: Vec<usize> = pairs.iter().map(|(old, _)| *old).collect();
    let stay: HashSet<usize> = anchored.iter().copied().collect();
    let gone = (0..old.len())
        .filter(|at| !stay.contains(at) && !parts::is_document(&old[*at]))
        .collect();
    let mut runs: Vec<(Option<usize>, Vec<Block>)> = vec![];
    let mut next = 0;
    let mut behind = None;
    for (at, block) in new.into_iter().enumerate() {
        if let Some((old, _)) = pairs.get(next).filter(|(_, new)| *new == at) {
            (behind, next) = (Some(*old), next + 1);
            continue;
        }
        // A mark of what is not there, or not in this place, says nothing.
        match runs.last_mut().filter(|(place, _)| *place == behind) {
            Some((_, run)) => run.push(block),
            None => runs.push((behind, vec![block])),
        }
    }
    // Before the first that stays, new text is put behind what goes, so that it needs no place at the beginning.
    if let Some((place @ None, _)) = runs.first_mut() {
        let first = anchored.first().copied().unwrap_or(old.len().min(1));
        let nothing_before = first == 0 && !has_start && !old.is_empty();
        *place = match (first.checked_sub(1), nothing_before) {
            (Some(before), _) => Some(before),
            (None, true) => Some(0),
            (None, false) => None,
        };
    }
    runs.sort_by_key(|(place, _)| *place);
    Plan { runs, gone }
}

/// The longest series of pairs that are alike, in the order of both.
fn alike(old: &[usize], new: &[usize]) -> Vec<(usize, usize)> {
    let begin = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (rest_old, rest_new) = (&old[begin..], &new[begin..]);
    let both = rest_old.iter().rev().zip(rest_new.iter().rev());
    let end = both.take_while(|(old, new)| old == new).count();
    let (middle_old, middle_new) = (&rest_old[..rest_old.len() - end], &rest_new[..rest_new.len() - end]);
    let mut pairs: Vec<(usize, usize)> = (0..begin).map(|at| (at, at)).collect();
    if middle_old.len().saturating_mul(middle_new.len()) <= MOST_PAIRS {
        pairs.extend(
            longest(middle_old, middle_new)
                .into_iter()
                .map(|(a, b)| (a + begin, b + begin)),
        );
    }
    let (old_end, new_end) = (old.len() - end, new.len() - end);
    pairs.extend((0..end).map(|at| (old_end + at, new_end + at)));
    pairs
}

fn longest(old: &[usize], new: &[usize]) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    for a in (0..old.len()).rev() {
        for b in (0..new.len()).rev() {
            lengths[a * width + b] = match old[a] == new[b] {
                true => lengths[(a + 1) * width + b + 1] + 1,
                false => lengths[(a + 1) * width + b].max(lengths[a * width + b + 1]),
            };
        }
    }
    let (mut a, mut b, mut pairs) = (0, 0, vec![]);
    while a < old.len() && b < new.len() {
        if old[a] == new[b] {
            pairs.push((a, b));
            (a, b) = (a + 1, b + 1);
        } else if lengths[(a + 1) * width + b] >= lengths[a * width + b + 1] {
            a += 1;
        } else {
            b += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Vec<Block> {
        let blocks = markdown::read(text).expect("not deep").blocks.into_iter().enumerate();
        let named = |(at, block): (usize, Block)| Block {
            id: block.id.clone().or_else(|| Some(format!("b{at}"))),
            ..block
        };
        blocks.map(named).collect()
    }

    /// Runs of new text and where each stands, the places of what goes, and the text that there is then.
    type Planned = (Vec<(Option<usize>, String)>, Vec<usize>, String);

    fn plan_of(old: &str, new: &str, has_start: bool) -> Planned {
        let old = page(old);
        let plan = plan(&old, markdown::read(new).expect("not deep").blocks, has_start);
        let runs = plan.runs.iter().map(|(at, run)| (*at, markdown::write(run))).collect();
        (runs, plan.gone.clone(), markdown::write(&after(&old, plan)))
    }

    /// N8: a block whose icon cannot be said stays as it is; made anew, it would be without, so that the caller is asked.
    #[test]
    fn an_icon_goes_only_where_the_caller_says_so() {
        let mut old = page("a");
        old[0].icon = true;
        let failure = dropping(&old, false).expect_err("it would be lost");
        assert!(failure.message().contains("the icon of a paragraph b0"), "{failure}");
        assert_eq!(dropping(&old, true).expect("as told")[0].id.as_deref(), Some("b0"));
    }

    #[test]
    fn equal_blocks_have_one_number() {
        let mut known = HashMap::new();
        assert_eq!(numbered(&page("a\n\nb\n\na"), &mut known), [0, 1, 0]);
        assert_eq!(numbered(&page("c\n\na"), &mut known), [2, 0]);
    }

    /// N5: blocks cannot be moved: what is alike stays, the rest is written anew.
    #[test]
    fn what_is_alike_stays() {
        let (runs, gone, now) = plan_of("a\n\nb\n\nc", "a\n\nx\n\nc", false);
        assert_eq!(
            (runs, gone, &*now),
            (vec![(Some(0), "x".to_owned())], vec![1], "a\n\nx\n\nc")
        );
        let (runs, gone, _) = plan_of("a\n\nb", "a\n\nb", false);
        assert_eq!((runs.len(), gone.len()), (0, 0));
        let (runs, gone, now) = plan_of("a\n\nb", "c\n\nb", false);
        assert_eq!(
            (runs, gone, &*now),
            (vec![(Some(0), "c".to_owned())], vec![0], "c\n\nb")
        );
    }

    /// N6: before 2026-03-11 nothing can be put before the first block.
    #[test]
    fn what_stands_first_gives_way_where_nothing_can_be_put_before_it() {
        let (runs, gone, now) = plan_of("a\n\nb", "x\n\na\n\nb", false);
        assert_eq!(
            (runs, gone, &*now),
            (vec![(Some(0), "x\n\na".to_owned())], vec![0], "x\n\na\n\nb")
        );
        let (runs, gone, now) = plan_of("a\n\nb", "x\n\na\n\nb", true);
        assert_eq!(
            (runs, gone, &*now),
            (vec![(None, "x".to_owned())], vec![], "x\n\na\n\nb")
        );
    }

    /// N8: what cannot be made anew goes only where the caller says so. N24: a page within the page never goes.
    #[test]
    fn what_cannot_be_made_anew_is_kept() {
        let form = "a\n\n<!-- notion:form f1 -->\n\nb";
        let (_, gone, _) = plan_of(form, "x\n\n<!-- notion:form f1 -->\n\nb", false);
        assert_eq!(gone, [0]);
        let old = page(form);
        let failure = dropping(&old[1..2], false).expect_err("it would be lost");
        assert_eq!((failure.kind, failure.field.as_deref()), (Why::Conflict, Some("body")));
        assert!(failure.message().contains("form f1"), "{failure}");
        assert_eq!(dropping(&old[1..2], true).expect("as told")[0].what, "form");
        let (_, gone, now) = plan_of("a\n\n<!-- notion:child_page p1 T -->\n\nb", "c", false);
        assert_eq!((gone, &*now), (vec![0, 2], "c\n\n<!-- notion:child_page p1 -->"));
        let within = page("> a\n> <!-- notion:child_page p1 T -->");
        assert!(dropping(&within, true).is_err());
    }
}
