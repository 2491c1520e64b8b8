//! Forms with a file in them (RFC 7578), read whole.
//!
//! Invariant: a form that is not whole is refused; a field is what stands between two of its marks, byte for byte.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use memchr::memmem;
use mosaic_actors::error::Failure;

use super::super::problem::{Fault, Problem};

/// The most fields of a form.
const MOST_FIELDS: usize = 32;

/// One field.
#[derive(Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// What it is called.
    pub name: String,
    /// The file's name, of a file.
    pub file: Option<String>,
    /// What kind of file it is, where that is said.
    pub media_type: Option<String>,
    /// What it holds.
    pub bytes: &'a [u8],
}

/// The mark between the fields of a form that comes with these headers.
///
/// # Errors
/// 415 where it is no form.
pub fn boundary(headers: &HeaderMap) -> Result<String, Problem> {
    let wrong = || {
        Problem::fault(
            Fault::UnsupportedMediaType,
            "send a form as multipart/form-data, with the file in it",
        )
    };
    let text = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(wrong)?;
    let mut parts = text.split(';');
    if !parts
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("multipart/form-data")
    {
        return Err(wrong());
    }
    let named = parts.filter_map(|part| part.trim().split_once('='));
    let mut boundary = named.filter(|(name, _)| name.eq_ignore_ascii_case("boundary"));
    let boundary = boundary.next().map(|(_, value)| value.trim_matches('"').to_owned());
    boundary.filter(|mark| (1..=70).contains(&mark.len())).ok_or_else(wrong)
}

/// The fields of a form.
///
/// # Errors
/// `invalid_input` on `body` where it is not whole.
pub fn fields<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<Field<'a>>, Failure> {
    let broken = || Failure::invalid("body", "the form is not whole, or is none");
    let mark = format!("--{boundary}");
    let between = memmem::Finder::new(mark.as_bytes());
    let mut rest = body.strip_prefix(mark.as_bytes()).or_else(|| {
        let at = memmem::find(body, format!("\r\n{mark}").as_bytes())?;
        body.get(at + 2 + mark.len()..)
    });
    let mut fields = Vec::new();
    loop {
        let open = rest.ok_or_else(broken)?;
        if open.starts_with(b"--") {
            return Ok(fields);
        }
        if fields.len() == MOST_FIELDS {
            return Err(Failure::invalid(
                "body",
                format!("the form has more than {MOST_FIELDS} fields"),
            ));
        }
        let open = open.strip_prefix(b"\r\n").ok_or_else(broken)?;
        let end = ends(open, &between).ok_or_else(broken)?;
        fields.push(field(&open[..end]).ok_or_else(broken)?);
        rest = open.get(end + 2 + mark.len()..);
    }
}

/// Where a field ends: before the end of the line in front of the next mark.
fn ends(open: &[u8], mark: &memmem::Finder<'_>) -> Option<usize> {
    let mut marks = mark.find_iter(open);
    marks.find_map(|at| at.checked_sub(2).filter(|end| open[*end..at] == *b"\r\n"))
}

fn field(whole: &[u8]) -> Option<Field<'_>> {
    let end = memmem::find(whole, b"\r\n\r\n")?;
    let (head, bytes) = (std::str::from_utf8(&whole[..end]).ok()?, &whole[end + 4..]);
    let mut field = Field {
        name: String::new(),
        file: None,
        media_type: None,
        bytes,
    };
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-type") {
            field.media_type = Some(value.trim().to_owned());
        } else if name.eq_ignore_ascii_case("content-disposition") {
            for (name, value) in value.split("; ").filter_map(|part| part.trim().split_once('=')) {
                // As browsers write quotes and ends of lines within.
                let value = value.trim_matches('"').replace("%22", "\"").replace("\\\"", "\"");
                match name {
                    "name" => field.name = value,
                    "filename" => field.file = Some(value),
                    _ => {}
                }
            }
        }
    }
    (!field.name.is_empty()).then_some(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const FORM: &[u8] = b"--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--x\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".jsonl\"\r\nContent-Type: text/plain\r\n\r\n\
        {}\n--x not a mark\r\n\r\n--x--\r\n";

    #[test]
    fn fields_are_what_stands_between_the_marks() {
        let read = fields(FORM, "x").expect("whole");
        assert_eq!((read[0].name.as_str(), read[0].bytes), ("purpose", &b"batch"[..]));
        assert_eq!(read[1].file.as_deref(), Some("a \"b\".jsonl"));
        assert_eq!(read[1].media_type.as_deref(), Some("text/plain"));
        assert_eq!(read[1].bytes, b"{}\n--x not a mark\r\n");
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn a_form_that_is_cut_anywhere_is_refused() {
        let end = FORM.len() - "--\r\n".len();
        for cut in 0..=end {
            assert!(fields(&FORM[..cut], "x").is_err(), "{cut}");
        }
        assert!(fields(FORM, "y").is_err());
    }

    #[test]
    fn a_boundary_is_named_by_the_head() {
        let of = |text: &'static str| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(text))]);
            boundary(&headers).ok()
        };
        assert_eq!(of("multipart/form-data; boundary=\"a b\"").as_deref(), Some("a b"));
        assert_eq!(of("Multipart/Form-Data; charset=x; Boundary=ab").as_deref(), Some("ab"));
        for none in [
            "application/json",
            "multipart/form-data",
            "multipart/form-data; boundary=",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
