//! People of a documentation system.
//!
//! Invariant: who is listed has an account; guests may have none that is told.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::ACCOUNTS;
use crate::catalogue::fields::{Cursor, PageSize};
use crate::catalogue::op::{Declaration, Op, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::person::Person;
use crate::catalogue::trail::Trail;

/// Input of `docs.user.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserListInput {
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `docs.user.list`
pub struct UserList;

impl Op for UserList {
    type Input = UserListInput;
    type Output = Page<Person>;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("docs.user.list", "/docs/users", "List who has an account").carries(&[ACCOUNTS]);
    fn resource(_input: &UserListInput) -> Resource {
        Resource::none()
    }
}

paged!(UserListInput);
