//! The dendrogram as JSON.

use std::fmt::Write as _;

use lens_analysis::Analysis;
use lens_analysis::cluster::Tree;

use super::names::name;

/// The dendrogram as scipy's linkage, with the tokens' names and clusters.
pub fn dendrogram_json(analysis: &Analysis, tree: &Tree, first: usize, cut: f32) -> String {
    let mut json = String::from("{\"tokens\":[");
    for leaf in 0..tree.leaves {
        let comma = if leaf > 0 { "," } else { "" };
        let _ = write!(json, "{comma}\"{}\"", escaped(&name(&analysis.tokens, leaf + first)));
    }
    let _ = write!(json, "],\"cut\":{cut},\"clusters\":{:?},\"leaf_order\":{:?}", tree.cut(cut), tree.leaf_order());
    json.push_str(",\"linkage\":[");
    for (k, merge) in tree.merges.iter().enumerate() {
        let comma = if k > 0 { "," } else { "" };
        let _ = write!(json, "{comma}[{},{},{},{}]", merge.left, merge.right, merge.height, merge.size);
    }
    json.push_str("]}");
    json
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use lens_analysis::cluster;
    use lens_analysis::similarity::{Mode, Source, similarity};

    #[test]
    fn the_dendrogram_is_json() {
        let mut analysis = example::analysis();
        analysis.tokens[1] = "\"\u{1}".to_owned();
        let matrix = similarity(&analysis, Source::Predictable, Mode::Notebook).unwrap();
        let json = dendrogram_json(&analysis, &cluster::average_linkage(&matrix), 0, 0.2);
        assert!(json.starts_with("{\"tokens\":[\"0 <bos>\",\"1 \\\"\\u0001\",\"2 .\"],\"cut\":0.2"), "{json}");
        assert!(json.contains("\"linkage\":[[1,2,0.75,2],[0,3,1.25,3]]"), "{json}");
    }
}
