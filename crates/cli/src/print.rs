//! The one way to print: results to stdout, what a run is doing to stderr. Nothing that is printed ends a run that computes.
//!
//! `println!` and `eprintln!` panic where the line cannot be written: they are not used here, and clippy denies them.

use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, anyhow};

use crate::sentence::{plain, status_line};

/// Whether the reader of stdout has closed it.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Writes results to stdout. They quote names and texts of others: see [`plain`]. Where the reader has closed the pipe they are
/// dropped without a word, as by `... | head`: what the command was to do is done.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(plain(text).as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => {
            CLOSED.store(true, Ordering::Relaxed);
            Ok(())
        }
        written => written.map_err(|e| anyhow!("cannot write to standard output: {e}")),
    }
}

/// Whether the reader of stdout has closed it: for a command that does nothing but print.
pub fn is_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// Writes a line about the run to stderr; one that cannot be written is lost.
pub fn say(line: &str) {
    // In one piece: others may write to the same terminal.
    let _ = std::io::stderr().write_all(format!("{}\n", status_line(line)).as_bytes());
}

/// Rewrites the line of a terminal.
pub fn rewrite(line: &str) {
    let mut err = std::io::stderr();
    let _ = err.write_all(format!("{}\r", status_line(line)).as_bytes()).and_then(|()| err.flush());
}

/// [`say`] of a formatted line.
macro_rules! status {
    ($($format:tt)*) => { $crate::print::say(&format!($($format)*)) };
}

/// [`print`] of a formatted line.
macro_rules! print_line {
    ($($format:tt)*) => { $crate::print::print(&format!("{}\n", format_args!($($format)*))) };
}

pub(crate) use {print_line, status};
