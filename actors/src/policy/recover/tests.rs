//! What follows a failed attempt, against the table of the error flow.
//!
//! Invariant: what may not be repeated is not, whatever else a case says.

use super::*;
use proptest::prelude::*;

fn standing() -> Standing {
    Standing {
        attempts: 1,
        attempts_here: 1,
        safe: true,
        repeatable: true,
        paid: false,
        sendable: true,
        others: true,
        open: false,
        limited: None,
        remaining: Duration::from_secs(10),
        chance: 0.5,
    }
}

#[test]
fn the_table_of_the_error_flow() {
    let settings = RecoverSettings::default();
    let after = |kind, standing: Standing| next(&Failure::new(kind, "x"), &standing, &settings);
    assert_eq!(after(Kind::Network, standing()), Next::Retry(Duration::from_millis(25)));
    assert_eq!(
        after(
            Kind::Network,
            Standing {
                attempts: 2,
                attempts_here: 2,
                ..standing()
            }
        ),
        Next::Failover
    );
    assert!(matches!(
        after(
            Kind::Network,
            Standing {
                attempts: 2,
                attempts_here: 2,
                others: false,
                ..standing()
            }
        ),
        Next::Retry(_)
    ));
    assert_eq!(after(Kind::Timeout, standing()), Next::Failover);
    assert_eq!(
        after(
            Kind::Timeout,
            Standing {
                others: false,
                ..standing()
            }
        ),
        Next::GiveUp
    );
    assert_eq!(after(Kind::NotFound, standing()), Next::GiveUp);
    assert_eq!(after(Kind::Conflict, standing()), Next::GiveUp);
    let mut conflict = Failure::new(Kind::Conflict, "its own word: again");
    conflict.retryable = true;
    assert!(matches!(next(&conflict, &standing(), &settings), Next::Retry(_)));
    assert_eq!(after(Kind::UpstreamAuth, standing()), Next::GiveUp);
    assert_eq!(
        after(
            Kind::UpstreamFailed,
            Standing {
                repeatable: false,
                ..standing()
            }
        ),
        Next::GiveUp
    );

    let unsent = Failure::new(Kind::Network, "refused").never_sent();
    assert!(matches!(
        next(
            &unsent,
            &Standing {
                repeatable: false,
                ..standing()
            },
            &settings
        ),
        Next::Retry(_)
    ));
    let told = |secs| Failure::new(Kind::UpstreamRateLimited, "slow").after(Duration::from_secs(secs));
    // Who is told to come later has done nothing: a write may be sent again, and what is paid where it was not billed.
    let write = Standing {
        safe: false,
        repeatable: false,
        ..standing()
    };
    assert_eq!(next(&told(1), &write, &settings), Next::Retry(Duration::from_secs(1)));
    assert_eq!(next(&told(60), &write, &settings), Next::Failover);
    assert_eq!(
        next(&told(1), &Standing { paid: true, ..write }, &settings),
        Next::GiveUp
    );
    assert_eq!(
        next(&told(1), &standing(), &settings),
        Next::Retry(Duration::from_secs(1))
    );
    assert_eq!(next(&told(60), &standing(), &settings), Next::Failover);
    assert_eq!(
        next(
            &told(60),
            &Standing {
                others: false,
                ..standing()
            },
            &settings
        ),
        Next::GiveUp
    );
}

#[test]
fn a_long_wait_is_the_last_resort_and_an_open_circuit_none() {
    let settings = RecoverSettings::default();
    let limited = Failure::new(Kind::UpstreamRateLimited, "slow").after(Duration::from_secs(4));
    let alone = Standing {
        others: false,
        ..standing()
    };
    assert_eq!(next(&limited, &standing(), &settings), Next::Failover);
    assert_eq!(next(&limited, &alone, &settings), Next::Retry(Duration::from_secs(4)));
    // The other cannot be asked after all.
    let refused = Failure::new(Kind::CircuitOpen, "failing").never_sent();
    let back = Standing {
        attempts: 2,
        attempts_here: 0,
        limited: Some(Duration::from_secs(4)),
        ..alone
    };
    assert_eq!(next(&refused, &back, &settings), Next::Return(Duration::from_secs(4)));
    let late = Standing {
        remaining: Duration::from_secs(7),
        ..back
    };
    assert_eq!(next(&refused, &late, &settings), Next::GiveUp);
    let never = Standing { limited: None, ..back };
    assert_eq!(next(&refused, &never, &settings), Next::GiveUp);

    let failed = Failure::new(Kind::UpstreamFailed, "x");
    let open = Standing {
        open: true,
        ..standing()
    };
    assert_eq!(next(&failed, &open, &settings), Next::Failover);
}

#[test]
fn what_was_billed_or_cannot_succeed_is_not_sent_there_again() {
    let settings = RecoverSettings::default();
    let paid = Standing {
        paid: true,
        ..standing()
    };
    let failed = |kind| Failure::new(kind, "x");
    for kind in [Kind::Network, Kind::UpstreamFailed, Kind::Timeout, Kind::Internal] {
        assert_eq!(next(&failed(kind), &paid, &settings), Next::GiveUp);
    }
    assert!(matches!(
        next(&failed(Kind::UpstreamFailed).never_billed(), &paid, &settings),
        Next::Retry(_)
    ));
    assert!(matches!(
        next(&failed(Kind::Network).never_sent(), &paid, &settings),
        Next::Retry(_)
    ));

    let garbled = failed(Kind::UpstreamFailed).not_usable();
    assert_eq!(next(&garbled, &standing(), &settings), Next::Failover);
    assert_eq!(
        next(
            &garbled,
            &Standing {
                others: false,
                ..standing()
            },
            &settings
        ),
        Next::GiveUp
    );
    assert_eq!(next(&garbled, &paid, &settings), Next::GiveUp);
    let idempotent_write = Standing {
        safe: false,
        ..standing()
    };
    assert_eq!(next(&garbled, &idempotent_write, &settings), Next::GiveUp);

    let mut told_not_to = failed(Kind::UpstreamFailed);
    told_not_to.retryable = false;
    assert_eq!(next(&told_not_to, &standing(), &settings), Next::Failover);
    assert_eq!(
        next(
            &told_not_to,
            &Standing {
                others: false,
                ..standing()
            },
            &settings
        ),
        Next::GiveUp
    );
    let mut told_to = failed(Kind::Conflict);
    told_to.retryable = true;
    assert!(matches!(next(&told_to, &standing(), &settings), Next::Retry(_)));
    let write = Standing {
        safe: false,
        repeatable: false,
        ..standing()
    };
    assert_eq!(next(&told_to, &write, &settings), Next::GiveUp);
    let mut spent = failed(Kind::UpstreamRateLimited);
    spent.retryable = false;
    assert_eq!(next(&spent, &standing(), &settings), Next::Failover);
    let read_once = Standing {
        sendable: false,
        ..standing()
    };
    assert_eq!(
        next(&failed(Kind::Network).never_sent(), &read_once, &settings),
        Next::GiveUp
    );
}

proptest! {
    #[test]
    fn never_repeats_a_sent_write_nor_passes_its_bounds(
        kind in proptest::sample::select(&Kind::ALL[..]),
        attempts in 1u32..6, attempts_here in 0u32..6, repeatable: bool, others: bool, unsent: bool,
        paid: bool, unbilled: bool, retryable: bool, unreadable: bool, sendable: bool,
        open: bool, limited_ms in proptest::option::of(0u64..20_000),
        remaining_ms in 0u64..20_000, retry_after_ms in proptest::option::of(0u64..20_000), chance in 0.0f64..1.0,
    ) {
        let settings = RecoverSettings::default();
        let mut failure = Failure::new(kind, "x");
        (failure.unsent, failure.unbilled, failure.unreadable) = (unsent, unbilled, unreadable);
        failure.retryable &= retryable;
        failure.retry_after = retry_after_ms.map(Duration::from_millis);
        let remaining = Duration::from_millis(remaining_ms);
        let standing = Standing {
            attempts, attempts_here, safe: repeatable, repeatable, paid, sendable, others, open,
            limited: limited_ms.map(Duration::from_millis), remaining, chance,
        };
        let decided = next(&failure, &standing, &settings);
        let billed = paid && !unbilled && !unsent;
        let undone = unsent || (kind == Kind::UpstreamRateLimited && !unreadable);
        if !(repeatable || undone) || billed || !sendable || attempts >= settings.max_attempts {
            prop_assert_eq!(decided, Next::GiveUp);
        }
        if unreadable || (!failure.retryable && !matches!(kind, Kind::NoProvider | Kind::Internal)) {
            prop_assert!(!matches!(decided, Next::Retry(_)));
        }
        if let Next::Retry(wait) | Next::Return(wait) = decided {
            prop_assert!(wait <= remaining / 2);
        }
        if decided == Next::Failover {
            prop_assert!(others);
        }
        // What is final is so at any attempt; what is not would be followed, if it could be.
        match is_final(&failure, &standing, &settings) {
            true => prop_assert_eq!(decided, Next::GiveUp),
            false if others && attempts < settings.max_attempts && kind != Kind::NoProvider => {
                prop_assert!(decided != Next::GiveUp);
            }
            false => {}
        }
    }
}
