//! Pull requests from opening to merge.

use bytes::Bytes;

use super::*;
use crate::sandbox::forge::acts::file::FileWrite;

fn write(state: &mut State, repo: u64, branch: &str, path: &str, text: &'static str) {
    let who = Signature::of("somebody", "2026-01-05T09:00:00Z");
    let known = state.by_id(repo).unwrap().branch_head(branch).unwrap();
    let known = known.tree.file(path).map(|blob| blob.id.to_string());
    let write = FileWrite {
        branch: Some(branch),
        path,
        content: Some(Bytes::from(text)),
        known: known.as_deref(),
        message: "change",
        author: who.clone(),
        committer: who,
    };
    state.write_file(repo, &write).unwrap();
}

/// A repository whose branch `feature` has one change more than `main`, and the pull request for it.
fn opened() -> (State, u64, u64) {
    let mut state = State::seeded("one");
    let repo = state.repo("many", "repo-001").unwrap().id;
    state.create_branch(repo, "feature", "main").unwrap();
    write(&mut state, repo, "feature", "new.txt", "1\n");
    let number = open(&mut state, repo).unwrap();
    (state, repo, number)
}

fn open(state: &mut State, repo: u64) -> Result<u64, Refused> {
    let draft = PullDraft {
        title: "A feature",
        body: None,
        head_repo: repo,
        head: "feature",
        base: "main",
        draft: false,
    };
    state.create_pull(repo, &draft)
}

fn merging(style: MergeStyle, head: Option<&str>) -> Merging<'_> {
    Merging {
        style,
        head,
        message: "Merge",
    }
}

fn mergeable(state: &State, repo: u64, number: u64) -> Mergeable {
    let repo = state.by_id(repo).unwrap();
    repo.mergeable(repo.pull(number).unwrap().1)
}

#[test]
fn each_style_leaves_its_own_history() {
    for (style, commits) in [(MergeStyle::Merge, 4), (MergeStyle::Squash, 3), (MergeStyle::Rebase, 3)] {
        let (mut state, repo, number) = opened();
        let merged = state.merge_pull(repo, number, &merging(style, None)).unwrap();
        let found = state.by_id(repo).unwrap();
        let head = found.branch_head("main").unwrap();
        assert_eq!(
            (head.id.as_str(), found.history.log(&merged).len()),
            (&*merged, commits),
            "{style:?}"
        );
        assert!(head.tree.file("new.txt").is_some());
        let (issue, pull) = found.pull(number).unwrap();
        assert!(!issue.open && pull.merged.as_ref().is_some_and(|merge| merge.commit == merged));
        assert_eq!(
            found.brought_by(pull).unwrap().files.len(),
            1,
            "what it brought can still be read"
        );
        let again = state.merge_pull(repo, number, &merging(style, None));
        assert_eq!(again, Err(Refused::Merged));
    }
}

#[test]
fn whether_it_can_be_merged_is_not_known_at_once() {
    let (mut state, repo, number) = opened();
    assert!(matches!(mergeable(&state, repo, number), Mergeable::Unknown));
    state.ask_mergeable(repo, number);
    assert!(matches!(mergeable(&state, repo, number), Mergeable::Yes(_)));
    write(&mut state, repo, "main", "new.txt", "2\n");
    assert!(
        matches!(mergeable(&state, repo, number), Mergeable::Unknown),
        "a side moved"
    );
    state.ask_mergeable(repo, number);
    assert!(matches!(mergeable(&state, repo, number), Mergeable::Conflict));
    let refused = state.merge_pull(repo, number, &merging(MergeStyle::Merge, None));
    assert_eq!(refused, Err(Refused::Conflict(vec!["new.txt".to_owned()])));
}

#[test]
fn a_head_that_moved_is_not_merged_by_those_who_saw_the_old_one() {
    let (mut state, repo, number) = opened();
    let old = state.by_id(repo).unwrap().pull(number).unwrap().1.head_id.clone();
    write(&mut state, repo, "feature", "more.txt", "1\n");
    let new = state.by_id(repo).unwrap().pull(number).unwrap().1.head_id.clone();
    let refused = state.merge_pull(repo, number, &merging(MergeStyle::Merge, Some(&old)));
    assert_eq!(refused, Err(Refused::Stale(new.clone())));
    assert!(
        state
            .merge_pull(repo, number, &merging(MergeStyle::Merge, Some(&new)))
            .is_ok()
    );
}

#[test]
fn there_is_one_for_two_branches_and_none_for_nothing() {
    let (mut state, repo, number) = opened();
    assert_eq!(open(&mut state, repo), Err(Refused::Exists(What::Pull)));
    let close = PullEdit {
        open: Some(false),
        draft: Some(true),
        ..PullEdit::default()
    };
    state.edit_pull(repo, number, close).unwrap();
    let refused = state.merge_pull(repo, number, &merging(MergeStyle::Merge, None));
    assert_eq!(refused, Err(Refused::Closed));
    assert_eq!(
        open(&mut state, repo),
        Ok(number + 1),
        "a closed one is in nobody's way"
    );
    state.delete_branch(repo, "feature").unwrap();
    assert!(!state.by_id(repo).unwrap().issue(number + 1).unwrap().open);
    state.create_branch(repo, "feature", "main").unwrap();
    assert_eq!(open(&mut state, repo), Err(Refused::NothingBetween));
}

#[test]
fn a_fork_brings_its_work_back() {
    let state = State::seeded("one");
    let repo = state.repo("acme", "api").unwrap();
    let (issue, pull) = repo.pull(3).unwrap();
    assert!(issue.open && pull.head_owner != repo.owner);
    assert!(!repo.brought_by(pull).unwrap().files.is_empty());
    let (issue, pull) = repo.pull(5).unwrap();
    assert!(!issue.open && pull.merged.is_some());
    assert!(!repo.brought_by(pull).unwrap().files.is_empty());
}
