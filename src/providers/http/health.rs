//! Whether an instance is there, and takes our credential.
//!
//! Invariant: what is asked for beside its base, to find out whether that is meant, bears no credential.

use std::sync::atomic::Ordering::Relaxed;

use mosaic_actors::driver::Credential;
use mosaic_actors::error::{Failure, Kind};
use serde::de::IgnoredAny;

use super::dialect::Astray;
use super::{Endpoint, Outgoing, Received};

/// Whether a failure says that what was asked for as it is always asked is none of what is there.
fn unheard(failure: &Failure) -> bool {
    routeless(failure) || failure.kind == Kind::InvalidInput
}

/// Whether a failure says that the provider has no such route.
pub fn routeless(failure: &Failure) -> bool {
    matches!(failure.kind, Kind::NotFound | Kind::Unsupported)
}

impl Endpoint {
    /// Asks whether the provider is there and takes our credential. A server that has no such route is there, and looks at
    /// none. `keyed`: with a wrong one nobody is answered there; where that is not known, a refusal shows it.
    ///
    /// # Errors
    /// As [`Endpoint::send`].
    pub async fn well(&self, outgoing: Outgoing, keyed: bool) -> Result<Credential, Failure> {
        let astray = self.dialect.astray(&self.base);
        let meant = astray.map(|astray| self.at_base(&outgoing, &astray));
        let failure = match self.send(outgoing).await {
            Ok(_) => return Ok(self.proven(keyed)),
            Err(failure) => failure,
        };
        if let Some(meant) = meant.filter(|_| unheard(&failure))
            && self.answers(meant).await
        {
            return Err(self.elsewhere());
        }
        match routeless(&failure) {
            true => Ok(Credential::Unproven),
            false => Err(self.refused(failure)),
        }
    }

    /// The same request, bearing no credential, below another base; `None` where that is another host's, which nobody named.
    fn at_base(&self, outgoing: &Outgoing, astray: &Astray) -> Option<Outgoing> {
        let own = self.base.path().trim_end_matches('/');
        let below = outgoing.url.path().strip_prefix(own)?;
        let mut url = outgoing.url.clone();
        url.set_path(&format!("{}{below}", astray.meant.path().trim_end_matches('/')));
        (astray.meant.origin() == self.base.origin()).then(|| outgoing.at(url).bare())
    }

    /// Whether the API is where a request is sent: it answers, or asks for a credential. At another host it surely is.
    async fn answers(&self, outgoing: Option<Outgoing>) -> bool {
        match outgoing {
            None => true,
            Some(outgoing) => match self.send(outgoing).await {
                Ok(received) => received.json::<IgnoredAny>().is_ok(),
                Err(failure) => matches!(failure.kind, Kind::UpstreamAuth | Kind::Forbidden),
            },
        }
    }

    /// A server that refuses a credential looks at it.
    fn refused(&self, failure: Failure) -> Failure {
        self.refuses.fetch_or(failure.kind == Kind::UpstreamAuth, Relaxed);
        failure
    }

    fn proven(&self, keyed: bool) -> Credential {
        match self.has_credential && (keyed || self.refuses.load(Relaxed)) {
            true => Credential::Serves,
            false => Credential::Unproven,
        }
    }

    /// As [`Endpoint::well`], by a route that every server of the kind has, and answers with JSON: where that is not, its API
    /// is elsewhere.
    ///
    /// # Errors
    /// As [`Endpoint::send`]; `upstream_failed` that tells what `base_url` may be meant to be.
    pub async fn here(&self, outgoing: Outgoing, keyed: bool) -> Result<Credential, Failure> {
        self.found(self.send(outgoing).await, keyed)
    }

    /// What such a route's answer proves.
    ///
    /// # Errors
    /// As [`Endpoint::here`].
    pub fn found(&self, sent: Result<Received, Failure>, keyed: bool) -> Result<Credential, Failure> {
        match sent.and_then(|received| received.json::<IgnoredAny>()) {
            Ok(_) => Ok(self.proven(keyed)),
            Err(failure) if routeless(&failure) || failure.unreadable => Err(self.elsewhere()),
            Err(failure) => Err(self.refused(failure)),
        }
    }

    /// What an answer that is none of the API's tells of `base_url`.
    fn elsewhere(&self) -> Failure {
        let base = self.base.as_str().trim_end_matches('/');
        let api = self.dialect.api_path.trim_end_matches('/');
        let why = match self.dialect.astray(&self.base) {
            Some(Astray { why, meant, .. }) => {
                format!("base_url {why}: try {}", meant.as_str().trim_end_matches('/'))
            }
            None => match base.strip_suffix(api).filter(|_| !api.is_empty()) {
                Some(without) => format!(
                    "there is no API at {base}: try {without}, or the path that the server is below, with {api} behind it"
                ),
                None => format!("there is no API at {base}: does base_url lack the path that the server is below?"),
            },
        };
        let sentence = format!("what answers there is not the provider's API; {why}");
        Failure::new(Kind::UpstreamFailed, sentence)
            .not_usable()
            .by(&self.instance)
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::tests::{DIALECT, connection};
    use super::*;

    #[test]
    fn one_that_has_refused_a_credential_looks_at_it_by_whatever_route() {
        let mut endpoint = Endpoint::new(&connection(None), &DIALECT).expect("an endpoint");
        endpoint.has_credential = true;
        assert_eq!(endpoint.proven(false), Credential::Unproven);
        let refused = Failure::new(Kind::UpstreamAuth, "no");
        assert!(endpoint.found(Err(refused), false).is_err());
        assert_eq!(endpoint.proven(false), Credential::Serves);
    }
}
