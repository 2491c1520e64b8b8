"""python-gitlab on GitLab's sandbox: one change from a branch to its release."""

import sys

import gitlab
from gitlab.exceptions import GitlabAuthenticationError, GitlabError, GitlabGetError

api_url, token = sys.argv[1:]
url = api_url.removesuffix("/api/v4")
client = gitlab.Gitlab(url, private_token=token, retry_transient_errors=False)


def refused(status, call):
    try:
        call()
    except GitlabError as error:
        assert error.response_code == status, (status, error)
        return error
    raise AssertionError(f"nobody refused: {status}")


client.auth()
assert client.user.username == "sandbox-user", client.user
assert client.version()[0].startswith("18."), client.version()
stranger = gitlab.Gitlab(url, private_token="another")
assert isinstance(refused(401, stranger.auth), GitlabAuthenticationError)
if "/proxy/" not in url:
    # A gateway's key is no token of a job.
    job = gitlab.Gitlab(url, job_token=f"{token}.job")
    assert job.projects.get("acme/api", lazy=True).releases.list() == []

# Projects: by page, by keyset, in groups of groups, none, a former path.
names = {project.path_with_namespace for project in client.projects.list(iterator=True, per_page=50)}
keyset = client.projects.list(iterator=True, pagination="keyset", order_by="id", per_page=50)
assert names == {project.path_with_namespace for project in keyset} and len(names) == 129, len(names)
listed = client.groups.get("many").projects.list(page=2, per_page=50, get_all=False)
assert (len(listed), listed[0].path[:5]) == (50, "repo-"), listed
tools = client.projects.get("acme/platform/tools")
assert tools.namespace["full_path"] == "acme/platform", tools
assert client.projects.get(tools.id).path == "tools"
assert [group.full_path for group in client.groups.get("acme").subgroups.list()] == ["acme/platform"]
assert isinstance(refused(404, lambda: client.projects.get("acme/none")), GitlabGetError)
assert client.projects.get("quirks/former").path_with_namespace == "quirks/renamed"

project = client.projects.create({"name": "travel", "description": "Grüße", "initialize_with_readme": True})
assert (project.path_with_namespace, project.visibility) == ("sandbox-user/travel", "private"), project
refused(400, lambda: client.projects.create({"name": "travel"}))

# A branch with a slash, files with odd names, and who was faster.
project.branches.create({"branch": "feature/one", "ref": "main"})
assert {branch.name for branch in project.branches.list(iterator=True)} == {"main", "feature/one"}
refused(400, lambda: project.branches.create({"branch": "feature/one", "ref": "main"}))
assert project.branches.get("feature/one").commit["id"] == project.branches.get("main").commit["id"]
path = "docs/a file #1 100%+ü?.md"
new = {"file_path": path, "branch": "feature/one", "content": "first\n", "commit_message": "Add a file"}
project.files.create(new)
read = project.files.get(file_path=path, ref="feature/one")
assert (read.file_path, read.decode()) == (path, b"first\n"), read
assert project.files.raw(file_path=path, ref="feature/one") == b"first\n"
seen = read.last_commit_id
read.content = "second\n"
read.save(branch="feature/one", commit_message="Change it")
late = {"branch": "feature/one", "content": "third\n", "commit_message": "Too late", "last_commit_id": seen}
assert "has changed since" in str(refused(400, lambda: project.files.update(file_path=path, new_data=late)))
project.commits.create(
    {
        "branch": "feature/one",
        "commit_message": "Two at once",
        "actions": [
            {"action": "create", "file_path": "gone.txt", "content": "x"},
            {"action": "move", "file_path": "READ.md", "previous_path": "README.md"},
        ],
    }
)
project.files.delete(file_path="gone.txt", branch="feature/one", commit_message="Remove it")
refused(404, lambda: project.files.get(file_path="gone.txt", ref="feature/one"))
tree = project.repository_tree(ref="feature/one", recursive=True, iterator=True, per_page=1)
assert {entry["path"] for entry in tree if entry["type"] == "blob"} == {path, "READ.md"}

# Commits and what lies between two of them.
commits = project.commits.list(ref_name="feature/one", iterator=True, per_page=2)
assert [commit.title for commit in commits] == [
    "Remove it",
    "Two at once",
    "Change it",
    "Add a file",
    "Initial commit",
]
compared = project.repository_compare("main", "feature/one")
assert len(compared["commits"]) == 4 and len(compared["diffs"]) == 2, compared
commit = project.commits.get("feature/one")
assert {ref["name"] for ref in commit.refs()} == {"feature/one"}
commit.statuses.create({"state": "running", "name": "ci", "ref": "feature/one"})
refused(400, lambda: commit.statuses.create({"state": "running", "name": "ci", "ref": "feature/one"}))
commit.statuses.create({"state": "success", "name": "ci", "ref": "feature/one"})
assert [(status.name, status.status) for status in commit.statuses.list(iterator=True)] == [("ci", "success")]

# A merge request: said to, a draft, merged; another's is approved.
merge = project.mergerequests.create({"source_branch": "feature/one", "target_branch": "main", "title": "Draft: one"})
refused(409, lambda: project.mergerequests.create(
    {"source_branch": "feature/one", "target_branch": "main", "title": "again"}
))
assert merge.draft and merge.detailed_merge_status == "preparing", merge
merge.notes.create({"body": "Well"})
merge.discussions.create({"body": "Here"})
assert [note.body for note in merge.notes.list(iterator=True, sort="asc")] == ["Well", "Here"]
refused(405, merge.merge)
merge.title = "One"
merge.save()
seen = [project.mergerequests.get(merge.iid).detailed_merge_status for _ in range(2)]
assert seen == ["checking", "mergeable"], seen
assert [change["new_path"] for change in merge.changes()["changes"]] == ["READ.md", path]
assert len(list(merge.commits())) == 4
refused(409, lambda: merge.merge(sha="0" * 40))
merge.merge(should_remove_source_branch=True)
assert merge.state == "merged" and merge.merge_commit_sha, merge
assert [branch.name for branch in project.branches.list(iterator=True)] == ["main"]
guests = client.projects.get("acme/api").mergerequests.get(3)
guests.approve()
refused(401, guests.approve)
assert guests.approvals.get().approved_by[0]["user"]["username"] == "sandbox-user"
guests.unapprove()

# Tags, releases, hooks, protection.
project.tags.create({"tag_name": "v1", "ref": "main", "message": "First"})
assert project.tags.get("v1").message == "First"
project.releases.create({"tag_name": "v1", "name": "One", "description": "It begins"})
refused(409, lambda: project.releases.create({"tag_name": "v1", "description": "again"}))
assert project.releases.get("v1").name == "One"
hook = project.hooks.create({"url": "https://example.com/hook", "tag_push_events": True, "token": "secret"})
assert (hook.push_events, hook.tag_push_events, hook.note_events) == (True, True, False), hook
assert not hasattr(hook, "token"), "it is written and never read"
project.hooks.delete(hook.id)
project.protectedbranches.create({"name": "main"})
blocked = {"file_path": "x", "branch": "main", "content": "x", "commit_message": "m"}
refused(400, lambda: project.files.create(blocked))
project.protectedbranches.delete("main")

# A fork, and the end in two steps.
fork = client.projects.get("acme/web").forks.create({})
while client.projects.get(fork.id).import_status != "finished":
    pass
assert client.projects.get(fork.id).forked_from_project["path_with_namespace"] == "acme/web"
project.archive()
refused(403, lambda: project.branches.create({"branch": "x", "ref": "main"}))
project.unarchive()
project.delete()
assert client.projects.get(project.id).marked_for_deletion_on
refused(400, project.delete)
client.http_delete(f"/projects/{project.id}", permanently_remove=True, full_path="sandbox-user/travel")
refused(404, lambda: client.projects.get(project.id))
