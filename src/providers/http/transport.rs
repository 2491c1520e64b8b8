//! What an error of the HTTP client means.
//!
//! Invariant: a request is marked unsent only where no connection stood, and no URL reaches a failure.

use std::error::Error;
use std::io;

use mosaic_actors::error::{Failure, Kind};

/// What an error of the client means. The URL is taken out: its query may hold what an input held.
pub(super) fn transport(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let failure = if error.is_connect() {
        // Also where it timed out: without a connection nothing was sent.
        Failure::new(Kind::Network, "the provider could not be reached").never_sent()
    } else if error.is_timeout() {
        Failure::new(Kind::Timeout, "the provider did not answer in time")
    } else if error.is_builder() {
        Failure::new(Kind::Internal, "a request could not be built").never_sent()
    } else if cut_or_garbled(&error) {
        Failure::new(Kind::UpstreamFailed, "the answer broke off, or is not HTTP")
    } else {
        Failure::new(Kind::Network, "the connection to the provider broke")
    };
    failure.because(error)
}

/// Whether an answer began and then ended before its time, or was no HTTP at all. A reset is neither.
fn cut_or_garbled(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let cut = error
            .downcast_ref::<io::Error>()
            .is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof);
        if cut || error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return true;
        }
        cause = error.source();
    }
    false
}
