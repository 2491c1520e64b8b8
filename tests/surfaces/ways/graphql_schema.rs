//! A schema of GraphQL beside the JSON Schemas that it is made of: what to select, and what a value stands for.
//!
//! Invariant: what the JSON Schema has and GraphQL lacks is a failure, told by its place.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// How often a type may stand within itself where fields are selected: more than any answer here nests.
const MOST_WITHIN_ITSELF: usize = 3;

/// A schema, as it tells of itself.
pub struct Schema {
    types: HashMap<String, Value>,
}

/// `git.pr.list_files` as `gitPrListFiles`.
pub fn camel(name: &str) -> String {
    let mut parts = name.split(['.', '_', '-']);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| name + &pascal(part))
}

fn pascal(name: &str) -> String {
    let parts = name.split(['.', '_', '-', ' ', '/']).filter(|part| !part.is_empty());
    parts.map(|part| part[..1].to_uppercase() + &part[1..]).collect()
}

/// `not_planned` as `NOT_PLANNED`.
fn word(name: &str) -> String {
    name.replace(['-', '.', '/', ' '], "_").to_uppercase()
}

impl Schema {
    /// Asks a schema for itself.
    pub const QUERY: &'static str = "{ __schema { types { kind name
        fields { name args { name type { ...T } } type { ...T } }
        inputFields { name type { ...T } } } } }
        fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
        ofType { kind name ofType { kind name } } } } } } }";

    pub fn of(introspection: &Value) -> Schema {
        let types = introspection["data"]["__schema"]["types"].as_array();
        let types = types.unwrap_or_else(|| panic!("{introspection}")).iter();
        let named = types.map(|ty| (ty["name"].as_str().expect("a name").to_owned(), ty.clone()));
        Schema { types: named.collect() }
    }

    fn kind(&self, ty: &str) -> &str {
        self.types[ty]["kind"].as_str().expect("a kind")
    }

    /// A field of a type.
    pub fn field(&self, ty: &str, name: &str) -> Option<&Value> {
        let fields = self.types.get(ty)?["fields"].as_array()?;
        fields.iter().find(|field| field["name"] == name)
    }

    /// The type of an argument.
    pub fn argument<'f>(&self, field: &'f Value, name: &str) -> Option<&'f Value> {
        let arguments = field["args"].as_array()?;
        arguments
            .iter()
            .find(|argument| argument["name"] == name)
            .map(|argument| &argument["type"])
    }

    /// The name of the type that a field is of, or a list of.
    pub fn type_of(&self, ty: &str, field: &str) -> &str {
        let found = self
            .field(ty, field)
            .unwrap_or_else(|| panic!("{ty} has no field {field}"));
        Self::named(&found["type"])
    }

    /// The name of what a type is of, whatever is around it.
    pub fn named(ty: &Value) -> &str {
        match ty["kind"].as_str() {
            Some("LIST" | "NON_NULL") => Self::named(&ty["ofType"]),
            _ => ty["name"].as_str().expect("a name"),
        }
    }

    /// A type as a query writes it.
    pub fn written(ty: &Value) -> String {
        match ty["kind"].as_str() {
            Some("LIST") => format!("[{}]", Self::written(&ty["ofType"])),
            Some("NON_NULL") => format!("{}!", Self::written(&ty["ofType"])),
            _ => Self::named(ty).to_owned(),
        }
    }

    /// An input as a variable of this type.
    pub fn given(&self, value: &Value, ty: &Value) -> Value {
        match (ty["kind"].as_str(), value) {
            (Some("NON_NULL"), _) => self.given(value, &ty["ofType"]),
            (Some("LIST"), Value::Array(values)) => {
                values.iter().map(|value| self.given(value, &ty["ofType"])).collect()
            }
            (Some("ENUM"), Value::String(text)) => word(text).into(),
            (Some("INPUT_OBJECT"), Value::Object(fields)) => {
                let known = self.types[Self::named(ty)]["inputFields"].as_array().expect("fields");
                let given = fields.iter().map(|(key, value)| {
                    let name = camel(key);
                    let field = known.iter().find(|field| field["name"] == name);
                    let value = field.map_or(value.clone(), |field| self.given(value, &field["type"]));
                    (name, value)
                });
                Value::Object(given.collect())
            }
            _ => value.clone(),
        }
    }

    /// All fields of a type that the JSON Schema `schema`, which stands in `whole`, has.
    pub fn selection(&self, ty: &str, whole: &Value, schema: &Value) -> String {
        self.selected(ty, whole, schema, &mut Vec::new())
    }

    fn selected(&self, ty: &str, whole: &Value, schema: &Value, around: &mut Vec<String>) -> String {
        let schema = resolved(whole, schema);
        if let Some(items) = schema.get("items") {
            return self.selected(ty, whole, items, around);
        }
        match self.kind(ty) {
            "OBJECT" => {
                around.push(ty.to_owned());
                let fields = self.fields(ty, whole, schema, "", around);
                around.pop();
                format!("{{ __typename {fields} }}")
            }
            "UNION" => {
                let members = alternatives(schema).into_iter().map(|(word, alternative)| {
                    let member = format!("{ty}{}", pascal(word));
                    // Two members may have one field of two types.
                    let fields = self.fields(&member, whole, alternative, &format!("of{}_", pascal(word)), around);
                    format!("... on {member} {{ {fields} }}")
                });
                format!("{{ __typename {} }}", members.collect::<Vec<_>>().join(" "))
            }
            _ => String::new(),
        }
    }

    fn fields(&self, ty: &str, whole: &Value, schema: &Value, prefix: &str, around: &mut Vec<String>) -> String {
        let mut selected = Vec::new();
        for (key, field) in schema["properties"].as_object().into_iter().flatten() {
            let name = camel(key);
            let alias = match prefix {
                "" => String::new(),
                prefix => format!("{prefix}{name}: "),
            };
            let of = self.type_of(ty, &name);
            if around.iter().filter(|known| *known == of).count() >= MOST_WITHIN_ITSELF {
                continue;
            }
            selected.push(format!("{alias}{name} {}", self.selected(of, whole, field, around)));
            if key == "id" && self.field(ty, "neutralId").is_some() {
                selected.push(format!("{}neutralId", alias.replace("id:", "neutralId:")));
            }
        }
        selected.join(" ")
    }

    /// The JSON that a value of a type stands for, by its JSON Schema.
    pub fn taken(&self, value: &Value, ty: &str, whole: &Value, schema: &Value) -> Value {
        let schema = resolved(whole, schema);
        match (self.kind(ty), value) {
            (_, Value::Null) => Value::Null,
            (_, Value::Array(values)) if schema.get("items").is_some() => {
                let each = values
                    .iter()
                    .map(|value| self.taken(value, ty, whole, &schema["items"]));
                each.collect()
            }
            ("ENUM", Value::String(name)) => {
                let mut words = schema["enum"].as_array().into_iter().flatten();
                let meant = words.find(|one| one.as_str().is_some_and(|one| word(one) == *name));
                meant
                    .cloned()
                    .unwrap_or_else(|| panic!("{name} is no word of {schema}"))
            }
            ("OBJECT", Value::Object(fields)) => self.object(fields, ty, whole, schema, ""),
            ("UNION", Value::Object(fields)) => {
                let member = fields["__typename"].as_str().expect("it was asked for");
                let all = alternatives(schema);
                let meant = all.iter().find(|(word, _)| format!("{ty}{}", pascal(word)) == member);
                let (word, alternative) = meant.unwrap_or_else(|| panic!("{member} is none of {ty}"));
                self.object(fields, member, whole, alternative, &format!("of{}_", pascal(word)))
            }
            (_, other) => other.clone(),
        }
    }

    fn object(&self, fields: &Map<String, Value>, ty: &str, whole: &Value, schema: &Value, prefix: &str) -> Value {
        let mut taken = Map::new();
        for (key, field) in schema["properties"].as_object().into_iter().flatten() {
            let name = camel(key);
            let Some(value) = fields.get(&format!("{prefix}{name}")) else {
                continue;
            };
            if key == "id"
                && let Some(neutral) = fields.get(&format!("{prefix}neutralId"))
            {
                let told = format!("{ty}:{}", neutral.as_str().expect("an id"));
                assert_eq!(*value, told, "the id among all things is told by the neutral one");
                taken.insert(key.clone(), neutral.clone());
                continue;
            }
            taken.insert(key.clone(), self.taken(value, self.type_of(ty, &name), whole, field));
        }
        taken.into()
    }
}

/// What a schema refers to, and is where it is not null.
pub fn resolved<'s>(whole: &'s Value, schema: &'s Value) -> &'s Value {
    if let Some(path) = schema["$ref"].as_str() {
        let found = whole.pointer(path.trim_start_matches('#'));
        return resolved(whole, found.unwrap_or_else(|| panic!("{path} leads nowhere")));
    }
    let mut present = schema["anyOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| one["type"] != "null");
    match (present.next(), present.next()) {
        (Some(only), None) => resolved(whole, only),
        _ => schema,
    }
}

/// The alternatives of a schema by the word that tells them apart.
fn alternatives(schema: &Value) -> Vec<(&str, &Value)> {
    let all = schema["oneOf"].as_array().into_iter().flatten();
    let told = all.map(|one| {
        let mut fields = one["properties"].as_object().expect("fields").values();
        let word = fields.find_map(|field| field.get("const")?.as_str());
        (word.unwrap_or_else(|| panic!("nothing tells it apart: {one}")), one)
    });
    told.collect()
}
