//! Reviews and comments.
//!
//! Invariant: as in [`super`].

use super::person;
use crate::catalogue::git::{Comment, Review, Verdict};
use crate::catalogue::link::Link;
use crate::providers::gitea::wire;
use crate::providers::http::Row;
use crate::providers::http::text::present;

/// Among the reviews Gitea lists whom it has asked for one.
pub fn is_review(wire: &wire::Review) -> bool {
    wire.state.as_deref() != Some("REQUEST_REVIEW")
}

pub fn review(Row { wire, raw }: Row<wire::Review>) -> Review {
    let raw_verdict = present(wire.state).unwrap_or_else(|| "unknown".to_owned());
    Review {
        id: wire.id.map(|id| id.to_string()),
        verdict: match &*raw_verdict {
            _ if wire.dismissed => Verdict::Dismissed,
            "APPROVED" => Verdict::Approved,
            "REQUEST_CHANGES" => Verdict::ChangesRequested,
            "PENDING" => Verdict::Pending,
            _ => Verdict::Commented,
        },
        raw_verdict,
        author: wire.user.map(person),
        body: present(wire.body),
        commit: present(wire.commit_id),
        web_url: present(wire.html_url).map(Link::from),
        submitted_at: wire.submitted_at.text(),
        raw,
    }
}

pub fn comment(Row { wire, raw }: Row<wire::Comment>) -> Comment {
    Comment {
        id: wire.id.to_string(),
        body: wire.body,
        author: wire.user.map(person),
        web_url: present(wire.html_url).map(Link::from),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        raw,
    }
}
