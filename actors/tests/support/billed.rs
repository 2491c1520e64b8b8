//! A driver that takes its time and tells what it costs, and what tests of credits share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use bytes::Bytes;
use mosaic_actors::call::{Answer, Body, Call, Head};
use mosaic_actors::credits::Billing;
use mosaic_actors::driver::{BoxFuture, Credential, Driver, ready};
use mosaic_actors::error::Failure;
use mosaic_actors::instance::InstanceSpec;
use mosaic_actors::policy::credits::{Credits, Period, Unit};
use mosaic_actors::policy::price::{Price, PriceRow, Prices};
use mosaic_actors::policy::routing::Label;
use mosaic_actors::stream::{BodyStream, Event, Frame, Usage};
use mosaic_actors::system::Wall;

use super::{Counts, instance};

/// Answers with its name after a while, and tells what that cost.
struct Billed {
    name: Arc<str>,
    takes: Duration,
    cost: Option<u64>,
}

impl Driver for Billed {
    fn call(self: Arc<Self>, _call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        Box::pin(async move {
            tokio::time::sleep(self.takes).await;
            Ok(Answer {
                head: Head {
                    usage: self.cost.map(|cost| Usage {
                        cost_nano_usd: Some(cost),
                        ..Usage::default()
                    }),
                    ..Head::json(self.name.clone())
                },
                body: Body::Bytes(Bytes::from(format!("\"{}\"", self.name))),
                value: None,
            })
        })
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(async { Ok(Credential::Serves) })
    }
}

/// Streams events that tell what was spent so far, and then ends, or hangs.
struct Streamed {
    name: Arc<str>,
    costs: &'static [u64],
    ends: bool,
}

struct SpentSoFar(u64);

impl Event for SpentSoFar {
    fn to_json(&self) -> Result<Bytes, Failure> {
        Ok(Bytes::from(self.0.to_string()))
    }

    fn usage(&self) -> Option<Usage> {
        Some(Usage {
            cost_nano_usd: Some(self.0),
            ..Usage::default()
        })
    }
}

impl Driver for Streamed {
    fn call(self: Arc<Self>, _call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        Box::pin(async move {
            let (costs, ends) = (self.costs, self.ends);
            let frames = futures_util::stream::unfold(0, move |at| async move {
                match costs.get(at) {
                    Some(cost) => Some((Ok(Frame::new(SpentSoFar(*cost))), at + 1)),
                    None if ends => None,
                    None => std::future::pending().await,
                }
            });
            Ok(Answer {
                head: Head::json(self.name.clone()),
                body: Body::Stream(BodyStream::from_items(frames)),
                value: None,
            })
        })
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(async { Ok(Credential::Serves) })
    }
}

/// An instance that streams what was spent so far.
pub fn streamed(name: &str, costs: &'static [u64], ends: bool) -> InstanceSpec {
    let called: Arc<str> = Arc::from(name);
    InstanceSpec {
        factory: ready(move || {
            Ok(Arc::new(Streamed {
                name: called.clone(),
                costs,
                ends,
            }))
        }),
        ..instance(name, &Arc::new(Counts::default()))
    }
}

/// An instance that takes its time, and tells what it costs.
pub fn billed(name: &str, takes: Duration, cost: Option<u64>) -> InstanceSpec {
    let called: Arc<str> = Arc::from(name);
    InstanceSpec {
        factory: ready(move || {
            Ok(Arc::new(Billed {
                name: called.clone(),
                takes,
                cost,
            }))
        }),
        ..instance(name, &Arc::new(Counts::default()))
    }
}

/// The same instance with these labels.
pub fn labelled(labels: &[(&str, &str)], spec: InstanceSpec) -> InstanceSpec {
    InstanceSpec {
        labels: labels.iter().map(|(name, value)| label(name, value)).collect(),
        ..spec
    }
}

/// A label.
pub fn label(name: &str, value: &str) -> Label {
    (Arc::from(name), Arc::from(value))
}

/// The same instance with so many credits for a day; each call costs one, or in money this.
pub fn credited(amount: u64, hard: bool, money: Option<u64>, spec: InstanceSpec) -> InstanceSpec {
    let price = Price {
        call: money.unwrap_or(0),
        ..Price::default()
    };
    InstanceSpec {
        billing: Billing {
            prices: Arc::new(Prices(vec![PriceRow {
                price,
                ..PriceRow::default()
            }])),
            credits: Some(Credits {
                unit: if money.is_some() { Unit::NanoUsd } else { Unit::Calls },
                amount,
                period: Period::Day,
                hard,
            }),
        },
        ..spec
    }
}

/// A time of day that tests set.
pub fn set_wall(at: u64) -> (Arc<AtomicU64>, Wall) {
    let seconds = Arc::new(AtomicU64::new(at));
    let read = seconds.clone();
    (seconds, Wall::new(move || read.load(SeqCst)))
}
