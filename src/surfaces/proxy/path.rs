//! Paths of what is passed through: the instance, and what is asked of it.
//!
//! Invariant: what is behind the instance is passed on as it was written, and however often whoever reads it decodes it,
//! it leads to nothing above where it begins.

use mosaic_actors::error::Failure;
use percent_encoding::percent_decode_str;

/// How often what is decoded is decoded again, at most: who nests deeper means no name.
const DEEPEST: usize = 4;

/// A path taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// The instance's name.
    pub(super) instance: &'a str,
    /// The rest: empty, or beginning with a slash.
    pub(super) rest: &'a str,
}

/// Takes a path apart that begins with `/proxy/`, still percent-encoded.
///
/// # Errors
/// `invalid_input` on `path`, where it might climb.
pub(super) fn target(path: &str) -> Result<Target<'_>, Failure> {
    let path = path.strip_prefix("/proxy/").unwrap_or_default();
    let (instance, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    match is_sound(rest) {
        true => Ok(Target { instance, rest }),
        false => {
            let sentence =
                "the path has an empty part, a part of dots, a backslash or what is no text: it might lead elsewhere";
            Err(Failure::invalid("path", sentence).never_sent())
        }
    }
}

/// Whether no reading of it climbs.
fn is_sound(rest: &str) -> bool {
    let mut text = rest.to_owned();
    for _ in 0..=DEEPEST {
        if !stays(&text) {
            return false;
        }
        match percent_decode_str(&text).decode_utf8() {
            Ok(decoded) if *decoded == *text => return true,
            Ok(decoded) => text = decoded.into_owned(),
            Err(_) => return false,
        }
    }
    false
}

/// Whether one reading does not. An encoded slash is a part of a name to whoever gets it whole, and divides to whoever does
/// not: both must stay.
fn stays(text: &str) -> bool {
    if text.contains('\\') || text.chars().any(char::is_control) {
        return false;
    }
    let Some(behind) = text.strip_prefix('/') else {
        return text.is_empty();
    };
    let mut parts = behind.split('/').rev();
    // A slash may end it.
    let last = parts.next().unwrap_or_default();
    // What stands behind a semicolon, servers of the Java kind take away before they look.
    let climbs = |part: &str| matches!(part.split(';').next().unwrap_or_default(), "." | "..");
    !climbs(last) && parts.all(|part| !part.is_empty() && !climbs(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_is_passed_on_as_it_was_written() {
        for (path, instance, rest) in [
            ("/proxy/a", "a", ""),
            ("/proxy/a/", "a", "/"),
            ("/proxy/a/repos/x", "a", "/repos/x"),
            ("/proxy/a/repos/x/", "a", "/repos/x/"),
            ("/proxy/a/projects/acme%2Fapi/x", "a", "/projects/acme%2Fapi/x"),
            (
                "/proxy/a/files/docs%2Fa%20file%20%231%20100%25%2B%C3%BC%3F.md",
                "a",
                "/files/docs%2Fa%20file%20%231%20100%25%2B%C3%BC%3F.md",
            ),
            ("/proxy/a/.github/a..b/...", "a", "/.github/a..b/..."),
            ("/proxy/a/compare/v1...v2", "a", "/compare/v1...v2"),
            ("/proxy/a/x;y=1", "a", "/x;y=1"),
            ("/proxy/a/x:y@z", "a", "/x:y@z"),
            ("/proxy/a/100%", "a", "/100%"),
        ] {
            assert_eq!(target(path).unwrap(), Target { instance, rest });
        }
    }

    #[test]
    fn what_may_climb_is_refused() {
        for rest in [
            "/..",
            "/../x",
            "/x/../../y",
            "/./x",
            "/x/.",
            "/%2e%2e/x",
            "/%2E%2e",
            "/.%2e/x",
            "/x%2f..%2f..",
            "/x%2F..",
            "/..%2fx",
            "/%252e%252e/x",
            "/%25252e%25252e",
            "/..;/x",
            "/..;a=b/x",
            "/%2e%2e;x",
            "/..%3b/x",
            "//evil.example/x",
            "/x//y",
            "/%2fevil.example",
            "/x%2f%2fy",
            "/http://evil.example/x",
            "/x\\y",
            "/..\\x",
            "/x%5c..%5cy",
            "/%5cevil",
            "/x%00",
            "/x%0d%0ay",
            "/x%09",
            "/%c0%ae%c0%ae/x",
            "/%ff",
            "/%2525252525252e",
        ] {
            let path = format!("/proxy/a{rest}");
            let failure = target(&path).expect_err(rest);
            assert_eq!(failure.field.as_deref(), Some("path"), "{rest}");
            assert!(failure.unsent);
        }
    }

    proptest! {
        #[test]
        fn no_reading_of_a_sound_path_climbs(rest in "(/|\\.|%2e|%2E|%2f|%5c|\\\\|%25|;|a|%00|//){0,12}") {
            if target(&format!("/proxy/a/{rest}")).is_ok() {
                let url = url::Url::parse(&format!("http://h/base/{rest}")).unwrap();
                prop_assert!(url.path().starts_with("/base/"), "{}", url);
                let once = percent_decode_str(&rest).decode_utf8().unwrap().into_owned();
                let url = url::Url::parse(&format!("http://h/base/{once}")).unwrap();
                prop_assert!(url.path().starts_with("/base/") && url.host_str() == Some("h"), "{}", url);
            }
        }
    }
}
