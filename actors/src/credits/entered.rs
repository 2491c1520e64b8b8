//! Which charges were entered, so that none is entered twice.
//!
//! Invariant: a charge that was told again under its name is known, however late it arrives, unless [`Entered::MOST`] others
//! were charged by since its holder was last.

use serde::{Deserialize, Serialize};

/// The name of a charge. A holder tells one at a time, and the next when the one before is known to be entered; who does not
/// learn what became of one tells it again under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeId {
    /// Who charges: one provider's credits in one process, by a number that it drew.
    pub holder: u64,
    /// The charge's number there, from 1; they ascend.
    pub number: u64,
}

/// The last charge of each holder that was entered, those who charged last at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Entered(Vec<(u64, u64)>);

impl Entered {
    /// Holders that are remembered: far more than there are processes at one time.
    pub const MOST: usize = 128;

    /// Whether a charge is to be entered, as it was not before. It is remembered from now on.
    pub fn is_new(&mut self, id: ChargeId) -> bool {
        let place = self.0.iter().position(|(holder, _)| *holder == id.holder);
        if let Some(place) = place {
            if self.0[place].1 >= id.number {
                return false;
            }
            self.0.remove(place);
        } else if self.0.len() >= Self::MOST {
            self.0.remove(0);
        }
        self.0.push((id.holder, id.number));
        true
    }

    /// Nothing was entered so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_entered_once_however_late_it_is_told_again_and_what_is_kept_is_bounded() {
        let mut entered = Entered::default();
        let mut told = |holder, number| entered.is_new(ChargeId { holder, number });
        assert!(told(1, 1) && told(2, 1) && told(1, 2));
        // One that was given up arrives after the next.
        assert!(!told(1, 1) && !told(1, 2) && !told(2, 1));
        for holder in 3..1_000 {
            assert!(told(holder, 7) && told(1, holder), "{holder}");
        }
        assert!(!told(1, 999), "who goes on charging is remembered");
        assert_eq!(entered.0.len(), Entered::MOST);
        let kept = serde_json::to_string(&entered).expect("numbers");
        assert_eq!(
            serde_json::from_str::<Entered>(&kept).expect("as it was written"),
            entered
        );
    }
}
