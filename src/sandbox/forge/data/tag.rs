//! Tags, annotated and not.
//!
//! Invariant: a tag leads to a commit, whether or not an object with a message stands between.

use crate::sandbox::forge::commit::Signature;

/// The object of an annotated tag.
#[derive(Clone, Debug)]
pub(crate) struct Annotation {
    pub id: String,
    pub name: String,
    pub message: String,
    pub tagger: Signature,
    pub commit: String,
}

/// A tag.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    pub name: String,
    pub commit: String,
    pub annotation: Option<Annotation>,
}

impl Tag {
    /// What its ref leads to: the annotation, or else the commit.
    pub fn object(&self) -> &str {
        self.annotation
            .as_ref()
            .map_or(&self.commit, |annotation| &annotation.id)
    }
}
