//! What is known of a credential, for people who look at it.
//!
//! Invariant: no part of the credential is shown, and of a provider's words only those that look like names of scopes.

use jiff::Timestamp;

use super::Given;

/// Scopes that are shown at most.
const SCOPES: usize = 64;
/// The longest of them.
const LONGEST: usize = 64;

/// What is known of one credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialStanding {
    /// What it is.
    pub what: Option<&'static str>,
    /// Whose it is, by the account's name, where the provider tells.
    pub user: Option<String>,
    /// Its scopes; `None`: the provider does not say.
    pub scopes: Option<Vec<String>>,
    /// When it ends, where that is known.
    pub expires_at: Option<Timestamp>,
    /// Operations that it cannot do, by their names, where that follows from its scopes.
    pub cannot: Vec<&'static str>,
    /// What can be learned no other way, or what of it is not known.
    pub note: Option<&'static str>,
}

/// The name of an account as it may be shown; none where it holds what no account's name does.
pub fn account(text: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | ' ');
    ((1..=LONGEST).contains(&text.len()) && text.chars().all(plain)).then(|| text.to_owned())
}

/// Scopes as they may be shown, from a list that is separated by commas or spaces.
pub fn scopes(text: &str) -> Vec<String> {
    let word = |text: &&str| {
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-' | '.' | '/');
        (1..=LONGEST).contains(&text.len()) && text.chars().all(part)
    };
    let words = text.split([',', ' ']).filter(word).take(SCOPES);
    words.map(str::to_owned).collect()
}

impl Given {
    /// What it is, by what the provider's tokens begin with.
    pub fn called(&self, beginnings: &[(&str, &'static str)]) -> Option<&'static str> {
        use secrecy::ExposeSecret;
        match self {
            Given::Token(token) | Given::Bearer(token) | Given::UserToken { token, .. } => {
                let begins = |(beginning, _): &&(&str, &str)| token.expose_secret().starts_with(beginning);
                let named = beginnings.iter().find(begins).map(|(_, what)| *what);
                let is_users = matches!(self, Given::UserToken { .. }).then_some("a user's API token");
                let unknown = "a token of a kind that its beginning does not tell";
                named.or(is_users).or((!beginnings.is_empty()).then_some(unknown))
            }
            Given::Job(_) => Some("the token of a CI job"),
            Given::Password { .. } => Some("a user's password"),
            Given::App(_) => Some("an app's private key"),
            Given::OAuth(_) => Some("tokens that are renewed by OAuth"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_scope_is_shown() {
        assert_eq!(scopes("repo, read:org,workflow"), ["repo", "read:org", "workflow"]);
        assert_eq!(scopes(""), Vec::<String>::new());
        assert_eq!(scopes("<b>,ключ,a=b"), Vec::<String>::new());
        assert_eq!(scopes(&"x,".repeat(1000)).len(), SCOPES);
        assert_eq!(account("ada-l").as_deref(), Some("ada-l"));
        assert_eq!((account("<b>"), account("")), (None, None));
    }

    #[test]
    fn a_token_is_known_by_how_it_begins() {
        let beginnings = [("glpat-", "a personal access token"), ("gl", "some token")];
        let called = |text: &str| Given::Token(text.to_owned().into()).called(&beginnings);
        assert_eq!(called("glpat-PLANTED"), Some("a personal access token"));
        assert_eq!(called("glx"), Some("some token"));
        assert_eq!(
            called("PLANTED"),
            Some("a token of a kind that its beginning does not tell")
        );
        // Where none of them says what it is, nothing is missing.
        assert_eq!(Given::Token("PLANTED".to_owned().into()).called(&[]), None);
    }
}
