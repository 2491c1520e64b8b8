//! Jenkins' JSON objects: itself, jobs and folders, builds.
//!
//! Invariant: a nested object shows its name, number or address wherever it stands, and more only within what was asked.

use serde_json::{Value, json};

use super::artifacts;
use super::object::Object;
use super::place::job_path;
use super::stage::Ending;
use super::state::{Build, Item, Kind, Phase, State};
use super::tree::{Ask, Rank};

/// Builds that a job shows unless all are asked for.
const SHOWN_BUILDS: usize = 100;

/// The data, seen from where the request came in.
pub(crate) struct View<'a> {
    pub state: &'a State,
    /// Jenkins' own address, with a slash at its end.
    pub root: &'a str,
}

impl Kind {
    fn class(self) -> &'static str {
        match self {
            Kind::Folder => "com.cloudbees.hudson.plugins.folder.Folder",
            Kind::Multibranch => "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject",
            Kind::FreeStyle => "hudson.model.FreeStyleProject",
            Kind::Pipeline => "org.jenkinsci.plugins.workflow.job.WorkflowJob",
        }
    }

    fn build_class(self) -> &'static str {
        match self {
            Kind::Pipeline => "org.jenkinsci.plugins.workflow.job.WorkflowRun",
            _ => "hudson.model.FreeStyleBuild",
        }
    }
}

/// The builds that have a name of their own.
pub(crate) fn permalink<'a>(item: &'a Item, name: &str) -> Option<&'a Build> {
    let built = [Ending::Success, Ending::Unstable, Ending::Failure];
    match name {
        "lastBuild" => item.builds.last(),
        "lastCompletedBuild" => item.last(&Ending::ALL),
        "lastFailedBuild" => item.last(&[Ending::Failure]),
        "lastStableBuild" => item.last(&[Ending::Success]),
        "lastSuccessfulBuild" => item.last(&built[..2]),
        "lastUnstableBuild" => item.last(&[Ending::Unstable]),
        "lastUnsuccessfulBuild" => item.last(&Ending::ALL[1..]),
        _ => None,
    }
}

/// The names of [`permalink`], as a job shows them.
const PERMALINKS: [&str; 7] = [
    "lastBuild",
    "lastCompletedBuild",
    "lastFailedBuild",
    "lastStableBuild",
    "lastSuccessfulBuild",
    "lastUnstableBuild",
    "lastUnsuccessfulBuild",
];

fn colour(item: &Item) -> String {
    if item.disabled {
        return "disabled".to_owned();
    }
    let last = item.last(&Ending::ALL).and_then(|build| build.progress.ending());
    let colour = last.map_or("notbuilt", Ending::colour);
    let runs = item.builds.last().is_some_and(|build| build.progress.is_building());
    format!("{colour}{}", if runs { "_anime" } else { "" })
}

/// A name as people read it: a branch's slash is one again.
fn displayed(name: &str) -> String {
    percent_encoding::percent_decode_str(name)
        .decode_utf8_lossy()
        .into_owned()
}

impl View<'_> {
    pub fn url(&self, item: &Item) -> String {
        format!("{}{}", self.root, job_path(&item.full_name))
    }

    /// Jenkins itself.
    pub fn top(&self, ask: Ask<'_>) -> Value {
        let view = json!({ "_class": "hudson.model.AllView", "name": "all", "url": self.root });
        Object::new(ask, "hudson.model.Hudson")
            .put("assignedLabels", json!([{ "name": "built-in" }]))
            .put("mode", "NORMAL")
            .put("nodeDescription", "the Jenkins controller's built-in node")
            .put("nodeName", "")
            .put("numExecutors", 2)
            .put("description", Value::Null)
            .list("jobs", Rank::Usual, &self.state.children(""), |item, ask| {
                self.item(item, ask)
            })
            .put("overallLoad", json!({}))
            .put("primaryView", view.clone())
            .put("quietingDown", self.state.quieting)
            .put("slaveAgentPort", -1)
            .put(
                "unlabeledLoad",
                json!({ "_class": "jenkins.model.UnlabeledLoadStatistics" }),
            )
            .put("url", self.root)
            .put("useCrumbs", true)
            .put("useSecurity", true)
            .put("views", json!([view]))
            .done()
    }

    /// A folder or a job.
    pub fn item(&self, item: &Item, ask: Ask<'_>) -> Value {
        let mut object = Object::new(ask, item.kind.class());
        let parts: Vec<String> = item.full_name.split('/').map(displayed).collect();
        object
            .brief("name", item.name())
            .brief("url", self.url(item))
            .put("description", item.description.as_str())
            .put("displayName", displayed(item.name()))
            .put("displayNameOrNull", Value::Null)
            .put("fullDisplayName", parts.join(" » "))
            .put("fullName", item.full_name.as_str())
            .put("healthReport", json!([]));
        match item.kind.holds_jobs() {
            true => self.add_folder(&mut object, item),
            false => self.add_job(&mut object, item),
        }
        object.done()
    }

    fn add_folder(&self, object: &mut Object<'_>, item: &Item) {
        let view = json!({ "_class": "hudson.model.AllView", "name": "all", "url": self.url(item) });
        object
            .put("actions", json!([{}]))
            .list(
                "jobs",
                Rank::Usual,
                &self.state.children(&item.full_name),
                |item, ask| self.item(item, ask),
            )
            .put("primaryView", view.clone())
            .put("views", json!([view]));
    }

    fn add_job(&self, object: &mut Object<'_>, item: &Item) {
        let newest: Vec<&Build> = item.builds.iter().rev().collect();
        let shown = &newest[..newest.len().min(SHOWN_BUILDS)];
        let waiting = self
            .state
            .queue
            .iter()
            .find(|queued| queued.phase == Phase::Waiting && queued.job == item.full_name);
        object
            .brief("color", colour(item))
            .put("actions", self.definitions(item, "actions"))
            .put("buildable", !item.disabled)
            .list("builds", Rank::Usual, shown, |build, ask| self.build(item, build, ask))
            .list("allBuilds", Rank::Hidden, &newest, |build, ask| {
                self.build(item, build, ask)
            })
            .put("inQueue", waiting.is_some())
            .put("keepDependencies", false)
            .nested("firstBuild", Rank::Usual, |ask| {
                self.build_or_null(item, item.builds.first(), ask)
            })
            .put("nextBuildNumber", item.next_number)
            .put("property", self.definitions(item, "property"))
            .nested("queueItem", Rank::Usual, |ask| {
                waiting.map_or(Value::Null, |queued| self.queued(queued, ask))
            })
            .put("concurrentBuild", true)
            .put("disabled", item.disabled);
        for name in PERMALINKS {
            object.nested(name, Rank::Usual, |ask| {
                self.build_or_null(item, permalink(item, name), ask)
            });
        }
        if item.kind == Kind::FreeStyle {
            object
                .put("downstreamProjects", json!([]))
                .put("labelExpression", Value::Null)
                .put("scm", json!({ "_class": "hudson.scm.NullSCM" }))
                .put("upstreamProjects", json!([]));
        }
    }

    /// The parameters that a job defines: they stand in two lists, the first beside actions that say nothing.
    fn definitions(&self, item: &Item, list: &str) -> Value {
        let mut entries = if list == "actions" {
            vec![json!({}), json!({})]
        } else {
            vec![]
        };
        if !item.parameters.is_empty() {
            let defined: Vec<Value> = item.parameters.iter().map(|definition| definition.shown()).collect();
            let entry =
                json!({ "_class": "hudson.model.ParametersDefinitionProperty", "parameterDefinitions": defined });
            entries.insert(0, entry);
        }
        Value::Array(entries)
    }

    fn build_or_null(&self, item: &Item, build: Option<&Build>, ask: Ask<'_>) -> Value {
        build.map_or(Value::Null, |build| self.build(item, build, ask))
    }

    pub fn build_url(&self, item: &Item, build: &Build) -> String {
        format!("{}{}/", self.url(item), build.number)
    }

    /// A build.
    pub fn build(&self, item: &Item, build: &Build, ask: Ask<'_>) -> Value {
        let progress = &build.progress;
        let duration = if progress.is_building() {
            0
        } else {
            progress.ended_ms - progress.started_ms
        };
        let beside = |number: Option<u64>| {
            let build = number.and_then(|number| item.build(number));
            build.map_or(
                Value::Null,
                |build| json!({ "number": build.number, "url": self.build_url(item, build) }),
            )
        };
        let mut object = Object::new(ask, item.kind.build_class());
        object
            .brief("number", build.number)
            .brief("url", self.build_url(item, build))
            .put("actions", self.build_actions(build))
            .put("artifacts", artifacts::listed(build))
            .put("building", progress.is_building())
            .put("description", Value::Null)
            .put("displayName", format!("#{}", build.number))
            .put("duration", duration)
            .put("estimatedDuration", 30_000)
            .put("executor", if progress.is_building() { json!({}) } else { Value::Null })
            .put(
                "fullDisplayName",
                format!("{} #{}", item.full_name.replace('/', " » "), build.number),
            )
            .put("id", build.number.to_string())
            .put("inProgress", progress.is_in_progress())
            .put("keepLog", false)
            .put("queueId", build.queue_id)
            .put("result", progress.ending().map(Ending::as_str))
            .put("timestamp", progress.started_ms)
            .put("culprits", json!([]))
            .put("nextBuild", beside(build.number.checked_add(1)))
            .put("previousBuild", beside(build.number.checked_sub(1)));
        match item.kind {
            Kind::Pipeline => object.put("changeSets", json!([])),
            _ => object.put("builtOn", "").put(
                "changeSet",
                json!({ "_class": "hudson.scm.EmptyChangeLogSet", "items": [], "kind": null }),
            ),
        };
        object.done()
    }

    fn build_actions(&self, build: &Build) -> Value {
        let mut actions = actions(&build.user, build.parameters.iter().map(|parameter| parameter.shown()));
        // An action that tells nothing is an empty object.
        actions.push(json!({}));
        Value::Array(actions)
    }
}

/// Why something was queued or built, and with which parameters.
pub(crate) fn actions(user: &str, parameters: impl Iterator<Item = Value>) -> Vec<Value> {
    let parameters: Vec<Value> = parameters.collect();
    let cause = json!({
        "_class": "hudson.model.Cause$UserIdCause",
        "shortDescription": format!("Started by user {user}"),
        "userId": user,
        "userName": user,
    });
    let mut actions = Vec::new();
    if !parameters.is_empty() {
        actions.push(json!({ "_class": "hudson.model.ParametersAction", "parameters": parameters }));
    }
    actions.push(json!({ "_class": "hudson.model.CauseAction", "causes": [cause] }));
    actions
}
