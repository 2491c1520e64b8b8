//! Which release a server is.
//!
//! Invariant: one that does not tell is not known to lack anything.

use mosaic_actors::error::{Failure, Kind};

use super::{BookStack, wire};
use crate::catalogue::docs;
use crate::catalogue::op::Op;
use crate::providers::http::routeless;

/// What a server tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// It tells its version: the year, and the month.
    Release(u32, u32),
    /// It cannot tell, as none before version 25.05.
    Early,
    /// It does not tell.
    Unknown,
}

/// The first release with comments.
const COMMENTS: (u32, u32) = (25, 11);

impl Server {
    /// Reads `v25.11.3`.
    fn read(text: &str) -> Self {
        let mut numbers = text.trim().trim_start_matches('v').split('.');
        let mut number = || {
            let digits = numbers.next()?;
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            digits[..end].parse().ok()
        };
        match (number(), number()) {
            (Some(year), Some(month)) => Server::Release(year, month),
            _ => Server::Unknown,
        }
    }

    /// Whether it is known to have no comments that could be had.
    fn lacks_comments(self) -> bool {
        match self {
            Server::Release(year, month) => (year, month) < COMMENTS,
            Server::Early => true,
            Server::Unknown => false,
        }
    }

    /// The names of what it is known to lack.
    pub fn lacks(self) -> Vec<&'static str> {
        let comments = [
            docs::PageCommentList::DECLARATION.facts.name,
            docs::PageCommentCreate::DECLARATION.facts.name,
        ];
        comments.into_iter().filter(|_| self.lacks_comments()).collect()
    }
}

impl BookStack {
    /// What the server is. It is asked once; one that fails is asked again next time.
    pub async fn server(&self) -> Server {
        let asked = self.server.get_or_try_init(|| async {
            match self.ask_version().await {
                Ok(text) => Ok(Server::read(&text)),
                Err(failure) if routeless(&failure) => Ok(Server::Early),
                Err(failure) if failure.unreadable || failure.kind == Kind::Forbidden => Ok(Server::Unknown),
                Err(failure) => Err(failure),
            }
        });
        asked.await.copied().unwrap_or(Server::Unknown)
    }

    async fn ask_version(&self) -> Result<String, Failure> {
        let received = self.endpoint.send(self.endpoint.get(&["system"])?).await?;
        Ok(received.json::<wire::System>()?.version)
    }

    /// Refuses where the server has no comments that could be had.
    pub async fn with_comments(&self) -> Result<(), Failure> {
        match self.server().await.lacks_comments() {
            true => Err(no_comments().never_sent()),
            false => Ok(()),
        }
    }
}

/// The failure of a server without them.
pub fn no_comments() -> Failure {
    Failure::new(
        Kind::Unsupported,
        "comments can be had from version 25.11 of BookStack on",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b30_a_version_tells_whether_there_are_comments() {
        for (text, server, lacks) in [
            ("v25.02.4", Server::Release(25, 2), true),
            ("v25.11", Server::Release(25, 11), false),
            ("25.11.3-dev", Server::Release(25, 11), false),
            ("v26.03-dev", Server::Release(26, 3), false),
            ("v24.12", Server::Release(24, 12), true),
            ("our own", Server::Unknown, false),
            ("", Server::Unknown, false),
            ("v99999999999.1", Server::Unknown, false),
        ] {
            assert_eq!(Server::read(text), server, "{text}");
            assert_eq!(server.lacks().len(), if lacks { 2 } else { 0 }, "{text}");
        }
        assert!(Server::Early.lacks_comments());
    }
}
