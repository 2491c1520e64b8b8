//! Artifacts: the files that a run leaves behind.
//!
//! Invariant: an artifact is its maker's bytes as they are, mostly a zip archive.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{RUN, RUNS};
use crate::catalogue::fields::{ArtifactRef, Cursor, PageSize, RunRef};
use crate::catalogue::op::{Declaration, File, Op, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// What a run left behind.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Artifact {
    /// The neutral id.
    pub id: String,
    /// Its name; of a file, mostly its path.
    pub name: String,
    /// Bytes, where the provider tells.
    pub size: Option<u64>,
    /// What its bytes are.
    pub format: ArtifactFormat,
    /// It is there no more, where the provider tells.
    pub expired: Option<bool>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    pub expires_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

/// What an artifact's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactFormat {
    /// A zip archive of files.
    Zip,
    /// One file.
    File,
}

/// Input of `cicd.artifact.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArtifactListInput {
    pub run: RunRef,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `cicd.artifact.list`
pub struct ArtifactList;

impl Op for ArtifactList {
    type Input = ArtifactListInput;
    type Output = Page<Artifact>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "cicd.artifact.list",
        "/cicd/runs/{run}/artifacts",
        "List what a run left behind",
    )
    .carries(&[RUN])
    .absent(&[RUNS])
    .cached(5, 60, 3);
    fn resource(input: &ArtifactListInput) -> Resource {
        input.run.resource()
    }
}

paged!(ArtifactListInput);

/// Input of `cicd.artifact.get`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArtifactGetInput {
    pub artifact: ArtifactRef,
}

/// `cicd.artifact.get`
pub struct ArtifactGet;

impl Op for ArtifactGet {
    type Input = ArtifactGetInput;
    type Output = File;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "cicd.artifact.get",
        "/cicd/artifacts/{artifact}",
        "Get what a run left behind",
    )
    .bytes();
    fn resource(input: &ArtifactGetInput) -> Resource {
        input.artifact.resource()
    }
}
