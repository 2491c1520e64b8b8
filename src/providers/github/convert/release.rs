//! Releases.
//!
//! Invariant: the commit of a release is the one that its tag leads to, and nobody's wish (H26).

use super::person;
use crate::catalogue::git::{Release, ReleaseAsset};
use crate::catalogue::link::Link;
use crate::providers::github::wire;
use crate::providers::http::Row;

/// `sha` is the commit that its tag leads to, where that is known.
pub fn release(sha: Option<String>, Row { wire, raw }: Row<wire::Release>) -> Release {
    let asset = |asset: wire::Asset| ReleaseAsset {
        name: asset.name,
        size: asset.size,
        web_url: asset.browser_download_url.map(Link::from),
    };
    Release {
        tag: wire.tag_name,
        name: wire.name.filter(|name| !name.is_empty()),
        body: wire.body,
        draft: wire.draft,
        prerelease: wire.prerelease,
        author: wire.author.map(person),
        sha,
        assets: wire.assets.into_iter().map(asset).collect(),
        web_url: wire.html_url.map(Link::from),
        created_at: wire.created_at.text(),
        published_at: wire.published_at.text(),
        raw,
    }
}
