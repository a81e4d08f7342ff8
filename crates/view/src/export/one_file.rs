//! One file that shows an analysis wherever it is opened: the page without worker and model, packed into one document by
//! the site's build (the template), with the analysis put into it.
//!
//! The template names the documents that it can read. Where it is to be filled stand two comments, [`HEAD`] and [`DATA`]; the Python
//! package fills the same. It has the names of the default pack's features, which give way to others.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use html_escape::encode_double_quoted_attribute as quoted;
use lens_analysis::Analysis;
use thiserror::Error;

use crate::table::selection::cut;

/// Name of the template beside the page.
pub const TEMPLATE: &str = "one-file.html";
/// What the template calls itself; another number means another way of filling it.
pub const KIND: &str = "temporal-lens-one-file/1";
/// Stands where title and tags go.
pub const HEAD: &str = "<!--temporal-lens:head-->";
/// Stands where the documents go.
pub const DATA: &str = "<!--temporal-lens:data-->";
/// Stand around the names of features that the template has.
pub const NAMES: &str = "<!--temporal-lens:names-->";
/// See [`NAMES`].
pub const NAMES_END: &str = "<!--temporal-lens:names end-->";
/// Characters of the text that title and tags have at most.
const TITLE: usize = 60;
const DESCRIPTION: usize = 300;

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OneFileError {
    /// The template is not a page of ours.
    #[error("this is not a template of Temporal Lens’s: it has no “{0}”")]
    NoTemplate(&'static str),
    /// The template cannot read a document.
    #[error("the template is of another version: it does not read {0}")]
    Version(String),
    /// The document is not JSON with a format.
    #[error("the document does not name its format")]
    NoFormat,
}

/// What goes into the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents<'a> {
    /// The analysis's document, as JSON.
    pub result: &'a str,
    /// A comparison's document, as JSON.
    pub comparison: Option<&'a str>,
    /// The index of the dashboards of the pack's features, as JSON: their names.
    pub features: Option<&'a str>,
    /// The view that it opens with, as an address's query without a question mark.
    pub query: &'a str,
}

/// The whole file. `analysis` is what the result's document says.
///
/// # Errors
/// [`OneFileError`].
pub fn one_file(template: &str, analysis: &Analysis, contents: Contents) -> Result<String, OneFileError> {
    for part in [KIND, HEAD, DATA] {
        if template.matches(part).count() != 1 {
            return Err(OneFileError::NoTemplate(part));
        }
    }
    let documents = [
        Some(("result", contents.result)),
        contents.comparison.map(|json| ("comparison", json)),
        contents.features.map(|json| ("features", json)),
    ];
    let mut data = String::new();
    for (name, json) in documents.into_iter().flatten() {
        let format = format(json).ok_or(OneFileError::NoFormat)?;
        // Names end in a space or at the quote, so that no version is the beginning of another.
        if ![' ', '"'].iter().any(|end| template.contains(&format!("{format}{end}"))) {
            return Err(OneFileError::Version(format));
        }
        let query = if name == "result" && !contents.query.is_empty() {
            format!(" data-query=\"{}\"", quoted(contents.query))
        } else {
            String::new()
        };
        // Base64 has no character that could end the element.
        data.push_str(&format!(
            "<script type=\"application/octet-stream\" id=\"temporal-lens-{name}\"{query}>{}</script>\n",
            packed(json.as_bytes())
        ));
    }
    let template = if contents.features.is_some() { &without_names(template) } else { template };
    Ok(template.replacen(HEAD, &head(analysis), 1).replacen(DATA, &data, 1))
}

/// The template without the names of features that it has.
fn without_names(template: &str) -> String {
    match (template.split_once(NAMES), template.split_once(NAMES_END)) {
        (Some((before, _)), Some((_, after))) if before.len() + after.len() < template.len() => {
            format!("{before}{after}")
        }
        _ => template.to_owned(),
    }
}

/// zlib in base64, as the file's script unpacks it.
pub fn packed(bytes: &[u8]) -> String {
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::best());
    // A vector takes every write.
    let _ = deflated.write_all(bytes);
    BASE64_STANDARD.encode(deflated.finish().unwrap_or_default())
}

/// What the document says of its format.
fn format(json: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Formatted {
        format: String,
    }
    Some(serde_json::from_str::<Formatted>(json).ok()?.format)
}

/// Title and tags: the text and what read it.
fn head(analysis: &Analysis) -> String {
    let text = analysis.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let title = format!("{} · Temporal Lens", cut(&text, TITLE));
    let description = cut(&text, DESCRIPTION);
    let model = &analysis.model;
    let reader = format!("{}, layer {}, {}", model.name, model.layer, model.precision);
    let mut head = format!("<title>{}</title>\n", html_escape::encode_text(&title));
    let tags = [
        ("name", "description", description.as_str()),
        ("property", "og:title", &title),
        ("property", "og:description", &description),
        ("name", "temporal-lens-model", &reader),
        ("name", "temporal-lens-pack-hash", &model.pack_hash),
    ];
    for (kind, name, value) in tags {
        head.push_str(&format!("<meta {kind}=\"{name}\" content=\"{}\" />\n", quoted(value)));
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use flate2::read::ZlibDecoder;
    use lens_analysis::document::{AnalysisFile, to_json};
    use std::io::Read as _;

    const READS: &str = "temporal-lens-analysis/1 temporal-lens-analysis/2";

    fn template() -> String {
        format!("<meta name=\"{KIND}\" content=\"{READS}\">{HEAD}<body>{DATA}</body>")
    }

    #[test]
    fn the_file_carries_the_document_and_names_text_and_model() {
        let mut analysis = example::analysis();
        analysis.text = "</script><b>\"Tom &\n Co\"</b> $1".to_owned();
        analysis.model.name = "a<b>\"".to_owned();
        let json = to_json(&AnalysisFile::whole(&analysis)).unwrap();
        let contents = Contents { result: &json, comparison: None, features: None, query: "view=path&pin=1\"" };
        let html = one_file(&template(), &analysis, contents).unwrap();
        assert!(html.contains("<title>&lt;/script&gt;&lt;b&gt;\"Tom &amp; Co\"&lt;/b&gt; $1 · Temporal Lens</title>"));
        assert!(html.contains("content=\"a&lt;b&gt;&quot;, layer"), "{html}");
        assert_eq!(html.matches("</script>\n").count(), 1, "{html}");
        assert!(html.contains(" data-query=\"view=path&amp;pin=1&quot;\">"));
        let block = html.split("pin=1&quot;\">").nth(1).unwrap().split('<').next().unwrap();
        let mut read = String::new();
        ZlibDecoder::new(&BASE64_STANDARD.decode(block).unwrap()[..]).read_to_string(&mut read).unwrap();
        assert_eq!(read, json);
    }

    #[test]
    fn names_of_features_take_the_place_of_the_templates() {
        let analysis = example::analysis();
        let json = to_json(&AnalysisFile::whole(&analysis)).unwrap();
        let template = template().replace("<body>", &format!("<body>{NAMES}<script>of the pack</script>{NAMES_END}"));
        let fill = |template: &str, features: Option<&str>| {
            let contents = Contents { result: &json, comparison: None, features, query: "" };
            one_file(template, &analysis, contents).unwrap()
        };
        assert!(fill(&template, None).contains("of the pack"));
        // Of a format that this template reads.
        let html = fill(&template, Some("{\"format\":\"temporal-lens-analysis/1\"}"));
        assert!(html.contains("temporal-lens-features") && !html.contains("of the pack") && !html.contains(NAMES));
        // A comment that ends before it begins is left as it is.
        let wrong = format!("{NAMES_END}{NAMES}{}", self::template());
        assert!(fill(&wrong, Some("{\"format\":\"temporal-lens-analysis/1\"}")).starts_with(NAMES_END));
    }

    #[test]
    fn what_the_template_cannot_read_is_not_put_into_it() {
        let analysis = example::analysis();
        let fill = |template: &str, result: &str| {
            one_file(template, &analysis, Contents { result, comparison: None, features: None, query: "" }).unwrap_err()
        };
        let other = "{\"format\":\"temporal-lens-analysis/22\"}";
        assert_eq!(fill(&template(), other), OneFileError::Version("temporal-lens-analysis/22".to_owned()));
        let short = "{\"format\":\"temporal-lens-analysis\"}";
        assert_eq!(fill(&template(), short), OneFileError::Version("temporal-lens-analysis".to_owned()));
        assert_eq!(fill(&template(), "{}"), OneFileError::NoFormat);
        assert_eq!(fill(&template(), "{\"format\":"), OneFileError::NoFormat);
        assert_eq!(fill("<html></html>", other), OneFileError::NoTemplate(KIND));
        assert_eq!(fill(&template().replace(DATA, ""), other), OneFileError::NoTemplate(DATA));
    }
}
