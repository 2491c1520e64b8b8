//! The tokens that are valid here: the configured one, those derived from it, and OAuth pairs that replace each other.
//!
//! An OAuth access token is good for a number of requests, not for a time, so that its end can be met without waiting.
//!
//! Invariant: of all OAuth pairs at most one is valid, and a refresh token is good once.

use super::caller::Caller;
use super::problem::Problem;
use crate::sandbox::kit::vendor::Instance;

/// How many requests an OAuth access token is good for.
pub(crate) const USES: u32 = 100;
/// What an access token's lifetime is said to be, in seconds.
pub(crate) const LIFETIME: u64 = 7_200;

/// The present OAuth pair, and how many there were.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// 0: none was handed out yet, and the configured refresh token is good.
    pair: u32,
    used: u32,
}

/// An OAuth pair.
pub(crate) struct Pair {
    pub access: String,
    pub refresh: String,
}

/// Which kinds of a token may stand where it stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `PRIVATE-TOKEN`, or its query parameter.
    Private,
    /// `Authorization: Bearer`, or its query parameter.
    Bearer,
    Job,
}

/// What follows the configured token in one that is derived from it.
fn suffix<'a>(instance: &Instance, offered: &'a str) -> Option<&'a str> {
    let (stem, suffix) = offered.rsplit_once('.')?;
    instance.accepts(stem).then_some(suffix)
}

impl Tokens {
    /// Whose token this is, or why it is none.
    pub fn admit(&mut self, instance: &Instance, place: Place, offered: &str) -> Result<Caller, Problem> {
        if place == Place::Job {
            return match suffix(instance, offered) {
                Some("job") => Ok(Caller::Job),
                _ => Err(Problem::unauthorized()),
            };
        }
        if instance.accepts(offered) {
            return Ok(Caller::User);
        }
        match suffix(instance, offered) {
            Some("read") => Ok(Caller::Reader),
            Some("expired") => Err(Problem::expired_token()),
            Some("revoked") => Err(Problem::revoked_token()),
            Some(name) if place == Place::Bearer => self.oauth(name),
            _ => Err(Problem::unauthorized()),
        }
    }

    /// An OAuth access token: `access-N`.
    fn oauth(&mut self, name: &str) -> Result<Caller, Problem> {
        let number = name
            .strip_prefix("access-")
            .and_then(|number| number.parse::<u32>().ok());
        match number {
            Some(number) if number == self.pair && number > 0 => {
                if self.used >= USES {
                    return Err(Problem::expired_token());
                }
                self.used += 1;
                Ok(Caller::User)
            }
            Some(number) if number > 0 && number < self.pair => Err(Problem::revoked_token()),
            _ => Err(Problem::unauthorized()),
        }
    }

    /// The next pair, if this is the refresh token of the present one.
    pub fn refresh(&mut self, instance: &Instance, offered: &str, token: &str) -> Option<Pair> {
        let number = match suffix(instance, offered)? {
            "refresh" => 0,
            name => name
                .strip_prefix("refresh-")?
                .parse::<u32>()
                .ok()
                .filter(|number| *number > 0)?,
        };
        if number != self.pair {
            return None;
        }
        (self.pair, self.used) = (self.pair + 1, 0);
        Some(Pair {
            access: format!("{token}.access-{}", self.pair),
            refresh: format!("{token}.refresh-{}", self.pair),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn instance() -> Instance {
        Instance {
            name: "one".to_owned(),
            origin: String::new(),
            token: "t".to_owned().into(),
            requests_per_window: None,
            chunk_pace: Duration::ZERO,
        }
    }

    #[test]
    fn a_refresh_token_is_good_once_and_ends_what_was_before() {
        let (instance, mut tokens) = (instance(), Tokens::default());
        let first = tokens.refresh(&instance, "t.refresh", "t").unwrap();
        assert!(tokens.refresh(&instance, "t.refresh", "t").is_none(), "it is used");
        assert!(tokens.admit(&instance, Place::Bearer, &first.access).is_ok());
        assert!(tokens.admit(&instance, Place::Private, &first.access).is_err());
        let second = tokens.refresh(&instance, &first.refresh, "t").unwrap();
        assert!(tokens.admit(&instance, Place::Bearer, &first.access).is_err());
        assert!(tokens.admit(&instance, Place::Bearer, &second.access).is_ok());
        assert!(tokens.refresh(&instance, "t.refresh-0", "t").is_none());
    }

    #[test]
    fn an_access_token_ends_after_so_many_requests() {
        let (instance, mut tokens) = (instance(), Tokens::default());
        let pair = tokens.refresh(&instance, "t.refresh", "t").unwrap();
        for _ in 0..USES {
            assert!(tokens.admit(&instance, Place::Bearer, &pair.access).is_ok());
        }
        assert!(tokens.admit(&instance, Place::Bearer, &pair.access).is_err());
        assert!(tokens.refresh(&instance, &pair.refresh, "t").is_some());
    }

    #[test]
    fn each_kind_of_token_has_its_place() {
        let (instance, mut tokens) = (instance(), Tokens::default());
        let mut admit = |place, token: &str| tokens.admit(&instance, place, token).ok();
        assert_eq!(admit(Place::Private, "t"), Some(Caller::User));
        assert_eq!(admit(Place::Bearer, "t.read"), Some(Caller::Reader));
        assert_eq!(admit(Place::Job, "t.job"), Some(Caller::Job));
        for (place, token) in [
            (Place::Job, "t"),
            (Place::Private, "t.job"),
            (Place::Bearer, "t.access-1"),
            (Place::Private, "other"),
            (Place::Private, "t.expired"),
        ] {
            assert_eq!(admit(place, token), None, "{token}");
        }
    }
}
