//! How runs, artifacts and pipelines are named. Pure.
//!
//! Invariant: an id made here is read back here, and names one thing of one project.

use mosaic_actors::call::{Resource, Tag};
use mosaic_actors::error::Failure;

use super::pending::Pending;
use crate::catalogue::cicd::tag_of_run;
use crate::providers::forge;

/// `owner/name#number`: a run, or what a run left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// `owner/name`.
    pub project: String,
    pub owner: String,
    pub name: String,
    /// The forge's number of it, among all that it has.
    pub id: u64,
}

impl Numbered {
    /// The run of this number in `project`, which is `owner/name`.
    pub fn of(project: &str, (owner, name): (&str, &str), id: u64) -> Self {
        Numbered {
            project: project.to_owned(),
            owner: owner.to_owned(),
            name: name.to_owned(),
            id,
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// `invalid_input` on `field`.
    pub fn read(field: &str, native: &str) -> Result<Self, Failure> {
        let wrong = || {
            let sentence = match Pending::read(native) {
                Ok(_) => format!("{field} has no number yet: cicd.run.resolve tells which run it is"),
                Err(_) => format!("{field} must be written as owner/name#number"),
            };
            Failure::invalid(field, sentence).never_sent()
        };
        let (project, id) = native.rsplit_once('#').ok_or_else(wrong)?;
        let id = id.parse().ok().filter(|id| *id > 0).ok_or_else(wrong)?;
        let (owner, name) = forge::project(field, project).map_err(|_| wrong())?;
        Ok(Numbered {
            project: project.to_owned(),
            owner: owner.to_owned(),
            name: name.to_owned(),
            id,
        })
    }

    /// What answers about it carry, where it is a run.
    pub fn tag(&self) -> Tag {
        tag_of_run(&format!("{}#{}", self.project, self.id))
    }

    /// Its number, as a part of a path.
    pub fn number(&self) -> String {
        self.id.to_string()
    }
}

/// The neutral id of a run, an artifact or a pipeline: what stands behind `#` is its number, or the pipeline's key.
pub fn id(instance: &str, project: &str, own: impl std::fmt::Display) -> String {
    Resource::neutral_id(instance, format!("{project}#{own}"))
}

/// The pipeline that is meant by its key, its number or its neutral id.
///
/// # Errors
/// `invalid_input` on `pipeline` where it is one of another project.
pub fn pipeline<'a>(project: &str, text: &'a str) -> Result<&'a str, Failure> {
    let native = text.split_once('~').map_or(text, |(_, native)| native);
    let key = match native.split_once('#') {
        Some((path, key)) if path.eq_ignore_ascii_case(project) => key,
        Some((path, _)) if path.contains('/') => {
            let sentence = "pipeline is one of another project";
            return Err(Failure::invalid("pipeline", sentence).never_sent());
        }
        _ => text,
    };
    match key {
        "" | "." | ".." => {
            Err(Failure::invalid("pipeline", "pipeline must name a pipeline of the project").never_sent())
        }
        key => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_back_and_nothing_else_is() {
        let id = id("forge-a", "acme/api", 7);
        assert_eq!(id, "forge-a~acme/api#7");
        let read = Numbered::read("run", Resource::parse(&id).native()).expect("its own");
        assert_eq!((&*read.owner, &*read.name, read.id), ("acme", "api", 7));
        for odd in [
            "acme/api",
            "acme#7",
            "acme/api#",
            "acme/api#0",
            "acme/api#7x",
            "a/b/c#7",
            "acme/..#7",
            "#",
        ] {
            let failure = Numbered::read("run", odd).unwrap_err();
            assert_eq!((failure.field.as_deref(), failure.unsent), (Some("run"), true), "{odd}");
        }
    }

    #[test]
    fn a_pipeline_is_named_by_key_number_or_neutral_id() {
        for (text, key) in [
            ("build.yml", "build.yml"),
            ("161335", "161335"),
            ("ci~acme/api#build.yml", "build.yml"),
            ("acme/api#build.yml", "build.yml"),
            ("ci~Acme/API#161335", "161335"),
            ("odd#name.yml", "odd#name.yml"),
            ("odd~name.yml", "odd~name.yml"),
        ] {
            assert_eq!(pipeline("acme/api", text).expect("a pipeline"), key, "{text}");
        }
        for odd in ["ci~acme/web#build.yml", "acme/api#", "..", "acme/api#.."] {
            let failure = pipeline("acme/api", odd).unwrap_err();
            assert_eq!(
                (failure.field.as_deref(), failure.unsent),
                (Some("pipeline"), true),
                "{odd}"
            );
        }
    }
}
