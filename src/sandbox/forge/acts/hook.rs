//! Hooks that are set and removed.
//!
//! Invariant: a hook has an id of its own.

use crate::sandbox::forge::data::hook::Hook;
use crate::sandbox::forge::oid::now;
use crate::sandbox::forge::refused::{Refused, What};
use crate::sandbox::forge::state::State;

/// A hook to be made.
#[derive(Clone, Debug)]
pub(crate) struct HookDraft {
    pub url: String,
    pub events: Vec<String>,
    pub active: bool,
    pub content_type: String,
    pub insecure_tls: bool,
    pub signed: bool,
}

impl State {
    /// Adds a hook to a repository.
    pub fn create_hook(&mut self, repo: u64, draft: HookDraft) -> Result<Hook, Refused> {
        self.writable(repo)?;
        let hook = Hook {
            id: self.created.take(draft.url.len())?,
            url: draft.url,
            events: draft.events,
            active: draft.active,
            content_type: draft.content_type,
            insecure_tls: draft.insecure_tls,
            signed: draft.signed,
            created_at: now(),
        };
        self.by_id_mut(repo)?.hooks.push(hook.clone());
        Ok(hook)
    }

    /// Removes a hook.
    pub fn delete_hook(&mut self, repo: u64, id: u64) -> Result<(), Refused> {
        let hooks = &mut self.by_id_mut(repo)?.hooks;
        let at = hooks
            .iter()
            .position(|hook| hook.id == id)
            .ok_or(Refused::Missing(What::Hook))?;
        hooks.remove(at);
        Ok(())
    }
}
