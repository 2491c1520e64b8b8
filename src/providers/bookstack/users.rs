//! Who has an account.
//!
//! Invariant: a name is told as a name, and no login is made of it.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use super::lists::ROWS;
use super::{BookStack, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::docs::UserList;
use crate::catalogue::person::Person;
use crate::providers::http::Row;
use crate::providers::{Reply, Request};

pub async fn list(bookstack: Arc<BookStack>, request: Request<UserList>) -> Result<Reply<Page<Person>>, Failure> {
    let listed = bookstack.list("users", &[], &ROWS, &request).await?;
    Ok(listed.page(|row: Row<wire::User>| Some(convert::person(row.wire))))
}
