//! What is sought in the answers of an endpoint: its addresses, and the secrets of its credential.
//!
//! Invariant: an address is known by either scheme, and with its own port.

use std::sync::Arc;

use url::Url;

use super::facts::Host;
use super::guards::Guards;
use super::masks::Masks;
use super::replace::Sought;
use super::secrets;
use crate::providers::http::Endpoint;
use crate::providers::http::credential::Token;

impl Endpoint {
    /// Those of answers to a caller who finds the instance at `ours`, to requests that bore `worn`.
    pub(super) fn guards(&self, ours: &str, hosts: &[Host], worn: Option<&Arc<Token>>) -> Arc<Guards> {
        let masks = self.masks(worn);
        let make = || self.made(ours, hosts, masks.clone());
        self.guards.0.get(|kept| kept.are_of(ours, &masks), make)
    }

    /// What is hidden in the answers to requests that bore `worn` beside the endpoint's own headers.
    pub(in crate::providers::http) fn masks(&self, worn: Option<&Arc<Token>>) -> Arc<Masks> {
        let make = || {
            let bare = Default::default();
            let secrets = secrets::of(&self.headers, worn.map_or(&bare, |worn| &worn.headers));
            Masks::of(secrets, worn)
        };
        self.masks.0.get(|kept| kept.are_of(worn), make)
    }

    fn made(&self, ours: &str, hosts: &[Host], masks: Arc<Masks>) -> Guards {
        let mut led_back = urls(&self.base, ours);
        for host in hosts {
            if let Some(place) = self.second(host) {
                led_back.extend(urls(&place, &format!("{ours}/_{}", host.name)));
            }
        }
        Guards {
            ours: ours.to_owned(),
            rules: Arc::new(Sought::of(led_back, &masks.secrets)),
            masks,
        }
    }
}

/// What stands for a place, in each of the ways in which JSON has it. A server behind a proxy may not know by which scheme it
/// is reached, and some write out a scheme's own port.
fn urls(url: &Url, ours: &str) -> Vec<(String, String)> {
    let place = url.as_str().trim_end_matches('/');
    let authority = url.authority();
    let rest = place.split_once(authority).map_or("", |(_, rest)| rest);
    let written = [("http", 80), ("https", 443)].into_iter().flat_map(|(scheme, port)| {
        let bare = format!("{scheme}://{authority}{rest}");
        let with_port = format!("{scheme}://{authority}:{port}{rest}");
        [Some(bare), url.port().is_none().then_some(with_port)]
    });
    let written: Vec<String> = written.flatten().collect();
    written
        .iter()
        .flat_map(|place| {
            let escaped = |text: &str| text.replace('/', r"\/");
            [(place.clone(), ours.to_owned()), (escaped(place), escaped(ours))]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

    use super::super::few::MOST;
    use super::super::replace::Replacer;
    use super::*;
    use crate::providers::http::endpoint::tests::{DIALECT, connection};

    fn led_back(place: &str, text: &str) -> String {
        let rules = Arc::new(Sought::of(urls(&Url::parse(place).unwrap(), "http://gw/proxy/a"), &[]));
        let replaced = Replacer::whole(&rules, Bytes::from(text.to_owned()));
        String::from_utf8(replaced.to_vec()).unwrap()
    }

    #[test]
    fn for_each_of_several_tokens_it_is_made_once() {
        let endpoint = Endpoint::new(&connection(None), &DIALECT).unwrap();
        let secret = |number: usize| format!("ghs_0123456789-{number:02}");
        let token = |number: usize| {
            let mut value = HeaderValue::from_str(&secret(number)).unwrap();
            value.set_sensitive(true);
            Arc::new(Token::lasting(HeaderMap::from_iter([(AUTHORIZATION, value)])))
        };
        let tokens: Vec<Arc<Token>> = (0..MOST).map(token).collect();
        let guards = |token: &Arc<Token>| endpoint.guards("http://gw/proxy/a", &[], Some(token));
        let made: Vec<Arc<Guards>> = tokens.iter().map(guards).collect();
        for (number, token) in tokens.iter().enumerate() {
            let again = guards(token);
            assert!(Arc::ptr_eq(&again, &made[number]));
            assert!(Arc::ptr_eq(&again.masks, &endpoint.masks(Some(token))));
            assert!(again.masks.stand_in(&secret(number)) && !again.masks.stand_in(&secret(MOST)));
        }
    }

    #[test]
    fn a_place_is_known_by_either_scheme_and_with_its_own_port() {
        for text in [
            "https://h.example/api/x",
            "http://h.example/api/x",
            "https://h.example:443/api/x",
            "http://h.example:80/api/x",
        ] {
            assert_eq!(
                led_back("https://h.example/api/", text),
                "http://gw/proxy/a/x",
                "{text}"
            );
            assert_eq!(led_back("http://h.example/api", text), "http://gw/proxy/a/x", "{text}");
        }
        let escaped = r"https:\/\/h.example:443\/api\/x";
        assert_eq!(led_back("https://h.example/api", escaped), r"http:\/\/gw\/proxy\/a\/x");
        for other in [
            "https://h.example:8443/api/x",
            "https://h.example:80/api/x",
            "http://h.example:443/api/x",
            "https://h.example:4430/api/x",
        ] {
            assert_eq!(led_back("https://h.example/api", other), other);
        }
        let (place, other) = ("https://h.example:8443", "https://h.example:8443:443/x");
        assert_eq!(led_back(place, "http://h.example:8443/x"), "http://gw/proxy/a/x");
        assert_eq!(led_back(place, other), other);
    }
}
