//! The tokens that installations were given.
//!
//! Invariant: a token dies after [`USES`] requests, and at most [`MAX_TOKENS`] live.

use std::collections::VecDeque;

use subtle::ConstantTimeEq;

use super::installation::Installation;
use crate::sandbox::forge::Repo;

/// How many requests a token opens. Theirs live for an hour; here no clock kills one.
const USES: u32 = 50;
/// The most tokens at once: the oldest dies for a new one.
const MAX_TOKENS: usize = 100;

/// The tokens of all installations.
#[derive(Default)]
pub(crate) struct Tokens {
    minted: u64,
    living: VecDeque<Token>,
}

struct Token {
    number: u64,
    text: String,
    installation: Installation,
    /// The repositories that it is narrowed to.
    only: Option<Vec<u64>>,
    left: u32,
}

impl Tokens {
    /// A new token.
    pub fn mint(&mut self, instance: &str, installation: Installation, only: Option<Vec<u64>>) -> String {
        self.minted += 1;
        let sign = blake3::hash(format!("{instance} token {}", self.minted).as_bytes());
        let text = format!("ghs_{}", &sign.to_hex()[..36]);
        self.living.push_front(Token {
            number: self.minted,
            text: text.clone(),
            installation,
            only,
            left: USES,
        });
        self.living.truncate(MAX_TOKENS);
        text
    }

    /// Uses a token once, and tells its number; `None`: it is none, or dead.
    pub fn spend(&mut self, offered: &str) -> Option<u64> {
        let known = |token: &&mut Token| bool::from(token.text.as_bytes().ct_eq(offered.as_bytes()));
        let token = self.living.iter_mut().find(known)?;
        token.left = token.left.checked_sub(1)?;
        Some(token.number)
    }

    fn numbered(&self, number: u64) -> Option<&Token> {
        self.living.iter().find(|token| token.number == number)
    }

    pub fn installation(&self, number: u64) -> Option<Installation> {
        self.numbered(number).map(|token| token.installation)
    }

    /// Whether a token is for this account.
    pub fn is_of(&self, number: u64, account: &str) -> bool {
        self.installation(number)
            .is_some_and(|installation| installation.account.eq_ignore_ascii_case(account))
    }

    /// Whether a token opens this repository.
    pub fn covers(&self, number: u64, repo: &Repo) -> bool {
        let narrowed = |token: &Token| token.only.as_ref().is_none_or(|only| only.contains(&repo.id));
        self.is_of(number, &repo.owner) && self.numbered(number).is_some_and(narrowed)
    }

    /// Whether a token is narrowed to some repositories.
    pub fn is_narrowed(&self, number: u64) -> bool {
        self.numbered(number).is_some_and(|token| token.only.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_dies_of_its_uses() {
        let mut tokens = Tokens::default();
        let acme = Installation { account: "acme" };
        let (one, other) = (tokens.mint("one", acme, None), tokens.mint("one", acme, None));
        assert_ne!(one, other);
        assert!((0..USES).all(|_| tokens.spend(&one).is_some()));
        assert_eq!(
            (tokens.spend(&one), tokens.spend(&other), tokens.spend("ghs_")),
            (None, Some(2), None)
        );
        (0..MAX_TOKENS).for_each(|_| drop(tokens.mint("one", acme, None)));
        assert_eq!(tokens.spend(&other), None);
    }
}
