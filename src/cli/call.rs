//! The call of an operation: asked of a server or of a local gateway, once or as often as its whole answer takes.
//!
//! Invariant: a local gateway is stopped whatever came of the call; and what comes in parts never leads back to where it has
//! been.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use clap::ArgMatches;
use futures_util::{StreamExt, TryStreamExt};
use mosaic_actors::call::Body;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Upload;
use serde_json::{Map, Value};

use super::admin::question;
use super::client::{Replied, Reply};
use super::command::YES;
use super::download::Download;
use super::problem::Problem;
use super::run::{LocalCalls, Runtime};
use super::screen::{Screen, Stop, clean};
use super::waterfall::waterfall;
use super::{command, connection, exit, input, pages, parts, progress, repeat, show, upload, wait};
use crate::catalogue::Entry;
use crate::catalogue::cursor::CursorKey;
use crate::dispatch::{ALL, Options};

/// The field by which what comes in parts is gone on with.
const AFTER: &str = "after";

/// Calls the operation `entry`, and shows what it brings.
///
/// # Errors
/// The call's failure, or what keeps its answer from being shown.
pub(super) async fn call(
    entry: &'static Entry,
    input: Map<String, Value>,
    flags: &ArgMatches,
    runtime: &dyn Runtime,
    screen: &Screen,
) -> Result<(), Stop> {
    if entry.declaration.facts.destructive && screen.asks && !flags.get_flag(YES) {
        agreed(entry, &input, screen)?;
    }
    let options = input::options(entry, flags)?;
    let upload = upload::upload(entry, flags, screen)?;
    if flags.get_flag("local") {
        let config = flags.get_one::<String>("config").map(PathBuf::from);
        let gateway = runtime.local(config, options.idempotency_key.is_some()).await?;
        let outcome = call_local(entry, input, upload, options, &*gateway, flags, screen).await;
        gateway.stop().await;
        return outcome;
    }
    let remote = connection::gateway(flags)?;
    let ask = async |entry: &'static Entry, input, upload| remote.call(entry, input, upload, &options).await;
    shown(entry, input, upload, &options, flags, &ask, screen).await
}

/// Asks whoever sits at the terminal whether what is removed is meant. A script is not asked: it means what it says.
fn agreed(entry: &Entry, input: &Map<String, Value>, screen: &Screen) -> Result<(), Stop> {
    let names = command::positionals(entry).filter_map(|field| input.get(&field.name));
    let names = names.map(|name| name.as_str().map_or_else(|| name.to_string(), str::to_owned));
    let words: Vec<String> = entry.name().split('.').map(str::to_owned).chain(names).collect();
    let answer = question(&format!("{}? It cannot be undone. [y/N] ", clean(&words.join(" "))))?;
    if matches!(&*answer.to_lowercase(), "y" | "yes") {
        return Ok(());
    }
    screen.note("nothing was changed");
    Err(Stop::Quiet(exit::FAILURE))
}

async fn call_local(
    entry: &'static Entry,
    input: Map<String, Value>,
    upload: Option<Arc<Upload>>,
    options: Options,
    gateway: &dyn LocalCalls,
    flags: &ArgMatches,
    screen: &Screen,
) -> Result<(), Stop> {
    let ask = async |entry: &'static Entry, input: Map<String, Value>, upload| {
        let answer = gateway.call(entry, Value::from(input), upload, options.clone()).await;
        let answer = answer.map_err(|failure| upload::of_flag(entry, failure))?;
        let emulated = answer.head.emulated;
        let decision = answer.head.decision.as_deref().map(|decision| gateway.told(decision));
        let reply = match answer.body {
            Body::Bytes(bytes) => Reply::Whole(bytes),
            Body::Raw(file) => Reply::File(Download {
                media_type: file.media_type.to_string(),
                length: file.length,
                bytes: Box::pin(file.bytes.map_err(Problem::from)),
            }),
            Body::Stream(frames) => Reply::Events(Box::pin(
                frames.map(|frame| frame.and_then(|frame| frame.json()).map_err(Problem::from)),
            )),
        };
        Ok(Replied {
            reply,
            emulated,
            decision,
            id: None,
        })
    };
    shown(entry, input, upload, &options, flags, &ask, screen).await
}

/// Once, or for as long as it is watched.
async fn shown(
    entry: &'static Entry,
    input: Map<String, Value>,
    upload: Option<Arc<Upload>>,
    options: &Options,
    flags: &ArgMatches,
    ask: &impl AsyncFn(&'static Entry, Map<String, Value>, Option<Arc<Upload>>) -> Result<Replied, Problem>,
    screen: &Screen,
) -> Result<(), Stop> {
    if !repeat::is_wanted(entry, flags) {
        return answered(entry, input, upload, options, flags, ask, screen).await;
    }
    let once = async |screen: &Screen| answered(entry, input.clone(), None, options, flags, ask, screen).await;
    repeat::repeat(flags, screen, once).await
}

/// Asks, and shows what comes; what comes in parts and is wanted whole, part after part.
async fn answered(
    entry: &'static Entry,
    mut input: Map<String, Value>,
    mut upload: Option<Arc<Upload>>,
    options: &Options,
    flags: &ArgMatches,
    ask: &impl AsyncFn(&'static Entry, Map<String, Value>, Option<Arc<Upload>>) -> Result<Replied, Problem>,
    screen: &Screen,
) -> Result<(), Stop> {
    let (mut is_told, mut may_follow) = (false, true);
    loop {
        let asking = asked(entry, input.clone(), upload.take(), options, (flags, screen), ask).await;
        let Replied {
            reply,
            emulated,
            decision,
            id,
        } = asking.map_err(|problem| match is_pinned(entry, &input) {
            true => problem.of_pinned(),
            false => problem,
        })?;
        if emulated && !is_told && !entry.declaration.facts.waits {
            is_told = true;
            screen.note("emulated: the provider has nothing of the kind, and this is made of other things that it has");
        }
        let part = match &reply {
            Reply::Whole(body) if entry.declaration.parts => Some(show::parse(body)?),
            _ => None,
        };
        let next = part.as_ref().and_then(show::next_after);
        let (reply, decision) = match options.explain {
            true => show::undecided(reply, decision, screen)?,
            false => (reply, None),
        };
        show::reply(reply, entry, input::output(entry, flags), screen).await?;
        if options.explain {
            note_decision(decision, id, screen);
        }
        let (Some(part), Some(next)) = (part, next) else {
            return Ok(());
        };
        if !flags.get_flag(command::ALL) {
            if !screen.json {
                screen.note(&format!("there is more: --after {next}, or --all"));
            }
            return Ok(());
        }
        // A run that still goes on is followed to its end: who wants what there is does not want to wait for that. Tried once:
        // what is refused, or goes on, is given part by part.
        if std::mem::take(&mut may_follow)
            && let Some((follow, asked)) = parts::followed(&input, next)
            && parts::has_ended(&input, ask).await
        {
            match ask(follow, asked, None).await {
                Ok(Replied {
                    reply: Reply::Events(events),
                    ..
                }) => return parts::rest(events, &part, entry, screen).await,
                Err(problem) if matches!(problem.code(), "forbidden" | "unsupported") => {}
                Err(problem) => return Err(problem.into()),
                Ok(_) => return Err(Failure::new(Kind::Internal, "a log that is followed came whole").into()),
            }
        }
        // An end that never comes is none.
        if input
            .get(AFTER)
            .and_then(Value::as_u64)
            .is_some_and(|before| next <= before)
        {
            return Err(Failure::new(
                Kind::UpstreamFailed,
                "what comes in parts leads back to where it has been",
            )
            .into());
        }
        input.insert(AFTER.to_owned(), next.into());
    }
}

/// Tells beside an answer what was decided for it, or where that is to be had.
fn note_decision(decision: Option<Value>, id: Option<String>, screen: &Screen) {
    match (decision, id) {
        (Some(decision), _) => screen.note(&waterfall(&decision, screen)),
        (None, Some(id)) => screen.note(&format!("what was decided: mosaic explain {}", show::quoted(&id))),
        (None, None) => {}
    }
}

/// Whether what the call is about names the provider instance: no flag chooses another then. What only looks like such a
/// name, such as a title, names none.
fn is_pinned(entry: &Entry, input: &Map<String, Value>) -> bool {
    let prepared = entry.prepare(input.clone().into(), false, &CursorKey::random());
    prepared.is_ok_and(|prepared| prepared.resource.instance().is_some())
}

/// What is asked for by several calls takes no longer than a call may that the caller bounds.
async fn within<T>(limit: Option<Duration>, asking: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let Some(limit) = limit else { return asking.await };
    let late = |_| {
        let sentence = format!("it was not done within {}", humantime::format_duration(limit));
        Problem::from(Failure::new(Kind::Timeout, sentence))
    };
    tokio::time::timeout(limit, asking).await.map_err(late)?
}

/// Asks once, or again and again where one answer is not all that is wanted.
async fn asked(
    entry: &'static Entry,
    input: Map<String, Value>,
    upload: Option<Arc<Upload>>,
    options: &Options,
    (flags, screen): (&ArgMatches, &Screen),
    ask: &impl AsyncFn(&'static Entry, Map<String, Value>, Option<Arc<Upload>>) -> Result<Replied, Problem>,
) -> Result<Replied, Problem> {
    let emulated = AtomicBool::new(false);
    let whole = async |entry, input| {
        let replied = ask(entry, input, None).await?;
        emulated.fetch_or(replied.emulated, Relaxed);
        match replied.reply {
            Reply::Whole(body) => Ok(body),
            Reply::Events(_) | Reply::File(_) => Err(Failure::new(Kind::Internal, "a list came as a stream").into()),
        }
    };
    // What comes in parts is shown by parts.
    let gathered = if entry.declaration.facts.list && flags.get_flag(command::ALL) {
        let of_all = options.provider.as_deref() == Some(ALL);
        let asked = AtomicUsize::new(0);
        let gathering = pages::all_pages(input, of_all, async |input| {
            let page = asked.fetch_add(1, Relaxed) + 1;
            progress::stands(&format!("page {page}"), screen);
            whole(entry, input).await
        });
        within(options.timeout, gathering).await?
    } else if wait::is_of(entry) {
        let tell = |sentence: &str| screen.note(sentence);
        let stands = |sentence: &str| progress::stands(sentence, screen);
        wait::until_ended(entry, input, options.timeout, (tell, stands), &whole).await?
    } else {
        return ask(entry, input, upload).await;
    };
    Ok(Replied {
        reply: Reply::Whole(gathered),
        emulated: emulated.into_inner(),
        decision: None,
        id: None,
    })
}
