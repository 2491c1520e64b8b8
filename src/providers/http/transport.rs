//! What an error of the HTTP client means.
//!
//! Invariant: a request is marked unsent only where it is proven not to have left, and no URL reaches a failure.

use std::borrow::Cow;
use std::error::Error;
use std::io;

use mosaic_actors::error::{Failure, Kind};

use crate::wire::sender::Unanswered;
use crate::wire::tls;
use crate::wire::upstream::Endless;

/// Why a request has no answer.
pub(super) fn unanswered(error: Unanswered) -> Failure {
    let sent = match &error {
        Unanswered::Unmade(_) => {
            return Failure::new(Kind::Internal, error.to_string())
                .never_sent()
                .because(error);
        }
        Unanswered::Unsent(sent) => sent,
    };
    let failure = if sent.is_connect() {
        // Also where it timed out: without a connection nothing was sent.
        Failure::new(Kind::Network, because("the provider could not be reached", &error)).never_sent()
    } else if never_left(&error) {
        Failure::new(Kind::Network, "the connection to the provider was closing").never_sent()
    } else if causes(&error).any(is_endless) {
        Failure::new(
            Kind::UpstreamFailed,
            "the provider said without end that it was about to answer (1xx)",
        )
        .not_usable()
    } else {
        broken(&error)
    };
    failure.because(error)
}

/// Why the body of an answer broke off. The URL is taken out: its query may hold what an input held.
pub(super) fn transport(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    broken(&error).because(error)
}

fn broken(error: &(dyn Error + 'static)) -> Failure {
    match cut_or_garbled(error) {
        true => Failure::new(Kind::UpstreamFailed, "the answer broke off, or is not HTTP"),
        // A server may refuse our part of a handshake after its own.
        false => Failure::new(Kind::Network, because("the connection to the provider broke", error)),
    }
}

fn because(sentence: &'static str, error: &(dyn Error + 'static)) -> Cow<'static, str> {
    tls::why(error).map_or(sentence.into(), |why| format!("{sentence}: {why}").into())
}

/// Whether the client gave the request back whole: its connection was closed by the time it was to be written.
fn never_left(error: &Unanswered) -> bool {
    causes(error).any(|error| {
        error
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_canceled)
    })
}

/// Whether it is for its informational answers that the connection was given up.
fn is_endless(error: &(dyn Error + 'static)) -> bool {
    let io = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    io.is_some_and(|within| within.is::<Endless>())
}

/// Whether an answer began and then ended before its time, or was no HTTP at all. A reset is neither.
fn cut_or_garbled(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|error| {
        let cut = error
            .downcast_ref::<io::Error>()
            .is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof);
        cut || error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse)
    })
}

pub(super) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source())
}
