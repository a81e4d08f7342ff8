//! Progress on stderr: one line that is rewritten on a terminal, now and then a line otherwise (the crate `indicatif` draws
//! nothing there).

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use crate::print::{rewrite, status};
use crate::sentence::name;

/// How often a terminal's line is rewritten.
const TERMINAL_INTERVAL: Duration = Duration::from_millis(100);
/// How often a log gets a line.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// One task's progress.
pub struct Progress {
    what: String,
    terminal: bool,
    shown: Instant,
}

impl Progress {
    /// Starts a task and prints its name.
    pub fn start(what: impl Into<String>) -> Self {
        let what = name(&what.into());
        status!("{what}");
        Self { what, terminal: std::io::stderr().is_terminal(), shown: Instant::now() }
    }

    /// `done` of `total` is done.
    pub fn update(&mut self, done: u64, total: u64) {
        let interval = if self.terminal { TERMINAL_INTERVAL } else { LOG_INTERVAL };
        let last = self.terminal && done == total;
        if !last && self.shown.elapsed() < interval {
            return;
        }
        self.shown = Instant::now();
        let percent = (100 * done).checked_div(total).unwrap_or(0);
        let line = format!("  {percent:3} % {}", self.what);
        if self.terminal && !last { rewrite(&line) } else { status!("{line}") }
    }
}
