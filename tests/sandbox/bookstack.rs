//! BookStack: pages and what is around them, the recycle bin, the search, refusals, and every answer against the published
//! examples.

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::{Rig, header, number, specs};

const SERVER: &str = "bookstack-a";

/// A request with BookStack's own scheme of credentials.
fn request(rig: &Rig, server: &str, method: Method, path: &str) -> RequestBuilder {
    let token = format!("Token {}", rig.server(server).token());
    rig.bare(server, method, path).header("authorization", token)
}

async fn get(rig: &Rig, path: &str) -> Response {
    request(rig, SERVER, Method::GET, path).send().await.unwrap()
}

async fn get_json(rig: &Rig, path: &str) -> Value {
    let answer = get(rig, path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

async fn post(rig: &Rig, body: &Value) -> Response {
    let request = request(rig, SERVER, Method::POST, "/pages").json(body);
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_page_is_written_read_listed_exported_and_found() {
    let rig = Rig::start().await;
    let body = json!({ "chapter_id": 1, "name": "Zebra crossing", "html": "<p>Mind the <b>stripes</b>.</p>" });
    let created = post(&rig, &body).await;
    assert_eq!(created.status(), 200);
    let created: Value = created.json().await.unwrap();
    assert_eq!((&created["book_id"], &created["chapter_id"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&created["markdown"], &created["editor"]),
        (&json!(""), &json!("wysiwyg"))
    );
    let id = &created["id"];
    assert_eq!(get_json(&rig, &format!("/pages/{id}")).await, created);
    let export = get(&rig, &format!("/pages/{id}/export/markdown")).await;
    assert_eq!(
        header(&export, "content-disposition"),
        Some("attachment; filename=\"zebra-crossing.md\"")
    );
    assert_eq!(export.text().await.unwrap(), "# Zebra crossing\n\nMind the stripes.");
    let newest = get_json(&rig, "/pages?sort=-id&count=1").await;
    assert_eq!((&newest["data"][0]["id"], &newest["total"]), (id, &json!(135)));
    let found = get_json(&rig, "/search?query=stripes").await;
    assert_eq!((&found["data"][0]["id"], &found["total"]), (id, &json!(1)));
    assert_eq!(
        found["data"][0]["preview_html"]["content"],
        "Mind the <strong>stripes.</strong>"
    );
    assert_eq!(rig.server(SERVER).created(), 1);
}

/// A form of these fields, and of a file.
fn form(fields: &[(&'static str, &'static str)], file: Option<&'static str>) -> Form {
    let form = fields
        .iter()
        .fold(Form::new(), |form, (name, value)| form.text(*name, *value));
    match file {
        Some(name) => form.part("file", Part::bytes(&b"a,b\n\0\xff"[..]).file_name(name)),
        None => form,
    }
}

async fn attach(rig: &Rig, form: Form) -> Response {
    let request = request(rig, SERVER, Method::POST, "/attachments").multipart(form);
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_file_is_attached_listed_and_given_back() {
    let rig = Rig::start().await;
    let created = attach(&rig, form(&[("name", "Numbers"), ("uploaded_to", "2")], Some("n.CSV"))).await;
    assert_eq!(created.status(), 200);
    let created: Value = created.json().await.unwrap();
    assert_eq!(
        (&created["extension"], &created["external"]),
        (&json!("CSV"), &json!(false))
    );
    let link = json!({ "name": "Far", "uploaded_to": 1, "link": "https://example.com" });
    let link = request(&rig, SERVER, Method::POST, "/attachments").json(&link);
    assert_eq!(
        link.send().await.unwrap().json::<Value>().await.unwrap()["external"],
        true
    );
    for (query, rows, total) in [("", 2, 2), ("filter[uploaded_to]=2", 1, 1), ("count=1&offset=1", 1, 2)] {
        let list = get_json(&rig, &format!("/attachments?{query}")).await;
        assert_eq!(list["data"].as_array().expect("rows").len(), rows, "{query}");
        assert_eq!(list["total"], total, "{query}");
    }
    let read = get_json(&rig, &format!("/attachments/{}", created["id"])).await;
    assert_eq!(read["content"], "YSxiCgD/");
    for (fields, file, fault) in [
        (vec![("uploaded_to", "2")], Some("a"), "name"),
        (vec![("name", "a"), ("uploaded_to", "999")], Some("a"), "uploaded_to"),
        (vec![("name", "a"), ("uploaded_to", "2")], None, "file"),
    ] {
        let refused = attach(&rig, form(&fields, file)).await;
        assert_eq!(refused.status(), 422, "{fault}");
        let error = refused.json::<Value>().await.unwrap()["error"].take();
        assert!(error["validation"][fault].is_array(), "{error}");
    }
    assert_eq!(rig.server(SERVER).created(), 2);
}

#[tokio::test]
async fn lists_count_from_an_offset() {
    let rig = Rig::start().await;
    for (query, rows, total) in [
        ("", 100, 134),
        ("count=500", 134, 134),
        ("count=2&offset=133", 1, 134),
        ("count=2&offset=999", 0, 134),
        // The draft is the asker's own.
        ("filter[book_id]=1", 4, 4),
        ("filter[book_id]=1&filter[draft]=0", 3, 3),
        ("filter[id:gte]=130&count=2", 2, 5),
        ("filter[unheard_of]=1", 100, 134),
        ("filter[book_id:eq]=9", 0, 0),
    ] {
        let list = get_json(&rig, &format!("/pages?{query}")).await;
        assert_eq!(list["data"].as_array().expect("rows").len(), rows, "{query}");
        assert_eq!(list["total"], total, "{query}");
    }
    let first = &get_json(&rig, "/pages?sort=name&count=1").await["data"][0];
    assert_eq!(
        (&first["name"], &first["book_slug"]),
        (&json!("Empty"), &json!("handbook"))
    );
}

#[tokio::test]
async fn a_search_pages_each_type_anew() {
    let rig = Rig::start().await;
    for (query, rows, total) in [
        ("query=bookstack", 23, 135),
        ("query=bookstack&page=2", 20, 135),
        ("query=bookstack+{type:page}&count=100&page=2", 32, 132),
        ("query=bookstack+{type:book|chapter}", 3, 3),
        ("query={type:book}", 2, 2),
        ("query=nowhere", 0, 0),
    ] {
        let found = get_json(&rig, &format!("/search?{query}")).await;
        assert_eq!(found["data"].as_array().expect("rows").len(), rows, "{query}");
        assert_eq!(found["total"], total, "{query}");
    }
    for query in ["", "query=", "query=x&page=0", "query=x&count=101"] {
        assert_eq!(get(&rig, &format!("/search?{query}")).await.status(), 422, "{query}");
    }
}

#[tokio::test]
async fn every_field_at_fault_is_named() {
    let rig = Rig::start().await;
    for (body, status, fields) in [
        (
            json!({}),
            422,
            vec!["book_id", "chapter_id", "html", "markdown", "name"],
        ),
        (json!({ "book_id": 1, "name": "x" }), 422, vec!["html", "markdown"]),
        (
            json!({ "book_id": 1, "name": "x".repeat(256), "html": "y" }),
            422,
            vec!["name"],
        ),
        (json!({ "book_id": 9, "name": "x", "html": "y" }), 404, vec![]),
        (json!({ "chapter_id": 9, "name": "x", "html": "y" }), 404, vec![]),
    ] {
        let refused = post(&rig, &body).await;
        assert_eq!(refused.status(), status, "{body}");
        let error = refused.json::<Value>().await.unwrap()["error"].take();
        assert_eq!(error["code"], status, "{body}");
        let named = error["validation"].as_object().into_iter().flatten();
        let mut named: Vec<_> = named.map(|(field, _)| field.as_str()).collect();
        named.sort_unstable();
        assert_eq!(named, fields, "{body}");
    }
    assert_eq!(rig.server(SERVER).created(), 0);
}

#[tokio::test]
async fn only_the_right_token_is_let_in_and_the_others_cost_nothing() {
    let rig = Rig::start().await;
    let bare = || rig.bare(SERVER, Method::GET, "/pages");
    let token = rig.server(SERVER).token();
    for request in [
        bare(),
        bare().bearer_auth(token),
        bare().header("authorization", "Token x:y"),
        bare().header("authorization", token),
    ] {
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), 401);
        assert_eq!(number(&refused, "x-ratelimit-remaining"), 180);
        assert_eq!(refused.json::<Value>().await.unwrap()["error"]["code"], 401);
    }
}

#[tokio::test]
async fn the_limit_per_minute_is_real() {
    let rig = Rig::one("bookstack", |server| server.requests_per_window = Some(1)).await;
    let ask = || request(&rig, "one", Method::GET, "/pages?count=1").send();
    assert_eq!(number(&ask().await.unwrap(), "x-ratelimit-remaining"), 0);
    let refused = ask().await.unwrap();
    assert_eq!(refused.status(), 429);
    let wait = number(&refused, "retry-after");
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(number(&refused, "x-ratelimit-reset") > 1_700_000_000);
}

/// The names of an object's fields and the types of their values; of a list, those of its first row.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (name.clone(), shape(field)))
            .collect(),
        Value::Array(rows) => rows.iter().take(1).map(shape).collect(),
        Value::String(_) => "text".into(),
        Value::Number(_) => "number".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Null => "null".into(),
    }
}

#[tokio::test]
async fn a_page_is_changed_moved_deleted_and_restored() {
    let rig = Rig::start().await;
    let put = |body: Value| request(&rig, SERVER, Method::PUT, "/pages/1").json(&body).send();
    let changed: Value = put(json!({ "html": "<p>{{@2}}<script>x</script></p>" }))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    // HTML takes the place of the Markdown, and what is shown is not what is stored.
    assert_eq!(
        (&changed["markdown"], &changed["revision_count"]),
        (&json!(""), &json!(2))
    );
    assert_eq!(
        changed["raw_html"],
        "<p id=\"bkmrk-{{@2}}x\">{{@2}}<script>x</script></p>".replace("{{@2}}x", "2x")
    );
    let shown = changed["html"].as_str().expect("a text");
    assert!(shown.contains("wait.") && !shown.contains("script"), "{shown}");
    // Even the book of its chapter is a move.
    let moved: Value = put(json!({ "chapter_id": 1 })).await.unwrap().json().await.unwrap();
    assert_eq!((&moved["chapter_id"], &moved["revision_count"]), (&json!(1), &json!(2)));
    let moved: Value = put(json!({ "book_id": 1 })).await.unwrap().json().await.unwrap();
    assert_eq!(moved["chapter_id"], 0);
    let deleted = request(&rig, SERVER, Method::DELETE, "/pages/1").send().await.unwrap();
    assert_eq!(
        (deleted.status().as_u16(), deleted.text().await.unwrap().as_str()),
        (204, "")
    );
    assert_eq!(get(&rig, "/pages/1").await.status(), 404);
    let bin = get_json(&rig, "/recycle-bin?filter[deletable_type]=page").await;
    assert_eq!((&bin["total"], &bin["data"][0]["deletable_id"]), (&json!(1), &json!(1)));
    let restored = request(&rig, SERVER, Method::PUT, "/recycle-bin/1")
        .send()
        .await
        .unwrap();
    assert_eq!(restored.json::<Value>().await.unwrap(), json!({ "restore_count": 1 }));
    assert_eq!(get(&rig, "/pages/1").await.status(), 200);
    // A page whose book is in the bin is not put back, and its deletion is forgotten.
    for path in ["/pages/1", "/books/1"] {
        request(&rig, SERVER, Method::DELETE, path).send().await.unwrap();
    }
    let nothing = request(&rig, SERVER, Method::PUT, "/recycle-bin/2")
        .send()
        .await
        .unwrap();
    assert_eq!(nothing.json::<Value>().await.unwrap(), json!({ "restore_count": 0 }));
    assert_eq!(get_json(&rig, "/recycle-bin").await["total"], 1);
}

#[tokio::test]
async fn what_is_beside_pages_has_the_shape_of_its_example() {
    let Some(folder) = specs::folder() else { return };
    let example = |file: &str| specs::read(&folder, &format!("bookstack-examples/responses/{file}.json"));
    let rig = Rig::start().await;
    let send = |method: Method, path: &'static str, body: Value| request(&rig, SERVER, method, path).json(&body).send();
    let body = specs::read(&folder, "bookstack-examples/requests/books-create.json");
    let made = send(Method::POST, "/books", body).await.unwrap().json().await.unwrap();
    let body = json!({ "chapter_id": 1, "html": "<p>x</p>", "name": "y" });
    let changed = send(Method::PUT, "/pages/1", body).await.unwrap().json().await.unwrap();
    let mut answers: Vec<(Value, &str)> = vec![(made, "books-create"), (changed, "pages-update")];
    for (path, file) in [
        ("/books", "books-list"),
        ("/books/1", "books-read"),
        ("/chapters/1", "chapters-read"),
        ("/shelves", "shelves-list"),
        ("/users", "users-list"),
    ] {
        answers.push((get_json(&rig, path).await, file));
    }
    send(Method::DELETE, "/pages/1", json!({})).await.unwrap();
    answers.push((get_json(&rig, "/recycle-bin").await, "recycle-bin-list"));
    let restored = send(Method::PUT, "/recycle-bin/1", json!({})).await.unwrap();
    answers.push((restored.json().await.unwrap(), "recycle-bin-restore"));
    for (mut answer, file) in answers {
        let mut example = example(file);
        // What may be none; the rest says nothing of the thing itself.
        for object in [&mut answer, &mut example] {
            for field in ["tags", "cover", "default_template_id"] {
                object.as_object_mut().expect("an object").remove(field);
            }
        }
        assert_eq!(shape(&answer), shape(&example), "{file}");
    }
}

#[tokio::test]
async fn comments_are_numbered_on_each_page() {
    let rig = Rig::start().await;
    let send = |body: Value| request(&rig, SERVER, Method::POST, "/comments").json(&body).send();
    for page in [1, 2, 1] {
        let made = send(json!({ "page_id": page, "html": "<p>x</p>" })).await.unwrap();
        assert!(made.json::<Value>().await.unwrap().get("html").is_none());
    }
    let reply = send(json!({ "page_id": 1, "html": "<p>y</p>", "reply_to": 2 }))
        .await
        .unwrap();
    assert_eq!(reply.json::<Value>().await.unwrap()["local_id"], 3);
    let listed = get_json(&rig, "/comments?filter[commentable_id]=1").await;
    assert_eq!(
        (&listed["total"], &listed["data"][2]["parent_id"]),
        (&json!(3), &json!(2))
    );
    assert!(listed["data"][0].get("html").is_none());
    let read = get_json(&rig, "/comments/3").await;
    assert_eq!(
        (&read["html"], &read["replies"][0]["html"]),
        (&json!("<p>x</p>"), &json!("<p>y</p>"))
    );
    assert!(get_json(&rig, "/system").await["version"].as_str().expect("a text") >= "v25.11");
}

#[tokio::test]
async fn who_may_not_is_refused_and_led_away_where_no_json_is_asked_for() {
    let rig = Rig::start().await;
    let token = format!("Token {}-reader", rig.server(SERVER).token());
    let ask = |method: Method, path: &str| rig.bare(SERVER, method, path).header("authorization", &token);
    for (method, path) in [
        (Method::GET, "/users"),
        (Method::GET, "/recycle-bin"),
        (Method::PUT, "/recycle-bin/1"),
        (Method::DELETE, "/pages/1"),
    ] {
        let refused = ask(method, path).send().await.unwrap();
        assert_eq!(refused.status(), 403, "{path}");
        assert_eq!(refused.json::<Value>().await.unwrap()["error"]["code"], 403, "{path}");
    }
    let export = || ask(Method::GET, "/pages/1/export/html");
    assert_eq!(export().send().await.unwrap().status(), 302);
    let refused = export().header("accept", "application/json").send().await.unwrap();
    assert_eq!(refused.status(), 403);
    assert!(refused.json::<Value>().await.unwrap()["error"].is_string());
}

#[tokio::test]
async fn every_answer_has_the_shape_of_its_example() {
    let Some(folder) = specs::folder() else { return };
    let example = |file: &str| specs::read(&folder, &format!("bookstack-examples/responses/{file}.json"));
    let body = specs::read(&folder, "bookstack-examples/requests/pages-create.json");
    let rig = Rig::start().await;
    let created: Value = post(&rig, &body).await.json().await.unwrap();
    let attached = attach(&rig, form(&[("name", "n"), ("uploaded_to", "1")], Some("n.csv"))).await;
    let mut answers = vec![
        (attached.json().await.unwrap(), example("attachments-create")),
        (get_json(&rig, "/attachments/1").await, example("attachments-read")),
        (get_json(&rig, "/attachments").await, example("attachments-list")),
        (created, example("pages-create")),
        (get_json(&rig, "/pages/1").await, example("pages-read")),
        (get_json(&rig, "/pages?count=2").await, example("pages-list")),
    ];
    // One row of each type that the example has; what BookStack writes only here and there is left out.
    let mut examples = example("search-all");
    for (query, at) in [("{type:chapter}", 0), ("{type:page}", 2)] {
        let found = get_json(&rig, &format!("/search?query={query}&count=1")).await;
        let row = examples["data"][at].take();
        answers.push((found, json!({ "data": [row], "total": 1 })));
    }
    let checked = answers.len();
    for (mut answer, mut example) in answers {
        // Tags may be none, and the example's say nothing more of the page.
        for object in [&mut answer, &mut example] {
            object.as_object_mut().expect("an object").remove("tags");
            if let Some(row) = object.pointer_mut("/data/0").and_then(Value::as_object_mut) {
                row.remove("tags");
            }
        }
        assert_eq!(shape(&answer), shape(&example));
    }
    assert_eq!((checked, rig.server(SERVER).requests().served.len()), (8, 7));
}
