//! How projects, merge requests and hooks are named. Pure.
//!
//! Invariant: what [`numbered_id`] writes, [`pull`] and [`hook`] read; a group may be as deep as it likes.

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;

/// A project's path, `group/…/name`.
///
/// # Errors
/// `invalid_input` on `field`.
pub fn project<'a>(field: &str, path: &'a str) -> Result<&'a str, Failure> {
    match path.contains('/') && sound(path) {
        true => Ok(path),
        false => {
            let sentence = format!("{field} must be written as owner/name, or group/subgroup/name");
            Err(Failure::invalid(field, sentence).never_sent())
        }
    }
}

/// The path of a user or a group.
///
/// # Errors
/// `invalid_input` on `owner`.
pub fn owner(path: &str) -> Result<&str, Failure> {
    match sound(path) {
        true => Ok(path),
        false => Err(Failure::invalid("owner", "owner must be the path of a user or group").never_sent()),
    }
}

fn sound(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// A merge request's project and its number in it, which GitLab calls `iid`.
///
/// # Errors
/// `invalid_input` on `pr`.
pub fn pull(text: &str) -> Result<(&str, String), Failure> {
    numbered("pr", text, "pr must be written as owner/name#number")
}

/// A hook's project and its id.
///
/// # Errors
/// `invalid_input` on `hook`.
pub fn hook(text: &str) -> Result<(&str, String), Failure> {
    numbered(
        "hook",
        text,
        "hook must be written as owner/name#id, as the list of hooks tells it",
    )
}

/// An issue's project and its number in it; `field` is where the caller named it.
///
/// # Errors
/// `invalid_input` on `field`.
pub fn issue<'a>(field: &str, text: &'a str) -> Result<(&'a str, String), Failure> {
    numbered(field, text, &format!("{field} must be written as owner/name#number"))
}

/// A board's project and its id.
///
/// # Errors
/// `invalid_input` on `board`.
pub fn board(text: &str) -> Result<(&str, String), Failure> {
    let sentence = "board must be written as owner/name#id, as the list of boards tells it";
    numbered("board", text, sentence)
}

fn numbered<'a>(field: &str, text: &'a str, sentence: &str) -> Result<(&'a str, String), Failure> {
    let parts = text.rsplit_once('#');
    let parts = parts.and_then(|(path, number)| Some((project(field, path).ok()?, number.parse::<u64>().ok()?)));
    match parts {
        Some((path, number)) if number > 0 => Ok((path, number.to_string())),
        _ => Err(Failure::invalid(field, sentence).never_sent()),
    }
}

/// The neutral id of what has a number within a project.
pub fn numbered_id(instance: &str, project: &str, number: u64) -> String {
    Resource::neutral_id(instance, format!("{project}#{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gl2_a_group_may_be_of_any_depth() {
        for path in ["acme/api", "acme/platform/core/api", "acme/api.js"] {
            assert_eq!(project("repo", path).unwrap(), path);
            let id = numbered_id("gitlab-a", path, 7);
            let resource = Resource::parse(&id);
            assert_eq!(pull(resource.native()).unwrap(), (path, "7".to_owned()));
            assert_eq!(hook(resource.native()).unwrap(), (path, "7".to_owned()));
        }
        for odd in [
            "acme",
            "acme/",
            "/api",
            "acme//api",
            "../api",
            "acme/..",
            "acme/./api",
            "",
        ] {
            let failure = project("repo", odd).unwrap_err();
            assert_eq!(
                (failure.field.as_deref(), failure.unsent),
                (Some("repo"), true),
                "{odd}"
            );
        }
        for odd in [
            "acme/api",
            "acme/api#",
            "acme/api#0",
            "acme/api#x",
            "acme#1",
            "#1",
            "acme/api!1",
        ] {
            assert_eq!(pull(odd).unwrap_err().field.as_deref(), Some("pr"), "{odd}");
        }
        assert!(owner("acme/platform").is_ok() && owner("acme/..").is_err() && owner("").is_err());
    }
}
