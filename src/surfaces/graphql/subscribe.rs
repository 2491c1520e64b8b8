//! Subscriptions: the operations that stream, and the events that providers tell.
//!
//! Invariant: a stream that breaks ends with an error, never as if it were whole; one that nobody follows any more ends.

use std::sync::Arc;

use async_graphql::dynamic::{
    FieldValue, InputValue, ResolverContext, SubscriptionField, SubscriptionFieldFuture, TypeRef,
};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Frame;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::super::feed::{Heard, Listening};
use super::errors;
use super::inputs::plain;
use super::plan::{Answered, Called, Plan};
use super::resolve::{Asked, session};
use super::session::Session;
use super::types::{LONG, Shape, non_null};

/// What may be asked of the feed, beside where it begins.
const FILTERS: &[(&str, &str)] = &[
    ("service", "Only events of this service, such as `git`."),
    ("type", "Only events of this type, or whose type begins so: `git.pr`."),
    ("provider", "Only events of this instance."),
    ("resource", "Only events of this resource, or of what is within it."),
];

type Items<'a> = BoxStream<'a, async_graphql::Result<FieldValue<'a>>>;

/// The field of an operation that streams.
pub(super) fn operation(plan: &Arc<Plan>, name: &str, called: &Arc<Called>) -> SubscriptionField {
    let (plan, own) = (plan.clone(), called.clone());
    let ty = match &called.answered {
        Answered::Value(ty, _) => ty.clone(),
        Answered::Page(name, ..) => TypeRef::named(name),
        Answered::File => TypeRef::named("FileContent"),
    };
    let field = SubscriptionField::new(name, non_null(ty), move |ctx| follow(plan.clone(), own.clone(), ctx));
    let arguments = called.arguments.iter();
    let field = arguments.fold(field, |field, argument| field.argument(argument.value()));
    field.description(format!(
        "{}: {}.",
        called.entry.name(),
        called.entry.declaration.summary
    ))
}

fn follow<'a>(plan: Arc<Plan>, called: Arc<Called>, ctx: ResolverContext<'a>) -> SubscriptionFieldFuture<'a> {
    SubscriptionFieldFuture::new(async move {
        let session = session(ctx.ctx).clone();
        let told = |failure| errors::of_stream(failure, &session.id);
        let asked = Asked::of(&plan, &called, &ctx, Map::new()).map_err(told)?;
        let Answered::Value(_, shape) = &called.answered else {
            return Err(told(Failure::new(Kind::Internal, "what streams has no pages")));
        };
        let frames = session
            .follow(called.entry, asked.input, asked.options)
            .await
            .map_err(told)?;
        let shape = shape.clone();
        let items: Items<'a> = frames.map(move |frame| of_frame(frame, &shape, &session)).boxed();
        Ok(items)
    })
}

fn of_frame<'a>(
    frame: Result<Frame, Failure>,
    shape: &Shape,
    session: &Session,
) -> async_graphql::Result<FieldValue<'a>> {
    let read = frame.and_then(|frame| {
        let json = frame.json()?;
        let odd = |error| Failure::new(Kind::Internal, "a frame of the stream is no JSON").because(error);
        serde_json::from_slice::<Value>(&json).map_err(odd)
    });
    let read = read.map_err(|failure| errors::of_stream(failure, &session.id))?;
    // A value that is one of several is told with its type.
    let member = match shape {
        Shape::Union(tag, members) => read[&**tag].as_str().and_then(|word| members.get(word)).cloned(),
        _ => None,
    };
    let value = FieldValue::owned_any(Arc::new(read));
    Ok(match member {
        Some(member) => value.with_type(member),
        None => value,
    })
}

/// The field of the events that providers tell.
pub(super) fn events(plan: &Arc<Plan>) -> SubscriptionField {
    let event = plan.event.0.type_name().to_owned();
    let field = SubscriptionField::new("events", TypeRef::named_nn("FeedItem"), move |ctx| {
        listen(event.clone(), ctx)
    });
    let after = InputValue::new("after", TypeRef::named(LONG));
    let after = after.description("Goes on behind the event with this id; 0: with the oldest. Absent: with the next.");
    let filters = FILTERS
        .iter()
        .map(|(name, description)| InputValue::new(*name, TypeRef::named(TypeRef::STRING)).description(*description));
    let field = filters.fold(field.argument(after), SubscriptionField::argument);
    field.description("What providers tell by themselves, as /v1/events has it.")
}

fn listen<'a>(event: String, ctx: ResolverContext<'a>) -> SubscriptionFieldFuture<'a> {
    SubscriptionFieldFuture::new(async move {
        let session = session(ctx.ctx).clone();
        let listening = ctx.data::<Arc<Listening>>()?;
        let query = in_query(&ctx);
        let heard = listening.listen(&query).await;
        let heard = heard.map_err(|failure| errors::of_stream(failure, &session.id))?;
        let items: Items<'a> = heard
            .map(move |heard| match heard {
                Ok(Heard::Event(happened)) => Ok(told(json!(happened), &event)),
                Ok(Heard::Missed { after, oldest }) => Ok(told(json!({ "after": after, "oldest": oldest }), "FeedGap")),
                Err(failure) => Err(errors::of_stream(failure, &session.id)),
            })
            .boxed();
        Ok(items)
    })
}

/// The arguments as the feed's query has them.
fn in_query(ctx: &ResolverContext<'_>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, given) in ctx.args.as_index_map() {
        match plain(given) {
            Value::Null => {}
            Value::String(text) => {
                query.append_pair(name, &text);
            }
            other => {
                query.append_pair(name, &other.to_string());
            }
        }
    }
    query.finish()
}

fn told<'a>(value: Value, of: &str) -> FieldValue<'a> {
    FieldValue::owned_any(Arc::new(value)).with_type(of.to_owned())
}
