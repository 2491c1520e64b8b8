//! Jenkins: who is let in, crumbs, places, trees, triggers, growing logs, files, and refusals that are pages.

use mosaic::sandbox::{Effect, Fault, ServerConfig};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::{Rig, header, number};

const SERVER: &str = "jenkins-a";
const USER: &str = "sandbox-user";

/// The id of the queue item that a trigger's answer names.
pub(crate) fn queue_id(answer: &Response) -> u64 {
    let location = header(answer, "location").expect("a location");
    let id = location
        .strip_suffix('/')
        .and_then(|location| location.rsplit_once("/queue/item/"));
    id.unwrap_or_else(|| panic!("{location}")).1.parse().unwrap()
}

impl Rig {
    /// A request by the user's API token.
    pub(crate) fn jenkins(&self, server: &str, method: Method, path: &str) -> RequestBuilder {
        let (user, token) = self.server(server).token().split_once(':').expect("user and token");
        self.bare(server, method, path).basic_auth(user, Some(token))
    }

    async fn read(&self, path: &str) -> Response {
        self.jenkins(SERVER, Method::GET, path).send().await.unwrap()
    }

    async fn read_json(&self, path: &str) -> Value {
        let answer = self.read(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    async fn order(&self, path: &str) -> Response {
        self.jenkins(SERVER, Method::POST, path).send().await.unwrap()
    }

    /// A request by the user's password.
    fn by_password(&self, method: Method, path: &str) -> RequestBuilder {
        let (user, token) = self.server(SERVER).token().split_once(':').expect("user and token");
        self.bare(SERVER, method, path)
            .basic_auth(user, Some(format!("{token}-password")))
    }
}

#[tokio::test]
async fn nobody_reads_without_saying_who_they_are() {
    let rig = Rig::start().await;
    let bare = |path: &str| rig.bare(SERVER, Method::GET, path);
    for request in [bare("/api/json"), bare("/"), bare("/job/none/api/json")] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 403);
        assert_eq!(header(&answer, "x-you-are-authenticated-as"), Some("anonymous"));
        assert_eq!(
            header(&answer, "x-required-permission"),
            Some("hudson.model.Hudson.Read")
        );
    }
    for (user, secret) in [(USER, "x"), ("stranger", "sandbox-jenkins-a")] {
        let answer = bare("/api/json").basic_auth(user, Some(secret)).send().await.unwrap();
        assert_eq!(answer.status(), 401);
        assert!(header(&answer, "www-authenticate").is_some_and(|value| value.starts_with("Basic ")));
    }
    let who: Value = bare("/whoAmI/api/json").send().await.unwrap().json().await.unwrap();
    assert_eq!((&who["name"], &who["anonymous"]), (&json!("anonymous"), &json!(true)));
    assert_eq!(bare("/login").send().await.unwrap().status(), 200);
    let known = rig.read("/whoAmI/api/json").await;
    assert_eq!(header(&known, "x-jenkins"), Some("2.528.3"));
    assert_eq!(known.json::<Value>().await.unwrap()["name"], USER);
}

#[tokio::test]
async fn a_crumb_holds_for_its_session_alone() {
    let rig = Rig::start().await;
    let issue = || async {
        let answer = rig
            .by_password(Method::GET, "/crumbIssuer/api/json")
            .send()
            .await
            .unwrap();
        let cookie = header(&answer, "set-cookie")
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        let crumb: Value = answer.json().await.unwrap();
        assert_eq!(crumb["crumbRequestField"], "Jenkins-Crumb");
        (cookie, crumb["crumb"].as_str().unwrap().to_owned())
    };
    let (cookie, crumb) = issue().await;
    let (other, _) = issue().await;
    let write = |cookie: Option<&str>, crumb: Option<&str>| {
        let mut request = rig.by_password(Method::POST, "/job/empty/build");
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        if let Some(crumb) = crumb {
            request = request.header("Jenkins-Crumb", crumb);
        }
        async move { request.send().await.unwrap() }
    };
    for (cookie, crumb) in [
        (None, None),
        (Some(&*cookie), None),
        (None, Some(&*crumb)),
        (Some(&*other), Some(&*crumb)),
        (Some(&*cookie), Some("x")),
    ] {
        let refused = write(cookie, crumb).await;
        assert_eq!(refused.status(), 403);
        let page = refused.text().await.unwrap();
        assert!(page.contains("No valid crumb was included in the request"), "{page}");
    }
    assert_eq!(rig.server(SERVER).created(), 0);
    assert_eq!(write(Some(&cookie), Some(&crumb)).await.status(), 201);
    // The cookie alone is a login too, and it ends with its session.
    let read = || rig.bare(SERVER, Method::GET, "/me/api/json").header("cookie", &cookie);
    assert_eq!(read().send().await.unwrap().json::<Value>().await.unwrap()["id"], USER);
    let out = rig.bare(SERVER, Method::GET, "/logout").header("cookie", &cookie);
    assert_eq!(out.send().await.unwrap().status(), 302);
    assert_eq!(read().send().await.unwrap().status(), 403);
    assert_eq!(write(Some(&cookie), Some(&crumb)).await.status(), 403);
}

#[tokio::test]
async fn who_may_only_read_is_told_which_right_is_missing() {
    let rig = Rig::start().await;
    let by = |method, path: &str| {
        let request = rig.bare(SERVER, method, path);
        request.basic_auth("sandbox-guest", Some("sandbox-jenkins-a-reader"))
    };
    assert_eq!(by(Method::GET, "/job/api/api/json").send().await.unwrap().status(), 200);
    let refused = by(Method::POST, "/job/api/build").send().await.unwrap();
    assert_eq!(refused.status(), 403);
    assert_eq!(
        header(&refused, "x-required-permission"),
        Some("hudson.model.Item.Build")
    );
    assert!(
        refused
            .text()
            .await
            .unwrap()
            .contains("sandbox-guest is missing the Job/Build permission")
    );
}

#[tokio::test]
async fn what_a_tree_does_not_name_is_not_told() {
    let rig = Rig::start().await;
    let jobs = rig
        .read_json("/api/json?tree=jobs[name,jobs[name,jobs[name]]]{4,9}")
        .await;
    let names: Vec<&Value> = jobs["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| &job["name"])
        .collect();
    assert_eq!(names, ["empty", "team", "web"]);
    assert_eq!(jobs["jobs"][1]["jobs"][0]["jobs"][0]["name"], "nightly");
    assert_eq!(jobs["jobs"][2]["jobs"][0]["name"], "feature%2Flogin");
    assert!(jobs.get("mode").is_none() && jobs["jobs"][0].get("url").is_none());
    let path = "/job/api/api/json";
    let all = rig
        .read_json(&format!("{path}?tree=allBuilds[number],builds[number]{{98,200}}"))
        .await;
    assert_eq!(
        (
            all["allBuilds"].as_array().unwrap().len(),
            all["builds"].as_array().unwrap().len()
        ),
        (120, 2)
    );
    let plain = rig.read_json(path).await;
    assert!(plain.get("allBuilds").is_none() && plain["builds"][0].get("result").is_none());
    assert_eq!(
        rig.read_json(&format!("{path}?depth=1")).await["builds"][0]["result"],
        "NOT_BUILT"
    );
    assert_eq!(rig.read(&format!("{path}?tree=builds[number")).await.status(), 500);
}

#[tokio::test]
async fn the_same_jobs_are_at_the_root_and_links_lead_back_to_where_one_was() {
    let rig = Rig::start().await;
    let origin = rig.server(SERVER).origin().to_owned();
    for root in [origin.clone(), format!("{origin}/jenkins")] {
        let path = "/job/web/job/feature%252Flogin/";
        let request = rig.client.get(format!("{root}{path}api/json"));
        let job = request
            .basic_auth(USER, Some("sandbox-jenkins-a"))
            .send()
            .await
            .unwrap();
        assert_eq!(job.json::<Value>().await.unwrap()["url"], format!("{root}{path}"));
    }
    // A trigger's answer has the host that was asked for, which behind a proxy is another.
    let request = rig
        .jenkins(SERVER, Method::POST, "/job/empty/build")
        .header("host", "inner:8080");
    let answer = request.send().await.unwrap();
    assert!(
        header(&answer, "location")
            .unwrap()
            .starts_with("http://inner:8080/jenkins/queue/item/")
    );
}

#[tokio::test]
async fn a_trigger_is_answered_as_the_job_wants_it() {
    let rig = Rig::start().await;
    for (path, status) in [
        ("/job/empty/build", 201),
        ("/job/empty/build", 201),
        ("/job/empty/buildWithParameters", 400),
        ("/job/deploy/build", 400),
        (
            "/job/deploy/build?json={\"parameter\":[{\"name\":\"DRY_RUN\",\"value\":false}]}",
            201,
        ),
        ("/job/deploy/buildWithParameters?BRANCH=x", 201),
        ("/job/deploy/buildWithParameters?BRANCH=x&UNKNOWN=y", 303),
        ("/job/deploy/buildWithParameters?ENVIRONMENT=moon", 500),
        ("/job/deploy/buildWithParameters?BRANCH=x&BRANCH=y", 500),
        ("/job/disabled/build", 409),
        ("/job/team/build", 404),
        ("/job/none/build", 404),
    ] {
        assert_eq!(rig.order(path).await.status(), status, "{path}");
    }
    assert_eq!(rig.server(SERVER).created(), 3);
    for (path, status) in [
        ("/job/empty/build", 405),
        ("/queue/item/1", 404),
        ("/job/empty", 302),
        ("/job/%ff", 404),
    ] {
        let answer = rig.read(path).await;
        assert_eq!(answer.status(), status, "{path}");
        assert!(header(&answer, "content-type").is_none_or(|kind| kind.starts_with("text/html")));
    }
}

#[tokio::test]
async fn what_waits_does_so_while_it_quiets_down() {
    let rig = Rig::start().await;
    assert_eq!(rig.order("/quietDown").await.status(), 302);
    let id = queue_id(&rig.order("/job/api/build").await);
    let path = format!("/queue/item/{id}/api/json");
    for _ in 0..5 {
        assert_eq!(rig.read_json(&path).await["why"], "Jenkins is about to shut down");
    }
    rig.order("/cancelQuietDown").await;
    assert_eq!(rig.read_json(&path).await["executable"]["number"], 121);
}

#[tokio::test]
async fn a_growing_log_counts_the_bytes_of_its_file() {
    let rig = Rig::start().await;
    let id = queue_id(&rig.order("/job/team/job/service/buildWithParameters").await);
    let path = format!("/queue/item/{id}/api/json");
    rig.read_json(&path).await;
    let build = rig.read_json(&path).await["executable"]["number"].clone();
    let log = format!("/job/team/job/service/{build}/logText/progressiveText");
    let (mut start, mut text, mut sizes) = (0, String::new(), vec![]);
    loop {
        let answer = rig.read(&format!("{log}?start={start}")).await;
        start = number(&answer, "x-text-size");
        sizes.push(start);
        let more = header(&answer, "x-more-data") == Some("true");
        text += &answer.text().await.unwrap();
        if !more {
            break;
        }
    }
    assert_eq!((sizes.len(), sizes[0]), (5, 0), "{sizes:?}");
    let whole = rig
        .read(&format!("/job/team/job/service/{build}/consoleText"))
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(text.replace("\r\n", "\n"), whole);
    assert!(
        whole.ends_with("Finished: SUCCESS\n") && (whole.len() as u64) < start,
        "{whole}"
    );
    // Beyond the end it begins anew, and a negative start is the tail.
    let anew = rig
        .read(&format!("{log}?start={}", start + 1))
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(anew, text);
    assert_eq!(
        rig.read(&format!("{log}?start=-9")).await.text().await.unwrap(),
        " SUCCESS\r\n"
    );
}

#[tokio::test]
async fn a_pipeline_knows_three_ways_to_be_ended_and_others_one() {
    let rig = Rig::start().await;
    let orders = |job: &'static str, how: &'static str| {
        let rig = &rig;
        async move {
            let answer = rig.order(&format!("/job/{job}/lastBuild/{how}")).await;
            (answer.status().as_u16(), header(&answer, "location").map(str::to_owned))
        }
    };
    for how in ["stop", "term", "kill"] {
        assert_eq!(orders("team/job/service", how).await, (302, Some(".".to_owned())));
    }
    assert_eq!(orders("api", "stop").await.0, 302);
    assert_eq!(orders("api", "kill").await.0, 404);
    let request = rig
        .jenkins(SERVER, Method::POST, "/job/api/lastBuild/stop")
        .header("referer", "http://a.invalid/");
    assert_eq!(
        header(&request.send().await.unwrap(), "location"),
        Some("http://a.invalid/")
    );
}

#[tokio::test]
async fn files_lie_in_folders_and_are_sent_as_they_are() {
    let rig = Rig::start().await;
    let page = "/job/deploy/1/artifact/target/docs/a%20page%20%231%20100%25%2B%C3%BC%3F.html";
    let answer = rig.read(page).await;
    assert_eq!(header(&answer, "content-type"), Some("text/html"));
    assert_eq!(answer.text().await.unwrap(), "Build 1 on jenkins-a: Grüße\n");
    let large = rig.read("/job/deploy/1/artifact/target/app.jar").await;
    assert_eq!(number(&large, "content-length"), 1 << 20);
    assert_eq!(large.bytes().await.unwrap().len(), 1 << 20);
    let folder = rig.read("/job/deploy/1/artifact/target/").await.text().await.unwrap();
    assert!(
        folder.contains("<a href=\"app.jar\">") && !folder.contains("report.txt"),
        "{folder}"
    );
    let archive = rig.read("/job/deploy/1/artifact/target/*zip*/target.zip").await;
    assert_eq!(header(&archive, "content-type"), Some("application/zip"));
    let archive = archive.bytes().await.unwrap();
    assert!(archive.starts_with(b"PK\x03\x04") && archive[30..].starts_with(b"target/app.jar"));
    // A build that failed has none.
    for path in [
        "/job/deploy/1/artifact/none",
        "/job/deploy/1/artifact/none/*zip*/none.zip",
        "/job/deploy/2/artifact/*zip*/archive.zip",
        "/job/deploy/2/artifact/report.txt",
        "/job/deploy/9/artifact/",
    ] {
        assert_eq!(rig.read(path).await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_limit_is_a_proxy_s_and_a_start_takes_its_time() {
    let limited = |server: &mut ServerConfig| {
        server.requests_per_window = Some(1);
        server.token = "ada:sandbox-one".to_owned().into();
    };
    let rig = Rig::one("jenkins", limited).await;
    assert_eq!(
        rig.jenkins("one", Method::GET, "/api/json")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let refused = rig.jenkins("one", Method::GET, "/api/json").send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert!((1..=60).contains(&number(&refused, "retry-after")));
    let fault = Fault::new(Effect::Error { status: 503 });
    rig.server("one").faults().add(fault).unwrap();
    let starting = rig.jenkins("one", Method::GET, "/api/json").send().await.unwrap();
    assert_eq!(starting.status(), 503);
    let page = starting.text().await.unwrap();
    assert!(
        page.contains("Please wait while Jenkins is getting ready to work"),
        "{page}"
    );
}

/// The path of a build of the Pipeline that is to end so, as far as it goes by itself.
async fn stopped(rig: &Rig, outcome: &str) -> String {
    let order = format!("/job/team/job/service/buildWithParameters?SANDBOX_OUTCOME={outcome}");
    let item = format!("/queue/item/{}/api/json", queue_id(&rig.order(&order).await));
    rig.read_json(&item).await;
    let build = format!(
        "/job/team/job/service/{}",
        rig.read_json(&item).await["executable"]["number"]
    );
    for _ in 0..9 {
        assert_eq!(rig.read_json(&format!("{build}/api/json")).await["building"], true);
    }
    build
}

#[tokio::test]
async fn a_pipeline_waits_for_an_input_and_tells_what_it_asks_for() {
    let rig = Rig::start().await;
    let build = stopped(&rig, "input").await;
    let described = rig.read_json(&format!("{build}/wfapi/describe")).await;
    assert_eq!(described["status"], "PAUSED_PENDING_INPUT");
    let runs = rig.read_json("/job/team/job/service/wfapi/runs").await;
    let told: Vec<&Value> = runs.as_array().unwrap().iter().map(|run| &run["status"]).collect();
    assert_eq!(told, ["PAUSED_PENDING_INPUT", "UNSTABLE", "FAILED", "SUCCESS"]);
    let since = rig.read_json("/job/team/job/service/wfapi/runs?since=%233").await;
    assert_eq!(since.as_array().unwrap().len(), 2);
    let pending = rig.read_json(&format!("{build}/wfapi/pendingInputActions")).await;
    let input = &pending[0];
    let [id, proceed] = ["id", "proceedUrl"].map(|name| input[name].as_str().unwrap());
    assert!(
        proceed.ends_with(&format!("{build}/wfapi/inputSubmit?inputId={id}")),
        "{proceed}"
    );
    let fields: Vec<_> = input["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| (&field["name"], &field["definition"]))
        .collect();
    assert_eq!(
        fields[0],
        (
            &json!("ENVIRONMENT"),
            &json!({ "defaultVal": "staging", "choices": ["staging", "production"] })
        )
    );
    assert_eq!(fields[1], (&json!("DRY_RUN"), &json!({ "defaultVal": true })));
    let submit = |form: &str| {
        let request = rig.jenkins(SERVER, Method::POST, &format!("{build}/wfapi/inputSubmit?inputId={id}"));
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("json", form)
            .finish();
        request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
    };
    for wrong in [
        r#"{"parameter": [{"name": "OTHER", "value": "x"}]}"#,
        r#"{"parameter": {"name": "ENVIRONMENT", "value": "moon"}}"#,
    ] {
        assert_eq!(submit(wrong).await.unwrap().status(), 500, "{wrong}");
    }
    assert_eq!(rig.read(&format!("{build}/wfapi/inputSubmit")).await.status(), 405);
    let answered = submit(r#"{"parameter": [{"name": "ENVIRONMENT", "value": "production"}]}"#)
        .await
        .unwrap();
    assert_eq!(answered.status(), 200);
    assert_eq!(
        rig.read_json(&format!("{build}/wfapi/pendingInputActions")).await,
        json!([])
    );
    assert_eq!(submit("{}").await.unwrap().status(), 500);
    assert_eq!(rig.read_json(&format!("{build}/api/json")).await["result"], "SUCCESS");
    let log = rig.read(&format!("{build}/consoleText")).await.text().await.unwrap();
    assert!(
        log.contains("\nENVIRONMENT=production\nDRY_RUN=true\nREASON=none\n"),
        "{log}"
    );
}

#[tokio::test]
async fn an_input_without_fields_takes_a_word_and_what_is_no_pipeline_has_no_stage_view() {
    let rig = Rig::start().await;
    for (how, becomes) in [("proceedEmpty", "SUCCESS"), ("abort", "ABORTED")] {
        let build = stopped(&rig, "approval").await;
        let pending = rig.read_json(&format!("{build}/wfapi/pendingInputActions")).await;
        assert_eq!(pending[0]["inputs"], json!([]));
        let path = format!("{build}/input/{}/{how}", pending[0]["id"].as_str().unwrap());
        assert_eq!(rig.order(&format!("{build}/input/none/{how}")).await.status(), 404);
        assert_eq!(rig.order(&path).await.status(), 200);
        assert_eq!(rig.order(&path).await.status(), 404, "it is settled");
        assert_eq!(rig.read_json(&format!("{build}/api/json")).await["result"], becomes);
    }
    for path in [
        "/job/api/wfapi/runs",
        "/job/api/1/wfapi/describe",
        "/job/api/1/wfapi/pendingInputActions",
    ] {
        assert_eq!(rig.read(path).await.status(), 404, "{path}");
    }
}
