//! Locks of the sandbox's data.
//!
//! Invariant: never held across an await; each critical section leaves its data whole, so a panic elsewhere spoils nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a panic elsewhere.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
