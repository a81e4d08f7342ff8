//! The word that is pinned on the first visit: one whose story is worth telling.

use lens_analysis::Analysis;
use lens_analysis::dashboard::{Index, NamedBy};
use lens_analysis::words;

use super::inspector::{AddedRow, Inspector};
use crate::format::token;

/// Letters of a word, at least.
const LETTERS_MIN: usize = 3;
/// The position of the word to open with, where the text has one with a story: a whole word with content, not the last
/// one, whose prediction was taken from another word with content, that added a feature with a name, and with words on
/// both sides. Of several the one with the best story; of equals the first.
pub fn of(analysis: &Analysis, index: Option<&Index>) -> Option<usize> {
    let last = (1..analysis.tokens.len()).rev().find(|at| is_content(analysis, *at));
    let candidates = (1..analysis.tokens.len()).filter(|at| Some(*at) != last && is_content(analysis, *at));
    let scored = candidates.filter_map(|at| Some((at, score(analysis, index, &Inspector::of(analysis, index, at)?))));
    let best = scored.fold(None, |best: Option<(usize, f32)>, it| match best {
        Some(before) if before.1 >= it.1 => Some(before),
        _ => Some(it),
    });
    best.map(|(at, _)| at)
}

/// How good the story of a word is.
fn score(analysis: &Analysis, index: Option<&Index>, it: &Inspector) -> f32 {
    let own = words::stem(&it.name.to_lowercase());
    let has = |part: bool| if part { 1.0 } else { 0.0 };
    let content: Vec<_> = it.sources.iter().filter(|row| is_content(analysis, row.position)).collect();
    let strongest = content.first().map_or(0.0, |row| row.share);
    let leads = it.sources.first().map(|row| row.position) == content.first().map(|row| row.position);
    // A reader follows where the words of the past are about their source, and what was added is about this word.
    let is_followed = content.iter().any(|row| names(it.from_past.as_deref(), &words::stem(&row.name.to_lowercase())));
    let is_own = names(it.new_here.as_deref(), &own);
    let added = it.added.iter().map(|row| informativeness(row, index, &own)).fold(0.0, f32::max);
    2.0 * strongest.min(0.5)
        + has(leads && strongest > 0.0)
        + has(is_followed)
        + has(is_own)
        + 3.0 * added
        + has(it.from_past.is_some())
        + has(it.new_here.is_some())
}

/// How much a feature says to a reader, 0..=1: its share of its largest code, less where its name is about other words.
fn informativeness(row: &AddedRow, index: Option<&Index>, own: &str) -> f32 {
    let (Some((name, by)), Some(percent)) = (index.and_then(|it| it.name(row.feature)), row.percent) else {
        return 0.0;
    };
    let trust = if names(Some(name), own) {
        1.0
    } else if is_empty_name(name) {
        0.0
    } else if by == NamedBy::Readout {
        0.3
    } else {
        0.6
    };
    trust * percent.clamp(0.0, 100.0) / 100.0
}

/// The words of a list, without quotes.
fn listed(list: &str) -> impl Iterator<Item = String> + '_ {
    list.split(',').map(|word| word.trim().trim_matches(['“', '”']).to_lowercase())
}

/// Whether a list has a word of this stem.
fn names(list: Option<&str>, stem: &str) -> bool {
    list.is_some_and(|list| listed(list).any(|word| words::stem(&word) == stem))
}

/// Whether a name begins with a word that says nothing.
fn is_empty_name(name: &str) -> bool {
    listed(name).next().is_none_or(|word| word.chars().count() < LETTERS_MIN || words::is_stop_word(&word))
}

/// Whether the token is a whole word with content: of letters, long enough, and not one that stands in every text.
pub fn is_content(analysis: &Analysis, position: usize) -> bool {
    let Some(token) = analysis.tokens.get(position).filter(|_| position > 0) else { return false };
    let name = token::name(token);
    let is_word = name.chars().count() >= LETTERS_MIN && name.chars().all(char::is_alphabetic);
    is_word && token::word_at(&analysis.tokens, position).len() == 1 && !words::is_stop_word(&name) && !is_white(token)
}

/// Whether the token is white space alone, whose name is in letters.
fn is_white(token: &str) -> bool {
    token.chars().all(|c| c == '▁' || token::is_unseen(c)) || token::is_byte(token)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use lens_analysis::TokenSource;

    use super::*;
    use crate::example;

    /// "The bridge fell. A boat sank." with sources: of "fell" mostly "bridge".
    fn analysis() -> Analysis {
        let tokens = ["<bos>", "The", "▁bridge", "▁f", "ell", ".", "▁The", "▁boat", "▁sank", "▁here", "."];
        let source = |position, weight| TokenSource { position, weight };
        let mut sources = vec![Vec::new(); tokens.len()];
        sources[8] = vec![source(7, 0.4), source(6, 0.3)];
        Analysis { tokens: tokens.map(str::to_owned).to_vec(), sources: Some(sources), ..example::analysis() }
    }

    #[test]
    fn a_whole_word_with_content_is_chosen() {
        let analysis = analysis();
        let content: Vec<usize> = (0..12).filter(|at| is_content(&analysis, *at)).collect();
        assert_eq!(content, [2, 7, 8]);
        // The last word with content is not chosen, whatever its sources are; of equals the first is.
        assert_eq!(of(&analysis, None), Some(2));
        let mut later = analysis.clone();
        later.tokens[9] = "▁yesterday".to_owned();
        assert_eq!(of(&later, None), Some(8));
        assert_eq!(of(&example::analysis(), None), None);
    }

    #[test]
    fn a_feature_named_like_the_word_outweighs_others() {
        let row = |feature, percent| AddedRow {
            feature,
            name: None,
            is_weak: false,
            percent,
            value: String::new(),
            bar: 0.0,
        };
        let mut index = example::index();
        assert_eq!(informativeness(&row(3, Some(50.0)), Some(&index), "night"), 0.5);
        assert_eq!(informativeness(&row(3, Some(50.0)), Some(&index), "door"), 0.3);
        assert_eq!(informativeness(&row(3, Some(250.0)), Some(&index), "night"), 1.0);
        assert_eq!(
            (
                informativeness(&row(7, Some(50.0)), Some(&index), "night"),
                informativeness(&row(3, None), Some(&index), "night")
            ),
            (0.0, 0.0)
        );
        index.names[0].text = "the, night".to_owned();
        assert_eq!(informativeness(&row(3, Some(50.0)), Some(&index), "door"), 0.0);
        index.names[0].text = "“opened”, “doors”".to_owned();
        assert_eq!(informativeness(&row(3, Some(50.0)), Some(&index), &words::stem("door")), 0.5);
    }

    /// Read by hand when this was written: "rubbed" from "weighed" and "flour", "window" from "seat", "falls" from "stands".
    #[test]
    fn every_example_opens_with_a_word_that_has_a_story() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo");
        let index = Index::from_json(&std::fs::read_to_string(folder.join("dashboards/index.json")).unwrap()).unwrap();
        for name in [
            "code",
            "counting",
            "dialogue",
            "garden-path",
            "garden-path-plain",
            "long-passage",
            "news",
            "poem",
            "seed-prompt",
            "three-scenes",
            "two-events",
        ] {
            let json = std::fs::read_to_string(folder.join(format!("examples/{name}.json"))).unwrap();
            let analysis = Analysis::from_json(&json).unwrap();
            let at = of(&analysis, Some(&index)).unwrap_or_else(|| panic!("{name}: no word"));
            let it = Inspector::of(&analysis, Some(&index), at).unwrap();
            assert!(is_content(&analysis, at) && at + 2 < analysis.tokens.len(), "{name}: {}", it.name);
            assert!(it.from_past.is_some() && it.new_here.is_some(), "{name}: {}", it.name);
            assert!(it.sources.iter().any(|row| is_content(&analysis, row.position)), "{name}: {}", it.name);
            assert!(it.added.iter().any(|row| row.name.is_some() && row.percent.is_some()), "{name}: {}", it.name);
            assert_eq!(of(&analysis, Some(&index)), Some(at));
        }
    }
}
