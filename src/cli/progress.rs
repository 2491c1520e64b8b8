//! What is told on a terminal while something takes long: one line of stderr, drawn over again and again.
//!
//! Invariant: the line is gone before anything else is written, and it is drawn nowhere but on a terminal that wants it.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use terminal_size::{Width, terminal_size_of};

use super::screen::{Screen, clean};

/// Whether there is such a line now. One process has one terminal.
static DRAWN: AtomicBool = AtomicBool::new(false);

/// Time between two drawings.
const PAUSE: Duration = Duration::from_millis(100);
/// Cells of a bar.
const CELLS: usize = 24;
/// Columns, where the terminal does not tell.
const COLUMNS: u16 = 80;

/// Wipes the line.
pub fn clear() {
    if DRAWN.swap(false, Relaxed) {
        // Nobody is there to be told where stderr is closed.
        let _ = io::stderr().lock().write_all(b"\r\x1b[K");
    }
}

/// Says where something stands, in place of what was said before.
pub fn stands(sentence: &str, screen: &Screen) {
    if screen.draws {
        draw(sentence);
    }
}

fn draw(sentence: &str) {
    let columns = terminal_size_of(io::stderr()).map_or(COLUMNS, |(Width(columns), _)| columns);
    // In the last column some terminals begin a new line.
    let fits: String = clean(sentence)
        .replace('\n', " ")
        .chars()
        .take(usize::from(columns).saturating_sub(1))
        .collect();
    DRAWN.store(true, Relaxed);
    let mut err = io::stderr().lock();
    let _ = write!(err, "\r{fits}\x1b[K").and_then(|()| err.flush());
}

/// How far bytes have come.
pub struct Meter {
    what: String,
    total: Option<u64>,
    done: u64,
    began: Instant,
    drawn: Option<Instant>,
    draws: bool,
}

impl Meter {
    /// Of `what`, which will be `total` bytes, where that is known.
    pub fn new(what: &str, total: Option<u64>, screen: &Screen) -> Self {
        Meter {
            what: what.to_owned(),
            total: total.filter(|total| *total > 0),
            done: 0,
            began: Instant::now(),
            drawn: None,
            draws: screen.draws,
        }
    }

    /// So many more.
    pub fn add(&mut self, bytes: usize) {
        self.done += bytes as u64;
        if self.draws && self.drawn.is_none_or(|drawn| drawn.elapsed() >= PAUSE) {
            self.drawn = Some(Instant::now());
            draw(&line(&self.what, self.done, self.total, self.began.elapsed()));
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.draws {
            clear();
        }
    }
}

fn line(what: &str, done: u64, total: Option<u64>, took: Duration) -> String {
    let pace = done as f64 / took.as_secs_f64().max(0.001);
    let pace = format!("{}/s", size(pace as u64));
    match total {
        Some(total) => {
            let share = (done as f64 / total as f64).min(1.0);
            let filled = (share * CELLS as f64) as usize;
            let bar: String = (0..CELLS).map(|cell| if cell < filled { '#' } else { '-' }).collect();
            format!("[{bar}] {:3.0} % of {}, {pace}  {what}", share * 100.0, size(total))
        }
        None => format!("{}, {pace}  {what}", size(done)),
    }
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(length, _)| bytes >= *length) {
        Some((length, unit)) => format!("{:.1} {unit}", bytes as f64 / *length as f64),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_tells_the_share_the_size_and_the_pace() {
        let second = Duration::from_secs(1);
        assert_eq!(
            line("a.zip", 512, Some(1024), second),
            "[############------------]  50 % of 1.0 KiB, 512 B/s  a.zip"
        );
        assert!(line("a", 9, Some(3), second).starts_with("[########################] 100 %"));
        assert_eq!(line("-", 3 << 20, None, second), "3.0 MiB, 3.0 MiB/s  -");
    }
}
