//! Files that a call brings, to stdout or to a file.
//!
//! Invariant: a file stands under its name only when it is whole; one that broke off leaves nothing. What is there and is
//! no file, such as a pipe or a device, is written through and never replaced; so is what this process was given opened, as
//! by a shell that redirects its output, be it a file or not.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::thread;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use mosaic_actors::error::{Failure, Kind};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::exit;
use super::problem::Problem;
use super::progress::Meter;
use super::screen::{Screen, Stop};

/// The flag that names where a file goes.
pub const OUTPUT: &str = "output";

/// A file as it comes.
pub struct Download {
    /// The media type.
    pub media_type: String,
    /// Its length in bytes, where that is known.
    pub length: Option<u64>,
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
        let unwritten = |error: io::Error| match error.kind() {
            // A reader that went away has what it wanted, as at stdout.
            ErrorKind::BrokenPipe => Stop::Quiet(exit::OK),
            _ => Failure::invalid(OUTPUT, format!("{} cannot be written: {error}", path.display())).into(),
        };
        let mut sink = Sink::open(path).map_err(unwritten)?;
        let mut size = 0;
        let mut meter = Meter::new(&path.display().to_string(), self.length, screen);
        while let Some(piece) = self.bytes.next().await {
            let piece = piece?;
            size += piece.len();
            meter.add(piece.len());
            sink.write(piece).await.map_err(unwritten)?;
        }
        sink.finish().await.map_err(unwritten)?;
        drop(meter);
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

/// Where the bytes go.
enum Sink {
    File(Part),
    Through(Through),
}

impl Sink {
    fn open(path: &Path) -> io::Result<Self> {
        let there = match fs::metadata(path) {
            Ok(there) => Some(there),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        // A slash at the end means a folder, be there one or not.
        let slash = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        if slash || there.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(io::Error::new(
                ErrorKind::IsADirectory,
                "it is a folder; name a file in it",
            ));
        }
        if let Some(number) = there.as_ref().and_then(|_| descriptor(path)) {
            let path = path.to_owned();
            return Ok(Sink::Through(Through::to(move || opened(number, &path))));
        }
        let through = |path: PathBuf| Through::to(move || fs::File::options().write(true).open(path));
        Ok(match there {
            Some(there) if !there.is_file() => Sink::Through(through(path.to_owned())),
            there => Sink::File(Part::create(target(path), there.map(|there| there.permissions()))?),
        })
    }

    async fn write(&mut self, piece: Bytes) -> io::Result<()> {
        match self {
            Sink::File(part) => part.file.write_all(&piece),
            Sink::Through(through) => through.write(piece).await,
        }
    }

    async fn finish(self) -> io::Result<()> {
        match self {
            Sink::File(part) => part.finish(),
            Sink::Through(through) => through.finish().await,
        }
    }
}

/// The file that symlinks lead to, be it there or not. That they do not lead in a circle is known.
fn target(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    while let Ok(next) = fs::read_link(&path) {
        path = path.with_file_name(next);
    }
    path
}

/// The number of the descriptor of this process that a path leads to, as `/dev/stdout` does. That symlinks do not lead in a
/// circle is known.
fn descriptor(path: &Path) -> Option<u32> {
    let mut path = path.to_owned();
    loop {
        let folder = match path.parent()? {
            here if here.as_os_str().is_empty() => Path::new("."),
            folder => folder,
        };
        let folder = fs::canonicalize(folder).ok()?;
        let ours = fs::canonicalize("/proc/self").is_ok_and(|ours| folder.starts_with(ours)) && folder.ends_with("fd");
        if ours || folder == Path::new("/dev/fd") {
            return path.file_name()?.to_str()?.parse().ok();
        }
        path = path.with_file_name(fs::read_link(&path).ok()?);
    }
}

/// A descriptor of this process, to write to. Behind what it holds already: to open its file anew would begin at its start.
fn opened(number: u32, path: &Path) -> io::Result<fs::File> {
    match number {
        1 => io::stdout().as_fd().try_clone_to_owned().map(fs::File::from),
        2 => io::stderr().as_fd().try_clone_to_owned().map(fs::File::from),
        _ => fs::File::options().append(true).open(path),
    }
}

/// A pipe, a device or the like. A thread of its own writes, since a pipe waits for its reader and a signal shall end the
/// program all the same.
struct Through {
    pieces: mpsc::Sender<Bytes>,
    outcome: oneshot::Receiver<io::Result<()>>,
}

impl Through {
    /// Writes to what `open` opens; that may wait, too.
    fn to(open: impl FnOnce() -> io::Result<fs::File> + Send + 'static) -> Self {
        let (pieces, mut coming) = mpsc::channel::<Bytes>(1);
        let (told, outcome) = oneshot::channel();
        thread::spawn(move || {
            let written = || {
                let mut file = open()?;
                while let Some(piece) = coming.blocking_recv() {
                    file.write_all(&piece)?;
                }
                Ok(())
            };
            let outcome = written();
            // Nobody waits where the bytes were cut.
            let _ = told.send(outcome);
        });
        Through { pieces, outcome }
    }

    async fn write(&mut self, piece: Bytes) -> io::Result<()> {
        match self.pieces.send(piece).await {
            Ok(()) => Ok(()),
            // The thread ends early only where it failed.
            Err(_) => told((&mut self.outcome).await),
        }
    }

    async fn finish(self) -> io::Result<()> {
        drop(self.pieces);
        told(self.outcome.await)
    }
}

fn told(outcome: Result<io::Result<()>, oneshot::error::RecvError>) -> io::Result<()> {
    outcome.unwrap_or_else(|_| Err(io::Error::other("its writer is gone")))
}

/// A file beside the one that it will be; gone with this, unless it was finished.
struct Part {
    path: Option<PathBuf>,
    whole: PathBuf,
    file: fs::File,
}

impl Part {
    /// One that will be `whole`, with the permissions of what it replaces.
    fn create(whole: PathBuf, permissions: Option<fs::Permissions>) -> io::Result<Self> {
        let name = whole.file_name().ok_or(ErrorKind::InvalidInput)?;
        let mut part = std::ffi::OsString::from(".");
        part.push(name);
        part.push(format!(".{}.part", std::process::id()));
        let path = whole.with_file_name(part);
        let file = fs::File::options().write(true).create_new(true).open(&path)?;
        let part = Part {
            path: Some(path),
            whole,
            file,
        };
        if let Some(permissions) = permissions {
            part.file.set_permissions(permissions)?;
        }
        Ok(part)
    }

    fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        if let Some(path) = &self.path {
            fs::rename(path, &self.whole)?;
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
            length: None,
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
