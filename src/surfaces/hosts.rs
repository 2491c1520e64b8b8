//! The names by which a listener may be called.
//!
//! Invariant: a web page reaches nothing by a name of its own that it lets resolve to us: what its browser names as the
//! `Host` is that name.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::HOST;
use http::uri::Authority;

/// What one listener is called, beside `localhost` and what is below it, and the loopback addresses.
#[derive(Clone, Debug)]
pub struct Hosts {
    bound: IpAddr,
    names: Vec<String>,
}

/// A request names a host that is none of the listener's, or one that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign;

impl Hosts {
    /// Those of a listener at the address `bound`, which is called by `names` too.
    pub fn new(bound: IpAddr, names: &[String]) -> Self {
        Hosts {
            bound,
            names: names.iter().map(|name| bare(name)).collect(),
        }
    }

    /// Looks at the host that a request names, if it names one.
    ///
    /// # Errors
    /// It is none of ours.
    pub fn check(&self, headers: &HeaderMap, target: Option<&Authority>) -> Result<(), Foreign> {
        let named = headers.get_all(HOST).iter().map(|host| {
            let host = host.to_str().ok().and_then(|text| text.parse::<Authority>().ok());
            host.filter(is_bare).ok_or(Foreign)
        });
        let target = target.map(|target| Some(target.clone()).filter(is_bare).ok_or(Foreign));
        for host in named.chain(target) {
            if !self.are_called(host?.host()) {
                return Err(Foreign);
            }
        }
        Ok(())
    }

    fn are_called(&self, host: &str) -> bool {
        let host = bare(host);
        if self.names.contains(&host) {
            return true;
        }
        match host.parse::<IpAddr>() {
            // Who listens on every address is reached by all of them. A page of another origin needs a name to reach one:
            // to a bare address, its `Origin` differs.
            Ok(ip) => ip.to_canonical().is_loopback() || ip == self.bound || self.bound.is_unspecified(),
            Err(_) => host == "localhost" || host.ends_with(".localhost"),
        }
    }
}

/// The host that a request names: HTTP/2 does it in its target.
pub fn named(headers: &HeaderMap, target: Option<&Authority>) -> Option<Authority> {
    let named = match headers.get(HOST) {
        Some(host) => host.to_str().ok()?.parse().ok(),
        None => target.cloned(),
    };
    named.filter(is_bare)
}

/// A host is named without anybody's name and password (RFC 9110, section 7.2): what is made of it would show them.
fn is_bare(host: &Authority) -> bool {
    !host.as_str().contains('@')
}

/// A host without what does not tell it from others: an address's brackets, the root's dot, case.
fn bare(host: &str) -> String {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn ours(bound: [u8; 4], host: &'static str) -> bool {
        let hosts = Hosts::new(bound.into(), &["Mosaic.internal".to_owned()]);
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        let by_header = hosts.check(&headers, None).is_ok();
        if let Ok(target) = host.parse::<Authority>() {
            let by_target = hosts.check(&HeaderMap::new(), Some(&target)).is_ok();
            assert_eq!(by_header, by_target, "{host}");
        }
        by_header
    }

    #[test]
    fn only_names_and_addresses_of_ours_pass() {
        for host in [
            "localhost:8080",
            "LOCALHOST",
            "localhost.",
            "app.localhost:1",
            "127.0.0.1",
            "127.9.8.7:8080",
            "[::1]:8080",
            "[::ffff:127.0.0.1]",
            "10.0.0.7:8080",
            "Mosaic.Internal",
            "mosaic.internal.:8080",
        ] {
            assert!(ours([10, 0, 0, 7], host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "10.0.0.8",
            "0.0.0.0:8080",
            "localhost.evil.example",
            "notlocalhost",
            "127.0.0.1.evil.example:8080",
            "mosaic.internal.evil.example",
            "127.1",
            "somebody:s3cr3t@localhost",
            "somebody@127.0.0.1:8080",
            "",
        ] {
            assert!(!ours([10, 0, 0, 7], host), "{host}");
        }
        for (host, reached) in [
            ("10.0.0.8:9901", true),
            ("[fd00::1]:9901", true),
            ("evil.example", false),
        ] {
            assert_eq!(ours([0, 0, 0, 0], host), reached, "{host}");
        }
    }

    #[test]
    fn nobody_is_named_beside_a_host() {
        let by = |host: &'static str| HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
        assert_eq!(named(&by("gw.example:8080"), None).expect("a host"), "gw.example:8080");
        assert_eq!(named(&by("somebody:s3cr3t@gw.example"), None), None);
        let target = Authority::from_static("somebody@gw.example");
        assert_eq!(named(&HeaderMap::new(), Some(&target)), None);
    }

    #[test]
    fn every_host_that_is_named_counts_and_none_is_no_fault() {
        let hosts = Hosts::new([127, 0, 0, 1].into(), &[]);
        assert_eq!(hosts.check(&HeaderMap::new(), None), Ok(()));
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("localhost"));
        let target = Authority::from_static("evil.example");
        assert_eq!(hosts.check(&headers, Some(&target)), Err(Foreign));
        headers.append(HOST, HeaderValue::from_static("evil.example"));
        assert_eq!(hosts.check(&headers, None), Err(Foreign));
    }
}
