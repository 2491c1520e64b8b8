//! From a request's members to an answer, or to several.
//!
//! Invariant: nothing is executed that was not measured; and an answer is one of GraphQL, whatever failed.

use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
};
use async_graphql::{Positioned, Request, Response, ServerError, Value as Given, Variables};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use mosaic_actors::error::Failure;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::feed::Listening;
use super::super::problem::Problem;
use super::persisted::Found;
use super::session::Session;
use super::{Graphql, Variant, errors, measure, roots, scan};
use crate::catalogue::Method;
use crate::leisure::at_leisure;

/// The most faults of a query that are told of it.
const MOST_FAULTS: usize = 10;

/// One answer.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<Given>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) extensions: Map<String, Value>,
}

impl Answer {
    /// That a request was not executed.
    pub(super) fn refused(error: Value) -> Self {
        Answer {
            data: None,
            errors: vec![error],
            extensions: Map::new(),
        }
    }

    /// Whether it holds no data.
    pub(super) fn is_nothing(&self) -> bool {
        self.data.as_ref().is_none_or(|data| *data == Given::Null)
    }

    fn of(mut response: Response, session: &Session, not_granted: &errors::NotGranted<'_>) -> Self {
        let is_refused = response.data == Given::Null && !response.errors.is_empty();
        let is_refused = is_refused && response.errors.iter().all(|error| error.path.is_empty());
        if is_refused {
            response.errors.truncate(MOST_FAULTS);
        }
        let mut extensions = Map::new();
        let explained = session.explained();
        if !explained.is_empty() {
            extensions.insert("decisions".to_owned(), explained.into());
        }
        Answer {
            data: (!is_refused).then_some(response.data),
            errors: errors::told_all(&response.errors, &session.id, not_granted),
            extensions,
        }
    }
}

/// A request that may be executed.
pub(super) struct Prepared {
    variant: Arc<Variant>,
    request: Request,
    session: Arc<Session>,
    pub(super) kind: OperationType,
    /// It asks for nothing that REST answers to anything but a GET.
    pub(super) is_for_get: bool,
}

/// The members of a request.
pub(super) struct Members {
    pub(super) query: Option<String>,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Value,
    pub(super) extensions: Value,
}

impl Members {
    /// Reads an object.
    ///
    /// # Errors
    /// `invalid_input` naming the member.
    pub(super) fn of(mut request: Value) -> Result<Self, Failure> {
        let Some(members) = request.as_object_mut() else {
            return Err(Failure::invalid("body", "a request is a JSON object with a query"));
        };
        let mut text = |name: &str| match members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Failure::invalid(name, format!("{name} must be a text"))),
        };
        let (query, operation_name) = (text("query")?, text("operationName")?);
        let mut object = |name: &str| match members.remove(name) {
            None | Some(Value::Null) => Ok(json!({})),
            Some(value @ Value::Object(_)) => Ok(value),
            Some(_) => Err(Failure::invalid(name, format!("{name} must be an object"))),
        };
        Ok(Members {
            query,
            operation_name,
            variables: object("variables")?,
            extensions: object("extensions")?,
        })
    }
}

/// Why a request is not executed.
pub(super) enum Unfit {
    /// It is not one, or not one that may be made.
    Refused(Failure),
    /// It names a document that is not kept.
    Unknown,
}

impl From<Failure> for Unfit {
    fn from(failure: Failure) -> Self {
        Unfit::Refused(failure)
    }
}

impl Unfit {
    /// The error. Clients of persisted queries know this one by its text.
    pub(super) fn error(self, session: &Session) -> Value {
        match self {
            Unfit::Refused(failure) => errors::of_request(&Problem::from(failure), &session.id),
            Unfit::Unknown => json!({
                "message": "PersistedQueryNotFound",
                "extensions": { "code": "PERSISTED_QUERY_NOT_FOUND", "retryable": false, "request_id": &**session.id.text() },
            }),
        }
    }
}

impl Graphql {
    /// Looks at a request.
    pub(super) fn prepare(&self, members: Members, session: &Arc<Session>) -> Result<Prepared, Unfit> {
        let Members {
            query,
            operation_name,
            variables,
            extensions,
        } = members;
        let query = self.document(query, &extensions)?;
        let variant = self.schema(&session.caller)?;
        let mut document = self.parsed(&query)?;
        let variables = Variables::from_json(variables);
        measure::check(&document, &variables, &variant.costs, self.bounds())?;
        roots::merge(&mut document);
        let operation = operation(&document.operations, operation_name.as_deref())?;
        let kind = operation.ty;
        let fields = &operation.selection_set.node.items;
        if kind == OperationType::Subscription && !roots::is_one(fields) {
            return Err(Failure::invalid("query", "a subscription has one field").into());
        }
        let is_for_get = kind == OperationType::Query && self.is_for_get(fields);
        let session = session.beside();
        let mut request = Request::new("").variables(variables).data(session.clone());
        request.operation_name = operation_name;
        request.set_parsed_query(document);
        Ok(Prepared {
            variant,
            request,
            session,
            kind,
            is_for_get,
        })
    }

    /// The text of the document: as it is given, or as its hash names it.
    fn document(&self, query: Option<String>, extensions: &Value) -> Result<Arc<str>, Unfit> {
        let most = self.config.settings.max_document;
        if query.as_ref().is_some_and(|query| query.len() > most) {
            let sentence = format!("the query may have at most {most} bytes (graphql.max_document)");
            return Err(Failure::invalid("query", sentence).into());
        }
        let Some(persisted) = extensions.get("persistedQuery") else {
            let query =
                query.ok_or_else(|| Failure::invalid("query", "give a query, or the hash of a persisted one"))?;
            return Ok(Arc::from(query));
        };
        let (version, hash) = (&persisted["version"], persisted["sha256Hash"].as_str());
        let Some(hash) = hash.filter(|_| *version == 1) else {
            let sentence = "persistedQuery must have version 1 and a sha256Hash";
            return Err(Failure::invalid("extensions.persisted_query", sentence).into());
        };
        match self.persisted.find(hash, query.as_deref()) {
            Found::Document(document) => Ok(document),
            Found::Missing => Err(Unfit::Unknown),
            Found::Other => {
                let sentence = "the query is not the one that its sha256Hash names";
                Err(Failure::invalid("extensions.persisted_query", sentence).into())
            }
        }
    }

    fn parsed(&self, query: &str) -> Result<ExecutableDocument, Failure> {
        if scan::is_too_deep(query) {
            return Err(Failure::invalid("query", "the query nests too deep to be read"));
        }
        let parsed = at_leisure(query.len().saturating_mul(16), || parse_query(query));
        // The parser's sentence names the place and quotes a line of the query.
        parsed.map_err(|error| {
            let sentence = ServerError::from(error);
            let place = sentence
                .locations
                .first()
                .map(|at| format!(" at line {} column {}", at.line, at.column));
            let sentence = format!("the query is not one of GraphQL{}", place.unwrap_or_default());
            Failure::invalid("query", sentence)
        })
    }

    /// Whether what a query asks is all asked by GET at REST: what is not may be dear, or must not be asked by a link.
    fn is_for_get(&self, fields: &[Positioned<Selection>]) -> bool {
        let catalogue = self.config.dispatcher.catalogue();
        let by_get = |name: &str| {
            let mut entries = catalogue.iter();
            let entry = entries.find(|entry| super::names::field(entry.name()) == name);
            entry.is_none_or(|entry| entry.declaration.method == Method::Get)
        };
        fields.iter().all(|selection| match &selection.node {
            Selection::Field(field) => by_get(&field.node.name.node),
            // What a fragment holds that is there under a condition is not looked at: it can be sent by POST.
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
        })
    }

    /// The answer to what is no subscription.
    pub(super) async fn execute(&self, prepared: Prepared) -> Answer {
        let response = prepared.variant.schema.execute(prepared.request).await;
        self.answer(response, &prepared.session)
    }

    fn answer(&self, response: Response, session: &Session) -> Answer {
        let unknown = |name: &str| self.is_not_granted(name, session);
        Answer::of(response, session, &unknown)
    }

    /// Why a field is not there, where it is an operation that the caller was not granted.
    fn is_not_granted(&self, name: &str, session: &Session) -> Option<Failure> {
        let mut entries = self.config.dispatcher.catalogue().iter();
        let entry = entries.find(|entry| super::names::field(entry.name()) == name)?;
        let facts = &entry.declaration.facts;
        session.caller.check(facts, facts.action()).err()
    }

    /// The answers to a subscription; to anything else, the one.
    pub(super) fn answers(self: &Arc<Self>, prepared: Prepared, listening: Listening) -> BoxStream<'static, Answer> {
        if prepared.kind != OperationType::Subscription {
            let graphql = self.clone();
            return stream::once(async move { graphql.execute(prepared).await }).boxed();
        }
        let request = prepared.request.data(Arc::new(listening));
        let responses = prepared.variant.schema.execute_stream(request);
        let (graphql, session) = (self.clone(), prepared.session);
        responses
            .map(move |response| graphql.answer(response, &session))
            .boxed()
    }
}

/// The operation that is asked for.
fn operation<'d>(operations: &'d DocumentOperations, name: Option<&str>) -> Result<&'d OperationDefinition, Failure> {
    let refused = |sentence: String| Failure::invalid("operation_name", sentence);
    let mut named = operations.iter().filter(|(own, _)| match (name, own) {
        (None, _) => true,
        (Some(name), own) => own.is_some_and(|own| *own == name),
    });
    match (named.next(), named.next(), name) {
        (Some((_, only)), None, _) => Ok(&only.node),
        (Some(_), Some(_), _) => Err(refused("the query has several operations: name one".to_owned())),
        (None, _, Some(name)) => Err(refused(format!("the query has no operation {name}"))),
        (None, _, None) => Err(refused("the query is empty".to_owned())),
    }
}
