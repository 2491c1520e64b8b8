//! Conditions of a rule on the call itself: what it asks for, what its caller says of it, and when it comes.
//!
//! Invariant: a condition that is absent excludes nothing; what it takes to look is a few comparisons, and no allocation.

use std::sync::Arc;

use super::super::glob::glob;
use super::trace::Reason;
use crate::call::{Call, CostClass, Homes, Performance, Priority};

/// What a call must be like. All that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Only calls that name a model which matches, in whatever case; `*` stands for any run of characters.
    pub model: Option<Arc<str>>,
    /// Only inputs of at least so many bytes.
    pub payload_min: Option<u64>,
    /// Only inputs of at most so many bytes.
    pub payload_max: Option<u64>,
    /// Only calls that are expected to cost at least so much at the dearest of the rule's instances, in billionths of a US
    /// dollar.
    pub cost_min: Option<u64>,
    /// Only calls that are expected to cost at most so much there. What costs nothing that is known of is cheap.
    pub cost_max: Option<u64>,
    /// Only calls with all these labels: names, and patterns of their values.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// Only within one of these windows.
    pub hours: Vec<Window>,
    /// Only operations of one of these classes.
    pub costs: Vec<CostClass>,
    /// Only calls that say that they need one of these most. A call that does not say matches none.
    pub performance: Vec<Performance>,
    /// Only calls that are so urgent.
    pub urgency: Vec<Priority>,
}

/// Some hours of some days, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The days on which it begins: bit 0 is Monday, bit 6 Sunday.
    pub days: u8,
    /// The minute of the day from which on (0 to 1439).
    pub from: u16,
    /// The minute of the day before which it ends (0 to 1440); not after `from`: on the next day.
    pub to: u16,
}

impl Window {
    /// Every day of the week.
    pub const EVERY_DAY: u8 = 0b0111_1111;

    /// Whether it is open, at so many seconds since the Unix epoch.
    pub fn is_open(&self, unix: u64) -> bool {
        let minute = (unix / 60 % 1_440) as u16;
        // The epoch was a Thursday.
        let today = (unix / 86_400 + 3) % 7;
        let begins_on = |day: u64| self.days >> day & 1 == 1;
        if self.from < self.to {
            begins_on(today) && (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from && begins_on(today) || minute < self.to && begins_on((today + 6) % 7)
        }
    }
}

/// The model that a call names: as its caller's attributes tell, or because it is what the operation is about.
pub(crate) fn model_of(call: &Call) -> Option<&str> {
    let about = || (call.operation.homes == Homes::Offered).then(|| &**call.resource.native());
    call.attributes
        .model
        .as_deref()
        .or_else(about)
        .filter(|model| !model.is_empty())
}

impl Conditions {
    /// Why a call that comes at `unix`, in seconds since the Unix epoch, does not meet them; `cost` tells what it is
    /// expected to cost.
    pub(super) fn mismatch(&self, call: &Call, unix: u64, cost: impl FnOnce() -> u64) -> Option<Reason> {
        let said = &call.attributes;
        let one_of = |few: &[Performance]| said.performance.is_some_and(|need| few.contains(&need));
        if !(self.performance.is_empty() || one_of(&self.performance)) {
            return Some(Reason::Performance);
        }
        if !(self.urgency.is_empty() || self.urgency.contains(&said.priority)) {
            return Some(Reason::Priority);
        }
        let size = said.payload_bytes;
        if self.payload_min.is_some_and(|least| size < least) || self.payload_max.is_some_and(|most| size > most) {
            return Some(Reason::Payload);
        }
        let is_model =
            |pattern: &Arc<str>| model_of(call).is_some_and(|model| glob(pattern.as_bytes(), model.as_bytes()));
        if !self.model.as_ref().is_none_or(is_model) {
            return Some(Reason::Model);
        }
        let is_labelled = |(name, pattern): &(Arc<str>, Arc<str>)| {
            let mut values = said.labels.iter().filter(|(known, _)| known == name);
            values.any(|(_, value)| glob(pattern.as_bytes(), value.as_bytes()))
        };
        if !self.labels.iter().all(is_labelled) {
            return Some(Reason::Labels);
        }
        if !(self.hours.is_empty() || self.hours.iter().any(|window| window.is_open(unix))) {
            return Some(Reason::Hours);
        }
        if self.cost_min.is_none() && self.cost_max.is_none() {
            return None;
        }
        let cost = cost();
        let within = self.cost_min.is_none_or(|least| cost >= least) && self.cost_max.is_none_or(|most| cost <= most);
        (!within).then_some(Reason::Cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2024-01-01 00:00 UTC, a Monday.
    const MONDAY: u64 = 1_704_067_200;

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let night = Window {
            days: 0b1_0000,
            from: 22 * 60,
            to: 6 * 60,
        };
        let at = |day: u64, hour: u64| MONDAY + day * 86_400 + hour * 3_600;
        assert!(night.is_open(at(4, 22)) && night.is_open(at(5, 5)));
        assert!(!night.is_open(at(4, 5)) && !night.is_open(at(5, 6)) && !night.is_open(at(5, 22)));
        let day = Window {
            days: Window::EVERY_DAY,
            from: 0,
            to: 1_440,
        };
        assert!(day.is_open(MONDAY) && day.is_open(MONDAY + 86_399));
    }

    proptest! {
        #[test]
        fn a_window_is_open_in_exactly_the_minutes_that_follow_its_beginnings(
            days in 0u8..128, from in 0u16..1_440, to in 0u16..=1_440, minute in 0u64..20_160,
        ) {
            let window = Window { days, from, to };
            let length = if from < to { to - from } else { 1_440 - from + to };
            // Every beginning within the three weeks around it, minute by minute.
            let minute = minute + 10_080;
            let begins = (0..28u64).filter(|day| days >> (day % 7) & 1 == 1).map(|day| day * 1_440 + u64::from(from));
            let open = begins.clone().any(|begin| (begin..begin + u64::from(length)).contains(&minute));
            prop_assert_eq!(window.is_open(MONDAY + minute * 60), open);
        }
    }
}
