//! What a server serves, and where.

use std::path::PathBuf;

/// What to serve, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Port on localhost; 0 lets the system choose.
    pub port: u16,
    /// Path under which the site lies, with both slashes: "/" or "/sub/path/".
    pub prefix: String,
    /// Whether byte ranges are answered; some static hosts do not.
    pub ranges: bool,
    /// Folders by the path below the prefix ("" is the site); the longest path that fits serves.
    pub folders: Vec<(String, PathBuf)>,
}
