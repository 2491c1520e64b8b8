//! Whether what a provider answered before has changed: the validators of answers, and the requests that bring them back.
//!
//! Invariant: an answer has a validator only where the body of one `GET` is all that it was made of, and a validator goes
//! only with the very request whose answer it came with; so whoever hears that nothing has changed has the whole answer.
//!
//! A handler neither sees a validator nor says whether its answer has one: what it asks for is counted while it runs.

use std::cell::RefCell;
use std::sync::Arc;

use http::header::{ACCEPT, DATE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use mosaic_actors::error::{Failure, Kind};

use super::Outgoing;

/// The longest validator that is kept.
const LONGEST: usize = 256;
/// How a request is told from others: so many characters before each validator.
const PRINT: usize = 16;

tokio::task_local! {
    /// What the call under way on this task has asked for so far.
    static STANDING: RefCell<Standing>;
}

/// What became of a call's requests.
#[derive(Debug, Default)]
pub struct Standing {
    /// What the answer that is kept can be recognised by.
    kept: Option<Arc<str>>,
    /// The call changes nothing, whatever the methods of its requests.
    reads: bool,
    /// How many were sent.
    sent: u32,
    /// Of those, how many may have changed something.
    writes: u32,
    /// One of them was answered with a success.
    wrote: bool,
    /// What this answer can be recognised by.
    validator: Option<Arc<str>>,
    /// The answer that is kept is that of now.
    pub unchanged: bool,
    /// The provider's id of the request that said so.
    pub request_id: Option<Arc<str>>,
}

impl Standing {
    /// What the call's answer can be recognised by.
    pub fn validator(&self) -> Option<Arc<str>> {
        self.validator.clone().filter(|_| self.sent == 1)
    }

    /// What a failure says of a write: reads that come before it are no part of it, and what was done before it failed stays
    /// done.
    pub fn judge(&self, mut failure: Failure) -> Failure {
        if self.sent > 0 && self.writes == 0 {
            failure.unsent = true;
        } else if self.wrote {
            failure.unsent = false;
        }
        failure
    }
}

/// Runs what answers a call of which an answer is kept that can be recognised so, and tells what became of its requests.
/// `reads`: it changes nothing.
pub async fn about<T>(kept: Option<Arc<str>>, reads: bool, answering: impl Future<Output = T>) -> (T, Standing) {
    let standing = Standing {
        kept,
        reads,
        ..Standing::default()
    };
    let watched = async {
        let answer = answering.await;
        (answer, STANDING.with(RefCell::take))
    };
    STANDING.scope(RefCell::new(standing), watched).await
}

/// The answer under way is made of more than the body of what came: it has no validator.
pub(super) fn needs_more() {
    // Outside of a call nobody keeps an answer.
    let _outside = STANDING.try_with(|standing| standing.borrow_mut().sent += 1);
}

/// Whether a request of this method may change something: some searches are asked for as orders are.
pub(super) fn is_order(method: &Method) -> bool {
    let reads = STANDING.try_with(|standing| standing.borrow().reads);
    !method.is_safe() && !reads.unwrap_or(false)
}

/// A request, as far as validators are concerned.
pub(super) struct Subject {
    /// `None`: it has none.
    print: Option<String>,
    /// It may change something.
    writes: bool,
    /// The header that asks whether its answer has changed.
    condition: Option<(HeaderName, HeaderValue)>,
}

impl Subject {
    /// Of a request that is sent now; `validates`: its provider tells whether an answer has changed.
    pub(super) fn of(outgoing: &Outgoing, validates: bool) -> Self {
        let print = (validates && outgoing.method == Method::GET).then(|| print(outgoing));
        let asked = STANDING.try_with(|standing| {
            let mut standing = standing.borrow_mut();
            standing.sent += 1;
            standing.writes += u32::from(!standing.reads && !outgoing.method.is_safe());
            standing.validator = None;
            // What comes behind another request may mean something else by now.
            let kept = standing.kept.as_deref().filter(|_| standing.sent == 1)?;
            condition(kept, print.as_deref()?)
        });
        Subject {
            condition: asked.ok().flatten(),
            writes: is_order(&outgoing.method),
            print,
        }
    }

    /// The headers to send with it.
    pub(super) fn headers(&self) -> HeaderMap {
        self.condition.iter().cloned().collect()
    }

    /// Takes an answer's word.
    ///
    /// # Errors
    /// That nothing has changed, which ends the handler: [`Standing::unchanged`] says so.
    pub(super) fn hear(&self, status: StatusCode, headers: &HeaderMap, id: Option<Arc<str>>) -> Result<(), Failure> {
        if self.writes && status.is_success() {
            let _outside = STANDING.try_with(|standing| standing.borrow_mut().wrote = true);
        }
        let Some(print) = &self.print else { return Ok(()) };
        let unchanged = status == StatusCode::NOT_MODIFIED && self.condition.is_some();
        let told = STANDING.try_with(|standing| {
            let mut standing = standing.borrow_mut();
            if unchanged {
                (standing.unchanged, standing.request_id) = (true, id);
            }
            if unchanged || status == StatusCode::OK {
                standing.validator = validator(headers).map(|validator| [print, &*validator].concat().into());
            }
        });
        match told.is_ok() && unchanged {
            true => Err(Failure::new(Kind::Internal, "what is kept has not changed")),
            false => Ok(()),
        }
    }
}

/// Tells apart what is asked for where, and in which form.
fn print(outgoing: &Outgoing) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("mosaic request of a validator");
    let form = outgoing.headers.get(ACCEPT).map_or(&b""[..], HeaderValue::as_bytes);
    hasher
        .update(outgoing.url.as_str().as_bytes())
        .update(b"\n")
        .update(form);
    hasher.finalize().to_hex()[..PRINT].to_owned()
}

/// What an answer can be recognised by: `e` and its entity tag as it came, else `m` and when it last changed.
fn validator(headers: &HeaderMap) -> Option<String> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().filter(|text| text.len() <= LONGEST);
    if let Some(tag) = text(ETAG) {
        let opaque = tag.strip_prefix("W/").unwrap_or(tag);
        let quoted = opaque.len() >= 2 && opaque.starts_with('"') && opaque.ends_with('"');
        return quoted.then(|| format!("e{tag}"));
    }
    // What was changed in the second in which it was sent may have been changed again in the same second.
    let changed = text(LAST_MODIFIED).filter(|changed| text(DATE).is_some_and(|now| now != *changed))?;
    Some(format!("m{changed}"))
}

/// The header that brings a validator back, if it is that of this request.
fn condition(kept: &str, print: &str) -> Option<(HeaderName, HeaderValue)> {
    let validator = kept.strip_prefix(print)?;
    let (name, value) = match validator.split_at_checked(1)? {
        ("e", tag) => (IF_NONE_MATCH, tag),
        ("m", changed) => (IF_MODIFIED_SINCE, changed),
        _ => return None,
    };
    Some((name, HeaderValue::from_str(value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::Endpoint;
    use super::super::endpoint::tests::{DIALECT, connection};
    use super::*;
    use proptest::prelude::*;

    fn request(parts: &[&str]) -> Outgoing {
        let endpoint = Endpoint::new(&connection(Some("https://h.example/api")), &DIALECT).unwrap();
        endpoint.get(parts).unwrap()
    }

    fn headers(words: &[(HeaderName, &str)]) -> HeaderMap {
        let header = |(name, value): &(HeaderName, &str)| (name.clone(), HeaderValue::from_str(value).unwrap());
        words.iter().map(header).collect()
    }

    /// One request after the other, each with its status and its answer's headers; the condition that each was sent with.
    async fn asked(
        kept: Option<Arc<str>>,
        requests: &[(&Outgoing, u16, HeaderMap)],
    ) -> (Vec<Option<(HeaderName, HeaderValue)>>, Standing) {
        about(kept, true, async {
            let ask = |(outgoing, status, headers): &(&Outgoing, u16, HeaderMap)| {
                let subject = Subject::of(outgoing, true);
                let said = subject.hear(StatusCode::from_u16(*status).unwrap(), headers, None);
                assert_eq!(said.is_err(), *status == 304 && subject.condition.is_some());
                subject.condition
            };
            requests.iter().map(ask).collect()
        })
        .await
    }

    const WEAK: &str = "W/\"abc, d\"";

    #[tokio::test]
    async fn what_is_asked_for_as_an_order_is_none_in_a_call_that_reads() {
        for (reads, order) in [(true, false), (false, true)] {
            let (told, _) = about(None, reads, async { is_order(&Method::POST) }).await;
            assert_eq!(told, order);
        }
        assert!(is_order(&Method::POST) && !is_order(&Method::GET));
    }

    #[tokio::test]
    async fn a_validator_goes_back_as_it_came_with_the_same_request() {
        let (one, other) = (request(&["repos", "a"]), request(&["repos", "b"]));
        let raw = request(&["repos", "a"]).accept("application/vnd.x.raw");
        let tagged = || headers(&[(ETAG, WEAK)]);
        let (sent, standing) = asked(None, &[(&one, 200, tagged())]).await;
        assert_eq!(sent, [None]);
        let kept = standing.validator();
        assert!(kept.is_some() && !standing.unchanged);

        let back = Some((IF_NONE_MATCH, HeaderValue::from_static(WEAK)));
        let (sent, standing) = asked(kept.clone(), &[(&one, 304, tagged())]).await;
        assert_eq!((sent, standing.unchanged), (vec![back.clone()], true));
        assert_eq!(standing.validator(), kept);
        // It has changed.
        let newer = headers(&[(ETAG, "\"new\"")]);
        let (_, standing) = asked(kept.clone(), &[(&one, 200, newer)]).await;
        assert!(!standing.unchanged && standing.validator().is_some_and(|newer| Some(newer) != kept));
        // Elsewhere, or in another form, it is another's.
        for another in [&other, &raw] {
            let (sent, standing) = asked(kept.clone(), &[(another, 304, tagged())]).await;
            assert_eq!((sent, standing.unchanged), (vec![None], false));
        }
    }

    #[tokio::test]
    async fn what_is_made_of_more_than_one_body_has_none() {
        let (one, other) = (request(&["repos", "a"]), request(&["repos", "b"]));
        let tagged = || headers(&[(ETAG, WEAK)]);
        let (_, two) = asked(None, &[(&one, 200, tagged()), (&other, 200, tagged())]).await;
        assert_eq!(two.validator(), None);
        let (_, second) = asked(two.validator.clone(), &[(&one, 200, tagged()), (&other, 304, tagged())]).await;
        assert!(!second.unchanged, "it follows another");
        let (_, moved) = asked(None, &[(&one, 301, tagged()), (&other, 200, tagged())]).await;
        assert_eq!(moved.validator(), None);
        let (_, odd) = asked(None, &[(&one, 206, tagged())]).await;
        assert_eq!(odd.validator(), None);
        let written = Outgoing {
            method: Method::POST,
            ..request(&["repos"])
        };
        assert_eq!(asked(None, &[(&written, 200, tagged())]).await.1.validator(), None);
        let ((), paged) = about(None, false, async {
            let told = Subject::of(&one, true).hear(StatusCode::OK, &tagged(), None);
            told.unwrap();
            needs_more();
        })
        .await;
        assert_eq!(paged.validator(), None);
        let ((), other_kind) = about(None, false, async {
            let subject = Subject::of(&one, false);
            subject.hear(StatusCode::OK, &tagged(), None).unwrap();
        })
        .await;
        assert_eq!(other_kind.validator(), None);
    }

    #[test]
    fn outside_of_a_call_nothing_is_conditional() {
        let subject = Subject::of(&request(&["a"]), true);
        assert!(subject.headers().is_empty());
        assert!(subject.hear(StatusCode::NOT_MODIFIED, &HeaderMap::new(), None).is_ok());
        needs_more();
    }

    #[test]
    fn what_an_answer_can_be_recognised_by() {
        let (date, before) = ("Tue, 14 Jul 2026 03:34:20 GMT", "Tue, 14 Jul 2026 03:34:19 GMT");
        for (words, expected) in [
            (vec![(ETAG, "\"a\"")], Some("e\"a\"".to_owned())),
            (
                vec![(ETAG, WEAK), (LAST_MODIFIED, before), (DATE, date)],
                Some(format!("e{WEAK}")),
            ),
            (vec![(LAST_MODIFIED, before), (DATE, date)], Some(format!("m{before}"))),
            // It may change once more in the same second.
            (vec![(LAST_MODIFIED, date), (DATE, date)], None),
            (vec![(LAST_MODIFIED, before)], None),
            (vec![(ETAG, "*")], None),
            (vec![(ETAG, "")], None),
            (vec![(ETAG, "\"")], None),
            (vec![(ETAG, "W/")], None),
            (vec![], None),
        ] {
            assert_eq!(validator(&headers(&words)), expected, "{words:?}");
        }
        let long = format!("\"{}\"", "x".repeat(LONGEST));
        assert_eq!(validator(&headers(&[(ETAG, &long)])), None);
    }

    proptest! {
        #[test]
        fn whatever_was_kept_elsewhere_is_survived(kept in "\\PC{0,40}", behind in "\\PC{0,40}") {
            let print = print(&request(&["a"]));
            prop_assert!(kept.starts_with(&print) || condition(&kept, &print).is_none());
            let forged = format!("{print}{behind}");
            if let Some((_, value)) = condition(&forged, &print) {
                prop_assert!(value.as_bytes().iter().all(|byte| *byte >= b' ' || *byte == b'\t'));
            }
        }
    }
}
