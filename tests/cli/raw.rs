//! The raw API, and GraphQL.

use http::StatusCode;
use serde_json::{Value, json};

use crate::recorder::{self, Recorder, events, mosaic, ran};

#[test]
fn a_request_is_sent_as_it_is_said_with_the_key() {
    let server = Recorder::json(json!({"items": [{"name": "api"}]}));
    let mut command = server.mosaic(&[
        "api",
        "get",
        "/v1/git/repos?limit=5&q=a%20b",
        "-H",
        "X-Mosaic-Labels: team=web",
    ]);
    let told = ran(command.env("MOSAIC_API_KEY", "k"));
    assert_eq!(
        (told.code, &*told.out),
        (Some(0), "{\"items\":[{\"name\":\"api\"}]}\n"),
        "{told:?}"
    );
    let seen = server.only();
    assert_eq!((&*seen.method, &*seen.path), ("GET", "/v1/git/repos"));
    let query = [("limit", "5"), ("q", "a b")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(seen.query, query);
    assert_eq!(seen.authorization.as_deref(), Some("Bearer k"));
    assert!(
        seen.said
            .contains(&("x-mosaic-labels".to_owned(), "team=web".to_owned())),
        "{seen:?}"
    );

    let body = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(body.path(), "{\"title\":\"T\"}").unwrap();
    let input = body.path().to_str().unwrap();
    let told = server.run(&[
        "api",
        "POST",
        "/v1/projects/issues",
        "--input",
        input,
        "--jq",
        ".items[0].name",
    ]);
    assert_eq!(told.out, "api\n", "{told:?}");
    assert_eq!(server.seen().pop().unwrap().body["title"], "T");
    // The other listener, by its path.
    let mut command = mosaic(&["api", "GET", "/admin/v1/status"]);
    assert_eq!(ran(command.env("MOSAIC_ADMIN_URL", server.url())).code, Some(0));
}

#[test]
fn a_refusal_is_a_problem_and_no_key_stands_on_the_line() {
    let server = Recorder::start(|seen| match &*seen.path {
        "/none" => recorder::json(
            StatusCode::NOT_FOUND,
            &json!({"code": "not_found", "detail": "nothing there"}),
        ),
        "/same" => axum::response::IntoResponse::into_response(StatusCode::NOT_MODIFIED),
        _ => axum::response::IntoResponse::into_response("plain"),
    });
    let none = server.run(&["api", "GET", "/none"]);
    assert!(none.code == Some(3) && none.err.contains("nothing there"), "{none:?}");
    let same = server.run(&["api", "GET", "/same", "--include"]);
    assert!(same.code == Some(0) && same.err.contains("304"), "{same:?}");
    assert_eq!(server.run(&["api", "GET", "/text"]).out, "plain");
    let begun = server.seen().len();
    for (line, field) in [
        (&["api", "GET", "http://evil.example/"][..], "path"),
        (&["api", "GET", "//evil.example/"], "path"),
        (
            &["api", "GET", "/x", "--header", "Authorization: Bearer hunter2"],
            "header",
        ),
    ] {
        let refused = server.run(&[line, &["--json"]].concat());
        let problem: Value = serde_json::from_str(&refused.err).unwrap();
        assert_eq!((refused.code, &problem["field"]), (Some(2), &json!(field)));
        assert!(!refused.err.contains("hunter2"));
    }
    assert_eq!(server.seen().len(), begun);
}

#[test]
fn graphql_prints_the_data_and_its_exit_code_tells_of_what_is_missing() {
    let server = Recorder::start(|seen| {
        assert_eq!((&*seen.method, &*seen.path), ("POST", "/graphql"));
        let query = seen.body["query"].as_str().unwrap();
        let missing =
            json!([{"message": "no such run", "path": ["run"], "extensions": {"code": "not_found", "status": 404}}]);
        match query {
            "part" => recorder::json(
                StatusCode::OK,
                &json!({"data": {"repo": {"name": "api"}, "run": null}, "errors": missing}),
            ),
            "none" => recorder::json(StatusCode::OK, &json!({"data": null, "errors": missing})),
            "subscription" => events(
                "event: next\ndata: {\"data\":{\"line\":\"a\"}}\n\nevent: next\ndata: {\"data\":{\"line\":\"b\"}}\n\nevent: complete\ndata:\n\n",
            ),
            _ => recorder::json(StatusCode::OK, &json!({"data": {"asked": seen.body}})),
        }
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "query Q($a: Int) { asked }").unwrap();
    let named = format!("@{}", file.path().display());
    let whole = server.run(&[
        "graphql",
        &named,
        "--variables",
        "{\"a\": 1}",
        "--operation",
        "Q",
        "--jq",
        ".asked",
    ]);
    let asked: Value = serde_json::from_str(&whole.out).unwrap();
    let wanted = json!({"query": "query Q($a: Int) { asked }", "variables": {"a": 1}, "operationName": "Q"});
    assert_eq!((whole.code, asked), (Some(0), wanted));
    let part = server.run(&["graphql", "part"]);
    assert!(
        part.code == Some(8) && part.out.contains("\"name\": \"api\""),
        "{part:?}"
    );
    assert!(part.err.contains("missing: run [not_found]: no such run"), "{part:?}");
    let none = server.run(&["graphql", "none"]);
    assert!(
        none.code == Some(3) && none.err.contains("error[not_found]: no such run"),
        "{none:?}"
    );
    let followed = server.run(&["graphql", "subscription", "--jq", ".line"]);
    assert_eq!((followed.code, &*followed.out), (Some(0), "a\nb\n"), "{followed:?}");
    let begun = server.seen().len();
    assert_eq!(server.run(&["graphql", "{a}", "--variables", "[1]"]).code, Some(2));
    assert_eq!(server.seen().len(), begun);
}

#[test]
fn there_is_a_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("man1");
    let told = ran(&mut mosaic(&["man", path.to_str().unwrap(), "--json"]));
    let told: Value = serde_json::from_str(&told.out).unwrap();
    let pages: Vec<String> = std::fs::read_dir(&path)
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(told["pages"], pages.len());
    for name in [
        "mosaic.1",
        "mosaic-git-repo-get.1",
        "mosaic-top.1",
        "mosaic-plugins-add.1",
    ] {
        assert!(pages.iter().any(|page| page == name), "{name}: {pages:?}");
    }
    let page = std::fs::read_to_string(path.join("mosaic-git-repo-get.1")).unwrap();
    assert!(
        page.contains("git.repo.get") && page.contains(".SH EXAMPLES\n"),
        "{page}"
    );
    for name in pages {
        let page = std::fs::read_to_string(path.join(&name)).unwrap();
        assert!(
            !page.contains(".SH EXTRA") && !page.contains("Examples:"),
            "{name}: {page}"
        );
    }
}
