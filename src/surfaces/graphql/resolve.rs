//! Fields: from what is asked to a call, and from its answer to values.
//!
//! Invariant: a field that fails is null, with one error that names it; whatever else was asked for is answered.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_graphql::dynamic::{FieldFuture, FieldValue, ResolverContext};
use async_graphql::{Context, Value as Given};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Upload;
use serde_json::{Map, Value};

use super::connection::{Connection, Place};
use super::errors;
use super::inputs::{Reader, plain};
use super::plan::{Answered, Called, FILE, Plan, Related};
use super::session::{Read, Session};
use super::types::Shape;
use crate::catalogue::fields::PageSize;
use crate::catalogue::relation::{Among, From, within};
use crate::dispatch::Options;
use crate::dispatch::options::OPTIONS;

/// The most pages that are walked to find what a list holds of several.
const MOST_PAGES: usize = 10;

/// The value of a field of an answer.
pub(super) fn value<'a>(value: Option<&'a Value>, shape: &Shape) -> Option<FieldValue<'a>> {
    let value = value.filter(|value| !value.is_null())?;
    Some(match (shape, value) {
        (Shape::Word(words), Value::String(word)) => FieldValue::value(words.get(word)?.as_str()),
        (Shape::Global(of), Value::String(id)) => FieldValue::value(format!("{of}:{id}")),
        (Shape::Object, _) => FieldValue::borrowed_any(value),
        (Shape::Union(tag, members), _) => {
            let member = members.get(value[&**tag].as_str()?)?;
            FieldValue::borrowed_any(value).with_type(member.clone())
        }
        (Shape::List(each), Value::Array(values)) => {
            FieldValue::list(values.iter().filter_map(|one| self::value(Some(one), each)))
        }
        _ => FieldValue::value(Given::from_json(value.clone()).ok()?),
    })
}

/// The same of an answer that nobody else holds.
fn owned(read: Read, shape: &Shape) -> Option<FieldValue<'static>> {
    match shape {
        _ if read.is_null() => None,
        Shape::Object => Some(FieldValue::owned_any(read)),
        Shape::Union(tag, members) => {
            let member = members.get(read[&**tag].as_str()?)?.clone();
            Some(FieldValue::owned_any(read).with_type(member))
        }
        _ => Given::from_json(Value::clone(&read)).ok().map(FieldValue::value),
    }
}

/// The object that a field is of.
pub(super) fn row<'a>(parent: &'a FieldValue<'a>) -> Option<&'a Value> {
    let whole = || parent.downcast_ref::<Read>().map(|read| &**read);
    parent.downcast_ref::<Value>().or_else(whole)
}

/// The field of an operation.
pub(super) fn operation<'a>(plan: Arc<Plan>, called: Arc<Called>, ctx: ResolverContext<'a>) -> FieldFuture<'a> {
    FieldFuture::new(async move {
        let asked = Asked::of(&plan, &called, &ctx, Map::new());
        Ok(answer(&ctx, asked, &called).await)
    })
}

/// The field of what belongs to an object.
pub(super) fn related<'a>(plan: Arc<Plan>, related: Arc<Related>, ctx: ResolverContext<'a>) -> FieldFuture<'a> {
    FieldFuture::new(async move {
        let Some(row) = row(ctx.parent_value) else {
            return Ok(None);
        };
        let Some(input) = taken(&related, row) else {
            return Ok(None);
        };
        let asked = Asked::of(&plan, &related.called, &ctx, input);
        Ok(match related.among {
            None => answer(&ctx, asked, &related.called).await,
            Some(among) => meant(&ctx, asked, &related.called, &wanted(row, among), among).await,
        })
    })
}

/// `node`: what an id among all things names.
///
/// # Errors
/// `invalid_input` on `id`, or why it cannot be read.
pub(super) async fn node<'a>(plan: &Plan, ctx: &Context<'_>, id: &str) -> Result<FieldValue<'a>, Failure> {
    let named = id
        .split_once(':')
        .and_then(|(of, id)| Some((of, id, plan.nodes.get(of)?)));
    let Some((of, id, (called, input))) = named else {
        return Err(Failure::invalid(
            "id",
            "this is no id of a thing that can be got by its id",
        ));
    };
    let input = Map::from_iter([((*input).to_owned(), Value::from(id))]);
    let options = session(ctx).options.clone();
    let read = session(ctx).ask(called.entry, input, options, None).await?;
    Ok(FieldValue::owned_any(read).with_type(of.to_owned()))
}

/// The request that a field belongs to.
pub(super) fn session<'a>(ctx: &Context<'a>) -> &'a Arc<Session> {
    ctx.data()
        .expect("every request is given its session before it is executed")
}

/// Tells a failure, in place of a value.
pub(super) fn report<'a>(ctx: &Context<'_>, failure: Failure) -> Option<FieldValue<'a>> {
    let error = errors::of_field(failure, &session(ctx).id, ctx.item.pos);
    ctx.add_error(ctx.set_error_path(error));
    None
}

/// What a field asks.
pub(super) struct Asked {
    pub(super) input: Map<String, Value>,
    pub(super) options: Options,
    upload: Option<Arc<Upload>>,
    place: Place,
}

impl Asked {
    /// The input and the options that a field's arguments give, beside what is given by where it stands.
    ///
    /// # Errors
    /// `invalid_input` naming the argument.
    pub(super) fn of(
        plan: &Plan,
        called: &Called,
        ctx: &ResolverContext<'_>,
        input: Map<String, Value>,
    ) -> Result<Self, Failure> {
        let reader = Reader {
            objects: &plan.inputs.objects,
            is_node: &|name| plan.nodes.contains_key(name),
        };
        let mut asked = Asked {
            input,
            options: session(ctx).options.clone(),
            upload: None,
            place: Place::default(),
        };
        for (name, given) in ctx.args.as_index_map() {
            let argument = called.arguments.iter().find(|argument| argument.name == name.as_str());
            let Some(argument) = argument.filter(|_| *given != Given::Null) else {
                continue;
            };
            if called.entry.field(&argument.key).is_some() {
                asked
                    .input
                    .insert(argument.key.clone(), reader.read(given, &argument.taken));
            } else if argument.key == FILE {
                asked.upload = Some(uploaded(given)?);
            } else if let Some(option) = OPTIONS.iter().find(|option| option.name == argument.key) {
                option.read(&[text(given)], &mut asked.options)?;
            }
        }
        if matches!(called.answered, Answered::Page(..)) {
            asked.place = Place::taken(&mut asked.input)?;
        }
        Ok(asked)
    }
}

fn text(given: &Given) -> String {
    match plain(given) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

async fn answer<'a>(
    ctx: &ResolverContext<'a>,
    asked: Result<Asked, Failure>,
    called: &Called,
) -> Option<FieldValue<'a>> {
    let Asked {
        input,
        options,
        upload,
        place,
    } = match asked {
        Ok(asked) => asked,
        Err(failure) => return report(ctx, failure),
    };
    let read = session(ctx).ask(called.entry, input, options, upload).await;
    match (read, &called.answered) {
        (Err(failure), _) => report(ctx, failure),
        (Ok(page), Answered::Page(..)) => {
            for error in errors::of_page(&page, &session(ctx).id, ctx.item.pos) {
                ctx.add_error(ctx.set_error_path(error));
            }
            Some(FieldValue::owned_any(Connection::of(page, place)))
        }
        (Ok(read), Answered::Value(_, shape)) => owned(read, shape),
        (Ok(file), Answered::File) => Some(FieldValue::owned_any(file)),
    }
}

/// The input that an object gives; none where it lacks a part of it.
fn taken(related: &Related, row: &Value) -> Option<Map<String, Value>> {
    let field = |pointer| row.pointer(pointer).filter(|value| !value.is_null());
    let parts = related.takes.iter().map(|(input, from)| {
        let value = match from {
            From::Field(pointer) => field(pointer)?.clone(),
            From::Within(pointer) => Value::from(within(field(pointer)?.as_str()?)?),
            From::Word(word) => Value::from(*word),
        };
        Some(((*input).to_owned(), value))
    });
    parts.collect()
}

/// The texts that name what is meant.
fn wanted(row: &Value, among: Among) -> Wanted {
    match row.pointer(among.by) {
        Some(Value::Array(texts)) => {
            Wanted::Several(texts.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        Some(Value::String(text)) => Wanted::One(text.clone()),
        _ => Wanted::Nothing,
    }
}

enum Wanted {
    Nothing,
    One(String),
    Several(Vec<String>),
}

/// Those rows of a list that are meant. The list is walked once for all who look in it, and no farther than they must.
async fn meant<'a>(
    ctx: &ResolverContext<'a>,
    asked: Result<Asked, Failure>,
    called: &Called,
    wanted: &Wanted,
    among: Among,
) -> Option<FieldValue<'a>> {
    let names = match wanted {
        Wanted::Nothing => return None,
        Wanted::One(name) => std::slice::from_ref(name),
        Wanted::Several(names) => names,
    };
    let Asked { mut input, options, .. } = match asked {
        Ok(asked) => asked,
        Err(failure) => return report(ctx, failure),
    };
    input.insert("limit".to_owned(), PageSize::MOST.into());
    let wanted_names: HashSet<&str> = names.iter().map(String::as_str).collect();
    let mut found: HashMap<String, Arc<Value>> = HashMap::new();
    let mut pages = 0;
    while found.len() < wanted_names.len() {
        if pages == MOST_PAGES {
            report(ctx, beyond());
            break;
        }
        pages += 1;
        let page = match session(ctx)
            .ask(called.entry, input.clone(), options.clone(), None)
            .await
        {
            Ok(page) => page,
            Err(failure) => return report(ctx, failure),
        };
        for row in page["items"].as_array().into_iter().flatten() {
            let name = row[among.row].as_str().filter(|name| wanted_names.contains(name));
            if let Some(name) = name
                && !found.contains_key(name)
            {
                found.insert(name.to_owned(), Arc::new(row.clone()));
            }
        }
        match page["next_cursor"].as_str() {
            Some(next) => input.insert("cursor".to_owned(), Value::from(next)),
            None => break,
        };
    }
    let mut found = names
        .iter()
        .filter_map(|name| Some(FieldValue::owned_any(found.get(name)?.clone())));
    match wanted {
        Wanted::One(_) => found.next(),
        _ => Some(FieldValue::list(found)),
    }
}

/// That a list is longer than it is walked.
fn beyond() -> Failure {
    let rows = MOST_PAGES * PageSize::MOST as usize;
    let sentence = format!("not all that is meant is among the first {rows} of its list");
    Failure::new(Kind::NotFound, sentence)
}

/// The file that comes in an argument.
fn uploaded(given: &Given) -> Result<Arc<Upload>, Failure> {
    let given = plain(given);
    let text = |key: &str| given[key].as_str();
    let wrong = |sentence| Failure::invalid(FILE, sentence);
    let bytes = match (text("base64"), text("text")) {
        (Some(base64), None) => STANDARD
            .decode(base64)
            .map_err(|_| wrong("file.base64 must be base64"))?,
        (None, Some(text)) => text.as_bytes().to_vec(),
        _ => return Err(wrong("give the file as base64 or as text")),
    };
    let media_type = text("mediaType").unwrap_or("application/octet-stream");
    Ok(Arc::new(Upload::replayable(
        media_type.into(),
        text("name").map(Arc::from),
        bytes.into(),
    )))
}
