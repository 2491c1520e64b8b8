//! Events: what providers tell of themselves, in the words of the operations.
//!
//! Invariant: whoever reads what an event tells of, after the event, reads it as it is since then: an event's tags are
//! those that the answers about its resource carry.

mod bounds;

use std::sync::Arc;

use mosaic_actors::call::{Resource, Tag};
use mosaic_actors::policy::routing::covers;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::link::Link;
use super::op::Declaration;
use super::page_url::is_no_page;
use super::person::Person;
use super::tags::Topic;
use super::{ai, cicd, docs, git, projects};

pub(crate) use bounds::line;
pub use bounds::turns;

/// Something has happened at a provider.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its place among all events of this gateway; they grow. A feed goes on behind it.
    pub id: i64,
    /// The instance that it comes from.
    pub provider: Arc<str>,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// The same in the provider's own words.
    pub raw_type: String,
    /// The neutral id of what it happened to, where the provider names it.
    pub resource: Option<String>,
    /// The branch or tag that it is about.
    pub reference: Option<String>,
    /// Who did it.
    pub actor: Option<Person>,
    /// A page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// When it happened, where the provider tells. RFC 3339. Events may come out of order.
    pub occurred_at: Option<String>,
    /// When it came. RFC 3339.
    pub received_at: String,
}

/// What a provider has told, before it has its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// What happened.
    pub kind: EventType,
    /// The same in the provider's own words.
    pub raw_type: String,
    /// What it happened to, as the provider knows it.
    pub native: Option<String>,
    /// The branch or tag that it is about.
    pub reference: Option<String>,
    /// Who did it.
    pub actor: Option<Person>,
    /// A page for people.
    pub web_url: Option<Link>,
    /// When it happened. RFC 3339.
    pub occurred_at: Option<String>,
}

impl Told {
    /// What it makes untrue of what is known.
    pub fn tags(&self) -> Vec<Tag> {
        let native = self.native.as_deref().unwrap_or_default();
        self.kind.topics().iter().map(|topic| topic.tag(native)).collect()
    }

    /// The event, in its place.
    pub fn placed(self, id: i64, provider: &Arc<str>, received_at: String) -> Event {
        Event {
            id,
            resource: self.native.map(|native| Resource::neutral_id(provider, native)),
            provider: provider.clone(),
            kind: self.kind,
            raw_type: self.raw_type,
            reference: self.reference,
            actor: self.actor,
            web_url: self.web_url,
            occurred_at: self.occurred_at,
            received_at,
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $topics:expr;)*) => {
        /// What happened. The first word is the service that it concerns.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum EventType {
            $($(#[$doc])* #[serde(rename = $name)] $kind,)*
        }

        impl EventType {
            /// Every one.
            pub const ALL: &'static [EventType] = &[$(EventType::$kind),*];

            /// Its name, e.g. `git.pr.opened`.
            pub const fn name(self) -> &'static str {
                match self { $(EventType::$kind => $name,)* }
            }

            /// What an event of this type makes untrue, of the resource that it tells of.
            fn topics(self) -> &'static [Topic] {
                match self { $(EventType::$kind => $topics,)* }
            }
        }
    };
}

use ai::batch::{BATCH, BATCHES};
use cicd::topics::{QUEUE, RUN, RUNS};
use docs::topics::{PAGE, PAGES, SPACES};
use git::topics::{
    BRANCHES, HOOKS, PULL, PULLS, REF_MOVES, RELEASES, REPO, REPOS, REPOS_OF_OWNER, STATUSES, TAG_MOVES,
};
use projects::topics::{BOARDS, ISSUE_CHANGES, LABELS, MILESTONES};

kinds! {
    /// Commits were pushed to a branch.
    Push = "git.push", REF_MOVES;
    /// A branch is new.
    BranchCreated = "git.branch.created", REF_MOVES;
    /// A branch is gone.
    BranchDeleted = "git.branch.deleted", REF_MOVES;
    /// A tag is new, or leads elsewhere.
    TagCreated = "git.tag.created", TAG_MOVES;
    /// A tag is gone.
    TagDeleted = "git.tag.deleted", TAG_MOVES;
    /// A pull request is new.
    PullOpened = "git.pr.opened", &[PULL, PULLS];
    /// A pull request was closed without being merged.
    PullClosed = "git.pr.closed", &[PULL, PULLS];
    /// A pull request was merged.
    PullMerged = "git.pr.merged", &[PULL, PULLS];
    /// A closed pull request was opened again.
    PullReopened = "git.pr.reopened", &[PULL, PULLS];
    /// Something of a pull request has changed: its words, its people, its commits.
    PullUpdated = "git.pr.updated", &[PULL, PULLS];
    /// A review was given, or taken back.
    PullReviewed = "git.pr.reviewed", &[PULL, PULLS];
    /// A comment on a pull request was written, changed or deleted.
    PullCommented = "git.pr.commented", &[PULL, PULLS];
    /// A release was published, changed or deleted.
    ReleaseChanged = "git.release.changed", &[RELEASES];
    /// A repository is new, has changed, has moved or is gone.
    RepoChanged = "git.repo.changed", REPO_CHANGES;
    /// The status of a commit has changed.
    StatusChanged = "git.status.changed", &[STATUSES];
    /// An issue is new.
    IssueOpened = "projects.issue.opened", ISSUE_CHANGES;
    /// An issue was closed.
    IssueClosed = "projects.issue.closed", ISSUE_CHANGES;
    /// A closed issue was opened again.
    IssueReopened = "projects.issue.reopened", ISSUE_CHANGES;
    /// Something of an issue has changed: its words, its people, its labels.
    IssueUpdated = "projects.issue.updated", ISSUE_CHANGES;
    /// An issue is gone, or has moved to another project.
    IssueDeleted = "projects.issue.deleted", ISSUE_CHANGES;
    /// A comment on an issue was written, changed or deleted.
    IssueCommented = "projects.issue.commented", ISSUE_COMMENTED;
    /// A label of a project is new, has changed or is gone.
    LabelChanged = "projects.label.changed", &[LABELS];
    /// A milestone of a project is new, has changed or is gone.
    MilestoneChanged = "projects.milestone.changed", &[MILESTONES];
    /// A run was started, has moved on, or has ended.
    RunChanged = "cicd.run.changed", &[RUN, RUNS, QUEUE];
    /// A page is new.
    PageCreated = "docs.page.created", &[PAGE, PAGES];
    /// A page has changed, or has moved.
    PageUpdated = "docs.page.updated", &[PAGE, PAGES];
    /// A page is gone, or in the trash.
    PageDeleted = "docs.page.deleted", PAGE_GOES;
    /// A comment on a page was written, changed or deleted.
    PageCommented = "docs.page.commented", &[docs::topics::COMMENTS];
    /// What holds pages, and may be a board, is new, has changed or is gone.
    SpaceChanged = "docs.space.changed", &[SPACES, PAGES, BOARDS];
    /// An answer that was made in the background is there, or has failed.
    ResponseEnded = "ai.response.ended", &[];
    /// A batch has ended, or has failed.
    BatchEnded = "ai.batch.ended", &[BATCH, BATCHES];
    /// What has no word here; the provider's stands beside it.
    #[default]
    Other = "other", &[];
}

/// What goes with a page.
const PAGE_GOES: &[Topic] = &[PAGE, PAGES, docs::topics::COMMENTS, docs::topics::ATTACHMENTS];

/// What may change with a repository: all that is asked for by its path.
const REPO_CHANGES: &[Topic] = &[
    REPO,
    REPOS,
    REPOS_OF_OWNER,
    BRANCHES,
    HOOKS,
    PULLS,
    RELEASES,
    projects::topics::ISSUES,
    LABELS,
    MILESTONES,
];

/// What changes with a comment.
const ISSUE_COMMENTED: &[Topic] = &[
    projects::topics::COMMENTS,
    projects::topics::ISSUE,
    projects::topics::ISSUES,
];

impl EventType {
    /// Whether an operation reads what an event of this type tells of. What the event makes untrue is more than that: a push
    /// may have moved a pull request, and yet tells of none.
    pub fn is_read_by(self, declaration: &Declaration) -> bool {
        let name = declaration.facts.name;
        declaration.facts.safe
            && match self {
                EventType::Push => covers("git.branch", name) || covers("git.commit", name),
                _ => self.noun().is_some_and(|noun| covers(noun, name)),
            }
    }

    /// What it happened to: its name up to what happened.
    fn noun(self) -> Option<&'static str> {
        self.name().rsplit_once('.').map(|(noun, _)| noun)
    }

    /// The service that it concerns; none for [`EventType::Other`].
    pub fn service(self) -> Option<&'static str> {
        self.name().split_once('.').map(|(service, _)| service)
    }

    /// Whether its name is `prefix`, or begins with it and a dot.
    pub fn is(self, prefix: &str) -> bool {
        let rest = self.name().strip_prefix(prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::catalogue::OPERATIONS;

    #[test]
    fn what_an_event_makes_untrue_is_what_answers_depend_on() {
        let declared = OPERATIONS.iter().map(|entry| entry.declaration);
        let carried: HashSet<_> = declared
            .flat_map(|declaration| declaration.carries.iter().map(|topic| topic.name))
            .collect();
        for kind in EventType::ALL {
            for topic in kind.topics() {
                assert!(carried.contains(topic.name), "{}: {}", kind.name(), topic.name);
            }
        }
    }

    #[test]
    fn what_an_event_tells_of_is_read_by_the_operations_of_its_noun() {
        let readers = |kind: EventType| {
            let declared = OPERATIONS.iter().map(|entry| entry.declaration);
            let readers = declared.filter(|declaration| kind.is_read_by(declaration));
            readers.map(|reader| reader.facts.name).collect::<Vec<_>>()
        };
        for kind in EventType::ALL {
            assert_eq!(readers(*kind).is_empty(), *kind == EventType::Other, "{}", kind.name());
        }
        assert!(readers(EventType::Push).contains(&"git.commit.list"));
        assert!(!readers(EventType::Push).contains(&"git.pr.get"));
        assert!(readers(EventType::PullCommented).contains(&"git.pr.comments"));
    }

    #[test]
    fn a_batch_that_has_ended_is_looked_at_anew() {
        let told = Told {
            kind: EventType::BatchEnded,
            native: Some("batch_1".to_owned()),
            ..Told::default()
        };
        let kept = ["ai.batch.get", "ai.batch.list"].map(|name| {
            let entry = crate::catalogue::find(name).expect("an operation");
            entry.declaration.tags(&Resource::parse("models~batch_1")).carries
        });
        assert_eq!(told.tags(), kept.concat());
    }

    #[test]
    fn a_type_is_of_its_service_and_of_each_of_its_beginnings() {
        assert_eq!(EventType::PullMerged.service(), Some("git"));
        assert_eq!(EventType::Other.service(), None);
        let of = |prefix| EventType::PullMerged.is(prefix);
        assert!(of("git") && of("git.pr") && of("git.pr.merged"));
        assert!(!of("git.p") && !of("") && !of("git.pr.merged.x"));
        let read = |name: &str| serde_json::from_value::<EventType>(name.into()).ok();
        for kind in EventType::ALL {
            assert_eq!(read(kind.name()), Some(*kind));
        }
    }
}
