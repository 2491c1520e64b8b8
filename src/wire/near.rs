//! This machine, and what answers only to machines beside it: places that nobody else may send us to.
//!
//! Invariant: a name is judged by what it leads to, at the moment when it is connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use url::{Host, Url};

/// How near an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Near {
    /// This machine itself.
    Here,
    /// On its link, or what a cloud tells the machine that it runs.
    Beside,
}

/// Where clouds tell a machine what it is, beside the link: Amazon by the sixth version, Alibaba, Azure, Oracle.
const INSTANCE_DATA: [IpAddr; 4] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];

/// How near an address is; none for one that may be anywhere. One that stands for another on its way is as near as that.
pub fn of_address(address: IpAddr) -> Option<Near> {
    let within = match address {
        IpAddr::V4(_) => vec![],
        IpAddr::V6(address) => unfolded(address),
    };
    // Behind a translator nobody is nowhere.
    let within = within
        .into_iter()
        .filter(|within| !within.is_unspecified())
        .map(IpAddr::V4);
    std::iter::once(address).chain(within).filter_map(of_itself).min()
}

/// The addresses of the fourth version that one of the sixth may stand for: behind a translator (RFC 6052, RFC 8215), by 6to4
/// (RFC 3056), and in the forms that translate nothing any more (RFC 4291, RFC 2765).
fn unfolded(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let octets = address.octets();
    let at = |places: [usize; 4]| Ipv4Addr::from(places.map(|place| octets[place]));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            vec![at([12, 13, 14, 15])]
        }
        // Its network may be cut at any of these lengths, and the ninth octet is none of the address's.
        [0x64, 0xff9b, 1, ..] => vec![
            at([6, 7, 9, 10]),
            at([7, 9, 10, 11]),
            at([9, 10, 11, 12]),
            at([12, 13, 14, 15]),
        ],
        [0x2002, ..] => vec![at([2, 3, 4, 5])],
        _ => vec![],
    }
}

fn of_itself(address: IpAddr) -> Option<Near> {
    let address = address.to_canonical();
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if address.is_loopback() || address.is_unspecified() {
        return Some(Near::Here);
    }
    (link_local || INSTANCE_DATA.contains(&address)).then_some(Near::Beside)
}

/// How near a host is, by what is written. A name that leads here may stand for it nevertheless, see [`Abroad`].
pub fn of_host(host: &Host<&str>) -> Option<Near> {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            (name == "localhost" || name.ends_with(".localhost")).then_some(Near::Here)
        }
        Host::Ipv4(address) => of_address((*address).into()),
        Host::Ipv6(address) => of_address((*address).into()),
    }
}

/// Judges what names lead to: none may lead to this machine or its neighbours.
#[derive(Debug)]
pub struct Abroad {
    /// Hosts that are taken wherever they are: the proxies that the configuration names.
    known: Vec<String>,
}

/// A name that leads where nobody may send us.
#[derive(Debug, thiserror::Error)]
#[error("a name leads to this machine or its neighbours")]
pub struct Led;

impl Abroad {
    /// Refuses a name that leads here.
    ///
    /// # Errors
    /// That it does.
    pub fn judge(&self, name: &str, found: &[SocketAddr]) -> Result<(), Led> {
        let known = self.known.iter().any(|host| host.eq_ignore_ascii_case(name));
        match !known && found.iter().any(|address| of_address(address.ip()).is_some()) {
            true => Err(Led),
            false => Ok(()),
        }
    }
}

/// Judges for a client that nobody may send here; the hosts of `proxies` are known.
pub fn abroad<'a>(proxies: impl IntoIterator<Item = &'a Url>) -> Arc<Abroad> {
    let known = proxies
        .into_iter()
        .filter_map(|proxy| proxy.host_str().map(str::to_owned));
    Arc::new(Abroad { known: known.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_known_for_where_they_are() {
        for (address, near) in [
            ("127.8.0.1", Some(Near::Here)),
            ("0.0.0.0", Some(Near::Here)),
            ("::1", Some(Near::Here)),
            ("::ffff:127.0.0.1", Some(Near::Here)),
            ("169.254.169.254", Some(Near::Beside)),
            ("fe80::1", Some(Near::Beside)),
            ("fd00:ec2::254", Some(Near::Beside)),
            ("100.100.100.200", Some(Near::Beside)),
            ("168.63.129.16", Some(Near::Beside)),
            ("192.0.0.192", Some(Near::Beside)),
            ("64:ff9b::127.0.0.1", Some(Near::Here)),
            ("64:ff9b::a9fe:a9fe", Some(Near::Beside)),
            ("64:ff9b:1::169.254.169.254", Some(Near::Beside)),
            ("64:ff9b:1:7f00:0:100::", Some(Near::Here)),
            ("64:ff9b:1:a9:fe:a9fe::", Some(Near::Beside)),
            ("64:ff9b:1:0:a9:fea9:fe00:0", Some(Near::Beside)),
            ("2002:7f00:1::1", Some(Near::Here)),
            ("2002:a9fe:a9fe::", Some(Near::Beside)),
            ("::127.0.0.1", Some(Near::Here)),
            ("::168.63.129.16", Some(Near::Beside)),
            ("::ffff:169.254.169.254", Some(Near::Beside)),
            ("::ffff:0:127.0.0.1", Some(Near::Here)),
            ("64:ff9b::203.0.113.9", None),
            ("64:ff9b:1::203.0.113.9", None),
            ("2002:cb00:7109::1", None),
            ("2001:db8::7f00:1", None),
            ("10.0.0.1", None),
            ("fd00::1", None),
            ("203.0.113.9", None),
        ] {
            assert_eq!(of_address(address.parse().expect(address)), near, "{address}");
        }
    }

    #[test]
    fn a_name_that_leads_here_is_taken_from_nobody_but_who_is_known() {
        let here = ["127.0.0.1:0".parse().expect("an address")];
        assert!(abroad([]).judge("localhost", &here).is_err());
        let proxy = Url::parse("http://localhost:3128").expect("a URL");
        assert!(abroad([&proxy]).judge("LOCALHOST", &here).is_ok());
        assert!(abroad([&proxy]).judge("another.example", &here).is_err());
        assert!(
            abroad([])
                .judge("x", &["203.0.113.9:0".parse().expect("an address")])
                .is_ok()
        );
    }
}
