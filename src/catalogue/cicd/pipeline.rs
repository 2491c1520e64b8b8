//! Pipelines: what runs are runs of.
//!
//! Invariant: a pipeline's `key` and its `id` name it alike wherever a pipeline is asked for.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::asked::Parameter;
use super::run::RunStatus;
use super::topics::PIPELINES;
use crate::catalogue::fields::{Cursor, PageSize, ProjectRef};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A pipeline: a workflow file, a job, or all that a project has.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pipeline {
    /// The neutral id: `instance~project`, with `#key` behind it where a project has several.
    pub id: String,
    /// The project that it is in, as the CI server names it.
    pub project: String,
    /// What it is called within the project, such as `build.yml`; absent where a project has only one.
    #[schemars(extend("x-column" = true))]
    pub key: Option<String>,
    /// The name for people.
    pub name: String,
    /// The file that describes it, within the repository, where the provider tells.
    pub path: Option<String>,
    /// Whether it runs when it is started.
    pub enabled: bool,
    /// How its last run ended or stands, where the provider tells.
    pub last_status: Option<RunStatus>,
    /// Its state in the provider's own word, where it has one.
    pub raw_state: Option<String>,
    /// It holds others, and is no pipeline itself: a folder, or one job for each branch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub folder: bool,
    /// What it asks for when it is started, where the provider tells: `cicd.run.trigger` takes it as `variables`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

/// Input of `cicd.pipeline.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineListInput {
    /// Only those of this project or folder; required where the provider has none of its own.
    pub project: Option<ProjectRef>,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `cicd.pipeline.list`
pub struct PipelineList;

impl Op for PipelineList {
    type Input = PipelineListInput;
    type Output = Page<Pipeline>;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("cicd.pipeline.list", "/cicd/pipelines", "List pipelines")
            .args(&["project"])
            .carries(&[PIPELINES])
            .cached(15, 300, 5);
    fn resource(input: &PipelineListInput) -> Resource {
        input.project.as_ref().map_or_else(Resource::none, ProjectRef::resource)
    }
}

paged!(PipelineListInput);
