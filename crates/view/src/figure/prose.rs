//! The text as prose: its scenes in order, each with its tokens as they are read.

use lens_analysis::Analysis;

use crate::format::scene::{self, Scene};
use crate::format::token::{self, Piece};

/// A scene with its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProseScene {
    /// Number, name and extent; none for a text whose scenes are not known: all of it stands in one block.
    pub scene: Option<Scene>,
    /// What a reader should know of its boundary, e.g. "the expectation follows 10 words later".
    pub note: Option<String>,
    /// Its tokens in order. Line breaks at its edges are left out: the block itself breaks the line.
    pub pieces: Vec<ProsePiece>,
}

/// A token as it stands in prose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProsePiece {
    /// Position in the text.
    pub position: usize,
    /// Whether a space goes before it; between blocks and after a line break it is left out.
    pub has_space_before: bool,
    /// What is read, without the space before it; empty for a token that only breaks lines or only has one space.
    pub text: String,
    /// Line breaks after it: 1 goes on in a new line, 2 and more begin a paragraph.
    pub breaks_after: usize,
    /// Whether the text stands for something invisible or special, so that it is shown as a mark.
    pub is_mark: bool,
}

/// The prose of a text, without BOS. Every other token is in exactly one scene, in order, if only as an empty piece.
pub fn of(analysis: &Analysis) -> Vec<ProseScene> {
    let tokens = &analysis.tokens;
    let scenes = scene::all(analysis);
    let whole = 1..tokens.len();
    // Events of a file of another program need not cover the text: the text is shown whole all the same.
    let covers = scenes.first().is_some_and(|it| it.first == 1)
        && scenes.last().is_some_and(|it| it.last + 1 == tokens.len())
        && scenes.windows(2).all(|pair| pair[0].last + 1 == pair[1].first);
    if whole.is_empty() {
        return Vec::new();
    }
    if !covers {
        return vec![ProseScene { scene: None, note: None, pieces: pieces(tokens, whole) }];
    }
    let block = |scene: Scene| ProseScene {
        note: (scene.lag() > 0).then(|| format!("the expectation follows {} later", scene::words_later(scene.lag()))),
        pieces: pieces(tokens, scene.first..scene.last + 1),
        scene: Some(scene),
    };
    scenes.into_iter().map(block).collect()
}

fn pieces(tokens: &[String], range: std::ops::Range<usize>) -> Vec<ProsePiece> {
    let mut all: Vec<ProsePiece> = Vec::with_capacity(range.len());
    let mut is_line_start = true;
    for position in range {
        let Some(token) = tokens.get(position) else { break };
        let mut piece = piece(position, token);
        if is_line_start {
            piece.has_space_before = false;
        }
        is_line_start = piece.breaks_after > 0 || (is_line_start && piece.text.is_empty());
        all.push(piece);
    }
    let is_edge = |piece: &&mut ProsePiece| piece.text.is_empty();
    all.iter_mut().take_while(is_edge).for_each(|piece| piece.breaks_after = 0);
    for piece in all.iter_mut().rev() {
        piece.breaks_after = 0;
        if !piece.text.is_empty() {
            break;
        }
    }
    all
}

fn piece(position: usize, token: &str) -> ProsePiece {
    let mut it = ProsePiece { position, has_space_before: false, text: String::new(), breaks_after: 0, is_mark: false };
    let is_break = token::breaks_line(token);
    let body = token.trim_end_matches(['\n', '\r']);
    if is_break {
        it.breaks_after = token.matches('\n').count().max(1);
        if body.is_empty() || token::is_byte(token) {
            return it;
        }
    }
    let bare = body.strip_prefix(['▁', ' ']);
    it.has_space_before = bare.is_some();
    for piece in token::pieces(bare.unwrap_or(body)) {
        match piece {
            Piece::Text(text) => it.text.push_str(&text),
            // Spaces inside of a token are read as spaces: runs of them stand in code and verse.
            Piece::Mark(mark) if mark.chars().all(|c| c.to_string() == token::SPACE) => {
                it.text.extend(mark.chars().map(|_| '\u{A0}'));
            }
            Piece::Mark(mark) | Piece::Special(mark) => {
                it.is_mark = true;
                it.text.push_str(&mark);
            }
        }
    }
    it
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    fn with(tokens: &[&str]) -> Analysis {
        Analysis { tokens: tokens.iter().map(|it| (*it).to_owned()).collect(), ..example::analysis() }
    }

    /// As a browser would show it, "|" for a line break.
    fn read(scene: &ProseScene) -> String {
        let show = |it: &ProsePiece| {
            format!("{}{}{}", if it.has_space_before { " " } else { "" }, it.text, "|".repeat(it.breaks_after))
        };
        scene.pieces.iter().map(show).collect()
    }

    #[test]
    fn a_text_is_read_as_it_was_written() {
        let analysis = with(&["<bos>", "▁Hope", "▁is", ".", "\n\n", "▁▁▁x", "\n", "That", "<0xE2>", "<0x0A>", "\n"]);
        let prose = of(&analysis);
        assert_eq!((prose.len(), prose[0].scene.is_none()), (1, true));
        assert_eq!(read(&prose[0]), "Hope is.||\u{A0}\u{A0}x|ThatE2");
        let positions: Vec<usize> = prose[0].pieces.iter().map(|it| it.position).collect();
        assert_eq!(positions, (1..11).collect::<Vec<_>>());
        assert_eq!(prose[0].pieces.iter().filter(|it| it.is_mark).count(), 1);
        assert!(of(&with(&["<bos>"])).is_empty() && of(&with(&[])).is_empty());
    }

    #[test]
    fn scenes_have_their_tokens_and_say_where_the_expectation_follows() {
        let mut analysis = example::with_words();
        analysis.tokens = ["<bos>", "The", "▁sea", "\n", "▁A", "▁list"].map(str::to_owned).to_vec();
        let events = analysis.events.as_mut().unwrap();
        (events[0].last, events[1].first, events[1].last, events[1].expectation_from) = (3, 4, 5, 5);
        let prose = of(&analysis);
        assert_eq!(prose.iter().map(read).collect::<Vec<_>>(), ["The sea", "A list"]);
        assert_eq!(prose[0].note, None);
        assert_eq!(prose[1].note.as_deref(), Some("the expectation follows 1 word later"));
        assert_eq!(prose[1].scene.as_ref().and_then(Scene::name), Some("unclear"));
        // A gap between events.
        analysis.events.as_mut().unwrap()[1].first = 5;
        assert_eq!(of(&analysis).iter().map(|it| it.pieces.len()).collect::<Vec<_>>(), [5]);
    }
}
