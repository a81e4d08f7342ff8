//! An [`Analysis`] and its file.

use std::borrow::Cow;

use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize, Serializer};

use crate::analysis::{Analysis, Energy, Event, FeatureCode, ModelInfo, Selected, SimilarityStats, TokenSource};
use crate::attention::Attention;
use crate::document::bounds;
use crate::document::error::{DocumentError, is_not_json};
use crate::document::fields::{AnalysisRead, Entry};
use crate::document::triangle::{AttentionWritten, GramsWritten};
use crate::shuffled::Shuffled;
use crate::words::Words;
use crate::{gram, nan_as_null, similarity};

/// Value of a file's `format`.
pub const FORMAT: &str = "temporal-lens-analysis/2";
/// The format before it, which lacked words, events, sources and predictable features. It is still read.
pub const FORMAT_1: &str = "temporal-lens-analysis/1";
/// All that are read.
const FORMATS: &[&str] = &[FORMAT, FORMAT_1];

/// A file to be written: serialize it.
#[derive(Debug, Clone, Copy)]
pub struct AnalysisFile<'a> {
    analysis: &'a Analysis,
    attention: Option<&'a Attention>,
    shuffled: Option<&'a Shuffled>,
    has_similarity: bool,
    has_grams: bool,
}

impl<'a> AnalysisFile<'a> {
    /// With all there is.
    pub fn whole(analysis: &'a Analysis) -> Self {
        let (attention, shuffled) = (analysis.attention.as_ref(), analysis.shuffled.as_ref());
        Self { analysis, attention, shuffled, has_similarity: true, has_grams: true }
    }

    /// Without the similarity matrix where the Gram matrices are there, from which it follows.
    pub fn compact(analysis: &'a Analysis) -> Self {
        Self { has_similarity: analysis.grams.is_none(), ..Self::whole(analysis) }
    }

    /// Without Gram matrices, with the similarity matrix.
    pub fn without_grams(analysis: &'a Analysis) -> Self {
        Self { has_grams: false, ..Self::whole(analysis) }
    }

    /// With these attention weights where the analysis has none of its own.
    pub fn or_attention(self, attention: Option<&'a Attention>) -> Self {
        Self { attention: self.attention.or(attention), ..self }
    }

    /// With these statistics of shuffled orders where the analysis has none of its own.
    pub fn or_shuffled(self, shuffled: Option<&'a Shuffled>) -> Self {
        Self { shuffled: self.shuffled.or(shuffled), ..self }
    }
}

impl Serialize for AnalysisFile<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let it = self.analysis;
        Written {
            similarity: (self.has_similarity && !it.tokens.is_empty()).then_some(SimilarityRows(it)),
            attention: self.attention.map(AttentionWritten::of),
            grams: it.grams.as_ref().filter(|_| self.has_grams).map(GramsWritten::of),
            shuffled: self.shuffled,
            ..Written::header(it)
        }
        .serialize(serializer)
    }
}

/// The fields in their order in a file.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    format: &'static str,
    text: &'a str,
    model: &'a ModelInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    inf_k: Option<usize>,
    token_ids: &'a [u32],
    tokens: &'a [String],
    #[serde(with = "nan_as_null")]
    variance_explained: f32,
    l0_novel: &'a [usize],
    l0_pred: &'a [usize],
    l0_total: &'a [usize],
    selected: Option<Selected>,
    #[serde(skip_serializing_if = "Option::is_none")]
    similarity: Option<SimilarityRows<'a>>,
    similarity_stats: SimilarityStats,
    novel_top: &'a [Vec<FeatureCode>],
    #[serde(skip_serializing_if = "Option::is_none")]
    pred_top: Option<&'a [Vec<FeatureCode>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<&'a [Vec<TokenSource>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<&'a [Event]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<&'a Words>,
    #[serde(skip_serializing_if = "Option::is_none")]
    surprise: Option<Vec<Entry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shuffled: Option<&'a Shuffled>,
    #[serde(skip_serializing_if = "Option::is_none")]
    energy: Option<&'a Energy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attention: Option<AttentionWritten<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grams: Option<GramsWritten<'a>>,
}

impl<'a> Written<'a> {
    /// All but matrices.
    pub(super) fn header(it: &'a Analysis) -> Self {
        Self {
            format: FORMAT,
            text: &it.text,
            model: &it.model,
            inf_k: it.inf_k,
            token_ids: &it.token_ids,
            tokens: &it.tokens,
            variance_explained: it.variance_explained,
            l0_novel: &it.l0_novel,
            l0_pred: &it.l0_pred,
            l0_total: &it.l0_total,
            selected: it.selected,
            similarity: None,
            similarity_stats: it.similarity_stats,
            novel_top: &it.novel_top,
            pred_top: it.pred_top.as_deref(),
            sources: it.sources.as_deref(),
            events: it.events.as_deref(),
            words: it.words.as_ref(),
            surprise: it.surprise.as_ref().map(|values| values.iter().copied().map(Entry).collect()),
            shuffled: it.shuffled.as_ref(),
            energy: it.energy.as_ref(),
            attention: None,
            grams: None,
        }
    }
}

/// The similarity matrix of predictable codes [T][T], a row at a time.
struct SimilarityRows<'a>(&'a Analysis);

impl Serialize for SimilarityRows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.tokens.len()))?;
        for row in similarity::document_rows(self.0) {
            let row: Vec<Entry> = row.into_iter().map(Entry).collect();
            rows.serialize_element(&row)?;
        }
        rows.end()
    }
}

impl AnalysisRead<'_> {
    /// The analysis, once all fits. A header is without matrices.
    pub(super) fn checked(self, is_header: bool) -> Result<Analysis, DocumentError> {
        if !FORMATS.contains(&self.format.as_str()) {
            return Err(DocumentError::Format { found: self.format, read: FORMATS });
        }
        let t = self.token_ids.len();
        bounds::check(&self, t)?;
        let is_derived = self.similarity.is_empty() && (is_header || self.grams.is_some());
        let lengths = [
            ("tokens", self.tokens.len()),
            ("l0_novel", self.l0_novel.len()),
            ("l0_pred", self.l0_pred.len()),
            ("l0_total", self.l0_total.len()),
            ("similarity", if is_derived { t } else { self.similarity.len() }),
            ("novel_top", self.novel_top.len()),
            ("pred_top", self.pred_top.as_ref().map_or(t, Vec::len)),
            ("sources", self.sources.as_ref().map_or(t, Vec::len)),
            ("surprise", self.surprise.as_ref().map_or(t, Vec::len)),
            ("words.predictable", self.words.as_ref().map_or(t, |words| words.predictable.len())),
            ("words.novel", self.words.as_ref().map_or(t, |words| words.novel.len())),
            (
                "words.next",
                self.words.as_ref().filter(|words| !words.next.is_empty()).map_or(t, |words| words.next.len()),
            ),
        ];
        for (name, length) in lengths {
            if length != t {
                return Err(DocumentError::Inconsistent(format!("{name} has {length} entries, token_ids has {t}")));
            }
        }
        if let Some(row) = self.similarity.iter().find(|row| row.len() != t) {
            return Err(DocumentError::Inconsistent(format!(
                "a row of similarity has {} entries, token_ids has {t}",
                row.len()
            )));
        }
        if self.selected.is_some_and(|s| s.position >= t) {
            return Err(DocumentError::Inconsistent("the selected position lies past the last token".to_owned()));
        }
        if self.sources.iter().flatten().flatten().any(|source| source.position >= t) {
            return Err(DocumentError::Inconsistent("a source lies past the last token".to_owned()));
        }
        check_events(self.events.as_deref(), t)?;
        if let Some(energy) = &self.energy {
            for figures in [&energy.residual, &energy.error, &energy.predictable, &energy.novel] {
                if figures.len() != t {
                    return Err(DocumentError::Inconsistent(format!(
                        "energy has {} entries, token_ids has {t}",
                        figures.len()
                    )));
                }
            }
        }
        let attention = self.attention.map(|attention| attention.weights(t)).transpose()?;
        let grams = self.grams.map(|grams| grams.matrices(t)).transpose()?;
        // What follows from the Gram matrix need not be kept beside it.
        let follows = |saved: &[Vec<Entry>]| {
            grams.as_ref().is_some_and(|grams| {
                let mut rows = gram::cosine_rows(&grams.predictable).zip(saved);
                rows.all(|(row, saved)| row.iter().zip(saved).all(|(a, b)| is_same(*a, b.0)))
            })
        };
        let saved_similarity = (!is_derived && !follows(&self.similarity))
            .then(|| self.similarity.iter().flatten().map(|entry| entry.0).collect());
        Ok(Analysis {
            text: self.text,
            model: self.model,
            inf_k: self.inf_k,
            token_ids: self.token_ids,
            tokens: self.tokens,
            variance_explained: self.variance_explained,
            l0_novel: self.l0_novel,
            l0_pred: self.l0_pred,
            l0_total: self.l0_total,
            selected: self.selected,
            similarity_stats: self.similarity_stats,
            novel_top: self.novel_top,
            pred_top: self.pred_top,
            sources: self.sources,
            events: self.events,
            words: self.words,
            surprise: self.surprise.map(|values| values.into_iter().map(|entry| entry.0).collect()),
            shuffled: self.shuffled,
            energy: self.energy,
            attention,
            grams,
            saved_similarity,
        })
    }
}

/// Whether events follow each other through a text of `t` tokens.
fn check_events(events: Option<&[Event]>, t: usize) -> Result<(), DocumentError> {
    let Some(events) = events else { return Ok(()) };
    // BOS is in no event, unless it is all there is.
    let mut next = usize::from(t > 1);
    for event in events {
        if event.first != next || event.last < event.first || event.last >= t || event.expectation_from < event.first {
            return Err(DocumentError::Inconsistent(format!(
                "the event from token {} to {} does not follow the one before it",
                event.first, event.last
            )));
        }
        next = event.last + 1;
    }
    if next == t {
        Ok(())
    } else {
        Err(DocumentError::Inconsistent(format!("the events end at token {next}, the text has {t} tokens")))
    }
}

/// Whether both are written the same: what is not finite is null.
fn is_same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || !a.is_finite() && !b.is_finite()
}

/// The format that a document names, for those whose other fields are of another format, too.
pub(super) fn format_of(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        format: Cow<'a, str>,
    }
    serde_json::from_str::<Head<'_>>(text).ok().map(|head| head.format.into_owned())
}

/// Why `text` was not read as a document of one of the formats `read`.
pub(super) fn unread(text: &str, error: serde_json::Error, read: &'static [&'static str]) -> DocumentError {
    match format_of(text) {
        Some(found) if !read.contains(&found.as_str()) => DocumentError::Format { found, read },
        None if is_not_json(text) => DocumentError::NotJson,
        _ => error.into(),
    }
}

impl Analysis {
    /// Reads a file and checks that its fields fit each other. The text is untrusted.
    ///
    /// # Errors
    /// [`DocumentError`], as a sentence for the person who opened the file.
    pub fn from_json(text: &str) -> Result<Self, DocumentError> {
        match serde_json::from_str::<AnalysisRead<'_>>(text) {
            Ok(read) => read.checked(false),
            Err(error) => Err(unread(text, error, FORMATS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::comparison::Comparison;
    use crate::document::ComparisonFile;
    use crate::example;
    use crate::words::{NextWord, Word};

    fn read(file: AnalysisFile<'_>) -> Analysis {
        Analysis::from_json(&serde_json::to_string(&file).unwrap()).unwrap()
    }

    #[test]
    fn an_analysis_survives_each_form_of_its_file() {
        let it = example::analysis();
        assert_eq!(read(AnalysisFile::whole(&it)), it);
        assert_eq!(read(AnalysisFile::compact(&it)), it);
        let saved = read(AnalysisFile::without_grams(&it));
        assert_eq!(saved.grams, None);
        assert_eq!(saved.saved_similarity, Some(similarity::document_rows(&it).flatten().collect()));
        // Where nothing else gives it, compact leaves nothing out.
        assert_eq!(read(AnalysisFile::compact(&saved)), saved);
    }

    #[test]
    fn words_and_events_come_along_and_those_that_do_not_fit_are_refused() {
        let mut it = example::analysis();
        let t = it.tokens.len();
        let word = |word: &str| Word { word: word.to_owned(), score: 1.5 };
        let event = |first, last| Event {
            first,
            last,
            expectation_from: first,
            words: vec![word("tide")],
            expected: Vec::new(),
            coherence: Some(0.25),
            unclear: false,
        };
        it.words = Some(Words {
            vocabulary: 9,
            predictable: vec![vec![word("sea")]; t],
            novel: vec![Vec::new(); t],
            next: vec![vec![NextWord { word: "out".to_owned(), probability: 0.5 }]; t],
        });
        it.pred_top = Some(vec![vec![FeatureCode { feature: 2, value: -0.5 }]; t]);
        it.sources = Some(vec![vec![TokenSource { position: 1, weight: 0.75 }]; t]);
        it.surprise = Some(vec![2.5; t]);
        it.events = Some(vec![event(1, 2), event(3, 4)]);
        let file = serde_json::to_value(AnalysisFile::whole(&it)).unwrap();
        assert_eq!(file["words"]["predictable"][1][0]["word"], "sea");
        assert_eq!(file["events"][1]["first"], 3);
        assert_eq!(Analysis::from_json(&file.to_string()).unwrap(), it);
        for (place, value, words) in [
            ("/words/novel", serde_json::json!([]), "words.novel has 0 entries"),
            ("/surprise", serde_json::json!([1.0]), "surprise has 1 entries"),
            ("/sources/1/0/position", serde_json::json!(5), "a source lies past the last token"),
            ("/events/1/first", serde_json::json!(4), "does not follow"),
            ("/events/1/last", serde_json::json!(5), "does not follow"),
            ("/events/1/last", serde_json::json!(3), "the events end at token 4"),
        ] {
            let mut wrong = file.clone();
            *wrong.pointer_mut(place).unwrap() = value;
            let problem = Analysis::from_json(&wrong.to_string()).unwrap_err().to_string();
            assert!(problem.contains(words), "{place}: {problem}");
        }
    }

    #[test]
    fn a_similarity_that_does_not_follow_from_the_gram_matrix_stays_as_it_was() {
        let it = example::analysis();
        let mut file = serde_json::to_value(AnalysisFile::whole(&it)).unwrap();
        file["similarity"][1][2] = serde_json::json!(0.5);
        let odd = Analysis::from_json(&file.to_string()).unwrap();
        assert_eq!(odd.saved_similarity.as_ref().map(|values| values[5 + 2]), Some(0.5));
        assert_eq!(serde_json::to_value(AnalysisFile::whole(&odd)).unwrap(), file);
    }

    #[test]
    fn numbers_that_are_not_finite_are_null() {
        let mut it = example::analysis();
        it.variance_explained = f32::NAN;
        let mut saved: Vec<f32> = similarity::document_rows(&it).flatten().collect();
        saved[3] = f32::INFINITY;
        it.saved_similarity = Some(saved);
        let file = serde_json::to_value(AnalysisFile::whole(&it)).unwrap();
        assert!(file["variance_explained"].is_null() && file["similarity"][0][3].is_null());
        let back = Analysis::from_json(&file.to_string()).unwrap();
        assert!(back.variance_explained.is_nan() && back.saved_similarity.unwrap()[3].is_nan());
    }

    #[test]
    fn attention_comes_along_and_one_that_does_not_fit_is_refused() {
        let mut it = example::analysis();
        let t = it.tokens.len();
        let levels = Attention::levels_of(&vec![0.5; t * t], t);
        let added = Attention::new(1, 1, t, vec![levels]).unwrap();
        let file = serde_json::to_value(AnalysisFile::whole(&it).or_attention(Some(&added))).unwrap();
        it.attention = Some(added);
        assert_eq!(file, serde_json::to_value(AnalysisFile::whole(&it)).unwrap());
        assert_eq!(Analysis::from_json(&file.to_string()).unwrap(), it);
        for (field, value) in [
            ("layers", serde_json::json!(2)),
            ("layers", serde_json::json!(usize::MAX)),
            ("weights", serde_json::json!(["?"])),
            ("weights", serde_json::json!(["AA=="])),
            ("weights", serde_json::json!(["AAA="])),
        ] {
            let mut wrong = file.clone();
            wrong["attention"][field] = value;
            let problem = Analysis::from_json(&wrong.to_string()).unwrap_err();
            assert!(problem.to_string().contains("attention"), "{problem}");
        }
    }

    /// A Gram matrix of the example's tokens, of which the last entry is `value`.
    fn base64_of(value: f32) -> String {
        let t = example::analysis().tokens.len();
        let mut entries = vec![1f32; t * (t + 1) / 2];
        entries.pop();
        entries.push(value);
        STANDARD.encode(entries.iter().flat_map(|entry| entry.to_le_bytes()).collect::<Vec<u8>>())
    }

    #[test]
    fn a_file_that_ends_in_its_middle_is_called_cut_short() {
        let whole = serde_json::to_string(&AnalysisFile::whole(&example::analysis())).unwrap();
        assert!(Analysis::from_json(&whole).is_ok());
        for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            let problem = Analysis::from_json(&whole[..end]).unwrap_err();
            assert!(matches!(problem, DocumentError::CutShort), "{end}: {problem}");
        }
    }

    #[test]
    fn files_that_contradict_themselves_are_refused_in_a_sentence() {
        let mut whole = example::analysis();
        let t = whole.tokens.len();
        let ones = || vec![1.0; t];
        whole.energy = Some(Energy { residual: ones(), error: ones(), predictable: ones(), novel: ones() });
        whole.sources = Some(vec![vec![TokenSource { position: 0, weight: 0.5 }]; t]);
        whole.surprise = Some(ones());
        let file = serde_json::to_value(AnalysisFile::whole(&whole)).unwrap();
        assert_eq!(Analysis::from_json(&file.to_string()).unwrap(), whole);
        for (place, value, words) in [
            (
                "/format",
                serde_json::json!("temporal-lens-analysis/9"),
                "this program reads \"temporal-lens-analysis/2\" and \"temporal-lens-analysis/1\"",
            ),
            ("/format", serde_json::json!("temporal-lens-comparison/1"), "it is a comparison of two texts"),
            ("/tokens", serde_json::json!(["a"]), "tokens has 1 entries"),
            ("/similarity", serde_json::json!([[1.0]]), "similarity has 1 entries"),
            ("/similarity/2", serde_json::json!([1.0]), "a row of similarity has 1 entries"),
            ("/selected/position", serde_json::json!(5), "past the last token"),
            ("/grams/novel", serde_json::json!("AAAAAA=="), "a Gram matrix has 4 bytes, 5 tokens call for 60"),
            ("/grams/total", serde_json::json!("?"), "not base64"),
            ("/variance_explained", serde_json::json!(94), "variance_explained is 94, outside its range"),
            ("/similarity/2/1", serde_json::json!(5), "a similarity is 5"),
            ("/similarity_stats/max", serde_json::json!(-3), "one of similarity_stats is -3"),
            ("/energy/novel/1", serde_json::json!(-1), "an energy is -1"),
            ("/sources/2/0/weight", serde_json::json!(1.5), "the weight of a source is 1.5"),
            ("/surprise/1", serde_json::json!(-2), "a surprise is -2"),
            ("/grams/residual", serde_json::json!(base64_of(f32::NAN)), "a number that is not finite"),
            ("/grams/predictable", serde_json::json!(base64_of(f32::NEG_INFINITY)), "a number that is not finite"),
        ] {
            let mut wrong = file.clone();
            *wrong.pointer_mut(place).unwrap() = value;
            let problem = Analysis::from_json(&wrong.to_string()).unwrap_err().to_string();
            assert!(problem.contains(words), "{place}: {problem}");
        }
        let mut lacking = file.clone();
        lacking.as_object_mut().unwrap().remove("similarity");
        lacking.as_object_mut().unwrap().remove("grams");
        assert!(Analysis::from_json(&lacking.to_string()).unwrap_err().to_string().contains("similarity has 0"));
        let other = Analysis::from_json("{\"format\":\"other\"}").unwrap_err();
        assert!(matches!(other, DocumentError::Format { .. }), "{other}");
        assert!(matches!(Analysis::from_json("[]").unwrap_err(), DocumentError::Json(_)));
        for story in ["Once upon a time.", "\n3 men", "\"Hello,\" she said."] {
            assert!(matches!(Analysis::from_json(story).unwrap_err(), DocumentError::NotJson), "{story}");
        }
    }

    #[test]
    fn documents_of_another_kind_are_named_with_what_opens_them() {
        let comparison = serde_json::to_string(&ComparisonFile::compact(&example::comparison())).unwrap();
        let analysis = serde_json::to_string(&AnalysisFile::whole(&example::analysis())).unwrap();
        let of = |format: &str| format!("{{\"format\":\"{format}\",\"results\":[]}}");
        for (json, words) in [
            (comparison.clone(), "html ANALYSIS --comparison FILE"),
            (of("temporal-lens-index/1"), "the index of a folder of results"),
            (of("temporal-lens-dashboards/1"), "--features INDEX.json"),
            (of("temporal-lens-pack"), "the manifest of a pack"),
            (of("temporal-lens-figures/1"), "verify --golden"),
        ] {
            let problem = Analysis::from_json(&json).unwrap_err().to_string();
            assert!(problem.contains(words) && problem.contains("not a saved analysis"), "{problem}");
        }
        for (json, words) in [
            (analysis, "it is a saved analysis of one text, not a comparison"),
            (
                comparison.replace("temporal-lens-comparison/1", "temporal-lens-comparison/2"),
                "reads \"temporal-lens-comparison/1\"",
            ),
            ("Once upon a time.".to_owned(), "it is not JSON"),
        ] {
            let problem = Comparison::from_json(&json).unwrap_err().to_string();
            assert!(problem.contains(words), "{problem}");
        }
    }
}
