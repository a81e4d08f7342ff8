//! The word inspector: what made the word at a position expected, and what it added.

use lens_analysis::dashboard::{Index, NamedBy};
use lens_analysis::order::largest_first;
use lens_analysis::{Analysis, FeatureCode, TokenSource};

use super::words;
use crate::format::scene::{self, Scene};
use crate::format::{number, token};

/// Smaller shares read as 0 %.
const SHARE_MIN: f32 = 0.005;

/// Features listed at most.
const FEATURES_MAX: usize = 6;

/// Sources that are read aloud at most.
const SPOKEN_MAX: usize = 3;

/// What is shown of one token.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspector {
    /// Its position in the text.
    pub position: usize,
    /// The token as a reader says it; a part of a word with the word behind it.
    pub name: String,
    /// The scene it is in; none where the result has no events.
    pub scene: Option<Scene>,
    /// Shares of the expected and of the new part in the energy of both, 0..=1; none where they are not known.
    pub shares: Option<[f32; 2]>,
    /// The tokens that the prediction was taken from, strongest first; the start of the text is not among them.
    pub sources: Vec<SourceRow>,
    /// Share of the prediction that was taken from the start of the text, 0..=1, where it is among the strongest.
    pub from_start: Option<f32>,
    /// Share of the prediction that was taken from all else, 0..=1; none where that is nothing or nothing is known.
    pub from_rest: Option<f32>,
    /// Why there are no sources, as a sentence.
    pub no_sources: Option<&'static str>,
    /// The words that the past foretold; none where nothing is foretold yet.
    pub from_past: Option<String>,
    /// The words that this token added.
    pub new_here: Option<String>,
    /// Why there are no words of what was expected, as a sentence.
    pub no_words: Option<&'static str>,
    /// The likeliest next words with their probabilities, where the pack has a fitted lens.
    pub next: Option<String>,
    /// How likely the token was, e.g. "67 %" or "1 in 450", where the pack has a fitted lens.
    pub likelihood: Option<String>,
    /// Features that this token added: those closest to their own largest code first.
    pub added: Vec<AddedRow>,
    /// Features that were expected here, largest magnitude first; none of results that do not have them.
    pub expected_features: Vec<AddedRow>,
}

/// A token that the prediction was taken from.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceRow {
    /// Its position in the text.
    pub position: usize,
    /// The token as a reader says it.
    pub name: String,
    /// Its share of the SAE's attention, 0..=1.
    pub share: f32,
    /// The share relative to that of the strongest source, 0..=1: the length of a bar.
    pub bar: f32,
}

/// A feature at this token.
#[derive(Debug, Clone, PartialEq)]
pub struct AddedRow {
    /// The feature's number.
    pub feature: usize,
    /// Its display name, where it has one.
    pub name: Option<String>,
    /// Whether its name is only read out of its direction, and not made of words that it was active at.
    pub is_weak: bool,
    /// Its code as percent of its largest one in the corpus, where that is known; above 100 where this text has a larger
    /// one. None of predictable codes: the corpus has no largest one of these.
    pub percent: Option<f32>,
    /// Its code as text.
    pub value: String,
    /// The length of a bar, 0..=1: the share of its own largest code, or else of the strongest code at this token.
    pub bar: f32,
}

impl Inspector {
    /// Of the token at `position`, with names of features from the dashboards' `index`; none for BOS and past the end.
    pub fn of(analysis: &Analysis, index: Option<&Index>, position: usize) -> Option<Self> {
        if position == 0 || position >= analysis.tokens.len() {
            return None;
        }
        let found = analysis.sources.as_ref().and_then(|all| all.get(position));
        let sources = sources(analysis, position);
        let from_start = found.into_iter().flatten().find(|it| it.position == 0).map(|it| it.weight);
        let listed: f32 = sources.iter().map(|it| it.share).sum::<f32>() + from_start.unwrap_or(0.0);
        let from_rest = (!sources.is_empty()).then_some(1.0 - listed).filter(|rest| *rest >= SHARE_MIN);
        let no_sources = if found.is_none() {
            Some("This result was saved without the sources of its predictions; analyze the text again to see them.")
        } else if sources.is_empty() {
            Some("Nothing before this word but the start of the text.")
        } else {
            None
        };
        let lines = words::of_token(analysis, position);
        let (mut from_past, mut new_here, mut next, mut likelihood, mut no_words) = (None, None, None, None, None);
        match lines {
            Some(lines) => {
                if lines.from_past.is_none() {
                    no_words = Some("Expected here is only what the start of any text foretells.");
                }
                (from_past, new_here, next, likelihood) =
                    (lines.from_past, lines.new_here, lines.next, lines.likelihood);
            }
            None => {
                no_words = Some("This result has no words for what was expected; analyze the text again to see them.")
            }
        }
        let at = |all: &[Vec<FeatureCode>]| all.get(position).cloned().unwrap_or_default();
        Some(Self {
            position,
            name: token::name_in_text(&analysis.tokens, position),
            scene: scene::at(analysis, position),
            shares: shares(analysis, position),
            sources,
            from_start,
            from_rest,
            no_sources,
            from_past,
            new_here,
            no_words,
            next,
            likelihood,
            added: added(&at(&analysis.novel_top), index),
            expected_features: expected(&analysis.pred_top.as_deref().map(at).unwrap_or_default(), index),
        })
    }

    /// What a screen reader says of the token, in one sentence or two.
    pub fn spoken(&self) -> String {
        let percent = |share: f32| number::fixed(100.0 * share, 0);
        let mut sentence = format!("{}, token {}", self.name, self.position);
        if let Some([expected, new]) = self.shares {
            sentence.push_str(&format!(": {} % expected, {} % new", percent(expected), percent(new)));
        }
        sentence.push('.');
        let sources: Vec<_> =
            self.sources.iter().take(SPOKEN_MAX).map(|row| format!("{} {} %", row.name, percent(row.share))).collect();
        if !sources.is_empty() {
            sentence.push_str(&format!(" Expected because of {}.", sources.join(", ")));
        }
        if let Some(words) = &self.new_here {
            sentence.push_str(&format!(" It added {words}."));
        }
        sentence
    }
}

/// Shares of the expected and of the new part in the energy of both at the token; none where they are not known or both
/// are 0.
pub fn shares(analysis: &Analysis, position: usize) -> Option<[f32; 2]> {
    let energy = analysis.energy.as_ref()?;
    let (expected, new) = (*energy.predictable.get(position)?, *energy.novel.get(position)?);
    let both = expected + new;
    (both.is_finite() && both > 0.0).then(|| [expected / both, new / both])
}

/// The tokens that the prediction at `position` was taken from, strongest first; none where they are not known. The start of
/// the text is not among them.
pub fn sources(analysis: &Analysis, position: usize) -> Vec<SourceRow> {
    let found = analysis.sources.as_ref().and_then(|all| all.get(position));
    found.map(|all| source_rows(analysis, all)).unwrap_or_default()
}

/// Whether the share of `source` can be written above its token: of sources in a row only the strongest has room for it.
pub fn has_room(sources: &[SourceRow], source: &SourceRow) -> bool {
    let at = |position: usize| sources.iter().find(|it| it.position == position);
    let before = (0..source.position).rev().map_while(at);
    let after = (source.position + 1..).map_while(at);
    let neighbors: Vec<&SourceRow> = before.chain(after).collect();
    neighbors.iter().all(|it| (it.share, source.position) < (source.share, it.position))
}

fn source_rows(analysis: &Analysis, sources: &[TokenSource]) -> Vec<SourceRow> {
    let shown: Vec<&TokenSource> = sources.iter().filter(|it| it.position > 0 && it.weight >= SHARE_MIN).collect();
    let strongest = shown.iter().map(|it| it.weight).fold(0.0, f32::max);
    let row = |it: &TokenSource| SourceRow {
        position: it.position,
        name: token::readable(token::name_in_text(&analysis.tokens, it.position)),
        share: it.weight,
        bar: it.weight / strongest,
    };
    shown.into_iter().map(row).collect()
}

fn added(codes: &[FeatureCode], index: Option<&Index>) -> Vec<AddedRow> {
    let share = |it: &FeatureCode| Some(it.value / index?.largest(it.feature)?);
    let shares: Vec<(&FeatureCode, Option<f32>)> = codes.iter().map(|it| (it, share(it))).collect();
    // A feature whose largest code is not known goes last: its code cannot be compared with those of others. These stay in
    // the order of their codes.
    rows(largest_first(shares, |it| it.1.unwrap_or(0.0)), codes, index)
}

fn expected(codes: &[FeatureCode], index: Option<&Index>) -> Vec<AddedRow> {
    rows(codes.iter().map(|it| (it, None)).collect(), codes, index)
}

fn rows(ordered: Vec<(&FeatureCode, Option<f32>)>, codes: &[FeatureCode], index: Option<&Index>) -> Vec<AddedRow> {
    let strongest = codes.iter().map(|it| it.value.abs()).fold(0.0, f32::max);
    let row = |(it, share): (&FeatureCode, Option<f32>)| AddedRow {
        feature: it.feature,
        name: index.and_then(|index| index.name(it.feature)).map(|(name, _)| name.to_owned()),
        is_weak: index.and_then(|index| index.name(it.feature)).is_some_and(|(_, by)| by == NamedBy::Readout),
        percent: share.map(|share| 100.0 * share),
        value: number::significant(it.value),
        bar: share.unwrap_or(if strongest > 0.0 { it.value.abs() / strongest } else { 0.0 }).clamp(0.0, 1.0),
    };
    ordered.into_iter().take(FEATURES_MAX).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn a_word_shows_its_scene_shares_sources_and_words() {
        let mut analysis = example::with_words();
        let source = |position, weight| TokenSource { position, weight };
        analysis.sources = Some(vec![vec![], vec![source(0, 1.0)], vec![source(1, 0.5), source(0, 0.25)]]);
        let it = Inspector::of(&analysis, None, 2).unwrap();
        assert_eq!((it.name.as_str(), it.scene.as_ref().map(|scene| scene.number)), (".", Some(2)));
        assert_eq!(it.shares, Some([0.75, 0.25]));
        let rows: Vec<_> = it.sources.iter().map(|row| (row.name.as_str(), row.share, row.bar)).collect();
        assert_eq!((rows, it.from_start, it.no_sources), (vec![("sky", 0.5, 1.0)], Some(0.25), None));
        assert_eq!(it.from_rest, Some(0.25), "with the others it makes one");
        assert_eq!((it.from_past.as_deref(), it.no_words), (Some("sea, sail"), None));
        assert_eq!(it.likelihood.as_deref(), Some("4 %"));
        let spoken = "., token 2: 75 % expected, 25 % new. Expected because of sky 50 %.";
        assert_eq!(it.spoken(), format!("{spoken} It added {}.", it.new_here.as_deref().unwrap()));
        let first = Inspector::of(&analysis, None, 1).unwrap();
        assert!(first.no_sources.is_some_and(|why| why.contains("start of the text")) && first.from_rest.is_none());
        assert_eq!(
            (first.from_past, first.no_words),
            (None, Some("Expected here is only what the start of any text foretells."))
        );
        assert_eq!(Inspector::of(&analysis, None, 0), None);
        assert_eq!(Inspector::of(&analysis, None, 3), None);
    }

    #[test]
    fn of_sources_in_a_row_the_strongest_has_its_share_written() {
        let row = |position, share| SourceRow { position, name: String::new(), share, bar: share };
        let written = |all: &[(usize, f32)]| {
            let all: Vec<_> = all.iter().map(|(position, share)| row(*position, *share)).collect();
            all.iter().filter(|it| has_room(&all, it)).map(|it| it.position).collect::<Vec<_>>()
        };
        assert_eq!(written(&[(7, 0.4), (8, 0.3), (3, 0.1)]), [7, 3]);
        assert_eq!(written(&[(8, 0.4), (7, 0.3), (9, 0.2), (6, 0.1), (3, 0.1)]), [8, 3]);
        assert_eq!(written(&[(8, 0.2), (7, 0.2), (9, 0.2)]), [7], "one of equal ones");
    }

    #[test]
    fn missing_parts_of_an_older_result_are_reported() {
        let it = Inspector::of(&example::analysis(), None, 1).unwrap();
        assert!(it.no_words.is_some_and(|why| why.contains("no words")));
        assert!(it.no_sources.is_some_and(|why| why.contains("without the sources")));
        assert_eq!((it.shares, it.scene, it.sources.len(), it.expected_features.len()), (None, None, 0, 0));
    }

    #[test]
    fn added_features_are_ordered_by_the_share_of_their_own_largest_code() {
        let mut analysis = example::analysis();
        let bare = Inspector::of(&analysis, None, 1).unwrap().added;
        assert_eq!(
            bare.iter().map(|r| (r.feature, r.percent, r.bar)).collect::<Vec<_>>(),
            [(7, None, 1.0), (3, None, 0.5)]
        );
        let index = example::index();
        analysis.novel_top[1].push(FeatureCode { feature: 2, value: 0.5 });
        let rows = Inspector::of(&analysis, Some(&index), 1).unwrap().added;
        let found: Vec<_> = rows.iter().map(|r| (r.feature, r.name.as_deref(), r.percent, r.bar)).collect();
        assert_eq!(
            found,
            [
                (3, Some("night"), Some(75.0), 0.75),
                (7, None, Some(50.0), 0.5),
                // The corpus has no code of it.
                (2, None, None, 0.5 / 1.5)
            ]
        );
        analysis.pred_top = Some(vec![vec![], vec![FeatureCode { feature: 3, value: -2.0 }]]);
        let expected = Inspector::of(&analysis, Some(&index), 1).unwrap().expected_features;
        assert_eq!((expected[0].name.as_deref(), expected[0].percent, expected[0].bar), (Some("night"), None, 1.0));
        assert_eq!(expected[0].value, "−2.00");
        analysis.novel_top[1] = (0..9).map(|feature| FeatureCode { feature, value: 1.0 }).collect();
        assert_eq!(Inspector::of(&analysis, None, 1).unwrap().added.len(), FEATURES_MAX);
    }
}
