//! Where output goes: data to stdout, everything else to stderr.
//!
//! Invariant: a reader that went away ends the program quietly, and colour reaches only a terminal that wants it.

use std::ffi::OsStr;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use clap::builder::styling::{AnsiColor, Style};
use mosaic_actors::error::{Failure, Kind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::problem::Problem;
use super::select::Selection;
use super::{exit, progress};
use crate::catalogue::event::turns;

/// Why the program ends before its work is done.
#[derive(Debug)]
pub enum Stop {
    /// It failed.
    Failed(Box<Problem>),
    /// Ends with this exit code, and without a message.
    Quiet(u8),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Stop::Failed(Box::new(problem))
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Problem::from(failure).into()
    }
}

/// The flag that wants nothing beside the data.
pub const QUIET: &str = "quiet";

/// What the line says of its outputs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// JSON instead of text for people.
    pub json: bool,
    /// No colour.
    pub no_color: bool,
    /// Nothing beside the data.
    pub quiet: bool,
}

/// What the program's own outputs can do.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    /// JSON instead of text for people.
    pub json: bool,
    /// Nothing is told beside the data but failures.
    pub quiet: bool,
    /// Stderr may be drawn on: it is a terminal that knows how, and nobody refused.
    pub draws: bool,
    /// What of JSON is wanted; `None` for all.
    pub(super) selection: Option<Arc<Selection>>,
    /// Where all goes in place of the outputs.
    pub(super) kept: Option<Arc<Mutex<Vec<u8>>>>,
    /// Stdout is a terminal.
    pub interactive: bool,
    /// Somebody can be asked: stdin and stderr are terminals.
    pub asks: bool,
    /// The columns of the terminal at stdout; without one, nothing is cut.
    pub width: Option<u16>,
    /// Stdout takes colour.
    pub colour_out: bool,
    /// Stderr takes colour.
    pub colour_err: bool,
}

/// Error heads and crashed parts.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Things on their way.
pub const WARY: Style = AnsiColor::Yellow.on_default();
/// Things that are well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Side remarks.
pub const FAINT: Style = Style::new().dimmed();

impl Screen {
    /// Looks at the process's stdout, stderr and environment.
    pub fn detect(wanted: &Wanted) -> Self {
        let interactive = io::stdout().is_terminal();
        let coloured = !wanted.no_color
            && colour_wanted(
                std::env::var_os("NO_COLOR").as_deref(),
                std::env::var_os("TERM").as_deref(),
            );
        let told = io::stderr().is_terminal();
        Screen {
            json: wanted.json,
            quiet: wanted.quiet,
            draws: coloured && told && !wanted.quiet && !wanted.json,
            interactive,
            asks: io::stdin().is_terminal() && told,
            width: terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0),
            colour_out: coloured && interactive,
            colour_err: coloured && told,
            selection: None,
            kept: None,
        }
    }

    /// The same, which prints of JSON what is wanted.
    #[must_use]
    pub fn showing(self, selection: Option<Arc<Selection>>) -> Self {
        Screen { selection, ..self }
    }

    /// The same, for programs.
    #[must_use]
    pub fn in_json(&self) -> Self {
        Screen {
            json: true,
            draws: false,
            ..self.clone()
        }
    }

    /// The same, which keeps what it is given, and draws nothing; and what it keeps.
    pub fn keeping(&self) -> (Self, Arc<Mutex<Vec<u8>>>) {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let screen = Screen {
            draws: false,
            kept: Some(kept.clone()),
            ..self.clone()
        };
        (screen, kept)
    }

    /// Writes data, at once.
    ///
    /// # Errors
    /// The failure to write. A reader that went away (`mosaic … | head`) is none: it has what it wanted.
    pub fn data(&self, bytes: impl AsRef<[u8]>) -> Result<(), Stop> {
        if let Some(kept) = &self.kept {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend_from_slice(bytes.as_ref());
            return Ok(());
        }
        progress::clear();
        let mut out = io::stdout().lock();
        let written = out.write_all(bytes.as_ref()).and_then(|()| out.flush());
        written.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Stop::Quiet(exit::OK),
            _ => {
                let failure = Failure::new(Kind::Internal, format!("stdout cannot be written: {error}"));
                let hint = "Make room there, or redirect stdout to another place.";
                Problem::from(failure).hint(hint).into()
            }
        })
    }

    /// Writes data and ends its last line; of JSON, what is wanted of it.
    ///
    /// # Errors
    /// As [`Screen::data`], and what the selection fails with.
    pub fn lines(&self, text: impl AsRef<[u8]>) -> Result<(), Stop> {
        let text = text.as_ref();
        if let Some(selection) = self.selection.as_ref().filter(|_| self.json) {
            return self.data(selection.apply(text)?);
        }
        let end: &[u8] = if text.ends_with(b"\n") { b"" } else { b"\n" };
        self.data([text, end].concat())
    }

    /// A line cut at the terminal's width.
    pub fn cut(&self, line: &str) -> String {
        match self.width.map(usize::from) {
            Some(width) if line.chars().count() > width => {
                line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
            }
            _ => line.to_owned(),
        }
    }

    /// Whether the reader of stdout went away. A pipe tells without a write; nobody reads what is not there.
    pub fn is_left(&self) -> bool {
        let out = io::stdout();
        let mut asked = [PollFd::new(&out, PollFlags::empty())];
        let now = Timespec::default();
        let gone = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
        poll(&mut asked, Some(&now)).is_ok_and(|_| asked[0].revents().intersects(gone))
    }

    /// Tells people something beside the data. Not in JSON mode, where stderr is for problems alone.
    pub fn note(&self, text: &str) {
        if self.json || self.quiet {
            return;
        }
        if let Some(kept) = &self.kept {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend_from_slice(paint(self.colour_out, FAINT, text).as_bytes());
            kept.push(b'\n');
            return;
        }
        tell(&paint(self.colour_err, FAINT, text));
    }

    /// A piece of what people are told beside the data as it comes; whoever tells it ends its line.
    pub fn aside(&self, piece: &str) {
        if !self.json && !self.quiet {
            progress::clear();
            let mut err = io::stderr().lock();
            // As of any message, nobody is there to be told where stderr is closed.
            let _ = write!(err, "{}", paint(self.colour_err, FAINT, piece)).and_then(|()| err.flush());
        }
    }

    /// Reports a failure: for people, or as one line of JSON.
    pub fn report(&self, problem: &Problem) {
        if self.json {
            return tell(&problem.json());
        }
        let head = paint(self.colour_err, BAD, &format!("error[{}]:", problem.code()));
        tell(&format!("{head} {}", clean(&problem.sentence())));
        for remark in problem.remarks() {
            tell(&format!("  {}", clean(&remark).replace('\n', "\n  ")));
        }
    }

    /// Tells a program of one problem, as a line of JSON.
    pub fn problem_line(&self, json: &str) {
        tell(json);
    }

    /// Paints text that goes to stdout.
    pub fn paint(&self, style: Style, text: &str) -> String {
        paint(self.colour_out, style, text)
    }
}

/// Replaces what could steer a terminal or turn the direction of writing: what a provider sent is data, whatever it holds.
pub fn clean(text: &str) -> String {
    let steers = |c: char| turns(c) || c.is_control() && c != '\n' && c != '\t';
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

fn paint(wanted: bool, style: Style, text: &str) -> String {
    if wanted {
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

/// A message that cannot be told because stderr is closed has nobody to be told to.
fn tell(text: &str) {
    progress::clear();
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// <https://no-color.org>: any value but the empty one refuses colour.
fn colour_wanted(no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty) && term != Some(OsStr::new("dumb"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_refused_by_no_color_and_dumb_terminals() {
        let wanted = |no_color: Option<&'static str>, term: Option<&'static str>| {
            colour_wanted(no_color.map(OsStr::new), term.map(OsStr::new))
        };
        assert!(wanted(None, Some("xterm")));
        assert!(wanted(Some(""), None));
        assert!(!wanted(Some("1"), Some("xterm")));
        assert!(!wanted(None, Some("dumb")));
        assert_eq!(paint(false, BAD, "x"), "x");
        assert!(paint(true, BAD, "x").contains("\u{1b}["));
    }

    #[test]
    fn what_steers_a_terminal_is_replaced() {
        assert_eq!(clean("a\u{202e}b\u{2066}éü"), "a\u{fffd}b\u{fffd}éü");
        assert_eq!(clean("a\u{1b}[2Jb\r\n\tc"), "a\u{fffd}[2Jb\u{fffd}\n\tc");
    }
}
