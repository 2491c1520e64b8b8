//! How long nothing is asked of what moves by itself. Pure.
//!
//! Invariant: each pause is as long as the one before or longer, until something has moved.

use std::time::Duration;

/// So that a short run is seen to end soon.
const FIRST: Duration = Duration::from_secs(1);
/// So that a long one costs its provider little.
const LONGEST: Duration = Duration::from_secs(10);

/// The pauses between two questions.
pub(super) struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Pauses(FIRST)
    }
}

impl Pauses {
    /// The next one.
    pub(super) fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 3 / 2).min(LONGEST);
        now
    }

    /// Something has moved.
    pub(super) fn begin_anew(&mut self) {
        *self = Pauses::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_grow_to_their_bound_and_begin_anew() {
        let mut pauses = Pauses::default();
        let took: Vec<_> = (0..8).map(|_| pauses.next().as_millis()).collect();
        assert_eq!(took[..3], [1000, 1500, 2250]);
        assert_eq!(took[6..], [10_000, 10_000]);
        pauses.begin_anew();
        assert_eq!(pauses.next(), FIRST);
    }
}
