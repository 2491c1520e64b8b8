//! Docs: the pages of a documentation system.
//!
//! Invariant: every `id` and `parent` in an output is accepted as an input: a page's `instance~42`, and its parent's,
//! whose native form the provider's driver defines.

mod account;
mod attachment;
mod change;
mod comment;
mod export;
mod page;
mod search;
mod space;
pub(super) mod topics;
mod tree;

pub use account::{UserList, UserListInput};
pub use attachment::{
    Attachment, AttachmentGet, AttachmentGetInput, AttachmentList, AttachmentListInput, AttachmentUpload,
    AttachmentUploadInput,
};
pub use change::{
    PageAppend, PageAppendInput, PageDelete, PageDeleteInput, PageMove, PageMoveInput, PageRestore, PageRestoreInput,
    PageUpdate, PageUpdateInput,
};
pub use comment::{PageComment, PageCommentCreate, PageCommentCreateInput, PageCommentList, PageCommentListInput};
pub use export::{
    ExportFormat, PageExport, PageExportHtml, PageExportHtmlInput, PageExportInput, PageExportMarkdown,
    PageExportMarkdownInput,
};
pub use page::{DocPage, Format, Lost, PageCreate, PageCreateInput, PageGet, PageGetInput};
pub use search::{Hit, Search, SearchInput};
pub use space::{Space, SpaceCreate, SpaceCreateInput, SpaceKind, SpaceList, SpaceListInput};
pub use tree::{PageChildren, PageChildrenInput, PageList, PageListInput, PageRow, RowKind};
