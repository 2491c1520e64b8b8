//! Files that a call brings, to stdout or to a file.
//!
//! Invariant: a file stands under its name only when it is whole; one that broke off leaves nothing.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use mosaic_actors::error::{Failure, Kind};
use serde_json::json;

use super::problem::Problem;
use super::screen::{Screen, Stop};

/// The flag that names where a file goes.
pub const OUTPUT: &str = "output";

/// A file as it comes.
pub struct Download {
    /// The media type.
    pub media_type: String,
    /// The bytes.
    pub bytes: Pin<Box<dyn Stream<Item = Result<Bytes, Problem>> + Send>>,
}

impl Download {
    /// Writes it to `path`, or to stdout where that is `-` or not given.
    ///
    /// # Errors
    /// `invalid_input` on `output` where it cannot be written there, and the failure that cut it.
    pub async fn save(mut self, path: Option<&str>, screen: &Screen) -> Result<(), Stop> {
        let Some(path) = path.filter(|path| *path != "-").map(Path::new) else {
            return self.print(screen).await;
        };
        let unwritten = |error: std::io::Error| {
            let sentence = format!("{} cannot be written: {error}", path.display());
            Stop::from(Failure::invalid(OUTPUT, sentence))
        };
        let part = Part::create(path).map_err(unwritten)?;
        let mut size = 0;
        while let Some(piece) = self.bytes.next().await {
            let piece = piece?;
            size += piece.len();
            (&part.file).write_all(&piece).map_err(unwritten)?;
        }
        part.finish(path).map_err(unwritten)?;
        let path = path.display().to_string();
        if screen.json {
            return screen.lines(json!({ "output": path, "bytes": size, "media_type": self.media_type }).to_string());
        }
        screen.note(&format!("{path}: {size} bytes"));
        Ok(())
    }

    async fn print(mut self, screen: &Screen) -> Result<(), Stop> {
        if screen.interactive {
            let failure = Failure::new(Kind::InvalidInput, "a file is not shown on a terminal");
            return Err(Problem::from(failure)
                .hint("Name a file with --output, or redirect stdout.")
                .into());
        }
        while let Some(piece) = self.bytes.next().await {
            screen.data(piece?)?;
        }
        Ok(())
    }
}

/// A file beside the one that it will be; gone with this, unless it was finished.
struct Part {
    path: Option<PathBuf>,
    file: fs::File,
}

impl Part {
    fn create(whole: &Path) -> std::io::Result<Self> {
        let name = whole.file_name().ok_or(ErrorKind::InvalidInput)?;
        let mut part = std::ffi::OsString::from(".");
        part.push(name);
        part.push(format!(".{}.part", std::process::id()));
        let path = whole.with_file_name(part);
        let file = fs::File::options().write(true).create_new(true).open(&path)?;
        Ok(Part { path: Some(path), file })
    }

    fn finish(mut self, whole: &Path) -> std::io::Result<()> {
        self.file.sync_all()?;
        if let Some(path) = &self.path {
            fs::rename(path, whole)?;
            self.path = None;
        }
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            // Its only failure is that it is gone already.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    fn coming(pieces: Vec<Result<&'static str, Kind>>) -> Download {
        let bytes = stream::iter(pieces).map(|piece| match piece {
            Ok(text) => Ok(Bytes::from_static(text.as_bytes())),
            Err(kind) => Err(Problem::from(Failure::new(kind, "cut"))),
        });
        Download {
            media_type: "text/plain".to_owned(),
            bytes: Box::pin(bytes),
        }
    }

    #[tokio::test]
    async fn a_file_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.md");
        let there = || fs::read_dir(folder.path()).unwrap().count();
        let name = path.to_str();
        let cut = coming(vec![Ok("a"), Err(Kind::Network)])
            .save(name, &Screen::default())
            .await;
        assert!(matches!(cut, Err(Stop::Failed(_))));
        assert_eq!(there(), 0);
        coming(vec![Ok("a"), Ok("b")])
            .save(name, &Screen::default())
            .await
            .unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), there()), ("ab", 1));
        // One that is there stays as it was until the next is whole.
        let cut = coming(vec![Ok("c"), Err(Kind::Network)])
            .save(name, &Screen::default())
            .await;
        assert!(cut.is_err());
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), there()), ("ab", 1));
        let nowhere = folder.path().join("no/where");
        let refused = coming(vec![Ok("a")]).save(nowhere.to_str(), &Screen::default()).await;
        assert!(matches!(refused, Err(Stop::Failed(problem)) if problem.exit_code() == 2));
    }

    #[tokio::test]
    async fn a_terminal_is_protected() {
        let terminal = Screen {
            interactive: true,
            ..Screen::default()
        };
        assert!(coming(vec![Ok("a")]).save(None, &terminal).await.is_err());
    }
}
