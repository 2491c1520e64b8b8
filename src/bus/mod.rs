//! The bus: what providers tell, kept, and given to whoever listens.
//!
//! Invariant: an event is told only once it is kept, and whoever listens misses none while it is kept: listeners read the
//! store, and are only woken here.

mod actor;
mod feed;
mod meters;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
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
pub use feed::{Feed, Filter, Heard};
pub use meters::{BusMeters, Came};

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
    listeners: AtomicUsize,
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
            listeners: AtomicUsize::new(0),
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

    /// Listens from behind the event `after`; from now on where it is not given.
    ///
    /// # Errors
    /// `overloaded` where more listen than may; what the store fails with.
    pub async fn listen(&self, after: Option<i64>, filter: Filter) -> Result<Feed, Failure> {
        // First: what is kept from now on wakes it.
        let woken = self.0.latest.subscribe();
        let seat = Seat::take(self)?;
        let span = self.0.store.event_span().await.map_err(Failure::from)?;
        Ok(Feed::new(seat, woken, span, after, filter))
    }

    /// Has every feed end: the gateway is going.
    pub(crate) fn end(&self) {
        self.0.ended.cancel();
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        self.0.listeners.load(Acquire)
    }
}

/// A place among the deliveries that wait.
pub(crate) struct Place(OwnedSemaphorePermit);

/// The right to listen, given back when it is dropped.
pub(crate) struct Seat(Bus);

impl Seat {
    fn take(bus: &Bus) -> Result<Self, Failure> {
        let most = bus.0.config.max_listeners;
        // Counted before it is looked at, so that no two take the last one.
        let seat = Seat(bus.clone());
        match bus.0.listeners.fetch_add(1, AcqRel) < most {
            true => Ok(seat),
            false => {
                let sentence = format!("{most} others listen to the events");
                Err(Failure::new(Kind::Overloaded, sentence).after(COME_AGAIN))
            }
        }
    }

    fn ended(&self) -> &CancellationToken {
        &self.0.0.ended
    }

    fn store(&self) -> &dyn StateStore {
        &*self.0.0.store
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.0.listeners.fetch_sub(1, AcqRel);
    }
}
