//! One archive in parts of a size that can be carried, and the script that puts it together.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::console::{Step, megabytes};
use crate::hash;
use crate::process::command;

/// What puts the parts together, with the number of parts and the archive's hash in it.
const UNPACK: &str = include_str!("stages/unpack.sh");
/// Its name in the first part; it tells a kit from other folders.
const SCRIPT: &str = "unpack.sh";
const FIRST: &str = "part-001";

/// What was written.
pub struct Written {
    /// Of all parts.
    pub bytes: u64,
    /// How many.
    pub parts: u64,
}

/// Whether a kit may be written to `folder`: it is new, empty, or holds an earlier one.
pub fn check_folder(folder: &Path) -> Result<()> {
    let is_empty = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !folder.exists(),
    };
    if !is_empty && !folder.join(FIRST).join(SCRIPT).is_file() {
        bail!("{} holds other files; name another folder in --out", folder.display());
    }
    Ok(())
}

/// Writes the files of `kit`, those behind links included, as parts of at most `part_bytes` below `out`.
pub fn write(kit: &Path, out: &Path, part_bytes: u64) -> Result<Written> {
    let mut step = Step::start("writing the kit");
    if out.exists() {
        std::fs::remove_dir_all(out).with_context(|| format!("cannot remove {}", out.display()))?;
    }
    // The kit is unpacked by the same command, without a program of ours.
    let mut archiver = command("tar")
        // Weights do not get smaller, programs do.
        .args(["--create", "--dereference", "--hard-dereference", "--use-compress-program", "gzip -1", "--directory"])
        .arg(kit)
        .arg(".")
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run tar")?;
    let mut archive = archiver.stdout.take().context("tar has no output")?;
    let mut parts = Parts { out, part_bytes, file: None, room: 0, parts: 0 };
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0u8; 1 << 20];
    loop {
        let read = archive.read(&mut buffer).context("cannot read what tar writes")?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        parts.write(&buffer[..read])?;
        bytes += read as u64;
        step.status(&megabytes(bytes));
    }
    let status = archiver.wait().context("tar")?;
    if !status.success() {
        bail!("tar failed: {status}");
    }
    let script = UNPACK.replace("PARTS", &parts.parts.to_string()).replace("HASH", &hash::hex(&hasher.finalize()));
    lens_files::write_whole(&out.join(FIRST).join(SCRIPT), script.as_bytes())?;
    step.done(&megabytes(bytes));
    Ok(Written { bytes, parts: parts.parts })
}

/// Where bytes go on: to the next part where one is full.
struct Parts<'a> {
    out: &'a Path,
    part_bytes: u64,
    file: Option<File>,
    room: u64,
    parts: u64,
}

impl Parts<'_> {
    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            if self.room == 0 {
                self.parts += 1;
                // Three digits: the parts are put together in the order of their names.
                let folder = self.out.join(format!("part-{:03}", self.parts));
                std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
                let file: PathBuf = folder.join(format!("kit.tar.gz.{:03}", self.parts));
                self.file = Some(File::create(&file).with_context(|| format!("cannot write {}", file.display()))?);
                self.room = self.part_bytes;
            }
            let now = bytes.len().min(usize::try_from(self.room).unwrap_or(usize::MAX));
            self.file.as_mut().context("there is no part")?.write_all(&bytes[..now]).context("cannot write a part")?;
            self.room -= now as u64;
            bytes = &bytes[now..];
        }
        Ok(())
    }
}
