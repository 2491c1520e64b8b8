//! Notion: its limits, its versions, what is not shared, and every answer that is published against the published one.
//!
//! Invariant: a request that breaks a limit changes nothing.

use std::collections::BTreeSet;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::{Rig, header, specs};

const OLD: &str = "2025-09-03";
const NEW: &str = "2026-03-11";

async fn send(rig: &Rig, version: &str, method: Method, path: &str, body: Option<&Value>) -> Response {
    let request = rig.request("notion-a", method, path).header("notion-version", version);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    request.send().await.unwrap()
}

async fn get(rig: &Rig, path: &str) -> Value {
    let answer = send(rig, OLD, Method::GET, path, None).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

/// The code and the sentence of a refusal.
async fn refused(rig: &Rig, version: &str, method: Method, path: &str, body: Option<&Value>) -> (String, String) {
    let answer = send(rig, version, method, path, body).await;
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        (body["object"].as_str(), body["status"].as_u64()),
        (Some("error"), Some(u64::from(status)))
    );
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("code"), text("message"))
}

async fn titled(rig: &Rig, title: &str) -> String {
    let body = json!({"query": title, "filter": {"property": "object", "value": "page"}});
    let found: Value = send(rig, OLD, Method::POST, "/search", Some(&body))
        .await
        .json()
        .await
        .unwrap();
    found["results"][0]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{title}"))
        .to_owned()
}

fn paragraph(text: &str) -> Value {
    json!({"type": "paragraph", "paragraph": {"rich_text": [{"text": {"content": text}}]}})
}

fn nested(levels: usize) -> Value {
    let mut block = json!({"bulleted_list_item": {"rich_text": []}});
    if levels > 0 {
        block["bulleted_list_item"]["children"] = json!([nested(levels - 1)]);
    }
    block
}

/// N1, N3: what is too long, too much or too deep is refused, and nothing is kept of it.
#[tokio::test]
async fn each_limit_is_held() {
    let rig = Rig::start().await;
    let page = titled(&rig, "Projects").await;
    let path = format!("/blocks/{page}/children");
    let before = get(&rig, &path).await["results"].as_array().unwrap().len();
    let many = |count: usize| vec![paragraph("x"); count];
    let wide: Vec<Value> = (0..20)
        .map(|_| json!({"quote": {"rich_text": [], "children": many(60)}}))
        .collect();
    for (children, word) in [
        (many(101), "≤ `100`"),
        (vec![paragraph(&"x".repeat(2001))], "≤ `2000`"),
        (
            vec![json!({"paragraph": {"rich_text": vec![json!({"text": {"content": "x"}}); 101]}})],
            "≤ `100`",
        ),
        (vec![nested(3)], "not present"),
        (wide, "1000 blocks"),
        (vec![json!({"equation": {"expression": "x".repeat(1001)}})], "≤ `1000`"),
        (
            vec![json!({"type": "child_page", "child_page": {"title": "x"}})],
            "can be made",
        ),
        (
            vec![json!({"code": {"rich_text": [], "language": "klingon"}})],
            "languages",
        ),
        (vec![json!({"table": {"table_width": 2, "children": []}})], "rows"),
    ] {
        let body = json!({ "children": children });
        let (code, message) = refused(&rig, OLD, Method::PATCH, &path, Some(&body)).await;
        assert_eq!(code, "validation_error", "{message}");
        assert!(message.contains(word), "{word}: {message}");
    }
    assert_eq!(get(&rig, &path).await["results"].as_array().unwrap().len(), before);
    assert_eq!(rig.server("notion-a").created(), 0);
    let two = json!({"children": [nested(2)]});
    assert_eq!(send(&rig, OLD, Method::PATCH, &path, Some(&two)).await.status(), 200);
}

/// N6, N19, N25: each version has its words, and a request names one.
#[tokio::test]
async fn each_version_has_its_words() {
    let rig = Rig::start().await;
    let page = titled(&rig, "Long").await;
    let first = get(&rig, &format!("/blocks/{page}/children?page_size=1")).await;
    let first = first["results"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/blocks/{page}/children");
    let after = json!({"children": [paragraph("x")], "after": first});
    let position = json!({"type": "after_block", "after_block": {"id": first}});
    let position = json!({"children": [paragraph("x")], "position": position});
    for (version, right, wrong) in [(OLD, &after, &position), (NEW, &position, &after)] {
        assert_eq!(
            send(&rig, version, Method::PATCH, &path, Some(right)).await.status(),
            200,
            "{version}"
        );
        let (code, _) = refused(&rig, version, Method::PATCH, &path, Some(wrong)).await;
        assert_eq!(code, "validation_error", "{version}");
    }
    let path = format!("/pages/{page}");
    let archived = json!({"archived": true});
    assert_eq!(
        refused(&rig, NEW, Method::PATCH, &path, Some(&archived)).await.0,
        "validation_error"
    );
    assert_eq!(
        send(&rig, OLD, Method::PATCH, &path, Some(&archived)).await.status(),
        200
    );
    // What is in the trash can be read, and is not changed.
    let read = get(&rig, &path).await;
    assert_eq!((&read["in_trash"], &read["archived"]), (&json!(true), &json!(true)));
    let text = json!({"properties": {"title": {"title": []}}});
    assert!(
        refused(&rig, OLD, Method::PATCH, &path, Some(&text))
            .await
            .1
            .contains("archived")
    );
    let back = json!({"in_trash": false});
    assert_eq!(send(&rig, NEW, Method::PATCH, &path, Some(&back)).await.status(), 200);
    let path = format!("/pages/{page}/markdown");
    assert_eq!(refused(&rig, OLD, Method::GET, &path, None).await.0, "validation_error");
    assert_eq!(send(&rig, NEW, Method::GET, &path, None).await.status(), 200);
    let nothing = rig.request("notion-a", Method::GET, "/users/me").send().await.unwrap();
    assert_eq!(nothing.json::<Value>().await.unwrap()["code"], "missing_version");
}

/// N20: a block goes into the trash by its route and comes out of it where it stood.
#[tokio::test]
async fn a_block_comes_out_of_the_trash_where_it_stood() {
    let rig = Rig::start().await;
    let page = titled(&rig, "Long").await;
    let children = format!("/blocks/{page}/children?page_size=3");
    let before = get(&rig, &children).await["results"].clone();
    let second = before[1]["id"].as_str().unwrap().to_owned();
    let path = format!("/blocks/{second}");
    let ids = |rows: &Value| {
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].clone())
            .collect::<Vec<_>>()
    };
    for (version, back) in [(OLD, json!({"archived": false})), (NEW, json!({"in_trash": false}))] {
        assert_eq!(send(&rig, version, Method::DELETE, &path, None).await.status(), 200);
        assert_eq!(
            get(&rig, &children).await["results"][1]["id"],
            before[2]["id"],
            "{version}"
        );
        // What stands there already may be put back, too.
        for _ in 0..2 {
            let answer = send(&rig, version, Method::PATCH, &path, Some(&back)).await;
            assert_eq!(answer.status(), 200, "{version}");
        }
        let now = get(&rig, &children).await["results"].clone();
        assert_eq!(ids(&now), ids(&before), "{version}");
    }
    let archived = json!({"archived": false});
    let (code, _) = refused(&rig, NEW, Method::PATCH, &path, Some(&archived)).await;
    assert_eq!(code, "validation_error");
}

/// N33: what is not shared is as if it were not there.
#[tokio::test]
async fn what_is_not_shared_is_not_there() {
    let rig = Rig::start().await;
    let found = send(&rig, OLD, Method::POST, "/search", Some(&json!({"query": "Secret"}))).await;
    assert_eq!(found.json::<Value>().await.unwrap()["results"], json!([]));
    let nobody = "/pages/00000000-0000-4000-8000-0000000fffff";
    assert_eq!(
        refused(&rig, OLD, Method::GET, nobody, None).await.0,
        "object_not_found"
    );
    assert_eq!(
        refused(&rig, OLD, Method::GET, "/pages/42", None).await.0,
        "validation_error"
    );
    let bare = rig
        .bare("notion-a", Method::GET, "/users/me")
        .header("notion-version", OLD);
    assert_eq!(bare.send().await.unwrap().status(), 401);
}

/// N11: the search looks at titles alone. N13: filters stand in one another two levels deep.
#[tokio::test]
async fn what_is_asked_is_bounded() {
    let rig = Rig::start().await;
    let body = json!({"query": "welcome"});
    let found: Value = send(&rig, OLD, Method::POST, "/search", Some(&body))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(found["results"], json!([]));
    let sources = json!({"query": "Tasks", "filter": {"property": "object", "value": "data_source"}});
    let found: Value = send(&rig, OLD, Method::POST, "/search", Some(&sources))
        .await
        .json()
        .await
        .unwrap();
    let path = format!("/data_sources/{}/query", found["results"][0]["id"].as_str().unwrap());
    let of = |filter: Value| json!({ "filter": filter });
    let leaf = json!({"property": "Tags", "multi_select": {"contains": "bug"}});
    let two = of(json!({"and": [{"or": [leaf]}]}));
    let found: Value = send(&rig, OLD, Method::POST, &path, Some(&two))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(found["results"].as_array().unwrap().len(), 7);
    let three = of(json!({"and": [{"or": [{"and": [leaf]}]}]}));
    assert_eq!(
        refused(&rig, OLD, Method::POST, &path, Some(&three)).await.0,
        "validation_error"
    );
    let unknown = of(json!({"property": "None", "multi_select": {"contains": "bug"}}));
    assert!(
        refused(&rig, OLD, Method::POST, &path, Some(&unknown))
            .await
            .1
            .contains("None")
    );
}

#[tokio::test]
async fn the_limit_is_told_with_the_wait() {
    let rig = Rig::one("notion", |server| server.requests_per_window = Some(1)).await;
    let ask = || {
        rig.request("one", Method::GET, "/users/me")
            .header("notion-version", OLD)
            .send()
    };
    assert_eq!(ask().await.unwrap().status(), 200);
    let limited = ask().await.unwrap();
    assert_eq!(limited.status(), 429);
    assert!(header(&limited, "retry-after").unwrap().parse::<u64>().unwrap() <= 60);
    assert_eq!(limited.json::<Value>().await.unwrap()["code"], "rate_limited");
}

/// The names of the fields of an object, and of the objects in it.
fn shape(value: &Value, at: &str, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let at = format!("{at}.{name}");
                shape(value, &at, names);
                names.insert(at);
            }
        }
        Value::Array(rows) => rows.iter().for_each(|row| shape(row, &format!("{at}[]"), names)),
        _ => {}
    }
}

/// The description says of most answers that they are objects; of comments it has examples.
#[tokio::test]
async fn answers_have_what_the_published_ones_have() {
    let Some(folder) = specs::folder() else { return };
    let spec = specs::read(&folder, "notion.openapi.json");
    let rig = Rig::start().await;
    let page = titled(&rig, "Handbook").await;
    let body = json!({"parent": {"page_id": page}, "rich_text": [{"text": {"content": "Hello world"}}]});
    let made: Value = send(&rig, OLD, Method::POST, "/comments", Some(&body))
        .await
        .json()
        .await
        .unwrap();
    let all = get(&rig, &format!("/comments?block_id={page}")).await;
    for (answer, pointer) in [
        (
            made,
            "/paths/~1v1~1comments/post/responses/200/content/application~1json/examples/Result/value",
        ),
        (
            all,
            "/paths/~1v1~1comments/get/responses/200/content/application~1json/examples/OK/value",
        ),
    ] {
        let (mut published, mut ours) = (BTreeSet::new(), BTreeSet::new());
        shape(spec.pointer(pointer).unwrap(), "", &mut published);
        shape(&answer, "", &mut ours);
        let missing: Vec<_> = published.difference(&ours).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
