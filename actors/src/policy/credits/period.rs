//! For how long credits are given at a time: days, months and whole hours, in UTC.
//!
//! Invariant: periods follow one another without a gap, and each moment is in one of them.

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

pub(super) const DAY: u64 = 86_400;

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
