"""PyGithub through the gateway: a write that is tried again, and a file that goes where a release says."""

import sys
import tempfile

from github import Auth, Github

proxy, key = sys.argv[1:]

# A failure of the provider reaches the client as it is, and the client's own retries answer it.
github = Github(base_url=f"{proxy}github-a", auth=Auth.Token(key), per_page=100, seconds_between_writes=0)
repo = github.get_user().create_repo("again", auto_init=True)
assert repo.full_name == "sandbox-user/again", repo
assert repo.url == f"{proxy}github-a/repos/sandbox-user/again", repo.url

# The address of uploads is another place of the provider's; it leads back to us.
mirror = Github(base_url=f"{proxy}mirror", auth=Auth.Token(key), seconds_between_writes=0)
release = mirror.get_repo("acme/api", lazy=True).get_release(1)
assert release.upload_url.startswith(f"{proxy}mirror/_uploads/repos/acme/api/"), release.upload_url
with tempfile.NamedTemporaryFile(suffix=".bin") as file:
    file.write(b"x" * (1 << 20))
    file.flush()
    asset = release.upload_asset(file.name, content_type="application/octet-stream")
assert (asset.size, asset.state) == (1 << 20, "uploaded"), asset
