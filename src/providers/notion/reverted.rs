//! A page brought back to its old text, where what was to take that away fails midway.
//!
//! Invariant: no new text is taken away before all of the old one is there again, and a failure behind which something else
//! stands than before is of no kind that says that nothing was done.

use std::collections::HashSet;

use mosaic_actors::error::{Failure, Kind as Why, Source};
use tokio::time::Instant;

use super::Notion;
use super::unanswered::in_doubt;
use super::unfinished::Unfinished;

/// After so many that cannot be put back no other is tried.
const MOST_FAILED: usize = 3;

/// Blocks that are still in the trash, and why.
type Left = (Vec<String>, Failure);

impl Notion {
    /// Takes the blocks of the old text out of the trash again, then the new text away, and tells what became of it. `old`:
    /// what stood in the page.
    pub(super) async fn reverted(
        &self,
        failure: Failure,
        (page, old): (&str, &[String]),
        begun: &Unfinished,
        deadline: Instant,
    ) -> Failure {
        if let Err(left) = self.put_back(&begun.gone, deadline).await {
            let (left, why) = *left;
            // The new text is all that there is of what cannot be had back.
            let are = if in_doubt(&why) { "may be" } else { "are" };
            let became = format!(
                "the new text is written and stays; {} blocks of the old one {are} in the trash and could not be put back, \
                 the first of them {} ({}), and the others stand there still",
                left.len(),
                left.first().map_or("-", String::as_str),
                why.message()
            );
            return half_done(failure.also(&became));
        }
        let new = &begun.written.ids;
        if let Err((left, why)) = self.take_away(new, deadline).await {
            let stand = if in_doubt(&why) { "may stand" } else { "stand" };
            let became = format!(
                "all of the old text is there, and {left} blocks of the new one {stand} there too, the first of them {} ({})",
                new.first().map_or("-", String::as_str),
                why.message()
            );
            return half_done(failure.also(&became));
        }
        if self.is_as_it_was(page, old, deadline).await {
            let mut failure = failure.also("what had been written was taken away again: the page is as it was");
            (failure.retryable, failure.unsent, failure.retry_after) = (false, false, None);
            return failure;
        }
        let became =
            "what had been written was taken away again and the old text put back, but not seen to stand as it stood";
        half_done(failure.also(became))
    }

    /// Takes blocks out of the trash, in their order; tells those that it could not, and why the first.
    pub(super) async fn put_back(&self, ids: &[String], deadline: Instant) -> Result<(), Box<Left>> {
        let body = self.version.trash(false);
        let (mut left, mut why) = (vec![], None);
        for id in ids {
            if left.len() < MOST_FAILED {
                let outgoing = || self.endpoint.patch(&["blocks", id], &body);
                let Err(failure) = self.patient(deadline, outgoing).await else {
                    continue;
                };
                why = why.or(Some(failure));
            }
            left.push(id.clone());
        }
        why.map_or(Ok(()), |why| Err(Box::new((left, why))))
    }

    /// Whether a page holds what it held in that order: Notion does not say where it puts what comes out of the trash.
    async fn is_as_it_was(&self, page: &str, old: &[String], deadline: Instant) -> bool {
        let known: HashSet<&str> = old.iter().map(String::as_str).collect();
        match self.children_of(page, deadline).await {
            Ok(rows) => {
                // What somebody else has added meanwhile is none of ours.
                let ids = rows.iter().filter_map(|row| row["id"].as_str());
                ids.filter(|id| known.contains(id)).eq(old.iter().map(String::as_str))
            }
            Err(failure) => {
                tracing::debug!(%failure, "whether a page is as it was cannot be seen");
                false
            }
        }
    }
}

/// A failure that leaves something behind: a refusal would say that nothing was done, and a key would be free again.
pub fn half_done(mut failure: Failure) -> Failure {
    if !failure.kind.leaves_in_doubt() {
        (failure.kind, failure.source) = (Why::UpstreamFailed, Source::Provider);
        failure.field = None;
    }
    (failure.retryable, failure.unsent, failure.retry_after) = (false, false, None);
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_something_behind_is_no_refusal() {
        for kind in [
            Why::Forbidden,
            Why::InvalidInput,
            Why::UpstreamRateLimited,
            Why::Conflict,
        ] {
            let failure = half_done(Failure::new(kind, "x").never_sent());
            assert!(
                failure.kind.leaves_in_doubt() && !failure.unsent && !failure.retryable,
                "{kind}"
            );
            assert_eq!(failure.source, Source::Provider, "{kind}");
        }
        assert_eq!(half_done(Failure::new(Why::Timeout, "x")).kind, Why::Timeout);
    }
}
