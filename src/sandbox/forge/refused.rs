//! Why a forge does not do what it is asked.
//!
//! Invariant: a refusal says what is the matter, and leaves it to the vendor how that is put.

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Repo,
    Branch,
    Tag,
    Commit,
    File,
    Pull,
    Issue,
    Comment,
    Label,
    Milestone,
    Review,
    Release,
    Hook,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no such thing.
    Missing(What),
    /// There is one already.
    Exists(What),
    /// This server holds all that it may.
    Full,
    /// The repository has no commit yet.
    Empty,
    /// The repository takes no change.
    Archived,
    /// The branch is protected, or the default one.
    Protected,
    /// What the caller knew is not what there is, which is named.
    Stale(String),
    /// Both sides changed these paths.
    Conflict(Vec<String>),
    /// There is nothing to merge between the two.
    NothingBetween,
    /// The two repositories are no relatives.
    Unrelated,
    /// The pull request is closed.
    Closed,
    /// It is merged already.
    Merged,
    /// It is a draft.
    Draft,
    /// The one who opened it may not judge it.
    OwnPull,
    /// The name cannot be one.
    BadName,
}
