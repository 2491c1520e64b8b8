//! Requests, as drivers make them.
//!
//! Invariant: a request's URL lies below the instance's base URL, and each part of its path is encoded on its own, so
//! that no input can climb out of its place.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, header};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Upload;
use serde::Serialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::Form;
use super::embedded::Embedded;
use super::endpoint::Endpoint;
use super::outgoing::{Content, Outgoing, told_oddly};
use crate::leisure::to_json;

impl Endpoint {
    /// A `GET` of the path made of `parts`, below the base URL.
    ///
    /// # Errors
    /// `invalid_input` where a part cannot stand in a path.
    pub fn get(&self, parts: &[&str]) -> Result<Outgoing, Failure> {
        Ok(Outgoing {
            method: Method::GET,
            url: self.url(parts)?,
            headers: HeaderMap::new(),
            content: Content::Nothing,
            passed: false,
            bare: false,
        })
    }

    /// A `GET` of a path with ids in it that the provider told: none that cannot stand there is the caller's mistake.
    ///
    /// # Errors
    /// `upstream_failed` where one cannot.
    pub fn get_told(&self, parts: &[&str]) -> Result<Outgoing, Failure> {
        self.get(parts).map_err(|_| told_oddly())
    }

    /// A `POST` of a JSON body.
    ///
    /// # Errors
    /// `invalid_input` where a part cannot stand in a path.
    pub fn post(&self, parts: &[&str], body: &impl Serialize) -> Result<Outgoing, Failure> {
        self.with_json(Method::POST, parts, body)
    }

    /// A `PUT` of a JSON body.
    ///
    /// # Errors
    /// As [`Endpoint::post`].
    pub fn put(&self, parts: &[&str], body: &impl Serialize) -> Result<Outgoing, Failure> {
        self.with_json(Method::PUT, parts, body)
    }

    /// A `PATCH` of a JSON body.
    ///
    /// # Errors
    /// As [`Endpoint::post`].
    pub fn patch(&self, parts: &[&str], body: &impl Serialize) -> Result<Outgoing, Failure> {
        self.with_json(Method::PATCH, parts, body)
    }

    /// A request with a JSON body. Some providers want one with a `DELETE`, too.
    ///
    /// # Errors
    /// As [`Endpoint::post`].
    pub fn with_json(&self, method: Method, parts: &[&str], body: &impl Serialize) -> Result<Outgoing, Failure> {
        let body = to_json(body)
            .map_err(|error| Failure::new(Kind::Internal, "a request could not be serialised").because(error))?;
        self.with_bytes(method, parts, "application/json", body)
    }

    /// A request with a JSON body, an object with a field at least, that has the upload as one more `field`: as base64, which
    /// is made while it is sent.
    ///
    /// # Errors
    /// As [`Endpoint::post`].
    pub fn with_upload(
        &self,
        method: Method,
        parts: &[&str],
        body: &impl Serialize,
        (field, upload): (&'static str, Arc<Upload>),
    ) -> Result<Outgoing, Failure> {
        let mut outgoing = self.with_json(method, parts, body)?;
        let object = Bytes::copy_from_slice(outgoing.bytes());
        let embedded = Embedded::new(object, field, upload);
        // Some servers take no body whose length they are not told.
        if let Some(length) = embedded.length() {
            outgoing.headers.insert(header::CONTENT_LENGTH, length.into());
        }
        outgoing.content = Content::Embedded(embedded);
        Ok(outgoing)
    }

    /// A `POST` of a form, as browsers send one without files.
    ///
    /// # Errors
    /// As [`Endpoint::post`].
    pub fn post_fields<'a>(
        &self,
        parts: &[&str],
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Outgoing, Failure> {
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let media_type = "application/x-www-form-urlencoded";
        self.with_bytes(Method::POST, parts, media_type, Bytes::from(body))
    }

    /// A request without a body.
    ///
    /// # Errors
    /// As [`Endpoint::post`].
    pub fn bare(&self, method: Method, parts: &[&str]) -> Result<Outgoing, Failure> {
        Ok(Outgoing {
            method,
            ..self.get(parts)?
        })
    }

    /// A `DELETE` without a body.
    ///
    /// # Errors
    /// As [`Endpoint::post`].
    pub fn delete(&self, parts: &[&str]) -> Result<Outgoing, Failure> {
        self.bare(Method::DELETE, parts)
    }

    /// The same request with what a path may hold as it is, and some servers read as more than a name, written out in its
    /// path behind the base's: a dot (what follows the last one, they take for the form of the answer), `+` and `&`.
    pub fn written_out(&self, mut outgoing: Outgoing) -> Outgoing {
        let (base, rest) = outgoing
            .url
            .path()
            .split_at(self.base.path().trim_end_matches('/').len());
        let rest = rest.replace('.', "%2E").replace('+', "%2B").replace('&', "%26");
        let path = format!("{base}{rest}");
        outgoing.url.set_path(&path);
        outgoing
    }

    fn with_bytes(
        &self,
        method: Method,
        parts: &[&str],
        media_type: &'static str,
        bytes: Bytes,
    ) -> Result<Outgoing, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        Ok(Outgoing {
            headers,
            content: Content::Bytes(bytes),
            ..self.bare(method, parts)?
        })
    }

    /// A `POST` of a form with a file in it.
    ///
    /// # Errors
    /// `invalid_input` where a part cannot stand in a path.
    pub fn post_form(&self, parts: &[&str], form: Form) -> Result<Outgoing, Failure> {
        Ok(Outgoing {
            method: Method::POST,
            url: self.url(parts)?,
            headers: HeaderMap::new(),
            content: Content::Form(form),
            passed: false,
            bare: false,
        })
    }

    fn url(&self, parts: &[&str]) -> Result<Url, Failure> {
        // URL parsers take dots away together with what stands before them, encoded or not.
        // And what stands before a server may read an encoded slash as one, and then the dots beside it.
        let climbs = |part: &str| part.split(['/', '\\']).any(|part| matches!(part, "." | ".."));
        // Tabs and line breaks, URL parsers drop: what is left would name another thing, or climb.
        let shrinks = |part: &str| part.contains(['\t', '\n', '\r']);
        if parts
            .iter()
            .any(|part| part.is_empty() || climbs(part) || shrinks(part))
        {
            return Err(Failure::new(
                Kind::InvalidInput,
                "a name must not be empty, '.' or '..', nor hold such a part, a tab or a line break",
            )
            .never_sent());
        }
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::invalid("base_url", "base_url must be an http or https URL"))?
            .pop_if_empty()
            .extend(parts);
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leisure::tests::{long, on_one_thread};
    use crate::providers::http::endpoint::tests::{DIALECT, connection};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    #[test]
    fn others_go_on_while_a_long_request_is_written() {
        let written = on_one_thread(async { ENDPOINT.post(&["a"], &long()).map(|outgoing| outgoing.length()) });
        assert!(written.expect("written") > 256 * 1024);
    }

    #[test]
    fn a_base_keeps_its_path_with_or_without_a_slash() {
        for base in ["https://git.example.com/api/v3", "https://git.example.com/api/v3/"] {
            let endpoint = Endpoint::new(&connection(Some(base)), &DIALECT).unwrap();
            let url = endpoint.get(&["repos", "a", "b"]).unwrap().url;
            assert_eq!(url.as_str(), "https://git.example.com/api/v3/repos/a/b");
        }
    }

    #[test]
    fn what_is_read_as_more_than_a_name_is_written_out_behind_the_base() {
        let endpoint = Endpoint::new(&connection(Some("https://git.example.com/v1.0/")), &DIALECT).unwrap();
        let outgoing = endpoint.get(&["a.b/c", "..x", "%2E+&"]).unwrap().query("ref", "v1.0&+");
        let url = endpoint.written_out(outgoing).url;
        let written = "https://git.example.com/v1.0/a%2Eb%2Fc/%2E%2Ex/%252E%2B%26?ref=v1.0%26%2B";
        assert_eq!(url.as_str(), written);
    }

    #[test]
    fn no_part_climbs_behind_a_server_that_decodes_slashes() {
        for part in [
            "..",
            "../..",
            "../../api",
            "a/../b",
            "a/..",
            "..\\x",
            "./a",
            ".\t.",
            "\t",
            "a\nb",
            "a/.\r./b",
        ] {
            let refused = ENDPOINT.delete(&["repos", part]).err().expect(part);
            assert!(refused.kind == Kind::InvalidInput && refused.unsent, "{part}");
        }
        for part in ["a..b", "feature/a.b", "...", ".github", "a/.b"] {
            assert!(ENDPOINT.delete(&["repos", part]).is_ok(), "{part}");
        }
    }

    static ENDPOINT: LazyLock<Endpoint> =
        LazyLock::new(|| Endpoint::new(&connection(Some("https://h.example/api")), &DIALECT).expect("an endpoint"));

    proptest! {
        #[test]
        fn no_part_leaves_its_place(part in "[./\\\\\t\n\r%a]{0,6}|(?s:.{0,20})") {
            if let Ok(outgoing) = ENDPOINT.get(&["repos", &part, "end"]) {
                let parts: Vec<_> = outgoing.url.path_segments().unwrap().collect();
                prop_assert_eq!(parts.len(), 4);
                prop_assert_eq!((parts[0], parts[1], parts[3]), ("api", "repos", "end"));
                prop_assert_eq!(outgoing.url.query(), None);
                let decoded = percent_encoding::percent_decode_str(parts[2]).decode_utf8().unwrap();
                prop_assert_eq!(decoded.as_ref(), part);
            } else {
                let dots = part.split(['/', '\\']).any(|part| matches!(part, "." | ".."));
                prop_assert!(part.is_empty() || dots || part.contains(['\t', '\n', '\r']));
            }
        }
    }
}
