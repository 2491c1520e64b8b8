//! Every answer of Jenkins against its description.
//!
//! Invariant: no operation of CI that Jenkins has in the catalogue is left out.

use std::collections::BTreeSet;

use jsonschema::Validator;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::contract_ci::assert_all_asked;
use crate::jenkins::queue_id;
use crate::{Rig, header, specs};

/// Jenkins, and what it was asked.
struct Jenkins {
    rig: Rig,
    spec: Value,
    asked: BTreeSet<String>,
}

impl Jenkins {
    /// Sends a row of the table: `row` has placeholders where `path` has names.
    async fn send(&mut self, row: &str, path: &str, status: u16) -> Response {
        let method: Method = row.split(' ').next().unwrap().parse().unwrap();
        let request = self.rig.jenkins("jenkins-a", method, path);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        self.asked.insert(row.to_owned());
        response
    }

    /// The same, and holds the answer to a schema. The description is old and of a third party: it does not know every
    /// field, and takes some that may be absent for texts.
    async fn held(&mut self, row: &str, path: &str, schema: &str) -> Value {
        let answer: Value = self.send(row, path, 200).await.json().await.unwrap();
        let faults: Vec<String> = self
            .validator(schema)
            .iter_errors(&answer)
            .map(|error| format!("{error} at {}", error.instance_path))
            .collect();
        assert!(faults.is_empty(), "{path}:\n{}\n{answer:#}", faults.join("\n"));
        answer
    }

    fn validator(&self, schema: &str) -> Validator {
        let mut document = json!({ "$ref": format!("#/components/schemas/{schema}") });
        document["components"] = self.spec["components"].clone();
        jsonschema::validator_for(&document).unwrap()
    }
}

/// The description, mended where it took what it happened to see for all there is.
fn jenkins_description() -> Option<Value> {
    let folder = specs::folder()?;
    let mut spec = specs::read(&folder, "jenkins.openapi.yml");
    let schemas = &mut spec["components"]["schemas"];
    let build = json!({ "$ref": "#/components/schemas/FreeStyleBuild" });
    for last in ["lastFailedBuild", "lastUnstableBuild", "lastUnsuccessfulBuild"] {
        schemas["FreeStyleProject"]["properties"][last] = build.clone();
    }
    let item = json!({ "$ref": "#/components/schemas/QueueLeftItem" });
    schemas["FreeStyleProject"]["properties"]["queueItem"] = item;
    schemas["FreeStyleBuild"]["properties"]["executor"] = json!({ "type": "object" });
    for schema in schemas.as_object_mut().unwrap().values_mut() {
        let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
            continue;
        };
        for property in properties.values_mut() {
            *property = json!({ "anyOf": [property.clone(), { "type": "null" }] });
        }
    }
    Some(spec)
}

#[tokio::test]
async fn every_jenkins_answer_meets_its_description() {
    let Some(spec) = jenkins_description() else { return };
    let mut ci = Jenkins {
        rig: Rig::start().await,
        spec,
        asked: BTreeSet::new(),
    };
    for path in ["/api/json", "/api/json?depth=2", "/api/json?tree=jobs[name,url,color]"] {
        ci.held("GET /api/json?tree=jobs[name,url,color]", path, "Hudson").await;
    }
    ci.held(
        "GET /crumbIssuer/api/json",
        "/crumbIssuer/api/json",
        "DefaultCrumbIssuer",
    )
    .await;
    for path in [
        "/job/api/api/json",
        "/job/team/job/service/api/json?depth=1",
        "/job/empty/api/json",
        "/job/api/api/json?tree=builds[number,result]{0,50}",
    ] {
        ci.held(
            "GET /job/{name}/api/json?tree=builds[…]{0,50}",
            path,
            "FreeStyleProject",
        )
        .await;
    }
    let item = queued(&mut ci).await;
    ended(&mut ci, item).await;
    assert_all_asked("JK", &ci.asked);
    let validator = ci.validator("FreeStyleBuild");
    assert!(!validator.is_valid(&json!({ "number": "1" })) && !validator.is_valid(&json!({ "actions": [1] })));
}

/// What a trigger answers, and the path of the build that comes of it.
async fn queued(ci: &mut Jenkins) -> u64 {
    let with = "POST /job/{name}/buildWithParameters";
    let item = ci
        .send(with, "/job/deploy/buildWithParameters?SANDBOX_OUTCOME=success", 201)
        .await;
    let id = queue_id(&item);
    let again = ci
        .send(with, "/job/deploy/buildWithParameters?SANDBOX_OUTCOME=success", 303)
        .await;
    assert_eq!(queue_id(&again), id);
    ci.held("GET /queue/api/json", "/queue/api/json", "Queue").await;
    for _ in 0..2 {
        let path = format!("/queue/item/{id}/api/json");
        ci.held("GET /queue/item/{number}/api/json", &path, "QueueLeftItem")
            .await;
    }
    let other = ci.send("POST /job/{name}/build", "/job/empty/build", 201).await;
    let path = format!("/queue/cancelItem?id={}", queue_id(&other));
    for status in [204, 422] {
        ci.send("POST /queue/cancelItem?id={id}", &path, status).await;
    }
    id
}

async fn ended(ci: &mut Jenkins, item: u64) {
    let get = "GET /job/{name}/{number}/api/json";
    let last = ci.held(get, "/job/deploy/lastBuild/api/json", "FreeStyleBuild").await;
    assert_eq!((&last["queueId"], &last["result"]), (&json!(item), &Value::Null));
    let number = last["number"].as_u64().unwrap();
    let log = ci
        .send(
            "GET /job/{name}/{number}/logText/progressiveText",
            &format!("/job/deploy/{number}/logText/progressiveText?start=0"),
            200,
        )
        .await;
    assert_eq!(header(&log, "x-more-data"), Some("true"));
    ci.send(
        "POST /job/{name}/{number}/stop",
        &format!("/job/deploy/{number}/stop"),
        302,
    )
    .await;
    for result in ["ABORTED", "ABORTED", "ABORTED"] {
        assert_eq!(
            ci.held(get, &format!("/job/deploy/{number}/api/json"), "FreeStyleBuild")
                .await["result"],
            result
        );
    }
    ci.send(
        "GET /job/{name}/{number}/consoleText",
        &format!("/job/deploy/{number}/consoleText"),
        200,
    )
    .await;
    ci.send(
        "POST /job/{name}/{number}/doDelete",
        &format!("/job/deploy/{number}/doDelete"),
        302,
    )
    .await;
    let tree = "GET /job/{name}/{number}/api/json?tree=artifacts[*]";
    let files = ci
        .held(tree, "/job/deploy/1/api/json?tree=artifacts[*]", "FreeStyleBuild")
        .await;
    let artifact = files["artifacts"][0]["relativePath"].as_str().unwrap();
    ci.send(
        "GET /job/{name}/{number}/artifact/{relativePath}",
        &format!("/job/deploy/1/artifact/{artifact}"),
        200,
    )
    .await;
}
