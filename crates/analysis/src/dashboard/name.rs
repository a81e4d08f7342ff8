//! A feature's display name by a stated rule: its label, else the words at its peaks, else the words of its readout.

use std::collections::HashMap;

use super::label::Firing;
use super::{Label, Name, NamedBy};
use crate::words::stem;

/// The rule in a sentence, for people.
pub const RULE: &str = "A feature's name is its label where it has one; else the words at its peaks, up to three that are \
those of at least half of its 12 largest novel codes from different passages, or the first three where all words there cohere; \
else the first three words of its readout (its decoder row through the final norm and the unembedding, over the pack's \
vocabulary) where they cohere; else its number.";

/// Peaks that are looked at, each from another passage.
const PEAKS: usize = 12;
/// Most words of a name.
const WORDS_MAX: usize = 3;
/// Fewest different words at peaks that can cohere: two that are alike are a coincidence.
const ALIKE_MIN: usize = 3;
/// Mean cosine between the unembedding rows of words from which on they are a name.
pub const COHERENT: f32 = 0.2;

/// The words at a feature's peaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeakWords {
    /// Those of at least half of the peaks, most frequent first, at most three; none where they are too few.
    pub repeated: Vec<String>,
    /// Each word once, of the largest code first, where at least half of the peaks are at words.
    pub all: Vec<String>,
}

/// Words, and the mean cosine between their unembedding rows.
pub type Coherent<'a> = (&'a [String], f32);

/// The name of a feature, of its label, its peak words, all of those with their coherence (of those in the vocabulary), and the words
/// of its readout with theirs, best first.
pub fn name(
    feature: usize,
    label: Option<&Label>,
    repeated: &[String],
    peaks: Coherent<'_>,
    readout: Coherent<'_>,
) -> Option<Name> {
    let joined = |words: &[String]| words.iter().take(WORDS_MAX).cloned().collect::<Vec<_>>().join(", ");
    let (text, by) = if let Some(label) = label {
        (label.text.clone(), NamedBy::Label)
    } else if !repeated.is_empty() {
        (joined(repeated), NamedBy::Peaks)
    } else if peaks.0.len() >= ALIKE_MIN && peaks.1 >= COHERENT {
        (joined(peaks.0), NamedBy::Peaks)
    } else if !readout.0.is_empty() && readout.1 >= COHERENT {
        (joined(readout.0), NamedBy::Readout)
    } else {
        return None;
    };
    Some(Name { feature, text, by })
}

/// The words at the largest of `firings`, each from another passage; `token` spells the token of a firing. Words are of
/// letters alone, more than two of them, and the same where their stems are.
pub fn peak_words<'a>(firings: &[Firing], token: impl Fn(&Firing) -> Option<&'a str>) -> PeakWords {
    let mut sorted: Vec<&Firing> = firings.iter().collect();
    sorted
        .sort_by(|a, b| b.value.total_cmp(&a.value).then(a.passage.cmp(&b.passage)).then(a.position.cmp(&b.position)));
    let mut peaks: Vec<&Firing> = Vec::with_capacity(PEAKS);
    for firing in sorted {
        if peaks.len() < PEAKS && peaks.iter().all(|other| other.passage != firing.passage) {
            peaks.push(firing);
        }
    }
    // By stem: how many, and the first spelling.
    let mut groups: HashMap<String, (usize, usize, String)> = HashMap::new();
    for (rank, firing) in peaks.iter().enumerate() {
        let word = token(firing).map(|token| token.trim_start_matches('▁').to_lowercase()).unwrap_or_default();
        if word.chars().count() > 2 && word.chars().all(char::is_alphabetic) {
            groups.entry(stem(&word)).or_insert((0, rank, word)).0 += 1;
        }
    }
    let mut all: Vec<(usize, usize, String)> = groups.into_values().collect();
    all.sort_by_key(|(_, rank, _)| *rank);
    let mut repeated: Vec<_> = all.iter().filter(|(count, ..)| *count > 1).cloned().collect();
    // Stable: equally frequent ones stay in the order of their codes.
    repeated.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
    repeated.truncate(WORDS_MAX);
    let words_of_half = |groups: Vec<(usize, usize, String)>| {
        let covered: usize = groups.iter().map(|(count, ..)| count).sum();
        let are_enough = 2 * covered >= peaks.len().max(1);
        if are_enough { groups.into_iter().map(|(.., word)| word).collect() } else { Vec::new() }
    };
    PeakWords { repeated: words_of_half(repeated), all: words_of_half(all) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firing(passage: u32, value: f32) -> Firing {
        Firing { passage, position: 1, value }
    }

    fn peaks(of: &[&'static str]) -> PeakWords {
        let firings: Vec<Firing> = (0..of.len()).map(|i| firing(i as u32, 100.0 - i as f32)).collect();
        peak_words(&firings, |firing| of.get(firing.passage as usize).copied())
    }

    fn words(of: &[&'static str]) -> Vec<String> {
        peaks(of).repeated
    }

    #[test]
    fn peak_words_are_those_of_at_least_half_of_the_peaks() {
        assert_eq!(words(&["▁bread", "▁Breads", "▁baked", "▁baking", "▁the", "▁of"]), ["bread", "baked"]);
        // Half of them at least.
        assert_eq!(words(&["▁bread", "▁bread", "▁a", "▁b", "▁c"]), [""; 0]);
        assert_eq!(words(&["▁bread", "▁sea", "▁sky"]), [""; 0]);
        assert_eq!(words(&[",", ",", ","]), [""; 0]);
        assert_eq!(words(&[]), [""; 0]);
        // One passage counts once, and only the largest count.
        let many: Vec<Firing> = (0..40).map(|i| firing(i % 20, if i < 20 { 9.0 } else { 1.0 })).collect();
        assert_eq!(peak_words(&many, |f| Some(if f.value > 5.0 { "▁sea" } else { "▁sky" })).repeated, ["sea"]);
    }

    #[test]
    fn all_peak_words_are_listed_once_where_half_of_the_peaks_are_words() {
        let of = |words: &[&'static str]| peaks(words).all;
        assert_eq!(of(&["▁rabbit", "▁fox", ",", "▁Foxes", "▁dog"]), ["rabbit", "fox", "dog"]);
        assert_eq!(of(&["▁rabbit", ",", ",", ",", "▁fox"]), [""; 0]);
        assert_eq!(of(&[]), [""; 0]);
    }

    #[test]
    fn the_label_goes_before_peaks_and_those_before_the_readout() {
        let label = Label { feature: 3, text: "“told”".to_owned(), precision: 1.0, recall: 1.0, f1: 1.0 };
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let (repeated, alike, readout) = (words(&["sea"]), words(&["fox", "dog", "cat", "hen"]), words(&["ship"]));
        let by = |label, repeated: &[String], of_peaks, of_readout| {
            name(3, label, repeated, (&alike, of_peaks), (&readout, of_readout)).map(|it| (it.text, it.by))
        };
        assert_eq!(by(Some(&label), &repeated, 0.9, 0.9), Some(("“told”".to_owned(), NamedBy::Label)));
        assert_eq!(by(None, &repeated, 0.9, 0.9), Some(("sea".to_owned(), NamedBy::Peaks)));
        assert_eq!(by(None, &[], 0.9, 0.9), Some(("fox, dog, cat".to_owned(), NamedBy::Peaks)));
        assert_eq!(by(None, &[], 0.1, 0.9), Some(("ship".to_owned(), NamedBy::Readout)));
        assert_eq!(by(None, &[], 0.1, 0.0), None);
        // Two words that are alike are no name.
        assert_eq!(name(3, None, &[], (&alike[..2], 0.9), (&readout, 0.0)), None);
    }
}
