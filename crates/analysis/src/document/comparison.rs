//! A [`Comparison`] and its file: both analyses compact, as they have Gram matrices.

use serde::{Deserialize, Serialize, Serializer};

use crate::comparison::Comparison;
use crate::document::analysis::{AnalysisFile, unread};
use crate::document::error::DocumentError;
use crate::document::fields::AnalysisRead;
use crate::document::triangle::{GramsRead, GramsWritten};

/// Value of a file's `format`.
pub const FORMAT: &str = "temporal-lens-comparison/1";

/// A file to be written: serialize it.
#[derive(Debug, Clone, Copy)]
pub struct ComparisonFile<'a> {
    comparison: &'a Comparison,
    is_compact: bool,
}

impl<'a> ComparisonFile<'a> {
    /// With all there is.
    pub fn whole(comparison: &'a Comparison) -> Self {
        Self { comparison, is_compact: false }
    }

    /// Without the similarity matrices of analyses that have Gram matrices.
    pub fn compact(comparison: &'a Comparison) -> Self {
        Self { comparison, is_compact: true }
    }
}

#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    first: AnalysisFile<'a>,
    second: AnalysisFile<'a>,
    grams: GramsWritten<'a>,
}

impl Serialize for ComparisonFile<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let it = self.comparison;
        let form = if self.is_compact { AnalysisFile::compact } else { AnalysisFile::whole };
        Written { format: FORMAT, first: form(&it.first), second: form(&it.second), grams: GramsWritten::of(&it.grams) }
            .serialize(serializer)
    }
}

#[derive(Deserialize)]
struct Read<'a> {
    format: String,
    #[serde(borrow)]
    first: AnalysisRead<'a>,
    #[serde(borrow)]
    second: AnalysisRead<'a>,
    #[serde(borrow)]
    grams: GramsRead<'a>,
}

impl Comparison {
    /// Reads a file and checks that its fields fit each other. The text is untrusted.
    ///
    /// # Errors
    /// [`DocumentError`], as a sentence for the person who opened the file.
    pub fn from_json(text: &str) -> Result<Self, DocumentError> {
        const FORMATS: &[&str] = &[FORMAT];
        let read: Read<'_> = serde_json::from_str(text).map_err(|error| unread(text, error, FORMATS))?;
        if read.format != FORMAT {
            return Err(DocumentError::Format { found: read.format, read: FORMATS });
        }
        let (first, second) = (read.first.checked(false)?, read.second.checked(false)?);
        let grams = read.grams.matrices(first.tokens.len() + second.tokens.len())?;
        Ok(Self { first, second, grams })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn a_comparison_survives_its_file_compact_or_not() {
        let it = example::comparison();
        let read = |file: ComparisonFile<'_>| Comparison::from_json(&serde_json::to_string(&file).unwrap()).unwrap();
        assert_eq!(read(ComparisonFile::whole(&it)), it);
        assert_eq!(read(ComparisonFile::compact(&it)), it);
    }

    #[test]
    fn a_matrix_of_another_size_is_refused() {
        let it = example::comparison();
        let file = serde_json::to_value(ComparisonFile::compact(&it)).unwrap();
        let mut wrong = file.clone();
        wrong["grams"]["novel"] = wrong["first"]["grams"]["novel"].clone();
        let problem = Comparison::from_json(&wrong.to_string()).unwrap_err();
        assert!(problem.to_string().contains("Gram matrix"), "{problem}");
        let mut wrong = file;
        wrong["format"] = serde_json::json!("other");
        assert!(Comparison::from_json(&wrong.to_string()).is_err());
    }
}
