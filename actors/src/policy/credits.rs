//! Credits: what may be spent at a provider within a period, and the ledger of what is.
//!
//! Invariant: what is granted is free, reserved or spent, and never more than was granted; a reservation is made before it
//! is spent. Only what a call costs beyond its reservation can go beyond the credits: it is owed, and told apart. Times are
//! seconds since the Unix epoch, periods begin and end in UTC.

/// What credits are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Billionths of a US dollar.
    NanoUsd,
    /// Calls, whatever they cost.
    Calls,
}

/// For how long credits are given at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// A day, in UTC.
    Day,
    /// A calendar month, in UTC.
    Month,
    /// So many hours (at least 1), counted from the Unix epoch.
    Hours(u32),
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

const DAY: u64 = 86_400;

impl Period {
    /// The beginning of the period in which `unix` is, and the beginning of the next.
    pub fn bounds(self, unix: u64) -> (u64, u64) {
        let whole = |length: u64| {
            let begin = unix - unix % length;
            (begin, begin.saturating_add(length))
        };
        match self {
            Period::Day => whole(DAY),
            Period::Hours(hours) => whole(u64::from(hours.max(1)) * 3_600),
            Period::Month => {
                let (year, month) = month_of(unix / DAY);
                let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                (first_day(year, month) * DAY, first_day(next.0, next.1) * DAY)
            }
        }
    }
}

/// The year and month of a day since the epoch, by the calendar's cycle of 400 years (Richards, in the Explanatory
/// Supplement to the Astronomical Almanac).
fn month_of(day: u64) -> (u64, u64) {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    // Months from March on.
    let month = (5 * of_year + 2) / 153;
    let (month, turned) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + turned, month)
}

/// The first day of a month, since the epoch.
fn first_day(year: u64, month: u64) -> u64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * month + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Credits that were taken before they are spent. To be settled once.
#[derive(Debug, PartialEq, Eq)]
pub struct Reservation {
    /// How many.
    pub amount: u64,
    /// The beginning of the period that they are of.
    period: u64,
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

/// The ledger of one provider's credits in one process: what was leased of them, and what became of that.
#[derive(Clone, Debug)]
pub struct Ledger {
    credits: Credits,
    begins: u64,
    ends: u64,
    free: u64,
    reserved: u64,
    spent: u64,
    owed: u64,
    unleased: Unleased,
    /// The largest reservation that could not be had since the last lease.
    wanted: u64,
}

/// How much is leased at a time at least: one part in so many of the credits. The field's share for leases of quotas is one
/// to five percent.
const LEASES: u64 = 20;

impl Ledger {
    /// Of nothing leased, as of `now`.
    pub fn new(credits: Credits, now: u64) -> Self {
        let (begins, ends) = credits.period.bounds(now);
        Ledger {
            credits,
            begins,
            ends,
            free: 0,
            reserved: 0,
            spent: 0,
            owed: 0,
            unleased: Unleased::Unknown,
            wanted: 0,
        }
    }

    /// Begins a new period where `now` is in one. What was leased of the old one is worth nothing any more.
    pub fn roll(&mut self, now: u64) {
        let (begins, ends) = self.credits.period.bounds(now);
        // A clock that was set back does not open a period again.
        if begins > self.begins {
            let owed = self.owed;
            *self = Ledger {
                begins,
                ends,
                owed,
                ..Ledger::new(self.credits, now)
            };
        }
    }

    /// The credits as they are configured.
    pub fn credits(&self) -> Credits {
        self.credits
    }

    /// Takes over others. What was leased goes on where they are counted alike.
    pub fn follow(&mut self, credits: Credits, now: u64) {
        let alike = self.credits.unit == credits.unit && self.credits.period == credits.period;
        match alike {
            true => {
                self.unleased = Unleased::Unknown;
                self.credits = credits;
            }
            false => *self = Ledger::new(credits, now),
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
        self.spent.saturating_add(self.owed)
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
            period: self.begins,
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
            period: self.begins,
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
        if reservation.period == self.begins {
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
        let chunk = (self.credits.amount / LEASES).max(1);
        let enough = self.free >= (chunk / 2).max(1).max(self.wanted);
        let none_left = !anew && self.unleased == Unleased::Known(0);
        (!enough && !none_left).then(|| chunk.max(self.wanted))
    }

    /// So many were leased for the period that began at `period`, and `left` are there for others. False where that period
    /// is over: they are worth nothing here.
    pub fn granted(&mut self, period: u64, granted: u64, left: u64) -> bool {
        if period != self.begins {
            return false;
        }
        self.free = self.free.saturating_add(granted);
        self.unleased = Unleased::Known(left);
        self.wanted = 0;
        true
    }

    /// Nobody knows any longer what others have left.
    pub fn ask_again(&mut self) {
        self.unleased = Unleased::Unknown;
    }

    /// Takes what is owed, to be told where credits are kept; and what it is of.
    pub fn take_owed(&mut self) -> Option<u64> {
        (self.owed > 0).then(|| std::mem::take(&mut self.owed)).inspect(|owed| {
            self.spent = self.spent.saturating_add(*owed);
            if let Unleased::Known(left) = &mut self.unleased {
                *left = left.saturating_sub(*owed);
            }
        })
    }

    /// Takes back what was taken by [`Ledger::take_owed`] and could not be told.
    pub fn owe_again(&mut self, owed: u64) {
        self.spent = self.spent.saturating_sub(owed);
        self.owed = self.owed.saturating_add(owed);
    }

    /// Gives up what is free, to be given back where it came from.
    pub fn give_up(&mut self) -> u64 {
        self.unleased = Unleased::Known(0);
        std::mem::take(&mut self.free)
    }
}

#[cfg(test)]
mod tests;
