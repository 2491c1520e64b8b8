//! Releases.
//!
//! Invariant: as in [`super`].

use super::person;
use crate::catalogue::git::{Release, ReleaseAsset};
use crate::catalogue::link::Link;
use crate::providers::gitea::lookup::is_sha;
use crate::providers::gitea::wire;
use crate::providers::http::Row;
use crate::providers::http::text::present;

pub fn release(Row { wire, raw }: Row<wire::Release>) -> Release {
    let assets = wire.assets.into_iter().flatten().map(|asset| ReleaseAsset {
        name: asset.name,
        size: asset.size,
        web_url: present(asset.browser_download_url).map(Link::from),
    });
    Release {
        tag: wire.tag_name,
        name: present(wire.name),
        body: present(wire.body),
        prerelease: wire.prerelease,
        author: wire.author.map(person),
        sha: wire.target_commitish.filter(|target| is_sha(target)),
        assets: assets.collect(),
        web_url: present(wire.html_url).map(Link::from),
        created_at: wire.created_at.text(),
        published_at: wire.published_at.text().filter(|_| wire.draft != Some(true)),
        draft: wire.draft,
        raw,
    }
}
