//! Values of properties, as Notion takes them. Pure.
//!
//! Invariant: what cannot be written is refused by its name before anything is sent; absent, empty and set are three things.

use mosaic_actors::error::Failure;
use serde_json::{Value, json};

use super::super::rich::{self, Run};
use super::schema::Property;

/// A value of a property; null takes it away.
pub fn written(property: &Property, said: &Value) -> Result<Value, Failure> {
    let kind = property.kind.as_str();
    let field = format!("fields.{}", property.name);
    let wrong = |what: &str| {
        let sentence = format!("{field} must be {what}");
        Failure::invalid(&field, sentence).never_sent()
    };
    let text = || said.as_str().ok_or_else(|| wrong("a text"));
    let texts = || {
        let list: Option<Vec<&str>> = match said {
            Value::String(one) => Some(vec![one.as_str()]),
            Value::Array(list) => list.iter().map(Value::as_str).collect(),
            _ => None,
        };
        list.ok_or_else(|| wrong("a list of texts"))
    };
    let value = match (kind, said) {
        ("number" | "url" | "select" | "email" | "phone_number" | "date", Value::Null) => Value::Null,
        ("title" | "rich_text" | "multi_select" | "people" | "relation", Value::Null) => json!([]),
        ("checkbox", Value::Null) => json!(false),
        ("title" | "rich_text", _) => rich::items(&[Run::text(text()?)]).into(),
        ("number", Value::Number(_)) | ("checkbox", Value::Bool(_)) => said.clone(),
        ("url" | "email" | "phone_number", _) => {
            let most = if kind == "url" { rich::LONGEST } else { 200 };
            match rich::units(text()?) > most {
                true => return Err(wrong(&format!("at most {most} characters"))),
                false => said.clone(),
            }
        }
        ("select", _) => json!({"name": text()?}),
        ("status", Value::String(word)) if property.has(word) => json!({"name": word}),
        ("status", _) => return Err(wrong(&format!("one of {}", property.words().join(", ")))),
        ("multi_select", _) => named(&texts()?, "name", 100, &wrong)?,
        ("people" | "relation", _) => named(&texts()?, "id", 100, &wrong)?,
        ("date", Value::Object(_)) => said.clone(),
        ("date", _) => json!({"start": text()?}),
        ("number" | "checkbox", _) => return Err(wrong(&format!("a {kind}"))),
        _ => {
            let sentence = format!("{field} is of type {kind}, which nobody can write");
            return Err(Failure::unsupported_field(&field, sentence).never_sent());
        }
    };
    Ok(json!({ kind: value }))
}

fn named(words: &[&str], key: &str, most: usize, wrong: &impl Fn(&str) -> Failure) -> Result<Value, Failure> {
    match words.len() > most {
        true => Err(wrong(&format!("at most {most}"))),
        false => Ok(words.iter().map(|word| json!({ key: word })).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn property(kind: &str) -> Property {
        Property {
            id: "p".to_owned(),
            name: "P".to_owned(),
            kind: kind.to_owned(),
            options: vec![json!({"name": "Done"})],
        }
    }

    /// N15: what is computed cannot be written. N17: a status must be there. N2: what is too long is refused.
    #[test]
    fn each_type_takes_its_own_and_nothing_else() {
        for (kind, said, value) in [
            (
                "rich_text",
                json!("t"),
                json!({"rich_text": [{"type": "text", "text": {"content": "t"}}]}),
            ),
            ("number", json!(7.5), json!({"number": 7.5})),
            ("select", json!("a"), json!({"select": {"name": "a"}})),
            ("status", json!("Done"), json!({"status": {"name": "Done"}})),
            (
                "multi_select",
                json!(["a", "b"]),
                json!({"multi_select": [{"name": "a"}, {"name": "b"}]}),
            ),
            ("people", json!(["u"]), json!({"people": [{"id": "u"}]})),
            ("date", json!("2026-03-01"), json!({"date": {"start": "2026-03-01"}})),
            ("checkbox", json!(true), json!({"checkbox": true})),
            ("url", json!("https://e.example"), json!({"url": "https://e.example"})),
        ] {
            assert_eq!(written(&property(kind), &said).expect(kind), value);
        }
        for (kind, said) in [
            ("formula", json!(1)),
            ("unique_id", json!(1)),
            ("created_time", json!("x")),
            ("status", json!("Gone")),
            ("number", json!("7")),
            ("email", json!("x".repeat(201))),
            (
                "multi_select",
                json!((0..101).map(|n| n.to_string()).collect::<Vec<_>>()),
            ),
        ] {
            let failure = written(&property(kind), &said).expect_err(kind);
            assert_eq!(
                (failure.field.as_deref(), failure.unsent),
                (Some("fields.P"), true),
                "{kind}"
            );
        }
    }

    /// N16: how a value is taken away depends on its type.
    #[test]
    fn null_takes_away() {
        for (kind, value) in [
            ("number", json!(null)),
            ("date", json!(null)),
            ("people", json!([])),
            ("title", json!([])),
            ("checkbox", json!(false)),
        ] {
            assert_eq!(
                written(&property(kind), &json!(null)).expect(kind),
                json!({ kind: value })
            );
        }
        assert!(written(&property("status"), &json!(null)).is_err());
    }
}
