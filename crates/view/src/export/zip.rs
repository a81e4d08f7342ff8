//! A ZIP archive of files that are stored as they are: pictures are compressed already. It is written in parts, so that it
//! is never in memory as a whole: a header before each file's bytes, and the directory at the end.
//!
//! The crate `zip` writes to one stream and brings compression, encryption and dates with it; the page needs none of them.

use flate2::Crc;
use thiserror::Error;

/// What a ZIP archive of this kind (no ZIP64) cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ArchiveError {
    /// Its directory counts files in 16 bits.
    #[error("more than 65,535 files")]
    Files,
    /// Its directory counts bytes in 32 bits.
    #[error("more than 4 GiB")]
    Bytes,
}

/// A file of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: String,
    crc: u32,
    size: u32,
    offset: u32,
}

/// An archive that is being written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Archive {
    entries: Vec<Entry>,
    /// Bytes written so far.
    written: u32,
}

/// Version 2.0 of the format; names in UTF-8; stored; 1 January 1980, the first date there is: the same pictures make the
/// same archive.
const KIND: [u8; 10] = [20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0];

impl Archive {
    /// Takes a file: the bytes that stand before its own.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<Vec<u8>, ArchiveError> {
        let size = u32::try_from(bytes.len()).map_err(|_| ArchiveError::Bytes)?;
        if self.entries.len() >= usize::from(u16::MAX) {
            return Err(ArchiveError::Files);
        }
        let entry = Entry { name: name.to_owned(), crc: crc32(bytes), size, offset: self.written };
        let mut head = b"PK\x03\x04".to_vec();
        entry.describe(&mut head);
        head.extend([0; 2]);
        head.extend(name.as_bytes());
        let length = u32::try_from(head.len()).ok().and_then(|head| head.checked_add(size));
        self.written = length.and_then(|length| self.written.checked_add(length)).ok_or(ArchiveError::Bytes)?;
        self.entries.push(entry);
        Ok(head)
    }

    /// The directory, which stands after all files.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn directory(&self) -> Result<Vec<u8>, ArchiveError> {
        let mut directory = Vec::new();
        for entry in &self.entries {
            directory.extend(b"PK\x01\x02\x14\x00");
            entry.describe(&mut directory);
            // No extra field, no comment, first disk, no attributes.
            directory.extend([0; 12]);
            directory.extend(entry.offset.to_le_bytes());
            directory.extend(entry.name.as_bytes());
        }
        let length = u32::try_from(directory.len()).map_err(|_| ArchiveError::Bytes)?;
        let count = u16::try_from(self.entries.len()).map_err(|_| ArchiveError::Files)?.to_le_bytes();
        directory.extend(b"PK\x05\x06\x00\x00\x00\x00");
        directory.extend(count);
        directory.extend(count);
        directory.extend(length.to_le_bytes());
        directory.extend(self.written.to_le_bytes());
        directory.extend([0; 2]);
        Ok(directory)
    }
}

impl Entry {
    /// What head and directory say alike, down to the name's length.
    fn describe(&self, out: &mut Vec<u8>) {
        out.extend(KIND);
        out.extend(self.crc.to_le_bytes());
        out.extend(self.size.to_le_bytes());
        out.extend(self.size.to_le_bytes());
        // Names are made here, far shorter than 64 kB.
        out.extend((self.name.len() as u16).to_le_bytes());
    }
}

/// The checksum that ZIP has, which is PNG's.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = Crc::new();
    sum.update(bytes);
    sum.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn u16_at(bytes: &[u8], at: usize) -> usize {
        usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()))
    }

    fn u32_at(bytes: &[u8], at: usize) -> usize {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    }

    fn written(files: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut archive, mut all) = (Archive::default(), Vec::new());
        for (name, bytes) in files {
            all.extend(archive.add(name, bytes).unwrap());
            all.extend(*bytes);
        }
        all.extend(archive.directory().unwrap());
        all
    }

    #[test]
    fn checksums_are_those_of_the_format() {
        assert_eq!(crc32(b""), 0);
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn the_directory_leads_to_every_file() {
        let files: [(&str, &[u8]); 3] = [("a.png", b"first"), ("é/b.png", b""), ("c", &[255; 300])];
        let all = written(&files);
        let end = all.len() - 22;
        assert_eq!(&all[end..end + 4], b"PK\x05\x06");
        assert_eq!((u16_at(&all, end + 8), u16_at(&all, end + 10)), (3, 3));
        let (size, mut at) = (u32_at(&all, end + 12), u32_at(&all, end + 16));
        assert_eq!(at + size, end);
        for (name, bytes) in files {
            assert_eq!(&all[at..at + 4], b"PK\x01\x02");
            assert_eq!(
                (u16_at(&all, at + 10), u32_at(&all, at + 20), u32_at(&all, at + 24)),
                (0, bytes.len(), bytes.len())
            );
            let (length, head) = (u16_at(&all, at + 28), u32_at(&all, at + 42));
            assert_eq!(&all[at + 46..at + 46 + length], name.as_bytes());
            assert_eq!(&all[head..head + 4], b"PK\x03\x04");
            assert_eq!(&all[head + 4..head + 30][..22], &all[at + 6..at + 28], "head and directory say the same");
            assert_eq!(u32_at(&all, head + 14), crc32(bytes) as usize);
            let begin = head + 30 + u16_at(&all, head + 26);
            assert_eq!(&all[begin..begin + bytes.len()], bytes);
            at += 46 + length;
        }
        assert_eq!(at, end);
    }

    #[test]
    fn an_archive_without_files_is_its_end_alone() {
        assert_eq!(written(&[]).len(), 22);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut full = Archive { entries: Vec::new(), written: u32::MAX - 40 };
        assert_eq!(full.add("a", b"0123456789"), Err(ArchiveError::Bytes));
        assert!(full.entries.is_empty(), "what was refused is not in the directory");
        assert!(full.add("a", b"").is_ok());
        let entry = Entry { name: String::new(), crc: 0, size: 0, offset: 0 };
        let mut many = Archive { entries: vec![entry; 65_535], written: 0 };
        assert_eq!(many.add("a", b""), Err(ArchiveError::Files));
        assert!(many.directory().is_ok());
    }
}
