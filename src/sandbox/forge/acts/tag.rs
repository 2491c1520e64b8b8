//! Tags that are made and removed.
//!
//! Invariant: no tag moves.

use crate::sandbox::forge::commit::Signature;
use crate::sandbox::forge::data::branch::is_name;
use crate::sandbox::forge::data::tag::{Annotation, Tag};
use crate::sandbox::forge::oid::{epoch, git_id};
use crate::sandbox::forge::refused::{Refused, What};
use crate::sandbox::forge::state::State;

impl State {
    /// Makes the object of an annotated tag, to which no tag leads yet.
    pub fn annotate(
        &mut self,
        repo: u64,
        name: &str,
        target: &str,
        message: &str,
        tagger: Signature,
    ) -> Result<Annotation, Refused> {
        let found = self.writable(repo)?;
        let commit = found
            .resolve(Some(target))
            .ok_or(Refused::Missing(What::Commit))?
            .id
            .clone();
        let Signature { name: who, email, at } = &tagger;
        let object = format!(
            "object {commit}\ntype commit\ntag {name}\ntagger {who} <{email}> {} +0000\n\n{message}",
            epoch(at)
        );
        let annotation = Annotation {
            id: git_id("tag", object.as_bytes()),
            name: name.to_owned(),
            message: message.to_owned(),
            tagger,
            commit,
        };
        self.created.take(message.len())?;
        let annotations = &mut self.by_id_mut(repo)?.annotations;
        annotations.insert(annotation.id.clone(), annotation.clone());
        Ok(annotation)
    }

    /// Makes a tag that leads to a commit or to an annotation.
    pub fn create_tag(&mut self, repo: u64, name: &str, target: &str) -> Result<(), Refused> {
        let found = self.writable(repo)?;
        if found.is_empty() {
            return Err(Refused::Empty);
        }
        if !is_name(name) {
            return Err(Refused::BadName);
        }
        if found.tags.contains_key(name) {
            return Err(Refused::Exists(What::Tag));
        }
        let annotation = found.annotations.get(target).cloned();
        let commit = match &annotation {
            Some(annotation) => annotation.commit.clone(),
            None => found
                .resolve(Some(target))
                .ok_or(Refused::Missing(What::Commit))?
                .id
                .clone(),
        };
        self.created.take(0)?;
        let tag = Tag {
            name: name.to_owned(),
            commit,
            annotation,
        };
        self.by_id_mut(repo)?.tags.insert(name.to_owned(), tag);
        Ok(())
    }

    /// Removes a tag.
    pub fn delete_tag(&mut self, repo: u64, name: &str) -> Result<(), Refused> {
        self.writable(repo)?;
        let removed = self.by_id_mut(repo)?.tags.remove(name);
        removed.map(drop).ok_or(Refused::Missing(What::Tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_leads_to_its_commit_with_and_without_annotation() {
        let mut state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap().id;
        let who = Signature::of("somebody", "2026-01-05T09:00:00Z");
        let annotation = state.annotate(repo, "v2", "main", "Second", who).unwrap();
        state.create_tag(repo, "v2", &annotation.id).unwrap();
        state.create_tag(repo, "v1", "main").unwrap();
        assert_eq!(state.create_tag(repo, "v1", "main"), Err(Refused::Exists(What::Tag)));
        let found = state.by_id(repo).unwrap();
        let head = &found.head().unwrap().id;
        assert_eq!(
            (found.tags["v1"].object(), found.tags["v2"].object()),
            (&**head, &*annotation.id)
        );
        assert_eq!(found.resolve(Some("refs/tags/v2")).unwrap().id, *head);
        assert_eq!(state.delete_tag(repo, "v1"), Ok(()));
    }
}
