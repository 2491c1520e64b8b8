//! What answers about repositories depend on.
//!
//! Invariant: each speaks of a repository, also where a resource is a number within it; save those of one thing alone.

use crate::catalogue::tags::Topic;

/// The branches of a repository.
pub(super) const BRANCHES: Topic = Topic::within("branches");
/// The commits of a repository, as its branches and tags lead to them.
pub(super) const COMMITS: Topic = Topic::within("commits");
/// The files of a repository.
pub(super) const FILES: Topic = Topic::within("files");
/// The hooks of a repository.
pub(super) const HOOKS: Topic = Topic::within("hooks");
/// One pull request.
pub(super) const PULL: Topic = Topic::whole("pull");
/// The pull requests of a repository.
pub(super) const PULLS: Topic = Topic::within("pulls");
/// The releases of a repository.
pub(super) const RELEASES: Topic = Topic::within("releases");
/// One repository.
pub(super) const REPO: Topic = Topic::within("repo");
/// The repositories of an owner.
pub(super) const REPOS: Topic = Topic::whole("repos");
pub(super) const REPOS_OF_OWNER: Topic = Topic::owner("repos");
/// The statuses of a repository's commits.
pub(super) const STATUSES: Topic = Topic::within("statuses");
/// The tags of a repository.
pub(super) const TAGS: Topic = Topic::within("tags");
/// The trees of a repository.
pub(super) const TREES: Topic = Topic::within("trees");

/// What a branch leads to, when it comes, goes or moves: whatever may be asked for by its name.
pub(super) const REF_MOVES: &[Topic] = &[BRANCHES, COMMITS, FILES, TREES, STATUSES, PULLS];
/// The same of a tag.
pub(super) const TAG_MOVES: &[Topic] = &[TAGS, COMMITS, FILES, TREES, STATUSES];
