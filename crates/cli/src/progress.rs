//! Progress on stderr: one line that is rewritten on a terminal, a line every tenth otherwise.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often a terminal's line is rewritten.
const INTERVAL: Duration = Duration::from_millis(100);

/// One task's progress.
pub struct Progress {
    what: String,
    terminal: bool,
    shown: Instant,
    tenths_shown: u64,
}

impl Progress {
    /// Starts a task and says so.
    pub fn start(what: impl Into<String>) -> Self {
        let what = what.into();
        eprintln!("{what}");
        let terminal = std::io::stderr().is_terminal();
        Self { what, terminal, shown: Instant::now(), tenths_shown: 0 }
    }

    /// `done` of `total` is behind us.
    pub fn update(&mut self, done: u64, total: u64) {
        let tenths = (10 * done).checked_div(total).unwrap_or(0);
        if self.terminal {
            if done == total || self.shown.elapsed() >= INTERVAL {
                self.shown = Instant::now();
                let percent = (100 * done).checked_div(total).unwrap_or(0);
                let end = if done == total { '\n' } else { '\r' };
                eprint!("  {percent:3} % {}{end}", self.what);
                // Nobody is helped by an error about progress.
                let _ = std::io::stderr().flush();
            }
        } else if tenths > self.tenths_shown {
            self.tenths_shown = tenths;
            eprintln!("  {} %", 10 * tenths);
        }
    }
}
