"""PyGithub through the gateway, on GitHub's own examples."""

import sys

from github import Auth, Github

base, token = sys.argv[1:]
github = Github(base_url=base, auth=Auth.Token(token), retry=0)
unread = Github(base_url=base, auth=Auth.Token(token), retry=0, lazy=True)
assert github.get_repo("octocat/Hello-World").full_name == "octocat/Hello-World"
# The examples hold addresses of GitHub itself, which it would follow: it makes its own of what it has not read.
repo = unread.get_repo("octocat/Hello-World")
assert repo.get_branches().get_page(0)[0].name
issue = repo.create_issue("One", body="A *word*", labels=["bug"])
assert issue.number > 0
release = repo.create_git_release(tag="v1.0.0", name="One", message="The *first*")
assert release.id > 0
assert repo.create_hook("web", {"url": "https://hooks.example.org/x", "content_type": "json"}, ["push"]).id > 0
