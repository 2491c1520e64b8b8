//! Sessions of the revisions that have some: how many there may be, and whose each is.
//!
//! Invariant: a session answers nobody but who opened it, and no tenant leaves the others without room.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::Stream;
use mosaic_actors::call::Caller;
use mosaic_actors::error::{Failure, Kind};
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, LocalSessionManagerError};
use rmcp::transport::streamable_http_server::session::{ServerSseMessage, SessionId, SessionManager};

tokio::task_local! {
    /// Who opens the session that is opened in this task.
    static OPENER: Caller;
}

/// When to come back for a session where there is no room.
const COME_BACK: Duration = Duration::from_secs(5);

/// The sessions that there are.
pub(super) struct Sessions {
    local: LocalSessionManager,
    owners: Mutex<HashMap<SessionId, Caller>>,
    most: usize,
}

/// Why a session does not do what it should.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionFault {
    /// There is no room for another.
    #[error("there is no room for another session")]
    Full,
    /// The SDK's.
    #[error(transparent)]
    Local(#[from] LocalSessionManagerError),
}

impl Sessions {
    /// At most so many, of which each ends when it has been silent for so long.
    pub(super) fn new(most: usize, idle: Duration) -> Self {
        let mut local = LocalSessionManager::default();
        local.session_config.keep_alive = Some(idle);
        // An answer that was given is not kept for whoever lost it: of those there may be as many as a client asks for.
        local.session_config.completed_cache_ttl = Duration::ZERO;
        Sessions {
            local,
            owners: Mutex::default(),
            most,
        }
    }

    /// Does the work in which `caller` may open a session.
    pub(super) async fn opened_by<T>(caller: Caller, work: impl Future<Output = T>) -> T {
        OPENER.scope(caller, work).await
    }

    /// Whether `caller` may open one more.
    ///
    /// # Errors
    /// `overloaded`.
    pub(super) fn room_for(&self, caller: &Caller) -> Result<(), Failure> {
        let owners = self.owners();
        let own = owners.values().filter(|owner| owner.tenant == caller.tenant).count();
        let share = (self.most / 4).max(1);
        let sentence = match () {
            () if owners.len() >= self.most => "there is no room for another session (mcp.max_sessions)",
            () if own >= share => "this tenant has as many sessions as it may (a quarter of mcp.max_sessions)",
            () => return Ok(()),
        };
        Err(Failure::new(Kind::Overloaded, sentence).after(COME_BACK).never_sent())
    }

    /// Whether a session is another's, or none.
    pub(super) fn is_strange(&self, id: &str, caller: &Caller) -> bool {
        self.owners().get(&SessionId::from(id)) != Some(caller)
    }

    fn owners(&self) -> MutexGuard<'_, HashMap<SessionId, Caller>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionManager for Sessions {
    type Error = SessionFault;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), SessionFault> {
        let opener = OPENER.try_with(Caller::clone).map_err(|_| SessionFault::Full)?;
        self.room_for(&opener).map_err(|_| SessionFault::Full)?;
        let (id, transport) = self.local.create_session().await?;
        self.owners().insert(id.clone(), opener);
        Ok((id, transport))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionFault> {
        Ok(self.local.initialize_session(id, message).await?)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionFault> {
        Ok(self.local.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), SessionFault> {
        self.owners().remove(id);
        Ok(self.local.close_session(id).await?)
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionFault> {
        Ok(self.local.create_stream(id, message).await?)
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), SessionFault> {
        Ok(self.local.accept_message(id, message).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionFault> {
        Ok(self.local.create_standalone_stream(id).await?)
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionFault> {
        Ok(self.local.resume(id, last_event_id).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(tenant: &str) -> Caller {
        Caller::new(tenant, "key")
    }

    #[tokio::test]
    async fn a_session_is_its_openers_and_takes_its_room() {
        let sessions = Sessions::new(8, Duration::from_secs(60));
        let open = |tenant: &str| Sessions::opened_by(caller(tenant), sessions.create_session());
        let (first, _one) = open("acme").await.expect("room");
        let (_, _two) = open("acme").await.expect("room");
        assert!(matches!(open("acme").await, Err(SessionFault::Full)));
        assert_eq!(
            sessions.room_for(&caller("acme")).expect_err("full").kind,
            Kind::Overloaded
        );
        assert!(sessions.room_for(&caller("other")).is_ok());
        assert!(!sessions.is_strange(&first, &caller("acme")));
        assert!(sessions.is_strange(&first, &caller("other")));
        assert!(sessions.is_strange("none", &caller("acme")));
        sessions.close_session(&first).await.expect("closed");
        assert!(sessions.is_strange(&first, &caller("acme")));
        assert!(sessions.room_for(&caller("acme")).is_ok());
    }
}
