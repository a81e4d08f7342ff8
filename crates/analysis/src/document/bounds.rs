//! How much of everything a document may hold, and how large its numbers may be. A file comes from anywhere, and what its counts
//! say is drawn and allocated: each follows from the number of tokens, from the SAE's width, or from what the engine writes.
//! Shares, cosines and probabilities have their ranges by definition.

use crate::analysis::{Event, FeatureCode};
use crate::document::error::DocumentError;
use crate::document::fields::AnalysisRead;
use crate::gram::ROUNDING;

/// Tokens, at most: four times what is analyzed.
pub const TOKENS_MAX: usize = 1 << 13;
/// Features of an SAE, at most.
const WIDTH_MAX: usize = 1 << 24;
/// Bytes of text per token, at most, and for a text of few tokens: a token of Gemma's has up to 93.
const TEXT_BYTES_PER_TOKEN: usize = 1024;
/// Bytes of a token, a word or a name.
const NAME_BYTES_MAX: usize = 1024;
/// Novel features of a token that the engine lists, at most, whatever `inf_k` is; other programs list as many as they like
/// below it.
pub const NOVEL_TOP_MAX: usize = 4096;
/// Items of a short list: predictable features, sources, words of a token or an event, statistics.
const LIST_MAX: usize = 64;

/// Checks the numbers of a document of `t` tokens.
///
/// # Errors
/// [`DocumentError::Inconsistent`] naming the first that no analysis has.
pub fn check(it: &AnalysisRead<'_>, t: usize) -> Result<(), DocumentError> {
    check_counts(it, t)?;
    let within = |what: &str, least: f32, most: f32, values: &mut dyn Iterator<Item = f32>| {
        for value in values {
            // What is not a number is written as null, where it may be undefined.
            if value < least - ROUNDING || value > most + ROUNDING {
                return Err(DocumentError::Inconsistent(format!("{what} is {value}, outside its range")));
            }
        }
        Ok(())
    };
    let stats = &it.similarity_stats;
    let energy = it.energy.iter().flat_map(|it| [&it.residual, &it.error, &it.predictable, &it.novel]);
    within("variance_explained", f32::MIN, 1.0, &mut [it.variance_explained].into_iter())?;
    within("a similarity", -1.0, 1.0, &mut it.similarity.iter().flatten().map(|it| it.0))?;
    within("one of similarity_stats", -1.0, 1.0, &mut [stats.min, stats.max, stats.mean].into_iter())?;
    within("the weight of a source", 0.0, 1.0, &mut it.sources.iter().flatten().flatten().map(|it| it.weight))?;
    let next = it.words.iter().flat_map(|it| &it.next).flatten();
    within("the probability of a word", 0.0, 1.0, &mut next.map(|it| it.probability))?;
    within("a surprise", 0.0, f32::MAX, &mut it.surprise.iter().flatten().map(|it| it.0))?;
    within("an energy", 0.0, f32::MAX, &mut energy.flatten().copied())
}

fn check_counts(it: &AnalysisRead<'_>, t: usize) -> Result<(), DocumentError> {
    let width = it.model.width;
    let most = |what: &str, found: usize, most: usize| {
        if found <= most {
            Ok(())
        } else {
            Err(DocumentError::Inconsistent(format!("{what} is {found}, at most {most} is possible")))
        }
    };
    most("the number of tokens", t, TOKENS_MAX)?;
    most("the SAE's width", width, WIDTH_MAX)?;
    most("the length of the text", it.text.len(), TEXT_BYTES_PER_TOKEN * (t + 4))?;
    let model = &it.model;
    let names = [&model.name, &model.pack_hash, &model.precision].into_iter().chain(&model.neuronpedia);
    let longest = names.chain(&it.tokens).map(String::len).max().unwrap_or(0);
    most("the length of a name or a token", longest, NAME_BYTES_MAX)?;
    let counts = [&it.l0_novel, &it.l0_pred, &it.l0_total];
    most("a number of codes", counts.into_iter().flatten().copied().max().unwrap_or(0), width)?;
    check_features("novel_top", &it.novel_top, NOVEL_TOP_MAX.min(width), width)?;
    check_features("pred_top", it.pred_top.as_deref().unwrap_or_default(), LIST_MAX.min(width), width)?;
    if let Some(selected) = it.selected {
        most("the selected feature", selected.feature, width.saturating_sub(1))?;
    }
    most("a token's number of sources", longest_of(it.sources.iter().flatten().map(Vec::len)), LIST_MAX)?;
    if let Some(words) = &it.words {
        let lists = words.predictable.iter().chain(&words.novel);
        most("a token's number of words", longest_of(lists.clone().map(Vec::len)), LIST_MAX)?;
        most("a token's number of next words", longest_of(words.next.iter().map(Vec::len)), LIST_MAX)?;
        let of_next = words.next.iter().flatten().map(|it| it.word.len());
        most(
            "the length of a word",
            longest_of(lists.flatten().map(|it| it.word.len()).chain(of_next)),
            NAME_BYTES_MAX,
        )?;
    }
    for event in it.events.iter().flatten() {
        check_event(event, t)?;
    }
    if let Some(shuffled) = &it.shuffled {
        most("the number of statistics", shuffled.statistics.len(), LIST_MAX)?;
        let names = shuffled.statistics.iter().map(|it| it.name.len());
        most("the length of a statistic's name", longest_of(names), NAME_BYTES_MAX)?;
    }
    Ok(())
}

fn longest_of(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.max().unwrap_or(0)
}

/// Whether every token has at most `most` features, all of them below `width`.
fn check_features(what: &str, of_tokens: &[Vec<FeatureCode>], most: usize, width: usize) -> Result<(), DocumentError> {
    let longest = longest_of(of_tokens.iter().map(Vec::len));
    if longest > most {
        return Err(DocumentError::Inconsistent(format!("{what} has {longest} features of a token, at most {most}")));
    }
    match of_tokens.iter().flatten().find(|code| code.feature >= width) {
        Some(code) => {
            Err(DocumentError::Inconsistent(format!("{what} names feature {}, the SAE has {width}", code.feature)))
        }
        None => Ok(()),
    }
}

fn check_event(event: &Event, t: usize) -> Result<(), DocumentError> {
    let words = event.words.iter().chain(&event.expected);
    let is_possible = event.expectation_from <= t
        && event.words.len() <= LIST_MAX
        && event.expected.len() <= LIST_MAX
        && words.into_iter().all(|it| it.word.len() <= NAME_BYTES_MAX);
    if is_possible {
        Ok(())
    } else {
        Err(DocumentError::Inconsistent(format!("the event at token {} holds what no event has", event.first)))
    }
}
