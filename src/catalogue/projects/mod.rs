//! Projects: the issues of a tracker, and what orders them.
//!
//! Invariant: an issue's neutral id, `instance~project#number`, names it at every surface.

mod board;
mod change;
mod comment;
mod issue;
mod label;
mod milestone;
mod search;
pub(super) mod topics;

pub use board::{
    Board, BoardAddItem, BoardAddItemInput, BoardItem, BoardItemKind, BoardItems, BoardItemsInput, BoardList,
    BoardListInput, BoardUpdateItem, BoardUpdateItemInput,
};
pub use change::{
    Clearable, CloseReason, IssueAssign, IssueAssignInput, IssueClose, IssueCloseInput, IssueDelete, IssueDeleteInput,
    IssueLock, IssueLockInput, IssueLocked, IssueReopen, IssueReopenInput, IssueUpdate, IssueUpdateInput,
};
pub use comment::{
    IssueComment, IssueCommentCreate, IssueCommentCreateInput, IssueCommentDelete, IssueCommentDeleteInput,
    IssueCommentList, IssueCommentListInput, IssueCommentUpdate, IssueCommentUpdateInput,
};
pub use issue::{
    InMilestone, Issue, IssueCreate, IssueCreateInput, IssueGet, IssueGetInput, IssueList, IssueListInput, IssueState,
    StateFilter,
};
pub use label::{
    IssueLabels, Label, LabelCreate, LabelCreateInput, LabelList, LabelListInput, LabelSet, LabelSetInput,
};
pub use milestone::{Milestone, MilestoneCreate, MilestoneCreateInput, MilestoneList, MilestoneListInput};
pub use search::{IssueSearch, IssueSearchInput};
