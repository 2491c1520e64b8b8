//! The seam of the catalogue: what an operation is, below every one of them.
//!
//! Invariant: an operation's service, safety, idempotency, positionals and usual times follow from its name and method; a
//! declaration says what differs.

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::call::{CacheTimes, CostClass, Estimate, Homes, Operation, Resource, Tag, Tags};
use mosaic_actors::error::Failure;
use mosaic_actors::stream::Usage;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::fields::Cursor;
use super::owned::Owned;
use super::tags::Topic;
use super::trail::Trail;

/// One operation: its declaration, its types, and how its resource is read from its input.
pub trait Op: 'static {
    /// What the caller gives. Path parameters, query parameters and body fields are all fields of it.
    type Input: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// What the caller gets; for a stream, one event.
    type Output: Output<Self::Input>;
    /// The declaration.
    const DECLARATION: &'static Declaration;

    /// What the call is about.
    fn resource(input: &Self::Input) -> Resource;

    /// What the answer depends on and what the call changes. The topics that are declared, of the call's resource, unless
    /// an operation knows better.
    fn tags(_input: &Self::Input, resource: &Resource) -> Tags {
        Self::DECLARATION.tags(resource)
    }

    /// The tokens that a call may take, guessed before anybody is asked.
    fn estimate(_input: &Self::Input) -> Option<Estimate> {
        None
    }

    /// The model that the call names: what it is about, where that is offered by name, unless an operation knows better.
    fn model(_input: &Self::Input, resource: &Resource) -> Option<Arc<str>> {
        let model = resource.native();
        let named = Self::DECLARATION.facts.homes == Homes::Offered && !model.is_empty();
        named.then(|| model.clone())
    }

    /// What its input names that a provider keeps by an id for whoever brought it.
    fn owned(_input: &Self::Input) -> Vec<Resource> {
        Vec::new()
    }

    /// Equal for calls that are best asked of one provider, which has kept what they begin with.
    fn prefix(_input: &Self::Input) -> Option<u64> {
        None
    }

    /// Checks across fields. What one field must be, its type checks.
    ///
    /// # Errors
    /// `invalid_input` naming the field.
    fn check(_input: &Self::Input) -> Result<(), Failure> {
        Ok(())
    }
}

/// The input of a list. Whatever answers with a page must be asked by one, so that no sealed cursor is passed on.
pub trait Paged {
    /// Where the cursor stands.
    fn cursor(&mut self) -> &mut Option<Cursor>;

    /// Where the walk through the list has been before this page.
    fn trail(&self) -> Trail;

    /// Rows a page, and the provider's own cursor, where they are given.
    fn page(&self) -> (Option<u32>, Option<&str>);
}

/// A neutral output, as answer to an `I`.
pub trait Output<I>: Clone + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// It is a page of a list.
    const LIST: bool = false;

    /// Where a list's input holds its cursor.
    fn cursor(_input: &mut I) -> Option<&mut Option<Cursor>> {
        None
    }

    /// Where a walk through the list has been before this page. Only pages are walked.
    fn trail(_input: &I) -> Trail {
        Trail::default()
    }

    /// Replaces a native cursor by its sealed form. Only pages have one.
    ///
    /// # Errors
    /// What `seal` fails with.
    fn seal_cursor(&mut self, _seal: &dyn Fn(&str) -> Result<String, Failure>) -> Result<(), Failure> {
        Ok(())
    }

    /// Tokens that it cost, as the provider counted them.
    fn usage(&self) -> Option<Usage> {
        None
    }

    /// The ids that only the answer could tell, as tags: a write makes them invalid, a read's answer carries them.
    fn tags(&self) -> Vec<Tag> {
        Vec::new()
    }
}

/// The output of an operation that answers with bytes: there is no value of it, only its bytes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub enum File {}

impl<I> Output<I> for File {}

/// What is declared of an operation. Made by [`Declaration::get`] and its like.
#[derive(Debug)]
pub struct Declaration {
    /// The engine's facts.
    pub facts: Operation,
    /// The HTTP method of the REST route.
    pub method: Method,
    /// The REST path below `/v1`, e.g. `/git/repos/{repo}/branches`; each `{name}` is a field of the input and may
    /// span several segments.
    pub path: &'static str,
    /// Input fields taken by position on the command line, behind those of the path; where it names these, too, in its order.
    pub args: &'static [&'static str],
    /// One line for people.
    pub summary: &'static str,
    /// What its answer depends on.
    pub carries: &'static [Topic],
    /// What a remembered `not_found` depends on as well.
    pub absent: &'static [Topic],
    /// What it changes.
    pub invalidates: &'static [Topic],
    /// Why a write changes nothing that an answer may depend on.
    pub invalidates_nothing: Option<&'static str>,
    /// It answers with bytes of their own media type, and not with JSON; its output is [`File`].
    pub bytes: bool,
    /// It takes bytes of their own media type beside its input.
    pub upload: bool,
    /// These bytes may be none.
    pub empty: bool,
    /// Its answer may be a part of what there is: its `next_after`, as the input's `after`, gives the next one.
    pub parts: bool,
    /// Its stream can be gone on with: by this field of its input, behind the event whose member of this name has that value.
    pub goes_on: Option<(&'static str, &'static str)>,
    /// It is among the few that most who come need.
    pub common: bool,
    /// What its answer names that a provider keeps by an id for whoever brought it.
    pub owned: Owned,
    /// How long it is kept; absent: until somebody removes it.
    pub lasting: Option<Duration>,
}

const USUAL_TIMES: CacheTimes = times(30, 600, 10);

const fn times(fresh: u64, stale: u64, negative: u64) -> CacheTimes {
    CacheTimes {
        fresh: Duration::from_secs(fresh),
        stale: Duration::from_secs(stale),
        negative: Duration::from_secs(negative),
    }
}

impl Declaration {
    /// A read: safe, and cached for 30 seconds (stale for 10 minutes, a `not_found` for 10 seconds).
    pub const fn get<O: Op>(name: &'static str, path: &'static str, summary: &'static str) -> Self {
        let mut facts = Operation::read(service(name), name);
        facts.cache = Some(USUAL_TIMES);
        Self::of::<O>(Method::Get, facts, path, summary)
    }

    /// A creation, or another change that is not idempotent.
    pub const fn post<O: Op>(name: &'static str, path: &'static str, summary: &'static str) -> Self {
        Self::of::<O>(Method::Post, Operation::write(service(name), name), path, summary)
    }

    /// A partial change.
    pub const fn patch<O: Op>(name: &'static str, path: &'static str, summary: &'static str) -> Self {
        Self::of::<O>(Method::Patch, Operation::write(service(name), name), path, summary)
    }

    /// A replacement: idempotent.
    pub const fn put<O: Op>(name: &'static str, path: &'static str, summary: &'static str) -> Self {
        Self::of::<O>(Method::Put, idempotent(name), path, summary)
    }

    /// A removal: destructive, and idempotent.
    pub const fn delete<O: Op>(name: &'static str, path: &'static str, summary: &'static str) -> Self {
        let mut facts = idempotent(name);
        facts.destructive = true;
        Self::of::<O>(Method::Delete, facts, path, summary)
    }

    const fn of<O: Op>(method: Method, mut facts: Operation, path: &'static str, summary: &'static str) -> Self {
        facts.list = <O::Output as Output<O::Input>>::LIST;
        Declaration {
            facts,
            method,
            path,
            args: &[],
            summary,
            carries: &[],
            absent: &[],
            invalidates: &[],
            invalidates_nothing: None,
            bytes: false,
            upload: false,
            empty: false,
            parts: false,
            goes_on: None,
            common: false,
            owned: Owned::No,
            lasting: None,
        }
    }

    /// Takes these fields by position as well, behind those of the path.
    pub const fn args(mut self, args: &'static [&'static str]) -> Self {
        self.args = args;
        self
    }

    /// Cached for other times than usual, in seconds.
    pub const fn cached(mut self, fresh: u64, stale: u64, negative: u64) -> Self {
        self.facts.cache = Some(times(fresh, stale, negative));
        self
    }

    /// Never cached.
    pub const fn uncached(mut self) -> Self {
        self.facts.cache = None;
        self
    }

    /// A generation by a model: it changes nothing, is paid for by tokens, and is never cached.
    pub const fn generates(mut self) -> Self {
        self.facts.safe = true;
        self.facts.idempotent = true;
        self.facts.paid = true;
        self.facts.cost = CostClass::Tokens;
        self.offered()
    }

    /// A generation that its provider keeps: a write, and each time another one.
    pub const fn kept(mut self) -> Self {
        self.facts.safe = false;
        self.facts.idempotent = false;
        self
    }

    /// An order for generations, which are paid for later: it is never given again where it may have been taken, and has as
    /// much time as one of them, since it may be as long as many.
    pub const fn orders_generations(mut self) -> Self {
        self.facts.paid = true;
        self.facts.cost = CostClass::Tokens;
        self.offered()
    }

    /// Looks at what it is given, for free: it changes nothing, and is never cached.
    pub const fn looks(mut self) -> Self {
        self.facts.safe = true;
        self.facts.idempotent = true;
        self.uncached()
    }

    /// Asked of a model's provider, as a generation is, and free: it changes nothing, and is never cached.
    pub const fn computes(self) -> Self {
        self.looks().offered()
    }

    /// Of what a provider offers by its name: who lists it is asked.
    pub const fn offered(mut self) -> Self {
        self.facts.homes = Homes::Offered;
        self
    }

    /// Not to be repeated unasked, whatever its method promises: each time does something.
    pub const fn once(mut self) -> Self {
        self.facts.idempotent = false;
        self
    }

    /// Answers with a stream of events.
    pub const fn streams(mut self) -> Self {
        self.facts.streaming = true;
        self
    }

    /// Its stream follows something while that is made: of which nothing may come for long.
    pub const fn follows(mut self) -> Self {
        self.facts.follows = true;
        self.streams()
    }

    /// Its stream can be gone on with: `field` of its input takes what `member` of an event was.
    pub const fn goes_on(mut self, field: &'static str, member: &'static str) -> Self {
        self.goes_on = Some((field, member));
        self
    }

    /// Waits for something to happen: its answer may take as long as its call.
    pub const fn waits(mut self) -> Self {
        self.facts.waits = true;
        self.uncached()
    }

    /// Answers with bytes of their own media type, which no tier keeps.
    pub const fn bytes(mut self) -> Self {
        self.bytes = true;
        self.uncached()
    }

    /// Answers with as much as one answer holds, and tells in `next_after` where it goes on.
    pub const fn in_parts(mut self) -> Self {
        self.parts = true;
        self
    }

    /// Among the few that most who come need: those who cannot be shown all are shown these.
    pub const fn common(mut self) -> Self {
        self.common = true;
        self
    }

    /// Its answer names what a provider keeps by an id for whoever brought it.
    pub const fn owned(mut self, owned: Owned) -> Self {
        self.owned = owned;
        self
    }

    /// What its answer names is kept for so long.
    pub const fn lasting(mut self, lasting: Duration) -> Self {
        self.lasting = Some(lasting);
        self
    }

    /// Takes bytes of their own media type, as the body that its input leaves free.
    pub const fn upload(mut self) -> Self {
        self.upload = true;
        self
    }

    /// Takes an upload of no bytes, too.
    pub const fn may_be_empty(mut self) -> Self {
        self.empty = true;
        self
    }

    /// Whether the fields that are not in the path stand in the request's query, rather than in its body.
    pub const fn input_in_query(&self) -> bool {
        self.upload || !self.method.has_body()
    }

    /// Whether a caller may do it under an idempotency key. What is streamed, either way, cannot be compared with a
    /// repetition.
    pub const fn takes_key(&self) -> bool {
        !self.facts.safe && !self.upload && !self.facts.streaming
    }

    /// What its answer depends on.
    pub const fn carries(mut self, topics: &'static [Topic]) -> Self {
        self.carries = topics;
        self
    }

    /// What the creation of the thing would change, so that a remembered `not_found` does not outlive it.
    pub const fn absent(mut self, topics: &'static [Topic]) -> Self {
        self.absent = topics;
        self
    }

    /// What it changes.
    pub const fn invalidates(mut self, topics: &'static [Topic]) -> Self {
        self.invalidates = topics;
        self
    }

    /// Says why no answer depends on what it changes.
    pub const fn invalidates_nothing(mut self, reason: &'static str) -> Self {
        self.invalidates_nothing = Some(reason);
        self
    }

    /// The declared topics of one resource.
    pub fn tags(&self, resource: &Resource) -> Tags {
        let of = |topics: &[Topic]| topics.iter().map(|topic| topic.tag(resource.native())).collect();
        Tags {
            carries: of(self.carries),
            absent: of(self.absent),
            invalidates: of(self.invalidates),
        }
    }

    /// Input fields taken by position on the command line: those of the path, then the others, unless these name all.
    pub fn positionals(&self) -> impl Iterator<Item = &'static str> {
        let placeholders = self.path.split('{').skip(1).filter_map(|part| part.split('}').next());
        let others = self.args.iter().copied();
        placeholders.filter(|name| !self.args.contains(name)).chain(others)
    }
}

const fn idempotent(name: &'static str) -> Operation {
    let mut facts = Operation::write(service(name), name);
    facts.idempotent = true;
    facts
}

/// The part before the first dot.
const fn service(name: &'static str) -> &'static str {
    let mut end = 0;
    while name.as_bytes()[end] != b'.' {
        end += 1;
    }
    name.split_at(end).0
}

/// Methods that the catalogue uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Safe reads.
    Get,
    /// Creations, and reads whose input is a body.
    Post,
    /// Replacements.
    Put,
    /// Partial changes.
    Patch,
    /// Removals.
    Delete,
}

impl Method {
    /// The method's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    /// Whether an input comes in the request's body, rather than in its query.
    pub const fn has_body(self) -> bool {
        matches!(self, Method::Post | Method::Put | Method::Patch)
    }
}
