//! The table of the admin listener's routes: what is routed, and what is said of it.
//!
//! Invariant: a route comes from a row alone, and every row is in the OpenAPI document; neither can be without the other.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::handler::Handler;
use axum::routing::{get, post};
use http::Request;
use mosaic_actors::error::Failure;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::order::order;
use super::{AdminOrder, Port};

/// A parameter in the query.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) takes: Takes,
}

/// What a parameter takes.
pub(super) enum Takes {
    /// `true` or `false`.
    Flag,
    /// A number from 1 to this.
    UpTo(i64),
    /// A text.
    Text,
}

/// So many rows.
pub(super) const fn limit(most: usize) -> Parameter {
    Parameter {
        name: "limit",
        about: "So many rows",
        takes: Takes::UpTo(most as i64),
    }
}

/// Every order takes it.
const DRY_RUN: Parameter = Parameter {
    name: "dry_run",
    about: "Do nothing; tell what it would touch",
    takes: Takes::Flag,
};

/// What a route answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A JSON document.
    Json,
    /// What an order did, or would touch.
    Done,
    /// Server-sent events, each one JSON.
    Events,
    /// Lines of text.
    Text,
    /// The script of a page.
    Script,
    /// A page for people.
    Page,
}

/// One route.
pub(super) struct Row {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) summary: &'static str,
    pub(super) query: Vec<Parameter>,
    /// The schema of the body; its reason comes with it.
    pub(super) body: Option<Value>,
    pub(super) answer: Answer,
    /// The name of the schema of what is shown, where there is one.
    pub(super) schema: Option<&'static str>,
}

impl Row {
    /// Something to look at.
    pub(super) fn get(path: &str, summary: &'static str) -> Self {
        Row {
            method: "get",
            path: path.to_owned(),
            summary,
            query: Vec::new(),
            body: None,
            answer: Answer::Json,
            schema: None,
        }
    }

    fn order<B: JsonSchema>(path: &str, summary: &'static str) -> Self {
        Row {
            method: "post",
            query: vec![DRY_RUN],
            body: Some(with_reason(schema_of::<B>())),
            answer: Answer::Done,
            ..Row::get(path, summary)
        }
    }

    pub(super) fn takes(mut self, parameter: Parameter) -> Self {
        self.query.push(parameter);
        self
    }

    pub(super) fn answers(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
    }

    pub(super) fn of(mut self, schema: &'static str) -> Self {
        self.schema = Some(schema);
        self
    }

    /// The names in its path.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.path
            .split('{')
            .skip(1)
            .filter_map(|piece| piece.split_once('}').map(|(name, _)| name))
    }
}

/// Routes that share a state.
pub(super) struct Table<S> {
    below: &'static str,
    router: Router<S>,
    rows: Vec<Row>,
}

impl<S: Clone + Send + Sync + 'static> Table<S> {
    /// An empty table of what will be mounted at `below`.
    pub(super) fn new(below: &'static str) -> Self {
        Table {
            below,
            router: Router::new(),
            rows: Vec::new(),
        }
    }

    /// Adds something to look at.
    pub(super) fn show<T: 'static>(self, row: Row, handler: impl Handler<T, S>) -> Self {
        self.routed(row, get(handler))
    }

    fn routed(mut self, row: Row, methods: axum::routing::MethodRouter<S>) -> Self {
        self.router = self.router.route(&row.path, methods);
        let path = format!("{}{}", self.below, row.path);
        self.rows.push(Row { path, ..row });
        self
    }

    /// What is said of the routes, with their whole paths.
    pub(super) fn rows(self) -> Vec<Row> {
        self.rows
    }

    /// The routes themselves, below where they are mounted.
    pub(super) fn router(self, state: S) -> Router {
        self.router.with_state(state)
    }
}

impl Table<Port> {
    /// Adds an order, whose body is a `B`.
    pub(super) fn order<B: DeserializeOwned + JsonSchema + Send + 'static>(
        self,
        path: &str,
        summary: &'static str,
        action: fn(B) -> Result<AdminOrder, Failure>,
    ) -> Self {
        let ordered = move |State(port): State<Port>, request: Request<Body>| order(port, request, action);
        self.routed(Row::order::<B>(path, summary), post(ordered))
    }

    /// Adds an order to what its path names.
    pub(super) fn order_to<B: DeserializeOwned + JsonSchema + Send + 'static>(
        self,
        path: &str,
        summary: &'static str,
        action: fn(String, B) -> Result<AdminOrder, Failure>,
    ) -> Self {
        let ordered = move |State(port): State<Port>, Path(name): Path<String>, request: Request<Body>| {
            order(port, request, move |body| action(name, body))
        };
        self.routed(Row::order::<B>(path, summary), post(ordered))
    }
}

fn schema_of<B: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .into_generator()
        .into_root_schema_for::<B>()
}

/// Every body has a reason, which is read before the rest.
fn with_reason(schema: Schema) -> Value {
    let mut schema = schema.to_value();
    let reason = json!({
        "type": "string", "minLength": 1, "maxLength": super::order::LONGEST_REASON,
        "description": "Why, on one line; kept in the audit",
    });
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("title");
        let properties = fields.entry("properties").or_insert_with(|| json!({}));
        properties["reason"] = reason;
        let required = fields.entry("required").or_insert_with(|| json!([]));
        if let Some(required) = required.as_array_mut() {
            required.push("reason".into());
        }
    }
    schema
}
