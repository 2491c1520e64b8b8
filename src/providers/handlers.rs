//! What a driver can do, operation by operation: typed handlers, made alike for the engine.
//!
//! Invariant: an input is downcast once and an output serialised once, here; drivers see only their own types.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use mosaic_actors::call::{Answer, Body, CacheStatus, Call, Head, Value};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{BodyStream, ByteStream, Event, Frame, Piece, UPLOAD_FIELD, Upload};
use serde::Serialize;
use tokio::time::Instant;

use super::directory::{self, Directory, Looks};
use super::http::behind;
use super::http::revalidation::{self, Standing};
use crate::catalogue::cursor::{CursorKey, Query};
use crate::catalogue::op::{Op, Output, Paged};
use crate::catalogue::prepare::query;
use crate::catalogue::trail::Circle;
use crate::leisure::to_json;

/// What a handler gets.
pub struct Request<O: Op> {
    /// The typed input; its cursor is the provider's own.
    pub input: Arc<O::Input>,
    /// The resource as the provider knows it.
    pub native: Arc<str>,
    /// The instance, for neutral ids.
    pub instance: Arc<str>,
    /// The caller wants the provider's own JSON beside the neutral one.
    pub include_raw: bool,
    /// The bytes that came with the input.
    pub upload: Option<Arc<Upload>>,
    /// When the caller must have its reply.
    pub deadline: Instant,
}

impl<O: Op> Request<O> {
    /// What the same caller asks of another thing by another operation.
    pub fn asking<P: Op>(&self, native: &Arc<str>, input: P::Input) -> Request<P> {
        Request {
            input: Arc::new(input),
            native: native.clone(),
            instance: self.instance.clone(),
            include_raw: self.include_raw,
            upload: None,
            deadline: self.deadline,
        }
    }

    /// The file that came with the input, and what it is called: as `named`, else by its own name.
    ///
    /// # Errors
    /// `invalid_input` where there is none, or nothing says what it is called.
    pub fn file(&self, named: Option<&str>) -> Result<(Arc<Upload>, String), Failure> {
        let missing = |field, sentence| Failure::invalid(field, sentence).never_sent();
        let upload = self.upload.clone();
        let upload = upload.ok_or_else(|| missing(UPLOAD_FIELD, "a file is to be uploaded"))?;
        let name = named.or(upload.name.as_deref());
        let name = name.ok_or_else(|| missing("name", "name is missing, and the file has none"))?;
        let name = name.to_owned();
        Ok((upload, name))
    }
}

impl<O: Op> Request<O>
where
    O::Input: Paged,
{
    /// Rows a page, where the caller says.
    pub fn limit(&self) -> Option<u32> {
        self.input.page().0
    }

    /// The provider's own cursor, where this is not the first page.
    pub fn cursor(&self) -> Option<&str> {
        self.input.page().1
    }
}

/// What a handler gives.
pub struct Reply<T> {
    /// The neutral output.
    pub value: T,
    /// The provider's request id.
    pub upstream_request_id: Option<Arc<str>>,
    /// Rows of a list that could not be read and were left out.
    pub skipped: u32,
}

impl<T> Reply<T> {
    /// A value, of which no more is to be told.
    pub fn of(value: T) -> Self {
        Reply {
            value,
            upstream_request_id: None,
            skipped: 0,
        }
    }
}

/// One handler, as the engine calls it.
pub(super) type Handler<D> = Box<dyn Fn(Arc<D>, Arc<Call>, Seal) -> BoxFuture<Result<Answer, Failure>> + Send + Sync>;

/// The table of what a driver can do.
pub struct Handlers<D> {
    by_name: HashMap<&'static str, Handler<D>>,
    emulated: BTreeSet<&'static str>,
}

impl<D> Default for Handlers<D> {
    fn default() -> Self {
        Handlers {
            by_name: HashMap::new(),
            emulated: BTreeSet::new(),
        }
    }
}

/// What an answer says of where it came from; it seals the cursors of one instance.
#[derive(Clone)]
pub(super) struct Seal {
    pub instance: Arc<str>,
    pub cursors: CursorKey,
    pub emulated: bool,
    pub directory: Arc<Directory>,
    pub looks: Looks,
}

impl<D: Send + Sync + 'static> Handlers<D> {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the handler of `O`.
    #[must_use]
    pub fn on<O, F, Fut>(mut self, handler: F) -> Self
    where
        O: Op,
        F: Fn(Arc<D>, Request<O>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply<O::Output>, Failure>> + Send + 'static,
    {
        let erased: Handler<D> = Box::new(move |driver, call, seal| {
            Box::pin(async move {
                let request = Request::<O>::of(&call, &seal)?;
                let input = request.input.clone();
                let answering = handler(driver, request);
                let (reply, standing) =
                    revalidation::about(call.validator.clone(), call.operation.safe, answering).await;
                if standing.unchanged {
                    return Ok(seal.unchanged(standing));
                }
                let judged = |failure| match call.operation.safe {
                    true => failure,
                    false => standing.judge(failure),
                };
                let mut reply = match reply.map_err(judged) {
                    Ok(reply) => reply,
                    Err(failure) => return Err(seal.blamed(failure, &*input).await),
                };
                let trail = O::Output::trail(&input);
                reply.value.seal_cursor(&|native| match trail.on_to(native) {
                    Err(Circle) => Err(seal.circle()),
                    Ok(trail) => seal.cursor(&query::<O>(&input)?, &trail.joined(native)),
                })?;
                Ok(Answer {
                    head: Head {
                        tags: reply.value.tags(),
                        usage: reply.value.usage(),
                        skipped: reply.skipped,
                        validator: standing.validator(),
                        ..seal.head("application/json", reply.upstream_request_id)
                    },
                    body: Body::Bytes(serialise(&reply.value)?),
                    value: Some(Value(Arc::new(reply.value))),
                })
            })
        });
        self.by_name.insert(O::DECLARATION.facts.name, erased);
        self
    }

    /// Adds the handler of a streaming `O`: its future resolves when the provider has accepted the request.
    #[must_use]
    pub fn stream<O, F, Fut, S>(mut self, handler: F) -> Self
    where
        O: Op,
        F: Fn(Arc<D>, Request<O>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply<S>, Failure>> + Send + 'static,
        S: Stream<Item = Result<Piece<O::Output>, Failure>> + Send + 'static,
        O::Output: Event,
    {
        let erased: Handler<D> = Box::new(move |driver, call, seal| {
            Box::pin(async move {
                let request = Request::<O>::of(&call, &seal)?;
                let reply = handler(driver, request).await?;
                let frames = reply.value.map(|piece| {
                    piece.map(|piece| match piece {
                        Piece::Item(event) => Piece::Item(Frame::new(event)),
                        Piece::Alive => Piece::Alive,
                    })
                });
                Ok(Answer {
                    head: seal.head("text/event-stream", reply.upstream_request_id),
                    body: Body::Stream(BodyStream::from_stream(frames)),
                    value: None,
                })
            })
        });
        self.by_name.insert(O::DECLARATION.facts.name, erased);
        self
    }

    /// Adds the handler of an `O` that answers with bytes of their own media type.
    #[must_use]
    pub fn raw<O, F, Fut>(mut self, handler: F) -> Self
    where
        O: Op,
        F: Fn(Arc<D>, Request<O>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply<ByteStream>, Failure>> + Send + 'static,
    {
        let erased: Handler<D> = Box::new(move |driver, call, seal| {
            Box::pin(async move {
                let request = Request::<O>::of(&call, &seal)?;
                let reply = handler(driver, request).await?;
                Ok(Answer {
                    head: seal.head("application/octet-stream", reply.upstream_request_id),
                    body: Body::Raw(reply.value),
                    value: None,
                })
            })
        });
        self.by_name.insert(O::DECLARATION.facts.name, erased);
        self
    }

    /// Says that `O` is made of other things that the provider can do, and that it has nothing of the kind itself. Answers
    /// tell so.
    #[must_use]
    pub fn emulates<O: Op>(mut self) -> Self {
        self.emulated.insert(O::DECLARATION.facts.name);
        self
    }

    /// The names of what can be done, in order.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.by_name.keys().copied().collect();
        names.sort_unstable();
        names
    }

    /// The names of what is emulated, in order.
    pub fn emulated(&self) -> Vec<&'static str> {
        self.emulated.iter().copied().collect()
    }

    /// Each handler with what its answers are sealed by.
    pub(super) fn into_rows(self, seal: &Seal) -> HashMap<&'static str, (Handler<D>, Seal)> {
        let sealed = |name| Seal {
            emulated: self.emulated.contains(name),
            ..seal.clone()
        };
        self.by_name
            .into_iter()
            .map(|(name, handler)| (name, (handler, sealed(name))))
            .collect()
    }
}

impl<O: Op> Request<O> {
    fn of(call: &Call, seal: &Seal) -> Result<Self, Failure> {
        let input = call.input.clone().downcast::<O::Input>().map_err(|_| {
            Failure::new(
                Kind::Internal,
                format!("{} was given an input of another type", call.operation.name),
            )
        })?;
        Ok(Request {
            input,
            native: call.resource.native().clone(),
            instance: seal.instance.clone(),
            include_raw: call.include_raw,
            upload: call.upload.clone(),
            deadline: call.deadline,
        })
    }
}

/// The most accounts that are looked for behind one failure.
const MOST_SUSPECTS: usize = 10;

impl Seal {
    /// The failure, as one of the configuration where it is of an account that the directory names and nobody has. Whom it is
    /// of a provider does not say: who has an account may have no right there, or be one too many.
    async fn blamed(&self, failure: Failure, input: &impl Serialize) -> Failure {
        let suspects = self.directory.suspects(&failure, input);
        if suspects.is_empty() {
            return failure;
        }
        let look = async {
            for (name, account) in suspects.into_iter().take(MOST_SUSPECTS) {
                if !(self.looks)(account).await? {
                    return Ok(Some((name, account)));
                }
            }
            Ok(None)
        };
        match behind(&self.instance, look).await.flatten() {
            Some(missing) => directory::blamed(failure, missing, &self.instance),
            None => failure,
        }
    }

    /// A client would be refused a cursor over the limit: the page fails instead of being one that cannot be gone on from.
    fn cursor(&self, query: &Query, native: &str) -> Result<String, Failure> {
        self.cursors.seal(&self.instance, query, native).ok_or_else(|| {
            let sentence = format!(
                "the cursor of {} for the next page is too long to be passed on",
                self.instance
            );
            let failure = Failure::new(Kind::UpstreamFailed, sentence).by(&self.instance);
            failure.not_usable().but_sound()
        })
    }

    /// A page behind which the same comes again: to end the list there would lose rows without a word, and to go on would
    /// never end.
    fn circle(&self) -> Failure {
        let sentence = format!("the list of {} leads back to where it has been", self.instance);
        Failure::new(Kind::UpstreamFailed, sentence)
            .by(&self.instance)
            .not_usable()
    }

    /// The provider has nothing new to say.
    fn unchanged(&self, standing: Standing) -> Answer {
        Answer {
            head: Head {
                validator: standing.validator(),
                unchanged: true,
                ..self.head("application/json", standing.request_id)
            },
            body: Body::Bytes(Bytes::new()),
            value: None,
        }
    }

    fn head(&self, content_type: &'static str, upstream_request_id: Option<Arc<str>>) -> Head {
        Head {
            content_type,
            upstream_request_id,
            cache: CacheStatus::Bypass,
            emulated: self.emulated,
            ..Head::json(self.instance.clone())
        }
    }
}

fn serialise(value: &impl Serialize) -> Result<Bytes, Failure> {
    to_json(value).map_err(|cause| Failure::new(Kind::Internal, "an output could not be serialised").because(cause))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An account that is there may have no right to a project, or be one too many.
    #[tokio::test]
    async fn an_account_that_is_there_is_not_the_configurations_fault() {
        let pairs = [("ada", "ada-l"), ("eve", "eve-x"), ("joe", "joe-d")];
        let looks: Looks = Arc::new(|account: &str| {
            let looked = match account {
                "joe-d" => Err(Failure::new(Kind::Network, "it cannot be reached")),
                account => Ok(account == "ada-l"),
            };
            Box::pin(async move { looked })
        });
        let seal = Seal {
            instance: Arc::from("forge-a"),
            cursors: CursorKey::random(),
            emulated: false,
            directory: Arc::new(
                pairs
                    .map(|(name, own)| (name.to_owned(), own.to_owned()))
                    .into_iter()
                    .collect(),
            ),
            looks,
        };
        for (told, names, field) in [
            ("ada-l", vec!["ada"], "assignees"),
            ("ada-l and eve-x", vec!["ada", "eve"], "directory.eve.forge-a"),
            ("somebody", vec!["ada", "eve", "bob"], "directory.eve.forge-a"),
            ("joe-d", vec!["joe"], "assignees"),
            ("bob", vec!["bob"], "assignees"),
        ] {
            let failure = Failure::invalid("assignees", format!("assignees names {told}, who is passed over"));
            let failure = seal.blamed(failure, &json!({ "assignees": names })).await;
            let kind = match field {
                "assignees" => Kind::InvalidInput,
                _ => Kind::PreconditionFailed,
            };
            assert_eq!((failure.kind, failure.field.as_deref()), (kind, Some(field)), "{told}");
        }
    }
}
