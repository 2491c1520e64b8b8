//! What an error of the HTTP client means.
//!
//! Invariant: a request is marked unsent only where it is proven not to have left, and no URL reaches a failure.

use std::borrow::Cow;
use std::error::Error;
use std::io;

use mosaic_actors::error::{Failure, Kind};

use crate::wire::tls;

/// What an error of the client means. The URL is taken out: its query may hold what an input held.
pub(super) fn transport(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let failure = if error.is_connect() {
        // Also where it timed out: without a connection nothing was sent.
        Failure::new(Kind::Network, because("the provider could not be reached", &error)).never_sent()
    } else if never_left(&error) {
        Failure::new(Kind::Network, "the connection to the provider was closing").never_sent()
    } else if error.is_timeout() {
        Failure::new(Kind::Timeout, "the provider did not answer in time")
    } else if error.is_builder() {
        Failure::new(Kind::Internal, "a request could not be built").never_sent()
    } else if cut_or_garbled(&error) {
        Failure::new(Kind::UpstreamFailed, "the answer broke off, or is not HTTP")
    } else {
        // A server may refuse our part of a handshake after its own.
        Failure::new(Kind::Network, because("the connection to the provider broke", &error))
    };
    failure.because(error)
}

fn because(sentence: &'static str, error: &reqwest::Error) -> Cow<'static, str> {
    tls::why(error).map_or(sentence.into(), |why| format!("{sentence}: {why}").into())
}

/// Whether the client gave the request back whole: its connection was closed by the time it was to be written.
fn never_left(error: &reqwest::Error) -> bool {
    causes(error).any(|error| {
        error
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_canceled)
    })
}

/// Whether an answer began and then ended before its time, or was no HTTP at all. A reset is neither.
fn cut_or_garbled(error: &reqwest::Error) -> bool {
    causes(error).any(|error| {
        let cut = error
            .downcast_ref::<io::Error>()
            .is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof);
        cut || error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse)
    })
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source())
}
