//! Tokens: the server's own, those that are made for it with fewer scopes, and the pairs of one OAuth grant.
//!
//! Invariant: of a grant one refresh token holds, and no access token opens more requests than it is good for.

use std::collections::BTreeMap;

use blake3::{Hash, Hasher};
use secrecy::{ExposeSecret, SecretString};

use super::scope::Scope;

/// The application that the grant belongs to. Its secret is the server's token.
pub(crate) const CLIENT_ID: &str = "sandbox";
/// Requests that an access token is good for: they stand for the hour after which Gitea's end.
pub(crate) const USES: u32 = 100;
/// The most tokens that can be made for one server.
const MAX_TOKENS: usize = 1_000;
/// Access tokens beside each other; of more, the oldest end.
const MAX_PAIRS: usize = 64;

/// A token that was made.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub id: u64,
    pub name: String,
    pub scope: Scope,
    pub created_at: String,
    hash: Hash,
    pub last_eight: String,
}

/// The tokens of a grant, as they are handed out.
pub(crate) struct Pair {
    pub access: String,
    pub refresh: String,
}

/// Why a refresh token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It was never given.
    Unknown,
    /// Another took its place.
    Used,
}

/// All tokens of a server.
#[derive(Debug)]
pub(crate) struct Access {
    /// All others are made from it, so that they are the same in every run.
    seed: SecretString,
    tokens: Vec<Token>,
    last_id: u64,
    /// How often the grant was renewed.
    renewals: u64,
    /// What is left of each access token, by the renewal that gave it.
    left: BTreeMap<u64, u32>,
}

impl Access {
    pub fn new(seed: &SecretString) -> Self {
        Self {
            seed: seed.clone(),
            tokens: Vec::new(),
            last_id: 0,
            renewals: 0,
            left: BTreeMap::new(),
        }
    }

    /// What a token may do; `None`: it is none. An access token has one use less afterwards.
    pub fn scope_of(&mut self, offered: &str) -> Option<Scope> {
        let hash = blake3::hash(offered.as_bytes());
        // Hashes are compared in constant time.
        if hash == blake3::hash(self.seed.expose_secret().as_bytes()) {
            return Some(Scope::all());
        }
        if let Some(token) = self.tokens.iter().find(|token| token.hash == hash) {
            return Some(token.scope.clone());
        }
        let renewals = self.left.keys().copied().collect::<Vec<_>>();
        let found = renewals
            .into_iter()
            .find(|renewal| hash == blake3::hash(self.access_token(*renewal).as_bytes()))?;
        let left = self.left.get_mut(&found)?;
        *left = left.checked_sub(1)?;
        Some(Scope::all())
    }

    /// Makes a token; the answer is it and what clients send. `None`: there are too many.
    pub fn create(&mut self, name: &str, scope: Scope, created_at: String) -> Option<(Token, String)> {
        if self.tokens.len() >= MAX_TOKENS {
            return None;
        }
        self.last_id += 1;
        let secret = self.derived("token", self.last_id);
        let token = Token {
            id: self.last_id,
            name: name.to_owned(),
            scope,
            created_at,
            hash: blake3::hash(secret.as_bytes()),
            last_eight: secret[secret.len() - 8..].to_owned(),
        };
        self.tokens.push(token.clone());
        Some((token, secret))
    }

    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Ends the token with this id or else this name; whether there was one.
    pub fn delete(&mut self, token: &str) -> bool {
        let id = token.parse::<u64>().ok();
        let named = |known: &Token| id == Some(known.id) || (id.is_none() && known.name == token);
        let before = self.tokens.len();
        self.tokens.retain(|known| !named(known));
        self.tokens.len() < before
    }

    /// Exchanges a refresh token for the next pair.
    pub fn renew(&mut self, refresh: &str) -> Result<Pair, Unusable> {
        let hash = blake3::hash(refresh.as_bytes());
        let known = |renewal: u64| hash == blake3::hash(self.refresh_token(renewal).as_bytes());
        if !known(self.renewals) {
            let used = (0..self.renewals).any(known);
            return Err(if used { Unusable::Used } else { Unusable::Unknown });
        }
        self.renewals += 1;
        self.left.insert(self.renewals, USES);
        while self.left.len() > MAX_PAIRS {
            self.left.pop_first();
        }
        Ok(Pair {
            access: self.access_token(self.renewals),
            refresh: self.refresh_token(self.renewals),
        })
    }

    /// The dot tells an OAuth token from others.
    fn access_token(&self, renewal: u64) -> String {
        format!("{}.access", self.derived("access", renewal))
    }

    /// The first can be known beforehand.
    fn refresh_token(&self, renewal: u64) -> String {
        match renewal {
            0 => format!("{}.refresh", self.seed.expose_secret()),
            _ => format!("{}.refresh", self.derived("refresh", renewal)),
        }
    }

    /// Forty letters that nobody guesses who does not know the server's token.
    fn derived(&self, kind: &str, number: u64) -> String {
        let mut hasher = Hasher::new();
        for part in [self.seed.expose_secret(), kind, &number.to_string()] {
            hasher.update(part.as_bytes()).update(b"\0");
        }
        hasher.finalize().to_hex()[..40].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        Access::new(&SecretString::from("t"))
    }

    #[test]
    fn a_refresh_token_holds_once_and_an_access_token_for_so_many_requests() {
        let mut access = access();
        let first = access.renew("t.refresh").ok().unwrap();
        assert_eq!(access.renew("t.refresh").err(), Some(Unusable::Used));
        assert_eq!(access.renew("x.refresh").err(), Some(Unusable::Unknown));
        for _ in 0..USES {
            assert_eq!(access.scope_of(&first.access), Some(Scope::all()));
        }
        assert_eq!(access.scope_of(&first.access), None);
        let second = access.renew(&first.refresh).ok().unwrap();
        assert!(access.scope_of(&second.access).is_some() && access.scope_of(&second.refresh).is_none());
        assert_eq!(access.renew(&first.refresh).err(), Some(Unusable::Used));
    }

    #[test]
    fn a_token_that_was_made_holds_until_it_is_deleted() {
        let mut access = access();
        let scope = Scope::parse(&["read:user".to_owned()]).unwrap();
        let (token, secret) = access.create("ci", scope.clone(), String::new()).unwrap();
        assert!(secret.ends_with(&token.last_eight) && secret.len() == 40);
        assert_eq!(access.scope_of(&secret), Some(scope));
        assert!(!access.delete("7") && access.delete("ci") && !access.delete("ci"));
        assert_eq!(access.scope_of(&secret), None);
        assert_eq!(access.scope_of("t"), Some(Scope::all()));
    }
}
