//! What the person at the terminal sees: steps, how far they are, how long they took.
//!
//! On a terminal the last line is a status that is redrawn; elsewhere (CI logs) a status becomes a
//! line of its own now and then. The crate `indicatif` draws nothing where standard error is not a terminal.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a status is printed where it cannot be redrawn.
const LOG_EVERY: Duration = Duration::from_secs(20);

struct Console {
    /// Steps under way and what each last said; two lanes of the tests run at once.
    under_way: Vec<(u64, String)>,
    next_id: u64,
}

static CONSOLE: Mutex<Console> = Mutex::new(Console { under_way: Vec::new(), next_id: 0 });

fn with<T>(f: impl FnOnce(&mut Console) -> T) -> T {
    // A panic elsewhere must not silence the console.
    f(&mut CONSOLE.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

fn clear_status(out: &mut impl Write) {
    if is_terminal() {
        let _ = write!(out, "\r\x1b[2K");
    }
}

fn draw_status(console: &Console, out: &mut impl Write) {
    if is_terminal() && !console.under_way.is_empty() {
        let joined = console.under_way.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("  |  ");
        // A status longer than the line would wrap and could not be cleared.
        let shown: String = joined.chars().take(110).collect();
        let _ = write!(out, "\r\x1b[2K{shown}");
        let _ = out.flush();
    }
}

/// A line on stderr, above the status.
pub fn line(text: &str) {
    with(|console| {
        let mut out = std::io::stderr().lock();
        clear_status(&mut out);
        let _ = writeln!(out, "{text}");
        draw_status(console, &mut out);
    });
}

/// "12 s" or "3 min 05 s".
pub fn spell(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// "12.3 MB".
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// A step under way: says its title, how far it is, and at the end how long it took.
pub struct Step {
    id: u64,
    title: String,
    started: Instant,
    last_logged: Instant,
    last_status: String,
}

impl Step {
    /// Announces the step.
    pub fn start(title: &str) -> Self {
        line(&format!("==> {title}"));
        let id = with(|console| {
            console.next_id += 1;
            console.under_way.push((console.next_id, title.to_owned()));
            console.next_id
        });
        let now = Instant::now();
        Self { id, title: title.to_owned(), started: now, last_logged: now, last_status: String::new() }
    }

    /// How far it is; call as often as you like.
    pub fn status(&mut self, status: &str) {
        let text = format!("    {}: {status} ({})", self.title, spell(self.started.elapsed()));
        if is_terminal() {
            with(|console| {
                if let Some(own) = console.under_way.iter_mut().find(|(id, _)| *id == self.id) {
                    own.1.clone_from(&text);
                }
                draw_status(console, &mut std::io::stderr().lock());
            });
        } else if self.last_logged.elapsed() >= LOG_EVERY
            && (status != self.last_status || self.last_logged.elapsed() >= 3 * LOG_EVERY)
        {
            line(&text);
            self.last_logged = Instant::now();
            status.clone_into(&mut self.last_status);
        }
    }

    /// Ends the step well, with a word on what came of it.
    pub fn done(self, outcome: &str) {
        let took = spell(self.started.elapsed());
        let note = if outcome.is_empty() { String::new() } else { format!(": {outcome}") };
        let title = self.title.clone();
        drop(self);
        line(&format!("    {title}{note} [{took}]"));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        with(|console| {
            console.under_way.retain(|(id, _)| *id != self.id);
            clear_status(&mut std::io::stderr().lock());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(spell(Duration::from_millis(1250)), "1.2 s");
        assert_eq!(spell(Duration::from_secs(42)), "42 s");
        assert_eq!(spell(Duration::from_secs(185)), "3 min 05 s");
    }
}
