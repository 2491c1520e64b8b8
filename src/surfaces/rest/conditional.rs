//! Answers that their client has already: entity tags, and what is asked by them (RFC 9110, sections 8.8.3 and 13).
//!
//! Invariant: equal tags mean equal bytes. The tag of a remembered answer is made once, by whoever is the first to want it.

use bytes::Bytes;
use http::header::{IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
use http::{HeaderMap, HeaderName, HeaderValue};
use mosaic_actors::call::Head;
use mosaic_actors::error::{Failure, Kind};

/// What only whoever reads may ask by.
const CONDITIONS: [HeaderName; 3] = [IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE];

/// What a request asks by.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    matches: Vec<HeaderValue>,
    none_match: Vec<HeaderValue>,
}

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// The answer is wanted.
    Yes,
    /// The client has it.
    Unchanged,
}

impl Conditions {
    /// Of a read.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let all = |name: &HeaderName| headers.get_all(name).iter().cloned().collect();
        Conditions {
            matches: all(&IF_MATCH),
            none_match: all(&IF_NONE_MATCH),
        }
    }

    /// Refuses the conditions of what is no read: whether they hold nobody looks before it is done.
    ///
    /// # Errors
    /// `unsupported` naming the header.
    pub(super) fn refuse(headers: &HeaderMap) -> Result<(), Failure> {
        let given = CONDITIONS.iter().find(|name| headers.contains_key(*name));
        given.map_or(Ok(()), |name| {
            let sentence = format!("{name} is for GET alone; what a write depends on, its own fields say");
            Err(Failure::unsupported_field(name.as_str(), sentence).never_sent())
        })
    }

    /// Whether an answer with this tag is wanted.
    ///
    /// # Errors
    /// `precondition_failed`.
    pub(super) fn met(&self, tag: &HeaderValue) -> Result<Met, Failure> {
        if !self.matches.is_empty() && !names(&self.matches, tag, false) {
            let mut failure = Failure::new(Kind::PreconditionFailed, "what is there now is not what If-Match names");
            failure.field = Some(IF_MATCH.as_str().into());
            return Err(failure);
        }
        match names(&self.none_match, tag, true) {
            true => Ok(Met::Unchanged),
            false => Ok(Met::Yes),
        }
    }
}

/// Whether one of the lists names a tag of ours. The tags of others may hold commas: what stands between those is none of
/// ours. `weakly`: a proxy that encodes answers may have made it weak.
fn names(lists: &[HeaderValue], tag: &HeaderValue, weakly: bool) -> bool {
    let is_named = |one: &[u8]| {
        let one = one.trim_ascii();
        let strong = one.strip_prefix(b"W/").filter(|_| weakly).unwrap_or(one);
        one == b"*" || strong == tag.as_bytes()
    };
    let mut each = lists
        .iter()
        .flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
    each.any(is_named)
}

/// The tag of an answer's bytes.
pub(super) fn tag(head: &Head, bytes: &Bytes) -> HeaderValue {
    let make = || {
        let hash = blake3::hash(bytes);
        let (first, _) = hash.as_bytes().split_at(16);
        first.iter().fold(0, |mark, byte| (mark << 8) | u128::from(*byte))
    };
    let mark = match &head.mark {
        Some(mark) => mark.get_or_make(make),
        None => make(),
    };
    HeaderValue::try_from(format!("\"{mark:032x}\"")).expect("hexadecimal digits in quotes")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mosaic_actors::call::BodyMark;

    use super::*;

    fn asked(name: HeaderName, lines: &[&'static str]) -> Conditions {
        let lines = lines.iter().map(|line| (name.clone(), HeaderValue::from_static(line)));
        Conditions::of(&lines.collect())
    }

    #[test]
    fn a_tag_is_that_of_the_bytes_and_made_once() {
        let mut head = Head::json(Arc::from("forge-a"));
        let of = |head: &Head, text: &'static str| tag(head, &Bytes::from_static(text.as_bytes()));
        let tag = of(&head, "{}");
        assert_eq!(tag.len(), 34);
        assert_eq!(of(&head, "{}"), tag);
        assert_ne!(of(&head, "{ }"), tag);
        head.mark = Some(BodyMark::default());
        assert_eq!(of(&head, "{}"), tag);
        assert_eq!(of(&head.clone(), "whoever shares the place shares the body"), tag);
    }

    #[test]
    fn conditions_are_met_or_not() {
        let tag = HeaderValue::from_static("\"ab\"");
        for (lines, met) in [
            (&["\"ab\""][..], Met::Unchanged),
            (&["W/\"ab\""], Met::Unchanged),
            (&["\"x,y\", \"ab\""], Met::Unchanged),
            (&["\"x\"", "\"ab\""], Met::Unchanged),
            (&["*"], Met::Unchanged),
            (&["\"x\", ab"], Met::Yes),
            (&[""], Met::Yes),
            (&[], Met::Yes),
        ] {
            let conditions = asked(IF_NONE_MATCH, lines);
            assert_eq!(conditions.met(&tag).expect("no If-Match"), met, "{lines:?}");
        }
        for (lines, holds) in [
            (&["\"ab\""][..], true),
            (&["*"], true),
            (&["W/\"ab\""], false),
            (&["\"x\""], false),
            (&[], true),
        ] {
            assert_eq!(asked(IF_MATCH, lines).met(&tag).is_ok(), holds, "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_read_is_not_asked_by_conditions() {
        for name in CONDITIONS {
            let headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static("*"))]);
            let refused = Conditions::refuse(&headers).expect_err("it is a write");
            assert_eq!(refused.field.as_deref(), Some(name.as_str()));
        }
        assert!(Conditions::refuse(&HeaderMap::new()).is_ok());
    }
}
