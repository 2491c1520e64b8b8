//! Files that grow, asked for from a byte on.
//!
//! Invariant: what begins elsewhere than it was asked for is never taken for what comes next: it is the whole, or refused.

use http::{HeaderValue, StatusCode};
use mosaic_actors::error::Failure;

use super::{Opened, Outgoing, Pieces};

/// What came of a question for a file from a byte on.
pub enum Ranged {
    /// The file from there on.
    Rest(Pieces),
    /// All of it, since the server gives no parts; with its size, where that is told.
    Whole(Pieces, Option<u64>),
}

impl Outgoing {
    /// Asks for a file from this byte on. A server that gives no parts gives all of it.
    #[must_use]
    pub fn from_byte(self, from: u64) -> Self {
        match HeaderValue::from_str(&format!("bytes={from}-")) {
            Ok(range) if from > 0 => self.header("range", range),
            _ => self,
        }
    }
}

impl Opened {
    /// What came of a question for a file from the byte `from` on.
    ///
    /// # Errors
    /// As [`Opened::pieces`], or `upstream_failed` where another part came.
    pub fn ranged(self, from: u64) -> Result<Ranged, Failure> {
        if self.response.status() != StatusCode::PARTIAL_CONTENT {
            let size = self.response.content_length();
            return Ok(Ranged::Whole(self.pieces()?.value, size));
        }
        let begins = self.header("content-range").and_then(first_byte);
        if from == 0 || begins != Some(from) {
            return Err(self.unusable("another part of the file came than was asked for"));
        }
        self.no_page()?;
        Ok(Ranged::Rest(self.piecewise(true, Pieces::of).value))
    }
}

/// The first byte of `bytes 7-9/10`.
fn first_byte(told: &str) -> Option<u64> {
    let (first, _) = told.trim().strip_prefix("bytes ")?.split_once('-')?;
    first.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_part_begins_is_read_or_not_known() {
        assert_eq!(first_byte("bytes 7-9/10"), Some(7));
        assert_eq!(first_byte("bytes 0-0/*"), Some(0));
        for odd in ["", "bytes */10", "7-9/10", "bytes x-9/10", "lines 7-9/10"] {
            assert_eq!(first_byte(odd), None, "{odd}");
        }
    }
}
