//! How who starts a run chooses what becomes of it.
//!
//! Invariant: a word that is not known chooses nothing: the run succeeds.

use std::collections::BTreeMap;

use super::ending::Ending;

/// The input, variable or parameter that chooses.
pub(crate) const OUTCOME: &str = "SANDBOX_OUTCOME";

/// What becomes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// `success`, `failure`, `unstable`, `error` or `skipped`.
    Ends(Ending),
    /// `flaky`: the first attempt fails, later ones succeed.
    Flaky,
    /// `hold`: it runs until somebody stops it.
    Holds,
    /// `approval`: it waits for somebody's word, and then succeeds.
    Waits,
}

impl Outcome {
    /// The one that these inputs choose.
    pub fn of(inputs: &BTreeMap<String, String>) -> Self {
        match inputs.get(OUTCOME).map(String::as_str) {
            Some("failure") => Self::Ends(Ending::Failure),
            Some("unstable") => Self::Ends(Ending::Unstable),
            Some("error") => Self::Ends(Ending::Error),
            Some("skipped") => Self::Ends(Ending::Skipped),
            Some("flaky") => Self::Flaky,
            Some("hold") => Self::Holds,
            Some("approval") => Self::Waits,
            _ => Self::Ends(Ending::Success),
        }
    }

    /// How this attempt, counted from 1, ends; `None`: not by itself.
    pub fn ending(self, attempt: u32) -> Option<Ending> {
        match self {
            Self::Ends(ending) => Some(ending),
            Self::Flaky if attempt == 1 => Some(Ending::Failure),
            Self::Flaky | Self::Waits => Some(Ending::Success),
            Self::Holds => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_chooses_and_an_unknown_one_does_not() {
        let of = |word: &str| Outcome::of(&BTreeMap::from([(OUTCOME.to_owned(), word.to_owned())]));
        assert_eq!(of("failure").ending(2), Some(Ending::Failure));
        assert_eq!(
            (of("flaky").ending(1), of("flaky").ending(2)),
            (Some(Ending::Failure), Some(Ending::Success))
        );
        assert_eq!(of("hold").ending(1), None);
        assert_eq!(of("Failure").ending(1), Some(Ending::Success));
        assert_eq!(Outcome::of(&BTreeMap::new()), Outcome::Ends(Ending::Success));
    }
}
