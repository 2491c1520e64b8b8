//! Files that a call takes, from a file or from stdin.
//!
//! Invariant: a file is read as it is sent, a few pieces ahead, on a thread of its own: a pipe that says nothing keeps
//! nobody from interrupting the command.

use std::fs::Metadata;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use clap::ArgMatches;
use futures_util::stream;
use mosaic_actors::error::Failure;
use mosaic_actors::stream::{BodyStream, ByteStream, UPLOAD_FIELD, Upload};
use tokio::sync::mpsc;

use super::input;
use super::progress::Meter;
use super::screen::Screen;
use crate::catalogue::Entry;
use crate::wire::file::media_type;

/// The flag that names the file.
pub const FILE: &str = "file";
/// The flag that says what kind of file it is.
pub const CONTENT_TYPE: &str = "content-type";

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;
/// Pieces that are read ahead.
const AHEAD: usize = 4;

/// What the command line uploads, where the operation takes a file.
///
/// # Errors
/// `invalid_input` on `file`, where it cannot be opened, is no file, or is not named.
pub fn upload(entry: &Entry, matches: &ArgMatches, screen: &Screen) -> Result<Option<Arc<Upload>>, Failure> {
    // Only operations that take files have these flags, and clap refuses to look up what is not declared.
    if !entry.declaration.upload {
        return Ok(None);
    }
    let wrong = |sentence: String| Failure::invalid(FILE, sentence);
    let path = matches.get_one::<String>(FILE);
    let path = path.ok_or_else(|| wrong("--file must name what is uploaded; `-` is stdin".to_owned()))?;
    let given = matches
        .get_one::<String>(CONTENT_TYPE)
        .map(|text| Arc::from(text.as_str()));
    let (source, length): (Box<dyn Read + Send>, _) = match path.as_str() {
        "-" => (Box::new(io::stdin()), None),
        path => {
            let file = input::open(FILE, path)?;
            let known = file
                .metadata()
                .map_err(|error| wrong(format!("{path} cannot be read: {error}")))?;
            if known.is_dir() {
                return Err(wrong(format!("{path} is a folder")));
            }
            let length = Some(known).filter(Metadata::is_file).map(|known| known.len());
            (Box::new(file), length)
        }
    };
    if length == Some(0) && !entry.declaration.empty {
        return Err(wrong(format!("{path} is empty")));
    }
    let path = Path::new(path);
    let named = path.file_name().filter(|_| path != Path::new("-"));
    Ok(Some(Arc::new(Upload::once(ByteStream {
        media_type: given.unwrap_or_else(|| media_type(path)),
        length,
        name: named.and_then(|name| name.to_str()).map(Arc::from),
        bytes: pieces(source, Meter::new(&path.display().to_string(), length, screen)),
    }))))
}

/// A failure of the upload, as of the flag that names its file.
pub fn of_flag(entry: &Entry, failure: Failure) -> Failure {
    match failure.field.as_deref() {
        Some(UPLOAD_FIELD) if entry.declaration.upload => {
            Failure::invalid(FILE, failure.message().replace(UPLOAD_FIELD, FILE))
        }
        _ => failure,
    }
}

fn pieces(mut source: Box<dyn Read + Send>, mut meter: Meter) -> BodyStream<Bytes> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    thread::spawn(move || {
        loop {
            let mut piece = vec![0; PIECE];
            let next = match source.read(&mut piece) {
                Ok(0) => return,
                Ok(read) => {
                    piece.truncate(read);
                    Ok(Bytes::from(piece))
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(Failure::invalid(FILE, format!("the file cannot be read: {error}"))),
            };
            let read = next.as_ref().map_or(0, Bytes::len);
            // Who sent it has stopped; or it cannot be read any further.
            if sender.blocking_send(next.clone()).is_err() || next.is_err() {
                return;
            }
            meter.add(read);
        }
    });
    BodyStream::from_items(stream::unfold(receiver, |mut receiver| async move {
        let next = receiver.recv().await?;
        Some((next, receiver))
    }))
}
