//! What the process's exit code says.
//!
//! Invariant: an exit code is derived from an error's kind here and nowhere else, and scripts may rely on it.

use std::fmt::Write as _;

use mosaic_actors::error::Kind;

/// Done.
pub const OK: u8 = 0;
/// Failed in a way that no other code describes.
pub const FAILURE: u8 = 1;
/// Wrong usage, or an input that is not valid.
pub const USAGE: u8 = 2;

const TABLE: [(u8, &str); 17] = [
    (OK, "done"),
    (FAILURE, "failed in a way that no other code describes"),
    (USAGE, "wrong usage or invalid input"),
    (3, "not found"),
    (4, "not authenticated or not allowed, here or at the provider"),
    (5, "conflict, or a precondition that does not hold"),
    (6, "no provider supports this"),
    (7, "rate, quota or budget exhausted: slow down"),
    (
        PARTIAL,
        "partly done: of the providers asked, some failed; the rows of the others are printed",
    ),
    (
        IN_DOUBT,
        "a write broke off, and whether it was done is unknown: look before it is repeated",
    ),
    (
        ENDED_BADLY,
        "the run that was waited for failed, was cancelled, was skipped, or ended otherwise than well; it is printed",
    ),
    (
        69,
        "unavailable: overloaded, circuit open, no provider, network, provider failed",
    ),
    (70, "a fault of the gateway itself"),
    (75, "timed out: the same call may succeed later"),
    (HUNG_UP, "ended by SIGHUP, as of a terminal that was closed"),
    (INTERRUPTED, "interrupted"),
    (TERMINATED, "ended by SIGTERM"),
];

/// A list was asked of several providers, and not all of them answered.
pub const PARTIAL: u8 = 8;

/// Nobody knows whether a write was done. Above the codes of its kinds, after which scripts repeat a call.
pub const IN_DOUBT: u8 = 9;

/// A run that was waited for did not end well. The wait itself did what it was to do.
pub const ENDED_BADLY: u8 = 10;

/// The exit code of a process that was interrupted: 128 and the number of SIGINT, as shells count.
pub const INTERRUPTED: u8 = 130;

/// As that, of SIGHUP.
pub const HUNG_UP: u8 = 129;

/// As that, of SIGTERM.
pub const TERMINATED: u8 = 143;

/// The exit code for an error of `kind`. The numbers above 64 are those of BSD's sysexits.
pub const fn code(kind: Kind) -> u8 {
    match kind {
        Kind::InvalidInput => USAGE,
        Kind::NotFound => 3,
        Kind::Unauthenticated | Kind::Forbidden | Kind::UpstreamAuth => 4,
        Kind::Conflict | Kind::PreconditionFailed => 5,
        Kind::Unsupported => 6,
        Kind::RateLimited | Kind::QuotaExceeded | Kind::BudgetExhausted | Kind::UpstreamRateLimited => 7,
        Kind::Overloaded | Kind::CircuitOpen | Kind::NoProvider | Kind::Network | Kind::UpstreamFailed => 69,
        Kind::Internal => 70,
        Kind::Timeout => 75,
        Kind::Cancelled => INTERRUPTED,
    }
}

/// Every exit code and what it means, for `mosaic exit-codes` and the long help.
pub fn rows() -> impl Iterator<Item = (u8, &'static str)> {
    TABLE.into_iter()
}

/// The table as text, one code a line.
pub fn table() -> String {
    let mut text = String::from("Exit codes:\n");
    for (code, meaning) in rows() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {code:>3}  {meaning}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_documented_code() {
        let text = table();
        for kind in Kind::ALL {
            assert_ne!(code(kind), OK, "{kind}");
            assert!(text.contains(&format!("{:>3}  ", code(kind))), "{kind}");
        }
    }
}
