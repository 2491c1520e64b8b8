//! What a build leaves behind: files, some in folders, one of them large.
//!
//! Invariant: the same build always has the same files, and a file is sent piece by piece.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::place::{Place, encoded};
use super::problem::{Problem, escaped, html};
use super::stage::{Ending, Stage};
use super::state::Build;
use crate::sandbox::ci::zip;

/// How much of a file is sent at once.
const PIECE: usize = 64 << 10;
/// The size of the large file.
const LARGE: usize = 1 << 20;
/// The files, by their paths.
const FILES: [&str; 4] = [
    "report.txt",
    "target/app.jar",
    "target/docs/a page #1 100%+ü?.html",
    "results.json",
];

/// The paths of a build's files: only one that went well enough has any, once they are stored.
pub(crate) fn paths(build: &Build) -> &'static [&'static str] {
    let stored = build.progress.stage() >= Stage::Finishing;
    match build.progress.ending() {
        Some(Ending::Success | Ending::Unstable) if stored => &FILES,
        _ => &[],
    }
}

/// As a build lists them.
pub(crate) fn listed(build: &Build) -> Vec<Value> {
    let one = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        json!({ "displayPath": name, "fileName": name, "relativePath": path })
    };
    paths(build).iter().map(one).collect()
}

fn content(path: &str, build: &Build, instance: &str) -> Bytes {
    match path {
        "target/app.jar" => (0..=255).cycle().take(LARGE).collect::<Vec<u8>>().into(),
        "results.json" => json!({ "build": build.number, "served_by": instance })
            .to_string()
            .into(),
        _ => format!("Build {} on {instance}: Grüße\n", build.number).into(),
    }
}

/// A file of a build, the page of one of its folders, or an archive of it.
pub(crate) fn answer(build: &Build, instance: &str, path: &[String]) -> Result<Response<Body>, Problem> {
    if let [folder @ .., "*zip*", name] = path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        let archive = archive(build, instance, folder).filter(|_| name.ends_with(".zip"));
        return archive
            .map(|archive| file(archive, name))
            .ok_or_else(Problem::not_found);
    }
    let path = path.join("/");
    if paths(build).contains(&path.as_str()) {
        return Ok(file(content(&path, build, instance), &path));
    }
    let folder = if path.is_empty() { path } else { path + "/" };
    let below = paths(build)
        .iter()
        .filter_map(|file| file.strip_prefix(folder.as_str()));
    let links: String = below
        .map(|file| {
            let link: Vec<String> = file.split('/').map(encoded).collect();
            format!("<a href=\"{}\">{}</a>\n", link.join("/"), escaped(file))
        })
        .collect();
    match links.is_empty() {
        true => Err(Problem::not_found()),
        false => Ok(html(StatusCode::OK, format!("<html><body>\n{links}</body></html>\n"))),
    }
}

/// All files below a folder, under its name; the outermost is called `archive`.
fn archive(build: &Build, instance: &str, folder: &[&str]) -> Option<Bytes> {
    let below: String = folder.iter().map(|name| format!("{name}/")).collect();
    let root = folder.last().unwrap_or(&"archive");
    let inside = paths(build)
        .iter()
        .filter_map(|path| Some((path.strip_prefix(&*below)?, path)));
    let files: Vec<(String, Bytes)> = inside
        .map(|(name, path)| (format!("{root}/{name}"), content(path, build, instance)))
        .collect();
    (!files.is_empty()).then(|| zip(files.iter().map(|(name, content)| (&**name, content))))
}

fn file(content: Bytes, path: &str) -> Response<Body> {
    let length = content.len();
    let pieces: Vec<Result<Bytes, Infallible>> = (0..length)
        .step_by(PIECE)
        .map(|at| Ok(content.slice(at..length.min(at + PIECE))))
        .collect();
    let mut response = Response::new(Body::from_stream(stream::iter(pieces)));
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let headers = response.headers_mut();
    // Names of media types are visible ASCII.
    if let Ok(kind) = HeaderValue::from_str(kind.essence_str()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

/// The path after `artifact`.
pub(crate) fn path(place: &Place) -> &[String] {
    place.rest.get(2..).unwrap_or_default()
}
