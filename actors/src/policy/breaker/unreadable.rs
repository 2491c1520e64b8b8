//! Answers that could not be used, as evidence against who gave them.
//!
//! Invariant: one resource alone is never evidence, however often it is asked for.

use std::time::Duration;

/// How long an answer that could not be used is remembered: as long as most windows of a rate are.
const UNREADABLE_WINDOW: Duration = Duration::from_secs(60);

/// Answers that could not be used. One resource may be odd for ever and says nothing of its provider; a server that answers
/// garbage for three different ones answers garbage.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unreadable {
    seen: [Option<(u64, u64)>; 3],
}

impl Unreadable {
    /// Remembers an answer for `resource` and tells how many failures it is evidence of: none while fewer than three
    /// resources are concerned, all three with the third, then one each.
    pub fn note(&mut self, resource: u64, now: u64) -> u32 {
        let window = UNREADABLE_WINDOW.as_nanos() as u64;
        let recent = |seen: &Option<(u64, u64)>| seen.is_some_and(|(_, at)| now.saturating_sub(at) <= window);
        let before = self.seen.iter().filter(|seen| recent(seen)).count();
        let known = self
            .seen
            .iter()
            .position(|seen| seen.is_some_and(|(known, _)| known == resource));
        // Its own place, a free one, or that of the oldest.
        let place = known.or_else(|| self.seen.iter().position(|seen| !recent(seen)));
        let oldest = || (0..self.seen.len()).min_by_key(|place| self.seen[*place].map(|(_, at)| at));
        if let Some(place) = place.or_else(oldest) {
            self.seen[place] = Some((resource, now));
        }
        let after = self.seen.iter().filter(|seen| recent(seen)).count();
        match (before, after) {
            (_, after) if after < self.seen.len() => 0,
            (before, _) if before < self.seen.len() => self.seen.len() as u32,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_resource_is_no_evidence_and_three_are() {
        const SECOND: u64 = 1_000_000_000;
        let mut unreadable = Unreadable::default();
        assert_eq!((0..100).map(|n| unreadable.note(1, n)).sum::<u32>(), 0);
        assert_eq!(unreadable.note(2, 100), 0);
        assert_eq!(unreadable.note(3, 101), 3);
        assert_eq!((unreadable.note(4, 102), unreadable.note(1, 103)), (1, 1));
        // Forgotten after the window.
        assert_eq!(unreadable.note(5, 62 * SECOND), 0);
        assert_eq!(
            (unreadable.note(6, 62 * SECOND), unreadable.note(7, 62 * SECOND)),
            (0, 3)
        );
    }
}
