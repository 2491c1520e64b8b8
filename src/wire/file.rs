//! The name of a file that travels over HTTP.
//!
//! Invariant: a name is one that a file can have in any folder: it has no path, and no characters that steer a terminal.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use http::{HeaderMap, header};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The longest name that file systems take, in bytes.
const LONGEST: usize = 255;

/// The file's name as `Content-Disposition` says it (RFC 6266), where it is a sound one.
pub fn name_of(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_DISPOSITION)?.to_str().ok()?;
    let parameters = || text.split(';').skip(1).filter_map(|part| part.trim().split_once('='));
    let named = |name: &str| parameters().find(|(given, _)| given.trim().eq_ignore_ascii_case(name));
    // The extended form wins (RFC 6266, section 4.3).
    let name = match named("filename*") {
        Some((_, value)) => extended(value.trim())?,
        None => Cow::Borrowed(named("filename")?.1.trim().trim_matches('"')),
    };
    sound(&name).then(|| name.into_owned())
}

/// The `Content-Disposition` of a file to be kept (RFC 6266), with its name as RFC 8187 writes it.
pub fn attachment(name: Option<&str>) -> String {
    match name {
        Some(name) => format!(
            "attachment; filename*=UTF-8''{}",
            utf8_percent_encode(name, NON_ALPHANUMERIC)
        ),
        None => "attachment".to_owned(),
    }
}

/// The media type that a name's extension stands for.
pub fn media_type(name: impl AsRef<Path>) -> Arc<str> {
    Arc::from(mime_guess::from_path(name).first_or_octet_stream().essence_str())
}

/// A value as RFC 8187 writes it: `UTF-8''a%20b`.
fn extended(value: &str) -> Option<Cow<'_, str>> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, encoded) = rest.split_once('\'')?;
    match charset.eq_ignore_ascii_case("utf-8") {
        true => percent_decode_str(encoded).decode_utf8().ok(),
        false => None,
    }
}

/// Whether a file can have this name in any folder.
pub fn sound(name: &str) -> bool {
    let odd = |c: char| c.is_control() || matches!(c, '/' | '\\');
    !matches!(name, "" | "." | "..") && name.len() <= LONGEST && !name.contains(odd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_name_is_read_from_both_forms_and_leads_nowhere() {
        for (header, name) in [
            (r#"attachment; filename="my-page.md""#, Some("my-page.md")),
            ("attachment; filename=my-page.md", Some("my-page.md")),
            ("attachment; filename*=UTF-8''a%20%C3%BC.pdf", Some("a ü.pdf")),
            (
                r#"attachment; filename="plain.pdf"; filename*=utf-8'en'b.pdf"#,
                Some("b.pdf"),
            ),
            (r#"inline; FileName="x""#, Some("x")),
            ("attachment", None),
            (r#"attachment; filename="""#, None),
            (r#"attachment; filename="../x""#, None),
            (r#"attachment; filename="a\\x""#, None),
            ("attachment; filename*=UTF-8''a%2Fb", None),
            ("attachment; filename*=UTF-8''a%0Ab", None),
            ("attachment; filename*=UTF-8''%FF", None),
            ("attachment; filename*=latin1''a", None),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_DISPOSITION, HeaderValue::from_str(header).unwrap())]);
            assert_eq!(name_of(&headers).as_deref(), name, "{header}");
        }
    }
}
