//! Sessions of the revisions that have some: how many there may be, and whose each is.
//!
//! Invariant: a session answers nobody but who opened it, and no tenant leaves the others without room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::Stream;
use mosaic_actors::call::Caller;
use mosaic_actors::error::{Failure, Kind};
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, LocalSessionManagerError};
use rmcp::transport::streamable_http_server::session::{ServerSseMessage, SessionId, SessionManager};

tokio::task_local! {
    /// The place of the session that is opened in this task.
    static PLACE: Mutex<Option<Place>>;
}

/// When to come back for a session where there is no room.
const COME_BACK: Duration = Duration::from_secs(5);

/// The sessions that there are.
pub(super) struct Sessions {
    local: LocalSessionManager,
    owners: Arc<Mutex<Owners>>,
    most: usize,
}

/// Whose the sessions are.
#[derive(Default)]
struct Owners {
    open: HashMap<SessionId, Caller>,
    /// By tenant: places of sessions that are about to open.
    opening: HashMap<Arc<str>, usize>,
}

impl Owners {
    fn of_tenant(&self, tenant: &str) -> usize {
        let open = self.open.values().filter(|owner| *owner.tenant == *tenant);
        open.count() + self.opening.get(tenant).copied().unwrap_or(0)
    }

    fn all(&self) -> usize {
        self.open.len() + self.opening.values().sum::<usize>()
    }
}

/// The place of one session that is about to open; given back where it does not.
pub(super) struct Place {
    owners: Arc<Mutex<Owners>>,
    opener: Caller,
}

impl Place {
    /// Whose the session is that has opened in it.
    fn of(self, id: SessionId) {
        let opener = self.opener.clone();
        locked(&self.owners).open.insert(id, opener);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut owners = locked(&self.owners);
        if let Some(count) = owners.opening.get_mut(&self.opener.tenant) {
            *count -= 1;
            if *count == 0 {
                owners.opening.remove(&self.opener.tenant);
            }
        }
    }
}

fn locked(owners: &Mutex<Owners>) -> MutexGuard<'_, Owners> {
    owners.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a session does not do what it should.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionFault {
    /// Nothing was reserved for it.
    #[error("a session opens in a place that was reserved for it")]
    NoPlace,
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
            owners: Arc::default(),
            most,
        }
    }

    /// Does the work in which a session may open in this place.
    pub(super) async fn opened_in<T>(place: Option<Place>, work: impl Future<Output = T>) -> T {
        PLACE.scope(Mutex::new(place), work).await
    }

    /// A place for one more session of `caller`.
    ///
    /// # Errors
    /// `overloaded`.
    pub(super) fn reserve(&self, caller: &Caller) -> Result<Place, Failure> {
        let mut owners = locked(&self.owners);
        let share = (self.most / 4).max(1);
        let sentence = match () {
            () if owners.all() >= self.most => "there is no room for another session (mcp.max_sessions)",
            () if owners.of_tenant(&caller.tenant) >= share => {
                "this tenant has as many sessions as it may (a quarter of mcp.max_sessions)"
            }
            () => {
                *owners.opening.entry(caller.tenant.clone()).or_default() += 1;
                return Ok(Place {
                    owners: self.owners.clone(),
                    opener: caller.clone(),
                });
            }
        };
        Err(Failure::new(Kind::Overloaded, sentence).after(COME_BACK).never_sent())
    }

    /// Whether a session is another's, or none.
    pub(super) fn is_strange(&self, id: &str, caller: &Caller) -> bool {
        locked(&self.owners).open.get(&SessionId::from(id)) != Some(caller)
    }
}

impl SessionManager for Sessions {
    type Error = SessionFault;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), SessionFault> {
        let place = PLACE.try_with(|place| place.lock().unwrap_or_else(PoisonError::into_inner).take());
        let place = place.ok().flatten().ok_or(SessionFault::NoPlace)?;
        let (id, transport) = self.local.create_session().await?;
        place.of(id.clone());
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
        locked(&self.owners).open.remove(id);
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
        let open = async |tenant: &str| {
            let place = sessions.reserve(&caller(tenant)).expect("room");
            Sessions::opened_in(Some(place), sessions.create_session()).await
        };
        let (first, _one) = open("acme").await.expect("open");
        let (_, _two) = open("acme").await.expect("open");
        let refused = sessions.reserve(&caller("acme")).err().expect("full");
        assert_eq!(refused.kind, Kind::Overloaded);
        assert!(sessions.reserve(&caller("other")).is_ok());
        assert!(!sessions.is_strange(&first, &caller("acme")));
        assert!(sessions.is_strange(&first, &caller("other")));
        assert!(sessions.is_strange("none", &caller("acme")));
        sessions.close_session(&first).await.expect("closed");
        assert!(sessions.is_strange(&first, &caller("acme")));
        assert!(sessions.reserve(&caller("acme")).is_ok());
        let unasked = Sessions::opened_in(None, sessions.create_session()).await;
        assert!(matches!(unasked, Err(SessionFault::NoPlace)));
    }

    #[test]
    fn a_place_counts_from_when_it_is_reserved_until_it_is_given_back() {
        let sessions = Sessions::new(8, Duration::from_secs(60));
        let reserve = |tenant: &str| sessions.reserve(&caller(tenant));
        let both = (reserve("acme"), reserve("acme"));
        assert!(both.0.is_ok() && both.1.is_ok() && reserve("acme").is_err());
        let others: Vec<_> = ["b", "b", "c", "c", "d", "d"].map(reserve).into_iter().collect();
        assert!(others.iter().all(Result::is_ok) && reserve("e").is_err());
        drop(both);
        assert!(reserve("e").is_ok() && reserve("acme").is_ok());
        drop(others);
        assert_eq!(locked(&sessions.owners).all(), 0);
    }
}
