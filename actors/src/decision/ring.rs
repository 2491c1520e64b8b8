//! The last records, for people to look at.
//!
//! Invariant: bounded; the oldest goes first. A look holds it for a comparison of ids, not for rendering.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use foldhash::fast::RandomState;

use super::pool::Ticket;

/// A record that is kept, and the hash of the id that it is found by: most that are not meant are told by it.
struct Row {
    id: u64,
    ticket: Ticket,
}

/// The ring of them, the newest last.
pub(super) struct Ring {
    rows: Mutex<VecDeque<Row>>,
    hasher: RandomState,
    most: usize,
}

impl Ring {
    /// Of at most so many.
    pub(super) fn new(most: usize) -> Self {
        Ring {
            rows: Mutex::default(),
            hasher: RandomState::default(),
            most,
        }
    }

    /// Keeps a record, and gives back the one that goes for it: that one where it has no room, or is held by another whom
    /// the caller must not wait for.
    pub(super) fn keep(&self, id: &str, ticket: Ticket, may_wait: bool) -> Kept {
        let id = self.hasher.hash_one(id);
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
        rows.push_back(Row { id, ticket });
        Kept::Yes(gone.map(|row| row.ticket))
    }

    /// The records, the newest first; of those with another id than this, if one is given, hardly any.
    pub(super) fn newest(&self, id: Option<&str>) -> Vec<Ticket> {
        let id = id.map(|id| self.hasher.hash_one(id));
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let meant = rows.iter().rev().filter(|row| id.is_none_or(|id| id == row.id));
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
