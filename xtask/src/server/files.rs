//! Which file a URL means, and what is said about it.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::options::Options;

/// The file behind a URL, if there is one; folders mean their index.html.
pub fn find(options: &Options, url: &str) -> Option<(PathBuf, Metadata)> {
    let path = decode(url.split(['?', '#']).next()?)?;
    let inside = path.strip_prefix(&options.prefix)?;
    let (folder, rest) = options
        .folders
        .iter()
        .filter_map(|(mount, folder)| Some((mount, folder, inside.strip_prefix(mount.as_str())?)))
        .max_by_key(|(mount, ..)| mount.len())
        .map(|(_, folder, rest)| (folder, rest))?;
    // Nothing outside the folder, nothing hidden, no second spelling of a path.
    if rest.split('/').any(|part| part.starts_with('.') || part.contains(['\\', ':', '\0'])) {
        return None;
    }
    let mut path = folder.join(rest.trim_start_matches('/'));
    if path.is_dir() {
        path.push("index.html");
    }
    let meta = path.metadata().ok().filter(Metadata::is_file)?;
    Some((path, meta))
}

/// Undoes %XX; None if that leaves no UTF-8.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Changes whenever the file does.
pub fn entity_tag(meta: &Metadata) -> String {
    let changed = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("\"{:x}-{:x}\"", meta.len(), changed.as_nanos())
}

/// Browsers insist on some of these: modules must be JavaScript, wasm must be wasm to compile as it streams.
pub fn mime_type(path: &Path) -> &'static str {
    match path.extension().and_then(|end| end.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
