//! Dashboards of an SAE's features: what each fires on in a corpus, as small static files.
//!
//! | file | what it is |
//! |---|---|
//! | this | the documents: [`Index`] and [`Chunk`], read as untrusted text |
//! | [`build`] | from the codes of a corpus to dashboards |
//! | [`label`] | a feature's label by a stated rule, with its precision and recall |
//! | [`name`] | its display name: the label, else words at its peaks, else words of its readout |
//!
//! `index.json` names the pack that the dashboards belong to, the sources of their texts, and the
//! labels; `0000.json`, `0001.json`, ... hold [`Index::per_file`] features each. docs/dashboards.md
//! describes both.

pub mod build;
pub mod label;
pub mod name;

use serde::{Deserialize, Serialize};

/// What both documents call themselves.
pub const FORMAT: &str = "temporal-lens-dashboards/1";

/// The index's file.
pub const INDEX_FILE: &str = "index.json";

/// Bars of a histogram.
pub const BARS: usize = 20;

/// More features than any SAE has.
const FEATURES_MAX: usize = 1 << 22;

/// Longest excerpt that is shown, in tokens.
const EXCERPT_MAX: usize = 512;

/// Why a document cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// JSON that ends in its middle.
    #[error("this dashboards file is cut short: save or download it again")]
    CutShort,
    /// Something else than JSON, from its start on.
    #[error("this is not a dashboards file: it is not JSON")]
    NotJson,
    /// JSON with an error in it, or not of this shape.
    #[error("this is not a dashboards file: {0}")]
    Json(serde_json::Error),
    /// Another format or version.
    #[error("these are dashboards of format {0:?}; this program reads {FORMAT:?}")]
    Format(String),
    /// Fields contradict each other.
    #[error("these dashboards are damaged: {0}")]
    Damaged(String),
}

impl From<serde_json::Error> for DashboardError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_eof() {
            Self::CutShort
        } else if error.is_syntax() && error.line() == 1 && error.column() <= 2 {
            Self::NotJson
        } else {
            Self::Json(error)
        }
    }
}

/// What there is, and of what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// [`FORMAT`].
    pub format: String,
    /// sha256 of the manifest of the pack that the features are of.
    pub pack_hash: String,
    /// Number of features.
    pub features: usize,
    /// Features in a chunk.
    pub per_file: usize,
    /// Tokens of the corpus that were looked at, BOS left out.
    pub tokens: usize,
    /// Passages of it.
    pub passages: usize,
    /// Where the texts are from, with attribution and license.
    pub sources: Vec<TextSource>,
    /// How labels are found, in a sentence.
    pub rule: String,
    /// The features that have one.
    pub labels: Vec<Label>,
    /// How names are found, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name_rule: String,
    /// The display names of the features that have one, in the order of features; none in files written before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Name>,
    /// The largest novel code of every feature, as [`Dashboard::largest`], so that a code can be shown as a share of it
    /// without the feature's file; none in files written before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub largest: Vec<f32>,
}

/// Where texts are from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextSource {
    /// Its name in the corpus.
    pub name: String,
    /// Title, author and license, as the corpus states them.
    pub attribution: String,
}

/// A feature's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// The feature.
    pub feature: usize,
    /// Its name.
    pub text: String,
    /// Share of the tokens that the label tells which the feature fires strongly on.
    pub precision: f32,
    /// Share of the tokens that the feature fires strongly on which the label tells.
    pub recall: f32,
    /// Harmonic mean of both.
    pub f1: f32,
}

/// What a name is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedBy {
    /// The label, with its precision and recall.
    Label,
    /// Words at its largest novel codes.
    Peaks,
    /// Words that its decoder row adds.
    Readout,
}

/// A feature's display name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// The feature.
    pub feature: usize,
    /// Its name.
    pub text: String,
    /// What it is made of.
    pub by: NamedBy,
}

/// Features that follow one another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// [`FORMAT`].
    pub format: String,
    /// As [`Index::pack_hash`].
    pub pack_hash: String,
    /// The first feature.
    pub first: usize,
    /// It and those after it.
    pub features: Vec<Dashboard>,
}

/// What a feature does in the corpus.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Dashboard {
    /// Share of the tokens that its novel code is not zero at.
    pub frequency: f32,
    /// Its largest novel code.
    pub largest: f32,
    /// How many novel codes lie in each of [`BARS`] equal parts of 0 to `largest`.
    pub histogram: Vec<u32>,
    /// Where its novel code is largest, from different passages.
    pub top: Vec<Excerpt>,
    /// From lower quantiles of its novel codes, highest first.
    pub lower: Vec<Excerpt>,
    /// Words of its readout: those that its decoder row raises most, through final norm and unembedding. Of packs
    /// without words: tokens of the whole vocabulary.
    pub raised: Vec<(String, f32)>,
    /// Tokens that it lowers most.
    pub lowered: Vec<(String, f32)>,
    /// Features with the likest decoder rows, and the cosine.
    pub near: Vec<(usize, f32)>,
    /// Mean of its predictable code, which may be negative.
    pub predictable_mean: f32,
    /// Where its predictable code is largest, from different passages.
    pub predictable_top: Vec<Excerpt>,
}

/// A few tokens of a passage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Excerpt {
    /// Index into [`Index::sources`].
    pub source: usize,
    /// The tokens.
    pub tokens: Vec<String>,
    /// The feature's code at each.
    pub values: Vec<f32>,
    /// Which of them the excerpt is about.
    pub at: usize,
    /// The quantile of all codes that are not zero which it stands for; none for the largest ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantile: Option<f32>,
}

#[derive(Deserialize)]
struct Head {
    format: String,
}

fn head(text: &str) -> Result<(), DashboardError> {
    let head: Head = serde_json::from_str(text)?;
    if head.format == FORMAT { Ok(()) } else { Err(DashboardError::Format(head.format)) }
}

fn damaged<T>(problem: impl Into<String>) -> Result<T, DashboardError> {
    Err(DashboardError::Damaged(problem.into()))
}

impl Index {
    /// Reads an index and checks it. The text is untrusted.
    ///
    /// # Errors
    /// [`DashboardError`].
    pub fn from_json(text: &str) -> Result<Self, DashboardError> {
        head(text)?;
        let it: Self = serde_json::from_str(text)?;
        if it.per_file == 0 || it.features > FEATURES_MAX {
            return damaged(format!("{} features, {} in a file", it.features, it.per_file));
        }
        if let Some(label) = it.labels.iter().find(|label| label.feature >= it.features) {
            return damaged(format!("a label for feature {} of {}", label.feature, it.features));
        }
        let is_ordered = it.names.windows(2).all(|pair| pair[0].feature < pair[1].feature);
        if !is_ordered || it.names.last().is_some_and(|name| name.feature >= it.features) {
            return damaged("the names are not those of its features, in their order");
        }
        if !it.largest.is_empty() && it.largest.len() != it.features {
            return damaged(format!("largest codes of {} features of {}", it.largest.len(), it.features));
        }
        Ok(it)
    }

    /// The display name of `feature`, if it has one. Files without names have those of labels.
    pub fn name(&self, feature: usize) -> Option<(&str, NamedBy)> {
        let named = self.names.binary_search_by_key(&feature, |name| name.feature).ok().and_then(|i| self.names.get(i));
        match named {
            Some(name) => Some((&name.text, name.by)),
            None => self.label(feature).map(|label| (label.text.as_str(), NamedBy::Label)),
        }
    }

    /// The largest novel code of `feature` in the corpus, where it is known and greater than 0.
    pub fn largest(&self, feature: usize) -> Option<f32> {
        self.largest.get(feature).copied().filter(|largest| *largest > 0.0)
    }

    /// The file that holds `feature`; none where there is no such feature.
    pub fn file_of(&self, feature: usize) -> Option<String> {
        (feature < self.features).then(|| chunk_file(feature / self.per_file.max(1)))
    }

    /// The label of `feature`, if it has one.
    pub fn label(&self, feature: usize) -> Option<&Label> {
        self.labels.iter().find(|label| label.feature == feature)
    }
}

/// Name of the file of chunk number `chunk`.
pub fn chunk_file(chunk: usize) -> String {
    format!("{chunk:04}.json")
}

impl Chunk {
    /// Reads a chunk and checks it against its index. The text is untrusted.
    ///
    /// # Errors
    /// [`DashboardError`].
    pub fn from_json(text: &str, index: &Index) -> Result<Self, DashboardError> {
        head(text)?;
        let it: Self = serde_json::from_str(text)?;
        if it.pack_hash != index.pack_hash {
            return damaged("they belong to another model than their index");
        }
        if it.first.checked_add(it.features.len()).is_none_or(|end| end > index.features) {
            return damaged("a file holds features past the last one");
        }
        for (offset, dashboard) in it.features.iter().enumerate() {
            dashboard.check(it.first + offset, index)?;
        }
        Ok(it)
    }

    /// The dashboard of `feature`, if it is in here.
    pub fn get(&self, feature: usize) -> Option<&Dashboard> {
        self.features.get(feature.checked_sub(self.first)?)
    }
}

impl Dashboard {
    /// Checks that its fields, as those of `feature`, fit each other and the index.
    fn check(&self, feature: usize, index: &Index) -> Result<(), DashboardError> {
        if self.histogram.len() != BARS {
            return damaged(format!("feature {feature}: its histogram has {} bars", self.histogram.len()));
        }
        if self.near.iter().any(|(near, _)| *near >= index.features) {
            return damaged(format!("feature {feature}: a feature near it does not exist"));
        }
        for excerpt in self.top.iter().chain(&self.lower).chain(&self.predictable_top) {
            let n = excerpt.tokens.len();
            if n > EXCERPT_MAX || excerpt.values.len() != n || excerpt.at >= n || excerpt.source >= index.sources.len()
            {
                return damaged(format!("feature {feature}: an excerpt's tokens, values and source do not fit"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        Index {
            format: FORMAT.to_owned(),
            pack_hash: "ab".to_owned(),
            features: 3,
            per_file: 2,
            tokens: 10,
            passages: 1,
            sources: vec![TextSource { name: "s".to_owned(), attribution: "t".to_owned() }],
            rule: "r".to_owned(),
            labels: vec![Label { feature: 2, text: "x".to_owned(), precision: 1.0, recall: 1.0, f1: 1.0 }],
            name_rule: String::new(),
            names: vec![Name { feature: 1, text: "sea".to_owned(), by: NamedBy::Peaks }],
            largest: vec![0.5, 0.0, 2.0],
        }
    }

    fn chunk() -> Chunk {
        let excerpt = Excerpt { tokens: vec!["a".to_owned()], values: vec![1.0], ..Excerpt::default() };
        let dashboard =
            Dashboard { histogram: vec![0; BARS], top: vec![excerpt], near: vec![(1, 0.5)], ..Dashboard::default() };
        Chunk { format: FORMAT.to_owned(), pack_hash: "ab".to_owned(), first: 2, features: vec![dashboard] }
    }

    fn json<T: Serialize>(of: &T) -> String {
        serde_json::to_string(of).unwrap_or_default()
    }

    #[test]
    fn what_was_written_is_read() -> Result<(), DashboardError> {
        let index = Index::from_json(&json(&index()))?;
        assert_eq!(index, self::index());
        assert_eq!(Chunk::from_json(&json(&chunk()), &index)?, chunk());
        assert_eq!(index.file_of(2).as_deref(), Some("0001.json"));
        assert_eq!(index.file_of(3), None);
        assert_eq!([0, 1, 2, 3].map(|feature| index.largest(feature)), [Some(0.5), None, Some(2.0), None]);
        assert_eq!(chunk().get(2), chunk().features.first());
        assert_eq!(chunk().get(1), None);
        Ok(())
    }

    #[test]
    fn hostile_documents_are_refused_in_a_sentence() {
        let wrong_index = |change: &dyn Fn(&mut Index)| {
            let mut it = index();
            change(&mut it);
            Index::from_json(&json(&it)).is_err()
        };
        assert!(wrong_index(&|it| it.format = "other/1".to_owned()));
        assert!(wrong_index(&|it| it.per_file = 0));
        assert!(wrong_index(&|it| it.features = usize::MAX));
        assert!(wrong_index(&|it| it.labels[0].feature = 3));
        assert!(wrong_index(&|it| it.names[0].feature = 3));
        assert!(wrong_index(&|it| it.largest.truncate(2)));
        assert!(wrong_index(&|it| it.names.push(it.names[0].clone())));
        let wrong_chunk = |change: &dyn Fn(&mut Chunk)| {
            let mut it = chunk();
            change(&mut it);
            Chunk::from_json(&json(&it), &index()).is_err()
        };
        assert!(wrong_chunk(&|it| it.pack_hash = "cd".to_owned()));
        assert!(wrong_chunk(&|it| it.first = usize::MAX));
        assert!(wrong_chunk(&|it| it.features[0].histogram.clear()));
        assert!(wrong_chunk(&|it| it.features[0].near[0].0 = 3));
        assert!(wrong_chunk(&|it| it.features[0].top[0].at = 1));
        assert!(wrong_chunk(&|it| it.features[0].top[0].values.clear()));
        assert!(wrong_chunk(&|it| it.features[0].top[0].source = 1));
        let whole = json(&index());
        // serde_json calls a number that ends with its point invalid.
        for cut in whole.char_indices().map(|(end, _)| &whole[..end]).filter(|cut| !cut.ends_with('.')) {
            assert!(matches!(Index::from_json(cut), Err(DashboardError::CutShort)), "{cut}");
        }
        for text in ["", "[]", "{\"format\":\"temporal-lens-dashboards/1\"}", "\u{0}"] {
            assert!(Index::from_json(text).is_err() && Chunk::from_json(text, &index()).is_err());
        }
    }
}
