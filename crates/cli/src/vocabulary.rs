//! Which tokens are words: whole words of letters that occur often enough in texts and say something by themselves.

use std::collections::HashSet;

use lens_analysis::words::STOP_WORDS;
use lens_pack::tokenizer::Vocabulary;
use lens_pack::words::SPACE;
use lens_train::Corpus;

/// Fewest letters of a word.
const LETTERS: usize = 3;

/// The letters that words are made of, and the words that are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language {
    /// A to z only.
    ascii: bool,
    /// English stop words are left out.
    stop_words: bool,
}

impl Language {
    /// Of names of languages as `en` or `de`: other languages than English have letters beyond A to z, and no list of words
    /// to leave out.
    pub fn of(languages: &[String]) -> Self {
        let english = |name: &String| name.eq_ignore_ascii_case("en");
        Self { ascii: languages.iter().all(english), stop_words: languages.iter().any(english) }
    }

    /// In words.
    pub fn rule(self) -> &'static str {
        match (self.ascii, self.stop_words) {
            (true, true) => "whole words of three and more letters A to z, without English stop words",
            (false, true) => "whole words of three and more letters, without English stop words",
            _ => "whole words of three and more letters, none left out: there is a list only for English",
        }
    }

    fn is_letter(self, c: char) -> bool {
        if self.ascii { c.is_ascii_alphabetic() } else { c.is_alphabetic() }
    }
}

/// How often each token stands for a whole word in the corpus: the token after it does not go on with a letter, as that
/// after "melod" in "melodious" does.
pub fn counts(corpus: &Corpus, pieces: &Vocabulary) -> Vec<u64> {
    let mut counts = vec![0; pieces.ids()];
    let goes_on = |id: &u32| pieces.piece(*id).is_some_and(|piece| piece.starts_with(char::is_alphabetic));
    for document in &corpus.documents {
        for (at, id) in document.ids.iter().enumerate() {
            if let Some(count) = counts.get_mut(*id as usize)
                && !document.ids.get(at + 1).is_some_and(goes_on)
            {
                *count += 1;
            }
        }
    }
    counts
}

/// Token ids and spellings of the words that occur at least `least` times, by id.
pub fn counted(pieces: &Vocabulary, counts: &[u64], least: u64, language: Language) -> Vec<(u32, String)> {
    let stop_words: HashSet<&str> = STOP_WORDS.split_whitespace().filter(|_| language.stop_words).collect();
    let word = |id: u32| {
        let word = pieces.piece(id)?.strip_prefix(SPACE)?;
        let is_word = word.chars().count() >= LETTERS && word.chars().all(|c| language.is_letter(c));
        (is_word && !stop_words.contains(word.to_lowercase().as_str())).then(|| (id, word.to_owned()))
    };
    let often = counts.iter().enumerate().filter(|(_, count)| **count >= least);
    often.filter_map(|(id, _)| word(id as u32)).collect()
}

/// Token ids and spellings of the tokens that occur at least `least` times and are none of `words` [by id].
pub fn pieces_beside(pieces: &Vocabulary, corpus: &Corpus, least: u64, words: &[(u32, String)]) -> Vec<(u32, String)> {
    let mut counts = vec![0u64; pieces.ids()];
    for document in &corpus.documents {
        // BOS comes before every text and never after one.
        for id in document.ids.iter().skip(1) {
            if let Some(count) = counts.get_mut(*id as usize) {
                *count += 1;
            }
        }
    }
    let often = counts.iter().enumerate().filter(|(_, count)| **count >= least).map(|(id, _)| id as u32);
    often
        .filter(|id| words.binary_search_by_key(id, |(id, _)| *id).is_err())
        .filter_map(|id| {
            let piece = pieces.piece(id)?;
            Some((id, piece.strip_prefix(SPACE).unwrap_or(piece).to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_frequent_and_say_something() -> Result<(), Box<dyn std::error::Error>> {
        let pieces = ["▁sea", "side", "▁The", "▁of", "▁größe", "▁bread", "▁ab1", "▁rare", "▁melod", "."];
        let lengths: Vec<u32> = pieces.iter().map(|piece| piece.len() as u32).collect();
        let vocabulary = Vocabulary::new(pieces.concat(), &lengths)?;
        let ids = vec![0, 9, 2, 3, 4, 5, 6, 0, 2, 3, 4, 5, 6, 7, 8, 1, 8, 1, 0, 1, 99];
        let document = lens_train::corpus::Document { kind: 0, ids };
        let corpus = Corpus { kinds: vec!["story".to_owned()], documents: vec![document], tokenizer: Vec::new() };
        let counts = counts(&corpus, &vocabulary);
        assert_eq!(counts, [2, 3, 2, 2, 2, 2, 2, 1, 0, 1], "of pieces that a letter follows only the others count");
        let words = |languages: &[&str]| -> Vec<String> {
            let languages: Vec<String> = languages.iter().map(|name| (*name).to_owned()).collect();
            counted(&vocabulary, &counts, 2, Language::of(&languages)).into_iter().map(|(_, word)| word).collect()
        };
        assert_eq!(words(&["en"]), ["sea", "bread"]);
        assert_eq!(words(&["en", "de"]), ["sea", "größe", "bread"]);
        assert_eq!(words(&["de"]), ["sea", "The", "größe", "bread"]);
        Ok(())
    }
}
