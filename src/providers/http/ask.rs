//! The usual requests: one object, or one page of a list, converted and replied.
//!
//! Invariant: converters see one row each and ask nothing; whatever cannot be read was refused before.

use std::sync::Arc;

use mosaic_actors::error::Failure;
use serde::de::DeserializeOwned;

use super::{Endpoint, Outgoing, Row};
use crate::catalogue::op::{Op, Paged};
use crate::catalogue::page::Page;
use crate::providers::handlers::{Reply, Request};

impl Endpoint {
    /// Gets one object.
    ///
    /// # Errors
    /// As [`Endpoint::send`]; `upstream_failed` where the answer cannot be read.
    pub async fn one<O: Op, W: DeserializeOwned>(
        &self,
        parts: &[&str],
        request: &Request<O>,
        convert: impl FnOnce(&Arc<str>, Row<W>) -> O::Output,
    ) -> Result<Reply<O::Output>, Failure> {
        self.answer(self.get(parts)?, request, convert).await
    }

    /// Sends a request that is answered with one object.
    ///
    /// # Errors
    /// As [`Endpoint::one`].
    pub async fn answer<O: Op, W: DeserializeOwned>(
        &self,
        outgoing: Outgoing,
        request: &Request<O>,
        convert: impl FnOnce(&Arc<str>, Row<W>) -> O::Output,
    ) -> Result<Reply<O::Output>, Failure> {
        let received = self.send(outgoing).await?;
        let row = received.row(request.include_raw)?;
        Ok(received.reply(convert(&request.instance, row)))
    }

    /// Gets one page of a list that goes on where its `Link` header says; `size` is the provider's name of the page size.
    /// A row that converts to nothing is left out.
    ///
    /// # Errors
    /// As [`Endpoint::one`].
    pub async fn page<O, T, W>(
        &self,
        outgoing: Outgoing,
        size: &str,
        request: &Request<O>,
        convert: impl Fn(&Arc<str>, Row<W>) -> Option<T>,
    ) -> Result<Reply<Page<T>>, Failure>
    where
        O: Op<Output = Page<T>>,
        O::Input: Paged,
        W: DeserializeOwned,
    {
        let received = self
            .send(outgoing.part(size, request.limit(), request.cursor()))
            .await?;
        let rows = received.rows(request.include_raw)?;
        let items = rows.into_iter().filter_map(|row| convert(&request.instance, row));
        Ok(received.reply(Page::new(items.collect(), received.next_query())))
    }
}

impl Outgoing {
    /// Chooses a part of a list. A cursor is the query of the next page as the provider wrote it: filters and page size
    /// belong to it.
    #[must_use]
    pub fn part(self, size: &str, limit: Option<u32>, cursor: Option<&str>) -> Self {
        match cursor {
            Some(query) => self.continued(query),
            None => self.query_if(size, limit),
        }
    }
}
