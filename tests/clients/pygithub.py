"""PyGithub on GitHub's sandbox: one change from a branch to its release, and a run from its start to its end."""

import sys

from github import Auth, Github, GithubException, UnknownObjectException

base_url, token = sys.argv[1:]
github = Github(base_url=base_url, auth=Auth.Token(token), retry=None, per_page=100, seconds_between_requests=0, seconds_between_writes=0)


def refused(status, call):
    try:
        call()
    except GithubException as error:
        assert error.status == status, (status, error)
        return error
    raise AssertionError(f"nobody refused: {status}")


me = github.get_user()
assert me.login == "sandbox-user", me.login
limit = github.get_rate_limit()
assert limit.rate.limit == 5000, limit

# Repositories: by page, one, none, a former name.
web = github.get_repo("acme/web")
assert (web.full_name, web.default_branch, web.private) == ("acme/web", "main", False)
refused(404, lambda: github.get_repo("acme/none"))
assert isinstance(refused(404, lambda: github.get_repo("acme/none")), UnknownObjectException)
assert github.get_repo("quirks/former").full_name == "quirks/renamed"

repo = me.create_repo("travel", description="Grüße", private=True, auto_init=True)
assert (repo.full_name, repo.private, repo.description) == ("sandbox-user/travel", True, "Grüße")
refused(422, lambda: me.create_repo("travel"))

# A branch with a slash, files with odd names, and who was faster.
main = repo.get_branch("main")
repo.create_git_ref("refs/heads/feature/one", main.commit.sha)
assert {branch.name for branch in repo.get_branches()} == {"main", "feature/one"}
refused(422, lambda: repo.create_git_ref("refs/heads/feature/one", main.commit.sha))
path = "docs/a file #1 100%+ü?.md"
made = repo.create_file(path, "Add a file", "first\n", branch="feature/one")
read = repo.get_contents(path, ref="feature/one")
assert (read.path, read.decoded_content, read.sha) == (path, b"first\n", made["content"].sha)
changed = repo.update_file(path, "Change it", "second\n", read.sha, branch="feature/one")
refused(409, lambda: repo.update_file(path, "Too late", "third\n", read.sha, branch="feature/one"))
repo.create_file("gone.txt", "Add another", "x", branch="feature/one")
gone = repo.get_contents("gone.txt", ref="feature/one")
repo.delete_file("gone.txt", "Remove it", gone.sha, branch="feature/one")
refused(404, lambda: repo.get_contents("gone.txt", ref="feature/one"))
assert [entry.path for entry in repo.get_git_tree("feature/one", recursive=True).tree if entry.type == "blob"] == [
    "README.md",
    path,
]

# Commits and what lies between two of them.
commits = list(repo.get_commits(sha="feature/one"))
assert commits[0].commit.message.startswith("Remove it"), commits[0].commit.message
assert commits[-1].sha == main.commit.sha
compared = repo.compare("main", "feature/one")
assert (compared.status, compared.ahead_by, compared.behind_by) == ("ahead", 4, 0), compared
assert [file.filename for file in compared.files] == [path]
commit = repo.get_commit(changed["commit"].sha)
assert (commit.files[0].additions, commit.files[0].deletions) == (1, 1)

# The pull request: looked at, talked of, merged.
pull = repo.create_pull(title="One", body="It *changes*", base="main", head="feature/one")
refused(422, lambda: repo.create_pull(title="Again", body="", base="main", head="feature/one"))
assert (pull.number, pull.state, pull.merged, pull.head.ref) == (1, "open", False, "feature/one")
assert [p.number for p in repo.get_pulls(state="open")] == [1]
pull.edit(title="One change")
assert repo.get_pull(1).title == "One change"
# Nobody approves what is his own.
refused(422, lambda: pull.create_review(body="Fine", event="APPROVE"))
pull.create_review(body="A remark", event="COMMENT")
assert [(r.state, r.body) for r in pull.get_reviews()] == [("COMMENTED", "A remark")]
pull.create_issue_comment("A word")
assert [c.body for c in pull.get_issue_comments()] == ["A word"]
assert [f.filename for f in pull.get_files()] == [path]
head = repo.get_commit(pull.head.sha)
head.create_status("success", target_url="https://ci.example.org/1", description="Green", context="ci/build")
assert head.get_combined_status().state == "success"
refused(409, lambda: pull.merge(sha=main.commit.sha))
merged = pull.merge(merge_method="squash", sha=pull.head.sha)
assert merged.merged and repo.get_pull(1).merged
refused(405, lambda: pull.merge())
repo.get_git_ref("heads/feature/one").delete()
refused(404, lambda: repo.get_branch("feature/one"))

# Tags, releases, hooks, forks, and the end.
repo.create_git_ref("refs/tags/v1.0.0", merged.sha)
assert [(t.name, t.commit.sha) for t in repo.get_tags()] == [("v1.0.0", merged.sha)]
release = repo.create_git_release(tag="v1.0.0", name="One", message="The *first*", prerelease=True)
assert repo.get_release("v1.0.0").id == release.id and release.prerelease
hook = repo.create_hook("web", {"url": "https://hooks.example.org/x", "content_type": "json"}, ["push"], active=True)
assert [h.id for h in repo.get_hooks()] == [hook.id]
hook.delete()
assert list(repo.get_hooks()) == []
fork = github.get_repo("acme/api").create_fork()
assert fork.full_name == "sandbox-user/api" and fork.fork
repo.delete()
refused(404, lambda: github.get_repo("sandbox-user/travel"))

# A run: started, tried again, stopped, let go on; each read moves it on.
api = github.get_repo("acme/api")
assert [(w.name, w.state) for w in api.get_workflows()][0] == ("CI", "active")
checks = api.get_workflow("ci.yml")
assert checks.create_dispatch("main", {"SANDBOX_OUTCOME": "failure", "note": "By PyGithub"})
assert not api.get_workflow("retired.yml").create_dispatch("main")


def runs(**how):
    return list(api.get_workflow_runs(event="workflow_dispatch", **how))


def ended(run):
    for _ in range(5):
        if run.status == "completed":
            return run.conclusion
        run = api.get_workflow_run(run.id)
    raise AssertionError(f"run {run.id} never ends")


# Its id was not told, so it takes a moment to appear.
assert runs() == []
(run,) = runs()
assert (run.display_title, run.head_branch, run.run_attempt) == ("By PyGithub", "main", 1)
assert ended(run) == "failure"
assert [(j.name, j.conclusion, len(j.steps)) for j in run.jobs()] == [("lint", "success", 2), ("test", "failure", 2)]
assert [artifact.name for artifact in run.get_artifacts()] == ["report"]
assert run.rerun_failed_jobs() and ended(api.get_workflow_run(run.id)) == "failure"
assert api.get_workflow_run(run.id).run_attempt == 2 and not run.cancel()
assert run.delete()
refused(404, lambda: api.get_workflow_run(run.id))
(waiting,) = [run for run in api.get_workflow_runs(status="action_required")]
assert waiting.event == "pull_request"
key = api.get_public_key()
secret = api.create_secret("TOKEN", "sealed by another hand")
assert secret.name == "TOKEN" and [s.name for s in api.get_secrets()] == ["TOKEN"]

# Ten thousand branches beside the main one are walked, an empty repository has none, and an archived one is closed.
crowded = github.get_repo("quirks/crowded")
assert sum(1 for _ in crowded.get_branches()) == 10_001
assert list(github.get_repo("quirks/empty").get_branches()) == []
refused(403, lambda: github.get_repo("quirks/archived").create_file("x", "x", "x"))
