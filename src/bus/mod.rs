//! The bus: what providers tell, kept, and given to whoever listens.
//!
//! Invariant: an event is told only once it is kept, and whoever listens misses none while it is kept: listeners read the
//! store, and are only woken here.

mod actor;
mod feed;
mod meters;
mod seats;

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::supervision::Handle;
use mosaic_actors::telemetry::SharedRecorder;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::config::EventsConfig;
use crate::stores::{Appended, Delivered, StateStore};
use actor::BusMsg;

pub(crate) use actor::spec;
use feed::Source;
pub use feed::{Feed, Filter, Heard};
pub use meters::{BusMeters, Came};
use seats::Seats;

/// When a sender that is refused for want of room shall come again.
const COME_AGAIN: Duration = Duration::from_secs(1);

/// The way to the bus. Cheap to clone.
#[derive(Clone)]
pub struct Bus(Arc<Inner>);

struct Inner {
    store: Arc<dyn StateStore>,
    handle: Handle<BusMsg>,
    /// One permit for each delivery that waits to be kept.
    room: Arc<Semaphore>,
    /// The number of the latest event that was kept here.
    latest: watch::Sender<i64>,
    seats: Arc<Seats>,
    /// The gateway is going.
    ended: CancellationToken,
    config: EventsConfig,
    meters: BusMeters,
}

impl Bus {
    /// A bus over a store; its actor is started by [`spec`].
    pub(crate) fn new(store: Arc<dyn StateStore>, config: EventsConfig, recorder: &SharedRecorder) -> Self {
        Bus(Arc::new(Inner {
            store,
            handle: Handle::new(),
            room: Arc::new(Semaphore::new(config.max_pending)),
            latest: watch::Sender::new(0),
            seats: Seats::new(config.max_listeners, config.tenant_listeners()),
            ended: CancellationToken::new(),
            meters: BusMeters::new(recorder),
            config,
        }))
    }

    /// What is counted of deliveries.
    pub fn meters(&self) -> &BusMeters {
        &self.0.meters
    }

    /// A place among the deliveries that wait.
    ///
    /// # Errors
    /// `rate_limited` where more wait than may.
    pub(crate) fn place(&self) -> Result<Place, Failure> {
        let full = |_| Failure::new(Kind::RateLimited, "more deliveries wait than may").after(COME_AGAIN);
        Ok(Place(self.0.room.clone().try_acquire_owned().map_err(full)?))
    }

    /// Keeps what a provider has told.
    ///
    /// # Errors
    /// `overloaded` where nobody is there to keep it; what the store fails with. Nothing is kept then.
    pub(crate) async fn deliver(&self, place: Place, delivered: Delivered) -> Result<Appended, Failure> {
        // Alone: a delivery that can be kept is not refused for another's sake.
        delivered.check().map_err(Failure::from)?;
        let Place(permit) = place;
        let lost = || Failure::new(Kind::Overloaded, "nobody is there to keep it").after(COME_AGAIN);
        let (reply, kept) = oneshot::channel();
        let message = BusMsg::Deliver {
            delivered,
            reply,
            permit,
        };
        self.0.handle.send(message).map_err(|_| lost())?;
        kept.await.map_err(|_| lost())?
    }

    /// Listens from behind the event `after`; from now on where it is not given. For the program itself.
    ///
    /// # Errors
    /// `overloaded` where more listen than may; what the store fails with.
    pub async fn listen(&self, after: Option<i64>, filter: Filter) -> Result<Feed, Failure> {
        self.seated(None, after, filter).await
    }

    /// The same, for one of `tenant`, who takes a seat of that tenant's share.
    ///
    /// # Errors
    /// As [`Bus::listen`].
    pub async fn listen_as(&self, tenant: &Arc<str>, after: Option<i64>, filter: Filter) -> Result<Feed, Failure> {
        self.seated(Some(tenant), after, filter).await
    }

    async fn seated(&self, tenant: Option<&Arc<str>>, after: Option<i64>, filter: Filter) -> Result<Feed, Failure> {
        // First: what is kept from now on wakes it.
        let woken = self.0.latest.subscribe();
        let seat = self.0.seats.take(tenant)?;
        let span = self.0.store.event_span().await.map_err(Failure::from)?;
        let source = Source {
            store: self.0.store.clone(),
            ended: self.0.ended.clone(),
            woken,
            _seat: seat,
        };
        Ok(Feed::new(source, span, after, filter))
    }

    /// Has every feed end: the gateway is going.
    pub(crate) fn end(&self) {
        self.0.ended.cancel();
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        self.0.seats.count()
    }
}

/// A place among the deliveries that wait.
pub(crate) struct Place(OwnedSemaphorePermit);
