//! Releases that are made.
//!
//! Invariant: what is published has its tag.

use crate::sandbox::forge::data::release::Release;
use crate::sandbox::forge::oid::now;
use crate::sandbox::forge::refused::{Refused, What};
use crate::sandbox::forge::state::State;

/// A release to be made.
#[derive(Clone, Debug)]
pub(crate) struct ReleaseDraft<'a> {
    pub tag: &'a str,
    /// `None`: the default branch.
    pub target: Option<&'a str>,
    pub name: Option<&'a str>,
    pub body: Option<&'a str>,
    pub draft: bool,
    pub prerelease: bool,
}

impl State {
    /// Makes a release, and its tag unless it is a draft or has one.
    pub fn create_release(&mut self, repo: u64, draft: &ReleaseDraft<'_>) -> Result<Release, Refused> {
        let found = self.writable(repo)?;
        if found.is_empty() {
            return Err(Refused::Empty);
        }
        let published = |release: &&Release| release.tag == draft.tag && !release.draft;
        if !draft.draft && found.releases.iter().find(published).is_some() {
            return Err(Refused::Exists(What::Release));
        }
        let target = draft.target.unwrap_or(&found.default_branch).to_owned();
        if !draft.draft && !found.tags.contains_key(draft.tag) {
            self.create_tag(repo, draft.tag, &target)?;
        }
        let at = now();
        let release = Release {
            id: self.created.take(draft.body.map_or(0, str::len))?,
            tag: draft.tag.to_owned(),
            target,
            name: draft.name.map(str::to_owned),
            body: draft.body.map(str::to_owned),
            draft: draft.draft,
            prerelease: draft.prerelease,
            author: self.user,
            published_at: (!draft.draft).then(|| at.clone()),
            created_at: at,
        };
        self.by_id_mut(repo)?.releases.push(release.clone());
        Ok(release)
    }

    /// Removes the release of a tag; the tag stays.
    pub fn delete_release(&mut self, repo: u64, tag: &str) -> Result<Release, Refused> {
        self.writable(repo)?;
        let releases = &mut self.by_id_mut(repo)?.releases;
        let at = releases.iter().position(|release| release.tag == tag);
        Ok(releases.remove(at.ok_or(Refused::Missing(What::Release))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishing_makes_the_tag_and_a_draft_does_not() {
        let mut state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap().id;
        let draft = |tag, draft| ReleaseDraft {
            tag,
            target: None,
            name: None,
            body: None,
            draft,
            prerelease: false,
        };
        assert!(
            state
                .create_release(repo, &draft("v1", true))
                .unwrap()
                .published_at
                .is_none()
        );
        assert!(!state.by_id(repo).unwrap().tags.contains_key("v1"));
        assert!(state.create_release(repo, &draft("v1", false)).is_ok());
        assert!(state.by_id(repo).unwrap().tags.contains_key("v1"));
        let again = state.create_release(repo, &draft("v1", false)).unwrap_err();
        assert_eq!(again, Refused::Exists(What::Release));
        assert!(state.delete_release(repo, "v1").is_ok());
        assert!(state.by_id(repo).unwrap().tags.contains_key("v1"), "the tag stays");
    }
}
