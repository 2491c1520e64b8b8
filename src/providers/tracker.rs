//! What trackers share: how comments are named, which days, states and colours there are, and whether what was asked for is
//! there.
//!
//! Invariant: no provider's name and no wire type appears here, and nothing here is sent.

use jiff::Timestamp;
use jiff::civil::Date;
use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};

use super::http::Received;
use crate::catalogue::person::Person;
use crate::catalogue::projects::{Clearable, Issue, IssueCreateInput, IssueState, IssueUpdateInput};
use crate::wording::list;

/// The neutral id of a comment; [`commented`] reads its native part.
pub fn comment_id(instance: &str, issue: &str, id: u64) -> String {
    Resource::neutral_id(instance, format!("{issue}/{id}"))
}

/// An issue's native id and the comment's own, of `owner/name#number/id`.
///
/// # Errors
/// `invalid_input` on `comment`.
pub fn commented(native: &str) -> Result<(&str, u64), Failure> {
    let parts = native
        .rsplit_once('/')
        .filter(|(issue, _)| issue.contains('#'))
        .and_then(|(issue, id)| Some((issue, id.parse().ok()?)));
    parts.ok_or_else(|| {
        let sentence = "comment must be an id of the list of comments, owner/name#number/id";
        Failure::invalid("comment", sentence).never_sent()
    })
}

/// Refuses to change what is no longer as the caller has seen it: `seen` is a time of change, as the provider told it.
///
/// # Errors
/// `precondition_failed` on `if_match`.
pub fn unchanged(received: &Received, seen: Option<&str>, updated_at: Option<&str>) -> Result<(), Failure> {
    let Some(seen) = seen else { return Ok(()) };
    let moment = |text: &str| text.parse::<Timestamp>().ok();
    let same = updated_at.is_some_and(|now| now == seen || moment(now).is_some_and(|now| moment(seen) == Some(now)));
    match same {
        true => Ok(()),
        false => {
            let sentence = "if_match is no longer the time of its last change";
            let mut failure = received.failure(Kind::PreconditionFailed, sentence);
            failure.field = Some("if_match".into());
            Err(failure.never_sent())
        }
    }
}

/// What of what was `asked` for is not there; names differ in more than their case.
pub fn lacking<'a>(asked: impl IntoIterator<Item = &'a str>, given: &[impl AsRef<str>]) -> Vec<&'a str> {
    let is_given = |name: &str| {
        given
            .iter()
            .any(|its| its.as_ref().to_lowercase() == name.to_lowercase())
    };
    asked.into_iter().filter(|name| !is_given(name)).collect()
}

/// Whether there is any such.
pub fn lacks<'a>(asked: impl IntoIterator<Item = &'a str>, given: &[impl AsRef<str>]) -> bool {
    !lacking(asked, given).is_empty()
}

/// The sentence on people who cannot see to an issue, which ends with why.
pub fn strangers(names: &[&str], why: &str) -> String {
    format!("assignees names {}, {why}", list(names, "and"))
}

/// Notes on a new issue what of its input the provider passed over. `people` are the accounts that were asked for.
pub fn note_missing(input: &IssueCreateInput, people: &[&str], made: &mut Issue) {
    let account = |its: &'_ Person| its.login.clone().or_else(|| its.id.clone());
    let given: Vec<String> = made.assignees.iter().filter_map(account).collect();
    let labels = input.labels.iter().map(|label| &**label);
    let missing = [
        ("labels", lacks(labels, &made.labels)),
        ("assignees", lacks(people.iter().copied(), &given)),
        ("milestone", input.milestone.is_some() && made.milestone.is_none()),
        ("due_on", input.due_on.is_some() && made.due_on.is_none()),
    ];
    note(missing, made);
}

/// Notes on a changed issue what of its input the provider passed over. `milestone` is the number of the one that was set.
pub fn note_unchanged(input: &IssueUpdateInput, milestone: Option<u64>, now: &mut Issue) {
    let clears = |what| input.clear.contains(&what);
    let its = now.milestone.as_ref().map(|its| its.id.as_str());
    let asked = milestone.is_some() || clears(Clearable::Milestone);
    let other = asked && its != milestone.map(|id| id.to_string()).as_deref();
    let day = input
        .due_on
        .as_deref()
        .is_some_and(|day| now.due_on.as_deref() != Some(day));
    let kept = (other && milestone.is_none()) || (clears(Clearable::DueOn) && now.due_on.is_some());
    let unchanged = [
        ("milestone", other && milestone.is_some()),
        ("due_on", day),
        ("clear", kept),
    ];
    note(unchanged, now);
}

fn note<const N: usize>(fields: [(&str, bool); N], issue: &mut Issue) {
    let dropped = fields.into_iter().filter(|(_, is_dropped)| *is_dropped);
    issue.dropped = dropped.map(|(field, _)| field.to_owned()).collect();
}

/// The state that a word stands for; whatever is not closed is open.
pub fn state(word: Option<&str>) -> IssueState {
    match word {
        Some("closed") => IssueState::Closed,
        _ => IssueState::Open,
    }
}

/// A colour as we write it, of one with or without its mark; none of a word.
pub fn colour(text: &str) -> Option<String> {
    let digits = text.trim_start_matches('#');
    let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    match digits.len() {
        6 if hex => Some(format!("#{}", digits.to_ascii_lowercase())),
        3 if hex => Some(digits.chars().fold("#".to_owned(), |colour, digit| {
            colour + &digit.to_ascii_lowercase().to_string().repeat(2)
        })),
        _ => None,
    }
}

/// A moment that is on `day` wherever it is looked at from, but for the rim of the world.
pub fn noon(day: &str) -> String {
    format!("{day}T12:00:00Z")
}

/// The day of a moment, as whoever wrote it counts days.
pub fn day(moment: &str) -> Option<String> {
    let day = moment.get(..10)?;
    day.parse::<Date>().ok().map(|_| day.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_id_is_read_back() {
        let id = comment_id("forge-a", "acme/api#7", 4411);
        assert_eq!(commented(Resource::parse(&id).native()).unwrap(), ("acme/api#7", 4411));
        assert_eq!(commented("group/sub/api#7/1").unwrap(), ("group/sub/api#7", 1));
        for odd in [
            "acme/api#7",
            "acme/api/7",
            "acme/api#7/",
            "acme/api#7/x",
            "acme/api#7/-1",
        ] {
            assert_eq!(commented(odd).unwrap_err().field.as_deref(), Some("comment"), "{odd}");
        }
    }

    #[test]
    fn a_colour_has_six_digits_and_a_mark() {
        for (text, colour_of) in [
            ("F29513", Some("#f29513")),
            ("#f29513", Some("#f29513")),
            ("#abc", Some("#aabbcc")),
            ("red", None),
            ("", None),
        ] {
            assert_eq!(colour(text).as_deref(), colour_of, "{text}");
        }
    }

    #[test]
    fn a_day_is_that_of_whoever_wrote_it() {
        for (moment, its) in [
            ("2026-03-01T23:59:59-05:00", Some("2026-03-01")),
            ("2026-03-01T07:00:00Z", Some("2026-03-01")),
            ("2026-03-01", Some("2026-03-01")),
            ("0001-13-01T00:00:00Z", None),
            ("soon", None),
        ] {
            assert_eq!(day(moment).as_deref(), its, "{moment}");
        }
        assert_eq!(noon("2026-03-01"), "2026-03-01T12:00:00Z");
    }

    #[test]
    fn what_is_there_by_another_case_is_there() {
        assert!(!lacks(["Bug", "ü"], &["bug", "Ü", "more"]));
        assert!(lacks(["bug", "none"], &["bug"]));
        let strange = lacking(["kim", "Ada", "zoe"], &["ada"]);
        assert_eq!(
            strangers(&strange, "who have no account"),
            "assignees names kim and zoe, who have no account"
        );
        let nobody: &[&str] = &[];
        assert!(!lacks([], nobody));
    }
}
