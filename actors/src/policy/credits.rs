//! Credits: what may be spent at a provider within a period, and the ledger of what is.
//!
//! Invariant: what is granted is free, reserved or spent, and never more than was granted; a reservation is made before it
//! is spent. Only what a call costs beyond its reservation can go beyond the credits: it is owed, and told apart. Times are
//! seconds since the Unix epoch, periods begin and end in UTC.

mod period;

pub use period::Period;

/// What credits are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Billionths of a US dollar.
    NanoUsd,
    /// Calls, whatever they cost.
    Calls,
}

/// The credits of one provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credits {
    /// What they are counted in.
    pub unit: Unit,
    /// How many there are in each period.
    pub amount: u64,
    /// When there are new ones.
    pub period: Period,
    /// Nothing goes there without them. Otherwise only rules that ask for credits heed them.
    pub hard: bool,
}

/// Credits that were taken before they are spent. To be settled once.
#[derive(Debug, PartialEq, Eq)]
pub struct Reservation {
    /// How many.
    pub amount: u64,
    /// The ledger's generation that they are of.
    generation: u64,
    /// They were not there: all that the call costs is owed.
    uncovered: bool,
}

/// Why nothing is reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfunded {
    /// More must be leased first.
    Short,
    /// They are spent until the period ends.
    Spent,
}

/// What is known of the credits that nobody has leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unleased {
    /// Nobody was asked in this period.
    Unknown,
    /// So many, when they were last asked for.
    Known(u64),
}

/// What is owed, on its way to where credits are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Numbers of one ledger ascend. One that is told again has the number that it had, so that it can be entered once.
    pub number: u64,
    /// How many.
    pub amount: u64,
}

/// The ledger of one provider's credits in one process: what was leased of them, and what became of that.
#[derive(Clone, Debug)]
pub struct Ledger {
    credits: Credits,
    /// How often it began anew. Two periods may begin at one time; reservations of one are nothing in the other.
    generation: u64,
    begins: u64,
    ends: u64,
    free: u64,
    reserved: u64,
    spent: u64,
    owed: u64,
    /// The charge that was told last, until it is known to be entered.
    telling: Option<Charge>,
    /// Charges so far.
    charges: u64,
    unleased: Unleased,
    /// The largest reservation that could not be had since the last lease.
    wanted: u64,
    /// How much is leased next.
    size: u64,
    /// When something was leased last.
    leased_at: u64,
}

/// How much is leased at a time: one part in so many of the credits at first, and at most one part in so many. A process that
/// is killed loses what it has leased, and holds no more than it spends within a minute or the least. The field's share for
/// leases of quotas is one to five percent.
const LEAST: u64 = 400;
const MOST: u64 = 20;
/// A lease that lasts for less than so many seconds is followed by one twice as large, up to the most.
const SOON: u64 = 10;
/// One that lasts for more than so many, by one half as large, down to the least.
const LONG: u64 = 60;

impl Ledger {
    /// Of nothing leased, as of `now`.
    pub fn new(credits: Credits, now: u64) -> Self {
        let (begins, ends) = credits.period.bounds(now);
        Ledger {
            credits,
            generation: 0,
            begins,
            ends,
            free: 0,
            reserved: 0,
            spent: 0,
            owed: 0,
            telling: None,
            charges: 0,
            unleased: Unleased::Unknown,
            wanted: 0,
            size: 0,
            leased_at: 0,
        }
    }

    /// Begins anew, with what is owed still.
    fn renew(&mut self, credits: Credits, now: u64) {
        *self = Ledger {
            generation: self.generation + 1,
            owed: self.owed,
            telling: self.telling,
            charges: self.charges,
            ..Ledger::new(credits, now)
        };
    }

    /// Begins a new period where `now` is in one. What was leased of the old one is worth nothing any more.
    pub fn roll(&mut self, now: u64) {
        let (begins, _) = self.credits.period.bounds(now);
        // A clock that was set back does not open a period again.
        if begins > self.begins {
            self.renew(self.credits, now);
        }
    }

    /// The credits as they are configured.
    pub fn credits(&self) -> Credits {
        self.credits
    }

    /// Takes over others, counted in the same unit. What was leased goes on where this period is one of theirs; else it is
    /// worth nothing any more. What is owed stays so.
    pub fn follow(&mut self, credits: Credits, now: u64) {
        let same = self.credits.period == credits.period || credits.period.bounds(now) == (self.begins, self.ends);
        match same {
            true => {
                self.unleased = Unleased::Unknown;
                self.credits = credits;
            }
            false => self.renew(credits, now),
        }
    }

    /// The period's beginning and end.
    pub fn period(&self) -> (u64, u64) {
        (self.begins, self.ends)
    }

    /// What can be reserved still, as far as is known: leased or not.
    pub fn left(&self) -> u64 {
        let unleased = match self.unleased {
            Unleased::Unknown => 0,
            Unleased::Known(left) => left,
        };
        self.free.saturating_add(unleased)
    }

    /// What was spent here in this period, owed included.
    pub fn spent(&self) -> u64 {
        let telling = self.telling.map_or(0, |charge| charge.amount);
        self.spent.saturating_add(self.owed).saturating_add(telling)
    }

    /// What was leased and is not spent so far: were this process killed, it would be lost until the period ends.
    pub fn leased(&self) -> u64 {
        self.free.saturating_add(self.reserved)
    }

    /// Whether `amount` could be reserved now, and what is missing if not. Nothing can be had where nothing is left.
    pub fn affords(&self, amount: u64) -> Result<(), Unfunded> {
        if self.free >= amount.max(1) {
            return Ok(());
        }
        match self.unleased {
            Unleased::Known(left) if self.free.saturating_add(left) < amount.max(1) => Err(Unfunded::Spent),
            _ => Err(Unfunded::Short),
        }
    }

    /// Reserves `amount`.
    ///
    /// # Errors
    /// What is missing; it is remembered for the next lease.
    pub fn reserve(&mut self, amount: u64) -> Result<Reservation, Unfunded> {
        if self.asks(amount) {
            return Err(Unfunded::Short);
        }
        self.affords(amount)?;
        self.free -= amount;
        self.reserved += amount;
        Ok(Reservation {
            amount,
            generation: self.generation,
            uncovered: false,
        })
    }

    /// Whether `amount` could be had, were it leased first. Then it is remembered for the next lease.
    pub fn asks(&mut self, amount: u64) -> bool {
        let short = self.affords(amount) == Err(Unfunded::Short);
        if short {
            self.wanted = self.wanted.max(amount.max(1));
        }
        short
    }

    /// Whether something is to be leased, or to be told that is owed.
    pub fn has_to_do(&self) -> bool {
        self.owed > 0 || self.to_lease(false).is_some()
    }

    /// For a call that is made without credits: what it costs will be owed.
    pub fn uncovered(&self, amount: u64) -> Reservation {
        Reservation {
            amount,
            generation: self.generation,
            uncovered: true,
        }
    }

    /// What was reserved did cost `actual`. Less gives the rest back; more is taken of what is free, and what is not there
    /// is owed. After its period has ended a reservation is worth nothing, and owes only what it did not cover.
    pub fn settle(&mut self, reservation: Reservation, actual: u64) {
        if reservation.uncovered {
            return self.take(actual);
        }
        let over = actual.saturating_sub(reservation.amount);
        if reservation.generation == self.generation {
            let covered = actual.min(reservation.amount);
            self.reserved -= reservation.amount;
            self.spent += covered;
            self.free += reservation.amount - covered;
        }
        self.take(over);
    }

    /// Spends what nothing was reserved for.
    fn take(&mut self, amount: u64) {
        let free = amount.min(self.free);
        self.free -= free;
        self.spent += free;
        self.owed = self.owed.saturating_add(amount - free);
    }

    /// How much should be leased now; `None`: there is enough, or nothing to be had, as far as is known. `anew`: others may
    /// have given some back meanwhile.
    pub fn to_lease(&self, anew: bool) -> Option<u64> {
        let size = self.sized(self.size);
        let enough = self.free >= (size / 2).max(1).max(self.wanted);
        let none_left = !anew && self.unleased == Unleased::Known(0);
        (!enough && !none_left).then(|| size.max(self.wanted))
    }

    /// A lease's size, within its bounds.
    fn sized(&self, size: u64) -> u64 {
        let part = |parts: u64| (self.credits.amount / parts).max(1);
        size.clamp(part(LEAST), part(MOST))
    }

    /// So many were leased for the period with this beginning and this end, `now`, and `left` are there for others. False where
    /// that is not this one: they are worth nothing here.
    pub fn granted(&mut self, period: (u64, u64), granted: u64, left: u64, now: u64) -> bool {
        if period != self.period() {
            return false;
        }
        let size = self.sized(self.size);
        self.size = self.sized(match now.saturating_sub(self.leased_at) {
            lasted if lasted < SOON => size * 2,
            lasted if lasted > LONG => size / 2,
            _ => size,
        });
        self.leased_at = now;
        self.free = self.free.saturating_add(granted);
        self.unleased = Unleased::Known(left);
        self.wanted = 0;
        true
    }

    /// Nobody knows any longer what others have left.
    pub fn ask_again(&mut self) {
        self.unleased = Unleased::Unknown;
    }

    /// What is to be told where credits are kept: what was told before and is not known to be entered, or else what is owed.
    pub fn charge(&mut self) -> Option<Charge> {
        if self.telling.is_none() && self.owed > 0 {
            self.charges += 1;
            self.telling = Some(Charge {
                number: self.charges,
                amount: std::mem::take(&mut self.owed),
            });
        }
        self.telling
    }

    /// The charge of this number was entered.
    pub fn charged(&mut self, number: u64) {
        if let Some(charge) = self.telling.take_if(|charge| charge.number == number) {
            self.spent = self.spent.saturating_add(charge.amount);
            if let Unleased::Known(left) = &mut self.unleased {
                *left = left.saturating_sub(charge.amount);
            }
        }
    }

    /// Gives up what is free, to be given back where it came from.
    pub fn give_up(&mut self) -> u64 {
        self.unleased = Unleased::Known(0);
        std::mem::take(&mut self.free)
    }
}

#[cfg(test)]
mod tests;
