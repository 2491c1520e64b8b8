//! Events and the names of deliveries, in memory.
//!
//! Invariant: what is kept is counted, and what is forgotten is counted back.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::super::state::*;
use super::Tables;

/// What is kept of events.
#[derive(Default)]
pub(super) struct Kept {
    latest: i64,
    /// Oldest first.
    rows: VecDeque<(Timestamp, EventRow)>,
    /// When each delivery came, by its instance and name.
    names: HashMap<(Arc<str>, String), Timestamp>,
}

impl Kept {
    pub(super) fn after(&self, after: i64, limit: usize) -> Vec<EventRow> {
        let from = self.rows.partition_point(|(_, row)| row.seq <= after);
        let rows = self.rows.iter().skip(from).take(limit);
        rows.map(|(_, row)| row.clone()).collect()
    }

    pub(super) fn span(&self) -> Span {
        Span {
            oldest: self.rows.front().map(|(_, row)| row.seq),
            latest: self.latest,
        }
    }

    fn has(&self, delivered: &Delivered) -> bool {
        let key = |name: &String| (delivered.provider.clone(), name.clone());
        delivered.names.iter().any(|name| self.names.contains_key(&key(name)))
    }

    fn keep(&mut self, delivered: &Delivered) -> Option<i64> {
        let key = |name: &String| (delivered.provider.clone(), name.clone());
        self.names
            .extend(delivered.names.iter().map(|name| (key(name), delivered.at)));
        for body in &delivered.bodies {
            self.latest += 1;
            let row = EventRow {
                seq: self.latest,
                body: body.clone(),
            };
            self.rows.push_back((delivered.at, row));
        }
        (!delivered.bodies.is_empty()).then_some(self.latest)
    }
}

/// What a kept name counts for.
fn name_bytes(provider: &str, name: &str) -> usize {
    provider.len() + name.len()
}

/// What a kept delivery counts for: as much as is counted back of it.
fn bytes(delivered: &Delivered) -> usize {
    let names = delivered.names.iter().map(|name| name_bytes(&delivered.provider, name));
    names.chain(delivered.bodies.iter().map(String::len)).sum()
}

impl Tables {
    pub(super) fn append_events(&mut self, deliveries: &[Delivered]) -> Result<Vec<Appended>, StoreError> {
        deliveries.iter().try_for_each(Delivered::check)?;
        self.replace(0, deliveries.iter().map(bytes).sum())?;
        let mut unused = 0;
        let mut appended = Vec::with_capacity(deliveries.len());
        for delivered in deliveries {
            appended.push(match self.events.has(delivered) {
                true => {
                    unused += bytes(delivered);
                    Appended::Repeated
                }
                false => Appended::Kept(self.events.keep(delivered)),
            });
        }
        self.replace(unused, 0)?;
        Ok(appended)
    }

    pub(super) fn expire_events(&mut self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let mut freed = 0;
        let mut forgotten = 0;
        while forgotten < limit && self.events.rows.front().is_some_and(|(at, _)| *at < before) {
            if let Some((_, row)) = self.events.rows.pop_front() {
                freed += row.body.len();
                forgotten += 1;
            }
        }
        self.events.names.retain(|(provider, name), at| {
            let stays = *at >= before;
            if !stays {
                freed += name_bytes(provider, name);
                forgotten += 1;
            }
            stays
        });
        self.replace(freed, 0)?;
        Ok(forgotten as u64)
    }
}
