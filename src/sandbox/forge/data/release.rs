//! A release.
//!
//! Invariant: a draft was never published.

/// A release.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    pub id: u64,
    pub tag: String,
    /// Where the tag is made when there is none.
    pub target: String,
    pub name: Option<String>,
    pub body: Option<String>,
    pub draft: bool,
    pub prerelease: bool,
    pub author: &'static str,
    pub created_at: String,
    /// `None`: it is a draft.
    pub published_at: Option<String>,
}
