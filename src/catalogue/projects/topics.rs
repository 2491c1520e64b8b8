//! What answers about trackers depend on.
//!
//! Invariant: a comment's and a board item's id begin with the id of what they belong to, which their tags speak of.

use crate::catalogue::tags::Topic;

/// One issue.
pub(in crate::catalogue) const ISSUE: Topic = Topic::whole("issue");
/// The issues of a project.
pub(in crate::catalogue) const ISSUES: Topic = Topic::within("issues");
/// The comments on one issue.
pub(in crate::catalogue) const COMMENTS: Topic = Topic::whole("issue_comments");
/// The labels of a project.
pub(in crate::catalogue) const LABELS: Topic = Topic::whole("labels");
/// The milestones of a project.
pub(in crate::catalogue) const MILESTONES: Topic = Topic::whole("milestones");
/// Whatever boards there are.
pub(in crate::catalogue) const BOARDS: Topic = Topic::all("boards");
/// What stands on any board: an issue that is changed may stand on each.
pub(in crate::catalogue) const BOARD_ITEMS: Topic = Topic::all("board_items");
/// Whatever a search may find.
pub(in crate::catalogue) const FOUND: Topic = Topic::all("found_issues");

/// What changes with an issue.
pub(in crate::catalogue) const ISSUE_CHANGES: &[Topic] = &[ISSUE, ISSUES, BOARD_ITEMS, FOUND];
