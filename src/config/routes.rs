//! `[[routes]]`: which calls go to whom.
//!
//! Invariant: a condition that is left out excludes nothing; how a route reads as a rule of the engine is said here alone.

use std::collections::BTreeMap;

use mosaic_actors::policy::routing::{Conditions, covers};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::access::Priority;
use super::billing::Usd;
use super::units;

const TIB: u64 = 1 << 40;

/// How a route's providers take turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// One after the other.
    #[default]
    RoundRobin,
    /// One after the other, by their weights.
    Weighted,
    /// The one with the fewest attempts in flight for its weight.
    LeastConnections,
    /// Of two drawn at random, the one that is expected to answer sooner.
    ResponseTime,
    /// The one whose latency, failures and money are expected to cost least, as it learns.
    Adaptive,
    /// Calls that belong together go to one, while it is not busier than others.
    ConsistentHashing,
}

/// What an operation costs whoever serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostClass {
    /// One cheap request.
    Read,
    /// Several requests, or a search.
    Heavy,
    /// A change.
    Write,
    /// What is billed by tokens.
    Tokens,
}

/// What a caller says that its call needs most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Performance {
    /// The soonest answer.
    LowLatency,
    /// As much work as all candidates together can do.
    HighThroughput,
    /// An answer, from whomever.
    BestEffort,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// A minute of the day, 00:00 to 24:00.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Parses a time such as `22:00`.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const WANTED: &str = "expected a time of the day such as \"22:00\", 00:00 to 24:00";
        let two = |digits: &str| {
            let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse::<u16>().ok()).flatten()
        };
        let (hours, minutes) = text.split_once(':').ok_or(WANTED)?;
        let (hours, minutes) = two(hours).zip(two(minutes)).ok_or(WANTED)?;
        match hours * 60 + minutes {
            minute if minutes < 60 && minute <= 1_440 => Ok(TimeOfDay(minute)),
            _ => Err(WANTED),
        }
    }

    /// Minutes since midnight.
    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{:02}:{:02}", self.0 / 60, self.0 % 60))
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        TimeOfDay::parse(&String::deserialize(d)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for TimeOfDay {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimeOfDay".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "time-of-day" })
    }
}

/// `[[routes.hours]]`: some hours of some days, in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HoursConfig {
    /// The days on which they begin; every day where left out.
    #[schemars(length(max = 7))]
    pub days: Vec<Day>,
    /// When they begin.
    pub from: TimeOfDay,
    /// When they end; not after `from`: on the next day.
    pub to: TimeOfDay,
}

impl Default for HoursConfig {
    fn default() -> Self {
        HoursConfig {
            days: Vec::new(),
            from: TimeOfDay(0),
            to: TimeOfDay(1_440),
        }
    }
}

/// `[[routes.prefer]]`: some of a route's providers, that are asked before those of later tables and of none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PreferConfig {
    /// These; with `labels` beside them, those that carry them too. Neither: all of the route's.
    #[schemars(length(max = 64))]
    pub providers: Vec<String>,
    /// Those that carry all these labels.
    pub labels: BTreeMap<String, String>,
    /// Only while their credits last.
    pub credits: bool,
}

/// `[[routes.canaries]]`: a share of a route's calls for one of its providers, for a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CanaryConfig {
    /// The provider.
    #[schemars(length(max = 40))]
    pub provider: String,
    /// Its share of the route's calls. To a ten thousandth of a percent.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub percent: f64,
}

/// `routes.weights`: what counts for `balance = "adaptive"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WeightsConfig {
    /// A second of latency.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub latency: f64,
    /// A failed attempt, beside the time that it takes to ask another.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub failure: f64,
    /// A US dollar.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub money: f64,
}

impl Default for WeightsConfig {
    fn default() -> Self {
        WeightsConfig {
            latency: 1.0,
            failure: 1.0,
            money: 10.0,
        }
    }
}

/// `[[routes]]`: calls that match all that is given go to one of the providers. The first match decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteConfig {
    /// What it is called, in records and counters.
    #[schemars(length(max = 64))]
    pub name: String,
    /// As if it were not there, unless it is this.
    pub enabled: bool,
    /// It decides nothing: it is counted how often it would have decided otherwise.
    pub shadow: bool,
    /// Routes of a higher one are tried first; of several with the same, those that stand first. Tenants' own routes are
    /// tried before those for all.
    #[schemars(range(min = -1_000_000, max = 1_000_000))]
    pub priority: i32,
    /// The caller's tenant. Where its table lists no providers, those that its own routes name are all that it reaches.
    #[schemars(length(max = 40))]
    pub tenant: Option<String>,
    /// The service, e.g. `git`.
    #[schemars(length(max = 40))]
    pub service: Option<String>,
    /// How the operation's name begins, e.g. `git.repo`.
    #[schemars(length(max = 128))]
    pub operation: Option<String>,
    /// A pattern for the resource, where `*` stands for anything, e.g. `acme/*`.
    #[schemars(length(max = 256))]
    pub resource: Option<String>,
    /// A pattern for the model that a call names.
    #[schemars(length(max = 256))]
    pub model: Option<String>,
    /// The smallest input.
    #[serde(with = "units::optional_size")]
    #[schemars(schema_with = "units::optional_bytes::<0, TIB>")]
    pub payload_min: Option<usize>,
    /// The largest input.
    #[serde(with = "units::optional_size")]
    #[schemars(schema_with = "units::optional_bytes::<0, TIB>")]
    pub payload_max: Option<usize>,
    /// What a call is expected to cost at least, at the dearest of the providers, in US dollars.
    pub cost_min_usd: Option<Usd>,
    /// What it is expected to cost there at most. What has no price costs nothing.
    pub cost_max_usd: Option<Usd>,
    /// Labels of the call, by name: patterns of their values.
    pub labels: BTreeMap<String, String>,
    /// Only within one of these hours.
    #[schemars(length(max = 64))]
    pub hours: Vec<HoursConfig>,
    /// Only operations of one of these classes.
    #[schemars(length(max = 4))]
    pub cost_class: Vec<CostClass>,
    /// Only calls that say that they need one of these most.
    #[schemars(length(max = 3))]
    pub performance: Vec<Performance>,
    /// Only calls that are so urgent.
    #[schemars(length(max = 3))]
    pub urgency: Vec<Priority>,
    /// The candidates, equivalent to each other.
    #[schemars(length(max = 64))]
    pub providers: Vec<String>,
    /// Beside them every provider that carries all these labels.
    pub select: BTreeMap<String, String>,
    /// Who of them is asked first.
    #[schemars(length(max = 16))]
    pub prefer: Vec<PreferConfig>,
    /// How they take turns.
    pub balance: Balance,
    /// What counts for `balance = "adaptive"`.
    pub weights: Option<WeightsConfig>,
    /// In place of turns, the one that is expected to answer soonest.
    pub nearest: bool,
    /// Shares of the calls for trials.
    #[schemars(length(max = 16))]
    pub canaries: Vec<CanaryConfig>,
}

impl Default for RouteConfig {
    /// Enabled, without a condition, for nobody.
    fn default() -> Self {
        RouteConfig {
            name: String::new(),
            enabled: true,
            shadow: false,
            priority: 0,
            tenant: None,
            service: None,
            operation: None,
            resource: None,
            model: None,
            payload_min: None,
            payload_max: None,
            cost_min_usd: None,
            cost_max_usd: None,
            labels: BTreeMap::new(),
            hours: Vec::new(),
            cost_class: Vec::new(),
            performance: Vec::new(),
            urgency: Vec::new(),
            providers: Vec::new(),
            select: BTreeMap::new(),
            prefer: Vec::new(),
            balance: Balance::default(),
            weights: None,
            nearest: false,
            canaries: Vec::new(),
        }
    }
}

impl RouteConfig {
    /// Whether calls of an operation can match, by its service and its name.
    pub(crate) fn covers(&self, operation: &str) -> bool {
        let of = |prefix: &Option<String>| prefix.as_deref().is_none_or(|prefix| covers(prefix, operation));
        of(&self.service) && of(&self.operation)
    }

    /// Whether it excludes no call of the operations that it is for.
    pub(crate) fn takes_any_call(&self) -> bool {
        self.tenant.is_none() && self.resource.is_none() && self.rule().when == Conditions::default()
    }

    /// Whether it decides anything.
    pub(crate) fn decides(&self) -> bool {
        self.enabled && !self.shadow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_day_parse_and_print() {
        for (text, minute) in [("00:00", 0), ("06:30", 390), ("24:00", 1_440)] {
            let time = TimeOfDay::parse(text).unwrap();
            assert_eq!(time.minutes(), minute);
            assert_eq!(serde_json::to_value(time).unwrap(), text);
        }
        for text in [
            "", "6:30", "06:60", "24:01", "0630", "06:3", "+1:00", "06:30:00", "99:99",
        ] {
            assert!(TimeOfDay::parse(text).is_err(), "{text}");
        }
    }
}
