//! Jenkins' JSON, as far as it is asked for.
//!
//! Invariant: what a `tree` does not name, or a plugin does not have, is missing, and never false.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::providers::http::Time;

/// What is asked of a job or a folder.
pub const JOB: &str = "name,displayName,url,color,buildable,\
    property[parameterDefinitions[_class,name,type,description,choices,defaultParameterValue[value]]]";

/// A job, or what holds others.
#[derive(Debug, Default, Deserialize)]
pub struct Job {
    #[serde(default)]
    pub name: String,
    #[serde(rename = "displayName")]
    pub display_name: Option<String>,
    pub url: Option<String>,
    /// A word for a ball's colour; what holds others has none.
    pub color: Option<String>,
    pub buildable: Option<bool>,
    pub property: Option<Vec<Option<Property>>>,
}

/// What is below a job or a folder: of one, only what it has is there.
#[derive(Debug, Deserialize)]
pub struct Below {
    pub jobs: Option<Vec<Box<RawValue>>>,
    pub builds: Option<Vec<Box<RawValue>>>,
    #[serde(rename = "allBuilds")]
    pub all_builds: Option<Vec<Box<RawValue>>>,
}

/// What is asked of a job that is to be started.
pub const STARTED: &str =
    "_class,color,jobs[name]{0,1},queueItem[id],property[parameterDefinitions[_class,name,type,choices]]";

/// A job that is to be started.
#[derive(Debug, Deserialize)]
pub struct Startable {
    #[serde(rename = "_class", default)]
    pub class: String,
    pub color: Option<String>,
    /// It holds others.
    pub jobs: Option<Vec<Value>>,
    /// What of it waits already: of several the one that is to be built first.
    #[serde(rename = "queueItem")]
    pub waits: Option<Value>,
    pub property: Option<Vec<Option<Property>>>,
}

impl Startable {
    /// The number of the queue's item that waits already.
    pub fn waiting(&self) -> Option<u64> {
        self.waits.as_ref()?["id"].as_u64()
    }
}

/// One of a job's properties; only one of them holds parameters.
#[derive(Debug, Deserialize)]
pub struct Property {
    #[serde(rename = "parameterDefinitions")]
    pub parameters: Option<Vec<Option<Parameter>>>,
}

/// All that a job asks for, whichever of its properties says so.
pub fn parameters(properties: Option<Vec<Option<Property>>>) -> Vec<Parameter> {
    let properties = properties.into_iter().flatten().flatten();
    let all = properties.flat_map(|property| property.parameters).flatten().flatten();
    all.filter(|parameter| !parameter.name.is_empty()).collect()
}

/// A parameter that a job has. Plugins bring kinds of their own.
#[derive(Debug, Default, Deserialize)]
pub struct Parameter {
    #[serde(default)]
    pub name: String,
    #[serde(rename = "type", default)]
    pub kind: String,
    pub description: Option<String>,
    /// A list of texts, unless a plugin says something else.
    choices: Option<Value>,
    #[serde(rename = "defaultParameterValue")]
    default: Option<Value>,
}

impl Parameter {
    /// The only values that it may have.
    pub fn choices(&self) -> Option<Vec<String>> {
        self.choices.as_ref()?.as_array()?.iter().map(text).collect()
    }

    /// What it is where nothing is said. A secret's is nobody's business.
    pub fn default(&self) -> Option<String> {
        let told = self.default.as_ref().filter(|_| !self.is_secret())?;
        text(told.get("value").unwrap_or(told))
    }

    /// Whether nobody is shown what it is.
    pub fn is_secret(&self) -> bool {
        self.kind.contains("Password")
    }
}

/// A text, or what stands for one.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// What is asked of a build.
pub const BUILD: &str = "_class,number,url,result,building,inProgress,timestamp,duration,displayName,queueId,\
    actions[causes[_class,userId,userName],lastBuiltRevision[SHA1,branch[name]]]";

/// A build.
#[derive(Debug, Deserialize)]
pub struct Build {
    #[serde(rename = "_class", default)]
    pub class: String,
    pub number: u64,
    pub url: Option<String>,
    pub result: Option<String>,
    pub building: Option<bool>,
    /// Also while what comes behind the build is at work.
    #[serde(rename = "inProgress")]
    pub in_progress: Option<bool>,
    /// When it began.
    pub timestamp: Time,
    /// Milliseconds; 0 until it has ended.
    pub duration: Option<i64>,
    #[serde(rename = "displayName")]
    pub display_name: Option<String>,
    /// Which item of the queue it was.
    #[serde(rename = "queueId")]
    pub queue_id: Option<i64>,
    pub actions: Option<Vec<Option<Action>>>,
}

/// What the stage view tells of a pipeline's build (J14).
#[derive(Debug, Deserialize)]
pub struct Described {
    /// Its number.
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub status: String,
}

/// Somebody's input that a pipeline's build waits for (J17).
#[derive(Debug, Deserialize)]
pub struct Input {
    pub id: String,
    /// What people are asked.
    pub message: Option<String>,
    /// What it asks for beside a word.
    pub inputs: Option<Vec<Field>>,
}

/// A field that an input asks for.
#[derive(Debug, Deserialize)]
pub struct Field {
    pub name: String,
    #[serde(rename = "type", default)]
    pub kind: String,
    pub description: Option<String>,
    pub definition: Option<Definition>,
}

/// What may stand in such a field.
#[derive(Debug, Default, Deserialize)]
pub struct Definition {
    #[serde(rename = "defaultVal")]
    pub default: Option<Value>,
    pub choices: Option<Value>,
}

impl Field {
    /// As a job would ask for it.
    pub fn parameter(&self) -> Parameter {
        let definition = self.definition.as_ref();
        Parameter {
            name: self.name.clone(),
            kind: self.kind.clone(),
            description: self.description.clone(),
            choices: definition.and_then(|definition| definition.choices.clone()),
            default: definition.and_then(|definition| definition.default.clone()),
        }
    }

    /// What stands in it before anybody has said anything. A secret is not sent back, and is said anew.
    pub fn proposed(&self) -> Option<Value> {
        let definition = self.definition.as_ref().filter(|_| !self.kind.contains("Password"))?;
        definition.default.clone()
    }
}

/// What somebody has to say of a build; each says something else, and many nothing.
#[derive(Debug, Default, Deserialize)]
pub struct Action {
    pub causes: Option<Vec<Cause>>,
    #[serde(rename = "lastBuiltRevision")]
    pub revision: Option<Revision>,
}

/// Why a build was made.
#[derive(Clone, Debug, Deserialize)]
pub struct Cause {
    #[serde(rename = "_class", default)]
    pub class: String,
    #[serde(rename = "userId")]
    pub user_id: Option<String>,
    #[serde(rename = "userName")]
    pub user_name: Option<String>,
}

/// What of a repository was built.
#[derive(Clone, Debug, Deserialize)]
pub struct Revision {
    #[serde(rename = "SHA1")]
    pub sha: Option<String>,
    pub branch: Option<Vec<Branch>>,
}

/// A branch of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Branch {
    pub name: Option<String>,
}

/// What is asked of builds that are looked through for a queue's item.
pub const TRACES: &str = "number,queueId";

/// Such a build.
#[derive(Debug, Deserialize)]
pub struct Trace {
    pub number: u64,
    #[serde(rename = "queueId")]
    pub queue_id: Option<i64>,
}

/// What is asked of a queue's item.
pub const ITEM: &str = "id,why,inQueueSince,blocked,stuck,cancelled,task[name,fullName,url],executable[number,url]";

/// An item of the queue, also one that has left it.
#[derive(Debug, Deserialize)]
pub struct Item {
    /// Told with each, asked for or not.
    #[serde(rename = "_class", default)]
    pub class: String,
    pub id: u64,
    pub why: Option<String>,
    #[serde(rename = "inQueueSince", default)]
    pub since: Time,
    pub cancelled: Option<bool>,
    pub task: Option<Task>,
    /// The build, once it has begun.
    pub executable: Option<Executable>,
}

impl Item {
    /// Whether Jenkins has taken it out of the queue: for a build, or since it was cancelled.
    pub fn has_left(&self) -> bool {
        self.class.ends_with("LeftItem")
    }
}

/// What waits.
#[derive(Debug, Deserialize)]
pub struct Task {
    pub name: Option<String>,
    #[serde(rename = "fullName")]
    pub full_name: Option<String>,
    pub url: Option<String>,
}

/// A build that has begun.
#[derive(Debug, Deserialize)]
pub struct Executable {
    pub number: Option<u64>,
}

/// The queue.
#[derive(Debug, Deserialize)]
pub struct Queue {
    pub items: Option<Vec<Box<RawValue>>>,
}

/// What is asked of what a build left behind.
pub const ARTIFACTS: &str = "artifacts[fileName,relativePath,displayPath]";

/// What a build left behind.
#[derive(Debug, Deserialize)]
pub struct Artifacts {
    pub artifacts: Option<Vec<Box<RawValue>>>,
}

/// A file of it.
#[derive(Debug, Deserialize)]
pub struct Artifact {
    #[serde(rename = "relativePath")]
    pub path: String,
}
