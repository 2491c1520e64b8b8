//! A server's state.
//!
//! Invariant: what changes is behind a lock that is never held across an await.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;

use super::count::Requests;
use super::fault_table::FaultTable;
use super::kit::lock::lock;
use super::kit::vendor::{Instance, Vendor};

/// A server's state, shared by its connections and its handle.
pub(crate) struct Server {
    pub name: String,
    pub vendor_name: &'static str,
    pub address: SocketAddr,
    pub base_url: String,
    pub instance: Instance,
    pub vendor: Arc<dyn Vendor>,
    pub router: Router,
    pub(super) faults: Mutex<FaultTable>,
    pub(super) requests: Mutex<Requests>,
}

impl Server {
    /// The faults; the lock is never held across an await.
    pub fn faults(&self) -> MutexGuard<'_, FaultTable> {
        lock(&self.faults)
    }

    /// The counts; the lock is never held across an await.
    pub fn requests(&self) -> MutexGuard<'_, Requests> {
        lock(&self.requests)
    }
}
