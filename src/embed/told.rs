//! What providers tell, whichever way it comes: into the cache, and into the bus.
//!
//! Invariant: what is told of is forgotten before anybody hears of it, so that whoever hears reads it as it is now.

use std::sync::Arc;

use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};

use super::mosaic::Mosaic;
use crate::catalogue::event::Told;
use crate::stores::{Appended, Delivered};

impl Mosaic {
    /// Has the cache forget what is no longer true, and whoever listens be told.
    ///
    /// # Errors
    /// As [`Bus::place`](crate::bus::Bus::place) and [`Bus::deliver`](crate::bus::Bus::deliver).
    pub(super) async fn tell(
        &self,
        instance: &Arc<str>,
        names: Vec<String>,
        told: Vec<Told>,
        now: Timestamp,
    ) -> Result<Appended, Failure> {
        // First: what waits here is bounded, too.
        let place = self.inner.bus.place()?;
        let told: Vec<Told> = told.into_iter().map(Told::bounded).collect();
        self.system()
            .invalidate(told.iter().flat_map(Told::tags).collect())
            .await;
        let unwritten = |error| Failure::new(Kind::Internal, "an event could not be written").because(error);
        let body = |told: Told| serde_json::to_string(&told.placed(0, instance, now.to_string())).map_err(unwritten);
        let delivered = Delivered {
            provider: instance.clone(),
            names,
            at: now,
            bodies: told.into_iter().map(body).collect::<Result<_, _>>()?,
        };
        self.inner.bus.deliver(place, delivered).await
    }
}
