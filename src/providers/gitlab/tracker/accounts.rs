//! Which accounts are meant by their names.
//!
//! Invariant: an account is sent by its number, which is looked up by its name before anything is written.

use mosaic_actors::error::{Failure, Kind};

use crate::providers::gitlab::{GitLab, wire};
use crate::providers::tracker;

/// The numbers of accounts, by their names.
///
/// # Errors
/// `invalid_input` on `assignees` where there is none of such a name; nothing was written.
pub async fn numbers(gitlab: &GitLab, accounts: &[&str]) -> Result<Vec<u64>, Failure> {
    let mut found = Vec::with_capacity(accounts.len());
    for account in accounts {
        let outgoing = gitlab.get(&["users"])?.query("username", account);
        let received = gitlab.endpoint.send(outgoing).await.map_err(Failure::never_sent)?;
        let rows = received.rows::<wire::Account>(false).map_err(Failure::never_sent)?;
        let mut rows = rows.into_iter().map(|row| row.wire);
        match rows.find(|user| user.username.eq_ignore_ascii_case(account)) {
            Some(user) => found.push(user.id),
            None => {
                let sentence = tracker::strangers(&[account], "who has no account there");
                let mut failure = received.failure(Kind::InvalidInput, &sentence);
                failure.field = Some("assignees".into());
                return Err(failure.never_sent());
            }
        }
    }
    Ok(found)
}
