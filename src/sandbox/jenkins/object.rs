//! An object of the answer, made field by field, as far as it is asked for.
//!
//! Invariant: what is not asked for is not computed either.

use serde_json::{Map, Value};

use super::tree::{Ask, Rank};

pub(crate) struct Object<'a> {
    ask: Ask<'a>,
    fields: Map<String, Value>,
}

impl<'a> Object<'a> {
    pub fn new(ask: Ask<'a>, class: &str) -> Self {
        let mut fields = Map::new();
        fields.insert("_class".to_owned(), class.into());
        Self { ask, fields }
    }

    /// A field that is shown wherever the object stands.
    pub fn brief(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        self.nested(name, Rank::Brief, |ask| ask.prune(value.into()))
    }

    /// A field that is shown within the depth.
    pub fn put(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        self.nested(name, Rank::Usual, |ask| ask.prune(value.into()))
    }

    /// A field whose value depends on what is asked of it.
    pub fn nested(&mut self, name: &str, rank: Rank, value: impl FnOnce(Ask<'a>) -> Value) -> &mut Self {
        if let Some(ask) = self.ask.field(name, rank) {
            self.fields.insert(name.to_owned(), value(ask));
        }
        self
    }

    /// A list of objects, as much of it as is asked for.
    pub fn list<T>(&mut self, name: &str, rank: Rank, items: &[T], one: impl Fn(&T, Ask<'a>) -> Value) -> &mut Self {
        self.nested(name, rank, |ask| {
            ask.range().of(items).iter().map(|item| one(item, ask)).collect()
        })
    }

    pub fn done(&mut self) -> Value {
        Value::Object(std::mem::take(&mut self.fields))
    }
}
