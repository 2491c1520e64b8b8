//! The fields `RateLimit` and `RateLimit-Policy` of the IETF's draft: lists of policies by name, each with parameters.
//!
//! Invariant: a member that cannot be read is passed over alone; quoted text ends where its quote does.

use http::HeaderMap;
use jiff::Timestamp;
use mosaic_actors::rate_limit::RateLimit;

use super::{MOST, REQUESTS, limit, number, resource};
use crate::providers::http::waits;

/// A member of a list: what stands first, and its parameters.
struct Member<'a> {
    item: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

/// What the fields say. `t` is a wait; `q` stands in the policy, which an answer may leave out.
pub(super) fn read(headers: &HeaderMap, now: Timestamp) -> Vec<RateLimit> {
    let field = |name: &str| {
        let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        lines
            .flat_map(|line| split(line, ','))
            .take(MOST)
            .map(Member::of)
            .collect::<Vec<_>>()
    };
    let said = field("ratelimit");
    if let Some(limit) = dictionary(&said, now) {
        return vec![limit];
    }
    let policies = field("ratelimit-policy");
    let granted = |item: &str| policies.iter().find(|policy| policy.item == item)?.number("q");
    let told = |member: &Member<'_>| {
        let reset = member.get("t").and_then(|text| waits::until_reset(text, now));
        Some(RateLimit {
            limit: granted(member.item),
            ..limit(resource(member.item)?, member.number("r")?, reset, now)
        })
    };
    said.iter().filter_map(told).collect()
}

/// `limit=100, remaining=50, reset=5`, as drafts before the eighth had it.
fn dictionary(members: &[Member<'_>], now: Timestamp) -> Option<RateLimit> {
    let get = |name: &str| {
        let pairs = members.iter().filter_map(|member| member.item.split_once('='));
        let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
        values.next()
    };
    let reset = get("reset").and_then(|text| waits::until_reset(text, now));
    Some(RateLimit {
        limit: get("limit").and_then(number),
        ..limit(resource(REQUESTS)?, number(get("remaining")?)?, reset, now)
    })
}

impl<'a> Member<'a> {
    fn of(text: &'a str) -> Self {
        let mut parts = split(text, ';').map(str::trim);
        let item = parts.next().unwrap_or_default();
        let parameters = parts.filter_map(|part| part.split_once('='));
        Member {
            item: item.trim_matches('"'),
            parameters: parameters.map(|(name, value)| (name.trim(), value.trim())).collect(),
        }
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        let mut values = self.parameters.iter().filter(|(key, _)| *key == name);
        values.next().map(|(_, value)| *value)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(number)
    }
}

/// The pieces between `mark`, of which those within quotes are none.
fn split(text: &str, mark: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c: char| {
        quoted ^= c == '"';
        c == mark && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;

    #[test]
    fn policies_by_name() {
        let words = [
            ("RateLimit-Policy", r#""burst";q=100;w=60, "daily";q=1000;w=86400"#),
            ("RateLimit", r#""burst";r=50;t=30, "daily";r=7;t=4000"#),
        ];
        assert_eq!(said(&words), ["burst 100 50 - 30", "daily 1000 7 - 4000"]);
        // A token as well as a string; several lines are one list; no policy, no limit.
        let words = [
            ("RateLimit", "default;r=50;t=30"),
            ("RateLimit", r#""per-hour";r=1;pk=:cHJ,;dXA=:"#),
        ];
        assert_eq!(said(&words), ["default - 50 - 30", "per_hour - 1 - -"]);
    }

    #[test]
    fn drafts_before_the_eighth() {
        let words = [
            ("RateLimit-Policy", "100;w=60"),
            ("RateLimit", "limit=100, remaining=50, reset=5"),
        ];
        assert_eq!(said(&words), ["requests 100 50 - 5"]);
    }

    #[test]
    fn odd_members_are_passed_over_alone() {
        for odd in [
            r#""a,b;r=1";r=2, fine;r=3"#,
            r#"x, fine;r=3, y;t=1, ;r=1"#,
            r#"fine;r=3;t=soon, "never closed;r=1"#,
            r#"fine;r=3, fine"#,
        ] {
            assert_eq!(said(&[("RateLimit", odd)]), ["fine - 3 - -"], "{odd}");
        }
    }
}
