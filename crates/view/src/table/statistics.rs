//! What the notebook prints, as rows of a table, and what made the result.

use lens_analysis::Analysis;

use crate::format::{number, token};

/// A row: a name and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatisticsRow {
    /// Stable name, e.g. "variance-explained".
    pub key: &'static str,
    /// What the visitor reads at the left.
    pub label: &'static str,
    /// What the visitor reads at the right.
    pub value: String,
    /// The rest of it, smaller.
    pub note: String,
}

/// How a result made in this page came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What it ran on.
    pub device: String,
    /// Bytes fetched for it.
    pub fetched_bytes: u64,
    /// Milliseconds, loading included.
    pub elapsed_ms: f64,
    /// Milliseconds of model, SAE and analysis.
    pub compute_ms: f64,
}

/// Said of a number that is the same at every token.
pub(super) const AT_EVERY_TOKEN: &str = "at every token";

/// The notebook's numbers.
pub fn numbers(analysis: &Analysis) -> Vec<StatisticsRow> {
    let similarity = analysis.similarity_stats;
    let mut rows = vec![
        StatisticsRow {
            key: "variance-explained",
            label: "Variance explained",
            value: number::fixed4(analysis.variance_explained),
            note: "without the first token".to_owned(),
        },
        l0("l0-novel", "L0 novel", &analysis.l0_novel),
        l0("l0-pred", "L0 predictable", &analysis.l0_pred),
        l0("l0-total", "L0 total", &analysis.l0_total),
        selected(analysis),
    ];
    rows.extend(
        [
            ("similarity-min", "Similarity min", similarity.min),
            ("similarity-max", "Similarity max", similarity.max),
            ("similarity-mean", "Similarity mean", similarity.mean),
        ]
        .map(|(key, label, value)| StatisticsRow {
            key,
            label,
            value: number::fixed4(value),
            note: String::new(),
        }),
    );
    rows
}

fn l0(key: &'static str, label: &'static str, counts: &[usize]) -> StatisticsRow {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let (Some(low), Some(high)) = (sorted.first(), sorted.last()) else {
        return StatisticsRow { key, label, value: number::NONE.to_owned(), note: String::new() };
    };
    let mean = counts.iter().sum::<usize>() as f32 / counts.len() as f32;
    let note = if low == high {
        AT_EVERY_TOKEN.to_owned()
    } else {
        format!("on average, {} to {}", number::count(*low as u64), number::count(*high as u64))
    };
    let value = if low == high { number::count(*low as u64) } else { number::fixed(mean, 1) };
    StatisticsRow { key, label, value, note }
}

fn selected(analysis: &Analysis) -> StatisticsRow {
    let (value, note) = match analysis.selected {
        None => (number::NONE.to_owned(), "no novel code is active there".to_owned()),
        Some(it) => {
            let name = analysis.tokens.get(it.position).map(|t| token::shortened(t, 18)).unwrap_or_default();
            let note = format!("{} at token {} {name}", number::significant(it.value), it.position);
            (format!("#{}", it.feature), note)
        }
    };
    StatisticsRow { key: "selected", label: "The notebook’s feature", value, note }
}

/// What made the result.
pub fn provenance(analysis: &Analysis, run: Option<&Run>) -> Vec<StatisticsRow> {
    let model = &analysis.model;
    let row = |key, label, value: String, note: String| StatisticsRow { key, label, value, note };
    let hash: String = model.pack_hash.chars().take(12).collect();
    let inf_k = analysis.inf_k.map_or("the SAE’s own k".to_owned(), |k| format!("{k} (inf_k)"));
    let mut rows = vec![
        row("model", "Model", model.name.clone(), String::new()),
        row("layer", "Layer", model.layer.to_string(), "output of the block".to_owned()),
        row("width", "SAE features", number::count(model.width as u64), String::new()),
        row("inf-k-used", "Novel codes kept", inf_k, String::new()),
        row("precision", "Precision", model.precision.clone(), String::new()),
        row("pack", "Pack", hash, String::new()),
    ];
    if let Some(run) = run {
        rows.push(row("device-used", "Device", run.device.clone(), String::new()));
        let note = if run.fetched_bytes > 0 {
            format!("{} in all, {} fetched", number::duration(run.elapsed_ms), number::bytes(run.fetched_bytes))
        } else {
            format!("{} in all", number::duration(run.elapsed_ms))
        };
        rows.push(row("time", "Computed in", number::duration(run.compute_ms), note));
    }
    rows
}

/// Which model read the text, and how far into it, e.g. "gemma-3-270m, layer 12".
pub fn reader(analysis: &Analysis) -> String {
    let name = analysis.model.name.rsplit('/').next().unwrap_or_default();
    format!("{name}, layer {}", analysis.model.layer)
}

/// What made the result in one line, for the foot of a saved figure.
pub fn credit(analysis: &Analysis) -> String {
    let model = &analysis.model;
    let hash: String = model.pack_hash.chars().take(12).collect();
    format!(
        "{}, output of layer {}, TemporalSAE with {} features, {}, pack {hash} · Temporal Lens",
        model.name,
        model.layer,
        number::count(model.width as u64),
        model.precision
    )
}

/// L0 of one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Position.
    pub position: usize,
    /// The token, marks included.
    pub token: String,
    /// Novel, predictable and total codes that are not zero.
    pub l0: [usize; 3],
}

/// L0 of every token.
pub fn tokens(analysis: &Analysis) -> Vec<TokenRow> {
    analysis
        .tokens
        .iter()
        .zip(&analysis.l0_novel)
        .zip(&analysis.l0_pred)
        .zip(&analysis.l0_total)
        .enumerate()
        .map(|(position, (((text, novel), pred), total))| TokenRow {
            position,
            token: token::plain(text),
            l0: [*novel, *pred, *total],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    fn value(rows: &[StatisticsRow], key: &str) -> (String, String) {
        let row = rows.iter().find(|row| row.key == key).unwrap();
        (row.value.clone(), row.note.clone())
    }

    #[test]
    fn numbers_are_those_of_the_notebook() {
        let rows = numbers(&example::analysis());
        assert_eq!(value(&rows, "variance-explained").0, "0.7500");
        assert_eq!(value(&rows, "l0-novel"), ("2".to_owned(), "at every token".to_owned()));
        assert_eq!(value(&rows, "l0-pred"), ("3.0".to_owned(), "on average, 0 to 5".to_owned()));
        assert_eq!(value(&rows, "selected"), ("#7".to_owned(), "1.50 at token 1 ·sky".to_owned()));
        assert_eq!(value(&rows, "similarity-min").0, "−0.5000");
    }

    #[test]
    fn an_empty_selection_is_reported() {
        let mut analysis = example::analysis();
        analysis.selected = None;
        assert_eq!(value(&numbers(&analysis), "selected").1, "no novel code is active there");
    }

    #[test]
    fn a_live_result_tells_device_and_time() {
        let run = Run { device: "WebGPU".into(), fetched_bytes: 123_000_000, elapsed_ms: 9100.0, compute_ms: 412.0 };
        let rows = provenance(&example::analysis(), Some(&run));
        assert_eq!(value(&rows, "time"), ("412 ms".to_owned(), "9.1 s in all, 123 MB fetched".to_owned()));
        assert_eq!(value(&rows, "pack").0, "0123456789ab");
        assert_eq!(provenance(&example::analysis(), None).len(), 6);
    }

    #[test]
    fn a_saved_figure_says_what_made_it() {
        let expected =
            "test/model, output of layer 12, TemporalSAE with 1,920 features, q8, pack 0123456789ab · Temporal Lens";
        assert_eq!(credit(&example::analysis()), expected);
        assert_eq!(reader(&example::analysis()), "model, layer 12");
    }

    #[test]
    fn every_token_has_its_l0() {
        let rows = tokens(&example::analysis());
        assert_eq!(rows[2], TokenRow { position: 2, token: ".".into(), l0: [2, 5, 6] });
    }
}
