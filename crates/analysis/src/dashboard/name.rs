//! A feature's display name by a stated rule: its label, else the words at its peaks, else the words of its readout.

use std::collections::HashMap;

use super::label::Firing;
use super::{Label, Name, NamedBy};
use crate::words::stem;

/// The rule in a sentence, for people.
pub const RULE: &str = "A feature's name is its label where it has one; else the words at its peaks, up to three that are \
those of at least half of its 12 largest novel codes from different passages; else the first three words of its readout \
(its decoder row through the final norm and the unembedding, over the pack's vocabulary) where they cohere; else its number.";

/// Peaks that are looked at, each from another passage.
const PEAKS: usize = 12;
/// Most words of a name.
const WORDS_MAX: usize = 3;
/// Mean cosine between the unembedding rows of readout words from which on they are a name.
pub const COHERENT: f32 = 0.2;

/// The name of a feature; `peaks` are [`peak_words`], `readout` its words, best first, with their coherence.
pub fn name(feature: usize, label: Option<&Label>, peaks: &[String], readout: (&[String], f32)) -> Option<Name> {
    let (words, coherence) = readout;
    let joined = |words: &[String]| words.iter().take(WORDS_MAX).cloned().collect::<Vec<_>>().join(", ");
    let (text, by) = if let Some(label) = label {
        (label.text.clone(), NamedBy::Label)
    } else if !peaks.is_empty() {
        (joined(peaks), NamedBy::Peaks)
    } else if !words.is_empty() && coherence >= COHERENT {
        (joined(words), NamedBy::Readout)
    } else {
        return None;
    };
    Some(Name { feature, text, by })
}

/// The words at the largest of `firings`, each from another passage, most frequent first: up to three that are those of
/// at least half of these peaks, none otherwise. `token` spells the token of a firing.
pub fn peak_words<'a>(firings: &[Firing], token: impl Fn(&Firing) -> Option<&'a str>) -> Vec<String> {
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
    let mut groups: Vec<(usize, usize, String)> = groups.into_values().filter(|(count, ..)| *count > 1).collect();
    groups.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    groups.truncate(WORDS_MAX);
    let covered: usize = groups.iter().map(|(count, ..)| count).sum();
    if 2 * covered < peaks.len().max(1) {
        return Vec::new();
    }
    groups.into_iter().map(|(.., word)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firing(passage: u32, value: f32) -> Firing {
        Firing { passage, position: 1, value }
    }

    fn words(of: &[&'static str]) -> Vec<String> {
        let firings: Vec<Firing> = (0..of.len()).map(|i| firing(i as u32, 100.0 - i as f32)).collect();
        peak_words(&firings, |firing| of.get(firing.passage as usize).copied())
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
        assert_eq!(peak_words(&many, |f| Some(if f.value > 5.0 { "▁sea" } else { "▁sky" })), ["sea"]);
    }

    #[test]
    fn the_label_goes_before_peaks_and_those_before_the_readout() {
        let label = Label { feature: 3, text: "“told”".to_owned(), precision: 1.0, recall: 1.0, f1: 1.0 };
        let [peaks, readout] = [["sea"], ["ship"]].map(|words| words.map(str::to_owned));
        let by = |label, peaks: &[String], coherence| {
            name(3, label, peaks, (&readout, coherence)).map(|it| (it.text, it.by))
        };
        assert_eq!(by(Some(&label), &peaks, 0.9), Some(("“told”".to_owned(), NamedBy::Label)));
        assert_eq!(by(None, &peaks, 0.9), Some(("sea".to_owned(), NamedBy::Peaks)));
        assert_eq!(by(None, &[], 0.9), Some(("ship".to_owned(), NamedBy::Readout)));
        assert_eq!(by(None, &[], 0.0), None);
    }
}
