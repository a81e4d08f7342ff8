//! A feature's name by a stated rule: the tokens that tell best where it fires strongly.
//!
//! No explanation is invented: a label says "this token is one of ..." or "the token before is one
//! of ...", found on half of the passages and measured on the other half.

use std::collections::HashMap;

use super::Label;

/// The rule in a sentence, for the index.
pub const RULE: &str = "A feature fires strongly where its novel code is at least half of its largest on the even passages. \
A label is up to four words, matched without case and outer space, either of the token itself or of the token before it: \
those that give the best F1 on the even passages. Precision, recall and F1 are those on the odd passages; \
labels with an F1 below 0.5 are not shown.";

/// Most words of a label.
const WORDS_MAX: usize = 4;

/// Labels that tell less well are none.
pub const F1_LEAST: f32 = 0.5;

/// Strong tokens that each half must have: fewer say nothing.
const STRONG_LEAST: usize = 4;

/// Share of the largest code from which a feature fires strongly.
const STRONG: f32 = 0.5;

/// What a label looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Side {
    This,
    Before,
}

/// The words of a corpus: each token's, as a number, and how many tokens have it.
pub struct Words {
    names: Vec<String>,
    /// Of each passage, a word for each token, BOS too.
    of: Vec<Vec<u32>>,
    /// Tokens with each word, and tokens after each word; of even and odd passages.
    counts: [[Vec<u32>; 2]; 2],
}

/// A token where a feature fires.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Firing {
    /// The passage.
    pub passage: u32,
    /// Position in it; 0 is BOS, which is left out.
    pub position: u32,
    /// The novel code.
    pub value: f32,
}

/// A token's word: without case and outer space, which sentencepiece spells "▁"; white space alone is
/// itself.
fn word(token: &str) -> String {
    let token = token.replace('▁', " ");
    let trimmed = token.trim();
    if trimmed.is_empty() { token } else { trimmed.to_lowercase() }
}

impl Words {
    /// Of passages of token strings, BOS first.
    pub fn of<'a>(passages: impl Iterator<Item = &'a [String]>) -> Self {
        let mut ids: HashMap<String, u32> = HashMap::new();
        let mut names = Vec::new();
        let of: Vec<Vec<u32>> = passages
            .map(|tokens| {
                let id = |token: &String| {
                    let name = word(token);
                    *ids.entry(name).or_insert_with_key(|name| {
                        names.push(name.clone());
                        names.len() as u32 - 1
                    })
                };
                tokens.iter().map(id).collect()
            })
            .collect();
        let zeros = || vec![0u32; names.len()];
        let mut counts = [[zeros(), zeros()], [zeros(), zeros()]];
        for (passage, words) in of.iter().enumerate() {
            for pair in words.windows(2) {
                counts[passage % 2][0][pair[1] as usize] += 1;
                counts[passage % 2][1][pair[0] as usize] += 1;
            }
        }
        Self { names, of, counts }
    }

    fn at(&self, firing: &Firing, side: Side) -> Option<u32> {
        let position = firing.position as usize;
        let words = self.of.get(firing.passage as usize)?;
        words.get(if side == Side::This { position } else { position.checked_sub(1)? }).copied()
    }

    fn count(&self, half: usize, side: Side, word: u32) -> u32 {
        self.counts[half][usize::from(side == Side::Before)][word as usize]
    }

    /// The label of a feature that fires at `firings`, if there is one.
    pub fn label(&self, feature: usize, firings: &[Firing]) -> Option<Label> {
        let half = |parity: u32| firings.iter().filter(move |f| f.passage % 2 == parity);
        let threshold = STRONG * half(0).map(|f| f.value).fold(0.0, f32::max);
        let strong: [Vec<&Firing>; 2] = [0, 1].map(|parity| half(parity).filter(|f| f.value >= threshold).collect());
        if threshold <= 0.0 || strong.iter().any(|strong| strong.len() < STRONG_LEAST) {
            return None;
        }
        let (_, side, words) = [Side::This, Side::Before]
            .into_iter()
            .map(|side| {
                let (f1, words) = self.choose(&strong[0], side);
                (f1, side, words)
            })
            // Of equals the one of fewer words, then the token itself.
            .reduce(|best, other| {
                let better = other.0 > best.0 || (other.0 == best.0 && other.2.len() < best.2.len());
                if better { other } else { best }
            })?;
        let predicted: u32 = words.iter().map(|word| self.count(1, side, *word)).sum();
        let hits = strong[1].iter().filter(|f| self.at(f, side).is_some_and(|w| words.contains(&w))).count();
        let (precision, recall, f1) = score(hits, predicted as usize, strong[1].len());
        (f1 >= F1_LEAST).then(|| Label { feature, text: self.text(side, &words), precision, recall, f1 })
    }

    /// The words that tell `strong` best on the even passages, most frequent first, and their F1.
    fn choose(&self, strong: &[&Firing], side: Side) -> (f32, Vec<u32>) {
        let mut hits: HashMap<u32, usize> = HashMap::new();
        for firing in strong {
            if let Some(word) = self.at(firing, side) {
                *hits.entry(word).or_default() += 1;
            }
        }
        let mut candidates: Vec<(u32, usize)> = hits.into_iter().collect();
        // Names break ties, so that every machine finds the same.
        candidates.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| self.names[a.0 as usize].cmp(&self.names[b.0 as usize])));
        let (mut best, mut words, mut found, mut predicted) = (0.0, Vec::new(), 0, 0);
        for (word, hits) in candidates {
            if words.len() == WORDS_MAX {
                break;
            }
            let with = predicted + self.count(0, side, word) as usize;
            let (_, _, f1) = score(found + hits, with, strong.len());
            if f1 > best {
                (best, found, predicted) = (f1, found + hits, with);
                words.push(word);
            }
        }
        (best, words)
    }

    fn text(&self, side: Side, words: &[u32]) -> String {
        let names: Vec<String> = words
            .iter()
            .map(|word| match self.names[*word as usize].as_str() {
                "\n" => "new line".to_owned(),
                "\n\n" => "paragraph end".to_owned(),
                name if name.trim().is_empty() => "white space".to_owned(),
                name => format!("“{name}”"),
            })
            .collect();
        let names = names.join(", ");
        if side == Side::This { names } else { format!("after {names}") }
    }
}

/// Precision, recall and F1.
fn score(hits: usize, predicted: usize, strong: usize) -> (f32, f32, f32) {
    if hits == 0 {
        return (0.0, 0.0, 0.0);
    }
    let (precision, recall) = (hits as f32 / predicted as f32, hits as f32 / strong as f32);
    (precision, recall, 2.0 * precision * recall / (precision + recall))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passages() -> Vec<Vec<String>> {
        let text = "<bos> ▁She ▁told ▁him . ▁He ▁Told ▁her . The ▁end of it";
        (0..8).map(|_| text.split(' ').map(str::to_owned).collect()).collect()
    }

    fn firings(positions: &[(u32, f32)]) -> Vec<Firing> {
        (0..8)
            .flat_map(|passage| {
                positions.iter().map(move |(position, value)| Firing { passage, position: *position, value: *value })
            })
            .collect()
    }

    fn label(positions: &[(u32, f32)]) -> Option<Label> {
        let passages = passages();
        Words::of(passages.iter().map(Vec::as_slice)).label(7, &firings(positions))
    }

    #[test]
    fn a_word_that_tells_is_the_label() {
        // Strong on both spellings, weak elsewhere.
        let found = label(&[(2, 4.0), (6, 3.0), (9, 0.5)]);
        let expected = Label { feature: 7, text: "“told”".to_owned(), precision: 1.0, recall: 1.0, f1: 1.0 };
        assert_eq!(found, Some(expected));
    }

    #[test]
    fn so_is_the_word_before() {
        let found = label(&[(3, 4.0), (7, 4.0)]).map(|label| label.text);
        assert_eq!(found.as_deref(), Some("after “told”"));
    }

    #[test]
    fn several_words_are_joined_where_that_tells_more() {
        let found = label(&[(2, 4.0), (6, 4.0), (10, 3.0)]).map(|label| label.text);
        assert_eq!(found.as_deref(), Some("“told”, “end”"));
    }

    #[test]
    fn what_holds_on_one_half_only_is_no_label() {
        let passages = passages();
        let words = Words::of(passages.iter().map(Vec::as_slice));
        let firings: Vec<Firing> = (0..8u32)
            .flat_map(|passage| {
                (1..=5).map(move |i| Firing { passage, position: if passage % 2 == 0 { 2 } else { 4 + i }, value: 2.0 })
            })
            .collect();
        assert_eq!(words.label(0, &firings), None);
        assert_eq!(words.label(0, &firings[..3]), None);
    }
}
