//! Access tokens of an authorization server (RFC 9068, and JWTs like it): whose they are, and what they grant.
//!
//! Invariant: a token is believed by what its signature covers alone, and goes nowhere but here.

mod jwks;
mod jwt;
mod keys;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mosaic_actors::call::Caller;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::scopes::{Action, Scope, Scopes};
use serde_json::{Map, Value};

use crate::config::{ADMIN_SCOPE, is_web_address};

pub use keys::{Fetch, Keys};

/// The longest name of somebody, in bytes.
const LONGEST_NAME: usize = 128;

/// What is asked of a token, and what its words mean here.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Who issued it: its `iss`, to the letter.
    pub issuer: String,
    /// Whom it is for: among its `aud`.
    pub audience: String,
    /// By how much clocks may differ.
    pub leeway: Duration,
    /// The claim that names its tenant.
    pub tenant_claim: String,
    /// The tenant of those that have no such claim; absent: they are refused.
    pub tenant: Option<Arc<str>>,
    /// The tenants that there are.
    pub tenants: BTreeSet<Arc<str>>,
    /// What the issuer's scopes grant here; absent: they are our own, save that of administrators, which nobody has by a word
    /// that only looks like it.
    pub scopes: Option<BTreeMap<String, Vec<Scope>>>,
}

/// Looks at tokens.
pub struct Tokens {
    terms: Terms,
    keys: Arc<Keys>,
}

impl Tokens {
    /// Takes tokens on these terms that one of `keys` has signed.
    pub fn new(terms: Terms, keys: Arc<Keys>) -> Self {
        Tokens { terms, keys }
    }

    /// The terms.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Waits, where `text` is a token by a key that is not known, until the issuer's keys have been asked for, if they may be
    /// now: it is to be called before [`Tokens::caller`], which asks nobody.
    pub async fn prepare(&self, text: &str) {
        if let Some(read) = is_token(text).then(|| jwt::Unverified::read(text)).and_then(Result::ok) {
            self.keys.ready_for(&read.header).await;
        }
    }

    /// Whose token `text` is; `None` where it is none.
    ///
    /// # Errors
    /// `unauthenticated`, saying what is wrong with it and quoting nothing of it; `overloaded` where that cannot be told, since
    /// the issuer's keys cannot be had.
    pub fn caller(&self, text: &str) -> Option<Result<Caller, Failure>> {
        is_token(text).then(|| self.believed(text, SystemTime::now()))
    }

    fn believed(&self, text: &str, now: SystemTime) -> Result<Caller, Failure> {
        let read = jwt::Unverified::read(text).map_err(refused)?;
        let key = self.keys.current().find(&read.header);
        let key = key.map_err(|why| match self.keys.are_out() {
            true => unseen(),
            false => refused(why),
        })?;
        let claims = read.verify(&key).map_err(refused)?;
        self.terms.check(&claims, now).map_err(refused)?;
        self.terms.caller(&claims).map_err(refused)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("issuer", &self.terms.issuer)
            .finish_non_exhaustive()
    }
}

/// By its form alone: a JWS with a header, as no key of ours begins.
pub(crate) fn is_token(text: &str) -> bool {
    text.starts_with("ey") && text.bytes().filter(|byte| *byte == b'.').count() == 2
}

fn refused(sentence: &'static str) -> Failure {
    Failure::new(Kind::Unauthenticated, format!("the access token {sentence}")).never_sent()
}

fn unseen() -> Failure {
    let sentence = "the access token cannot be judged now: its issuer's keys cannot be had. API keys are taken as ever";
    Failure::new(Kind::Overloaded, sentence).after(keys::PAUSE).never_sent()
}

impl Terms {
    /// Whether whom tokens are for is told by an address of the web.
    pub(crate) fn audience_is_address(&self) -> bool {
        is_web_address(&self.audience)
    }

    fn check(&self, claims: &Map<String, Value>, now: SystemTime) -> Result<(), &'static str> {
        if claims.get("iss").and_then(Value::as_str) != Some(&*self.issuer) {
            return Err("is of another issuer");
        }
        let is_ours = |audience: &Value| audience.as_str() == Some(&*self.audience);
        let for_us = match claims.get("aud") {
            Some(Value::Array(all)) => all.iter().any(is_ours),
            Some(one) => is_ours(one),
            None => false,
        };
        if !for_us {
            return Err("is for another audience");
        }
        let now = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs_f64();
        let leeway = self.leeway.as_secs_f64();
        let time = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(at) => at.as_f64().map(Some).ok_or("has a time that is no number"),
        };
        let expires = time("exp")?.ok_or("does not say when it expires")?;
        if now >= expires + leeway {
            return Err("has expired");
        }
        if time("nbf")?.is_some_and(|begins| now + leeway < begins) {
            return Err("is not valid yet");
        }
        Ok(())
    }

    fn caller(&self, claims: &Map<String, Value>) -> Result<Caller, &'static str> {
        let tenant = match claims.get(&self.tenant_claim) {
            Some(named) => named.as_str().ok_or("names its tenant by no text")?,
            None => self.tenant.as_deref().ok_or("names no tenant")?,
        };
        // A tenant has limits and memory of its own: there are those that are configured.
        let tenant = self.tenants.get(tenant).ok_or("names a tenant that there is not")?;
        let named = ["sub", "client_id", "azp"]
            .into_iter()
            .find_map(|claim| claims.get(claim));
        let named = named.and_then(Value::as_str).ok_or("names nobody")?;
        if named.is_empty() || named.len() > LONGEST_NAME || named.contains(char::is_control) {
            return Err("names somebody by what is no name");
        }
        Ok(Caller::new(tenant.clone(), named).granted(Some(Arc::new(self.scopes(claims)))))
    }

    /// The word that a client asks the issuer for to be granted `action` on an operation of `service` called `name`; none
    /// where no word of the issuer's grants that.
    pub(crate) fn word_for(&self, service: &str, name: &str, action: Action) -> Option<String> {
        let Some(meant) = &self.scopes else {
            return Some(format!("{service}:{}", action.as_str()));
        };
        let grants = |scopes: &[Scope]| scopes.iter().cloned().collect::<Scopes>().allow(name, action);
        let word = meant.iter().find(|(_, scopes)| grants(scopes));
        word.map(|(word, _)| word.clone())
    }

    /// What it grants: words that mean nothing here, nothing.
    fn scopes(&self, claims: &Map<String, Value>) -> Scopes {
        let words = ["scope", "scp"].into_iter().find_map(|claim| claims.get(claim));
        let words: Vec<&str> = match words {
            Some(Value::String(words)) => words.split(' ').collect(),
            Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
            _ => vec![],
        };
        match &self.scopes {
            None => {
                let own = words.into_iter().filter_map(|word| Scope::parse(word).ok());
                own.filter(|scope| scope.subject() != ADMIN_SCOPE).collect()
            }
            Some(meant) => words
                .into_iter()
                .filter_map(|word| meant.get(word))
                .flatten()
                .cloned()
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn terms() -> Terms {
        Terms {
            issuer: "https://id.test".to_owned(),
            audience: "https://mosaic.test".to_owned(),
            leeway: Duration::from_secs(30),
            tenant_claim: "team".to_owned(),
            tenant: None,
            tenants: ["acme".into()].into(),
            scopes: None,
        }
    }

    fn claims(change: &Value) -> Map<String, Value> {
        let mut all = json!({
            "iss": "https://id.test", "aud": ["other", "https://mosaic.test"], "exp": 1000, "nbf": 500,
            "sub": "ada", "team": "acme", "scope": "git:read openid"
        });
        for (name, value) in change.as_object().expect("claims") {
            all[name] = value.clone();
        }
        let Value::Object(all) = all else { unreachable!() };
        all.into_iter().filter(|(_, value)| !value.is_null()).collect()
    }

    fn at(seconds: u64, change: &Value) -> Result<Caller, &'static str> {
        let claims = claims(change);
        terms().check(&claims, SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))?;
        terms().caller(&claims)
    }

    #[test]
    fn a_token_is_heeded_within_its_time_by_whom_it_names() {
        let caller = at(700, &json!({})).expect("it is sound");
        assert_eq!((&*caller.tenant, &*caller.identity), ("acme", "ada"));
        assert!(caller.may("git.repo.get", Action::Read) && !caller.may("git.repo.get", Action::Write));
        assert!(at(1029, &json!({})).is_ok() && at(470, &json!({})).is_ok());
        assert_eq!(at(1030, &json!({})), Err("has expired"));
        assert_eq!(at(469, &json!({})), Err("is not valid yet"));
    }

    #[test]
    fn whatever_is_not_as_it_must_be_is_refused() {
        for (change, told) in [
            (json!({"iss": "https://id.test/"}), "is of another issuer"),
            (json!({"iss": null}), "is of another issuer"),
            (json!({"aud": "https://mosaic.test/"}), "is for another audience"),
            (json!({"aud": null}), "is for another audience"),
            (json!({"aud": []}), "is for another audience"),
            (json!({"exp": null}), "does not say when it expires"),
            (json!({"exp": "1000"}), "has a time that is no number"),
            (json!({"nbf": []}), "has a time that is no number"),
            (json!({"team": null}), "names no tenant"),
            (json!({"team": ["acme"]}), "names its tenant by no text"),
            (json!({"team": "other"}), "names a tenant that there is not"),
            (json!({"sub": ""}), "names somebody by what is no name"),
            (json!({"sub": "a\u{7}"}), "names somebody by what is no name"),
            (json!({"sub": null}), "names nobody"),
        ] {
            assert_eq!(at(700, &change), Err(told), "{change}");
        }
        assert_eq!(
            &*at(700, &json!({"sub": null, "client_id": "ci"}))
                .expect("sound")
                .identity,
            "ci"
        );
    }

    #[test]
    fn an_issuers_scopes_mean_what_is_configured() {
        let reads = vec![Scope::parse("*:read").expect("a scope")];
        let mapped = Terms {
            scopes: Some([("mosaic.read".to_owned(), reads)].into()),
            ..terms()
        };
        let granted = |scope: Value| mapped.scopes(&claims(&json!({ "scope": null, "scp": scope })));
        assert!(granted(json!(["x", "mosaic.read"])).allow("git.repo.get", Action::Read));
        // Where they are mapped, ours are no words of the issuer's.
        assert_eq!(granted(json!("git:read")), Scopes::default());
        assert_eq!(granted(json!(7)), Scopes::default());
        assert_eq!(
            mapped.word_for("git", "git.repo.get", Action::Read).as_deref(),
            Some("mosaic.read")
        );
        assert_eq!(mapped.word_for("git", "git.repo.create", Action::Write), None);
        assert_eq!(
            terms().word_for("git", "git.repo.get", Action::Read).as_deref(),
            Some("git:read")
        );
    }

    #[test]
    fn nobody_administers_by_a_word_that_the_configuration_does_not_map() {
        let claimed = claims(&json!({"scope": "admin admin:write git:read"}));
        let granted = terms().scopes(&claimed);
        assert!(!granted.name(ADMIN_SCOPE, Action::Read) && !granted.name(ADMIN_SCOPE, Action::Write));
        assert!(granted.allow("git.repo.get", Action::Read));
        let mapped = Terms {
            scopes: Some([("admin".to_owned(), vec![Scope::parse("admin:read").expect("a scope")])].into()),
            ..terms()
        };
        let granted = mapped.scopes(&claimed);
        assert!(granted.name(ADMIN_SCOPE, Action::Read) && !granted.name(ADMIN_SCOPE, Action::Write));
    }
}
