//! A step's log as it is stored: one JSON list, of which no more is held than a row.
//!
//! Invariant: a row that cannot be read keeps its number, and a log of which nothing is understood is a failure.

use std::sync::Arc;

use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};

use super::{Woodpecker, convert, wire};
use crate::catalogue::cicd::{LogLine, Step};
use crate::providers::http::{Element, Elements};

/// What its lines' times are counted from.
pub fn began(step: &Step) -> Option<Timestamp> {
    step.started_at.as_deref()?.parse().ok()
}

/// The log, as it is read.
pub struct Stored {
    rows: Elements,
    began: Option<Timestamp>,
    /// The provider's id of the request.
    pub request_id: Option<Arc<str>>,
    /// Rows that came.
    came: u64,
    /// Those of them that could not be read.
    skipped: u64,
    /// Why the first of them could not.
    unread: Option<Failure>,
}

/// One row of it.
pub struct Row {
    /// Its number, counted from 0.
    pub at: u64,
    /// As it came.
    pub element: Element,
    /// Its line; none where it cannot be read.
    pub line: Option<LogLine>,
}

impl Stored {
    /// Asks for the log of `step`.
    ///
    /// # Errors
    /// What the request fails with.
    pub async fn open(woodpecker: &Woodpecker, project: &str, number: u64, step: &Step) -> Result<Self, Failure> {
        let number = number.to_string();
        let ask = |id: &str| woodpecker.endpoint.get(&["repos", id, "logs", &number, &step.id]);
        let rows = woodpecker.open_in_repo(project, ask).await?.elements()?;
        Ok(Stored {
            rows: rows.value,
            began: began(step),
            request_id: rows.upstream_request_id,
            came: 0,
            skipped: 0,
            unread: None,
        })
    }

    /// The rows that came next, which may be none; nothing behind the last.
    ///
    /// # Errors
    /// What the connection fails with; `upstream_failed` where it is no log.
    pub async fn next(&mut self) -> Result<Option<Vec<Row>>, Failure> {
        match self.rows.next().await? {
            Some(elements) => Ok(Some(elements.into_iter().map(|element| self.row(element)).collect())),
            None => match self.unread.take() {
                Some(failure) if self.skipped == self.came => Err(failure),
                _ => Ok(None),
            },
        }
    }

    fn row(&mut self, element: Element) -> Row {
        let at = self.came;
        self.came += 1;
        let line = match element.read::<wire::LogEntry>(at) {
            Ok(entry) => convert::line(self.began, entry).ok_or_else(|| {
                let sentence = "no line of the log is base64";
                Some(Failure::new(Kind::UpstreamFailed, sentence).not_usable())
            }),
            Err(_) if element.is_null() => Err(None),
            Err(failure) => Err(Some(failure)),
        };
        if let Err(why) = &line {
            self.skipped += 1;
            tracing::debug!(
                at,
                why = why.as_ref().map(Failure::message),
                "a row of a log is left out"
            );
        }
        let line = line.map_err(|why| self.unread = self.unread.take().or(why)).ok();
        Row { at, element, line }
    }
}
