//! A tool's arguments: the operation's input, the instance to ask, and a file where one is taken.
//!
//! Invariant: what is beside an operation's input has a name that no field of it has; where a field has that, the field wins.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use mosaic_actors::error::Failure;
use mosaic_actors::stream::Upload;
use rmcp::model::JsonObject;
use serde::Deserialize;
use serde_json::{Value, json};

use super::schemas::bare;
use crate::catalogue::Entry;
use crate::dispatch::options::PROVIDER;

/// The argument that is a file.
const FILE: &str = "upload";

/// What an input is, and what is beside it.
pub(super) fn schema(entry: &Entry) -> JsonObject {
    let mut schema = bare(entry.input_schema.as_value());
    schema.shift_remove("description");
    schema.entry("type").or_insert_with(|| json!("object"));
    let properties = schema.entry("properties").or_insert_with(|| json!({}));
    if let Some(properties) = properties.as_object_mut() {
        if takes_provider(entry) {
            let words = match entry.declaration.facts.list {
                true => "The provider instance to ask; `all` asks every one. Left out: the gateway chooses.",
                false => "The provider instance to ask. Left out: the gateway chooses, or the id tells.",
            };
            let provider = json!({ "type": "string", "description": words });
            properties.insert(PROVIDER.to_owned(), provider);
        }
        if entry.declaration.upload {
            properties.insert(FILE.to_owned(), file());
        }
    }
    if entry.declaration.upload {
        let required = schema.entry("required").or_insert_with(|| json!([]));
        required
            .as_array_mut()
            .into_iter()
            .for_each(|names| names.push(json!(FILE)));
    }
    schema
}

fn file() -> Value {
    json!({
        "type": "object",
        "description": "The file.",
        "required": ["content"],
        "additionalProperties": false,
        "properties": {
            "content": { "type": "string", "description": "Its text, or its bytes in base64." },
            "encoding": { "enum": ["utf-8", "base64"], "default": "utf-8" },
            "media_type": { "type": "string", "default": "text/plain; charset=utf-8" },
            "name": { "type": "string", "description": "Its name." },
        },
    })
}

fn takes_provider(entry: &Entry) -> bool {
    entry.field(PROVIDER).is_none()
}

/// What stands beside an input.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) provider: Option<String>,
    pub(super) upload: Option<Arc<Upload>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    content: String,
    #[serde(default)]
    encoding: Encoding,
    media_type: Option<String>,
    name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Encoding {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    Base64,
}

/// Takes what stands beside an input from the arguments.
///
/// # Errors
/// `invalid_input` naming the argument.
pub(super) fn taken(entry: &Entry, arguments: &mut JsonObject) -> Result<Beside, Failure> {
    let mut beside = Beside::default();
    if takes_provider(entry) {
        beside.provider = match arguments.shift_remove(PROVIDER) {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name),
            Some(_) => return Err(Failure::invalid(PROVIDER, "provider must be the name of an instance")),
        };
    }
    if entry.declaration.upload
        && let Some(file) = arguments.shift_remove(FILE)
    {
        let file: File =
            serde_json::from_value(file).map_err(|error| Failure::invalid(FILE, format!("upload: {error}")))?;
        beside.upload = Some(Arc::new(uploaded(file)?));
    }
    Ok(beside)
}

fn uploaded(file: File) -> Result<Upload, Failure> {
    let (bytes, usual) = match file.encoding {
        Encoding::Utf8 => (Bytes::from(file.content), "text/plain; charset=utf-8"),
        Encoding::Base64 => {
            let bytes = BASE64_STANDARD.decode(file.content.trim());
            let bytes = bytes.map_err(|_| Failure::invalid(FILE, "upload: the content is not base64"))?;
            (Bytes::from(bytes), "application/octet-stream")
        }
    };
    let media_type = file.media_type.unwrap_or_else(|| usual.to_owned());
    Ok(Upload::replayable(media_type.into(), file.name.map(Arc::from), bytes))
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::catalogue::{OPERATIONS, find};

    fn given(name: &str, arguments: Value) -> Result<(Beside, Map<String, Value>), Failure> {
        let Value::Object(mut arguments) = arguments else {
            panic!("an object")
        };
        let entry = find(name).expect("an operation");
        Ok((taken(entry, &mut arguments)?, arguments))
    }

    #[test]
    fn no_operation_that_takes_a_file_has_a_field_of_that_name() {
        for entry in OPERATIONS.iter().filter(|entry| entry.declaration.upload) {
            assert!(entry.field(FILE).is_none(), "{}", entry.name());
        }
    }

    #[test]
    fn what_is_beside_an_input_is_taken_from_it() {
        let arguments = json!({"repo": "a/b", "provider": "forge-a"});
        let (beside, rest) = given("git.repo.get", arguments).expect("sound");
        assert_eq!(beside.provider.as_deref(), Some("forge-a"));
        assert_eq!(Value::from(rest), json!({"repo": "a/b"}));
        let field = |arguments| given("git.repo.get", arguments).err().expect("refused").field;
        assert_eq!(field(json!({"provider": 3})).as_deref(), Some("provider"));
    }

    #[test]
    fn a_file_is_its_text_or_its_bytes() {
        let file = |content: &str, encoding: &str| {
            let arguments = json!({"upload": {"content": content, "encoding": encoding}});
            given("ai.file.upload", arguments).map(|(beside, _)| beside.upload.expect("a file").length)
        };
        assert_eq!(file("grün", "utf-8").expect("text"), Some(5));
        assert_eq!(file("AAEC", "base64").expect("bytes"), Some(3));
        assert_eq!(file("!", "base64").expect_err("refused").field.as_deref(), Some(FILE));
    }
}
