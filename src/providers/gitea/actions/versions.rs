//! What a release lacks of Actions. Pure.
//!
//! Invariant: only a server that tells its release is known to lack anything.

use super::super::version::{Release, Server};
use crate::catalogue::cicd::{
    ArtifactGet, ArtifactList, LogFollow, LogGet, PipelineList, RunDelete, RunGet, RunJobs, RunList, RunRerun,
    RunRerunFailed, RunResolve, RunTrigger, RunWait,
};
use crate::catalogue::op::Op;

/// Since which release of Gitea, and of Forgejo, an operation can be done; `None`: in none.
type Since = (&'static str, (u32, u32), Option<u32>);

const fn name<O: Op>() -> &'static str {
    O::DECLARATION.facts.name
}

/// What can always be done is not here. A log is found by its job, so it can be had where jobs can.
const SINCE: &[Since] = &[
    (name::<PipelineList>(), (1, 24), None),
    (name::<RunTrigger>(), (1, 24), Some(7)),
    (name::<RunResolve>(), (1, 25), Some(12)),
    (name::<RunList>(), (1, 25), Some(12)),
    (name::<RunGet>(), (1, 25), Some(12)),
    (name::<RunWait>(), (1, 25), Some(12)),
    (name::<RunJobs>(), (1, 25), Some(16)),
    (name::<RunDelete>(), (1, 25), Some(16)),
    (name::<RunRerun>(), (1, 26), None),
    (name::<RunRerunFailed>(), (1, 26), None),
    (name::<LogGet>(), (1, 25), Some(16)),
    (name::<LogFollow>(), (1, 25), Some(16)),
    (name::<ArtifactList>(), (1, 24), Some(16)),
    (name::<ArtifactGet>(), (1, 24), Some(16)),
];

/// The names of the operations that a server cannot do.
pub fn lacks(server: Server) -> Vec<&'static str> {
    let can = |(_, gitea, forgejo): &Since| match server {
        Server::Gitea(release) => (release.major, release.minor) >= *gitea,
        Server::Forgejo(Release { major, .. }) => forgejo.is_some_and(|since| major >= since),
        Server::Unknown => true,
    };
    SINCE.iter().filter(|row| !can(row)).map(|(name, ..)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ga1_f3_each_release_lacks_what_came_later() {
        let gitea = |minor| lacks(Server::Gitea(Release { major: 1, minor }));
        let forgejo = |major| lacks(Server::Forgejo(Release { major, minor: 0 }));
        assert_eq!(gitea(22).len(), SINCE.len());
        assert_eq!(gitea(23).len(), SINCE.len());
        assert!(!gitea(24).contains(&"cicd.run.trigger") && gitea(24).contains(&"cicd.run.list"));
        assert_eq!(gitea(25), ["cicd.run.rerun", "cicd.run.rerun_failed"]);
        assert!(gitea(26).is_empty() && gitea(27).is_empty() && lacks(Server::Unknown).is_empty());
        let never = ["cicd.pipeline.list", "cicd.run.rerun", "cicd.run.rerun_failed"];
        assert_eq!(forgejo(16), never);
        assert!(forgejo(15).contains(&"cicd.log.get") && !forgejo(15).contains(&"cicd.run.list"));
        assert!(forgejo(11).contains(&"cicd.run.list") && !forgejo(11).contains(&"cicd.run.trigger"));
        assert!(!gitea(22).contains(&"cicd.secret.put"));
    }
}
