//! A short run of the mutators: no reader panics, takes long, or reads what it cannot write; no command dies, takes long or
//! much memory, or succeeds with what is no result.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn two_thousand_altered_files_are_refused_or_read() {
    let started = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(["fuzz", "--inputs", "2000"]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && printed.contains("2000 inputs, no fault"), "{printed}");
    assert!(printed.contains("250 of the inputs went to 36 pairs of a command and a file"), "{printed}");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}
