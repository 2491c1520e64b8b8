//! What changes nothing.

use std::sync::Arc;

use mosaic::sandbox::Effect;
use serde_json::{Value, json};

use crate::row::Instead::WithoutOfRows;
use crate::row::{Row, ask, row};

pub fn one_thing() -> Row {
    row(&["github"])
        .step(
            ask("git.repo.get", json!({ "repo": "acme/api" }))
                .answers(&[("/path", json!("acme/api")), ("/id", json!("github-a~acme/api"))])
                .decided(&[
                    ("/call/operation", json!("git.repo.get")),
                    ("/call/tenant", json!("acme")),
                    ("/call/resource", json!("acme/api")),
                    ("/route/by", json!("rule")),
                    ("/route/rule", json!(0)),
                    ("/first_choice", json!("github-a")),
                    ("/attempts/0/instance", json!("github-a")),
                    ("/attempts/0/why", json!("first")),
                    ("/attempts/0/result", json!("answered")),
                    ("/cache/status", json!("miss")),
                ]),
        )
        .charged(1, 0, &[("github-a", 1)])
}

pub fn a_list_page_by_page() -> Row {
    row(&["github"])
        .step(
            ask("git.repo.list", json!({ "owner": "many", "limit": 50 }))
                .answers(&[("/has_more", json!(true)), ("/items/0/path", json!("many/repo-001"))]),
        )
        .step(
            ask(
                "git.repo.list",
                json!({ "owner": "many", "limit": 50, "cursor": "$0/next_cursor" }),
            )
            .answers(&[("/has_more", json!(true)), ("/items/49/path", json!("many/repo-100"))]),
        )
        .step(
            ask(
                "git.repo.list",
                json!({ "owner": "many", "limit": 50, "cursor": "$1/next_cursor" }),
            )
            .answers(&[("/has_more", json!(false)), ("/items/19/path", json!("many/repo-120"))]),
        )
        .charged(3, 0, &[("github-a", 3)])
}

pub fn a_second_read_is_from_memory() -> Row {
    let read = || ask("git.repo.get", json!({ "repo": "acme/api" })).answers(&[("/path", json!("acme/api"))]);
    let miss = ("/cache/status", json!("miss"));
    row(&["github"])
        .tables("[providers.github-a.credits]\nunit = \"calls\"\namount = 40\nperiod = \"8784h\"\nhard = true\n")
        .step(read().decided(&[miss]))
        .step(read().decided(&[
            ("/cache/status", json!("hit")),
            ("/cache/tier", json!("l1")),
            ("/attempts", json!([])),
        ]))
        .step(read().no_cache().decided(&[("/attempts/0/result", json!("answered"))]))
        .charged(3, 0, &[("github-a", 2)])
        .credits("github-a", 2)
}

pub fn at_the_provider_that_is_named() -> Row {
    row(&["github"])
        .step(
            ask("git.repo.get", json!({ "repo": "acme/api" }))
                .at("github-b")
                .answers(&[("/id", json!("github-b~acme/api"))])
                .decided(&[
                    ("/route/by", json!("provider")),
                    ("/attempts/0/instance", json!("github-b")),
                ]),
        )
        .charged(1, 0, &[("github-b", 1)])
}

pub fn every_instance_is_asked() -> Row {
    let list = |more: Value| {
        let mut input = json!({ "owner": "many", "limit": 2 });
        input
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        ask("git.repo.list", input)
            .at("all")
            .but("Rust", WithoutOfRows("provider"))
    };
    row(&["github"])
        .step(list(json!({})).answers(&[
            ("/items/0/provider", json!("github-a")),
            ("/items/2/provider", json!("github-b")),
            ("/errors", json!(null)),
        ]))
        .step(list(json!({ "cursor": "$0/next_cursor" })).answers(&[
            ("/items/0/path", json!("many/repo-003")),
            ("/items/3/provider", json!("github-b")),
        ]))
        .charged(4, 0, &[("github-a", 2), ("github-b", 2)])
}

pub fn every_instance_is_asked_and_one_is_broken() -> Row {
    row(&["github"])
        .fault("github-b", Effect::Malformed, None)
        .step(
            ask("git.repo.list", json!({ "owner": "acme", "limit": 2 }))
                .at("all")
                .but("Rust", WithoutOfRows("provider"))
                .answers(&[
                    ("/items/0/provider", json!("github-a")),
                    ("/errors/0/provider", json!("github-b")),
                    ("/errors/0/code", json!("upstream_failed")),
                ]),
        )
        .charged(2, 0, &[("github-a", 1), ("github-b", 1)])
}

pub fn a_file() -> Row {
    row(&["github"])
        .step(
            ask(
                "git.file.download",
                json!({ "repo": "acme/api", "path": "src/main.rs" }),
            )
            .brings("text/x-rust", "println!(\"acme api\");"),
        )
        .charged(1, 0, &[("github-a", 1)])
}

pub fn what_providers_say_themselves() -> Row {
    row(&["github"])
        .step(
            ask("git.repo.get", json!({ "repo": "acme/api" }))
                .saying(|options| options.include_raw = true)
                .answers(&[("/raw/full_name", json!("acme/api"))]),
        )
        .charged(1, 0, &[("github-a", 1)])
}

pub fn labels_choose_the_rule() -> Row {
    row(&["github"])
        .tables("[[routes]]\nname = \"nightly\"\nlabels = { run = \"night*\" }\nservice = \"git\"\nproviders = [\"github-b\"]\n")
        .step(
            ask("git.repo.get", json!({ "repo": "acme/api" }))
                .saying(|options| {
                    options.labels = vec![(Arc::from("run"), Arc::from("nightly")), (Arc::from("team"), Arc::from("web"))];
                    options.priority = Some(mosaic_actors::call::Priority::Low);
                    options.performance = Some(mosaic_actors::call::Performance::HighThroughput);
                    options.affinity = Some("build-7".to_owned());
                })
                .answers(&[("/id", json!("github-b~acme/api"))])
                .decided(&[
                    ("/route/rule", json!(0)),
                    ("/call/priority", json!("low")),
                    ("/call/performance", json!("high_throughput")),
                    ("/call/labels/0/1", json!("nightly")),
                ]),
        )
        .charged(1, 0, &[("github-b", 1)])
}
