//! Pages as files.
//!
//! Invariant: every file holds the page's name and its text.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::json;

use super::BookStack;
use super::gate::Viewer;
use super::pages::Answer;
use super::problem::Problem;
use super::state::Page;
use super::text::{bare, escape, slug};

/// Lines on a page of paper.
const LINES: usize = 48;

/// A download, called after the page. BookStack calls all of them a stream of octets.
pub(crate) async fn page(
    State(bookstack): State<Arc<BookStack>>,
    Extension(viewer): Extension<Viewer>,
    headers: HeaderMap,
    Path((id, format)): Path<(String, String)>,
) -> Answer {
    if viewer == Viewer::Reader {
        return Ok(turned_away(&headers));
    }
    let state = bookstack.state();
    let page = id.parse().ok().and_then(|id| state.page(id));
    let page = page.ok_or_else(|| Problem::not_found("Page"))?;
    let (extension, bytes) = match &*format {
        "markdown" => ("md", markdown(page).into_bytes()),
        "html" => ("html", html(page).into_bytes()),
        "plaintext" => ("txt", plain(page).into_bytes()),
        "pdf" => ("pdf", pdf(&plain(page))),
        _ => return Err(Problem::not_found("Endpoint")),
    };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    let name = format!("attachment; filename=\"{}.{extension}\"", slug(&page.name));
    // A name that no header can hold is left out.
    if let Ok(value) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// Who may not export is told so in JSON where that is asked for, and led to the front page otherwise.
fn turned_away(headers: &HeaderMap) -> Response<Body> {
    let asked = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    match asked.is_some_and(|asked| asked.contains("json")) {
        true => {
            let error = json!({ "error": "You do not have permission to access the requested page." });
            (StatusCode::FORBIDDEN, Json(error)).into_response()
        }
        false => (StatusCode::FOUND, [(header::LOCATION, "/")]).into_response(),
    }
}

/// The name as a headline, and the text below.
fn markdown(page: &Page) -> String {
    let text = match page.markdown.as_str() {
        "" => bare(&page.html),
        markdown => markdown.to_owned(),
    };
    format!("# {}\n\n{text}", page.name)
}

fn html(page: &Page) -> String {
    let name = escape(&page.name);
    format!(
        "<!doctype html>\n<html><head><meta charset=\"utf-8\"><title>{name}</title></head><body><h1>{name}</h1>\n{}\n</body></html>\n",
        page.html
    )
}

fn plain(page: &Page) -> String {
    format!("{}\n\n{}", page.name, bare(&page.html))
}

/// A PDF (ISO 32000-1) of one page of paper, in a font that every reader has.
fn pdf(text: &str) -> Vec<u8> {
    let shown = |line: &str| {
        let plain = |c: char| if c.is_ascii() && !c.is_control() { c } else { '?' };
        let line: String = line.chars().map(plain).collect();
        let line = line.replace('\\', r"\\").replace('(', r"\(").replace(')', r"\)");
        format!("({line}) Tj T*\n")
    };
    let lines: String = text.lines().take(LINES).map(shown).collect();
    let content = format!("BT /F1 11 Tf 72 770 Td 14 TL\n{lines}ET\n");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}endstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut file = "%PDF-1.4\n".to_owned();
    let mut places = String::new();
    for (number, object) in objects.iter().enumerate() {
        places += &format!("{:010} 00000 n \n", file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", number + 1);
    }
    let (size, start) = (objects.len() + 1, file.len());
    file += &format!(
        "xref\n0 {size}\n0000000000 65535 f \n{places}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    file.into_bytes()
}
