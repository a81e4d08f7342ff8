//! How many tokens a text has, before its tokenizer is here: an estimate for the eye, and a number that it certainly has.

use crate::format::number;

/// Tokens of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenCount {
    /// It has no fewer: but for one that closes a tag of HTML, no token of Gemma's reaches over the space between two words.
    pub least: usize,
    /// About so many: within a tenth for English prose, dialogue and code.
    pub about: usize,
}

/// How much of a token a letter is worth where each is a word or nearly so (Chinese, Japanese, Korean), and in other scripts
/// than Latin.
const IDEOGRAPH: f64 = 0.75;
const OTHER_SCRIPT: f64 = 0.25;
/// Longer Latin words fall into parts: so much of a token for each letter past the fifth.
const LONG_WORD: f64 = 0.1;
const SHORT_WORD: usize = 5;
/// The estimate of what is kept of a text stays so far below the limit: it may be a tenth too low.
const MARGIN: f64 = 0.9;

/// What ends a sentence.
const SENTENCE_ENDS: [char; 7] = ['.', '!', '?', '\n', '。', '！', '？'];

/// What a run of characters is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Word,
    /// White space that is more than a single space, which belongs to the word behind it.
    Space(char),
    /// A digit or a sign, each a token.
    Single,
}

/// Of a text.
pub fn token_count(text: &str) -> TokenCount {
    TokenCount { least: text.split_whitespace().count(), about: weigh(text).round() as usize }
}

/// e.g. "about 312 of 2,048 tokens"; nothing of an empty text.
pub fn sentence(count: TokenCount, most: usize) -> Option<String> {
    let [about, limit] = [count.about, most].map(|it| number::count(it as u64));
    match count {
        TokenCount { least: 0, .. } => None,
        TokenCount { about: n, .. } if n > most => {
            Some(format!("about {about} tokens; at most {limit} can be analyzed"))
        }
        _ => Some(format!("about {about} of {limit} tokens")),
    }
}

/// The beginning of a text that is about as long as can be analyzed; it ends with a sentence where one ends in its last
/// quarter, else with a word, and inside a word that is too long by itself.
pub fn beginning(text: &str, most: usize) -> &str {
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let fits = |end: &usize| weigh(&text[..*end]) <= MARGIN * most as f64;
    let fitting = &text[..ends.partition_point(fits).checked_sub(1).map_or(0, |last| ends[last])];
    if fitting.len() == text.len() {
        return text;
    }
    let is_whole = text[fitting.len()..].starts_with(char::is_whitespace);
    let word = if is_whole { fitting.len() } else { fitting.rfind(char::is_whitespace).unwrap_or(fitting.len()) };
    let kept = if fitting[..word].trim().is_empty() { fitting } else { fitting[..word].trim_end() };
    let sentence = kept.char_indices().rfind(|(_, c)| SENTENCE_ENDS.contains(c)).map_or(0, |(at, c)| at + c.len_utf8());
    if 4 * sentence >= 3 * kept.len() { kept[..sentence].trim_end() } else { kept }
}

fn weigh(text: &str) -> f64 {
    let mut weight = 1.0;
    let (mut before, mut letters) = (None, 0);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let run = if c.is_alphabetic() {
            Run::Word
        } else if c == ' ' && before != Some(Run::Space(' ')) && characters.peek() != Some(&' ') {
            // It is a part of the word behind it.
            before = None;
            letters = 0;
            continue;
        } else if c.is_whitespace() {
            Run::Space(c)
        } else {
            Run::Single
        };
        letters = if run == Run::Word && before == Some(Run::Word) { letters + 1 } else { 0 };
        weight += match run {
            Run::Word => word(c, letters),
            Run::Space(_) if before == Some(run) => 0.0,
            Run::Space(_) | Run::Single => 1.0,
        };
        before = Some(run);
    }
    weight
}

/// What a letter adds that comes after so many others of its word.
fn word(c: char, letters: usize) -> f64 {
    match u32::from(c) {
        0x2e80.. => IDEOGRAPH,
        _ if letters == 0 => 1.0,
        0x250.. => OTHER_SCRIPT,
        _ if letters >= SHORT_WORD => LONG_WORD,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_analysis::Analysis;

    #[test]
    fn the_examples_have_about_as_many_tokens_as_estimated() {
        for json in [
            include_str!("../../../../demo/examples/two-events.json"),
            include_str!("../../../../demo/examples/dialogue.json"),
            include_str!("../../../../demo/examples/news.json"),
            include_str!("../../../../demo/examples/code.json"),
            include_str!("../../../../demo/examples/poem.json"),
            include_str!("../../../../demo/examples/long-passage.json"),
        ] {
            let analysis = Analysis::from_json(json).unwrap();
            let (count, tokens) = (token_count(&analysis.text), analysis.tokens.len());
            let off = (count.about as f64 - tokens as f64).abs() / tokens as f64;
            assert!(off < 0.1, "{} of {tokens}: {}", count.about, &analysis.text[..30]);
            assert!(count.least <= tokens, "{} of {tokens}", count.least);
        }
    }

    #[test]
    fn the_estimate_is_shown_with_the_limit() {
        let said = |text: &str| sentence(token_count(text), 10);
        assert_eq!((said(""), said(" \n ")), (None, None));
        assert_eq!(said("one two").as_deref(), Some("about 3 of 10 tokens"));
        assert_eq!(said("1234567890").as_deref(), Some("about 11 tokens; at most 10 can be analyzed"));
        assert_eq!(token_count("天地玄黃").about, 4);
    }

    #[test]
    fn what_is_kept_ends_with_a_sentence_or_a_word_and_fits() {
        let text = "One two three. Four five six seven. Eight nine ten eleven twelve.";
        assert_eq!(beginning(text, 100), text);
        assert_eq!(beginning(text, 13), "One two three. Four five six seven.");
        assert_eq!(beginning("one two three four five", 4), "one two");
        assert_eq!(beginning("天地 玄黃宇宙洪荒", 4), "天地");
        assert_eq!(beginning("", 4), "");
        // A text without spaces is cut inside, and never to nothing.
        let ideographs = "漢".repeat(4000);
        let kept = beginning(&ideographs, 2048);
        assert!(kept.len() > 3 * 2000 && token_count(kept).about < 2048, "{}", kept.len());
        assert_eq!(beginning("  漢漢漢漢漢漢漢漢。漢漢", 11), "  漢漢漢漢漢漢漢漢。");
        for most in 1..40 {
            assert!(token_count(beginning(text, most)).about <= most.max(1), "{most}");
        }
    }
}
