//! The types of answers, made from their JSON Schemas.
//!
//! Invariant: a type is made once, under its name in the catalogue's schemas; where GraphQL has no way to say what a schema
//! says, the value is a `JSON`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_graphql::dynamic::TypeRef;
use schemars::SchemaGenerator;
use serde_json::{Map, Value};

use super::names;
use crate::catalogue::{Entry, schema};

/// Whole numbers that `Int`, which has 32 bits, may not hold.
pub(super) const LONG: &str = "Long";
/// Whatever JSON holds.
pub(super) const JSON: &str = "JSON";
/// What every type is that can be got by its id alone.
pub(super) const NODE: &str = "Node";

/// Names that are this surface's own.
const RESERVED: &[&str] = &[
    "Query",
    "Mutation",
    "Subscription",
    NODE,
    LONG,
    JSON,
    "PageInfo",
    "FileContent",
    "FileInput",
    "FeedItem",
    "FeedGap",
    "ID",
    "Int",
    "Float",
    "String",
    "Boolean",
];

/// How a JSON value of an answer becomes one of GraphQL.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// As it is.
    Plain,
    /// A word, by its name in the enumeration.
    Word(Arc<HashMap<String, String>>),
    /// An id that is told with its type.
    Global(Arc<str>),
    /// An object.
    Object,
    /// One of several objects, told apart by a word in this field.
    Union(Arc<str>, Arc<HashMap<String, String>>),
    /// Several.
    List(Box<Shape>),
}

/// A field of an object.
#[derive(Clone, Debug)]
pub(super) struct FieldPlan {
    /// Its name.
    pub(super) name: String,
    /// Its key in the answer.
    pub(super) key: String,
    pub(super) ty: TypeRef,
    pub(super) shape: Shape,
    pub(super) description: String,
}

/// A type of objects.
#[derive(Clone, Debug, Default)]
pub(super) struct ObjectPlan {
    pub(super) description: String,
    pub(super) fields: Vec<FieldPlan>,
    /// Objects of it can be got by their id alone.
    pub(super) is_node: bool,
}

/// An enumeration: the words, and their names.
#[derive(Clone, Debug)]
pub(super) struct EnumPlan {
    pub(super) description: String,
    pub(super) words: Vec<(String, String)>,
}

/// A union of objects.
#[derive(Clone, Debug)]
pub(super) struct UnionPlan {
    pub(super) description: String,
    pub(super) members: Vec<String>,
}

/// All types of some operations.
#[derive(Debug)]
pub(super) struct Types {
    /// What schemas refer to by name.
    pub(super) definitions: Map<String, Value>,
    pub(super) objects: BTreeMap<String, ObjectPlan>,
    pub(super) enums: BTreeMap<String, EnumPlan>,
    pub(super) unions: BTreeMap<String, UnionPlan>,
    /// The types of which each object can be got by its id alone.
    nodes: Vec<String>,
}

/// Where definitions stand.
const PATH: &str = "/types";

impl Types {
    /// The generator of all the schemas that [`Types::new`] takes.
    pub(super) fn generator() -> SchemaGenerator {
        schema::named(PATH)
    }

    /// Types whose schemas `generator` has made; those called `nodes` can be got by their id alone.
    pub(super) fn new(mut generator: SchemaGenerator, nodes: Vec<String>) -> Self {
        Types {
            definitions: generator.take_definitions(true).into_iter().collect(),
            objects: BTreeMap::new(),
            enums: BTreeMap::new(),
            unions: BTreeMap::new(),
            nodes,
        }
    }

    /// The type and the shape of what a schema describes; one without a name is called `hint`.
    pub(super) fn output(&mut self, schema: &Value, hint: &str) -> (TypeRef, Shape) {
        if let Some(name) = referred(schema) {
            let name = name.to_owned();
            let definition = self.definitions.get(&name).cloned().unwrap_or_default();
            return self.defined(&definition, &type_name(&name));
        }
        self.defined(schema, hint)
    }

    fn defined(&mut self, schema: &Value, name: &str) -> (TypeRef, Shape) {
        if let Some(present) = not_null(schema) {
            return self.output(&present, name);
        }
        if let Some(words) = words(schema) {
            let shape = Shape::Word(self.enumeration(name, schema, &words));
            return (TypeRef::named(name), shape);
        }
        if let Some(alternatives) = tagged(schema) {
            return self.union(name, schema, &alternatives);
        }
        match schema["type"].as_str() {
            Some("array") => {
                let (item, shape) = self.output(&schema["items"], name);
                (TypeRef::List(Box::new(non_null(item))), Shape::List(Box::new(shape)))
            }
            Some("object") if has_fields(schema) => {
                self.object(name, schema);
                (TypeRef::named(name), Shape::Object)
            }
            _ => (TypeRef::named(scalar(schema)), Shape::Plain),
        }
    }

    fn object(&mut self, name: &str, schema: &Value) {
        if self.objects.contains_key(name) {
            return;
        }
        // First, so that a type within itself ends.
        self.objects.insert(name.to_owned(), ObjectPlan::default());
        let is_node = self.nodes.iter().any(|node| node == name);
        let mut fields = Vec::new();
        for (key, field) in schema["properties"].as_object().into_iter().flatten() {
            let hint = format!("{name}{}", names::of_type(key));
            let (ty, shape) = self.output(field, &hint);
            let field = FieldPlan {
                name: names::field(key),
                key: key.clone(),
                ty: if is_required(schema, key) { non_null(ty) } else { ty },
                shape,
                description: self.description(field),
            };
            if is_node && key == "id" {
                fields.push(FieldPlan {
                    ty: TypeRef::named_nn(TypeRef::ID),
                    shape: Shape::Global(Arc::from(name)),
                    description: format!("Its id among all things, which `node` takes; its neutral id as a {NODE}."),
                    ..field.clone()
                });
                fields.push(FieldPlan {
                    name: "neutralId".to_owned(),
                    ..field
                });
                continue;
            }
            fields.push(field);
        }
        let plan = ObjectPlan {
            description: text(schema, "description"),
            fields,
            is_node,
        };
        self.objects.insert(name.to_owned(), plan);
    }

    /// A union's members are called by its name and their word.
    fn union(&mut self, name: &str, schema: &Value, alternatives: &[Tagged<'_>]) -> (TypeRef, Shape) {
        let tag = alternatives[0].tag.to_owned();
        let named = |word: &str| format!("{name}{}", names::of_type(word));
        let members = alternatives.iter().map(|one| (one.word.to_owned(), named(one.word)));
        let members: HashMap<String, String> = members.collect();
        if !self.unions.contains_key(name) {
            let plan = UnionPlan {
                description: text(schema, "description"),
                members: alternatives.iter().map(|one| named(one.word)).collect(),
            };
            self.unions.insert(name.to_owned(), plan);
            for one in alternatives {
                self.object(&named(one.word), one.schema);
            }
        }
        let shape = Shape::Union(Arc::from(tag), Arc::new(members));
        (TypeRef::named(name), shape)
    }

    pub(super) fn enumeration(&mut self, name: &str, schema: &Value, words: &[String]) -> Arc<HashMap<String, String>> {
        let plan = self.enums.entry(name.to_owned()).or_insert_with(|| EnumPlan {
            description: text(schema, "description"),
            words: words.iter().map(|word| (word.clone(), names::word(word))).collect(),
        });
        Arc::new(plan.words.iter().cloned().collect())
    }

    /// A field's own words, or its type's.
    pub(super) fn description(&self, schema: &Value) -> String {
        let own = text(schema, "description");
        match (own.is_empty(), referred(schema)) {
            (true, Some(name)) => self
                .definitions
                .get(name)
                .map(|schema| text(schema, "description"))
                .unwrap_or_default(),
            _ => own,
        }
    }
}

/// The name of the type of an operation's answer, where it is an object with an id.
pub(super) fn answer_name(entry: &Entry) -> Option<String> {
    let mut generator = Types::generator();
    let schema = (entry.named.output)(&mut generator).to_value();
    let name = referred(&schema)?;
    let definition = generator.definitions().get(name)?;
    let has_id = definition["properties"]["id"]["type"] == "string" && is_required(definition, "id");
    has_id.then(|| type_name(name))
}

/// One alternative of several that a word tells apart.
pub(super) struct Tagged<'s> {
    pub(super) tag: &'s str,
    pub(super) word: &'s str,
    pub(super) schema: &'s Value,
}

/// The alternatives, where one field of each is a word of its own.
pub(super) fn tagged(schema: &Value) -> Option<Vec<Tagged<'_>>> {
    let alternatives = schema.get("oneOf")?.as_array()?;
    let told = alternatives.iter().map(|schema| {
        let mut fields = schema.get("properties")?.as_object()?.iter();
        fields.find_map(|(tag, field)| {
            Some(Tagged {
                tag,
                word: field.get("const")?.as_str()?,
                schema,
            })
        })
    });
    let told = told.collect::<Option<Vec<_>>>()?;
    let tag = told.first()?.tag;
    told.iter().all(|one| one.tag == tag).then_some(told)
}

/// What a schema is of that may be null.
pub(super) fn not_null(schema: &Value) -> Option<Value> {
    if let Some(kinds) = schema["type"].as_array() {
        let mut kinds = kinds.iter().filter(|kind| *kind != "null");
        let mut present = schema.clone();
        present["type"] = match (kinds.next(), kinds.next()) {
            (Some(kind), None) => kind.clone(),
            _ => Value::Null,
        };
        return Some(present);
    }
    let mut present = schema["anyOf"].as_array()?.iter().filter(|one| one["type"] != "null");
    match (present.next(), present.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    }
}

/// The name of the definition that a schema is.
pub(super) fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// The words of a choice.
pub(super) fn words(schema: &Value) -> Option<Vec<String>> {
    let words = schema["enum"].as_array()?.iter();
    words.map(|word| word.as_str().map(str::to_owned)).collect()
}

pub(super) fn has_fields(schema: &Value) -> bool {
    schema["properties"]
        .as_object()
        .is_some_and(|fields| !fields.is_empty())
}

pub(super) fn is_required(schema: &Value, key: &str) -> bool {
    let required = schema["required"].as_array();
    required.is_some_and(|required| required.iter().any(|name| name == key))
}

/// The scalar of a schema that is no object, list or choice.
pub(super) fn scalar(schema: &Value) -> &'static str {
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("string"), _) => TypeRef::STRING,
        (Some("boolean"), _) => TypeRef::BOOLEAN,
        (Some("number"), _) => TypeRef::FLOAT,
        (Some("integer"), Some("uint8" | "uint16" | "int8" | "int16" | "int32")) => TypeRef::INT,
        (Some("integer"), _) => LONG,
        _ => JSON,
    }
}

/// The name of a type that is called so in schemas.
pub(super) fn type_name(name: &str) -> String {
    let name = names::of_type(name);
    match RESERVED.contains(&name.as_str()) {
        true => name + "Type",
        false => name,
    }
}

pub(super) fn non_null(ty: TypeRef) -> TypeRef {
    TypeRef::NonNull(Box::new(ty))
}

pub(super) fn text(schema: &Value, key: &str) -> String {
    schema[key].as_str().unwrap_or_default().to_owned()
}
