//! How many files and sockets this process may have open.
//!
//! Invariant: the limit is raised by the program alone; a library leaves its process as it is.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit in force; `None`: there is none.
pub fn limit() -> Option<usize> {
    let soft = getrlimit(Resource::Nofile).current?;
    Some(usize::try_from(soft).unwrap_or(usize::MAX))
}

/// Raises the limit to the most that this user may have.
pub fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit on descriptors could not be raised");
    }
}
