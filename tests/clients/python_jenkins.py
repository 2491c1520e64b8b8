"""python-jenkins on Jenkins' sandbox: jobs in folders, a build from its trigger to its artifacts, and what ends it."""

import sys

import jenkins

base_url, token = sys.argv[1:]
USER = "sandbox-user"
server = jenkins.Jenkins(base_url, USER, token)


def refused(call, words, error=jenkins.JenkinsException):
    try:
        call()
    except error as refusal:
        assert words in str(refusal), refusal
        return
    raise AssertionError(f"nobody refused: {words}")


def started(of, item):
    """The number of the build that a queue item becomes: it moves on by being read."""
    while True:
        read = of.get_queue_item(item)
        assert not read.get("cancelled"), read
        if "executable" in read:
            return read["executable"]["number"]
        assert "quiet period" in read["why"], read


def over(of, job, number):
    while True:
        build = of.get_build_info(job, number)
        if not build["building"] and not build["inProgress"]:
            return build


assert server.get_whoami()["id"] == USER
assert server.get_version().startswith("2."), server.get_version()
assert server.get_info()["useCrumbs"] is True

# Jobs: of the root, of folders, of a multibranch project whose branch has a slash.
names = {job["fullname"]: job for job in server.get_all_jobs()}
assert names["deploy"]["color"] == "notbuilt", names["deploy"]
assert {"team", "team/backend/nightly", "team/service", "web/main", "web/feature%2Flogin"} <= names.keys(), names.keys()
assert server.job_exists("team/backend/nightly") and not server.job_exists("team/none")
assert server.get_job_name("a job with spaces & ünïcödé") == "a job with spaces & ünïcödé"
service = server.get_job_info("team/service")
assert service["fullDisplayName"] == "team » service", service
assert len(server.get_job_info("api")["builds"]) == 100
assert len(server.get_job_info("api", fetch_all_builds=True)["builds"]) == 120
assert server.get_job_info("deploy", depth=1)["builds"][0]["result"] == "NOT_BUILT"
defined = [entry for entry in service["property"] if "parameterDefinitions" in entry]
assert [definition["name"] for definition in defined[0]["parameterDefinitions"]] == ["BRANCH", "SANDBOX_OUTCOME"]

# A build, from the queue to its end.
item = server.build_job("deploy", {"ENVIRONMENT": "production", "BRANCH": "a & b = ü", "UNKNOWN": "dropped"})
assert [queued["id"] for queued in server.get_queue_info()] == [item]
number = started(server, item)
build = over(server, "deploy", number)
assert (build["result"], build["queueId"]) == ("SUCCESS", item), build
given = next(action["parameters"] for action in build["actions"] if "parameters" in action)
given = {parameter["name"]: parameter.get("value") for parameter in given}
assert given["ENVIRONMENT"] == "production" and given["BRANCH"] == "a & b = ü" and "UNKNOWN" not in given, given
assert given["DEPLOY_KEY"] is None, given
log = server.get_build_console_output("deploy", number)
assert log.startswith(f"Started by user {USER}\n") and log.endswith("Finished: SUCCESS\n"), log
paths = [artifact["relativePath"] for artifact in build["artifacts"]]
assert paths == ["report.txt", "target/app.jar", "target/docs/a page #1 100%+ü?.html", "results.json"], paths
assert server.get_build_artifact("deploy", number, "results.json")["build"] == number
assert len(server.get_build_artifact_as_bytes("deploy", number, "target/app.jar")) == 1 << 20
assert server.get_build_artifact("deploy", number, "none.json") is None
# There is no plugin that knows of stages.
assert server.get_build_stages("deploy", number) is None

failed = started(server, server.build_job("team/service", {"SANDBOX_OUTCOME": "failure"}))
assert over(server, "team/service", failed)["result"] == "FAILURE"
plain = started(server, server.build_job("team/backend/nightly"))
assert over(server, "team/backend/nightly", plain)["result"] == "SUCCESS"

# What holds is stopped, what waits is taken out of the queue, what is over is deleted.
held = started(server, server.build_job("web/feature%2Flogin", {"SANDBOX_OUTCOME": "hold"}))
for _ in range(9):
    assert server.get_build_info("web/feature%2Flogin", held)["building"]
server.stop_build("web/feature%2Flogin", held)
assert over(server, "web/feature%2Flogin", held)["result"] == "ABORTED"
waiting = server.build_job("empty")
server.cancel_queue(waiting)
assert server.get_queue_item(waiting)["cancelled"] is True
server.delete_build("web/feature%2Flogin", held)
refused(lambda: server.get_build_info("web/feature%2Flogin", held), "does not exist")
server.quiet_down()
assert server.get_info()["quietingDown"] is True

# Refusals.
refused(lambda: server.build_job("none"), "could not be found", jenkins.NotFoundException)
refused(lambda: server.build_job("deploy", {"ENVIRONMENT": "moon"}), "Illegal choice")
refused(lambda: server.build_job("disabled"), "409", Exception)
stranger = jenkins.Jenkins(base_url, "stranger", token)
refused(stranger.get_whoami, "Invalid password/token")
reader = jenkins.Jenkins(base_url, "sandbox-guest", token + "-reader")
assert reader.get_job_info("api")["name"] == "api"
refused(lambda: reader.build_job("api"), "Job/Build permission")

# By a password: the crumb and the session's cookie go with each write.
session = jenkins.Jenkins(base_url, USER, token + "-password")
assert isinstance(session.build_job("api"), int)
assert session.crumb["crumbRequestField"] == "Jenkins-Crumb"
session._session.cookies.clear()
refused(lambda: session.build_job("deploy", {}), "No valid crumb")
