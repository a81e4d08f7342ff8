//! The table behind the heatmap, for those who do not see it: each token's most and least similar
//! other token.

use lens_analysis::Analysis;
use lens_analysis::similarity::document_rows;

use crate::format::{number, token};

/// One token's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeighborRow {
    /// Position and token.
    pub token: String,
    /// The other token most like it, with the similarity.
    pub most_similar: String,
    /// The other token least like it, with the similarity.
    pub least_similar: String,
    /// Its mean similarity to all other tokens.
    pub mean: String,
}

/// One row a token.
pub fn rows(analysis: &Analysis) -> Vec<NeighborRow> {
    let name = |position: usize| {
        let text = analysis.tokens.get(position).map(|t| token::shortened(t, 24)).unwrap_or_default();
        format!("{position} {text}")
    };
    document_rows(analysis)
        .enumerate()
        .map(|(position, row)| {
            let others: Vec<(usize, f32)> =
                row.into_iter().enumerate().filter(|(j, v)| *j != position && v.is_finite()).collect();
            let text = |best: Option<&(usize, f32)>| match best {
                Some((j, value)) => format!("{} ({})", name(*j), number::fixed4(*value)),
                None => number::NONE.to_owned(),
            };
            let mean = others.iter().map(|(_, v)| f64::from(*v)).sum::<f64>() / others.len() as f64;
            NeighborRow {
                token: name(position),
                most_similar: text(others.iter().max_by(|a, b| a.1.total_cmp(&b.1))),
                least_similar: text(others.iter().min_by(|a, b| a.1.total_cmp(&b.1))),
                mean: number::fixed4(mean as f32),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn tokens_are_not_their_own_neighbors() {
        let rows = rows(&example::analysis());
        assert_eq!(rows[1].most_similar, "2 . (0.2500)");
        assert_eq!(rows[1].least_similar, "0 <bos> (−0.5000)");
        assert_eq!(rows[1].mean, "−0.1250");
    }

    #[test]
    fn a_lone_token_has_none() {
        let mut analysis = example::analysis();
        analysis.tokens.truncate(1);
        analysis.saved_similarity = Some(vec![1.0]);
        assert_eq!(rows(&analysis)[0].most_similar, number::NONE);
    }
}
