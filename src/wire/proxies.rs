//! Which requests go through a proxy. Pure, but for the look at the environment.
//!
//! Invariant: what is on this machine or its link is asked directly, whatever the environment says; and no proxy's
//! address, which may hold a password, reaches an error or Debug.

use std::env::var_os;
use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use mosaic_actors::error::Failure;
use url::Url;

use super::near;

/// The proxies of a client, by the scheme of what is asked for.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    /// Hosts, domains, addresses and networks that are asked directly, separated by commas.
    direct: String,
}

impl Proxies {
    /// None at all.
    pub fn none() -> Self {
        Proxies::default()
    }

    /// One for everything, but for what [`except`](Proxies::except) adds.
    pub fn all(proxy: &Url) -> Self {
        Proxies {
            http: Some(proxy.clone()),
            https: Some(proxy.clone()),
            direct: String::new(),
        }
    }

    /// Those of this process's environment: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case.
    ///
    /// # Errors
    /// `invalid_input` naming a variable that holds no address of a proxy.
    pub fn from_env() -> Result<Self, Failure> {
        Proxies::from_variables(&|name| var_os(name)?.into_string().ok())
    }

    fn from_variables(env: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        // Under CGI a client's header `Proxy` becomes HTTP_PROXY (CVE-2016-5385).
        if env("REQUEST_METHOD").is_some() {
            return Ok(Proxies::none());
        }
        let value = |name: &str| env(name).filter(|text| !text.trim().is_empty());
        let either = |upper: &str| {
            [upper.to_owned(), upper.to_lowercase()]
                .into_iter()
                .find_map(|name| value(&name).map(|text| (name, text)))
        };
        let all = either("ALL_PROXY");
        let address = |upper: &str| match either(upper).or_else(|| all.clone()) {
            Some((name, text)) => address(text.trim())
                .ok_or_else(|| Failure::invalid(&name, format!("{name} is no address of a proxy at http or https")))
                .map(Some),
            None => Ok(None),
        };
        let proxies = Proxies {
            http: address("HTTP_PROXY")?,
            https: address("HTTPS_PROXY")?,
            direct: String::new(),
        };
        Ok(proxies.except(either("NO_PROXY").unwrap_or_default().1.split(',')))
    }

    /// The same, with what `NO_PROXY` of this process's environment names asked directly.
    #[must_use]
    pub fn except_by_env(self) -> Self {
        let names = ["NO_PROXY", "no_proxy"].into_iter();
        let text = names
            .filter_map(|name| var_os(name)?.into_string().ok())
            .find(|text| !text.trim().is_empty());
        self.except(text.unwrap_or_default().split(','))
    }

    /// The same, with more that is asked directly: hosts with what is below them, addresses, networks, or `*`.
    #[must_use]
    pub fn except<'a>(mut self, places: impl IntoIterator<Item = &'a str>) -> Self {
        for place in places {
            let place = place.trim();
            // `*.example.com` is what many write for `.example.com`.
            self.direct += place
                .strip_prefix('*')
                .filter(|rest| rest.starts_with('.'))
                .unwrap_or(place);
            self.direct.push(',');
        }
        self
    }

    /// Whether everything is asked directly.
    pub fn are_none(&self) -> bool {
        self.http.is_none() && self.https.is_none()
    }

    /// Where they are.
    pub fn addresses(&self) -> impl Iterator<Item = &Url> {
        self.http.iter().chain(&self.https)
    }

    /// The proxy that `url` is asked through.
    pub fn of(&self, url: &Url) -> Option<&Url> {
        let proxy = match url.scheme() {
            "http" => self.http.as_ref()?,
            "https" => self.https.as_ref()?,
            _ => return None,
        };
        let host = url.host()?;
        if near::of_host(&host).is_some() || self.is_direct(&host.to_string()) {
            return None;
        }
        Some(proxy)
    }

    fn is_direct(&self, host: &str) -> bool {
        // The matcher answers what would go through a proxy, so it is given one. What is no URI to it goes as we do.
        let matcher = Matcher::builder().all("http://any.invalid").no(&*self.direct).build();
        let target = format!("http://{host}").parse();
        target.is_ok_and(|target| matcher.intercept(&target).is_none())
    }
}

/// Where a proxy is; without a scheme it is at http.
fn address(text: &str) -> Option<Url> {
    let url = match text.contains("://") {
        true => Url::parse(text).ok()?,
        false => Url::parse(&format!("http://{text}")).ok()?,
    };
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .field("direct", &self.direct)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, Failure> {
        Proxies::from_variables(&|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn through(proxies: &Proxies, url: &str) -> Option<String> {
        proxies.of(&url.parse().unwrap()).map(|proxy| proxy.to_string())
    }

    #[test]
    fn what_is_near_is_asked_directly() {
        let proxies = proxies(&[("ALL_PROXY", "proxy.example:3128")]).unwrap();
        let near = [
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "127.0.0.1",
            "127.8.9.1",
            "0.0.0.0",
            "169.254.169.254",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:169.254.1.1]",
        ];
        for host in near {
            for scheme in ["http", "https"] {
                assert_eq!(
                    through(&proxies, &format!("{scheme}://{host}:81/x")),
                    None,
                    "{scheme}://{host}"
                );
            }
        }
        for host in [
            "git.example",
            "localhost.example",
            "notlocalhost",
            "10.0.0.1",
            "[2001:db8::1]",
            "128.0.0.1",
        ] {
            let proxy = through(&proxies, &format!("https://{host}/"));
            assert_eq!(proxy.as_deref(), Some("http://proxy.example:3128/"), "{host}");
        }
    }

    #[test]
    fn the_environment_is_read_as_usual() {
        let both = proxies(&[
            ("http_proxy", "http://a.example"),
            ("HTTPS_PROXY", "https://u:pw@b.example:8443"),
            (
                "NO_PROXY",
                "corp.example, 10.0.0.0/8,*.inner.example,2001:db8::/32 ,192.0.2.7",
            ),
        ])
        .unwrap();
        assert_eq!(
            through(&both, "http://x.example/").as_deref(),
            Some("http://a.example/")
        );
        assert_eq!(
            through(&both, "https://x.example/").as_deref(),
            Some("https://u:pw@b.example:8443/")
        );
        assert!(!format!("{both:?}").contains("pw"));
        for direct in [
            "corp.example",
            "git.corp.example:8443",
            "10.1.2.3",
            "a.inner.example",
            "[2001:db8::9]",
            "192.0.2.7",
        ] {
            assert_eq!(through(&both, &format!("https://{direct}/")), None, "{direct}");
        }
        assert!(through(&both, "https://notcorp.example/").is_some());
        assert!(through(&both.except(["*"]), "https://x.example/").is_none());
        for none in [
            &[][..],
            &[("HTTP_PROXY", " ")],
            &[("HTTP_PROXY", "http://a"), ("REQUEST_METHOD", "GET")],
        ] {
            assert!(through(&proxies(none).unwrap(), "http://x.example/").is_none());
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_by_its_variable() {
        for odd in ["socks5://h:1080", "http://", "http://u:hunter2@:x", "ftp://h"] {
            let failure = proxies(&[("https_proxy", odd)]).unwrap_err();
            assert_eq!(failure.field.as_deref(), Some("https_proxy"), "{odd}");
            assert!(!failure.message().contains("hunter2"));
        }
    }
}
