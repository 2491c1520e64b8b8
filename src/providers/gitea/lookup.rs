//! What is looked up before or after a request: what a name stands for, and what is missing where something is.
//!
//! Invariant: only reads are sent here.

use mosaic_actors::error::{Failure, Kind};

use super::refusal::{blaming, instead, is};
use super::{Gitea, wire};
use crate::providers::forge;
use crate::providers::http::Row;

/// A repository's owner and name.
pub type Place<'a> = (&'a str, &'a str);

/// `owner/name#number`, for what is numbered within a repository.
///
/// # Errors
/// `invalid_input` on `field`.
pub fn numbered<'a>(field: &str, native: &'a str) -> Result<(&'a str, Place<'a>, String), Failure> {
    let (path, number) = forge::numbered(native)
        .map_err(|_| Failure::invalid(field, format!("{field} must be written as owner/name#number")).never_sent())?;
    Ok((path, forge::project(field, path)?, number.to_string()))
}

/// Whether a text is the whole hash of something, by SHA-1 or SHA-256.
pub fn is_sha(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Gitea {
    /// A repository.
    ///
    /// # Errors
    /// As `Endpoint::send`.
    pub async fn repo(&self, (owner, name): Place<'_>) -> Result<wire::Repo, Failure> {
        let outgoing = self.endpoint.get(&["repos", owner, name])?;
        self.endpoint.send(outgoing).await?.json()
    }

    /// The branch that is meant where none is named.
    ///
    /// # Errors
    /// As [`Gitea::repo`]; `conflict` where nothing was ever committed.
    pub async fn default_branch(&self, place: Place<'_>) -> Result<String, Failure> {
        let repo = self.repo(place).await?;
        let named = repo.default_branch.filter(|name| !name.is_empty());
        named.ok_or_else(|| Failure::new(Kind::Conflict, "the repository is empty, and has no default branch"))
    }

    /// The commit that a name stands for; `field` is what is at fault where there is none. `empty`: the kind of failure
    /// that an empty repository is.
    ///
    /// # Errors
    /// As [`Gitea::missing`].
    pub async fn commit_of(
        &self,
        (owner, name): Place<'_>,
        reference: &str,
        field: &str,
        empty: Kind,
    ) -> Result<String, Failure> {
        let outgoing = self
            .endpoint
            .get(&["repos", owner, name, "git", "commits", reference])?;
        // Only its hash is wanted.
        let outgoing = ["stat", "verification", "files"]
            .into_iter()
            .fold(outgoing, |outgoing, part| outgoing.query(part, "false"));
        match self.endpoint.send(outgoing).await {
            Ok(received) => Ok(received.json::<wire::Commit>()?.sha),
            // 422: no name can be so; 409: there are no commits.
            Err(failure) if is(&failure, &[404, 409, 422]) => {
                Err(self.missing((owner, name), failure, field, empty).await)
            }
            Err(failure) => Err(failure),
        }
    }

    /// What a refusal of something that is not there means: that the repository is not there either, that it is empty, or
    /// that what `field` names is missing, which it is of an empty one, too, where `empty` is `not_found`.
    pub async fn missing(&self, place: Place<'_>, failure: Failure, field: &str, empty: Kind) -> Failure {
        let looked = self.endpoint.look(async {
            match self.repo(place).await {
                Err(absent) if absent.kind == Kind::NotFound => Ok(Err(absent)),
                repo => repo.map(Ok),
            }
        });
        match looked.await {
            Some(Ok(repo)) if repo.empty == Some(true) => match empty {
                Kind::NotFound => {
                    let sentence = format!("{field} is not there: the repository is empty");
                    blaming(&failure, Kind::NotFound, field, &sentence)
                }
                empty => instead(&failure, empty, "the repository is empty"),
            },
            Some(Ok(_)) => blaming(
                &failure,
                Kind::NotFound,
                field,
                &format!("{field} is not there, or not shown to us"),
            ),
            Some(Err(absent)) => absent,
            None => failure,
        }
    }

    /// Whether a branch is there; where that cannot be found out, it is not known to be missing.
    pub async fn lacks_branch(&self, (owner, name): Place<'_>, branch: &str) -> bool {
        let Ok(outgoing) = self.endpoint.get(&["repos", owner, name, "branches", branch]) else {
            return false;
        };
        let asked = self.endpoint.send(outgoing).await;
        asked.is_err_and(|failure| failure.kind == Kind::NotFound)
    }

    /// Whether a branch is protected; where that cannot be found out, it is not known to be.
    pub async fn is_protected(&self, (owner, name): Place<'_>, branch: &str) -> bool {
        let asked = async {
            let outgoing = self.endpoint.get(&["repos", owner, name, "branches", branch])?;
            self.endpoint.send(outgoing).await?.json::<wire::Branch>()
        };
        asked.await.is_ok_and(|branch| branch.protected == Some(true))
    }

    /// Whether the credential is that of `login`.
    pub async fn is_us(&self, login: &str) -> bool {
        let Ok(outgoing) = self.endpoint.get(&["user"]) else {
            return false;
        };
        let Ok(received) = self.endpoint.send(outgoing).await else {
            return false;
        };
        let user = received.json::<wire::User>();
        user.is_ok_and(|user| user.login.eq_ignore_ascii_case(login))
    }

    /// A pull request, as it is now.
    ///
    /// # Errors
    /// As `Endpoint::send`.
    pub async fn pull(&self, place: Place<'_>, number: &str) -> Result<wire::Pull, Failure> {
        Ok(self.pull_row(place, number, false).await?.wire)
    }

    /// The same with the provider's own JSON, where that is wanted.
    ///
    /// # Errors
    /// As [`Gitea::pull`].
    pub async fn pull_row(
        &self,
        (owner, name): Place<'_>,
        number: &str,
        with_raw: bool,
    ) -> Result<Row<wire::Pull>, Failure> {
        let outgoing = self.endpoint.get(&["repos", owner, name, "pulls", number])?;
        self.endpoint.send(outgoing).await?.row(with_raw)
    }
}
