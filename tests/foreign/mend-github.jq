# What a mock server made from GitHub's description (api.github.com.json) needs to answer as GitHub does.
#
# 1. The examples of one issue wrap a reference into `value`, where the reference itself belongs: a mock server answers
#    with the example object instead of the issue.
# 2. The examples of issues carry `pull_request`, by which GitHub marks the pull requests that it lists among issues:
#    taken at its word, the example of an issue is not one.
.paths["/repos/{owner}/{repo}/issues/{issue_number}"].get.responses["200"].content["application/json"].examples
  |= map_values(if .value | has("$ref") then .value else . end)
| del(.components.examples.issue.value.pull_request, .components.examples["issue-items"].value[].pull_request)
