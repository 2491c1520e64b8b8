//! What answers about repositories depend on.
//!
//! Invariant: each speaks of a repository, also where a resource is a number within it; save those of one thing alone.

use crate::catalogue::tags::Topic;

/// The branches of a repository.
pub(in crate::catalogue) const BRANCHES: Topic = Topic::within("branches");
/// The commits of a repository, as its branches and tags lead to them.
pub(in crate::catalogue) const COMMITS: Topic = Topic::within("commits");
/// The files of a repository.
pub(in crate::catalogue) const FILES: Topic = Topic::within("files");
/// The hooks of a repository.
pub(in crate::catalogue) const HOOKS: Topic = Topic::within("hooks");
/// One pull request.
pub(in crate::catalogue) const PULL: Topic = Topic::whole("pull");
/// The pull requests of a repository.
pub(in crate::catalogue) const PULLS: Topic = Topic::within("pulls");
/// The releases of a repository.
pub(in crate::catalogue) const RELEASES: Topic = Topic::within("releases");
/// One repository.
pub(in crate::catalogue) const REPO: Topic = Topic::within("repo");
/// The repositories of an owner.
pub(in crate::catalogue) const REPOS: Topic = Topic::whole("repos");
pub(in crate::catalogue) const REPOS_OF_OWNER: Topic = Topic::owner("repos");
/// The statuses of a repository's commits.
pub(in crate::catalogue) const STATUSES: Topic = Topic::within("statuses");
/// The tags of a repository.
pub(in crate::catalogue) const TAGS: Topic = Topic::within("tags");
/// The trees of a repository.
pub(in crate::catalogue) const TREES: Topic = Topic::within("trees");

/// What a branch leads to, when it comes, goes or moves: whatever may be asked for by its name.
pub(in crate::catalogue) const REF_MOVES: &[Topic] = &[BRANCHES, COMMITS, FILES, TREES, STATUSES, PULLS];
/// The same of a tag.
pub(in crate::catalogue) const TAG_MOVES: &[Topic] = &[TAGS, COMMITS, FILES, TREES, STATUSES];
