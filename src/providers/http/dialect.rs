//! How kinds of providers differ on the wire, and where their APIs are. Pure.
//!
//! Invariant: a base is doubted by what is written of it alone, and what is meant by it is never another host than it names,
//! save the vendor's own.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap};
use mosaic_actors::error::Failure;
use url::Url;

use super::{Refusal, by_status};

/// How one kind of provider differs from the others on the wire.
pub struct Dialect {
    /// Where the vendor's own cloud is; `None`: the configuration must say where the instance is.
    pub cloud: Option<&'static str>,
    /// Hosts at which the vendor has pages for people, and those below them: none has the API.
    pub fronts: &'static [&'static str],
    /// Where the API mostly is on a server of one's own.
    pub api_path: &'static str,
    /// Where the vendor's own cloud keeps large files, as ends of host names; it sends there who asks for one.
    pub stores: &'static [&'static str],
    /// The response header that holds the provider's request id.
    pub request_id: &'static str,
    /// What an answer that is no success means.
    pub refuse: fn(&Refusal<'_>) -> Failure,
    /// The least wait after a rate limit that names no time; each that follows in a row is twice as long. `None`: as the
    /// engine has it.
    pub quiet: Option<Duration>,
    /// Whether a rate limit holds for whatever is asked with the credential, and not for requests of its kind alone.
    pub limits_all: fn(&Refusal<'_>) -> bool,
    /// It answers orders with web pages; elsewhere one in place of an answer is that of somebody between us.
    pub pages: bool,
    /// A write that it redirects within itself for good is sent again there.
    pub follows_writes: bool,
    /// It tells whether an answer has changed, by the validators of its answers: `ETag`, else `Last-Modified`.
    pub validates: bool,
    /// What requests begin with themselves: no base ends with it.
    pub begins: &'static str,
    /// Others speak it, too, and have their API wherever they like: only one at its root is doubted.
    pub anywhere: bool,
    /// Hosts of such that have it at their root.
    pub at_root: &'static [&'static str],
}

/// A base that is not where its API is.
pub struct Astray {
    /// What is wrong with it; goes on where the name of the setting ends, and names no host.
    pub why: String,
    /// What is meant.
    pub meant: Url,
    /// It can be nothing else.
    pub surely: bool,
}

impl Dialect {
    /// What most have in common.
    pub const PLAIN: Dialect = Dialect {
        cloud: None,
        fronts: &[],
        api_path: "",
        stores: &[],
        request_id: "x-request-id",
        refuse: |refusal| by_status(refusal),
        quiet: None,
        limits_all: |_| false,
        pages: false,
        follows_writes: true,
        validates: false,
        begins: "",
        anywhere: false,
        at_root: &[],
    };

    pub(super) fn cloud(&self) -> Option<Url> {
        Url::parse(self.cloud?).ok()
    }

    /// What is wrong with a base, by where the API mostly is; none where it looks right.
    pub fn astray(&self, base: &Url) -> Option<Astray> {
        let path = base.path().trim_end_matches('/');
        let api = self.api_path.trim_end_matches('/');
        let at = |why: String, path: &str, surely| {
            let mut meant = base.clone();
            meant.set_path(path);
            Some(Astray { why, meant, surely })
        };
        if let Some(before) = path.strip_suffix(self.begins).filter(|_| !self.begins.is_empty()) {
            let why = format!("ends in {}, which requests begin with themselves", self.begins);
            return at(why, before, true);
        }
        let lacks = || {
            format!(
                "lacks the path of the API, which mostly is {}",
                if api.is_empty() { "/" } else { api }
            )
        };
        let may_be_at_root = self.cloud().is_some_and(|cloud| cloud.path() == "/");
        if let Some(once) = path
            .strip_suffix(api)
            .filter(|once| !api.is_empty() && once.ends_with(api))
        {
            return at(format!("has the path of the API, {api}, twice"), once, true);
        }
        if let Some(cloud) = self.cloud()
            && let (Some(host), Some(vendors)) = (base.host_str(), cloud.host_str())
            && (host == vendors || self.is_front(host, vendors))
        {
            let is_there = host == vendors && path == cloud.path().trim_end_matches('/');
            let why = "is not where the vendor has its API".to_owned();
            return (!is_there).then_some(Astray {
                why,
                meant: cloud,
                // A server of one's own is never there.
                surely: true,
            });
        }
        let known = base.host_str().is_some_and(|host| self.at_root.contains(&host));
        if api.is_empty() || path.ends_with(api) || self.anywhere && (known || !path.is_empty()) {
            return None;
        }
        at(lacks(), &format!("{}{api}", before_api(path, api)), !may_be_at_root)
    }

    /// Whether a host is where the vendor has its pages: without `api.`, with `www.`, or another of its own.
    fn is_front(&self, host: &str, vendors: &str) -> bool {
        let bare = vendors.strip_prefix("api.").unwrap_or(vendors);
        let below = |front: &&str| {
            let before = host.strip_suffix(*front);
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        host.strip_prefix("www.").unwrap_or(host) == bare || self.fronts.iter().any(below)
    }

    /// What `base_url` may be meant to be; none where it looks right.
    pub fn meant(&self, base: &Url) -> Option<Url> {
        self.astray(base).map(|astray| astray.meant)
    }

    /// What is wrong with a base whose API is nowhere else, or mostly: of servers that may have it at their root those
    /// alone are doubted that have a public name, and none that is called after its API. Stand-ins have neither.
    pub fn likely_astray(&self, base: &Url) -> Option<Astray> {
        let public = |name: &str| name.contains('.') && !name.starts_with("api.");
        let doubted = base.scheme() == "https" && base.domain().is_some_and(public);
        self.astray(base).filter(|astray| astray.surely || doubted)
    }
}

/// What of a path stands before the API's: also where a part of that is there, or another version of it.
fn before_api<'a>(path: &'a str, api: &str) -> &'a str {
    let above = api.rsplit_once('/').map_or("", |(above, _)| above);
    if above.is_empty() {
        return path;
    }
    let version = path.rsplit_once('/').filter(|(_, last)| last.starts_with('v'));
    let of_version = version.and_then(|(before, _)| before.strip_suffix(above));
    of_version.or(path.strip_suffix(above)).unwrap_or(path)
}

/// Whether an answer is a web page.
pub(super) fn is_page(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.is_some_and(|text| text.to_ascii_lowercase().starts_with("text/html"))
}

/// What a web page in the place of an answer tells of where a server was looked for.
pub(super) fn misplaced(base: &Url, dialect: &Dialect, headers: &HeaderMap) -> Option<String> {
    // Nearly every answer ends here.
    if !is_page(headers) {
        return None;
    }
    // The vendor's cloud may have its API elsewhere than the servers of others.
    let cloud = dialect.cloud().filter(|cloud| cloud.host() == base.host());
    let api_path = cloud.as_ref().map_or(dialect.api_path, Url::path);
    let lacks = !base
        .path()
        .trim_end_matches('/')
        .ends_with(api_path.trim_end_matches('/'));
    lacks.then(|| format!("a web page came: does base_url lack the API's path, such as {api_path}?"))
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::tests::DIALECT;
    use super::*;
    use http::header::HeaderValue;

    #[test]
    fn a_base_without_the_path_of_its_api_is_known_with_what_is_meant() {
        let dialect = |cloud, api_path| Dialect {
            cloud,
            api_path,
            ..Dialect::PLAIN
        };
        let hub = Dialect {
            fronts: &["pages.example"],
            ..dialect(Some("https://api.hub.example"), "/api/v3")
        };
        let lab = dialect(Some("https://lab.example/api/v4"), "/api/v4");
        let own = dialect(None, "/api/v1");
        let ci = dialect(None, "/api");
        for (dialect, base, meant) in [
            (&own, "https://h", Some("https://h/api/v1")),
            (&own, "https://h:1/sub/", Some("https://h:1/sub/api/v1")),
            (&own, "https://h/api", Some("https://h/api/v1")),
            (&own, "https://h/sub/api/v3", Some("https://h/sub/api/v1")),
            (&own, "https://h/api/v1/", None),
            (&ci, "https://h", Some("https://h/api")),
            (&ci, "https://h/ci/api", None),
            (&lab, "https://lab.example", Some("https://lab.example/api/v4")),
            (&lab, "https://h/api/v3", Some("https://h/api/v4")),
            (&hub, "https://hub.example", Some("https://api.hub.example/")),
            (&hub, "https://www.hub.example/acme", Some("https://api.hub.example/")),
            (
                &hub,
                "https://hubs.pages.example/acme",
                Some("https://api.hub.example/"),
            ),
            (&hub, "https://pages.example/api/v3", Some("https://api.hub.example/")),
            (&hub, "https://notpages.example/api/v3", None),
            (&hub, "https://api.hub.example/api/v3", Some("https://api.hub.example/")),
            (&hub, "https://api.hub.example/", None),
            (&hub, "https://h/api/v3", None),
            (&hub, "https://h", Some("https://h/api/v3")),
        ] {
            let told = dialect.meant(&Url::parse(base).expect("a URL"));
            assert_eq!(told.as_ref().map(Url::as_str), meant, "{base}");
        }
        let at_root = Url::parse("https://h").expect("a URL");
        assert!(hub.likely_astray(&at_root).is_none() && lab.likely_astray(&at_root).is_some());
        for (base, doubted) in [
            ("https://hub.example", true),
            ("https://api.hub.example/v3", true),
            ("https://hub.corp.example", true),
            ("https://hub.corp.example/sub", true),
            ("https://hub.corp.example/api/v3", false),
            ("https://api.corp.hub.example", false),
            ("http://127.0.0.1:8101", false),
            ("https://127.0.0.1:8101", false),
            ("https://api.hub.example/", false),
        ] {
            let told = hub.likely_astray(&Url::parse(base).expect("a URL"));
            assert_eq!(told.map(|told| told.surely).is_some(), doubted, "{base}");
        }
    }

    #[test]
    fn a_base_with_the_path_twice_or_where_requests_bring_it_is_known() {
        let models = Dialect {
            cloud: Some("https://api.example.com/v1"),
            api_path: "/v1",
            anywhere: true,
            at_root: &["root.example"],
            ..Dialect::PLAIN
        };
        let messages = Dialect {
            cloud: Some("https://api.example.com"),
            begins: "/v1",
            ..Dialect::PLAIN
        };
        for (dialect, base, meant, why) in [
            (
                &models,
                "https://api.example.com",
                "https://api.example.com/v1",
                "not where the vendor",
            ),
            (
                &models,
                "https://api.example.com/v1/v1",
                "https://api.example.com/v1",
                "twice",
            ),
            (&models, "http://h:1/v1/v1/", "http://h:1/v1", "twice"),
            (
                &models,
                "http://h:1",
                "http://h:1/v1",
                "lacks the path of the API, which mostly is /v1",
            ),
            (&models, "http://h:1/v1", "", ""),
            (&models, "http://h:1/v1beta/openai", "", ""),
            (&models, "https://root.example", "", ""),
            (
                &messages,
                "https://api.example.com/v1",
                "https://api.example.com/",
                "begin with themselves",
            ),
            (
                &messages,
                "http://h:1/sub/v1/",
                "http://h:1/sub",
                "begin with themselves",
            ),
            (&messages, "http://h:1/sub", "", ""),
            (&messages, "http://h:1", "", ""),
        ] {
            let told = dialect.likely_astray(&Url::parse(base).expect("a URL"));
            assert_eq!(told.as_ref().map_or("", |told| told.meant.as_str()), meant, "{base}");
            assert!(told.is_none_or(|told| told.why.contains(why)), "{base}");
        }
    }

    #[test]
    fn a_page_in_place_of_an_answer_tells_of_the_path_that_is_lacking_there() {
        static FORGE: Dialect = Dialect {
            api_path: "/api/v3",
            ..DIALECT
        };
        static MODELS: Dialect = Dialect {
            cloud: Some("https://api.example.com/v1"),
            api_path: "/v1",
            ..DIALECT
        };
        let page = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/html"))]);
        for (dialect, base, lacks) in [
            (&FORGE, "https://git.example.com", Some("/api/v3")),
            (&FORGE, "https://git.example.com/api/v3/", None),
            // There is nothing below which its API would be.
            (&FORGE, "https://api.example.com", None),
            (&MODELS, "https://api.example.com", Some("/v1")),
            (&MODELS, "https://api.example.com/v1", None),
        ] {
            let told = misplaced(&Url::parse(base).expect("a URL"), dialect, &page);
            assert_eq!(told.is_some(), lacks.is_some(), "{base}");
            let path = lacks.unwrap_or_default();
            assert!(told.unwrap_or_default().contains(path), "{base}");
        }
    }
}
