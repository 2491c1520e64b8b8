//! Inputs: arguments made from an operation's JSON Schema, and what is given in them as its input.
//!
//! Invariant: an argument is refused by GraphQL's own types or by the operation itself; nothing that was given is left out.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use async_graphql::Value as Given;
use async_graphql::dynamic::{InputObject, InputValue, TypeRef};
use serde_json::{Map, Value};

use super::names;
use super::types::{Types, has_fields, is_required, non_null, not_null, referred, scalar, tagged, text, words};

/// How a value of GraphQL becomes JSON.
#[derive(Clone, Debug)]
pub(super) enum Taken {
    /// As it is.
    Plain,
    /// An id, which may tell its type.
    Id,
    /// A name of an enumeration, by its word.
    Word(Arc<HashMap<String, String>>),
    /// An object of this type.
    Object(Arc<str>),
    /// Several, or one.
    List(Box<Taken>),
}

/// An argument, or a field of an input object.
#[derive(Clone, Debug)]
pub(super) struct Argument {
    pub(super) name: String,
    /// Its key in the input.
    pub(super) key: String,
    pub(super) ty: TypeRef,
    pub(super) taken: Taken,
    pub(super) description: String,
}

impl Argument {
    pub(super) fn value(&self) -> InputValue {
        let value = InputValue::new(&self.name, self.ty.clone());
        match self.description.is_empty() {
            true => value,
            false => value.description(&self.description),
        }
    }
}

/// The input objects of some operations.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// The keys of inputs that are ids.
    pub(super) ids: HashSet<&'static str>,
    pub(super) objects: BTreeMap<String, (String, Vec<Argument>)>,
}

impl Inputs {
    /// The arguments of an operation whose input has this schema.
    pub(super) fn arguments(&mut self, types: &mut Types, schema: &Value, hint: &str) -> Vec<Argument> {
        let fields = schema["properties"].as_object().cloned().unwrap_or_default();
        let argument = |(key, field): (&String, &Value)| {
            let (ty, mut taken) = self.input(types, field, &format!("{hint}{}", names::of_type(key)));
            if self.ids.contains(key.as_str()) && field["type"] == "string" {
                taken = Taken::Id;
            }
            Argument {
                name: names::field(key),
                key: key.clone(),
                ty: if is_required(schema, key) { non_null(ty) } else { ty },
                taken,
                description: types.description(field),
            }
        };
        fields.iter().map(argument).collect()
    }

    fn input(&mut self, types: &mut Types, schema: &Value, hint: &str) -> (TypeRef, Taken) {
        if let Some(name) = referred(schema) {
            let definition = types.definitions.get(name).cloned().unwrap_or_default();
            let name = super::types::type_name(name);
            return self.defined(types, &definition, &name);
        }
        self.defined(types, schema, hint)
    }

    fn defined(&mut self, types: &mut Types, schema: &Value, name: &str) -> (TypeRef, Taken) {
        if let Some(present) = not_null(schema) {
            return self.input(types, &present, name);
        }
        if let Some(words) = words(schema) {
            let told = types.enumeration(name, schema, &words);
            let back = told.iter().map(|(word, name)| (name.clone(), word.clone())).collect();
            return (TypeRef::named(name), Taken::Word(Arc::new(back)));
        }
        let merged = tagged(schema).map(|alternatives| merged(schema, &alternatives));
        let schema = merged.as_ref().unwrap_or(schema);
        match schema["type"].as_str() {
            Some("array") => {
                let (item, taken) = self.input(types, &schema["items"], name);
                (TypeRef::List(Box::new(non_null(item))), Taken::List(Box::new(taken)))
            }
            Some("object") if has_fields(schema) => {
                let name = match name.ends_with("Input") {
                    true => name.to_owned(),
                    false => format!("{name}Input"),
                };
                self.object(types, schema, &name);
                (TypeRef::named(&name), Taken::Object(Arc::from(name)))
            }
            _ => (TypeRef::named(scalar(schema)), Taken::Plain),
        }
    }

    fn object(&mut self, types: &mut Types, schema: &Value, name: &str) {
        if self.objects.contains_key(name) {
            return;
        }
        // First, so that a type within itself ends.
        self.objects.insert(name.to_owned(), Default::default());
        let hint = name.strip_suffix("Input").unwrap_or(name).to_owned();
        let fields = self.arguments(types, schema, &hint);
        self.objects
            .insert(name.to_owned(), (text(schema, "description"), fields));
    }

    /// The types to be registered.
    pub(super) fn types(&self) -> impl Iterator<Item = InputObject> + '_ {
        self.objects.iter().map(|(name, (description, fields))| {
            let object = InputObject::new(name).description(description);
            fields.iter().fold(object, |object, field| object.field(field.value()))
        })
    }
}

/// One object of all alternatives, since an input cannot be a union: the word that tells them apart, and every field that
/// one has. One that two have differently is whatever JSON holds.
fn merged(schema: &Value, alternatives: &[super::types::Tagged<'_>]) -> Value {
    let tag = alternatives[0].tag;
    let mut fields: Map<String, Value> = Map::new();
    for (key, field) in alternatives
        .iter()
        .flat_map(|one| one.schema["properties"].as_object().into_iter().flatten())
        .filter(|(key, _)| *key != tag)
    {
        let bare = |field: &Value| {
            let mut field = field.clone();
            field.as_object_mut().map(|field| field.remove("description"));
            field
        };
        match fields.get_mut(key) {
            Some(known) if bare(known) != bare(field) => *known = serde_json::json!({}),
            Some(_) => {}
            None => {
                fields.insert(key.clone(), field.clone());
            }
        }
    }
    let words: Vec<&str> = alternatives.iter().map(|one| one.word).collect();
    fields.insert(tag.to_owned(), serde_json::json!({ "type": "string", "enum": words }));
    serde_json::json!({
        "type": "object",
        "description": schema["description"],
        "properties": fields,
        "required": [tag],
    })
}

/// Reads what is given in arguments.
pub(super) struct Reader<'s> {
    pub(super) objects: &'s BTreeMap<String, (String, Vec<Argument>)>,
    /// Whether a text is the name of a type that ids tell.
    pub(super) is_node: &'s dyn Fn(&str) -> bool,
}

impl Reader<'_> {
    /// The JSON that a value stands for.
    pub(super) fn read(&self, given: &Given, taken: &Taken) -> Value {
        match (given, taken) {
            (Given::Null, _) => Value::Null,
            (Given::List(values), Taken::List(each)) => values.iter().map(|value| self.read(value, each)).collect(),
            (one, Taken::List(each)) => Value::Array(vec![self.read(one, each)]),
            (Given::Enum(name), Taken::Word(words)) => word(name, words),
            (Given::String(name), Taken::Word(words)) => word(name, words),
            (Given::String(text), Taken::Id) => Value::from(self.neutral(text)),
            (Given::Object(fields), Taken::Object(name)) => {
                let known = self.objects.get(&**name).map(|(_, known)| known.as_slice());
                let known = known.unwrap_or_default();
                let fields =
                    fields.iter().map(
                        |(name, value)| match known.iter().find(|field| field.name == name.as_str()) {
                            Some(field) => (field.key.clone(), self.read(value, &field.taken)),
                            None => (name.to_string(), plain(value)),
                        },
                    );
                // One that is null is as one that was not given.
                Value::Object(fields.filter(|(_, value)| !value.is_null()).collect())
            }
            (other, _) => plain(other),
        }
    }

    /// `Repo:forge-a~acme/api` as the neutral id that every surface takes.
    fn neutral<'t>(&self, text: &'t str) -> &'t str {
        match text.split_once(':') {
            Some((name, id)) if id.contains('~') && (self.is_node)(name) => id,
            _ => text,
        }
    }
}

fn word(name: &str, words: &HashMap<String, String>) -> Value {
    Value::from(words.get(name).map_or(name, String::as_str))
}

/// A value as the JSON that it is.
pub(super) fn plain(given: &Given) -> Value {
    match given {
        Given::Null => Value::Null,
        Given::Number(number) => Value::Number(number.clone()),
        Given::String(text) => Value::from(text.as_str()),
        Given::Boolean(value) => Value::from(*value),
        Given::Binary(bytes) => Value::from(bytes.to_vec()),
        Given::Enum(name) => Value::from(name.as_str()),
        Given::List(values) => values.iter().map(plain).collect(),
        Given::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.to_string(), plain(value)))
            .collect(),
    }
}
