//! A feature's card: what it fires on, as rows, bars and shaded tokens.

use lens_analysis::Analysis;
use lens_analysis::dashboard::{Dashboard, Excerpt, Index, Label, NamedBy};
use lens_analysis::order::largest_first;
use serde::Deserialize;

use crate::figure::feature_map::{self, SearchError};
use crate::format::neuronpedia::NeuronpediaError;
use crate::format::number;

/// Rows that a search shows at most.
const FOUND_MAX: usize = 30;

/// A bar of the histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// 0..=1 of the highest, on a logarithmic scale: one code among thousands is visible.
    pub height: f64,
    /// Its tooltip.
    pub title: String,
}

/// The histogram's bars, lowest codes first.
pub fn bars(dashboard: &Dashboard) -> Vec<Bar> {
    let n = dashboard.histogram.len().max(1) as f32;
    let log = |count: u32| f64::from(count).ln_1p();
    let highest = dashboard.histogram.iter().copied().map(log).fold(0.0, f64::max).max(1e-9);
    let bar = |(i, count): (usize, &u32)| {
        let edge = |i: usize| number::significant(dashboard.largest * i as f32 / n);
        Bar {
            height: log(*count) / highest,
            title: format!("{} to {}: {} tokens", edge(i), edge(i + 1), number::count(u64::from(*count))),
        }
    };
    dashboard.histogram.iter().enumerate().map(bar).collect()
}

/// A token of an excerpt.
#[derive(Debug, Clone, PartialEq)]
pub struct ShadedToken {
    /// The token.
    pub token: String,
    /// Its code relative to the feature's largest, 0..=1.
    pub share: f64,
    /// Whether the excerpt is about it.
    pub is_focus: bool,
    /// Its code as text.
    pub value: String,
}

/// The tokens of an excerpt, shaded by `largest`.
pub fn shaded(excerpt: &Excerpt, largest: f32) -> Vec<ShadedToken> {
    let shade = |(i, (token, value)): (usize, (&String, &f32))| ShadedToken {
        token: token.clone(),
        share: if largest > 0.0 { f64::from(value / largest).clamp(0.0, 1.0) } else { 0.0 },
        is_focus: i == excerpt.at,
        value: number::significant(*value),
    };
    excerpt.tokens.iter().zip(&excerpt.values).enumerate().map(shade).collect()
}

/// The shown text, shaded by the feature's novel code; none where it is among the strongest of no
/// token.
pub fn in_text(analysis: &Analysis, feature: usize) -> Option<Vec<ShadedToken>> {
    let occurrences = feature_map::occurrences(analysis, feature);
    let (at, largest) = occurrences.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let mut values = vec![0.0; analysis.tokens.len()];
    for (position, value) in occurrences {
        if let Some(entry) = values.get_mut(position) {
            *entry = value;
        }
    }
    let excerpt = Excerpt { tokens: analysis.tokens.clone(), values, at, ..Excerpt::default() };
    Some(shaded(&excerpt, largest))
}

/// A feature's display name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureName {
    /// The name.
    pub text: String,
    /// What it is made of, a phrase.
    pub note: &'static str,
}

/// The display name of `feature`, where `index` is here and has one.
pub fn name(index: Option<&Index>, feature: usize) -> Option<FeatureName> {
    let (text, by) = index?.name(feature)?;
    let note = match by {
        NamedBy::Label => "Label: the tokens that best predict where it fires strongly",
        NamedBy::Peaks => "Words at its largest novel codes",
        NamedBy::Readout => "Words that its decoder row adds",
    };
    Some(FeatureName { text: text.to_owned(), note })
}

/// How good a label is, in a sentence.
pub fn label_note(label: &Label) -> String {
    let percent = |share: f32| format!("{:.0} %", 100.0 * share);
    format!(
        "predicts {} of the feature’s strong tokens; {} of the tokens it predicts are strong (F1 {:.2}, on held-out passages)",
        percent(label.recall),
        percent(label.precision),
        label.f1
    )
}

/// How often a feature fires.
pub fn frequency_note(dashboard: &Dashboard, index: &Index) -> String {
    format!(
        "Active at {:.1} % of {} tokens of the corpus",
        100.0 * dashboard.frequency,
        number::count(index.tokens as u64),
    )
}

/// Whether a word of `text` begins with `wanted`, which may have several words: "sea" finds "the sea" and not "search".
/// Where no letter follows, it is the whole word.
fn has_beginning(text: &str, wanted: &str) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    text.match_indices(wanted).any(|(at, found)| {
        !is_letter(text[..at].chars().next_back())
            && (wanted.chars().count() > 3 || !is_letter(text[at + found.len()..].chars().next()))
    })
}

/// What a search for a feature finds, a number or a part of a label.
///
/// # Errors
/// [`SearchError`] when there is no feature of this number, or no label with this text.
pub fn search(index: &Index, typed: &str) -> Result<Vec<(usize, String)>, SearchError> {
    let typed = typed.trim();
    if let Ok(feature) = typed.trim_start_matches('#').parse::<usize>() {
        if feature >= index.features {
            return Err(SearchError::OutOfRange { features: index.features });
        }
        let name = index.name(feature).map(|(name, _)| name.to_owned()).unwrap_or_default();
        return Ok(vec![(feature, name)]);
    }
    let wanted = typed.to_lowercase();
    let has = |text: &str| has_beginning(&text.to_lowercase(), &wanted);
    let found: Vec<&Label> = index.labels.iter().filter(|label| has(&label.text)).collect();
    let labels = largest_first(found, |label| label.f1).into_iter().map(|label| (label.feature, label.text.clone()));
    // Labels go first: they say how good they are.
    let others = index.names.iter().filter(|name| name.by != NamedBy::Label && has(&name.text));
    let all: Vec<_> = labels.chain(others.map(|name| (name.feature, name.text.clone()))).take(FOUND_MAX).collect();
    if all.is_empty() {
        return Err(SearchError::NoName(typed.to_owned()));
    }
    Ok(all)
}

/// A feature in Neuronpedia's public JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct FromNeuronpedia {
    /// Their explanations, as they are.
    pub explanations: Vec<String>,
    /// Their contexts and tokens, in our form; sources and neighbors are empty.
    pub dashboard: Dashboard,
}

#[derive(Deserialize)]
struct TheirFeature {
    #[serde(default)]
    explanations: Vec<TheirExplanation>,
    #[serde(default)]
    activations: Vec<TheirActivation>,
    #[serde(default)]
    pos_str: Vec<String>,
    #[serde(default)]
    pos_values: Vec<f32>,
    #[serde(default)]
    neg_str: Vec<String>,
    #[serde(default)]
    neg_values: Vec<f32>,
    frac_nonzero: Option<f32>,
}

#[derive(Deserialize)]
struct TheirExplanation {
    description: Option<String>,
}

#[derive(Deserialize)]
struct TheirActivation {
    tokens: Vec<String>,
    values: Vec<f32>,
}

/// Contexts that are shown of theirs, and tokens around the largest.
const THEIR_CONTEXTS: usize = 6;
const THEIR_BEFORE: usize = 16;
const THEIR_AFTER: usize = 8;

/// Reads what `GET /api/feature/{source}/{feature}` of Neuronpedia answers. The text is untrusted.
///
/// # Errors
/// [`NeuronpediaError::Answer`] when it is not of the form that is read here.
pub fn from_neuronpedia(json: &str) -> Result<FromNeuronpedia, NeuronpediaError> {
    let theirs: TheirFeature = serde_json::from_str(json).map_err(NeuronpediaError::Answer)?;
    let mut dashboard = Dashboard {
        frequency: theirs.frac_nonzero.unwrap_or(0.0),
        raised: theirs.pos_str.into_iter().zip(theirs.pos_values).take(10).collect(),
        lowered: theirs.neg_str.into_iter().zip(theirs.neg_values).take(10).collect(),
        ..Dashboard::default()
    };
    for activation in theirs.activations {
        let n = activation.tokens.len().min(activation.values.len());
        let Some(at) = (0..n).max_by(|a, b| activation.values[*a].total_cmp(&activation.values[*b])) else { continue };
        let (first, end) = (at.saturating_sub(THEIR_BEFORE), (at + THEIR_AFTER + 1).min(n));
        dashboard.largest = dashboard.largest.max(activation.values[at]);
        dashboard.top.push(Excerpt {
            tokens: activation.tokens[first..end].to_vec(),
            values: activation.values[first..end].to_vec(),
            at: at - first,
            ..Excerpt::default()
        });
    }
    dashboard.top = largest_first(dashboard.top, |it| it.values[it.at]);
    dashboard.top.truncate(THEIR_CONTEXTS);
    let explanations = theirs.explanations.into_iter().filter_map(|it| it.description).collect();
    Ok(FromNeuronpedia { explanations, dashboard })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    fn index() -> Index {
        let label =
            |feature, text: &str, f1| Label { feature, text: text.to_owned(), precision: 0.5, recall: 0.75, f1 };
        Index {
            labels: vec![label(3, "“tell”", 0.6), label(445, "“told”, “Tell”", 0.9)],
            names: Vec::new(),
            ..example::index()
        }
    }

    #[test]
    fn features_are_found_by_number_and_by_label() {
        assert_eq!(search(&index(), " #445 "), Ok(vec![(445, "“told”, “Tell”".to_owned())]));
        assert_eq!(search(&index(), "7"), Ok(vec![(7, String::new())]));
        let found: Vec<usize> = search(&index(), "TELL").unwrap_or_default().into_iter().map(|(f, _)| f).collect();
        assert_eq!(found, [445, 3]);
        let refused = |typed| search(&index(), typed).unwrap_err().to_string();
        assert_eq!(refused("1920"), "This SAE’s features are numbered 0 to 1,919.");
        assert_eq!(refused(" nothing "), "No feature’s name has “nothing” in it.");
    }

    #[test]
    fn bars_are_as_high_as_the_logarithm_of_their_counts() {
        let dashboard = Dashboard { largest: 2.0, histogram: vec![99, 0, 9, 1], ..Dashboard::default() };
        let bars = bars(&dashboard);
        assert_eq!(bars.iter().map(|b| (100.0 * b.height).round()).collect::<Vec<_>>(), [100.0, 0.0, 50.0, 15.0]);
        assert_eq!(bars[0].title, "0 to 0.500: 99 tokens");
    }

    #[test]
    fn the_shown_text_is_shaded_where_the_feature_fires() {
        let analysis = example::analysis();
        let shaded = in_text(&analysis, 7).unwrap_or_default();
        assert_eq!(shaded.len(), analysis.tokens.len());
        assert_eq!(shaded.iter().filter(|t| t.share > 0.0).count(), feature_map::occurrences(&analysis, 7).len());
        assert!(shaded.iter().any(|t| t.is_focus && t.share == 1.0));
        assert_eq!(in_text(&analysis, 1_000_000), None);
    }

    #[test]
    fn neuronpedias_answer_is_read_as_far_as_it_goes() {
        let json = r#"{"frac_nonzero": 0.01, "pos_str": ["a", "b"], "pos_values": [2.0], "explanations": [{"description": "night"}],
            "activations": [{"tokens": ["x", "y"], "values": [0, 1.5], "maxValue": 1.5}, {"tokens": ["z"], "values": [3]}, {"tokens": [], "values": []}]}"#;
        let theirs = from_neuronpedia(json).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(theirs.explanations, ["night"]);
        assert_eq!(theirs.dashboard.raised, [("a".to_owned(), 2.0)]);
        assert_eq!(theirs.dashboard.largest, 3.0);
        assert_eq!(theirs.dashboard.top[1].at, 1);
        for hostile in ["", "[]", "{\"activations\": 3}", "{\"activations\": [{\"tokens\": \"x\"}]}"] {
            let error = from_neuronpedia(hostile).unwrap_err();
            assert_eq!(error.to_string(), "Neuronpedia’s answer is not of the form that this page reads.");
        }
    }
}
