//! Where a walk through a list has been, as far as a cursor can hold it. Pure.
//!
//! Of all the places that were gone on to one is held, which moves ahead at ever longer intervals (Brent): whatever circle a
//! list leads into, one of its places is held in the end while the walk goes round once.
//!
//! Invariant: it takes the same room however long the list is, and a list that has an end is never taken for a circle.

/// What stands before and behind a trail that is joined to a provider's own cursor.
const MARK: char = '\u{1}';
/// The longest interval: more pages than any walk has.
const LONGEST: u32 = 40;

/// A walk so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// The place that is held; none before the first.
    held: Option<u64>,
    /// How many places were gone on to since.
    steps: u64,
    /// After as many, as a power of two, another is held.
    doubled: u32,
    /// The place of the page itself, which needs not be held to be known.
    at: Option<u64>,
}

/// The list leads back to where it has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circle;

impl Trail {
    /// The walk at the page of this cursor.
    #[must_use]
    pub fn at(self, native: &str) -> Self {
        Trail {
            at: Some(place(native)),
            ..self
        }
    }

    /// The walk with one place more.
    ///
    /// # Errors
    /// Where that is the one that is held, or the page itself.
    pub fn on_to(self, native: &str) -> Result<Self, Circle> {
        let place = place(native);
        if self.held == Some(place) || self.at == Some(place) {
            return Err(Circle);
        }
        let steps = self.steps + 1;
        match self.held {
            Some(held) if steps < 1 << self.doubled => Ok(Trail {
                held: Some(held),
                steps,
                doubled: self.doubled,
                at: None,
            }),
            held => Ok(Trail {
                held: Some(place),
                steps: 0,
                doubled: (self.doubled + u32::from(held.is_some())).min(LONGEST),
                at: None,
            }),
        }
    }

    /// The provider's own cursor with this trail before it.
    pub fn joined(self, native: &str) -> String {
        let Trail {
            held, steps, doubled, ..
        } = self;
        match held {
            Some(held) => format!("{MARK}{held:x}.{steps:x}.{doubled:x}{MARK}{native}"),
            None => native.to_owned(),
        }
    }

    /// The trail before a provider's own cursor, and that. One without a trail begins a walk.
    pub fn parted(text: &str) -> (Self, &str) {
        let parted = || {
            let (trail, native) = text.strip_prefix(MARK)?.split_once(MARK)?;
            let mut numbers = trail.split('.').map(|number| u64::from_str_radix(number, 16).ok());
            let (held, steps, doubled) = (numbers.next()??, numbers.next()??, numbers.next()??);
            let doubled = u32::try_from(doubled).ok().filter(|doubled| *doubled <= LONGEST)?;
            let held = Some(held);
            Some((
                Trail {
                    held,
                    steps,
                    doubled,
                    at: None,
                },
                native,
            ))
        };
        parted().unwrap_or((Trail::default(), text))
    }
}

/// What is held of a place.
fn place(native: &str) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&blake3::hash(native.as_bytes()).as_bytes()[..8]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// After how many pages a walk through these places is found to go round.
    fn found(places: impl Iterator<Item = usize>) -> Option<usize> {
        let mut joined = String::new();
        for (at, place) in places.enumerate() {
            let (trail, _) = Trail::parted(&joined);
            match trail.on_to(&format!("page={place}")) {
                Ok(trail) => joined = trail.joined(&format!("page={place}")),
                Err(Circle) => return Some(at),
            }
            assert!(joined.len() < 64, "{joined}");
        }
        None
    }

    #[test]
    fn a_list_that_ends_is_no_circle() {
        assert_eq!(found(0..20_000), None);
    }

    #[test]
    fn one_that_leads_back_is_found_however_long_the_way_round_is() {
        assert_eq!(found([1, 1].into_iter()), Some(1));
        assert_eq!(Trail::default().at("page=9").on_to("page=9"), Err(Circle));
        assert_eq!(found([1, 2].into_iter().cycle().take(9)), Some(3));
        for (before, round) in [(0, 3), (5, 1), (7, 2), (100, 7), (3, 1000)] {
            let places = (0..before).chain((before..before + round).cycle()).take(20_000);
            let found = found(places).expect("it goes round");
            assert!(found <= 4 * (before + round) + 4, "{before} {round}: {found}");
        }
    }

    proptest! {
        #[test]
        fn a_trail_is_parted_from_what_it_stands_before(held: u64, steps: u64, doubled in 0..=LONGEST, native in ".*") {
            let trail = Trail { held: Some(held), steps, doubled, at: None };
            let joined = trail.joined(&native);
            prop_assert_eq!(Trail::parted(&joined), (trail, &*native));
        }

        #[test]
        fn whatever_stands_there_is_read(text in "[\u{1}0-9a-z.]{0,40}") {
            Trail::parted(&text);
        }
    }
}
