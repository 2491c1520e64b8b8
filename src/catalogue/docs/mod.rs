//! Docs: the pages of a documentation system.
//!
//! Invariant: every `id` and `parent` in an output is accepted as an input: a page's `instance~42`, and its parent's,
//! whose native form the provider's driver defines.

mod attachment;
mod export;
mod page;
mod search;

pub use attachment::{
    Attachment, AttachmentGet, AttachmentGetInput, AttachmentList, AttachmentListInput, AttachmentUpload,
    AttachmentUploadInput,
};
pub use export::{ExportFormat, PageExport, PageExportInput};
pub use page::{DocPage, Format, PageCreate, PageCreateInput, PageGet, PageGetInput};
pub use search::{Hit, Search, SearchInput};
