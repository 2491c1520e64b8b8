//! Git: repositories, what is in them, and what is done with it.
//!
//! Invariant: every `id` in an output is accepted as the resource of an input.

mod branch;
mod commit;
mod file;
mod hook;
mod merge;
mod pull;
mod release;
mod repo;
mod review;
mod status;
mod tag;
pub(super) mod topics;
mod tree;

pub use branch::{
    Branch, BranchCreate, BranchCreateInput, BranchDelete, BranchDeleteInput, BranchList, BranchListInput,
};
pub use commit::{
    Change, Commit, CommitGet, CommitGetInput, CommitList, CommitListInput, Compare, CompareInput, Comparison,
    FileChange,
};
pub use file::{
    Encoding, File, FileDelete, FileDeleteInput, FileDownload, FileDownloadInput, FileGet, FileGetInput, FilePut,
    FilePutInput, FileUpload, FileUploadInput, Written,
};
pub use hook::{Hook, HookCreate, HookCreateInput, HookDelete, HookDeleteInput, HookEvent, HookList, HookListInput};
pub use merge::{MergeMethod, MergeOutcome, Merged, PullMerge, PullMergeInput};
pub use pull::{
    Mergeable, Pull, PullChange, PullCreate, PullCreateInput, PullEnd, PullFiles, PullFilesInput, PullFilter, PullGet,
    PullGetInput, PullList, PullListInput, PullState, PullUpdate, PullUpdateInput,
};
pub use release::{Release, ReleaseAsset, ReleaseCreate, ReleaseCreateInput, ReleaseList, ReleaseListInput};
pub use repo::{
    Forked, Repo, RepoCreate, RepoCreateInput, RepoDelete, RepoDeleteInput, RepoFork, RepoForkInput, RepoGet,
    RepoGetInput, RepoList, RepoListInput, Visibility,
};
pub use review::{
    Comment, PullComment, PullCommentInput, PullComments, PullCommentsInput, PullReview, PullReviewInput, PullReviews,
    PullReviewsInput, Review, ReviewEvent, Verdict,
};
pub use status::{CombinedStatus, Status, StatusGet, StatusGetInput, StatusSet, StatusSetInput, StatusState};
pub use tag::{Tag, TagCreate, TagCreateInput, TagList, TagListInput};
pub use tree::{EntryKind, TreeEntry, TreeList, TreeListInput};
