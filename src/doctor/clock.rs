//! Whether this machine's clock is right, judged by others' clocks.
//!
//! Invariant: without another clock the answer is unknown, not fine.

use jiff::SignedDuration;
use url::Url;

use crate::config::Config;
use crate::wire::client::Outbound;

use super::{Finding, providers};

/// More than a Date header's second and a slow answer explain.
const ODD: SignedDuration = SignedDuration::from_secs(30);
/// Beyond this, providers refuse signed tokens (RFC 7519 leaves the leeway to them; a few minutes are usual).
const WRONG: SignedDuration = SignedDuration::from_mins(5);

/// Judges by the providers that answered, else by a gateway's admin listener that runs already.
pub(super) async fn check(clocks: &[(String, SignedDuration)], config: &Config) -> Finding {
    let finding = Finding::of("clock", "");
    // The nearest: one provider's wrong clock is not ours.
    let nearest = clocks.iter().min_by_key(|(_, ahead)| ahead.unsigned_abs());
    if let Some((name, ahead)) = nearest {
        return judged(finding, name, *ahead);
    }
    let admin = Url::parse(&format!("http://{}/livez", config.admin.listen));
    let told = match admin {
        Ok(admin) => providers::ask_the_time(&Outbound::default(), &admin)
            .await
            .ok()
            .flatten(),
        Err(_) => None,
    };
    match told {
        Some(ahead) => judged(finding, "the admin listener", ahead),
        None => finding.unknown("no provider and no running gateway told the time"),
    }
}

fn judged(finding: Finding, whose: &str, ahead: SignedDuration) -> Finding {
    let apart = ahead.abs();
    let seen = format!("{} s apart from the clock of {whose}", apart.as_secs());
    let remedy = "Set this machine's clock, and keep it by NTP.";
    if apart > WRONG {
        finding.failed(seen, remedy)
    } else if apart > ODD {
        finding.warning(seen, remedy)
    } else {
        finding.ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::CheckStatus;

    #[tokio::test]
    async fn the_nearest_clock_decides_and_none_is_unknown() {
        let mut config = Config::default();
        config.admin.listen.set_port(0);
        let verdict = async |clocks: &[(&str, i64)]| {
            let clocks: Vec<_> = clocks
                .iter()
                .map(|(name, ahead)| ((*name).to_owned(), SignedDuration::from_secs(*ahead)))
                .collect();
            check(&clocks, &config).await.verdict
        };
        assert_eq!(verdict(&[("a", 4000), ("b", -2)]).await, CheckStatus::Ok);
        assert_eq!(verdict(&[("a", -31)]).await, CheckStatus::Warning);
        assert_eq!(verdict(&[("a", 301)]).await, CheckStatus::Failed);
        assert_eq!(verdict(&[]).await, CheckStatus::Unknown);
    }
}
