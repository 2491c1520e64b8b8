//! What is kept of an answer while it is told: a thought until it is signed, a call until it is whole, an output until its end.
//!
//! Invariant: what is kept of one answer is bounded, in bytes and in number; one that is larger fails, and is not cut in
//! silence.

use mosaic_actors::error::{Failure, Kind};

/// The most bytes of one thing.
const LARGEST: usize = 4 << 20;
/// The most bytes of all that is kept of one answer.
const ALL: usize = 16 << 20;
/// What a thing takes beside its bytes.
const EACH: usize = 256;

/// Adds to one thing.
///
/// # Errors
/// `upstream_failed` where it is larger than is kept of one.
pub fn keep(kept: &mut String, more: &str) -> Result<(), Failure> {
    if kept.len() + more.len() > LARGEST {
        return Err(too_large());
    }
    kept.push_str(more);
    Ok(())
}

/// The room that is left for one answer.
pub struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Room(ALL)
    }
}

impl Room {
    /// Takes one more thing, of which so many bytes are there.
    ///
    /// # Errors
    /// `upstream_failed` where there is no room for it.
    pub fn begin(&mut self, bytes: usize) -> Result<(), Failure> {
        self.take(bytes.saturating_add(EACH))
    }

    /// Adds to one.
    ///
    /// # Errors
    /// `upstream_failed` where it, or all of them, are larger than is kept.
    pub fn keep(&mut self, kept: &mut String, more: &str) -> Result<(), Failure> {
        self.take(more.len())?;
        keep(kept, more)
    }

    fn take(&mut self, bytes: usize) -> Result<(), Failure> {
        self.0 = self.0.checked_sub(bytes).ok_or_else(too_large)?;
        Ok(())
    }
}

fn too_large() -> Failure {
    let sentence = "the answer is larger than is kept of one while it is told";
    Failure::new(Kind::UpstreamFailed, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_and_all_of_them_are_bounded() {
        let mut one = String::new();
        keep(&mut one, &"a".repeat(LARGEST)).expect("there is room");
        assert!(keep(&mut one, "a").is_err() && one.len() == LARGEST);
        let mut room = Room::default();
        let piece = "a".repeat(1 << 20);
        let whole = (0..64)
            .take_while(|_| room.keep(&mut String::new(), &piece).is_ok())
            .count();
        assert_eq!(whole, 16);
        let mut room = Room::default();
        let begun = (0..1 << 20).take_while(|_| room.begin(0).is_ok()).count();
        assert_eq!(begun, ALL / EACH);
    }
}
