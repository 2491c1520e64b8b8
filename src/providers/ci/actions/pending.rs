//! Runs that were asked for and have no id yet: what is known of one, and which one it is. Pure.
//!
//! Invariant: a run is the one that was asked for only where no other could be it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use url::form_urlencoded::{Serializer, parse};

use crate::catalogue::cicd::Run;
use crate::providers::forge;
use crate::providers::http::Time;

/// How much earlier than it was asked for a run may seem to be made: clocks of one forge differ by a moment.
pub const SKEW: SignedDuration = SignedDuration::from_secs(5);
/// How long behind that its run may be made: what is made later is another's.
pub const KEPT: Duration = Duration::from_secs(300);

/// What is known of a run that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// `owner/name`.
    pub project: String,
    /// The pipeline, as the forge was asked for it.
    pub pipeline: String,
    pub branch: String,
    /// When it was asked for, by the forge's clock where it told that.
    pub since: Timestamp,
    /// The newest run that was there before, where that is known.
    pub latest: Option<u64>,
    /// Who asked for it, where that is known.
    pub actor: Option<String>,
}

impl Pending {
    /// When it was asked for: `took` before the answer, which bears its own date. In whole seconds, as its id tells it.
    pub fn since(date: Option<&str>, took: Duration) -> Timestamp {
        let whole = Duration::from_secs(took.as_secs());
        let at = clock(date);
        let at = at.checked_sub(whole).unwrap_or(at);
        Timestamp::from_second(at.as_second()).unwrap_or(at)
    }

    /// What `cicd.run.resolve` takes.
    pub fn id(&self, instance: &str) -> String {
        let mut known = Serializer::new(String::new());
        known
            .append_pair("pipeline", &self.pipeline)
            .append_pair("branch", &self.branch)
            .append_pair("since", &self.since.as_second().to_string());
        let latest = self.latest.map(|latest| latest.to_string());
        known
            .extend_pairs(latest.map(|latest| ("latest", latest)))
            .extend_pairs(self.actor.as_ref().map(|actor| ("actor", actor)));
        Resource::neutral_id(instance, format!("{}#{}", self.project, known.finish()))
    }

    /// Reads what [`Pending::id`] has made, without the instance.
    ///
    /// # Errors
    /// `invalid_input` on `pending`.
    pub fn read(native: &str) -> Result<Self, Failure> {
        let sentence = "pending must be what a trigger has answered as such";
        let wrong = || Failure::invalid("pending", sentence).never_sent();
        let (project, known) = native.rsplit_once('#').ok_or_else(wrong)?;
        forge::project("pending", project).map_err(|_| wrong())?;
        let value = |wanted: &str| {
            let mut pairs = parse(known.as_bytes());
            pairs.find_map(|(name, value)| (name == wanted && !value.is_empty()).then(|| value.into_owned()))
        };
        let since = value("since").and_then(|since| Timestamp::from_second(since.parse().ok()?).ok());
        Ok(Pending {
            project: project.to_owned(),
            pipeline: value("pipeline").ok_or_else(wrong)?,
            branch: value("branch").ok_or_else(wrong)?,
            since: since.ok_or_else(wrong)?,
            latest: value("latest").and_then(|latest| latest.parse().ok()),
            actor: value("actor"),
        })
    }

    /// `owner` and `name`.
    ///
    /// # Errors
    /// `invalid_input` on `pending`.
    pub fn parts(&self) -> Result<(&str, &str), Failure> {
        forge::project("pending", &self.project)
    }

    /// The earliest moment that its run can have been made.
    pub fn earliest(&self) -> Timestamp {
        self.since.checked_sub(SKEW).unwrap_or(self.since)
    }

    /// The latest moment that its run can have been made.
    fn last(&self) -> Timestamp {
        self.since.checked_add(KEPT).unwrap_or(self.since)
    }

    /// Whether its run would have been made by `now`, if it ever is.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now > self.last()
    }

    /// Whether a run was there before it was asked for.
    pub fn is_later_than(&self, run: &Run) -> bool {
        made(run).is_some_and(|made| made < self.earliest())
            || (self.latest.zip(number(run))).is_some_and(|(latest, number)| number <= latest)
    }

    /// Whether a run that may be the one tells that it was made in time.
    pub fn is_timely(&self, run: &Run) -> bool {
        made(run).is_some_and(|made| made <= self.last())
    }

    /// Whether a run may be the one, by what it tells of itself: what it does not tell speaks not against it.
    pub fn may_be(&self, run: &Run) -> bool {
        let who = run.author.as_ref().and_then(|author| author.login.as_deref());
        // What has begun late may have been made in time.
        let is_late = at(run.created_at.as_ref()).is_some_and(|created| created > self.last());
        !is_late
            && !self.is_later_than(run)
            && run.branch.as_deref().is_none_or(|branch| branch == self.branch)
            && (self.actor.as_deref().zip(who)).is_none_or(|(wanted, who)| wanted.eq_ignore_ascii_case(who))
    }
}

/// When a run was made, as far as it tells: what has begun was made before.
fn made(run: &Run) -> Option<Timestamp> {
    at(run.created_at.as_ref().or(run.started_at.as_ref()))
}

fn at(told: Option<&String>) -> Option<Timestamp> {
    told.and_then(|at| at.parse().ok())
}

fn number(run: &Run) -> Option<u64> {
    run.id.rsplit('#').next().and_then(|id| id.parse().ok())
}

/// What time it is by the forge's clock, where an answer bears its date; else by ours.
pub fn clock(date: Option<&str>) -> Timestamp {
    let told = date.and_then(|date| serde_json::from_value::<Time>(date.into()).ok()?.at());
    told.unwrap_or_else(Timestamp::now)
}

/// The only one of those that may be it.
///
/// # Errors
/// `conflict` where several may.
pub fn the_one(mut runs: Vec<Run>) -> Result<Option<Run>, Failure> {
    let one = runs.pop();
    if !runs.is_empty() {
        let sentence =
            "several runs may be the one that was asked for, and it is not guessed which; look at the list of runs";
        return Err(Failure::new(Kind::Conflict, sentence));
    }
    Ok(one)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pending() -> Pending {
        Pending {
            project: "acme/api".to_owned(),
            pipeline: "build & test.yml".to_owned(),
            branch: "feat/a~b#c".to_owned(),
            since: Timestamp::from_second(1_714_979_289).expect("a moment"),
            latest: None,
            actor: Some("ada".to_owned()),
        }
    }

    fn run(created_at: &str, branch: &str, login: &str) -> Run {
        let run = json!({"id": "ci~acme/api#1", "project": "acme/api", "status": "queued", "raw_status": "queued",
            "created_at": created_at, "branch": branch, "author": {"login": login}});
        serde_json::from_value(run).expect("a run")
    }

    #[test]
    fn it_is_read_back_whatever_its_branch_is_called() {
        let id = pending().id("ci");
        assert!(serde_json::from_value::<crate::catalogue::fields::PendingRef>(id.clone().into()).is_ok());
        assert_eq!(
            Pending::read(Resource::parse(&id).native()).expect("its own"),
            pending()
        );
        for odd in [
            "",
            "acme/api",
            "acme/api#7",
            "acme/api#pipeline=a&branch=b",
            "acme/api#pipeline=a&branch=b&since=x",
        ] {
            let failure = Pending::read(odd).unwrap_err();
            assert_eq!(
                (failure.field.as_deref(), failure.unsent),
                (Some("pending"), true),
                "{odd}"
            );
        }
    }

    #[test]
    fn ha1_only_what_no_other_could_be_is_it() {
        let own = run("2024-05-06T07:08:06Z", "feat/a~b#c", "Ada");
        for (other, may) in [
            (own.clone(), true),
            (run("2024-05-06T07:08:03Z", "feat/a~b#c", "ada"), false),
            (run("2024-05-06T07:08:30Z", "main", "ada"), false),
            (run("2024-05-06T07:08:30Z", "feat/a~b#c", "eve"), false),
            (run("2024-05-06T09:08:30+02:00", "feat/a~b#c", "ada"), true),
            (run("2024-05-06T07:13:09Z", "feat/a~b#c", "ada"), true),
            (run("2024-05-06T07:13:10Z", "feat/a~b#c", "ada"), false),
        ] {
            assert_eq!(pending().may_be(&other), may, "{other:?}");
        }
        let after = |latest| Pending {
            latest: Some(latest),
            ..pending()
        };
        assert!(after(0).may_be(&own) && !after(1).may_be(&own));
        assert_eq!(the_one(vec![]).expect("none"), None);
        assert_eq!(the_one(vec![own.clone()]).expect("one"), Some(own.clone()));
        assert_eq!(the_one(vec![own.clone(), own]).unwrap_err().kind, Kind::Conflict);
    }

    #[test]
    fn the_forges_own_clock_counts() {
        let since = Pending::since(Some("Mon, 06 May 2024 07:08:09 GMT"), Duration::from_millis(2_900));
        assert_eq!(since.to_string(), "2024-05-06T07:08:07Z");
    }

    #[test]
    fn our_clock_counts_in_whole_seconds_as_the_id_does() {
        for _ in 0..3 {
            let since = Pending::since(None, Duration::ZERO);
            assert_eq!(since, Timestamp::from_second(since.as_second()).expect("a moment"));
            let own = Pending { since, ..pending() };
            assert_eq!(
                Pending::read(Resource::parse(&own.id("ci")).native()).expect("its own"),
                own
            );
        }
    }
}
