//! Weighted round robin, smooth: nginx's.
//!
//! Invariant: where all are available and first choices, over as many calls as the weights come to, each gets exactly its
//! weight of them, and those of one are spread among those of others. The credits always come to nothing in all.

use super::Balancer;
use super::candidates::{Asked, Candidates};
use super::field::{Field, Standing};
use super::scores::{Basis, Scores};

/// Each in its turn, by its weight. At each turn everybody who comes into question gains its weight, the richest is chosen,
/// and pays what all have gained (nginx, `ngx_http_upstream_round_robin`). Among more candidates than are looked at for one
/// choice, those who are looked at take part; over many calls the shares are the same.
#[derive(Debug, Default)]
pub struct Weighted {
    /// What each has gained and not spent, by its place in the rule's list, in thousandths of a weight.
    credits: Vec<i64>,
}

/// Thousandths, so that a share of a weight counts, and the sums stay exact.
fn gain(weight: f64) -> i64 {
    (weight * 1_000.0).round().max(1.0) as i64
}

impl Balancer for Weighted {
    fn choose(&mut self, asked: &Asked<'_>, candidates: &dyn Candidates, scores: &mut Scores) -> Option<usize> {
        scores.by(Basis::Turn);
        let field = Field::of(asked, candidates);
        let mut richest: Option<(i64, usize, usize)> = None;
        let mut total = 0;
        let spends = asked.spends() && matches!(field.standing(), Standing::Free | Standing::Scarce);
        for (_, index, view) in field.eligible() {
            let place = candidates.place(index);
            if self.credits.len() <= place {
                self.credits.resize(place + 1, 0);
            }
            let gain = gain(view.effective_weight());
            let credit = self.credits[place] + gain;
            total += gain;
            if spends {
                self.credits[place] = credit;
            }
            if richest.is_none_or(|(most, _, _)| credit > most) {
                richest = Some((credit, index, place));
            }
        }
        let (_, index, place) = richest?;
        if spends {
            self.credits[place] -= total;
        }
        Some(index)
    }
}
