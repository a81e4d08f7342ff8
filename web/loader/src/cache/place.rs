//! Where a file's bytes are while they arrive: in the browser's storage, or in its memory.

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use web_sys::{FileSystemReadWriteOptions, FileSystemSyncAccessHandle};

/// Bytes read at once.
const PIECE_BYTES: usize = 1 << 20;

/// A file of the browser's storage, open until this is dropped.
pub struct OpenFile {
    handle: FileSystemSyncAccessHandle,
}

impl OpenFile {
    pub fn new(handle: FileSystemSyncAccessHandle) -> Self {
        Self { handle }
    }

    pub fn bytes(&self) -> u64 {
        self.handle.get_size().map_or(0, |size| size as u64)
    }

    /// Fills `into` with what lies at `at`; answers whether all of it was there.
    pub fn read(&self, at: u64, into: &mut [u8]) -> bool {
        let options = FileSystemReadWriteOptions::new();
        options.set_at(at as f64);
        let wanted = into.len();
        self.handle.read_with_u8_array_and_options(into, &options).is_ok_and(|read| read as usize == wanted)
    }

    /// Writes `chunk` at `at`.
    ///
    /// # Errors
    /// The browser's, above all that storage is full; a part may be written then.
    pub fn write(&self, at: u64, chunk: &Uint8Array) -> Result<(), JsValue> {
        let options = FileSystemReadWriteOptions::new();
        options.set_at(at as f64);
        let written = self.handle.write_with_js_u8_array_and_options(chunk, &options)?;
        if written as u32 == chunk.length() { Ok(()) } else { Err("only a part could be written".into()) }
    }

    pub fn truncate(&self, bytes: u64) -> Result<(), JsValue> {
        self.handle.truncate_with_f64(bytes as f64)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        // Closing writes everything; flushing first reports nothing that could still be helped.
        let _ = self.handle.flush();
        self.handle.close();
    }
}

/// A growing file.
pub enum Place {
    /// In storage: outlives the page.
    Stored {
        /// The file.
        file: OpenFile,
        /// Its length.
        bytes: u64,
    },
    /// In the browser's memory, outside wasm's.
    Memory {
        /// In order.
        chunks: Vec<Uint8Array>,
        /// Their length together.
        bytes: u64,
    },
}

impl Place {
    pub fn memory() -> Self {
        Self::Memory { chunks: Vec::new(), bytes: 0 }
    }

    pub fn stored(file: OpenFile) -> Self {
        let bytes = file.bytes();
        Self::Stored { file, bytes }
    }

    pub fn bytes(&self) -> u64 {
        match self {
            Self::Stored { bytes, .. } | Self::Memory { bytes, .. } => *bytes,
        }
    }

    /// Adds what comes next. Answers false when storage took it no more: all bytes are in memory
    /// from there on, and the stored file is empty.
    pub fn append(&mut self, chunk: &Uint8Array) -> bool {
        let stored = match self {
            Self::Stored { file, bytes } => file.write(*bytes, chunk).is_ok(),
            Self::Memory { .. } => true,
        };
        if !stored {
            self.move_to_memory();
        }
        match self {
            Self::Stored { bytes, .. } => *bytes += u64::from(chunk.length()),
            Self::Memory { chunks, bytes } => {
                chunks.push(chunk.clone());
                *bytes += u64::from(chunk.length());
            }
        }
        stored
    }

    fn move_to_memory(&mut self) {
        let mut memory = Self::memory();
        self.pieces(|piece| {
            memory.append(&Uint8Array::from(piece));
        });
        if let Self::Stored { file, .. } = self {
            // An empty file is a download that has not begun.
            let _ = file.truncate(0);
        }
        *self = memory;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        match self {
            Self::Stored { file, bytes } => match file.truncate(0) {
                Ok(()) => *bytes = 0,
                Err(_) => *self = Self::memory(),
            },
            Self::Memory { chunks, bytes } => {
                chunks.clear();
                *bytes = 0;
            }
        }
    }

    /// Shows all bytes, in order, some at a time; stops where the file cannot be read.
    pub fn pieces(&self, mut show: impl FnMut(&[u8])) {
        match self {
            Self::Stored { file, bytes } => {
                let mut piece = vec![0; PIECE_BYTES];
                let mut at = 0;
                while at < *bytes {
                    let length = PIECE_BYTES.min((*bytes - at) as usize);
                    if !file.read(at, &mut piece[..length]) {
                        return;
                    }
                    show(&piece[..length]);
                    at += length as u64;
                }
            }
            Self::Memory { chunks, .. } => {
                let mut piece = Vec::new();
                for chunk in chunks {
                    piece.resize(chunk.length() as usize, 0);
                    chunk.copy_to(&mut piece);
                    show(&piece);
                }
            }
        }
    }
}
