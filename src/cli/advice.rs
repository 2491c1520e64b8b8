//! What to do about one failure, by what it tells beside its code.
//!
//! Invariant: no advice contradicts what stands above it: none speaks of a field, a wait or another provider where the
//! failure names none, and none has a write repeated whose outcome nobody knows.

use mosaic_actors::error::Kind;

use super::explain::advice;

/// What to do about a write that broke off, whatever its kind.
pub const IN_DOUBT: &str = "Look whether it was done before you ask for it again; what was asked for with --idempotency-key then needs another key.";
/// What to do where a gateway without keys is shown one.
pub const KEYLESS: &str = "Leave out --key-file, and unset MOSAIC_API_KEY.";
/// What to do where a key does not reach what there is.
pub const BEYOND: &str =
    "`mosaic operations` shows what there is for this key; services and operations of its tenant decide it.";
/// What to do where the provider, asked by the gateway's credential, does not allow it: no key of the gateway's helps.
const FORBIDDEN_THERE: &str =
    "Look at what protects it at the provider, and with `mosaic doctor` at what the provider's credential may do.";
/// What to do where something of the name is there already: to read it again changes nothing.
const TAKEN: &str = "Choose another for the field that is named, or use what is there.";
/// What to do where the gateway's own configuration is at fault, which no caller can mend.
const CONFIGURED: &str = "Who runs the gateway must correct the setting that is named; `mosaic doctor` looks at it.";

/// What the fields begin with that are no caller's.
const OURS: [&str; 2] = ["settings.", "directory."];

/// What is known of a failure beside its code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Case<'a> {
    /// Nobody knows whether a write was done.
    pub in_doubt: bool,
    /// The field at fault.
    pub field: Option<&'a str>,
    /// A provider was asked, and this came of it.
    pub provider: bool,
    /// What the call is about names the provider instance: no flag chooses another.
    pub pinned: bool,
    /// A name that was given for something new is that of another.
    pub taken: bool,
    /// A repetition can help.
    pub retryable: bool,
    /// It tells how long to wait.
    pub waits: bool,
}

/// What to do about a failure of `kind` in this case.
pub fn advice_in(kind: Kind, case: &Case<'_>) -> &'static str {
    if case.in_doubt {
        return IN_DOUBT;
    }
    if case
        .field
        .is_some_and(|field| field == "base_url" || OURS.iter().any(|table| field.starts_with(table)))
    {
        return CONFIGURED;
    }
    match kind {
        Kind::InvalidInput if case.field.is_none() => {
            "Correct what the error tells of; `--help` shows what the command takes."
        }
        Kind::NotFound if !case.provider => "Check its name.",
        Kind::Forbidden if case.provider => FORBIDDEN_THERE,
        Kind::Conflict if case.taken => TAKEN,
        Kind::PreconditionFailed if case.field.is_none() => {
            "Read the resource again: it is not in the state that this needs."
        }
        Kind::Timeout if case.provider => "Give it longer with --timeout, or try again.",
        Kind::RateLimited | Kind::Overloaded if !case.waits => "Wait a while, and call more slowly.",
        Kind::Unsupported => unsupported(case),
        Kind::Network if case.provider => unreached(case),
        Kind::UpstreamRateLimited | Kind::UpstreamFailed => upstream(kind, case),
        Kind::NoProvider | Kind::CircuitOpen if case.pinned => {
            "`mosaic status` shows the instance; the id pins it, so that no other is asked."
        }
        _ => advice(kind),
    }
}

fn unsupported(case: &Case<'_>) -> &'static str {
    match (case.field.is_some(), case.pinned) {
        (true, true) => "Leave the field out; the id pins this provider, so that no other is asked.",
        (true, false) => "Leave the field out, or choose another provider with --provider.",
        (false, true) => {
            "`mosaic operations --matrix` shows which kinds of providers can do it; the id pins this one, so that no other is asked."
        }
        (false, false) => {
            "`mosaic operations --matrix` shows which kinds of providers can do it; choose one with --provider."
        }
    }
}

fn unreached(case: &Case<'_>) -> &'static str {
    match case.pinned {
        true => "Try again later; `mosaic doctor` looks for what keeps the gateway from the provider.",
        false => "Try again later, or choose another provider with --provider; `mosaic doctor` looks for the cause.",
    }
}

/// Of a provider's own failure, or its limits.
fn upstream(kind: Kind, case: &Case<'_>) -> &'static str {
    match (kind, case.retryable, case.pinned) {
        (Kind::UpstreamRateLimited, false, true) => {
            "Who runs the gateway must see to the account at the provider; the id pins it, so that no other is asked."
        }
        (Kind::UpstreamRateLimited, false, false) => {
            "Who runs the gateway must see to the account at the provider; or choose another with --provider."
        }
        (Kind::UpstreamRateLimited, true, true) if case.waits => {
            "Wait as long as the error says; the id pins this provider."
        }
        (Kind::UpstreamRateLimited, true, true) => "Wait a while; the id pins this provider.",
        (Kind::UpstreamRateLimited, true, false) if case.waits => {
            "Wait as long as the error says, or choose another provider with --provider."
        }
        (Kind::UpstreamRateLimited, true, false) => "Wait a while, or choose another provider with --provider.",
        (_, false, true) => "The same would fail again: `mosaic doctor` looks at the provider, which the id pins.",
        (_, false, false) => {
            "The same would fail again: choose another provider with --provider; `mosaic doctor` looks at this one."
        }
        (_, true, true) => "Try again later; the id pins this provider, so that no other is asked.",
        (_, true, false) => advice(kind),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::cli::explain::tests::check;

    fn every_case() -> Vec<Case<'static>> {
        let fields = [
            None,
            Some("title"),
            Some("settings.tracker.labels"),
            Some("directory.ada.forge-a"),
            Some("base_url"),
        ];
        let mut cases = vec![];
        for field in fields {
            for bits in 0..64_u8 {
                let bit = |place: u8| bits & (1 << place) != 0;
                cases.push(Case {
                    field,
                    in_doubt: bit(0),
                    provider: bit(1),
                    pinned: bit(2),
                    taken: bit(3) && field.is_some(),
                    retryable: bit(4),
                    waits: bit(5),
                });
            }
        }
        cases
    }

    #[test]
    fn no_advice_contradicts_what_is_known() {
        let mut checked = HashSet::new();
        for kind in Kind::ALL {
            for case in every_case() {
                let told = advice_in(kind, &case);
                // Few sentences, told in many cases.
                if checked.insert(told) {
                    check(told, &["projects", "issue", "create"]);
                }
                let says = |part: &str| told.contains(part);
                let what = format!("{kind} {case:?}: {told}");
                assert!(!case.in_doubt || told == IN_DOUBT, "{what}");
                assert!(
                    case.field.is_some() || !says("the field") && !says("the setting"),
                    "{what}"
                );
                assert!(
                    !case.pinned || !says("with --provider.") || kind == Kind::NoProvider,
                    "{what}"
                );
                assert!(case.pinned || !says("pins"), "{what}");
                assert!(
                    case.waits || !says("as the error says") && !says("time that the error names"),
                    "{what}"
                );
                let again = says("ry again") && !case.in_doubt;
                let lost = kind == Kind::UpstreamFailed && !case.retryable;
                assert!(!(again && lost), "{what}");
                let ours = case.field.is_some_and(|field| field != "title") && !case.in_doubt;
                assert_eq!(ours, told == CONFIGURED, "{what}");
            }
        }
    }

    #[test]
    fn each_code_is_advised_on_by_what_it_tells() {
        let (none, title) = (Case::default(), Some("title"));
        let on_field = Case { field: title, ..none };
        let there = Case { provider: true, ..none };
        let pinned = Case { pinned: true, ..none };
        let later = Case {
            retryable: true,
            ..none
        };
        for (kind, case, part) in [
            (Kind::InvalidInput, none, "what the error tells of"),
            (Kind::InvalidInput, on_field, "Correct the field"),
            (Kind::Unauthenticated, none, "--key-file"),
            (Kind::Forbidden, none, "another key"),
            (Kind::Forbidden, there, "protects it at the provider"),
            (Kind::NotFound, none, "Check its name."),
            (Kind::NotFound, there, "credential may see it"),
            (Kind::Conflict, none, "decide anew"),
            (
                Kind::Conflict,
                Case {
                    taken: true,
                    ..on_field
                },
                "Choose another",
            ),
            (Kind::PreconditionFailed, none, "the state that this needs"),
            (Kind::PreconditionFailed, on_field, "present version"),
            (
                Kind::Unsupported,
                none,
                "which kinds of providers can do it; choose one",
            ),
            (Kind::Unsupported, pinned, "which kinds of providers can do it; the id"),
            (Kind::Unsupported, on_field, "Leave the field out, or"),
            (
                Kind::Unsupported,
                Case {
                    pinned: true,
                    ..on_field
                },
                "Leave the field out; the id",
            ),
            (Kind::RateLimited, none, "Wait a while"),
            (
                Kind::RateLimited,
                Case { waits: true, ..none },
                "as long as the error says",
            ),
            (Kind::QuotaExceeded, none, "next period"),
            (Kind::BudgetExhausted, none, "budget"),
            (Kind::Overloaded, none, "Wait a while"),
            (
                Kind::Overloaded,
                Case { waits: true, ..none },
                "the time that the error names",
            ),
            (Kind::CircuitOpen, none, "circuit breakers"),
            (Kind::CircuitOpen, pinned, "the id pins it"),
            (Kind::NoProvider, none, "routing rules"),
            (Kind::NoProvider, pinned, "the id pins it"),
            (Kind::Network, none, "Check the address"),
            (Kind::Network, there, "choose another provider"),
            (Kind::Timeout, none, "look first"),
            (Kind::Timeout, there, "or try again."),
            (Kind::UpstreamAuth, none, "renew the credential"),
            (Kind::UpstreamRateLimited, none, "see to the account"),
            (Kind::UpstreamRateLimited, later, "Wait a while"),
            (Kind::UpstreamFailed, none, "would fail again"),
            (Kind::UpstreamFailed, later, "Try again later, or choose"),
            (Kind::Cancelled, none, "still wanted"),
            (Kind::Internal, none, "request id"),
        ] {
            let told = advice_in(kind, &case);
            assert!(told.contains(part), "{kind} {case:?}: {told}");
        }
        let told: Vec<&str> = Kind::ALL
            .into_iter()
            .map(|kind| advice_in(kind, &Case { in_doubt: true, ..none }))
            .collect();
        assert!(told.iter().all(|told| *told == IN_DOUBT));
    }
}
