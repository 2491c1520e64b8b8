//! Which forges are faulty, how, and when that changes: drawn from a seed.
//!
//! Invariant: from the first turn on exactly [`FAULTY`] forges are faulty.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use mosaic::sandbox::{Effect, Fault};

use crate::harness::Stage;

/// So many are faulty at a time.
pub const FAULTY: usize = 3;
/// Kinds of faults, each as likely as the others.
const KINDS: u8 = 7;

pub struct Weather {
    random: Rng,
    /// The numbers of the faulty forges, longest first.
    faulty: VecDeque<usize>,
}

impl Weather {
    pub fn of(seed: u64) -> Weather {
        Weather {
            random: Rng::with_seed(seed),
            faulty: VecDeque::new(),
        }
    }

    /// One turn each `pace`, `turns` times: who has been faulty for longest is well, and one that was well is faulty. So each
    /// has a fault for as many turns as there are faulty ones.
    pub async fn change(&mut self, stage: &Stage, pace: Duration, turns: u32) {
        while self.faulty.len() < FAULTY {
            self.strike(stage);
        }
        for _ in 1..turns {
            tokio::time::sleep(pace).await;
            // The other first: who gets well now is none of those that may fall ill.
            self.strike(stage);
            let well = self.faulty.pop_front().expect("some are faulty");
            stage.sandbox.servers()[well].faults().clear();
        }
        tokio::time::sleep(pace).await;
    }

    /// Another forge is faulty.
    fn strike(&mut self, stage: &Stage) {
        let forges = stage.sandbox.servers();
        let well: Vec<usize> = (0..forges.len())
            .filter(|number| !self.faulty.contains(number))
            .collect();
        let number = self.random.choice(well).expect("not all are faulty");
        let fault = self.fault();
        forges[number].faults().add(fault).expect("a sound fault");
        self.faulty.push_back(number);
    }

    /// What befalls each request, or, of one in three forges, each second one.
    fn fault(&mut self) -> Fault {
        let random = &mut self.random;
        let effect = match random.u8(0..KINDS) {
            0 => Effect::Error {
                status: random.choice([500, 502, 503]).expect("one of three"),
            },
            1 => Effect::Hang {
                processed: random.bool(),
            },
            2 => Effect::Reset {
                processed: random.bool(),
            },
            3 => Effect::Malformed,
            4 => Effect::Truncated,
            5 => Effect::RateLimit {
                retry_after_s: random.u64(1..=3),
                secondary: random.bool(),
            },
            // Of sixteen pieces: late, or too late.
            _ => Effect::Drip {
                ms: random.choice([25, 1_000]).expect("one of two"),
            },
        };
        let share = random.choice([1.0, 1.0, 0.5]).expect("one of three");
        Fault::new(effect).probability(share, random.u64(..))
    }
}
