//! What GitHub is known to say when it refuses, and what it means.
//!
//! Invariant: a sentence of GitHub's is only looked at; the one that is passed on is ours, and begins with the field that it
//! is about.

use mosaic_actors::error::Failure;
use mosaic_actors::error::Kind::{self, Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed, Unsupported};

/// The sentence of a write that another one has overtaken: a second look makes sense.
pub const OVERTAKEN: &str = "another change to the file or its branch came first";

/// The sentence of a commit that is not there.
pub const NO_COMMIT: &str = "there is no such commit";

/// The sentence of a pull request that something forbids to merge.
pub const NOT_MERGEABLE: &str = "the pull request cannot be merged as it is";

/// The sentence of a file of a repository without a commit.
pub const NOTHING_YET: &str = "path is not there: the repository is empty";

/// The sentence of a repository without a commit.
pub const EMPTY: &str = "the repository is empty: nothing was ever committed to it";

/// A sentence that GitHub is known to say.
struct Saying {
    /// What it means.
    kind: Kind,
    /// The statuses that it comes with.
    statuses: &'static [u16],
    /// What is in it, in lower case.
    parts: &'static [&'static str],
    /// Our own.
    sentence: &'static str,
    /// The field that ours begins with, which an operation may know by another name.
    field: Option<&'static str>,
}

const fn said(kind: Kind, statuses: &'static [u16], parts: &'static [&'static str], sentence: &'static str) -> Saying {
    Saying {
        kind,
        statuses,
        parts,
        sentence,
        field: None,
    }
}

impl Saying {
    const fn of(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }
}

/// Whoever comes first is meant.
const SAYINGS: &[Saying] = &[
    // What may not be, at no time.
    said(
        Forbidden,
        &[403],
        &["archived"],
        "the repository is archived and takes no changes",
    ),
    said(
        Forbidden,
        &[403, 404, 422],
        &["refusing to allow", "workflow"],
        "a workflow needs a credential with that scope",
    ),
    said(
        Forbidden,
        &[403, 409, 422],
        &["rule violations"],
        "a rule of the repository forbids this",
    ),
    said(
        Forbidden,
        &[403, 409, 422],
        &["protected branch"],
        "branch is protected",
    )
    .of("branch"),
    said(
        Forbidden,
        &[409, 422],
        &["through a pull request"],
        "branch takes changes by pull requests only",
    )
    .of("branch"),
    said(
        Forbidden,
        &[409, 422],
        &["required status check"],
        "branch takes only what was checked before",
    )
    .of("branch"),
    said(
        Forbidden,
        &[403],
        &["issue is locked"],
        "its conversation is locked: only members may comment",
    ),
    said(Forbidden, &[422], &["cannot delete"], "branch may not be deleted").of("branch"),
    said(
        Forbidden,
        &[422],
        &["your own pull request"],
        "nobody decides on a pull request of their own",
    ),
    // What can be no such thing.
    said(
        InvalidInput,
        &[422],
        &["secret name"],
        "name is not one that GitHub takes for a secret",
    )
    .of("name"),
    // What is not there.
    said(NotFound, &[422], &["reference does not exist"], "ref is not there").of("ref"),
    said(
        NotFound,
        &[422],
        &["object does not exist"],
        "if_match is no commit of the repository",
    )
    .of("if_match"),
    said(NotFound, &[404, 422], &["no commit found"], NO_COMMIT),
    said(NotFound, &[404], &["repository is empty"], NOTHING_YET),
    said(NotFound, &[404], &["branch ", " not found"], "branch is not there").of("branch"),
    said(NotFound, &[422], &["no ref found for"], "branch is not there").of("branch"),
    said(NotFound, &[410], &["deleted"], "the issue was deleted"),
    said(
        NotFound,
        &[410],
        &["disabled"],
        "issues are switched off in the repository",
    ),
    said(
        NotFound,
        &[422],
        &["cannot be searched"],
        "project is not there, or not shown to us",
    )
    .of("project"),
    // What is in the way now.
    said(Conflict, &[409], &["repository is empty"], EMPTY),
    said(Conflict, &[409], &["but expected"], OVERTAKEN),
    said(Conflict, &[422], &["sha", "wasn't supplied"], OVERTAKEN),
    said(Conflict, &[422], &["reference already exists"], "ref exists already").of("ref"),
    said(
        Conflict,
        &[422],
        &["pull request already exists"],
        "head has a pull request into this base already",
    )
    .of("head"),
    said(
        Conflict,
        &[422],
        &["no commits between"],
        "head has no commits that base has not",
    )
    .of("head"),
    said(
        Conflict,
        &[404],
        &["no common ancestor"],
        "base and head have no commit in common",
    ),
    said(
        Conflict,
        &[422],
        &["hook already exists"],
        "url has such a hook already",
    )
    .of("url"),
    said(Conflict, &[422], &["name already exists"], "name exists already").of("name"),
    said(
        Conflict,
        &[422],
        &["maximum number of statuses"],
        "context has too many statuses of this commit",
    )
    .of("context"),
    said(
        Conflict,
        &[422],
        &["state cannot be changed"],
        "state cannot be changed to this any more",
    )
    .of("state"),
    said(Conflict, &[422], &["disabled workflow"], "pipeline is disabled").of("pipeline"),
    // Why a run is not run again (HA10).
    said(
        PreconditionFailed,
        &[403],
        &["already running"],
        "the run cannot be run again: it has not ended",
    ),
    said(
        PreconditionFailed,
        &[403],
        &["over a month ago"],
        "the run cannot be run again: it is older than 30 days",
    ),
    said(
        PreconditionFailed,
        &[403],
        &["cannot be retried"],
        "the run cannot be run again: its workflow file is broken, nothing of it failed, or it was run 50 times",
    ),
    // Why a pull request is not merged (H3).
    said(
        Conflict,
        &[405, 409],
        &["base branch was modified"],
        "the base of the pull request has moved meanwhile",
    ),
    said(
        Conflict,
        &[409],
        &["head branch was modified"],
        "the head of the pull request has moved meanwhile",
    ),
    said(
        Unsupported,
        &[405],
        &["not allowed on this repository"],
        "method is switched off there",
    )
    .of("method"),
    said(
        Conflict,
        &[405],
        &["status check"],
        "checks that the base requires have not passed",
    ),
    said(
        Conflict,
        &[405],
        &["review"],
        "a review that the base requires is missing",
    ),
    said(Conflict, &[405], &["draft"], "the pull request is a draft"),
    said(Conflict, &[405], &["not mergeable"], NOT_MERGEABLE),
];

/// What is known to be meant by what GitHub says with a status, in lower case.
pub fn known(status: u16, text: &str) -> Option<Failure> {
    let is =
        |saying: &&Saying| saying.statuses.contains(&status) && saying.parts.iter().all(|part| text.contains(part));
    let saying = SAYINGS.iter().find(is)?;
    let mut failure = Failure::new(saying.kind, saying.sentence);
    failure.field = saying.field.map(Into::into);
    Some(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_about_a_field_begins_with_it() {
        for Saying {
            parts, sentence, field, ..
        } in SAYINGS
        {
            assert!(field.is_none_or(|field| sentence.starts_with(field)), "{sentence}");
            assert!(
                parts.iter().all(|part| *part == part.to_ascii_lowercase()),
                "{sentence}"
            );
        }
    }
}
