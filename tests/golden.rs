//! Golden tests of the drivers: the provider's JSON in, ours out, and the requests as sent.
//!
//! A cell is a folder `tests/golden/<kind>/<operation>[.<variant>]` with
//! - `input.json`: the neutral input; `{"input": …, "include_raw": true}` asks for the raw JSON too, and
//!   `{"input": …, "upload": {"media_type": …, "name": …, "text": …}}` brings a file, and
//!   `{"input": …, "settings": {…}}` is of an instance that is set so;
//! - `wire.json`: the provider's answers, in order;
//! - `provenance`: one line an answer: `file#pointer` into the published descriptions, or `hand-made: why`;
//! - `request.json`, `neutral.json`: what must come of it. `UPDATE_GOLDEN=1` writes these two anew.
//!
//! Invariant: no cell can vanish: their number is asserted, and so is the number of hand-made answers.

mod upstream;

use std::fs;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mosaic::providers::http::HttpClient;
use mosaic_actors::stream::Upload;
use serde_json::{Value, json};
use upstream::cells::{Cell, cells};
use upstream::{INSTANCE, Seen, TOKEN, Upstream};

/// For each kind of provider: its cells, and those of their answers that are no part of a published description.
const COUNTS: &[(&str, usize, usize)] = &[
    ("gitea", 363, 553),
    ("github", 423, 374),
    ("gitlab", 280, 310),
    ("jenkins", 94, 151),
    ("anthropic", 79, 78),
    ("notion", 211, 385),
    ("openai", 143, 136),
    ("woodpecker", 72, 161),
    ("bookstack", 101, 93),
];

/// The media type of a form without files.
const FIELDS: &str = "application/x-www-form-urlencoded";
/// What a form's media type begins with.
const FORM: &str = "multipart/form-data";

/// Runs a cell: the requests as sent, and the output or failure.
async fn run(cell: &Cell, client: &HttpClient) -> (Value, Value) {
    let read = cell.read("input.json");
    let include_raw = read["include_raw"] == true;
    let upload = upload(&read["upload"]);
    let mut input = cell.input();
    let cursors = upstream::cursors();
    let query = upstream::query(&cell.operation, &input);
    if let Some(native) = input.get("cursor").and_then(Value::as_str) {
        input["cursor"] = cursors.seal(INSTANCE, &query, native).into();
    }
    let provider = Upstream::answering(cell.answers.clone()).await;
    let mut connection = upstream::connection_by(client, &provider.url);
    connection.settings = cell.settings();
    let driver = upstream::driver(&cell.kind, &connection).expect("connected");
    let mut call = upstream::call(&cell.operation, input, include_raw).expect("a sound input");
    call.upload = upload;
    let (mut neutral, failure) = match driver.call(Arc::new(call)).await {
        Ok(answer) => upstream::whole(answer).await,
        Err(failure) => (Value::Null, Some(failure)),
    };
    if let Some(sealed) = neutral.get("next_cursor").and_then(Value::as_str) {
        let opened = cursors.open(&query, sealed).expect("sealed for these arguments");
        neutral["next_cursor"] = opened.native.into();
    }
    if let Some(failure) = failure {
        neutral = json!({"before": neutral, "failure": upstream::failure_json(&failure)});
    }
    let seen = provider.seen();
    assert_eq!(seen.len(), cell.answers.len(), "{}: requests and answers", cell.name());
    let mut requests = vec![];
    for seen in &seen {
        requests.push(as_sent(seen).await);
    }
    (requests.into(), neutral)
}

fn upload(said: &Value) -> Option<Arc<Upload>> {
    let text = |name: &str| said[name].as_str();
    let upload = Upload::replayable(text("media_type")?.into(), None, text("text")?.to_owned().into());
    Some(Arc::new(match text("name") {
        Some(name) => upload.named(name),
        None => upload,
    }))
}

async fn as_sent(seen: &Seen) -> Value {
    let names = ["authorization", "private-token", "x-api-key"].into_iter();
    let carried = names.filter_map(|name| Some((name, seen.headers.get(name)?.to_str().expect("text"))));
    let (carrier, sent) = match carried.collect::<Vec<_>>()[..] {
        [one] => one,
        // What is kept elsewhere is asked for without it.
        [] => ("nothing", TOKEN),
        _ => panic!("one header with the credential"),
    };
    let sent = match sent.strip_prefix("Basic ") {
        Some(pair) => format!(
            "Basic {}",
            String::from_utf8(STANDARD.decode(pair).expect("base64")).expect("text")
        ),
        None => sent.to_owned(),
    };
    // What stands before the credential is the driver's, and golden where it is not the usual word.
    let scheme = sent.strip_suffix(TOKEN).expect("the credential").trim_end();
    let ours = seen.headers.iter().filter(|(name, _)| {
        // What the HTTP library adds, and the credential, are not the driver's.
        !["accept-encoding", carrier, "host", "content-length"].contains(&name.as_str())
    });
    let form = seen
        .headers
        .get("content-type")
        .is_some_and(|value| value.as_bytes().starts_with(FORM.as_bytes()));
    let mut headers: serde_json::Map<String, Value> = ours
        .map(|(name, value)| {
            let value = value
                .to_str()
                .expect("text")
                .replace(env!("CARGO_PKG_VERSION"), "VERSION");
            // What comes behind is the boundary, made by chance.
            let value = match form && name == "content-type" {
                true => FORM.to_owned(),
                false => value,
            };
            (name.to_string(), value.into())
        })
        .collect();
    if carrier == "nothing" {
        headers.insert("credential".to_owned(), Value::Null);
    } else if scheme != "Bearer" {
        headers.insert(carrier.to_owned(), scheme.into());
    }
    let body: Value = match seen.body.as_slice() {
        [] => Value::Null,
        _ if form => parts(seen).await,
        bytes if seen.headers["content-type"] == FIELDS => String::from_utf8_lossy(bytes).into(),
        bytes => unsealed(serde_json::from_slice(bytes).expect("JSON")),
    };
    json!({"method": seen.method, "path": seen.path, "query": seen.query, "headers": headers, "body": body})
}

/// A box is sealed by a key of its own, made by chance: golden is how much is in it.
fn unsealed(mut body: Value) -> Value {
    /// What a box has beside what is in it: the key, and what shows that nobody has changed it.
    const AROUND: usize = 32 + 16;
    if let Some(sealed) = body.get("encrypted_value").and_then(Value::as_str) {
        let bytes = STANDARD.decode(sealed).expect("base64").len();
        body["encrypted_value"] = format!("a box with {} bytes in it", bytes - AROUND).into();
    }
    body
}

/// The parts of a form, in order.
async fn parts(seen: &Seen) -> Value {
    let mut request = Request::new(Body::from(seen.body.clone()));
    *request.headers_mut() = seen.headers.clone();
    let mut form = Multipart::from_request(request, &()).await.expect("a form");
    let mut parts = vec![];
    while let Some(part) = form.next_field().await.expect("a part") {
        let mut said = json!({"name": part.name(), "file_name": part.file_name(), "media_type": part.content_type()});
        said["text"] = part.text().await.expect("text").into();
        parts.push(said);
    }
    parts.into()
}

#[tokio::test]
async fn every_cell_holds() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let client = HttpClient::from_env().expect("a client");
    let cells = cells();
    let mut wrong = vec![];
    for cell in &cells {
        let (requests, neutral) = run(cell, &client).await;
        for (file, now) in [("request.json", requests), ("neutral.json", neutral)] {
            if update {
                let text = serde_json::to_string_pretty(&now).expect("JSON") + "\n";
                fs::write(cell.folder.join(file), text).expect("written");
            }
            let golden = cell.read(file);
            if golden != now {
                let cell = cell.name();
                wrong.push(format!("{cell}/{file}\n  golden: {golden}\n  now:    {now}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let counts = COUNTS.iter().map(|(kind, cells, _)| ((*kind).to_owned(), *cells));
    let cells = cells.into_iter().map(|cell| cell.kind);
    assert_eq!(
        upstream::count(cells),
        counts.collect(),
        "a cell was added or has vanished"
    );
}

#[test]
fn every_answer_names_its_provenance() {
    let mut hand_made = vec![];
    for cell in cells() {
        let name = cell.name();
        assert_eq!(cell.provenance.len(), cell.answers.len(), "{name}: one line an answer");
        for line in &cell.provenance {
            match line.strip_prefix("hand-made: ") {
                Some(why) => {
                    assert!(!why.trim().is_empty(), "{name}: why?");
                    hand_made.push(cell.kind.clone());
                }
                // A pointer that is empty means the whole file.
                None => assert!(line.ends_with('#') || line.contains("#/"), "{name}: {line}"),
            }
        }
    }
    let counts = COUNTS
        .iter()
        .map(|(kind, _, hand_made)| ((*kind).to_owned(), *hand_made));
    assert_eq!(
        upstream::count(hand_made),
        counts.collect(),
        "a hand-made answer was added or has vanished"
    );
}
