//! The one rule for names of files that come from elsewhere.
//!
//! A manifest, an index of shards or a list of texts is untrusted, and the names in it are joined to
//! a folder or an address.

/// Whether a plain name may hold `c`: an ASCII letter or digit, ".", "-" or "_".
pub fn is_plain_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

/// Whether `name` names a file in the folder it is joined to, and nothing else: not empty, only
/// [`is_plain_char`]s, no leading dot, which would hide the file or lead to another folder.
pub fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain_char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_in_the_folder_itself_are_plain() {
        for name in ["a", "shard-0000.safetensors", "TERMS_OF_USE.html", "a..b", "-", "_"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["", ".", "..", ".hidden", "../a", "a/b", "a\\b", "/etc/hostname", "C:a", "a b", "a\0", "ä", "a\n"]
        {
            assert!(!is_plain(name), "{name:?}");
        }
    }
}
