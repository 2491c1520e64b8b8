//! Sessions of those who come by a password, and the crumb that each is bound to.
//!
//! Invariant: a crumb holds for one session, and at most [`MAX_SESSIONS`] are remembered, the latest ones.

use std::collections::VecDeque;

use http::{HeaderMap, header};

/// The most sessions that are remembered.
const MAX_SESSIONS: usize = 1_000;
/// The cookie's name: Jenkins adds a number of the server's.
const COOKIE: &str = "JSESSIONID.5a4d0c71";

/// The sessions of one server.
pub(crate) struct Sessions {
    salt: [u8; 32],
    begun: u64,
    known: VecDeque<String>,
}

impl Sessions {
    pub fn of(instance: &str) -> Self {
        Self {
            salt: blake3::derive_key("mosaic sandbox crumbs", instance.as_bytes()),
            begun: 0,
            known: VecDeque::new(),
        }
    }

    /// The session that a request names, if it is one.
    pub fn find(&self, headers: &HeaderMap) -> Option<String> {
        let cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let mut pairs = cookies
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        pairs
            .find(|(name, value)| *name == COOKIE && self.known.iter().any(|known| known == value))
            .map(|(_, value)| value.to_owned())
    }

    /// Begins one, and forgets the oldest where there are too many.
    pub fn begin(&mut self) -> String {
        self.begun += 1;
        let digest = blake3::keyed_hash(&self.salt, &self.begun.to_be_bytes()).to_hex();
        let session = format!("node0{}.node0", &digest[..26]);
        self.known.push_back(session.clone());
        if self.known.len() > MAX_SESSIONS {
            self.known.pop_front();
        }
        session
    }

    /// Ends one: its crumb is none any more.
    pub fn end(&mut self, session: &str) {
        self.known.retain(|known| known != session);
    }

    /// The crumb of a session.
    pub fn crumb(&self, session: &str) -> String {
        let text = format!("crumb of {session}");
        blake3::keyed_hash(&self.salt, text.as_bytes()).to_hex().to_string()
    }

    /// The `Set-Cookie` of a session.
    pub fn cookie(session: &str) -> String {
        format!("{COOKIE}={session}; Path=/; HttpOnly; SameSite=Lax")
    }

    /// The crumb that the request's own session has.
    pub fn crumb_of(&self, headers: &HeaderMap) -> Option<String> {
        self.find(headers).map(|session| self.crumb(&session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_crumb_holds_for_its_session_alone_and_ends_with_it() {
        let mut sessions = Sessions::of("one");
        let (a, b) = (sessions.begin(), sessions.begin());
        assert_ne!(sessions.crumb(&a), sessions.crumb(&b));
        let mut headers = HeaderMap::new();
        let cookie = format!("x=1; {COOKIE}={a}");
        headers.insert(header::COOKIE, HeaderValue::from_str(&cookie).unwrap());
        assert_eq!(sessions.crumb_of(&headers), Some(sessions.crumb(&a)));
        sessions.end(&a);
        assert_eq!(sessions.crumb_of(&headers), None);
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let mut sessions = Sessions::of("one");
        let first = sessions.begin();
        (0..MAX_SESSIONS).for_each(|_| drop(sessions.begin()));
        assert!(!sessions.known.contains(&first));
        assert_eq!(sessions.known.len(), MAX_SESSIONS);
    }
}
