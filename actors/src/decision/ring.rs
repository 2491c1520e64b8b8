//! The last records, for people to look at.
//!
//! Invariant: bounded; the oldest goes first. A look holds it for a comparison of ids, not for rendering.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::pool::Ticket;

/// A record that is kept, and what it is found by.
struct Row {
    id: Arc<str>,
    tenant: Arc<str>,
    ticket: Ticket,
}

/// The ring of them, the newest last.
pub(super) struct Ring {
    rows: Mutex<VecDeque<Row>>,
    most: usize,
}

impl Ring {
    /// Of at most so many.
    pub(super) fn new(most: usize) -> Self {
        Ring {
            rows: Mutex::default(),
            most,
        }
    }

    /// Keeps a record, and gives back the one that goes for it: that one where it has no room, or is held by another whom
    /// the caller must not wait for.
    pub(super) fn keep(&self, id: Arc<str>, tenant: Arc<str>, ticket: Ticket, may_wait: bool) -> Kept {
        let rows = match may_wait {
            true => Some(self.rows.lock().unwrap_or_else(PoisonError::into_inner)),
            false => self.rows.try_lock().ok(),
        };
        let Some(mut rows) = rows.filter(|_| self.most > 0) else {
            return Kept::No(ticket);
        };
        let gone = match rows.len() < self.most {
            true => None,
            false => rows.pop_front(),
        };
        rows.push_back(Row { id, tenant, ticket });
        Kept::Yes(gone.map(|row| row.ticket))
    }

    /// At most `limit`, the newest first: those with this id, if one is given, and of this tenant, likewise.
    pub(super) fn newest(&self, limit: usize, id: Option<&str>, tenant: Option<&str>) -> Vec<Ticket> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let meant =
            |row: &&Row| tenant.is_none_or(|tenant| *tenant == *row.tenant) && id.is_none_or(|id| *id == *row.id);
        let meant = rows.iter().rev().filter(meant).take(limit);
        meant.map(|row| row.ticket.clone()).collect()
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// What became of a record that was to be kept.
pub(super) enum Kept {
    /// It is; this one went for it.
    Yes(Option<Ticket>),
    /// It is not.
    No(Ticket),
}
