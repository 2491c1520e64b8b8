//! Supervision, rule by rule, on real trees of probes that panic, fail, hang and block on command.
//!
//! Invariant: time is tokio's, paused wherever no thread has to block, so no test waits for a clock.

mod escalation;
mod handles;
mod load;
mod random;
mod removal;
mod starts;
mod stops;
mod strategies;
mod stuck;
mod support;
mod views;
