//! Whose the things are that a provider keeps by an id, under a credential that several tenants share.
//!
//! Invariant: a call that names a thing of another tenant's is not made, and told that the thing is not there; an answer names
//! no thing as its reader's before it is written down whose it is. What nobody has written down, as it was made by other ways or
//! before this was kept, is of the one tenant that reaches its instance, and where there are several, of none.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::unfold;
use mosaic_actors::call::{Answer, Body, BodyMark, Call, Caller, Claim, OperationRef, Resource};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{BodyStream, Frame, Piece};
use tokio::time::Instant;

use super::Calls;
use crate::catalogue::owned::{Owned, Rows, named};
use crate::catalogue::{Catalogue, Declaration};

/// Before each further try to write down whose a thing is; the answer waits for it.
const AGAIN: [Duration; 3] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(500),
];

/// A thing at an instance, and whose it is.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The instance.
    pub instance: String,
    /// The thing's id there.
    pub native: String,
    /// The tenant.
    pub tenant: String,
}

/// How a tenant stands to what an instance keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// No other reaches it: what nobody has written down is the one's.
    Alone,
    /// Several reach it, and each has its own.
    Apart,
    /// They are meant to share it.
    Together,
}

/// Where it is written down whose things are.
pub trait Owners: Send + Sync + 'static {
    /// Whose the things with these ids are, at whichever instance; those of whom nothing is known are left out.
    fn of(&self, natives: BTreeSet<Arc<str>>) -> BoxFuture<Result<Vec<Owner>, Failure>>;

    /// Writes down whose things are, for so long, or for good; those of whom it is known stay whose they are.
    fn add(&self, things: Vec<Resource>, tenant: Arc<str>, lasting: Option<Duration>)
    -> BoxFuture<Result<(), Failure>>;

    /// Forgets whose these things are, which are there no more.
    fn remove(&self, things: Vec<Resource>) -> BoxFuture<Result<(), Failure>>;

    /// How a tenant stands to what this instance keeps.
    fn keeping(&self, instance: &str, tenant: &str) -> Keeping;
}

/// Calls, each of which sees what is its tenant's alone.
#[derive(Clone)]
pub(super) struct Owning {
    pub(super) calls: Arc<dyn Calls>,
    pub(super) owners: Arc<dyn Owners>,
    pub(super) catalogue: Catalogue,
}

impl Calls for Owning {
    fn call(&self, mut call: Call) -> BoxFuture<Result<Answer, Failure>> {
        // What is passed through is in no catalogue.
        let Some(entry) = self.catalogue.find(call.operation.name) else {
            return self.calls.call(call);
        };
        let (declaration, things) = (entry.declaration, entry.owned(&call.input));
        if things.is_empty() && declaration.owned == Owned::No {
            return self.calls.call(call);
        }
        let things = self.placed(things, &call);
        let told = Told {
            owners: self.owners.clone(),
            tenant: call.caller.tenant.clone(),
            known: things.iter().map(|thing| thing.native.clone()).collect(),
            declaration,
        };
        if !things.is_empty() {
            call.claim = Some(Arc::new(OfItsCaller {
                owners: self.owners.clone(),
                tenant: call.caller.tenant.clone(),
                things,
                behind: call.claim.take(),
            }));
        }
        let answer = self.calls.call(call);
        Box::pin(async move { told.by(answer.await?).await })
    }

    fn instances(&self, operation: OperationRef, caller: &Caller) -> Vec<Arc<str>> {
        self.calls.instances(operation, caller)
    }

    fn is_undecided(&self, call: &Call) -> bool {
        self.calls.is_undecided(call)
    }
}

/// A thing that a call names.
struct Thing {
    /// Where it may be.
    instances: Vec<Arc<str>>,
    native: Arc<str>,
}

impl Owning {
    /// The things where they are, without those that are meant to be shared: at the instance that their id tells, or at the one
    /// that the call goes to, or at any that could be asked.
    fn placed(&self, things: Vec<Resource>, call: &Call) -> Vec<Thing> {
        let mut any = None;
        let mut placed = |thing: Resource| {
            let pinned = thing.instance().or(call.provider.as_ref()).or(call.resource.instance());
            let mut instances = match pinned {
                Some(instance) => vec![instance.clone()],
                None => any
                    .get_or_insert_with(|| self.calls.instances(call.operation, &call.caller))
                    .clone(),
            };
            instances.retain(|instance| self.owners.keeping(instance, &call.caller.tenant) != Keeping::Together);
            Thing {
                instances,
                native: thing.native().clone(),
            }
        };
        let placed = things.into_iter().map(&mut placed);
        placed.filter(|thing| !thing.instances.is_empty()).collect()
    }
}

/// Lets a call be made that names nothing but what is its tenant's.
struct OfItsCaller {
    owners: Arc<dyn Owners>,
    tenant: Arc<str>,
    things: Vec<Thing>,
    behind: Option<Arc<dyn Claim>>,
}

impl Claim for OfItsCaller {
    fn take(self: Arc<Self>, deadline: Instant) -> BoxFuture<Result<Option<Answer>, Failure>> {
        Box::pin(async move {
            let natives = self.things.iter().map(|thing| thing.native.clone()).collect();
            let found = tokio::time::timeout_at(deadline, self.owners.of(natives)).await;
            let owners = found
                .unwrap_or_else(|_| Err(unanswered()))
                .map_err(Failure::never_sent)?;
            match self.things.iter().find(|thing| !self.is_its(thing, &owners)) {
                Some(thing) => Err(absent(&thing.native)),
                None => match &self.behind {
                    Some(claim) => claim.clone().take(deadline).await,
                    None => Ok(None),
                },
            }
        })
    }
}

impl OfItsCaller {
    fn is_its(&self, thing: &Thing, owners: &[Owner]) -> bool {
        let there = |owner: &&Owner| thing.instances.iter().any(|instance| **instance == *owner.instance);
        let mut of_it = owners
            .iter()
            .filter(|owner| *owner.native == *thing.native)
            .filter(there)
            .peekable();
        match of_it.peek() {
            Some(_) => of_it.all(|owner| *owner.tenant == *self.tenant),
            None => thing
                .instances
                .iter()
                .all(|instance| self.owners.keeping(instance, &self.tenant) == Keeping::Alone),
        }
    }
}

fn unanswered() -> Failure {
    let sentence = "the state store did not answer before the call's deadline; nothing was sent";
    Failure::new(Kind::Timeout, sentence)
}

/// Of another's, and of what there is not: who asks cannot tell which.
fn absent(native: &str) -> Failure {
    let sentence = format!("there is no {native} that was made here for this caller");
    Failure::new(Kind::NotFound, sentence).never_sent()
}

/// What is done with an answer that names things.
struct Told {
    owners: Arc<dyn Owners>,
    tenant: Arc<str>,
    /// What the call has named: whose that is, is known or follows.
    known: BTreeSet<Arc<str>>,
    declaration: &'static Declaration,
}

impl Told {
    async fn by(self, mut answer: Answer) -> Result<Answer, Failure> {
        match (self.declaration.owned, answer.body) {
            (Owned::Named(places), Body::Bytes(json)) => {
                self.note(named(&json, places)?).await;
                answer.body = Body::Bytes(json);
            }
            (Owned::Named(places), Body::Stream(events)) => {
                answer.body = Body::Stream(self.noting(places, events));
            }
            (Owned::Rows(places), Body::Bytes(json)) => {
                let rows = Rows::read(&json)?;
                let mine = self.mine(&rows.things).await?;
                self.note(rows.beside(places, &mine)?).await;
                if mine.contains(&false) {
                    answer.body = Body::Bytes(rows.only(&mine)?);
                    answer.value = None;
                    answer.head.mark = answer.head.mark.map(|_| BodyMark::default());
                } else {
                    answer.body = Body::Bytes(json);
                }
            }
            (Owned::Removed, body) => {
                self.forget(&answer.head.provider).await;
                answer.body = body;
            }
            (_, body) => answer.body = body,
        }
        Ok(answer)
    }

    /// Which of these things are the caller's.
    async fn mine(&self, things: &[Resource]) -> Result<Vec<bool>, Failure> {
        let owners = self.owners.of(natives(things)).await?;
        let mine = |thing: &Resource| {
            let keeping = thing
                .instance()
                .map(|instance| self.owners.keeping(instance, &self.tenant));
            let owner = owners.iter().find(|owner| is_of(owner, thing));
            match (keeping, owner) {
                (Some(Keeping::Together), _) => true,
                (_, Some(owner)) => *owner.tenant == *self.tenant,
                (keeping, None) => keeping == Some(Keeping::Alone),
            }
        };
        Ok(things.iter().map(mine).collect())
    }

    /// Writes down whose things are. Their maker has its answer even where that cannot be done: it is paid for.
    async fn note(&self, mut things: Vec<Resource>) {
        things.retain(|thing| !self.known.contains(thing.native()));
        if things.is_empty() {
            return;
        }
        let mut waits = AGAIN.into_iter();
        loop {
            let Err(failure) = self.add(&things).await else {
                return;
            };
            match waits.next() {
                Some(wait) => tokio::time::sleep(wait).await,
                None => {
                    let operation = self.declaration.facts.name;
                    tracing::error!(operation, tenant = %self.tenant, things = things.len(), %failure,
                        "it is not written down whose things are that a provider keeps: where tenants share it, nobody gets them");
                    return;
                }
            }
        }
    }

    /// Forgets what the call has named, at the instance that has removed it. A row that stays harms nobody.
    async fn forget(&self, instance: &str) {
        let gone = |native: &Arc<str>| Resource::parse(&Resource::neutral_id(instance, native));
        let gone = self.known.iter().map(gone).collect();
        if let Err(failure) = self.owners.remove(gone).await {
            tracing::warn!(instance, %failure, "whose a thing was that is removed is not forgotten");
        }
    }

    /// A look costs less than a write, and what is looked at often is known.
    async fn add(&self, things: &[Resource]) -> Result<(), Failure> {
        let owners = self.owners.of(natives(things)).await?;
        let mut new = things.to_vec();
        new.retain(|thing| !owners.iter().any(|owner| is_of(owner, thing)));
        match new.is_empty() {
            true => Ok(()),
            false => {
                let added = self.owners.add(new, self.tenant.clone(), self.declaration.lasting);
                added.await
            }
        }
    }

    /// The same events, of which none is told before it is written down whose the thing is that the first one names.
    fn noting(self, places: &'static [&'static str], events: BodyStream<Frame>) -> BodyStream<Frame> {
        BodyStream::from_stream(unfold((events, Some(self)), move |(mut events, mut told)| async move {
            let piece = match events.next_piece().await? {
                Ok(Piece::Item(frame)) => match told.take() {
                    Some(told) => told.first(places, frame).await.map(Piece::Item),
                    None => Ok(Piece::Item(frame)),
                },
                other => other,
            };
            Some((piece, (events, told)))
        }))
    }

    async fn first(self, places: &[&str], frame: Frame) -> Result<Frame, Failure> {
        self.note(named(&frame.json()?, places)?).await;
        Ok(frame)
    }
}

fn natives(things: &[Resource]) -> BTreeSet<Arc<str>> {
    let natives = things.iter().map(|thing| thing.native().clone());
    natives.filter(|native| !native.is_empty()).collect()
}

fn is_of(owner: &Owner, thing: &Resource) -> bool {
    *owner.native == **thing.native() && thing.instance().is_some_and(|instance| **instance == *owner.instance)
}
