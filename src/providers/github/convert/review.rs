//! What is said of pull requests.
//!
//! Invariant: a review that is not sent yet stays `pending`.

use super::person;
use crate::catalogue::git::{Comment, Review, Verdict};
use crate::catalogue::link::Link;
use crate::providers::github::wire;
use crate::providers::http::Row;

pub fn review(Row { wire, raw }: Row<wire::Review>) -> Review {
    Review {
        id: wire.id.map(|id| id.to_string()),
        verdict: match &*wire.state.to_ascii_uppercase() {
            "APPROVED" => Verdict::Approved,
            "CHANGES_REQUESTED" => Verdict::ChangesRequested,
            "PENDING" => Verdict::Pending,
            "DISMISSED" => Verdict::Dismissed,
            _ => Verdict::Commented,
        },
        raw_verdict: wire.state,
        author: wire.user.map(person),
        // Who only approves is given an empty one.
        body: wire.body.filter(|body| !body.is_empty()),
        commit: wire.commit_id,
        web_url: wire.html_url.map(Link::from),
        submitted_at: wire.submitted_at.text(),
        raw,
    }
}

pub fn comment(Row { wire, raw }: Row<wire::Comment>) -> Comment {
    Comment {
        id: wire.id.to_string(),
        body: wire.body,
        author: wire.user.map(person),
        web_url: wire.html_url.map(Link::from),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        raw,
    }
}
