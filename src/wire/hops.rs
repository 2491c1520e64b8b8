//! Headers that are about one connection (RFC 9110, section 7.6.1).
//!
//! Invariant: none of them is passed on, in either direction.

use std::collections::HashSet;

use http::header::{CONNECTION, HeaderMap, HeaderName};

/// Those that are so without being named.
const HOPS: [&str; 10] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "proxy-authentication-info",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a header is about one connection, whatever else is said.
pub fn is_hop(name: &HeaderName) -> bool {
    HOPS.contains(&name.as_str())
}

/// The names of those that `Connection` names, in small letters.
pub fn named(headers: &HeaderMap) -> HashSet<String> {
    let values = headers.get_all(CONNECTION).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let names = texts
        .flat_map(|text| text.split(','))
        .map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !name.is_empty()).collect()
}
