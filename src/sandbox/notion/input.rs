//! Blocks and rich text as clients send them: held to Notion's limits, and made what Notion tells of them.
//!
//! Invariant: what is kept has the form in which it is told, and nothing that is too large is kept.

use serde_json::{Map, Value, json};

use super::gate::Version;
use super::problem::Problem;

const MOST_CHILDREN: usize = 100;
const MOST_ITEMS: usize = 100;
const MOST_BLOCKS: usize = 1000;
const MOST_BYTES: usize = 500_000;
const LONGEST: usize = 2000;
const LONGEST_EQUATION: usize = 1000;
const LEVELS: usize = 2;

/// Types that can be made.
const TYPES: [&str; 29] = [
    "audio",
    "bookmark",
    "breadcrumb",
    "bulleted_list_item",
    "callout",
    "code",
    "column",
    "column_list",
    "divider",
    "embed",
    "equation",
    "file",
    "heading_1",
    "heading_2",
    "heading_3",
    "image",
    "link_to_page",
    "numbered_list_item",
    "paragraph",
    "pdf",
    "quote",
    "synced_block",
    "table",
    "table_of_contents",
    "table_row",
    "template",
    "to_do",
    "toggle",
    "video",
];
const FILES: [&str; 5] = ["audio", "file", "image", "pdf", "video"];
/// A few of the languages that it knows: enough to refuse others.
const LANGUAGES: &str = " bash c c# c++ css diff docker go graphql html java javascript json kotlin latex lua makefile markdown \
mermaid php powershell python r ruby rust scala shell sql swift toml typescript xml yaml ";

/// A block that shall be made.
#[derive(Debug)]
pub(crate) struct NewBlock {
    pub kind: String,
    pub content: Value,
    pub children: Vec<NewBlock>,
}

/// Reads the children of a request.
pub(crate) fn children(body: &Value) -> Result<Vec<NewBlock>, Problem> {
    let list = match &body["children"] {
        Value::Null => return Ok(vec![]),
        Value::Array(list) => list,
        _ => return Err(Problem::body("children", "an array")),
    };
    if body["children"].to_string().len() > MOST_BYTES {
        return Err(Problem::body("children", format!("at most {MOST_BYTES} bytes")));
    }
    let mut count = 0;
    let made = blocks(list, "children", 0, &mut count)?;
    match count > MOST_BLOCKS {
        true => Err(Problem::body(
            "children",
            format!("at most {MOST_BLOCKS} blocks in all, instead was {count}"),
        )),
        false => Ok(made),
    }
}

fn blocks(list: &[Value], place: &str, level: usize, count: &mut usize) -> Result<Vec<NewBlock>, Problem> {
    if list.len() > MOST_CHILDREN {
        return Err(Problem::invalid(format!(
            "body failed validation: body.{place}.length should be ≤ `{MOST_CHILDREN}`, instead was `{}`.",
            list.len()
        )));
    }
    *count += list.len();
    let made = list.iter().enumerate();
    made.map(|(at, json)| block(json, &format!("{place}[{at}]"), level, count))
        .collect()
}

fn block(json: &Value, place: &str, level: usize, count: &mut usize) -> Result<NewBlock, Problem> {
    let named = json["type"].as_str();
    let kind = named.or_else(|| TYPES.into_iter().find(|name| json.get(*name).is_some()));
    let kind = kind.filter(|kind| TYPES.contains(kind));
    let kind = kind.ok_or_else(|| Problem::body(&format!("{place}.type"), "a type of block that can be made"))?;
    let said = json.get(kind).and_then(Value::as_object);
    let said = said.ok_or_else(|| Problem::body(&format!("{place}.{kind}"), "defined, instead was `undefined`"))?;
    let place = format!("{place}.{kind}");
    let inner = said
        .get("children")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    if !inner.is_empty() && level >= LEVELS {
        return Err(Problem::body(&format!("{place}.children"), "not present"));
    }
    let children = blocks(inner, &format!("{place}.children"), level + 1, count)?;
    let content = content(kind, said, &place)?;
    shaped(kind, &content, &children, &place)?;
    Ok(NewBlock {
        kind: kind.to_owned(),
        content,
        children,
    })
}

/// What a block says, in the form in which it is told.
fn content(kind: &str, said: &Map<String, Value>, place: &str) -> Result<Value, Problem> {
    let mut content = Map::new();
    for (name, value) in said {
        let at = format!("{place}.{name}");
        let told = match name.as_str() {
            "children" => continue,
            "rich_text" | "caption" => rich_text(value, &at)?,
            "cells" => {
                let cells = value.as_array().into_iter().flatten();
                cells
                    .map(|cell| rich_text(cell, &at))
                    .collect::<Result<Vec<_>, _>>()?
                    .into()
            }
            "expression" => bounded(value, LONGEST_EQUATION, &at)?,
            "url" => bounded(value, LONGEST, &at)?,
            "external" => {
                bounded(&value["url"], LONGEST, &format!("{at}.url"))?;
                value.clone()
            }
            _ => value.clone(),
        };
        content.insert(name.clone(), told);
    }
    if FILES.contains(&kind) && !content.contains_key("caption") {
        content.insert("caption".to_owned(), json!([]));
    }
    for (name, missing) in [("color", json!("default")), ("is_toggleable", json!(false))] {
        let has = match name {
            "color" => content.contains_key("rich_text") && kind != "code",
            _ => kind.starts_with("heading_"),
        };
        if has && !content.contains_key(name) {
            content.insert(name.to_owned(), missing);
        }
    }
    Ok(content.into())
}

/// What some types want.
fn shaped(kind: &str, content: &Value, children: &[NewBlock], place: &str) -> Result<(), Problem> {
    match kind {
        "table" => {
            let width = content["table_width"].as_u64().unwrap_or_default() as usize;
            let row = |row: &NewBlock| row.content["cells"].as_array().map_or(0, Vec::len);
            if width == 0
                || children.is_empty()
                || !children
                    .iter()
                    .all(|child| child.kind == "table_row" && row(child) == width)
            {
                return Err(Problem::body(
                    &format!("{place}.children"),
                    "rows that are as wide as the table",
                ));
            }
        }
        "column_list" if children.len() < 2 || children.iter().any(|child| child.kind != "column") => {
            return Err(Problem::body(&format!("{place}.children"), "two columns at least"));
        }
        "column" if children.is_empty() => return Err(Problem::body(&format!("{place}.children"), "defined")),
        "code" => {
            let language = content["language"].as_str().unwrap_or_default();
            if language != "plain text" && !LANGUAGES.contains(&format!(" {language} ")) {
                return Err(Problem::body(
                    &format!("{place}.language"),
                    "one of the languages that are known",
                ));
            }
        }
        kind if FILES.contains(&kind) && !content["external"].is_object() && !content["file_upload"].is_object() => {
            return Err(Problem::body(
                &format!("{place}.external"),
                "defined, instead was `undefined`",
            ));
        }
        _ => {}
    }
    Ok(())
}

fn bounded(value: &Value, most: usize, place: &str) -> Result<Value, Problem> {
    let Some(text) = value.as_str() else {
        return Err(Problem::body(place, "a string"));
    };
    let length = text.encode_utf16().count();
    match length > most {
        true => Err(Problem::invalid(format!(
            "body failed validation: body.{place}.length should be ≤ `{most}`, instead was `{length}`."
        ))),
        false => Ok(value.clone()),
    }
}

/// Rich text as it is told.
pub(crate) fn rich_text(items: &Value, place: &str) -> Result<Value, Problem> {
    let Some(items) = items.as_array() else {
        return Err(Problem::body(place, "an array"));
    };
    if items.len() > MOST_ITEMS {
        return Err(Problem::invalid(format!(
            "body failed validation: body.{place}.length should be ≤ `{MOST_ITEMS}`, instead was `{}`.",
            items.len()
        )));
    }
    let mut told = vec![];
    for (at, item) in items.iter().enumerate() {
        let place = format!("{place}[{at}]");
        match (item.get("text"), item.get("equation"), item.get("mention")) {
            (Some(text), None, None) => {
                bounded(&text["content"], LONGEST, &format!("{place}.text.content"))?;
                if text["link"].is_object() {
                    let url = bounded(&text["link"]["url"], LONGEST, &format!("{place}.text.link.url"))?;
                    let url = url.as_str().unwrap_or_default();
                    if !["http://", "https://", "mailto:", "tel:"]
                        .iter()
                        .any(|begins| url.starts_with(begins))
                    {
                        return Err(Problem::invalid("Invalid URL for link."));
                    }
                }
            }
            (None, Some(equation), None) => {
                bounded(
                    &equation["expression"],
                    LONGEST_EQUATION,
                    &format!("{place}.equation.expression"),
                )?;
            }
            (None, None, Some(mention)) if mention.is_object() => {}
            _ => {
                return Err(Problem::body(
                    &format!("{place}.text"),
                    "defined, instead was `undefined`",
                ));
            }
        }
        told.push(said(item));
    }
    // Nobody sees a run without a character.
    told.retain(|item| item["plain_text"] != "" || item["type"] != "text");
    Ok(told.into())
}

/// One item as it is told.
pub(crate) fn said(item: &Value) -> Value {
    let flag = |name: &str| item["annotations"][name] == true;
    let color = item["annotations"]["color"].as_str().unwrap_or("default");
    let annotations = json!({"bold": flag("bold"), "italic": flag("italic"), "strikethrough": flag("strikethrough"),
        "underline": flag("underline"), "code": flag("code"), "color": color});
    if let Some(equation) = item.get("equation") {
        return json!({"type": "equation", "equation": equation, "annotations": annotations,
            "plain_text": equation["expression"], "href": null});
    }
    if let Some(mention) = item.get("mention") {
        let kind = mention["type"].as_str().unwrap_or("user");
        let plain = match kind {
            "date" => mention["date"]["start"].as_str().unwrap_or_default().to_owned(),
            kind => format!("@{kind}"),
        };
        return json!({"type": "mention", "mention": mention, "annotations": annotations, "plain_text": plain, "href": null});
    }
    let (content, link) = (&item["text"]["content"], &item["text"]["link"]);
    json!({"type": "text", "text": {"content": content, "link": link}, "annotations": annotations, "plain_text": content,
        "href": link["url"]})
}

/// An id in the form in which it is told; clients may leave the dashes away.
pub(crate) fn uuid(text: &str, what: &str) -> Result<String, Problem> {
    let bare: String = text
        .chars()
        .filter(|c| *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    match bare.len() == 32 && bare.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok([&bare[..8], &bare[8..12], &bare[12..16], &bare[16..20], &bare[20..]].join("-")),
        false => Err(Problem::invalid(format!(
            "path failed validation: path.{what} should be a valid uuid, instead was `\"{text}\"`."
        ))),
    }
}

/// Whether a body has something put into the trash or taken out, by the version's name for it.
pub(crate) fn trash(version: Version, body: &Value) -> Result<Option<bool>, Problem> {
    if version == Version::Positions && body.get("archived").is_some() {
        return Err(Problem::body("archived", "not present"));
    }
    Ok(body["in_trash"].as_bool().or(body["archived"].as_bool()))
}

/// A body that is JSON.
pub(crate) fn json_of(body: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(body).map_err(|_| Problem::of_code("invalid_json", "Error parsing JSON body."))
}
