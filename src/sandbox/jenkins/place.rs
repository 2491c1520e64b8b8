//! Where a request leads: the prefix it came by, the job that its path names, and what is asked of it.
//!
//! Invariant: each part of a path is decoded exactly once, so that a branch's own `%2F` is still one afterwards.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Where Jenkins is served beside the root.
pub(crate) const PREFIX: &str = "/jenkins";
/// What stays as it is in a part of a path.
const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A path, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// What it begins with: [`PREFIX`] or nothing.
    pub prefix: &'static str,
    /// The names of the folders and of the job, outermost first.
    pub job: Vec<String>,
    /// What comes after them, decoded.
    pub rest: Vec<String>,
    /// Whether it ends with a slash.
    pub slash: bool,
}

impl Place {
    /// Reads a path; none when a part of it is no text.
    pub fn of(path: &str) -> Option<Self> {
        let (prefix, path) = match path.strip_prefix(PREFIX) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => (PREFIX, rest),
            _ => ("", path),
        };
        let parts = path.split('/').filter(|part| !part.is_empty());
        let decoded = parts.map(|part| percent_decode_str(part).decode_utf8().map(|part| part.into_owned()));
        let mut rest: Vec<String> = decoded.collect::<Result<_, _>>().ok()?;
        let mut job = Vec::new();
        while rest.len() >= 2 && rest[0] == "job" {
            job.push(rest.remove(1));
            rest.remove(0);
        }
        Some(Self {
            prefix,
            job,
            rest,
            slash: path.ends_with('/'),
        })
    }

    /// The job's full name, as Jenkins writes it.
    pub fn full_name(&self) -> String {
        self.job.join("/")
    }

    /// The parts after the job, to be matched.
    pub fn rest(&self) -> Vec<&str> {
        self.rest.iter().map(String::as_str).collect()
    }
}

/// The path of a job below the root: `job/a/job/b/`. Its full name's slashes part it; a name has none of its own.
pub(crate) fn job_path(full_name: &str) -> String {
    full_name
        .split('/')
        .map(|name| format!("job/{}/", encoded(name)))
        .collect()
}

/// One part of a path, encoded.
pub(crate) fn encoded(part: &str) -> String {
    utf8_percent_encode(part, &KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_once_and_leads_back() {
        let place = Place::of("/jenkins/job/web/job/feature%252Flogin/7/api/json").unwrap();
        assert_eq!(place.prefix, "/jenkins");
        assert_eq!(place.job, ["web", "feature%2Flogin"]);
        assert_eq!(place.rest, ["7", "api", "json"]);
        assert_eq!(job_path(&place.full_name()), "job/web/job/feature%252Flogin/");
    }

    #[test]
    fn only_a_whole_part_is_the_prefix() {
        assert_eq!(Place::of("/jenkinsfile").unwrap().rest, ["jenkinsfile"]);
        assert_eq!(Place::of("/jenkins").unwrap().rest, Vec::<String>::new());
        assert!(Place::of("/job/%ff").is_none());
    }
}
