//! What a credential is, what it may do, and until when.
//!
//! Invariant: the credential itself is never told, and what cannot be learned of it is no fault.

use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use super::{Finding, PATIENCE};
use crate::embed::Looked;
use crate::providers::http::credential::CredentialStanding;

/// How long before its end a credential is warned of.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The finding of a provider that is well, with what is known of the credential.
pub(super) async fn of(finding: Finding, seen: &str, provider: &Looked) -> Finding {
    let known = timeout(PATIENCE, provider.standing()).await;
    let known = known.ok().and_then(Result::ok).flatten().unwrap_or_default();
    judged(finding, seen, &known, Timestamp::now())
}

fn judged(finding: Finding, seen: &str, known: &CredentialStanding, now: Timestamp) -> Finding {
    let told = format!("{seen}{}", sentence(known));
    match known.expires_at {
        Some(end) if end.duration_since(now) < SOON => finding.warning(
            told,
            "Renew the credential at the provider before it ends, and put it where its key leads.",
        ),
        _ => finding.ok(told),
    }
}

fn sentence(known: &CredentialStanding) -> String {
    let list = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let parts = [
        known.what.map(|what| format!("it is {what}")),
        known.user.as_deref().map(|user| format!("its user is {user}")),
        known.scopes.as_deref().map(|names| format!("scopes: {}", list(names))),
        known.expires_at.map(|end| format!("it ends {end}")),
        (!known.cannot.is_empty()).then(|| format!("it cannot do {}", known.cannot.join(", "))),
        known.note.map(str::to_owned),
    ];
    let parts = parts.into_iter().flatten().map(|part| format!("; {part}"));
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::CheckStatus;

    #[test]
    fn what_is_known_is_told_and_an_end_that_is_near_warns() {
        let now: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        let finding = |known: &CredentialStanding| judged(Finding::of("credentials", "a"), "well", known, now);
        let none = finding(&CredentialStanding::default());
        assert_eq!((none.verdict, none.seen.as_str()), (CheckStatus::Ok, "well"));
        let mut known = CredentialStanding {
            what: Some("a token"),
            user: Some("ada".to_owned()),
            scopes: Some(vec!["repo".to_owned()]),
            expires_at: Some("2026-12-24T12:00:00Z".parse().unwrap()),
            cannot: vec!["git.repo.delete"],
            note: Some("more is not told"),
        };
        let told = finding(&known);
        let whole = "well; it is a token; its user is ada; scopes: repo; it ends 2026-12-24T12:00:00Z; it cannot do \
                     git.repo.delete; more is not told";
        assert_eq!((told.verdict, told.seen.as_str()), (CheckStatus::Ok, whole));
        known.expires_at = Some("2026-12-14T00:00:00Z".parse().unwrap());
        assert_eq!(finding(&known).verdict, CheckStatus::Warning);
    }
}
