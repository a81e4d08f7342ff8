//! Where worker and page store a model's files, and what they call them.

/// The folder of the origin's private file system in which worker and page store a model's files.
pub const STORAGE_FOLDER: &str = "temporal-lens";

/// The name under which rows of an embedding are stored; `key` stands for its shards.
pub fn rows_file(key: &str) -> String {
    format!("rows-{key}")
}

/// The name under which a manifest is stored; `key` stands for its address.
pub fn manifest_file(key: &str) -> String {
    format!("manifest-{key}")
}

/// The lock of the GPU, among the tabs and frames of an origin.
pub const GPU_LOCK: &str = "gpu";
