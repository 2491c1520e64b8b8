//! Which server it is, and which release of it.
//!
//! Invariant: Forgejo's numbers are its own and never compared with Gitea's; a server that does not tell, or tells a number
//! of neither, is not known to lack anything.

use std::ops::RangeInclusive;

use mosaic_actors::error::{Failure, Kind};

use super::{Gitea, wire};
use crate::providers::http::routeless;

/// What a server is, as far as it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// Gitea.
    Gitea(Release),
    /// Forgejo.
    Forgejo(Release),
    /// It does not tell.
    Unknown,
}

/// A release, as far as anything depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    pub major: u32,
    pub minor: u32,
}

/// The majors that are taken for Forgejo's where nothing else tells it: it counts from 7 on, one each quarter, and Gitea is
/// at 1. What is above is no release but a date or the number of a build.
const FORGEJO: RangeInclusive<u32> = 7..=99;

impl Server {
    /// Reads what a server says of its version: `1.26.1`, `1.26.0+dev-12-gabc`, `15.0.0+gitea-1.22.0`, or what whoever
    /// built it made of that.
    fn read(text: &str) -> Self {
        let text = text.trim().trim_start_matches(['v', 'V']);
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        let (major, minor) = (numbers.next(), numbers.next());
        let number = |part: Option<&str>| part.and_then(|digits| digits.parse().ok());
        let Some(major) = number(major) else {
            return Server::Unknown;
        };
        let release = Release {
            major,
            minor: number(minor).unwrap_or_default(),
        };
        let forgejo = ["+gitea-", "forgejo"].iter().any(|word| text.contains(word));
        // Whoever built it may have left the mark away.
        match release.major {
            _ if forgejo => Server::Forgejo(release),
            1 => Server::Gitea(release),
            major if FORGEJO.contains(&major) => Server::Forgejo(release),
            _ => Server::Unknown,
        }
    }

    /// Whether it is a Gitea that is known to be older.
    pub fn is_gitea_before(self, major: u32, minor: u32) -> bool {
        matches!(self, Server::Gitea(release) if release < Release { major, minor })
    }

    /// Whether it is a Gitea that is known to be that new.
    pub fn is_gitea_since(self, major: u32, minor: u32) -> bool {
        matches!(self, Server::Gitea(release) if release >= Release { major, minor })
    }
}

impl Gitea {
    /// What the server is. It is asked once; one that hides it is unknown, and one that fails is asked again next time.
    pub async fn server(&self) -> Server {
        let asked = self.server.get_or_try_init(|| async {
            match self.ask_version().await {
                Ok(text) => Ok(Server::read(&text)),
                Err(failure) if hidden(&failure) => Ok(Server::Unknown),
                Err(failure) => Err(failure),
            }
        });
        asked.await.copied().unwrap_or(Server::Unknown)
    }

    async fn ask_version(&self) -> Result<String, Failure> {
        let received = self.endpoint.send(self.endpoint.get(&["version"])?).await?;
        Ok(received.json::<wire::Version>()?.version)
    }
}

/// Whether the server will not tell the next time either.
fn hidden(failure: &Failure) -> bool {
    routeless(failure) || failure.unreadable || matches!(failure.kind, Kind::Forbidden | Kind::UpstreamAuth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gt33_f1_a_version_is_read_however_it_is_written() {
        let gitea = |major, minor| Server::Gitea(Release { major, minor });
        let forgejo = |major, minor| Server::Forgejo(Release { major, minor });
        for (text, server) in [
            ("1.26.1", gitea(1, 26)),
            ("v1.22.0-rc0", gitea(1, 22)),
            ("1.26.0+dev-12-gabc", gitea(1, 26)),
            ("1", gitea(1, 0)),
            // Without the mark.
            ("7.0.3", forgejo(7, 0)),
            ("v15.0.1-2-gabc", forgejo(15, 0)),
            ("20.1", forgejo(20, 1)),
            ("1.18.0-1+forgejo", forgejo(1, 18)),
            // Of neither.
            ("0.0.0-dev", Server::Unknown),
            ("2", Server::Unknown),
            ("6.9.9", Server::Unknown),
            ("20260301.1", Server::Unknown),
            ("15.0.0+gitea-1.22.0", forgejo(15, 0)),
            ("7.0.3-12-gabc+gitea-1.21.11", forgejo(7, 0)),
            ("our own", Server::Unknown),
            ("", Server::Unknown),
            ("99999999999.1", Server::Unknown),
        ] {
            assert_eq!(Server::read(text), server, "{text}");
        }
        assert!(gitea(1, 24).is_gitea_before(1, 25) && !gitea(1, 25).is_gitea_before(1, 25));
        // Its number is higher than any of Gitea's, and says nothing of it.
        assert!(!forgejo(15, 0).is_gitea_since(1, 25) && !forgejo(1, 18).is_gitea_before(1, 25));
        assert!(!Server::Unknown.is_gitea_before(1, 25) && !Server::Unknown.is_gitea_since(1, 25));
    }
}
