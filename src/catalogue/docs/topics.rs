//! What answers about documentation depend on.
//!
//! Invariant: a page's id tells nothing of what it is in, so a page that comes, moves or goes is told to all who list pages.

use crate::catalogue::tags::Topic;

/// The attachments of one page.
pub(in crate::catalogue) const ATTACHMENTS: Topic = Topic::whole("attachments");
/// The comments on one page.
pub(in crate::catalogue) const COMMENTS: Topic = Topic::whole("page_comments");
/// One page.
pub(in crate::catalogue) const PAGE: Topic = Topic::whole("page");
/// Whatever pages there are.
pub(in crate::catalogue) const PAGES: Topic = Topic::all("pages");
/// Whatever spaces there are.
pub(in crate::catalogue) const SPACES: Topic = Topic::all("spaces");
/// Whoever has an account.
pub(in crate::catalogue) const ACCOUNTS: Topic = Topic::all("docs_accounts");
