//! The gateway's own tools: what was decided for a call, what would be, and which instances there are; and those of the
//! administration.
//!
//! Invariant: a caller is shown its own tenant's records and its own reach alone, save by the administration.

use std::sync::Arc;

use mosaic_actors::error::Failure;
use rmcp::model::{CallToolResult, ContentBlock, JsonObject, Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

use super::super::decisions::{self, Unmade};
use super::super::json_body;
use super::super::problem::Problem;
use super::ground::Ground;
use super::refusal;
use super::trim;
use super::visit::{Visit, Visitor};
use crate::catalogue::Entry;
use crate::dispatch::Options;

const INSTANCES: &str = "mosaic_instances";
const EXPLAIN: &str = "mosaic_explain";
const ROUTE: &str = "mosaic_route";

/// Those that a visitor is shown.
pub(super) fn shown(ground: &Ground, visitor: &Visitor) -> Vec<Tool> {
    let mut tools = vec![instances(), explain(), route()];
    if visitor.toolsets.have_administration() {
        let told = ground.offer.administration.tools(&visitor.caller).iter().map(|told| {
            let hints = hints(told.title, !told.orders).destructive(told.destructive);
            Tool::new(told.name, told.description, Arc::new(told.input.clone()))
                .with_title(told.title)
                .with_annotations(hints)
        });
        tools.extend(told);
    }
    tools
}

fn hints(title: &str, reads: bool) -> ToolAnnotations {
    ToolAnnotations::with_title(title)
        .read_only(reads)
        .destructive(false)
        .idempotent(reads)
        .open_world(false)
}

fn tool(name: &'static str, title: &str, words: &'static str, input: Value) -> Tool {
    let input = match input {
        Value::Object(input) => input,
        _ => Map::new(),
    };
    Tool::new(name, words, Arc::new(input))
        .with_title(title)
        .with_annotations(hints(title, true))
}

fn instances() -> Tool {
    let words = "Lists the provider instances that you may use: their names, kinds and services. With `instance`, tells every \
                 operation of that one.";
    let input = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": { "instance": { "type": "string", "description": "Tell all of this one." } },
    });
    tool(INSTANCES, "List provider instances", words, input)
}

fn explain() -> Tool {
    let words = "Tells why a call went as it did: which instance was asked, what was tried, waited for and paid. The id is the \
                 `request_id` of a refusal, or the `mosaic/request_id` in the `_meta` of a result.";
    let input = json!({
        "type": "object",
        "required": ["id"],
        "additionalProperties": false,
        "properties": { "id": { "type": "string" } },
    });
    tool(EXPLAIN, "Explain a call", words, input)
}

fn route() -> Tool {
    let words = "Tells what would be decided for a call, without making it: which instances would be asked, in which order, and \
                 why. Nothing is sent to a provider.";
    let input = json!({
        "type": "object",
        "required": ["operation"],
        "additionalProperties": false,
        "properties": {
            "operation": { "type": "string", "description": "Its name, or that of its tool." },
            "input": { "type": "object", "description": "As the operation's own tool takes it." },
            "options": { "type": "object", "description": "Such as provider, timeout_ms, priority, labels." },
        },
    });
    tool(ROUTE, "Dry-run a call", words, input)
}

/// Runs one of them; `None`, where there is none of this name for the visitor.
pub(super) async fn call(ground: &Ground, name: &str, arguments: JsonObject, visit: &Visit) -> Option<CallToolResult> {
    let visitor = &visit.visitor;
    let told = match name {
        INSTANCES => tell_instances(ground, &arguments, visitor).map_err(Problem::from),
        EXPLAIN => tell_decisions(ground, &arguments, visitor).map_err(Problem::from),
        ROUTE => dry_run(ground, arguments, visit).await,
        _ => {
            if !visitor.toolsets.have_administration() {
                return None;
            }
            let administration = &ground.offer.administration;
            let mut there = administration.tools(&visitor.caller).iter();
            there.find(|tool| tool.name == name)?;
            administration.run(name, arguments, &visitor.caller).await
        }
    };
    Some(match told {
        Ok(document) => result(document, ground.offer.max_answer),
        Err(problem) => refusal::result(&problem, &visit.id),
    })
}

fn result(mut document: Value, most: usize) -> CallToolResult {
    let cut = trim::fit(&mut document, most);
    let mut content = vec![ContentBlock::text(document.to_string())];
    if cut.is_any() {
        let sentence = format!("{} texts were shortened and {} rows left out.", cut.texts, cut.rows);
        content.push(ContentBlock::text(sentence));
    }
    let mut result = CallToolResult::success(content);
    result.structured_content = Some(document);
    result
}

/// The only argument, a text.
fn text<'a>(arguments: &'a JsonObject, name: &str) -> Result<Option<&'a str>, Failure> {
    if let Some(other) = arguments.keys().find(|given| *given != name) {
        return Err(Failure::invalid(other, format!("{other} is no argument of this tool")));
    }
    match arguments.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Failure::invalid(name, format!("{name} must be a text"))),
    }
}

fn tell_instances(ground: &Ground, arguments: &JsonObject, visitor: &Visitor) -> Result<Value, Failure> {
    let all = (ground.offer.capabilities)(&visitor.caller);
    if let Some(name) = text(arguments, "instance")? {
        let found = all.iter().find(|instance| *instance.instance == *name);
        let unknown = || Failure::new(mosaic_actors::error::Kind::NotFound, "there is no such instance");
        return Ok(json!(found.ok_or_else(unknown)?));
    }
    let told = all.iter().map(|instance| {
        let entries = instance
            .operations
            .iter()
            .filter_map(|name| ground.catalogue().find(name));
        let mut services: Vec<&str> = entries.map(service).collect();
        services.dedup();
        json!({
            "instance": instance.instance,
            "kind": instance.kind,
            "services": services,
            "operations": instance.operations.len(),
        })
    });
    Ok(json!({ "instances": told.collect::<Vec<_>>() }))
}

fn service(entry: &'static Entry) -> &'static str {
    entry.declaration.facts.service
}

fn tell_decisions(ground: &Ground, arguments: &JsonObject, visitor: &Visitor) -> Result<Value, Failure> {
    let id = text(arguments, "id")?.ok_or_else(|| Failure::invalid("id", "id is missing"))?;
    let records = ground.offer.decisions.of(id, &visitor.caller)?;
    match records.is_empty() {
        true => Err(decisions::unknown()),
        false => Ok(json!({ "decisions": records })),
    }
}

async fn dry_run(ground: &Ground, mut arguments: JsonObject, visit: &Visit) -> Result<Value, Problem> {
    if let Some(Value::String(name)) = arguments.get_mut("operation")
        && let Some(shaped) = ground.named(name)
    {
        shaped.entry.name().clone_into(name);
    }
    let unmade: Unmade = json_body::read(arguments)?;
    let entry = unmade.entry(ground.catalogue())?;
    let mut options = unmade.options(Options::default())?;
    options.request_id = Some(visit.id.text().clone());
    options.arrived = Some(visit.arrived);
    let input = Value::Object(unmade.input);
    let caller = visit.visitor.caller.clone();
    let call = ground.offer.dispatcher.unmade_call(entry, input, caller, options)?;
    Ok(ground.offer.decisions.dry_run(call).await?)
}
