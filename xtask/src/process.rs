//! Running other programs: their progress as a status, their words kept for when they fail.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::console::{self, Step};

/// Lines shown of a program that failed.
const TAIL_LINES: usize = 60;

/// A program to run, and how to show it.
pub struct Task {
    title: String,
    program: OsString,
    command: Command,
    log: Option<PathBuf>,
    timeout: Option<Duration>,
    measure: Option<Box<dyn FnMut() -> Option<String>>>,
    echo: bool,
}

/// A program that ran to its end.
pub struct Finished {
    /// Whether it exited with 0.
    pub success: bool,
    /// What it printed, stdout and stderr, without progress.
    pub lines: Vec<String>,
}

impl Task {
    /// A task with its title, a phrase as "building the site".
    pub fn new(title: &str, program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref().to_owned();
        let mut command = command(&program);
        // Cargo counts its crates for us, even where no bar is shown.
        command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "100");
        Self { title: title.to_owned(), program, command, log: None, timeout: None, measure: None, echo: false }
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Adds one argument.
    pub fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        self.args([arg])
    }

    /// Sets variables of its environment.
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(mut self, envs: impl IntoIterator<Item = (K, V)>) -> Self {
        self.command.envs(envs);
        self
    }

    /// Takes a variable out of its environment.
    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs it in `folder`.
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Keeps all it prints in `file`.
    pub fn log_to(mut self, file: PathBuf) -> Self {
        self.log = Some(file);
        self
    }

    /// Ends it after this time.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// A measure of its progress from outside, asked about once a second.
    pub fn measure(mut self, measure: impl FnMut() -> Option<String> + 'static) -> Self {
        self.measure = Some(Box::new(measure));
        self
    }

    /// Shows its lines as they come, not only when it fails.
    pub fn echo(mut self) -> Self {
        self.echo = true;
        self
    }

    /// Runs it; a program that fails is an error with the end of what it printed.
    pub fn run(self) -> Result<Finished> {
        let (title, echoed) = (self.title.clone(), self.echo);
        let finished = self.run_to_end()?;
        if !finished.success {
            let tail = finished.lines.len().saturating_sub(TAIL_LINES);
            let words = if echoed { String::new() } else { format!(":\n{}", finished.lines[tail..].join("\n")) };
            bail!("{title} failed{words}");
        }
        Ok(finished)
    }

    /// Runs it; whether it failed is the caller's to judge.
    pub fn run_to_end(mut self) -> Result<Finished> {
        let mut step = Step::start(&self.title);
        let mut log = match &self.log {
            Some(file) => {
                if let Some(folder) = file.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                Some(std::fs::File::create(file).with_context(|| format!("cannot write {}", file.display()))?)
            }
            None => None,
        };
        let started = Instant::now();
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", self.program.to_string_lossy()))?;
        let (sender, receiver) = channel();
        if let Some(out) = child.stdout.take() {
            forward_lines(out, sender.clone());
        }
        if let Some(err) = child.stderr.take() {
            forward_lines(err, sender);
        }

        let mut lines = VecDeque::new();
        let mut status = String::from("under way");
        let mut last_measured = Instant::now();
        let mut timed_out = false;
        loop {
            match receiver.recv_timeout(Duration::from_millis(500)) {
                Ok(text) => match progress_in(&text) {
                    Some(progress) => status = progress,
                    None if text.trim().is_empty() && !self.echo => {}
                    None => {
                        if let Some(log) = &mut log {
                            writeln!(log, "{text}")?;
                        }
                        // "Compiling x" is progress, too: the count says it better.
                        if self.echo && !is_cargo_chatter(&text) {
                            console::line(&text);
                        }
                        lines.push_back(text);
                    }
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if last_measured.elapsed() >= Duration::from_secs(1) {
                last_measured = Instant::now();
                if let Some(measured) = self.measure.as_mut().and_then(|measure| measure()) {
                    status = measured;
                }
            }
            step.status(&status);
            if let Some(limit) = self.timeout {
                if started.elapsed() > limit && !timed_out {
                    timed_out = true;
                    // It may have ended by itself in the meantime.
                    let _ = child.kill();
                }
                // Its own children may hold the pipes open.
                if started.elapsed() > limit + Duration::from_secs(10) {
                    break;
                }
            }
        }
        let exit = child.wait()?;
        let success = exit.success() && !timed_out;
        if timed_out {
            lines.push_back(format!("stopped after {}", console::spell(started.elapsed())));
        }
        step.done(if success { "" } else { "failed" });
        Ok(Finished { success, lines: lines.into() })
    }
}

/// A command without what cargo and rustup put into the environment of xtask itself: build scripts
/// would see it as a change and rebuild, and another toolchain's compiler would load wrong libraries.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            || matches!(name.as_ref(), "CARGO" | "RUST_RECURSION_COUNT")
        {
            command.env_remove(&key);
        }
    }
    for key in ["LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(key) {
            let own: Vec<_> = std::env::split_paths(&value).filter(|folder| !added_by_cargo(folder)).collect();
            match std::env::join_paths(&own) {
                Ok(kept) if !own.is_empty() => command.env(key, kept),
                _ => command.env_remove(key),
            };
        }
    }
    command
}

/// Cargo and rustup prepend the build folder and the toolchain's libraries.
fn added_by_cargo(folder: &Path) -> bool {
    let build = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned));
    build.is_some_and(|build| folder.starts_with(build)) || folder.iter().any(|part| part == "toolchains")
}

/// What a short command prints on stdout, if it can be run and succeeds.
pub fn answer(program: impl AsRef<OsStr>, args: &[&str]) -> Option<String> {
    let output = command(program).args(args).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Where `program` lies on the PATH.
pub fn find_on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = [program.to_owned(), format!("{program}.exe")];
    std::env::split_paths(&path).flat_map(|folder| names.clone().map(|name| folder.join(name))).find(|p| p.is_file())
}

/// Sends each line, and each state of a progress bar (they end in a carriage return).
fn forward_lines(mut source: impl Read + Send + 'static, sender: Sender<String>) {
    std::thread::spawn(move || {
        let mut buffer = [0u8; 8192];
        let mut pending = Vec::new();
        loop {
            match source.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(n) => {
                    for &byte in &buffer[..n] {
                        if byte == b'\n' || byte == b'\r' {
                            let ended_by_newline = byte == b'\n';
                            let text = strip_escapes(&String::from_utf8_lossy(&pending));
                            pending.clear();
                            if (ended_by_newline || !text.trim().is_empty()) && sender.send(text).is_err() {
                                return;
                            }
                        } else {
                            pending.push(byte);
                        }
                    }
                }
            }
        }
        if !pending.is_empty() {
            let _ = sender.send(strip_escapes(&String::from_utf8_lossy(&pending)));
        }
    });
}

fn strip_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\x1b' && chars.peek() == Some(&'[') {
            chars.by_ref().find(|c| c.is_ascii_alphabetic());
        } else {
            plain.push(c);
        }
    }
    plain
}

/// Cargo's bar ("Building [==> ] 12/345: serde") or apt's percentage ("pmstatus:lld-19:40.0:...").
fn progress_in(line: &str) -> Option<String> {
    let trimmed = line.trim_start();
    if let Some(rest) = trimmed.strip_prefix("pmstatus:").or_else(|| trimmed.strip_prefix("dlstatus:")) {
        let percent: f32 = rest.split(':').nth(1)?.parse().ok()?;
        return Some(format!("{percent:.0} %"));
    }
    let (verb, rest) = trimmed.split_once(" [")?;
    if !matches!(verb, "Building" | "Fetch" | "Updating") {
        return None;
    }
    let count = rest.split_once("] ")?.1;
    let (count, names) = count.split_once(':').unwrap_or((count, ""));
    let (done, total) = count.trim().split_once('/')?;
    let (done, total): (u32, u32) = (done.parse().ok()?, total.split(',').next()?.parse().ok()?);
    let names = names.trim().trim_end_matches("...");
    let first: String = names.split(", ").next().unwrap_or_default().chars().take(40).collect();
    Some(if verb == "Building" { format!("{done} of {total} crates, {first}") } else { "downloading crates".into() })
}

fn is_cargo_chatter(line: &str) -> bool {
    ["Compiling ", "Checking ", "Downloading ", "Downloaded ", "Fresh ", "Blocking "]
        .iter()
        .any(|verb| line.trim_start().starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_from_cargo_and_apt() {
        let bar = "    Building [=====>          ] 12/345: serde, wgpu-core(build)";
        assert_eq!(progress_in(bar).as_deref(), Some("12 of 345 crates, serde"));
        assert_eq!(progress_in("pmstatus:lld-19:41.6:Unpacking").as_deref(), Some("42 %"));
        assert_eq!(progress_in("warning: unused [x] 3/4"), None);
    }

    #[test]
    fn a_failing_program_fails_with_its_words() {
        let error = Task::new("trying", "sh").args(["-c", "echo first; echo why >&2; exit 3"]).run().err().unwrap();
        assert!(error.to_string().contains("why"), "{error}");
        let started = Instant::now();
        let slow = Task::new("sleeping", "sleep").args(["20"]).timeout(Duration::from_millis(50)).run_to_end().unwrap();
        assert!(!slow.success && started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn escapes_are_stripped() {
        assert_eq!(strip_escapes("\u{1b}[1m\u{1b}[32mok\u{1b}[0m"), "ok");
    }
}
