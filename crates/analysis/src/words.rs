//! Readouts in words: what a part of the residual stream says when it is read through the unembedding, over a
//! vocabulary of words.
//!
//! score(w) = ((r - mean_r) * (1 + final norm)) . (W_U[w] - mean of the rows of the vocabulary), for a part r of the
//! residual stream whose mean over a corpus is mean_r. The device finds the highest scores; here near-duplicates are
//! folded, so that a list of eight words says eight things.

use serde::{Deserialize, Serialize};

/// Words per token and part in an analysis.
pub const TOKEN_WORDS: usize = 8;
/// Words per event.
pub const EVENT_WORDS: usize = 12;
/// Candidates per list to ask the device for, so that enough are left after folding.
pub const CANDIDATES: usize = 32;

/// A word and its score in a readout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// Plain text, without the leading space mark.
    pub word: String,
    /// Its score, > 0.
    pub score: f32,
}

/// A word that may come next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NextWord {
    /// Plain text, without the leading space mark.
    pub word: String,
    /// Its probability among the words and pieces of the pack's vocabulary.
    pub probability: f32,
}

/// The words of a text, T tokens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Words {
    /// Words in the vocabulary that the lists are chosen from.
    pub vocabulary: usize,
    /// What the past foretold at each token: the readout of the predictable part [T][at most 8], best first. Empty
    /// at BOS, and where nothing is foretold yet.
    pub predictable: Vec<Vec<Word>>,
    /// What each token added: the readout of the novel part [T][at most 8], best first. Empty at BOS.
    pub novel: Vec<Vec<Word>>,
    /// The likeliest next words after each token, as seen from the target layer through the pack's fitted lens
    /// [T][at most 8], likeliest first; none at all without a lens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<Vec<NextWord>>,
}

/// The best `count` of `candidates` (word and score, in any order), near-duplicates folded into the best of them:
/// scores above 0 alone, highest first, ties in the order of the candidates.
pub fn ranked<'a>(candidates: impl IntoIterator<Item = (&'a str, f32)>, count: usize) -> Vec<Word> {
    let mut all: Vec<(&str, f32)> = candidates.into_iter().filter(|(_, score)| *score > 0.0).collect();
    // Stable: ties stay in the order of the candidates, which is that of the ids.
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut stems: Vec<String> = Vec::with_capacity(count);
    let mut words = Vec::with_capacity(count);
    for (word, score) in all {
        if words.len() == count {
            break;
        }
        let stem = stem(word);
        if !stems.contains(&stem) {
            stems.push(stem);
            words.push(Word { word: word.to_owned(), score });
        }
    }
    words
}

/// Endings that make no other word of it, longest first.
const ENDINGS: [&str; 13] = ["ations", "ation", "ings", "ing", "ers", "er", "ies", "ied", "est", "es", "ed", "ly", "s"];
/// Letters that a stem has at least.
const STEM_LEAST: usize = 3;

/// What words that differ only in case, ending or spelling (British and American) have in common. It need not be a
/// word itself.
fn stem(word: &str) -> String {
    let mut stem = word.to_lowercase();
    for (british, american) in
        [("our", "or"), ("isation", "ization"), ("ising", "izing"), ("ise", "ize"), ("yse", "yze"), ("ogue", "og")]
    {
        if let Some(at) = stem.find(british).filter(|at| *at >= STEM_LEAST) {
            stem.replace_range(at..at + british.len(), american);
        }
    }
    if stem.ends_with("tre") {
        stem.replace_range(stem.len() - 2.., "er");
    }
    let ending = ENDINGS.iter().find(|ending| {
        !stem.ends_with("ss") && stem.strip_suffix(**ending).is_some_and(|rest| rest.chars().count() >= STEM_LEAST)
    });
    if let Some(ending) = ending {
        stem.truncate(stem.len() - ending.len());
        // stop, stopping; but sell, selling and carry, carries.
        if let [.., a, b] = stem.as_bytes()
            && a == b
            && stem.len() > STEM_LEAST
            && !ending.starts_with("ie")
            && !matches!(b, b'l' | b's' | b'e' | b'o')
        {
            stem.pop();
        }
    }
    // bake, baking; carry, carries.
    while stem.len() > STEM_LEAST && (stem.ends_with('e') || stem.ends_with('y') || stem.ends_with('i')) {
        stem.pop();
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_duplicates_have_one_stem() {
        for group in [
            &["sail", "sails", "sailed", "sailing", "Sailing"][..],
            &["bake", "baking", "bakes", "baked", "baker", "Bakers"],
            &["carry", "carries", "carried", "carrying"],
            &["stop", "stops", "stopped", "stopping"],
            &["harbour", "harbor", "harbours", "harbors"],
            &["colour", "colors", "Colour"],
            &["organise", "organize", "organized", "organising"],
            &["centre", "center", "centers"],
            &["quick", "quickly"],
        ] {
            let stems: Vec<String> = group.iter().map(|word| stem(word)).collect();
            assert!(stems.iter().all(|it| *it == stems[0]), "{group:?}: {stems:?}");
        }
    }

    #[test]
    fn other_words_have_other_stems() {
        let words = [
            "sea", "seal", "coast", "cost", "boat", "boot", "glass", "gas", "kitchen", "kite", "flour", "flood",
            "wind", "wine", "hospital", "hospice", "oven", "over", "nurse", "nun", "bread", "bed", "string", "king",
        ];
        let mut stems: Vec<String> = words.iter().map(|word| stem(word)).collect();
        stems.sort();
        stems.dedup();
        assert_eq!(stems.len(), words.len(), "{stems:?}");
    }

    #[test]
    fn lists_are_ranked_and_folded_and_ties_stay_in_order() {
        let candidates = [("sails", 2.0), ("sea", 1.0), ("coast", 1.0), ("sail", 3.0), ("no", 0.0), ("nan", f32::NAN)];
        let words: Vec<_> = ranked(candidates, 8).into_iter().map(|it| (it.word, it.score)).collect();
        assert_eq!(words, [("sail".to_owned(), 3.0), ("sea".to_owned(), 1.0), ("coast".to_owned(), 1.0)]);
        assert_eq!(ranked(candidates, 1).len(), 1);
    }
}
