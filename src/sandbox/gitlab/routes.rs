//! Which handler answers which route.
//!
//! Invariant: a route matches the path as it is encoded, so a project's whole path is one part of it.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post, put};

use super::{
    GitLab, accept, approvals, branches, commits, files, groups, hooks, issues, merge_writes, merges, meta, notes,
    oauth, planning, projects, protected, releases, statuses, tags, trees,
};
use crate::sandbox::kit::vendor::RouteByName;

type Routes = Router<Arc<GitLab>>;

pub(crate) fn all(routes: Routes) -> Routes {
    tracker(merge_requests(repository(beside(around(routes)))))
}

/// Who calls, what there is, and projects as a whole.
fn around(routes: Routes) -> Routes {
    routes
        .named("/oauth/token", post(oauth::token))
        .named("/oauth/token/info", get(oauth::info))
        .named("/api/v4/version", get(meta::version))
        .named("/api/v4/metadata", get(meta::version))
        .named("/api/v4/user", get(meta::user))
        .named("/api/v4/users", get(meta::users))
        .named("/api/v4/users/{id}", get(meta::user_by_id))
        .named("/api/v4/users/{id}/projects", get(projects::list_of_user))
        .named("/api/v4/personal_access_tokens/self", get(meta::token))
        .named("/api/v4/namespaces", get(groups::namespaces))
        .named("/api/v4/namespaces/{id}", get(groups::namespace))
        .named("/api/v4/groups", get(groups::list).post(groups::create))
        .named("/api/v4/groups/{id}", get(groups::get))
        .named("/api/v4/groups/{id}/subgroups", get(groups::subgroups))
        .named("/api/v4/groups/{id}/descendant_groups", get(groups::descendants))
        .named("/api/v4/groups/{id}/projects", get(groups::projects))
        .named("/api/v4/projects", get(projects::list).post(projects::create))
        .named(
            "/api/v4/projects/{id}",
            get(projects::get).put(projects::edit).delete(projects::delete),
        )
        .named("/api/v4/projects/{id}/restore", post(projects::restore))
        .named("/api/v4/projects/{id}/archive", post(projects::archive))
        .named("/api/v4/projects/{id}/unarchive", post(projects::unarchive))
        .named("/api/v4/projects/{id}/fork", post(projects::fork))
        .named("/api/v4/projects/{id}/forks", get(projects::forks))
}

/// What stands beside a project's repository.
fn beside(routes: Routes) -> Routes {
    routes
        .named("/api/v4/projects/{id}/hooks", get(hooks::list).post(hooks::create))
        .named(
            "/api/v4/projects/{id}/hooks/{hook}",
            get(hooks::get).delete(hooks::delete),
        )
        .named(
            "/api/v4/projects/{id}/releases",
            get(releases::list).post(releases::create),
        )
        .named(
            "/api/v4/projects/{id}/releases/{tag}",
            get(releases::get).delete(releases::delete),
        )
        .named(
            "/api/v4/projects/{id}/protected_branches",
            get(protected::list).post(protected::protect),
        )
        .named(
            "/api/v4/projects/{id}/protected_branches/{branch}",
            get(protected::get).delete(protected::unprotect),
        )
        .named("/api/v4/projects/{id}/statuses/{sha}", post(statuses::create))
}

/// What is in a project's repository.
fn repository(routes: Routes) -> Routes {
    routes
        .named(
            "/api/v4/projects/{id}/repository/branches",
            get(branches::list).post(branches::create),
        )
        .named(
            "/api/v4/projects/{id}/repository/branches/{branch}",
            get(branches::get).delete(branches::delete),
        )
        .named(
            "/api/v4/projects/{id}/repository/tags",
            get(tags::list).post(tags::create),
        )
        .named(
            "/api/v4/projects/{id}/repository/tags/{tag}",
            get(tags::get).delete(tags::delete),
        )
        .named(
            "/api/v4/projects/{id}/repository/commits",
            get(commits::list).post(files::commit),
        )
        .named("/api/v4/projects/{id}/repository/commits/{sha}", get(commits::get))
        .named(
            "/api/v4/projects/{id}/repository/commits/{sha}/diff",
            get(commits::changed),
        )
        .named(
            "/api/v4/projects/{id}/repository/commits/{sha}/refs",
            get(commits::refs),
        )
        .named(
            "/api/v4/projects/{id}/repository/commits/{sha}/statuses",
            get(statuses::list),
        )
        .named(
            "/api/v4/projects/{id}/repository/commits/{sha}/merge_requests",
            get(merges::of_commit),
        )
        .named("/api/v4/projects/{id}/repository/compare", get(commits::compare))
        .named("/api/v4/projects/{id}/repository/merge_base", get(commits::merge_base))
        .named("/api/v4/projects/{id}/repository/tree", get(trees::list))
        .named("/api/v4/projects/{id}/repository/blobs/{sha}", get(trees::blob))
        .named("/api/v4/projects/{id}/repository/blobs/{sha}/raw", get(trees::raw_blob))
        .named(
            "/api/v4/projects/{id}/repository/files/{file}",
            get(trees::file)
                .post(files::create)
                .put(files::update)
                .delete(files::delete),
        )
        .named(
            "/api/v4/projects/{id}/repository/files/{file}/raw",
            get(trees::raw_file),
        )
}

/// Merge requests, and what is said to them.
fn merge_requests(routes: Routes) -> Routes {
    routes
        .named("/api/v4/merge_requests", get(merges::list_all))
        .named(
            "/api/v4/projects/{id}/merge_requests",
            get(merges::list).post(merge_writes::create),
        )
        .named(
            "/api/v4/projects/{id}/merge_requests/{iid}",
            get(merges::get).put(merge_writes::update),
        )
        .named("/api/v4/projects/{id}/merge_requests/{iid}/merge", put(accept::merge))
        .named("/api/v4/projects/{id}/merge_requests/{iid}/diffs", get(merges::diffs))
        .named(
            "/api/v4/projects/{id}/merge_requests/{iid}/changes",
            get(merges::changes),
        )
        .named(
            "/api/v4/projects/{id}/merge_requests/{iid}/commits",
            get(merges::commits),
        )
        .named(
            "/api/v4/projects/{id}/merge_requests/{iid}/reviewers",
            get(approvals::reviewers),
        )
        .named(
            "/api/v4/projects/{id}/merge_requests/{iid}/approvals",
            get(approvals::get),
        )
        .named(
            "/api/v4/projects/{id}/merge_requests/{iid}/approve",
            post(approvals::approve),
        )
        .named(
            "/api/v4/projects/{id}/merge_requests/{iid}/unapprove",
            post(approvals::unapprove),
        )
        .named(
            "/api/v4/projects/{id}/merge_requests/{iid}/notes",
            get(notes::list).post(notes::create),
        )
        .named(
            "/api/v4/projects/{id}/merge_requests/{iid}/notes/{note}",
            get(notes::get),
        )
        .named(
            "/api/v4/projects/{id}/merge_requests/{iid}/discussions",
            get(notes::discussions).post(notes::discuss),
        )
        .named(
            "/api/v4/projects/{id}/merge_requests/{iid}/discussions/{discussion}",
            get(notes::discussion),
        )
}

/// Issues, and what surrounds them.
fn tracker(routes: Routes) -> Routes {
    routes
        .named("/api/v4/issues", get(issues::everywhere))
        .named("/api/v4/projects/{id}/issues", get(issues::list).post(issues::create))
        .named(
            "/api/v4/projects/{id}/issues/{iid}",
            get(issues::get).put(issues::edit).delete(issues::delete),
        )
        .named(
            "/api/v4/projects/{id}/issues/{iid}/notes",
            get(issues::list_notes).post(issues::create_note),
        )
        .named(
            "/api/v4/projects/{id}/issues/{iid}/notes/{note}",
            get(issues::get_note).put(issues::edit_note).delete(issues::delete_note),
        )
        .named(
            "/api/v4/projects/{id}/labels",
            get(planning::labels).post(planning::create_label),
        )
        .named(
            "/api/v4/projects/{id}/milestones",
            get(planning::milestones).post(planning::create_milestone),
        )
        .named("/api/v4/projects/{id}/milestones/{milestone}", get(planning::milestone))
        .named("/api/v4/projects/{id}/boards", get(planning::boards))
        .named("/api/v4/projects/{id}/boards/{board}", get(planning::board))
}
