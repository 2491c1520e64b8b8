//! What the schema of some operations consists of: their fields, types, and what is related to what.
//!
//! Invariant: no operation is named here; all follows from the rows of the catalogue and of its relations.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use async_graphql::dynamic::TypeRef;
use serde_json::Value;

use super::inputs::{Argument, Inputs, Taken};
use super::names;
use super::types::{LONG, Shape, Types, answer_name, non_null, referred, type_name};
use crate::catalogue::relation::{Among, FEEDS, From, RELATIONS};
use crate::catalogue::{Entry, schema};
use crate::dispatch::options::{CallOption, OptionValue};

/// An operation as it is asked for by a field.
pub(super) struct Called {
    pub(super) entry: &'static Entry,
    pub(super) arguments: Vec<Argument>,
    pub(super) answered: Answered,
}

/// What an operation answers with.
#[derive(Clone, Debug)]
pub(super) enum Answered {
    /// A value.
    Value(TypeRef, Shape),
    /// A page of a list, as a connection of this name whose nodes are of this type.
    Page(String, TypeRef, Shape),
    /// Bytes.
    File,
}

/// What belongs to the objects of a type.
pub(super) struct Related {
    pub(super) name: String,
    pub(super) called: Arc<Called>,
    pub(super) takes: Vec<(&'static str, From)>,
    pub(super) among: Option<Among>,
}

/// All of a schema.
pub(super) struct Plan {
    pub(super) types: Types,
    pub(super) inputs: Inputs,
    pub(super) operations: Vec<(String, Arc<Called>)>,
    pub(super) related: BTreeMap<String, Vec<Arc<Related>>>,
    /// By the name of a type: how its objects are got by their id.
    pub(super) nodes: BTreeMap<String, (Arc<Called>, &'static str)>,
    /// The event of the feed.
    pub(super) event: (TypeRef, Shape),
}

impl Plan {
    pub(super) fn of(entries: &[&'static Entry], event: impl FnOnce(&mut schemars::SchemaGenerator) -> Value) -> Self {
        let getters = getters(entries);
        let mut generator = Types::generator();
        let mut schemas = Vec::new();
        for entry in entries {
            let mut input = (entry.named.input)(&mut generator);
            schema::plain(&mut input);
            let output = match entry.declaration.bytes {
                true => Value::Null,
                false => (entry.named.output)(&mut generator).to_value(),
            };
            schemas.push((*entry, input.to_value(), output));
        }
        let event = event(&mut generator);
        let nodes = getters.iter().map(|(name, ..)| name.clone()).collect();
        let mut types = Types::new(generator, nodes);
        let mut inputs = Inputs {
            ids: ids(&getters),
            ..Inputs::default()
        };
        let mut operations = Vec::new();
        for (entry, input, output) in schemas {
            let called = called(entry, &input, &output, &mut types, &mut inputs);
            operations.push((names::field(entry.name()), Arc::new(called)));
        }
        let event = types.output(&event, "Event");
        let find = |name: &str| operations.iter().find(|(_, called)| called.entry.name() == name);
        let nodes = getters.iter().filter_map(|(of, entry, input)| {
            let (_, called) = find(entry.name())?;
            Some((of.clone(), (called.clone(), *input)))
        });
        let nodes: BTreeMap<_, _> = nodes.collect();
        let related = related(&types, &operations, &getters);
        Plan {
            types,
            inputs,
            operations,
            related,
            nodes,
            event,
        }
    }
}

/// A type, the operation that gets one of it by its id, and the input that takes the id.
type Getter = (String, &'static Entry, &'static str);

/// The reads that get an object with an id, and need nothing but that.
fn getters(entries: &[&'static Entry]) -> Vec<Getter> {
    let mut getters: Vec<Getter> = Vec::new();
    for entry in entries
        .iter()
        .filter(|entry| is_plain_read(entry) && entry.name().ends_with(".get"))
    {
        let (Some(input), Some(of)) = (only_required(entry), answer_name(entry)) else {
            continue;
        };
        if !getters.iter().any(|(known, ..)| *known == of) {
            getters.push((of, entry, input));
        }
    }
    getters
}

/// The inputs that take an id.
fn ids(getters: &[Getter]) -> HashSet<&'static str> {
    let got = getters.iter().map(|(_, _, input)| *input);
    let fed = FEEDS.iter().map(|feeds| feeds.input);
    let takes = RELATIONS.iter().flat_map(|relation| relation.takes);
    let taken = takes.filter(|(_, from)| matches!(from, From::Field("/id") | From::Within(_)));
    got.chain(fed).chain(taken.map(|(input, _)| *input)).collect()
}

/// Whether it may be asked beside others, as part of what is asked: it changes nothing, costs no money, and ends at once.
pub(super) fn is_plain_read(entry: &Entry) -> bool {
    let facts = &entry.declaration.facts;
    facts.safe
        && !facts.paid
        && !facts.waits
        && !facts.streaming
        && !entry.declaration.bytes
        && !entry.declaration.upload
}

/// The only input that it needs.
fn only_required(entry: &'static Entry) -> Option<&'static str> {
    let mut required = entry.fields.iter().filter(|field| field.required);
    match (required.next(), required.next()) {
        (Some(only), None) => Some(&only.name),
        _ => None,
    }
}

fn called(entry: &'static Entry, input: &Value, output: &Value, types: &mut Types, inputs: &mut Inputs) -> Called {
    let hint = names::of_type(entry.name());
    let mut arguments = inputs.arguments(types, input, &hint);
    let answered = answered(entry, output, types, &hint);
    if matches!(answered, Answered::Page(..)) {
        arguments.iter_mut().for_each(as_of_connections);
    }
    if entry.declaration.upload {
        arguments.push(file());
    }
    for option in CallOption::of(entry).filter(|option| option.header.is_none() || option.keyed) {
        let argument = option_argument(option);
        if !arguments.iter().any(|known| known.name == argument.name) {
            arguments.push(argument);
        }
    }
    Called {
        entry,
        arguments,
        answered,
    }
}

fn answered(entry: &Entry, output: &Value, types: &mut Types, hint: &str) -> Answered {
    if entry.declaration.bytes {
        return Answered::File;
    }
    if entry.declaration.facts.list
        && let Some(page) = referred(output).and_then(|name| types.definitions.get(name))
        && let Some(row) = referred(&page["properties"]["items"]["items"]).map(str::to_owned)
    {
        let reference = serde_json::json!({ "$ref": format!("#/types/{row}") });
        let errors = page["properties"]["errors"].clone();
        types.output(&errors, "PartialErrors");
        let (ty, shape) = types.output(&reference, &row);
        return Answered::Page(format!("{}Connection", type_name(&row)), ty, shape);
    }
    let (ty, shape) = types.output(output, hint);
    Answered::Value(ty, shape)
}

/// Where a page begins, and how long it is, by the names that connections have for it.
fn as_of_connections(argument: &mut Argument) {
    match argument.key.as_str() {
        "cursor" => {
            argument.name = "after".to_owned();
            argument.description = "Goes on behind this cursor.".to_owned();
        }
        "limit" => {
            argument.name = "first".to_owned();
            argument.ty = TypeRef::named(TypeRef::INT);
        }
        _ => {}
    }
}

/// The key of what comes with an input.
pub(super) const FILE: &str = "file";

fn file() -> Argument {
    Argument {
        name: FILE.to_owned(),
        key: FILE.to_owned(),
        ty: TypeRef::named_nn("FileInput"),
        taken: Taken::Plain,
        description: "The file.".to_owned(),
    }
}

/// What is said beside the input; its key is the option's name.
fn option_argument(option: &CallOption) -> Argument {
    let ty = match option.value {
        OptionValue::Switch(_) => TypeRef::BOOLEAN,
        OptionValue::Time(_) => LONG,
        OptionValue::Text(..) | OptionValue::Word(..) | OptionValue::Labelled(_) => TypeRef::STRING,
    };
    Argument {
        name: names::field(option.name),
        key: option.name.to_owned(),
        ty: TypeRef::named(ty),
        taken: Taken::Plain,
        description: option.help.to_owned() + ".",
    }
}

/// What belongs to each type: every read that needs nothing but its id, and what the rows of relations tell.
fn related(
    types: &Types,
    operations: &[(String, Arc<Called>)],
    getters: &[Getter],
) -> BTreeMap<String, Vec<Arc<Related>>> {
    let mut related: BTreeMap<String, Vec<Arc<Related>>> = BTreeMap::new();
    let mut add = |of: &str, name: &str, called: &Arc<Called>, takes, among| {
        let Some(object) = types.objects.get(of) else { return };
        let all = related.entry(of.to_owned()).or_default();
        let is_taken = |name: &str| {
            object.fields.iter().any(|field| field.name == name) || all.iter().any(|known| known.name == name)
        };
        let own = match (is_taken(name), &called.answered) {
            (false, _) => name.to_owned(),
            (true, Answered::Page(..)) => format!("{}List", singular(called.entry)),
            (true, _) => format!("{name}Details"),
        };
        if !is_taken(&own) {
            all.push(Arc::new(Related {
                name: own,
                called: called.clone(),
                takes,
                among,
            }));
        }
    };
    let find = |name: &str| operations.iter().find(|(_, called)| called.entry.name() == name);
    for relation in RELATIONS {
        if let Some((_, called)) = find(relation.operation) {
            let name = names::field(relation.name);
            add(relation.of, &name, called, relation.takes.to_vec(), relation.among);
        }
    }
    let own = getters
        .iter()
        .map(|(of, getter, input)| (of.as_str(), *input, Some(*getter)));
    let fed = FEEDS.iter().map(|feeds| (feeds.of, feeds.input, None));
    for (of, input, getter) in own.chain(fed) {
        let field = FEEDS.iter().find(|feeds| (feeds.of, feeds.input) == (of, input));
        let field = field.map_or("/id", |feeds| feeds.field);
        let is_fed = |entry: &'static Entry| is_plain_read(entry) && only_required(entry) == Some(input);
        for (_, called) in operations.iter().filter(|(_, called)| is_fed(called.entry)) {
            let of_its_service = getter.is_none_or(|getter| service(getter) == service(called.entry));
            if of_its_service && !called.entry.name().ends_with(&format!("{}.get", thing(getter))) {
                let name = related_name(called, &thing(getter));
                add(of, &name, called, vec![(input, From::Field(field))], None);
            }
        }
    }
    related
}

fn service(entry: &Entry) -> &'static str {
    entry.declaration.facts.service
}

/// What a getter gets: `pr` of `git.pr.get`.
fn thing(getter: Option<&'static Entry>) -> String {
    let name = getter.map(Entry::name).unwrap_or_default();
    name.split('.').nth(1).unwrap_or_default().to_owned()
}

/// `branches` for `git.branch.list`; `files` for `git.pr.files` of a pull request.
fn related_name(called: &Called, thing: &str) -> String {
    let parts: Vec<&str> = called.entry.name().split('.').skip(1).collect();
    let parts = match parts.split_first() {
        Some((first, rest)) if *first == thing && !rest.is_empty() => rest,
        _ => &parts[..],
    };
    match parts {
        [word, "list"] => names::field(&names::plural(word)),
        [word, "get"] => names::field(word),
        // `list_children` of a page.
        [word] => names::field(word.strip_prefix("list_").unwrap_or(word)),
        _ => names::field(&parts.join(".")),
    }
}

fn singular(entry: &Entry) -> String {
    let parts: Vec<&str> = entry.name().split('.').skip(1).collect();
    match parts[..] {
        [word, "list"] | [.., word] => {
            let word = word.strip_suffix('s').unwrap_or(word);
            names::field(word)
        }
        [] => "related".to_owned(),
    }
}

/// A type that is never null.
pub(super) fn list_of(ty: TypeRef) -> TypeRef {
    non_null(TypeRef::List(Box::new(non_null(ty))))
}
