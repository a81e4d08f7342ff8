//! Readouts in words: what a part of the residual stream says when it is read through the unembedding, over a
//! vocabulary of words.
//!
//! score(w) = ((r - mean_r) * (1 + final norm)) . (W_U[w] - mean of the rows of the vocabulary), for a part r of the
//! residual stream whose mean over a corpus is mean_r. The device finds the highest scores; here near-duplicates are
//! folded, so that a list of eight words says eight things.

use serde::{Deserialize, Serialize};

use crate::finite;

/// Words per token and part in an analysis.
pub const TOKEN_WORDS: usize = 8;
/// Words per event.
pub const EVENT_WORDS: usize = 12;
/// Candidates per list to ask the device for, so that enough are left after folding.
pub const CANDIDATES: usize = 32;

/// Words of English that any text has, whatever it is about: a list of them says nothing. Separated by spaces.
pub const STOP_WORDS: &str = "about above across after again against all almost along already also although always among and \
    another any anybody anyhow anyone anything anyway anywhere are aren around away back became because become becomes \
    been before behind being below beneath beside besides between beyond both but came can cannot come comes coming could \
    couldn did didn does doesn doing don done down during each either else enough especially etc even ever every everybody \
    everyone everything everywhere except far few for from further gave get gets getting give given gives giving goes \
    going gone got had hadn has hasn have haven having hence her here hers herself him himself his how however indeed \
    instead into isn its itself just keep kept knew know known knows last least less let lets like likely little made \
    make makes making many may maybe might mine more moreover most mostly much must myself near nearly neither never \
    nevertheless next nobody none nor not nothing now nowhere off often once one ones only onto other others otherwise \
    ought our ours ourselves out over own per perhaps put quite rather really said same saw say saying says see seem \
    seemed seems seen shall she should shouldn since some somebody somehow someone something sometimes somewhere soon \
    still such take taken takes taking tell than that the their theirs them themselves then there therefore these they \
    thing things think this those though thought through throughout thus till to together told too took toward towards \
    two under unless until unto upon use used uses using very want wanted wants was wasn way ways well went were weren \
    what whatever when whenever where whereas wherever whether which whichever while who whoever whole whom whose why \
    will with within without won would wouldn yes yet you your yours yourself yourselves";

/// A word and its score in a readout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// Plain text, without the leading space mark.
    pub word: String,
    /// Its score, > 0.
    #[serde(with = "finite")]
    pub score: f32,
}

/// Whether `word` is one of [`STOP_WORDS`], in any case.
pub fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.split_whitespace().any(|it| it.eq_ignore_ascii_case(word))
}

/// Slurs, which a model has read in old books and on the web. A document keeps them, with their scores; where words are
/// listed for a reader they are left out: a readout is a hint, and none is needed that insults.
const SLURS: &str = "coolie coolies coon coons chink chinks darkie darkies darky faggot faggots gook gooks kike kikes mulatto \
    mulattoes negro negroes nigga niggas nigger niggers spic spics squaw squaws";

/// Whether `word` is shown to readers, in any case.
fn is_shown(word: &str) -> bool {
    !SLURS.split_whitespace().any(|it| it.eq_ignore_ascii_case(word))
}

/// The words alone, in a row, without slurs.
pub fn joined(words: &[Word]) -> String {
    words.iter().map(|it| it.word.as_str()).filter(|word| is_shown(word)).collect::<Vec<_>>().join(", ")
}

/// A word that may come next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NextWord {
    /// Plain text, without the leading space mark.
    pub word: String,
    /// Its probability among the words and pieces of the pack's vocabulary.
    #[serde(with = "finite")]
    pub probability: f32,
}

/// The words of a text, T tokens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Words {
    /// Words in the vocabulary that the lists are chosen from.
    pub vocabulary: usize,
    /// What the past foretold at each token: the readout of the predictable part [T][at most 8], best first. Empty
    /// at BOS, at the token after it, and where nothing is foretold yet, or only what the start of any text foretells.
    pub predictable: Vec<Vec<Word>>,
    /// What each token added: the readout of the novel part [T][at most 8], best first. Empty at BOS.
    pub novel: Vec<Vec<Word>>,
    /// The likeliest next words after each token, as seen from the target layer through the pack's fitted lens
    /// [T][at most 8], likeliest first; none at all without a lens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<Vec<NextWord>>,
}

/// A readout of one token.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TokenWords {
    /// Of the predictable part.
    pub predictable: Vec<Word>,
    /// Of the novel part.
    pub novel: Vec<Word>,
    /// The likeliest next words, through a fitted lens.
    pub next: Vec<NextWord>,
    /// What the token before it made of it, through a fitted lens.
    pub came: Option<Came>,
}

/// What the lens made, at the token before, of the token that came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Came {
    /// The token's logit.
    pub logit: f32,
    /// The largest logit of words and pieces.
    pub largest: f32,
    /// Sum of exp(logit - largest) over words and pieces.
    pub sum: f32,
}

impl Came {
    /// Surprise in nats: minus the logarithm of the token's probability among words, pieces and, where it `is_listed`
    /// as neither, itself.
    pub fn surprise(self, is_listed: bool) -> f32 {
        let own = (self.logit - self.largest).exp();
        let sum = if is_listed { self.sum } else { self.sum + own };
        sum.ln() - (self.logit - self.largest)
    }
}

/// The best `count` of `candidates` (index of a word and its score, in the order of indices), near-duplicates folded
/// into the best of them: scores above 0 alone, highest first, ties in the order of the candidates.
pub fn ranked<'a>(
    candidates: impl IntoIterator<Item = (usize, f32)>,
    spelling: impl Fn(usize) -> &'a str,
    count: usize,
) -> Vec<(usize, f32)> {
    let mut all: Vec<(usize, f32)> = candidates.into_iter().filter(|(_, score)| *score > 0.0).collect();
    // Stable: ties stay in the order of the candidates.
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut stems: Vec<String> = Vec::with_capacity(count);
    let mut best = Vec::with_capacity(count);
    for (index, score) in all {
        if best.len() == count {
            break;
        }
        let stem = stem(spelling(index));
        if !stems.contains(&stem) {
            stems.push(stem);
            best.push((index, score));
        }
    }
    best
}

/// Mean cosine similarity of the rows of `rows` [n, d] with each other, 0 for fewer than two: how much the words of a
/// list have in common. The rows are those of the unembedding, less the mean of the vocabulary.
pub fn coherence(rows: &[f32], d: usize) -> f32 {
    let rows: Vec<&[f32]> = rows.chunks_exact(d.max(1)).collect();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let norms: Vec<f64> = rows.iter().map(|row| dot(row, row).sqrt()).collect();
    let mut sum = 0.0;
    let mut pairs = 0usize;
    for (j, b) in rows.iter().enumerate() {
        for (i, a) in rows[..j].iter().enumerate() {
            sum += dot(a, b) / (norms[i] * norms[j]).max(f64::MIN_POSITIVE);
            pairs += 1;
        }
    }
    if pairs == 0 { 0.0 } else { (sum / pairs as f64) as f32 }
}

/// The yardstick of readouts: for each row of `rows` [T, d] the mean of the at most `window` rows before it, the first
/// row (BOS) left out; zeros where there is none.
pub fn running_means(rows: &[f32], d: usize, window: usize) -> Vec<f32> {
    let mut means = vec![0f32; rows.len()];
    for (t, mean) in means.chunks_exact_mut(d.max(1)).enumerate() {
        let before = t.saturating_sub(window).max(1)..t;
        for row in before.clone() {
            mean.iter_mut().zip(&rows[row * d..]).for_each(|(sum, value)| *sum += value / before.len() as f32);
        }
    }
    means
}

/// Endings that make no other word of it, without the plural's.
const ENDINGS: [&str; 4] = ["ation", "ing", "ed", "ly"];
/// Letters that a stem has at least.
const STEM_LEAST: usize = 3;
/// Words in -er that are another word without it.
const NOT_FROM_VERBS: &str = "batter better bitter butter chapter coffer consider copper corner counter cover differ dinner feather flatter \
    flower flutter former foster gather hammer ladder latter layer leather letter litter manner master matter meter mother number nursery \
    offer order other otter paper pepper ponder poster proper quarter rather river rubber shelter shower shutter silver slipper stagger summer \
    supper surgery tower utter wander water weather whether winter";
/// Words in -ly that are not another one's adverb; they keep it.
const NOT_ADVERBS: &str = "ally apply assembly bully butterfly comply daily early emily family folly holy imply italy july lily melancholy \
    monopoly multiply rally rely reply sally supply ugly";
/// Words in -ed of a verb in -ee; others, as "speed", are not.
const OF_EE: &str = "agreed decreed disagreed freed guaranteed";
/// Words in -est that are forms of the word without it; others, as "forest", are not.
const SUPERLATIVES: &str = "biggest brightest closest coldest darkest dearest deepest earliest easiest eldest farthest fastest finest fullest \
    greatest happiest hardest highest kindest largest latest longest lowest nearest newest nicest oldest poorest prettiest richest safest \
    shortest simplest slightest smallest strongest sweetest tallest toughest warmest weakest wealthiest wildest youngest";

/// What words that differ only in case, ending or spelling (British and American) have in common. It need not be a
/// word itself.
pub fn stem(word: &str) -> String {
    let is_of = |list: &str, word: &str| list.split_whitespace().any(|it| it == word);
    let leaves_stem = |rest: &str| rest.chars().count() >= STEM_LEAST;
    let mut stem = word.to_lowercase();
    if let Some(rest) = stem.strip_prefix("grey").filter(|rest| matches!(*rest, "" | "s" | "ed" | "ing" | "ish")) {
        stem = format!("gray{rest}");
    }
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
    if is_of(SUPERLATIVES, &stem) {
        // earliest, early; biggest, big.
        cut(&mut stem, "est");
    } else if ["ies", "ied"].iter().any(|ending| stem.strip_suffix(ending).is_some_and(leaves_stem)) {
        // carries and carried, carry.
        stem.replace_range(stem.len() - 3.., "y");
    } else if !stem.ends_with("ss") && stem.strip_suffix('s').is_some_and(leaves_stem) {
        stem.pop();
    }
    let ending = ENDINGS.iter().find(|ending| {
        // Of "speed" and "reply" the ending is a part.
        let is_part = stem.ends_with("eed") && !is_of(OF_EE, &stem) || is_of(NOT_ADVERBS, &stem);
        !is_part && stem.strip_suffix(**ending).is_some_and(leaves_stem)
    });
    if let Some(ending) = ending {
        cut(&mut stem, ending);
    }
    if is_of(NOT_ADVERBS, &stem) {
        return stem;
    }
    // What is left of "generation" is no verb in -er.
    let mut keeps_er = ending == Some(&"ation") || is_of(NOT_FROM_VERBS, &stem);
    // Before -er: interfere, interfered; delivery, deliver.
    cut_vowels(&mut stem);
    keeps_er |= is_of(NOT_FROM_VERBS, &stem);
    if !keeps_er && stem.strip_suffix("er").is_some_and(leaves_stem) {
        cut(&mut stem, "er");
        cut_vowels(&mut stem);
    }
    // travelled, traveled; but sell, and tall, which is not tale.
    if stem.len() > 5 && stem.ends_with("ll") {
        stem.pop();
    }
    stem
}

/// Cuts an ending that is there, and what it doubled or changed: stopping, stop; but selling, sell, and stuffed, stuff.
fn cut(stem: &mut String, ending: &str) {
    stem.truncate(stem.len() - ending.len());
    if let [.., a, b] = stem.as_bytes()
        && a == b
        && stem.len() > STEM_LEAST
        && ending != "ly"
        && !matches!(b, b'l' | b's' | b'e' | b'o' | b'f' | b'z')
    {
        stem.pop();
    }
    if ending == "est" && stem.ends_with('i') {
        stem.replace_range(stem.len() - 1.., "y");
    }
}

/// bake, baking; carry, carrying.
fn cut_vowels(stem: &mut String) {
    while stem.len() > STEM_LEAST && stem.ends_with(['e', 'y', 'i']) {
        stem.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slurs_are_not_listed() {
        let words = ["boat", "Negro", "sailor"].map(|word| Word { word: word.to_owned(), score: 1.0 });
        assert_eq!(joined(&words), "boat, sailor");
    }

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
            &["travel", "traveled", "travelled", "traveling", "travelling", "travelers"],
            &["forest", "forests"],
            &["priest", "priests"],
            &["interest", "interests", "interested"],
            &["request", "requests", "requested"],
            &["protest", "protests", "protested"],
            &["reply", "replies", "replied", "replying"],
            &["family", "families"],
            &["cliff", "cliffs"],
            &["stuff", "stuffed", "stuffing"],
            &["border", "borders", "bordered"],
            &["discover", "discovered", "discovering"],
            &["number", "numbers", "numbered"],
            &["expose", "exposed", "exposing"],
            &["reverse", "reversed", "reverses"],
            &["sphere", "spheres"],
            &["interfere", "interfered", "interfering"],
            &["universe", "universes"],
            &["deliver", "delivered", "delivery", "deliveries"],
            &["proceed", "proceeded", "proceeding"],
            &["agree", "agreed", "agrees"],
            &["close", "closer", "closest"],
            &["low", "lower", "lowest", "lowered"],
            &["happy", "happier", "happiest", "happily"],
            &["early", "earliest"],
            &["multiply", "multiplied", "multiplying"],
            &["large", "larger", "largest"],
            &["big", "bigger", "biggest"],
            &["gray", "grey"],
        ] {
            let stems: Vec<String> = group.iter().map(|word| stem(word)).collect();
            assert!(stems.iter().all(|it| *it == stems[0]), "{group:?}: {stems:?}");
        }
    }

    #[test]
    fn other_words_have_other_stems() {
        let words = [
            "sea",
            "seal",
            "coast",
            "cost",
            "boat",
            "boot",
            "glass",
            "gas",
            "kitchen",
            "kite",
            "flour",
            "flood",
            "wind",
            "wine",
            "hospital",
            "hospice",
            "oven",
            "over",
            "nun",
            "bread",
            "bed",
            "string",
            "king",
            "corn",
            "corner",
            "flow",
            "flower",
            "mast",
            "master",
            "show",
            "shower",
            "count",
            "counter",
            "tall",
            "tale",
            "sum",
            "summer",
            "harvest",
            "earn",
            "earnest",
            "gene",
            "generation",
            "convey",
            "conversation",
            "wand",
            "wander",
            "apple",
            "apply",
            "bull",
            "bully",
            "multiple",
            "multiply",
            "earl",
            "early",
            "nurse",
            "nursery",
            "surge",
            "surgery",
            "speed",
        ];
        let mut stems: Vec<String> = words.iter().map(|word| stem(word)).collect();
        stems.sort();
        stems.dedup();
        assert_eq!(stems.len(), words.len(), "{stems:?}");
    }

    #[test]
    fn lists_are_ranked_and_folded_and_ties_stay_in_order() {
        let vocabulary = ["sails", "sea", "coast", "sail", "no", "nan"];
        let candidates = [2.0, 1.0, 1.0, 3.0, 0.0, f32::NAN].into_iter().enumerate();
        let best = ranked(candidates.clone(), |i| vocabulary[i], 8);
        assert_eq!(best, [(3, 3.0), (1, 1.0), (2, 1.0)]);
        assert_eq!(ranked(candidates, |i| vocabulary[i], 1), [(3, 3.0)]);
    }

    #[test]
    fn surprise_is_minus_the_logarithm_of_the_probability() {
        // Logits 2 and 1, largest 2; the token that came is the second, or another one of logit 1.
        let came = Came { logit: 1.0, largest: 2.0, sum: 1.0 + (-1f32).exp() };
        let e = std::f32::consts::E;
        assert!((came.surprise(true) + (e / (e * e + e)).ln()).abs() < 1e-6);
        assert!((came.surprise(false) + (e / (e * e + 2.0 * e)).ln()).abs() < 1e-6);
    }

    #[test]
    fn running_means_look_back_only_and_leave_bos_out() {
        let rows = [100.0, 1.0, 3.0, 5.0, 7.0];
        assert_eq!(running_means(&rows, 1, 2), [0.0, 0.0, 1.0, 2.0, 4.0]);
        assert_eq!(running_means(&rows, 1, 9), [0.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(running_means(&[], 3, 2), [0f32; 0]);
    }

    #[test]
    fn coherence_is_the_mean_cosine_of_pairs() {
        assert_eq!(coherence(&[1.0, 0.0, 0.0, 2.0], 2), 0.0);
        assert!((coherence(&[1.0, 1.0, 3.0, 3.0, 0.5, 0.5], 2) - 1.0).abs() < 1e-6);
        // Pairs: same, at right angles, at right angles.
        assert!((coherence(&[1.0, 0.0, 2.0, 0.0, 0.0, 1.0], 2) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!((coherence(&[1.0, 2.0], 2), coherence(&[], 2), coherence(&[0.0; 4], 2)), (0.0, 0.0, 0.0));
    }
}
