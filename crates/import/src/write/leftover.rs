//! Names of files that belong to no one: what a process that was stopped while it wrote into a pack leaves there.
//!
//! Packs appear whole, but their words come into a folder that is there already: new files first, then the manifest that
//! names them, and last the old files go.

/// Start of the names of all files of words.
pub const WORDS_STEM: &str = "words";

/// Whether a file that the manifest does not name may be removed: it has a name that only writers of packs give.
pub fn is_leftover(name: &str) -> bool {
    lens_files::is_partial(name) || is_words_file(name)
}

/// `words-1a2b3c4d.json`, `words-1a2b3c4d-0000.safetensors`.
fn is_words_file(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(WORDS_STEM).and_then(|rest| rest.strip_prefix('-')) else { return false };
    let (middle, is_shard) = match (rest.strip_suffix(".json"), rest.strip_suffix(".safetensors")) {
        (Some(middle), _) => (middle, false),
        (_, Some(middle)) => (middle, true),
        _ => return false,
    };
    let (hash, number) = middle.split_once('-').unwrap_or((middle, ""));
    let is_hash = hash.len() == 8 && hash.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    is_hash && is_shard == (number.len() >= 4) && number.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_writers_give_are_leftovers() {
        for name in ["words-1a2b3c4d.json", "words-1a2b3c4d-0000.safetensors", ".partial-x1Yz"] {
            assert!(is_leftover(name), "{name}");
        }
        let others = ["words.json", "words-of-mine.json", "words-1a2b3c4d.txt", "words-1a2b3c4d-.safetensors"];
        for name in others.into_iter().chain(["words-1a2b3c4d-0000.json", "shard-0000.safetensors", "notes.txt", ""]) {
            assert!(!is_leftover(name), "{name}");
        }
    }
}
