//! Projects and groups, as GitLab shows them.
//!
//! Invariant: a project is shown with the path that it has now.

use serde_json::{Value, json};

use super::{Links, extend, time, user_id, user_name};
use crate::sandbox::forge::Repo;
use crate::sandbox::gitlab::data::{Data, Namespace};

/// What may be done with a project's features.
const ENABLED: &[&str] = &[
    "issues_access_level",
    "repository_access_level",
    "merge_requests_access_level",
    "forking_access_level",
    "wiki_access_level",
    "builds_access_level",
    "snippets_access_level",
    "operations_access_level",
    "analytics_access_level",
    "container_registry_access_level",
];

/// `simple` shows little of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    Simple,
    Full,
}

impl Links<'_> {
    pub fn project(&self, data: &Data, repo: &Repo, detail: Detail) -> Value {
        let mut project = self.simple(data, repo);
        if detail == Detail::Full {
            extend(&mut project, self.state(data, repo));
            extend(&mut project, settings(data, repo));
        }
        project
    }

    fn simple(&self, data: &Data, repo: &Repo) -> Value {
        let namespace = data.namespace_at(&repo.owner);
        let page = self.page(&repo.full_name);
        let unfinished = data.own.import(repo.id).is_some_and(|import| import != "finished");
        let branch = (!repo.is_empty() && !unfinished).then_some(&repo.default_branch);
        let host = self.origin.trim_start_matches("http://");
        json!({
            "id": repo.id,
            "description": repo.description,
            "name": repo.name,
            "name_with_namespace": format!("{} / {}", repo.owner.replace('/', " / "), repo.name),
            "path": repo.name,
            "path_with_namespace": repo.full_name,
            "created_at": time(&repo.created_at),
            "default_branch": branch,
            "tag_list": [],
            "topics": [],
            "ssh_url_to_repo": format!("ssh://git@{host}/{}.git", repo.full_name),
            "http_url_to_repo": format!("{page}.git"),
            "web_url": page,
            "readme_url": branch.map(|branch| format!("{page}/-/blob/{branch}/README.md")),
            "avatar_url": null,
            "forks_count": data.forge.repos.iter().filter(|fork| fork.parent == Some(repo.id)).count(),
            "star_count": 0,
            "last_activity_at": time(&repo.updated_at),
            "namespace": self.namespace(&namespace),
        })
    }

    fn state(&self, data: &Data, repo: &Repo) -> Value {
        let below = |what: &str| self.api(&format!("/projects/{}{what}", repo.id));
        let doomed = data.own.doomed.get(&repo.id);
        let import = data.own.import(repo.id);
        let unfinished = import.is_some_and(|import| import != "finished");
        let parent = repo.parent.and_then(|parent| data.forge.by_id(parent).ok());
        let access = match data.member(repo) {
            true => json!({ "access_level": 50, "notification_level": 3 }),
            false => Value::Null,
        };
        let mut state = json!({
            "_links": {
                "self": below(""),
                "issues": below("/issues"),
                "merge_requests": below("/merge_requests"),
                "repo_branches": below("/repository/branches"),
                "labels": below("/labels"),
                "events": below("/events"),
                "members": below("/members"),
            },
            "empty_repo": repo.is_empty() || unfinished,
            "archived": repo.archived,
            "visibility": if repo.private { "private" } else { "public" },
            "import_status": import.unwrap_or("none"),
            "import_error": null,
            "open_issues_count": repo.issues.iter().filter(|issue| issue.open && !issue.is_pull()).count(),
            "marked_for_deletion_at": doomed,
            "marked_for_deletion_on": doomed,
            "permissions": { "project_access": access, "group_access": null },
        });
        if let Some(parent) = parent {
            state["forked_from_project"] = self.simple(data, parent);
        }
        if data.namespace_at(&repo.owner).is_person {
            state["owner"] = json!({ "id": user_id(&repo.owner), "name": user_name(&repo.owner), "created_at": null });
        }
        state
    }

    /// A group; `detail` shows its projects with it.
    pub fn group(&self, data: &Data, group: &Namespace, detail: Detail) -> Value {
        let made = data.own.groups.get(&group.path);
        let name = made.map_or(group.name(), |made| made.name.as_str());
        let description = made.map_or_else(
            || format!("The group {} of {}", group.path, self.instance),
            |made| made.description.clone(),
        );
        let mut shown = json!({
            "id": group.id(),
            "web_url": format!("{}/groups/{}", self.origin, group.path),
            "name": name,
            "path": group.name(),
            "description": description,
            "visibility": "public",
            "avatar_url": null,
            "request_access_enabled": true,
            "lfs_enabled": true,
            "full_name": group.path.replace('/', " / "),
            "full_path": group.path,
            "parent_id": group.parent().map(|parent| parent.id()),
            "created_at": time(crate::sandbox::seed::SEEDED_AT),
            "marked_for_deletion_on": null,
        });
        if detail == Detail::Full {
            let projects = data.projects_of(group, false);
            let projects = projects.into_iter().take(100);
            let projects: Vec<_> = projects.map(|repo| self.project(data, repo, Detail::Full)).collect();
            extend(&mut shown, json!({ "projects": projects, "shared_projects": [] }));
        }
        shown
    }
}

/// What is set of a project.
fn settings(data: &Data, repo: &Repo) -> Value {
    let mut settings = json!({
        "resolve_outdated_diff_discussions": false,
        "container_registry_enabled": false,
        "packages_enabled": true,
        "issues_enabled": true,
        "merge_requests_enabled": true,
        "wiki_enabled": true,
        "jobs_enabled": true,
        "snippets_enabled": true,
        "service_desk_enabled": false,
        "can_create_merge_request_in": data.member(repo),
        "shared_runners_enabled": true,
        "lfs_enabled": true,
        "creator_id": user_id(data.forge.user),
        "public_jobs": true,
        "ci_config_path": null,
        "shared_with_groups": [],
        "only_allow_merge_if_pipeline_succeeds": false,
        "allow_merge_on_skipped_pipeline": null,
        "request_access_enabled": true,
        "only_allow_merge_if_all_discussions_are_resolved": false,
        "remove_source_branch_after_merge": false,
        "printing_merge_request_link_enabled": true,
        "merge_method": "merge",
        "squash_option": "default_off",
        "approvals_before_merge": 0,
        "emails_disabled": null,
        "autoclose_referenced_issues": true,
    });
    let of_ci = json!({
        "container_registry_image_prefix": format!("registry.sandbox.invalid/{}", repo.full_name),
        "container_expiration_policy": null,
        "service_desk_address": null,
        "pages_access_level": "private",
        "ci_default_git_depth": 20,
        "ci_forward_deployment_enabled": true,
        "ci_job_token_scope_enabled": false,
        "build_git_strategy": "fetch",
        "build_timeout": 3600,
        "auto_cancel_pending_pipelines": "enabled",
        "build_coverage_regex": null,
        "restrict_user_defined_variables": false,
        "suggestion_commit_message": null,
        "merge_commit_template": null,
        "auto_devops_enabled": false,
        "auto_devops_deploy_strategy": "continuous",
        "keep_latest_artifact": true,
        "external_authorization_classification_label": "",
        "requirements_enabled": false,
        "security_and_compliance_enabled": true,
        "compliance_frameworks": [],
    });
    extend(&mut settings, of_ci);
    for name in ENABLED {
        settings[name] = "enabled".into();
    }
    settings
}
