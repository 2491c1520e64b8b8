//! The calls that are made.
//!
//! Invariant: each operation that GitHub can do has a row, by the command line and by REST, unless it is named as one that
//! the description leaves out.

use serde_json::{Value, json};

use crate::compare::{
    same_branch, same_change, same_comment, same_commit, same_comparison, same_file, same_fork, same_hook, same_issue,
    same_issue_comment, same_label, same_lock, same_merge, same_milestone, same_new_branch, same_new_tag, same_nothing,
    same_pull, same_release, same_removal, same_repo, same_review, same_status, same_statuses, same_tag, same_tree,
    same_written,
};

/// What becomes of one call: the command, the method and the address, the requests that it needs, and where GitHub's own
/// answer to the one that counts stands.
pub struct Case {
    pub line: &'static str,
    pub method: &'static str,
    pub address: &'static str,
    /// For a write.
    pub body: Option<Value>,
    pub requests: usize,
    pub example: (&'static str, &'static str, &'static str),
    pub compare: fn(&Value, &Value),
}

impl Case {
    /// It takes more than one request.
    fn asks(self, requests: usize) -> Case {
        Case { requests, ..self }
    }
}

/// Some commit, named whole.
pub const HASH: &str = "6dcb09b5b57875f334f61aebed695e2e4193db5e";

const REPO: &str = "/v1/git/repos/octocat/Hello-World";

fn read(line: &'static str, address: &'static str, path: &'static str, compare: fn(&Value, &Value)) -> Case {
    Case {
        line,
        method: "GET",
        address,
        body: None,
        requests: 1,
        example: ("get", path, "200"),
        compare,
    }
}

fn write(
    line: &'static str,
    (method, address): (&'static str, &'static str),
    body: Value,
    example: (&'static str, &'static str, &'static str),
    compare: fn(&Value, &Value),
) -> Case {
    Case {
        line,
        method,
        address,
        body: (method != "DELETE").then_some(body),
        requests: 1,
        example,
        compare,
    }
}

pub fn cases() -> Vec<Case> {
    [
        repos(),
        refs(),
        contents(),
        pulls(),
        releases_statuses_and_hooks(),
        issues(),
        around_issues(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn repos() -> Vec<Case> {
    vec![
        read(
            "git repo get octocat/Hello-World",
            REPO,
            "/repos/{owner}/{repo}",
            same_repo,
        ),
        read(
            "git repo list --limit 2",
            "/v1/git/repos?limit=2",
            "/user/repos",
            same_repo,
        ),
        read(
            "git repo list --owner octocat",
            "/v1/git/repos?owner=octocat",
            "/orgs/{org}/repos",
            same_repo,
        ),
        write(
            "git repo create Hello-World --visibility public",
            ("POST", "/v1/git/repos"),
            json!({"name": "Hello-World", "visibility": "public"}),
            ("post", "/user/repos", "201"),
            same_repo,
        ),
        write(
            "git repo create Hello-World --owner github",
            ("POST", "/v1/git/repos"),
            json!({"name": "Hello-World", "owner": "github"}),
            ("post", "/orgs/{org}/repos", "201"),
            same_repo,
        ),
        write(
            "git repo fork octocat/Hello-World",
            ("POST", "/v1/git/repos/octocat/Hello-World/forks"),
            json!({}),
            ("post", "/repos/{owner}/{repo}/forks", "202"),
            same_fork,
        )
        .asks(2),
        write(
            "git repo delete octocat/Hello-World",
            ("DELETE", REPO),
            Value::Null,
            ("delete", "/repos/{owner}/{repo}", "204"),
            same_nothing,
        ),
    ]
}

fn refs() -> Vec<Case> {
    vec![
        read(
            "git branch list octocat/Hello-World",
            "/v1/git/repos/octocat/Hello-World/branches",
            "/repos/{owner}/{repo}/branches",
            same_branch,
        ),
        write(
            "git branch create octocat/Hello-World featureA --from main",
            ("POST", "/v1/git/repos/octocat/Hello-World/branches"),
            json!({"branch": "featureA", "from": "main"}),
            ("post", "/repos/{owner}/{repo}/git/refs", "201"),
            same_new_branch,
        )
        .asks(2),
        read(
            "git tag list octocat/Hello-World",
            "/v1/git/repos/octocat/Hello-World/tags",
            "/repos/{owner}/{repo}/tags",
            same_tag,
        ),
        write(
            "git tag create octocat/Hello-World v1 --message M --target 6dcb09b5b57875f334f61aebed695e2e4193db5e",
            ("POST", "/v1/git/repos/octocat/Hello-World/tags"),
            json!({"tag": "v1", "message": "M", "target": HASH}),
            ("post", "/repos/{owner}/{repo}/git/refs", "201"),
            same_new_tag,
        )
        .asks(2),
        read(
            "git commit list octocat/Hello-World --ref main --path README.md --since 2011-01-01T00:00:00Z",
            "/v1/git/repos/octocat/Hello-World/commits?ref=main&path=README.md&since=2011-01-01T00:00:00Z",
            "/repos/{owner}/{repo}/commits",
            same_commit,
        ),
        read(
            "git commit get octocat/Hello-World main",
            "/v1/git/repos/octocat/Hello-World/commits/main",
            "/repos/{owner}/{repo}/commits/{ref}",
            same_commit,
        ),
        read(
            "git compare octocat/Hello-World main topic",
            "/v1/git/repos/octocat/Hello-World/compare?base=main&head=topic",
            "/repos/{owner}/{repo}/compare/{basehead}",
            same_comparison,
        ),
    ]
}

fn contents() -> Vec<Case> {
    const CONTENTS: &str = "/repos/{owner}/{repo}/contents/{path}";
    vec![
        read(
            "git tree list octocat/Hello-World --ref main",
            "/v1/git/repos/octocat/Hello-World/tree?ref=main",
            "/repos/{owner}/{repo}/git/trees/{tree_sha}",
            same_tree,
        ),
        read(
            "git file get octocat/Hello-World README.md",
            "/v1/git/repos/octocat/Hello-World/files/README.md",
            CONTENTS,
            same_file,
        ),
        write(
            "git file put octocat/Hello-World README.md --content hello --branch main",
            ("PUT", "/v1/git/repos/octocat/Hello-World/files/README.md"),
            json!({"content": "hello", "branch": "main"}),
            ("put", CONTENTS, "200"),
            same_written,
        )
        .asks(2),
        write(
            "git file delete octocat/Hello-World README.md",
            ("DELETE", "/v1/git/repos/octocat/Hello-World/files/README.md"),
            Value::Null,
            ("delete", CONTENTS, "200"),
            same_removal,
        )
        .asks(2),
    ]
}

fn pulls() -> Vec<Case> {
    const PULL: &str = "/repos/{owner}/{repo}/pulls/{pull_number}";
    vec![
        read(
            "git pr list octocat/Hello-World --head topic --state all",
            "/v1/git/repos/octocat/Hello-World/prs?head=topic&state=all",
            "/repos/{owner}/{repo}/pulls",
            same_pull,
        ),
        read(
            "git pr get octocat/Hello-World#1347",
            "/v1/git/prs/octocat%2FHello-World%231347",
            PULL,
            same_pull,
        ),
        write(
            "git pr create octocat/Hello-World T topic --base main --head-repo alice/Hello-World --body B --draft",
            ("POST", "/v1/git/repos/octocat/Hello-World/prs"),
            json!({"title": "T", "head": "topic", "base": "main", "head_repo": "alice/Hello-World", "body": "B",
                "draft": true}),
            ("post", "/repos/{owner}/{repo}/pulls", "201"),
            same_pull,
        ),
        write(
            "git pr update octocat/Hello-World#1347 --title T --state closed",
            ("PATCH", "/v1/git/prs/octocat%2FHello-World%231347"),
            json!({"title": "T", "state": "closed"}),
            ("patch", PULL, "200"),
            same_pull,
        ),
        write(
            "git pr merge octocat/Hello-World#1347 --method squash --title T",
            ("POST", "/v1/git/prs/octocat%2FHello-World%231347/merge"),
            json!({"method": "squash", "title": "T"}),
            ("put", "/repos/{owner}/{repo}/pulls/{pull_number}/merge", "200"),
            same_merge,
        ),
        read(
            "git pr files octocat/Hello-World#1347",
            "/v1/git/prs/octocat%2FHello-World%231347/files",
            "/repos/{owner}/{repo}/pulls/{pull_number}/files",
            same_change,
        ),
        write(
            "git pr review octocat/Hello-World#1347 comment --body B",
            ("POST", "/v1/git/prs/octocat%2FHello-World%231347/reviews"),
            json!({"event": "comment", "body": "B"}),
            ("post", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", "200"),
            same_review,
        ),
        read(
            "git pr reviews octocat/Hello-World#1347",
            "/v1/git/prs/octocat%2FHello-World%231347/reviews",
            "/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
            same_review,
        ),
        write(
            "git pr comment octocat/Hello-World#1347 B",
            ("POST", "/v1/git/prs/octocat%2FHello-World%231347/comments"),
            json!({"body": "B"}),
            ("post", "/repos/{owner}/{repo}/issues/{issue_number}/comments", "201"),
            same_comment,
        ),
        read(
            "git pr comments octocat/Hello-World#1347",
            "/v1/git/prs/octocat%2FHello-World%231347/comments",
            "/repos/{owner}/{repo}/issues/{issue_number}/comments",
            same_comment,
        ),
    ]
}

fn releases_statuses_and_hooks() -> Vec<Case> {
    const STATUSES: &str = "/v1/git/repos/octocat/Hello-World/statuses/6dcb09b5b57875f334f61aebed695e2e4193db5e";
    vec![
        read(
            "git release list octocat/Hello-World",
            "/v1/git/repos/octocat/Hello-World/releases",
            "/repos/{owner}/{repo}/releases",
            same_release,
        ),
        write(
            "git release create octocat/Hello-World v1.0.0 --body B",
            ("POST", "/v1/git/repos/octocat/Hello-World/releases"),
            json!({"tag": "v1.0.0", "body": "B"}),
            ("post", "/repos/{owner}/{repo}/releases", "201"),
            same_release,
        )
        .asks(2),
        write(
            "git status set octocat/Hello-World 6dcb09b5b57875f334f61aebed695e2e4193db5e success ci/build",
            ("POST", STATUSES),
            json!({"state": "success", "context": "ci/build"}),
            ("post", "/repos/{owner}/{repo}/statuses/{sha}", "201"),
            same_status,
        ),
        read(
            "git status get octocat/Hello-World 6dcb09b5b57875f334f61aebed695e2e4193db5e",
            STATUSES,
            "/repos/{owner}/{repo}/commits/{ref}/status",
            same_statuses,
        ),
        read(
            "git hook list octocat/Hello-World",
            "/v1/git/repos/octocat/Hello-World/hooks",
            "/repos/{owner}/{repo}/hooks",
            same_hook,
        ),
        write(
            "git hook create octocat/Hello-World https://example.com/webhook --events push",
            ("POST", "/v1/git/repos/octocat/Hello-World/hooks"),
            json!({"url": "https://example.com/webhook", "events": ["push"]}),
            ("post", "/repos/{owner}/{repo}/hooks", "201"),
            same_hook,
        ),
        write(
            "git hook delete octocat/Hello-World#12345678",
            ("DELETE", "/v1/git/hooks/octocat%2FHello-World%2312345678"),
            Value::Null,
            ("delete", "/repos/{owner}/{repo}/hooks/{hook_id}", "204"),
            same_nothing,
        ),
    ]
}

fn issues() -> Vec<Case> {
    vec![
        read(
            "projects issue list octocat/Hello-World --labels bug --state all",
            "/v1/projects/issues?project=octocat/Hello-World&labels=bug&state=all",
            "/repos/{owner}/{repo}/issues",
            same_issue,
        ),
        read(
            "projects issue get octocat/Hello-World#1347",
            "/v1/projects/issues/octocat%2FHello-World%231347",
            "/repos/{owner}/{repo}/issues/{issue_number}",
            same_issue,
        ),
        write(
            "projects issue create octocat/Hello-World --title T --body B --labels bug",
            ("POST", "/v1/projects/issues"),
            json!({"project": "octocat/Hello-World", "title": "T", "body": "B", "labels": ["bug"]}),
            ("post", "/repos/{owner}/{repo}/issues", "201"),
            same_issue,
        ),
        write(
            "projects issue update octocat/Hello-World#1347 --title T --body B",
            ("PATCH", "/v1/projects/issues/octocat%2FHello-World%231347"),
            json!({"title": "T", "body": "B"}),
            ("patch", ISSUE, "200"),
            same_issue,
        )
        .asks(2),
        write(
            "projects issue close octocat/Hello-World#1347 --reason completed",
            ("PUT", "/v1/projects/issues/octocat%2FHello-World%231347/close"),
            json!({"reason": "completed"}),
            ("patch", ISSUE, "200"),
            same_issue,
        )
        .asks(2),
        write(
            "projects issue reopen octocat/Hello-World#1347",
            ("PUT", "/v1/projects/issues/octocat%2FHello-World%231347/reopen"),
            json!({}),
            ("patch", ISSUE, "200"),
            same_issue,
        )
        .asks(2),
        write(
            "projects issue lock octocat/Hello-World#1347",
            ("PUT", "/v1/projects/issues/octocat%2FHello-World%231347/lock"),
            json!({}),
            ("put", "/repos/{owner}/{repo}/issues/{issue_number}/lock", "204"),
            same_lock,
        )
        .asks(2),
    ]
}

/// An issue, as it is changed.
const ISSUE: &str = "/repos/{owner}/{repo}/issues/{issue_number}";

fn around_issues() -> Vec<Case> {
    const COMMENTS: &str = "/repos/{owner}/{repo}/issues/{issue_number}/comments";
    const COMMENT: &str = "/repos/{owner}/{repo}/issues/comments/{comment_id}";
    vec![
        read(
            "projects comment list octocat/Hello-World#1347",
            "/v1/projects/issues/octocat%2FHello-World%231347/comments",
            COMMENTS,
            same_issue_comment,
        ),
        write(
            "projects comment create octocat/Hello-World#1347 B",
            ("POST", "/v1/projects/issues/octocat%2FHello-World%231347/comments"),
            json!({"body": "B"}),
            ("post", COMMENTS, "201"),
            same_issue_comment,
        )
        .asks(2),
        write(
            "projects comment update octocat/Hello-World#1347/1 B",
            ("PATCH", "/v1/projects/comments/octocat%2FHello-World%231347%2F1"),
            json!({"body": "B"}),
            ("patch", COMMENT, "200"),
            same_issue_comment,
        )
        .asks(2),
        write(
            "projects comment delete octocat/Hello-World#1347/1",
            ("DELETE", "/v1/projects/comments/octocat%2FHello-World%231347%2F1"),
            Value::Null,
            ("delete", COMMENT, "204"),
            same_nothing,
        )
        .asks(2),
        read(
            "projects label list octocat/Hello-World",
            "/v1/projects/labels?project=octocat/Hello-World",
            "/repos/{owner}/{repo}/labels",
            same_label,
        ),
        write(
            "projects label create octocat/Hello-World bug --color #f29513",
            ("POST", "/v1/projects/labels"),
            json!({"project": "octocat/Hello-World", "name": "bug", "color": "#f29513"}),
            ("post", "/repos/{owner}/{repo}/labels", "201"),
            same_label,
        ),
        read(
            "projects milestone list octocat/Hello-World",
            "/v1/projects/milestones?project=octocat/Hello-World",
            "/repos/{owner}/{repo}/milestones",
            same_milestone,
        ),
        write(
            "projects milestone create octocat/Hello-World v1.0 --due-on 2012-10-09",
            ("POST", "/v1/projects/milestones"),
            json!({"project": "octocat/Hello-World", "title": "v1.0", "due_on": "2012-10-09"}),
            ("post", "/repos/{owner}/{repo}/milestones", "201"),
            same_milestone,
        ),
    ]
}
