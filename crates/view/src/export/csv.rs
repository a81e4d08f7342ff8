//! Tables: CSV with the tokens' names, TSV for the clipboard.

use std::fmt::Write as _;

use lens_analysis::Analysis;
use lens_analysis::events::Boundary;
use lens_analysis::order::largest_first;
use lens_analysis::similarity::{Matrix, Source};

use super::names::{name, token};
use crate::figure::attention::AttentionMap;
use crate::figure::feature_map::FeatureMap;
use crate::figure::strip::Shading;
use crate::figure::trajectory::Trajectory;
use crate::format::choice::Choice;
use crate::format::number;
use crate::table::comparison::CosineRow;
use crate::table::statistics::StatisticsRow;

/// A field of a CSV file (RFC 4180). These few lines are all that the crate `csv` would do here: every writer below
/// joins fields by commas and ends rows by CRLF.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// A number as programs read it; nothing for what is none.
fn plain(value: f32) -> String {
    if value.is_finite() { value.to_string() } else { String::new() }
}

/// A matrix in the shown order: header and first column name the tokens.
pub fn matrix_csv(analysis: &Analysis, matrix: &Matrix, order: &[usize]) -> String {
    let mut csv = String::from("token");
    for place in order {
        csv.push(',');
        csv.push_str(&field(&name(&analysis.tokens, place + matrix.first)));
    }
    csv.push_str("\r\n");
    for row in order {
        csv.push_str(&field(&name(&analysis.tokens, row + matrix.first)));
        for column in order {
            let value = matrix.entries.get(*row, *column).unwrap_or(f32::NAN);
            let _ = write!(csv, ",{}", plain(value));
        }
        csv.push_str("\r\n");
    }
    csv
}

/// The quantity that shades the strip, a token a row.
pub fn strip_csv(analysis: &Analysis, shading: &Shading) -> String {
    let mut csv = format!("position,token,token_id,{}\r\n", shading.quantity.key());
    for (position, value) in shading.values.iter().enumerate() {
        let token = field(token(&analysis.tokens, position));
        let id = analysis.token_ids.get(position).copied().unwrap_or_default();
        let _ = write!(csv, "{position},{token},{id},{}\r\n", plain(*value));
    }
    csv
}

/// Features by tokens.
pub fn feature_map_csv(analysis: &Analysis, map: &FeatureMap) -> String {
    let mut csv = String::from("feature");
    for position in 0..map.tokens {
        csv.push(',');
        csv.push_str(&field(&name(&analysis.tokens, position)));
    }
    csv.push_str("\r\n");
    for (row, feature) in map.features.iter().enumerate() {
        let _ = write!(csv, "{feature}");
        for position in 0..map.tokens {
            let _ = write!(csv, ",{}", plain(map.value(row, position).unwrap_or(0.0)));
        }
        csv.push_str("\r\n");
    }
    csv
}

/// Where every token's prediction comes from: tokens by what is before them; nothing right of the diagonal.
pub fn attention_csv(map: &AttentionMap) -> String {
    let mut csv = String::from("token");
    for column in 0..map.size() {
        csv.push(',');
        csv.push_str(&field(
            &column.checked_sub(1).map_or_else(|| map.column_name(0), |from| name(map.tokens(), from)),
        ));
    }
    csv.push_str("\r\n");
    for position in 0..map.size() {
        csv.push_str(&field(&name(map.tokens(), position)));
        for column in 0..map.size() {
            let _ = write!(csv, ",{}", map.weight(position, column).map(plain).unwrap_or_default());
        }
        csv.push_str("\r\n");
    }
    csv
}

/// The novel features of a token, strongest first.
pub fn features_csv(analysis: &Analysis, position: usize) -> String {
    let mut csv = String::from("position,token,feature,value\r\n");
    let token = field(token(&analysis.tokens, position));
    for it in analysis.novel_top.get(position).into_iter().flatten() {
        let _ = write!(csv, "{position},{token},{},{}\r\n", it.feature, plain(it.value));
    }
    csv
}

/// Where events begin: the first token of each but the text's first, in the order of the text.
pub fn events_csv(analysis: &Analysis, boundaries: &[Boundary]) -> String {
    let sorted = largest_first(boundaries.iter().collect(), |it: &&Boundary| -(it.position as f32));
    let mut csv = String::from("position,token,gain\r\n");
    for it in sorted {
        let token = field(token(&analysis.tokens, it.position));
        let _ = write!(csv, "{},{token},{}\r\n", it.position, plain(it.gain as f32));
    }
    csv
}

/// The cosines of the selected spans of two texts.
pub fn cosines_csv(rows: &[CosineRow]) -> String {
    let mut csv = String::from("spans");
    for source in Source::ALL {
        csv.push(',');
        csv.push_str(source.key());
    }
    csv.push_str("\r\n");
    for row in rows {
        csv.push_str(&field(&row.label));
        for value in &row.values {
            csv.push(',');
            csv.push_str(&value.replace('−', "-").replace(number::NONE, ""));
        }
        csv.push_str("\r\n");
    }
    csv
}

/// The trajectory's points, named.
pub fn trajectory_csv(trajectory: &Trajectory) -> String {
    let titles: Vec<String> = trajectory.axis_titles().iter().map(|title| field(title)).collect();
    let mut csv = format!("position,token,{}\r\n", titles.join(","));
    for point in 0..trajectory.size() {
        let (position, token) = trajectory.token(point);
        let values: Vec<String> = trajectory.coordinates(point).iter().map(|v| plain(*v)).collect();
        let _ = write!(csv, "{position},{},{}\r\n", field(token), values.join(","));
    }
    csv
}

/// Rows of numbers for the clipboard: name, value, note, tab-separated.
pub fn rows_tsv(rows: &[StatisticsRow]) -> String {
    rows.iter()
        .map(|row| {
            let cells = [row.label, row.value.as_str(), row.note.as_str()];
            let cells = cells.map(|cell| cell.replace(['\t', '\n', '\r'], " ").replace('−', "-"));
            cells.join("\t").trim_end().to_owned() + "\n"
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use crate::figure::attention::AttentionSelection;
    use crate::figure::trajectory::Method;
    use lens_analysis::per_token::Quantity;
    use lens_analysis::similarity::{Mode, similarity};
    use lens_analysis::{Attention, FeatureCode};

    #[test]
    fn matrices_carry_the_tokens_and_the_shown_order() {
        let mut analysis = example::analysis();
        analysis.tokens[2] = "=a,\"b\"".to_owned();
        let matrix = similarity(&analysis, Source::Predictable, Mode::Neuronpedia).unwrap();
        let csv = matrix_csv(&analysis, &matrix, &[1, 0]);
        assert_eq!(csv, "token,\"2 =a,\"\"b\"\"\",1 ▁sky\r\n\"2 =a,\"\"b\"\"\",1,0.25\r\n1 ▁sky,0.25,1\r\n");
    }

    #[test]
    fn a_token_is_written_as_the_vocabulary_spells_it() {
        let mut analysis = example::analysis();
        for (token, written) in [
            ("=1+1", "=1+1"),
            ("-", "-"),
            ("@x", "@x"),
            ("\t", "\t"),
            ("▁\"", "\"▁\"\"\""),
            ("<0x0D>", "<0x0D>"),
            ("\r\n", "\"\r\n\""),
            ("\u{200B}", "\u{200B}"),
            ("a long token with, a comma in it and more", "\"a long token with, a comma in it and more\""),
        ] {
            analysis.tokens[1] = token.to_owned();
            let shading = Shading::of(&analysis, Quantity::NovelL0).unwrap();
            assert_eq!(
                strip_csv(&analysis, &shading).split("\r\n1,").nth(1).unwrap().split(",5,2\r\n").next(),
                Some(written)
            );
            assert!(features_csv(&analysis, 1).starts_with(&format!("position,token,feature,value\r\n1,{written},7,")));
            let boundary = Boundary { position: 1, expectation_from: 1, gain: 0.5 };
            assert_eq!(events_csv(&analysis, &[boundary]), format!("position,token,gain\r\n1,{written},0.5\r\n"));
            let path = Trajectory::new(Method::Pca, &[1.0, 2.0], 2, vec![1], analysis.tokens.clone()).unwrap();
            assert_eq!(trajectory_csv(&path), format!("position,token,PC 1,PC 2\r\n1,{written},1,2\r\n"));
            let named = field(&format!("1 {token}"));
            let matrix = similarity(&analysis, Source::Predictable, Mode::Neuronpedia).unwrap();
            assert!(matrix_csv(&analysis, &matrix, &[0]).starts_with(&format!("token,{named}\r\n{named},")));
            assert!(feature_map_csv(&analysis, &FeatureMap::of(&analysis, 2)).contains(&format!(",{named},2 .\r\n")));
        }
    }

    #[test]
    fn strips_and_maps_are_tables() {
        let mut analysis = example::analysis();
        let shading = Shading::of(&analysis, Quantity::NovelL0).unwrap();
        let csv = strip_csv(&analysis, &shading);
        assert_eq!(csv, "position,token,token_id,novel-l0\r\n0,<bos>,2,2\r\n1,▁sky,5,2\r\n2,.,6,2\r\n");
        analysis.novel_top[2] = vec![FeatureCode { feature: 3, value: 0.5 }];
        let csv = feature_map_csv(&analysis, &FeatureMap::of(&analysis, 2));
        assert_eq!(csv, "feature,0 <bos>,1 ▁sky,2 .\r\n3,0,0.75,0.5\r\n7,0,1.5,0\r\n");
    }

    #[test]
    fn attention_stands_left_of_the_diagonal() {
        let analysis = example::analysis();
        let head = Attention::levels_of(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], 3);
        let attention = Attention::new(1, 1, 3, vec![head]).unwrap();
        let map =
            AttentionMap::of(&attention, &analysis.tokens, AttentionSelection { layer: 0, head: Some(0) }).unwrap();
        let csv = attention_csv(&map);
        assert_eq!(csv, "token,(nothing yet),0 <bos>,1 ▁sky\r\n0 <bos>,1,,\r\n1 ▁sky,0,1,\r\n2 .,0,0,1\r\n");
    }

    #[test]
    fn a_token_s_features_and_the_events_are_tables() {
        let analysis = example::analysis();
        assert_eq!(features_csv(&analysis, 1), "position,token,feature,value\r\n1,▁sky,7,1.5\r\n1,▁sky,3,0.75\r\n");
        assert_eq!(features_csv(&analysis, 9), "position,token,feature,value\r\n");
        let events =
            [(2, 1.5), (1, 0.25)].map(|(position, gain)| Boundary { position, expectation_from: position, gain });
        assert_eq!(events_csv(&analysis, &events), "position,token,gain\r\n1,▁sky,0.25\r\n2,.,1.5\r\n");
    }

    #[test]
    fn cosines_are_numbers_or_nothing() {
        let values = ["−0.5000", "0.2500", number::NONE, "1.0000"].map(str::to_owned);
        let csv = cosines_csv(&[CosineRow { label: "1A × 2A".to_owned(), values }]);
        assert_eq!(csv, "spans,predictable,novel,total,residual\r\n1A × 2A,-0.5000,0.2500,,1.0000\r\n");
    }

    #[test]
    fn a_trajectory_names_its_points() {
        let tokens = example::analysis().tokens;
        let it = Trajectory::new(Method::Pca, &[0.125, -1.0, 2.0, 3.0], 2, vec![0, 2], tokens);
        assert_eq!(trajectory_csv(&it.unwrap()), "position,token,PC 1,PC 2\r\n0,<bos>,0.125,-1\r\n2,.,2,3\r\n");
    }

    #[test]
    fn copied_numbers_are_plain_tsv() {
        let row =
            |label, value: &str, note: &str| StatisticsRow { key: "k", label, value: value.into(), note: note.into() };
        let tsv = rows_tsv(&[row("Similarity min", "−0.5000", ""), row("L0", "2", "at every\ttoken")]);
        assert_eq!(tsv, "Similarity min\t-0.5000\nL0\t2\tat every token\n");
    }
}
