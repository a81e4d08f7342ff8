//! Addresses of Neuronpedia's pages that can stand in ours, for packs whose features have a source there.

use lens_analysis::Analysis;

use super::percent;

/// Neuronpedia takes no longer texts for its matrix.
pub const TEXT_CHARS_MAX: usize = 700;

/// Why Neuronpedia cannot be asked, or its answer not shown, as a sentence of the page.
#[derive(Debug, thiserror::Error)]
pub enum NeuronpediaError {
    /// The text is too long for its matrix.
    #[error("Neuronpedia’s matrix takes texts of at most {TEXT_CHARS_MAX} characters, this one has {chars}.")]
    TextLength {
        /// Characters of the text.
        chars: usize,
    },
    /// Its answer has another form than its public interface had.
    #[error("Neuronpedia’s answer is not of the form that this page reads.")]
    Answer(#[source] serde_json::Error),
}

/// Where the features of a document are, as "model/source". The document may be anyone's: only the
/// characters that sources are made of get into an address.
pub fn source(analysis: &Analysis) -> Option<&str> {
    let source = analysis.model.neuronpedia.as_deref()?;
    let is_part = |part: &str| {
        // "." and ".." would be steps, not names.
        part.chars().any(|c| c != '.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    (source.split('/').count() == 2 && source.split('/').all(is_part)).then_some(source)
}

/// A feature's page.
pub fn feature_page(source: &str, feature: usize) -> String {
    format!("https://www.neuronpedia.org/{source}/{feature}")
}

/// A feature in their public interface, as JSON.
pub fn feature_json(source: &str, feature: usize) -> String {
    format!("https://www.neuronpedia.org/api/feature/{source}/{feature}")
}

/// A feature's dashboard, as the authors' notebook embeds it.
pub fn feature_embed(source: &str, feature: usize) -> String {
    format!(
        "https://neuronpedia.org/{source}/{feature}?embed=true&embedexplanation=true&embedplots=true&embedtest=true"
    )
}

/// Their similarity matrix of a text.
///
/// # Errors
/// [`NeuronpediaError::TextLength`] when the text is too long for it.
pub fn matrix_embed(source: &str, text: &str) -> Result<String, NeuronpediaError> {
    let chars = text.chars().count();
    if chars > TEXT_CHARS_MAX {
        return Err(NeuronpediaError::TextLength { chars });
    }
    Ok(format!("https://www.neuronpedia.org/{source}?simMatrix={}", percent::encoded(text)))
}

/// Their page of a precomputed matrix, of the released SAE of Gemma-2-2B. `demo` is letters, digits, `-`, `_`.
pub fn demo_page(demo: &str) -> String {
    format!("https://www.neuronpedia.org/gemma-2-2b/12-temporal-res?simMatrixDemo={}", percent::encoded(demo))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn only_what_looks_like_a_source_gets_into_an_address() {
        let mut analysis = example::analysis();
        assert_eq!(source(&analysis), None);
        for (named, is_source) in [
            ("gemma-2-2b/12-temporal-res", true),
            ("a/b/c", false),
            ("a/", false),
            ("a\"/b", false),
            ("//x", false),
            ("", false),
            ("a/..", false),
            ("a/..%2f", false),
            ("javascript:x/y", false),
        ] {
            analysis.model.neuronpedia = Some(named.to_owned());
            assert_eq!(source(&analysis).is_some(), is_source, "{named}");
        }
    }

    #[test]
    fn addresses_are_those_of_the_notebook() {
        let source = "gemma-2-2b/12-temporal-res";
        assert_eq!(feature_page(source, 42), "https://www.neuronpedia.org/gemma-2-2b/12-temporal-res/42");
        assert_eq!(
            feature_embed(source, 3),
            "https://neuronpedia.org/gemma-2-2b/12-temporal-res/3?embed=true&embedexplanation=true&embedplots=true&embedtest=true"
        );
        assert_eq!(
            matrix_embed(source, "Où? a&b\n").unwrap(),
            "https://www.neuronpedia.org/gemma-2-2b/12-temporal-res?simMatrix=O%C3%B9%3F%20a%26b%0A"
        );
    }

    #[test]
    fn a_text_of_701_characters_is_too_long() {
        assert!(matrix_embed("a/b", &"é".repeat(TEXT_CHARS_MAX)).is_ok());
        let error = matrix_embed("a/b", &"é".repeat(TEXT_CHARS_MAX + 1)).unwrap_err();
        assert_eq!(error.to_string(), "Neuronpedia’s matrix takes texts of at most 700 characters, this one has 701.");
    }
}
