//! Files that appear whole or not at all: the one writer of everything that is replaced on disk.
//!
//! The bytes go to a temporary file in the target's folder, which is synchronized and renamed; then
//! the folder is synchronized, so that the new name survives a loss of power. Until the rename the
//! old file is untouched; a writer that fails removes its temporary file. Native only.
//!
//! | file | what it is |
//! |---|---|
//! | [`unfinished`] | what is in the making, for a program that is stopped |
//! | [`lock`] | one process at a time in a folder |

mod lock;
mod unfinished;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

pub use lock::{FolderLock, Locked, lock_folder};
pub use unfinished::{Unfinished, remove_unfinished};

/// Start of a temporary file's name; what a killed process leaves behind is recognized by it.
const PARTIAL_PREFIX: &str = ".partial-";

/// Whether a file of this name is one that a killed process left unfinished, or that another is writing.
pub fn is_partial(name: &str) -> bool {
    name.starts_with(PARTIAL_PREFIX)
}

/// Why a file was not written, as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file asked for.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A folder is in the file's place.
    #[error("cannot write {}: it is a folder", .0.display())]
    IsFolder(PathBuf),
    /// The folder is not there.
    #[error("cannot write {}: there is no folder {}", path.display(), folder.display())]
    NoFolder {
        /// The file asked for.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// The path ends in no name.
    #[error("cannot write {}: it names no file", .0.display())]
    NoName(PathBuf),
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// A file that is complete on disk under a temporary name. Dropped before [`Self::publish`], it is
/// removed.
///
/// Several files that belong together are written first and published after, so that none of them
/// is replaced when one cannot be written.
#[derive(Debug)]
pub struct WholeFile {
    /// None where the bytes went straight into a device or pipe.
    partial: Option<TempPath>,
    path: PathBuf,
    _listed: Option<Unfinished>,
}

impl WholeFile {
    /// Writes `bytes` beside `path`; devices and pipes are written at once.
    ///
    /// # Errors
    /// [`Error`]; what was at `path` is still there.
    pub fn write(path: &Path, bytes: &[u8]) -> Result<Self> {
        Self::write_with(path, |out| out.write_all(bytes))
    }

    /// As [`Self::write`], with the bytes that `fill` writes.
    ///
    /// # Errors
    /// As [`Self::write`], those of `fill` included.
    pub fn write_with(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<Self> {
        let failed = |source| Error::Io { path: path.to_owned(), source };
        if path.is_dir() {
            return Err(Error::IsFolder(path.to_owned()));
        }
        if is_stream(path) {
            // Not truncated: a pipe has no length, and a file behind /dev/stdout belongs to the shell.
            let mut out = File::options().append(true).open(path).map_err(failed)?;
            fill(&mut out).map_err(failed)?;
            return Ok(Self { partial: None, path: path.to_owned(), _listed: None });
        }
        if path.file_name().is_none() {
            return Err(Error::NoName(path.to_owned()));
        }
        let folder = folder_of(path);
        if folder.metadata().is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
            return Err(Error::NoFolder { path: path.to_owned(), folder: folder.to_owned() });
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(PARTIAL_PREFIX);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As for any new file: the umask decides. Temporary files are private by default.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let mut file = builder.tempfile_in(folder).map_err(failed)?;
        let listed = Unfinished::new(file.path());
        fill(file.as_file_mut()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        // Closed here: hundreds may wait to be published together.
        Ok(Self { partial: Some(file.into_temp_path()), path: path.to_owned(), _listed: Some(listed) })
    }

    /// Gives the file its name, in place of a file or symbolic link of that name.
    ///
    /// # Errors
    /// [`Error::Io`]; what was at the path is still there.
    pub fn publish(self) -> Result<()> {
        let Some(partial) = self.partial else { return Ok(()) };
        let path = self.path;
        partial.persist(&path).map_err(|e| Error::Io { path: path.clone(), source: e.error })?;
        sync_folder(folder_of(&path))
    }
}

/// Replaces the file at `path` by `bytes`, or leaves it as it was.
///
/// A symbolic link at `path` is replaced, not followed. Devices and pipes are written at once.
///
/// # Errors
/// [`Error`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    WholeFile::write(path, bytes)?.publish()
}

/// As [`write_whole`], of a file that comes in pieces.
///
/// # Errors
/// [`Error`].
pub fn write_pieces<'a>(path: &Path, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<()> {
    WholeFile::write_with(path, |out| pieces.into_iter().try_for_each(|piece| out.write_all(piece)))?.publish()
}

/// Makes the names in `folder` durable: without this a renamed file may have its old name after a
/// loss of power.
///
/// # Errors
/// [`Error::Io`] when the disk fails. File systems that synchronize no folders are left alone.
pub fn sync_folder(folder: &Path) -> Result<()> {
    // Windows opens no folders as files, and writes their changes through.
    if cfg!(not(unix)) {
        return Ok(());
    }
    match File::open(folder).and_then(|opened| opened.sync_all()) {
        Err(source) if source.kind() == io::ErrorKind::StorageFull || source.raw_os_error() == Some(EIO) => {
            Err(Error::Io { path: folder.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// The disk reported a failure (Linux, macOS).
const EIO: i32 = 5;

/// The folder that `path` lies in; the current one for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Whether `path` leads to something that takes bytes but cannot be replaced: a device, a pipe, or
/// a name of an open stream such as /dev/stdout, which is a link even where a file is behind it. Any other link is replaced,
/// whatever it leads to: the device was not named.
fn is_stream(path: &Path) -> bool {
    let of_streams = |folder: &Path| folder == Path::new("/dev") || folder.ends_with("fd");
    let below_system = cfg!(unix) && (path.starts_with("/dev") || path.starts_with("/proc"));
    let names_a_stream = below_system && path.is_symlink() && path.parent().is_some_and(of_streams);
    let is_odd = |found: std::fs::Metadata| !found.is_file() && !found.is_dir() && !found.is_symlink();
    names_a_stream || path.symlink_metadata().is_ok_and(is_odd)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_made_and_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_whole(&path, b"old").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        write_pieces(&path, [b"ne".as_slice(), b"w"]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_temporary_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_whole(&path, b"old").unwrap();
        let failed = WholeFile::write_with(&path, |out| {
            out.write_all(b"half of the new")?;
            Err(io::Error::other("the disk is full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), format!("cannot write {}: the disk is full", path.display()));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn until_it_is_published_a_file_is_under_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_whole(&path, b"old").unwrap();
        let (first, second) = (WholeFile::write(&path, b"1").unwrap(), WholeFile::write(&path, b"2").unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()).len(), 3, "two writers do not share a temporary file");
        assert_eq!(names(folder.path()).iter().filter(|name| is_partial(name)).count(), 2);
        drop(first);
        second.publish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"2");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn a_folder_in_the_files_place_is_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::create_dir(&path).unwrap();
        let problem = write_whole(&path, b"x").unwrap_err().to_string();
        assert_eq!(problem, format!("cannot write {}: it is a folder", path.display()));
        let problem = write_whole(&path.join("..").join(".."), b"x").unwrap_err().to_string();
        assert!(problem.contains("it is a folder"), "{problem}");
        let problem = write_whole(Path::new(""), b"x").unwrap_err().to_string();
        assert!(problem.contains("it names no file"), "{problem}");
        let problem = write_whole(&folder.path().join("nowhere/a"), b"x").unwrap_err().to_string();
        assert!(problem.contains("cannot write") && problem.contains("there is no folder"), "{problem}");
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_and_not_followed() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let [file, link, dangling] = ["file", "link", "dangling"].map(|name| folder.path().join(name));
        std::fs::write(&file, "behind the link").unwrap();
        symlink(&file, &link).unwrap();
        symlink(folder.path().join("nowhere"), &dangling).unwrap();
        // A file was named, not the device that a link in its place leads to.
        let to_device = folder.path().join("to-device");
        symlink("/dev/null", &to_device).unwrap();
        for path in [&link, &dangling, &to_device] {
            write_whole(path, b"new").unwrap();
            assert!(path.symlink_metadata().unwrap().is_file());
            assert_eq!(std::fs::read(path).unwrap(), b"new");
        }
        assert_eq!(std::fs::read(&file).unwrap(), b"behind the link");
        assert_eq!(names(folder.path()), ["dangling", "file", "link", "to-device"]);
        // A link to a folder is the user's folder under another name, not a file to replace.
        let aside = folder.path().join("aside");
        symlink(folder.path(), &aside).unwrap();
        assert!(write_whole(&aside, b"x").unwrap_err().to_string().contains("it is a folder"));
    }

    #[cfg(unix)]
    #[test]
    fn new_files_are_as_readable_as_any() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
        write_whole(&ours, b"x").unwrap();
        std::fs::write(&theirs, "x").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&theirs));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_and_open_streams_are_written_and_not_replaced() {
        use std::os::fd::AsRawFd;
        write_whole(Path::new("/dev/null"), b"x").unwrap();
        // Every write to /dev/full fails as on a full disk.
        let problem = write_whole(Path::new("/dev/full"), b"x").unwrap_err().to_string();
        assert!(problem.contains("cannot write /dev/full") && problem.contains("No space left"), "{problem}");
        let folder = tempfile::tempdir().unwrap();
        let opened = File::create(folder.path().join("redirected")).unwrap();
        write_whole(&PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd())), b"text").unwrap();
        assert_eq!(std::fs::read(folder.path().join("redirected")).unwrap(), b"text");
        assert_eq!(names(folder.path()), ["redirected"]);
    }
}
