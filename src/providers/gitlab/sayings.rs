//! What GitLab's sentences mean.
//!
//! Invariant: a sentence is known by a part of it and never passed on, since it quotes what it is about.

use mosaic_actors::error::{Failure, Kind};

/// A part of a sentence in small letters, what it means, the field that it is about, and the sentence that is passed on.
type Meaning = (&'static str, Kind, Option<&'static str>, &'static str);

/// The first one that fits counts.
const MEANINGS: &[Meaning] = &[
    (
        "file with this name already exists",
        Kind::Conflict,
        Some("path"),
        "there is a file at this path already",
    ),
    (
        "directory with this name already exists",
        Kind::Conflict,
        Some("path"),
        "there is a directory at this path",
    ),
    (
        "file with this name doesn't exist",
        Kind::NotFound,
        Some("path"),
        "there is no file at this path",
    ),
    (
        "since you started editing it",
        Kind::PreconditionFailed,
        Some("if_match"),
        "the file is another by now",
    ),
    // The same, of one that is to be deleted.
    (
        "delete a file that has been previously updated",
        Kind::PreconditionFailed,
        Some("if_match"),
        "the file is another by now",
    ),
    (
        "edit files when you are on a branch",
        Kind::NotFound,
        Some("branch"),
        "there is no such branch",
    ),
    (
        "not allowed to push into this branch",
        Kind::Forbidden,
        Some("branch"),
        "our credential may not write to this branch",
    ),
    (
        "branch already exists",
        Kind::Conflict,
        Some("branch"),
        "there is a branch of this name already",
    ),
    (
        "branch name is invalid",
        Kind::InvalidInput,
        Some("branch"),
        "branch is no name of a branch",
    ),
    (
        "invalid reference name",
        Kind::NotFound,
        Some("from"),
        "from leads to no commit",
    ),
    (
        "protected branch",
        Kind::Forbidden,
        Some("branch"),
        "the branch is protected",
    ),
    (
        "default branch",
        Kind::Forbidden,
        Some("branch"),
        "the default branch cannot be taken away",
    ),
    (
        "merge request already exists",
        Kind::Conflict,
        Some("head"),
        "there is an open merge request of these branches already",
    ),
    (
        "use same project/branch for source and target",
        Kind::Conflict,
        Some("head"),
        "head and base are the same branch: there is nothing to merge",
    ),
    (
        "does not allow squashing",
        Kind::Unsupported,
        Some("method"),
        "the repository is set up to squash nothing",
    ),
    (
        "release already exists",
        Kind::Conflict,
        Some("tag"),
        "there is a release of this tag already",
    ),
    (
        "invalid url given",
        Kind::InvalidInput,
        Some("url"),
        "url is not accepted by GitLab",
    ),
    (
        "label already exists",
        Kind::Conflict,
        Some("name"),
        "there is a label of this name already",
    ),
    (
        "already being used for another",
        Kind::Conflict,
        Some("title"),
        "there is a milestone of this title already",
    ),
    (
        "tag name invalid",
        Kind::InvalidInput,
        Some("tag"),
        "tag is no name of a tag",
    ),
    ("protected tag", Kind::Forbidden, Some("tag"), "the tag is protected"),
    (
        "ref is not specified",
        Kind::InvalidInput,
        Some("target"),
        "there is no such tag yet, and target does not say what it shall point at",
    ),
    (
        "cannot transition status",
        Kind::Conflict,
        Some("state"),
        "the status cannot go to this state from where it is",
    ),
    (
        "marked for deletion",
        Kind::Conflict,
        None,
        "it is marked to be deleted already",
    ),
    ("cannot be merged", Kind::Conflict, None, "it cannot be merged as it is"),
    // GL3: of a request that writes, as 405.
    ("not allowed for moved projects", Kind::Conflict, None, MOVED),
];

/// Whoever writes to a project that has moved is told so.
pub const MOVED: &str = "the project has moved: what is written must go to its new path";

/// What a text in small letters says, where that is known.
pub fn meaning(text: &str) -> Option<Failure> {
    if text.contains("has already been taken") {
        let taken = "there is one of this name already";
        return Some(named(Kind::Conflict, Some("name"), taken));
    }
    let fits = |(part, ..): &&Meaning| text.contains(part);
    if let Some((_, kind, field, sentence)) = MEANINGS.iter().find(fits) {
        return Some(named(*kind, *field, sentence));
    }
    // These two quote a name in their middle.
    if text.starts_with("tag ") && text.contains(" already exists") {
        let sentence = "there is a tag of this name already";
        return Some(named(Kind::Conflict, Some("tag"), sentence));
    }
    if text.starts_with("target ") && text.contains(" is invalid") {
        return Some(named(Kind::NotFound, Some("target"), "target leads to no commit"));
    }
    None
}

/// What a text in small letters says of what is not there, where it names that.
pub fn absent(text: &str) -> Option<Failure> {
    let (field, sentence) = match text.trim() {
        "404 commit not found" => ("commit", "commit is not there, or not shown to us"),
        "404 branch not found" => ("branch", "branch is not there, or not shown to us"),
        "404 file not found" => ("path", "path is no file, or not shown to us"),
        _ => return None,
    };
    Some(named(Kind::NotFound, Some(field), sentence))
}

/// A failure that is about a field.
pub fn named(kind: Kind, field: Option<&str>, sentence: &str) -> Failure {
    let mut failure = Failure::new(kind, sentence);
    failure.field = field.map(Into::into);
    failure
}
