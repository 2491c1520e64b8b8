//! Approvals of merge requests: given once, and taken back.
//!
//! Invariant: whoever has approved cannot approve again, and nobody approves their own.

use http::StatusCode;
use serde_json::{Value, json};

use super::ask::{Answer, Ask, created, ok};
use super::merges::at;
use super::objects::merge::MergeAt;
use super::objects::time;
use super::page;
use super::problem::Problem;
use crate::sandbox::forge::{Refused, Review, ReviewState};

fn given<'a>(at: &MergeAt<'a>) -> Vec<&'a Review> {
    let reviews = at.pull.reviews.iter();
    reviews.filter(|review| review.state == ReviewState::Approved).collect()
}

fn shown(ask: &Ask, at: &MergeAt<'_>) -> Value {
    let (links, user) = (ask.gitlab.links(), at.data.forge.user);
    let merge = links.merge(at);
    let given = given(at);
    let by_user = given.iter().any(|review| review.author == user);
    let by: Vec<_> = given
        .iter()
        .map(|review| json!({ "user": links.user(review.author), "approved_at": time(&review.submitted_at) }))
        .collect();
    json!({
        "id": at.id(),
        "iid": at.issue.number,
        "project_id": at.repo.id,
        "title": at.issue.title,
        "description": at.issue.body,
        "state": at.state(),
        "created_at": time(&at.issue.created_at),
        "updated_at": time(&at.issue.updated_at),
        "merge_status": merge["merge_status"],
        "approved": true,
        "approvals_required": 0,
        "approvals_left": 0,
        "require_password_to_approve": false,
        "approved_by": by,
        "suggested_approvers": [],
        "approvers": [],
        "approver_groups": [],
        "user_has_approved": by_user,
        "user_can_approve": !by_user && at.issue.author != user && at.issue.open,
        "approval_rules_left": [],
        "has_approval_rules": false,
        "merge_request_approvers_available": false,
        "multiple_approval_rules_available": false,
        "invalid_approvers_rules": [],
    })
}

pub(crate) async fn get(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    ok(shown(&ask, &at(&ask, &data)?))
}

pub(crate) async fn approve(ask: Ask) -> Answer {
    let mut data = ask.gitlab.data();
    let repo = ask.writable(&data)?;
    let number = {
        let at = at(&ask, &data)?;
        if ask.input.filled("sha")?.is_some_and(|sha| sha != at.pull.head_id) {
            let words = format!("SHA does not match HEAD of source branch: {}", at.pull.head_id);
            return Err(Problem::message(StatusCode::CONFLICT, words));
        }
        let user = data.forge.user;
        // What is closed is not to be approved, and what this one approved is approved.
        if !at.issue.open || given(&at).iter().any(|review| review.author == user) {
            return Err(Problem::unauthorized());
        }
        at.issue.number
    };
    let made = data
        .forge
        .create_review(repo, number, ReviewState::Approved, "", Vec::new());
    made.map_err(|refused| match refused {
        Refused::OwnPull => Problem::unauthorized(),
        other => other.into(),
    })?;
    created(shown(&ask, &at(&ask, &data)?))
}

pub(crate) async fn unapprove(ask: Ask) -> Answer {
    let mut data = ask.gitlab.data();
    let repo = ask.writable(&data)?;
    let number = at(&ask, &data)?.issue.number;
    if !data.forge.withdraw_approval(repo, number)? {
        return Err(Problem::not_found());
    }
    created(shown(&ask, &at(&ask, &data)?))
}

/// Those who were asked, and whether they have judged.
pub(crate) async fn reviewers(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let at = at(&ask, &data)?;
    let (links, given) = (ask.gitlab.links(), given(&at));
    let asked = data.own.wish(at.repo.id, at.issue.number).reviewers;
    page::answer(&ask, &asked, |login| {
        let judged = given.iter().any(|review| review.author == login);
        json!({
            "user": links.user(login),
            "state": if judged { "approved" } else { "unreviewed" },
            "created_at": time(&at.issue.created_at),
        })
    })
}
