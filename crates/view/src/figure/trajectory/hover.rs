//! The tooltip of a point, as in the notebook: position, coordinates, and the text up to its token.

use super::points::{POSITION_TITLE, Trajectory};
use crate::format::number;
use crate::format::token::{self, Piece};

/// Tokens before the current one that are shown at most.
pub const CONTEXT: usize = 500;
/// Tokens a line.
pub const TOKENS_A_LINE: usize = 15;

/// A token of the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As it is read, white space included.
    pub text: String,
    /// The point's own token: bold.
    pub current: bool,
}

/// The tooltip of a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hover {
    /// "Position: 7".
    pub position: String,
    /// "UMAP 1: 0.25" and so on, two decimals.
    pub coordinates: Vec<String>,
    /// What colors the point, where that is not the position: "Novel energy: 0.31".
    pub shade: Option<String>,
    /// The text so far, 15 tokens a line, the current token last.
    pub lines: Vec<Vec<Word>>,
}

impl Trajectory {
    /// The tooltip of a point; none past the last point.
    pub fn hover(&self, point: usize) -> Option<Hover> {
        let position = self.position(point)?;
        let coordinates = self
            .axis_titles()
            .into_iter()
            .zip(self.points[point])
            .map(|(title, value)| format!("{title}: {}", number::fixed(value, 2)))
            .collect();
        let shade = (self.shade_title != POSITION_TITLE)
            .then(|| format!("{}: {}", self.shade_title, number::significant(self.shades[point])));
        Some(Hover {
            position: format!("Position: {position}"),
            coordinates,
            shade,
            lines: self.context_lines(position),
        })
    }

    /// The current token and up to 500 before it, a new line every 15.
    fn context_lines(&self, position: usize) -> Vec<Vec<Word>> {
        let first = position.saturating_sub(CONTEXT);
        let words: Vec<Word> =
            (first..=position).map(|i| Word { text: as_read(&self.tokens[i]), current: i == position }).collect();
        words.chunks(TOKENS_A_LINE).map(<[Word]>::to_vec).collect()
    }
}

/// A token within running text: spaces are spaces, other invisible characters keep their marks.
fn as_read(token: &str) -> String {
    token::pieces(token)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) | Piece::Special(text) => text,
            Piece::Mark(marks) => marks.replace(token::SPACE, " "),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::trajectory::points::tests::trajectory;
    use crate::figure::trajectory::settings::Method;

    #[test]
    fn a_point_says_where_it_is_and_what_was_read() {
        let hover = trajectory(3).hover(2).unwrap();
        assert_eq!(hover.position, "Position: 3");
        assert_eq!(hover.coordinates, ["UMAP 1: 8.00", "UMAP 2: 0.00", "UMAP 3: −1.00"]);
        assert_eq!(hover.shade, None);
        let line: Vec<(&str, bool)> = hover.lines[0].iter().map(|w| (w.text.as_str(), w.current)).collect();
        assert_eq!(line, [("<bos>", false), (" night", false), (" sky", false), (".", true)]);
        assert_eq!(trajectory(3).hover(3), None);
        let shaded = trajectory(2).shaded_by("Novel energy", &[0.5, 0.25, 0.0, 0.125]).unwrap();
        assert_eq!(shaded.hover(1).unwrap().shade.as_deref(), Some("Novel energy: 0.250"));
    }

    #[test]
    fn the_context_is_the_notebook_s() {
        let tokens: Vec<String> = (0..700).map(|i| format!("▁{i}")).collect();
        let of = |position: usize| {
            Trajectory::new(Method::Umap, &[0.0; 2], 2, vec![position], tokens.clone()).unwrap().hover(0).unwrap().lines
        };
        // The notebook breaks before every 15th token and shows 500 before the current one.
        for (position, first, lines) in [(0, 0, 1), (14, 0, 1), (15, 0, 2), (500, 0, 34), (501, 1, 34), (699, 199, 34)]
        {
            let context = of(position);
            assert_eq!(context[0][0].text, format!(" {first}"), "{position}");
            assert_eq!(context.len(), lines, "{position}");
            assert!(context[..lines - 1].iter().all(|line| line.len() == 15));
            let bold: Vec<&Word> = context.iter().flatten().filter(|word| word.current).collect();
            assert_eq!(bold, [context.last().unwrap().last().unwrap()]);
            assert_eq!(bold[0].text, format!(" {position}"));
        }
    }

    #[test]
    fn a_mark_of_the_text_s_own_stays() {
        assert_eq!(as_read("▁a·b"), " a·b");
        assert_eq!(as_read("\n"), token::NEWLINE);
    }
}
