//! A picture of an analysis for where a link to it is shown: the matrix of what the past made expected, and beside it the
//! text, each token a bar. It has no letters, because drawing them takes a font; what shows the link has words of its own.

use lens_analysis::Analysis;
use lens_analysis::per_token::Quantity;
use lens_analysis::similarity::{Matrix, Mode, Source, similarity};

use super::png;
use crate::figure::color::{self, NOT_A_NUMBER, Rgb};
use crate::figure::heatmap::Scale;
use crate::figure::strip::Shading;
use crate::format::scene::{self, Scene};
use crate::format::token;

/// Size in pixels that those who show links ask for.
pub const SIZE: [usize; 2] = [1200, 630];

/// Colors of a picture; those of the data are the matrix' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviewTheme {
    /// The ground.
    pub paper: Rgb,
    /// Scenes of a text, in turn.
    pub scenes: [Rgb; 4],
}

/// Side of the matrix, and what stays free around all.
const PLOT: usize = 550;
const MARGIN: usize = (SIZE[1] - PLOT) / 2;
/// Width of the bar along an edge that tells a scene, and between that and the matrix.
const EDGE: usize = 8;
const EDGE_GAP: usize = 4;
/// Where the matrix begins.
const LEFT: usize = MARGIN + EDGE + EDGE_GAP;
const TOP: usize = MARGIN;
/// Between matrix and text.
const GAP: usize = 48;
/// More cells in a row are averaged by squares: the picture has to stay small.
const CELLS_MAX: usize = 128;
/// Neighboring colors of a map become one.
const MERGED_COLORS: usize = 4;
/// Width of a letter in a short text and in the longest one, and the height of a line in widths.
const LETTERS: std::ops::RangeInclusive<usize> = 2..=28;
const LINE: usize = 3;
/// How strongly the least new token is drawn, and in how many steps they grow stronger.
const FAINTEST: f32 = 0.3;
const STEPS: f32 = 6.0;

/// The picture as a PNG; none where the result was saved without what the matrix follows from.
pub fn preview(analysis: &Analysis, theme: &PreviewTheme) -> Option<Vec<u8>> {
    let matrix = similarity(analysis, Source::Predictable, Mode::Neuronpedia).ok()?;
    let scenes = scene::all(analysis);
    let mut canvas = Canvas::new(theme.paper);
    draw_matrix(&mut canvas, &matrix, &scenes, theme);
    draw_text(&mut canvas, analysis, &scenes, theme);
    png::indexed(&canvas.pixels, SIZE[0], &canvas.palette)
}

/// What the picture is, for those who do not see it.
pub const ALTERNATIVE: &str = "The similarity matrix of the text’s words, next to the text as bars without letters";

/// What can be read from the picture, in two sentences.
pub fn caption(analysis: &Analysis) -> String {
    let has_scenes = scene::all(analysis).len() > 1;
    // BOS has no cell.
    let step = analysis.tokens.len().saturating_sub(1).div_ceil(CELLS_MAX);
    let squares = if step > 1 { format!(" (a cell is the mean of {step} by {step})") } else { String::new() };
    let lines = if has_scenes { ", with a line where a scene begins" } else { "" };
    let color = if has_scenes { " in its scene’s color" } else { "" };
    let strength = if analysis.energy.is_some() { ", the stronger the more of it is new" } else { "" };
    format!(
        "Left, which words share an expectation: the cosine of the predictable codes of every two tokens{squares}, blue \
         below 0 and vermilion above{lines}. Right, the text: a bar for each token{color}{strength}."
    )
}

fn scene_color(number: usize, theme: &PreviewTheme) -> Rgb {
    theme.scenes[(number + theme.scenes.len() - 1) % theme.scenes.len()]
}

/// Pixels as places in a palette that grows with what is drawn; the first is the ground.
struct Canvas {
    pixels: Vec<u8>,
    palette: Vec<Rgb>,
}

impl Canvas {
    fn new(paper: Rgb) -> Self {
        Self { pixels: vec![0; SIZE[0] * SIZE[1]], palette: vec![paper] }
    }

    /// The place of a color; of the nearest one where there is no more room.
    fn place(&mut self, color: Rgb) -> u8 {
        let distance = |it: &Rgb| it.iter().zip(color).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum::<u32>();
        let nearest = self.palette.iter().enumerate().min_by_key(|(_, it)| distance(it));
        let nearest = nearest
            .map_or(0, |(place, it)| if *it == color || self.palette.len() > 255 { place } else { self.palette.len() });
        if nearest == self.palette.len() {
            self.palette.push(color);
        }
        u8::try_from(nearest).unwrap_or_default()
    }

    /// A rectangle; what lies outside is cut off.
    fn fill(&mut self, [x, y]: [usize; 2], [width, height]: [usize; 2], color: Rgb) {
        let place = self.place(color);
        let columns = x.min(SIZE[0])..(x + width).min(SIZE[0]);
        for row in y.min(SIZE[1])..(y + height).min(SIZE[1]) {
            self.pixels[row * SIZE[0]..][columns.clone()].fill(place);
        }
    }
}

/// The matrix with its scenes at the left and upper edge, and a line where one begins.
fn draw_matrix(canvas: &mut Canvas, matrix: &Matrix, scenes: &[Scene], theme: &PreviewTheme) {
    let n = matrix.size().max(1);
    let step = n.div_ceil(CELLS_MAX);
    let cells = n.div_ceil(step);
    // From the matrix' edge; cells of whole pixels, some of them one larger than others.
    let edge = |cell: usize| cell * PLOT / cells;
    let table = Scale::Signed.map().table();
    let range = Scale::Signed.range(&[]);
    for row in 0..cells {
        for column in 0..cells {
            let color = mean(matrix, [row * step, column * step], step)
                .and_then(|value| color::index(value, range))
                .map_or(NOT_A_NUMBER, |place| table[place / MERGED_COLORS * MERGED_COLORS + MERGED_COLORS / 2]);
            let size = [edge(column + 1) - edge(column), edge(row + 1) - edge(row)];
            canvas.fill([LEFT + edge(column), TOP + edge(row)], size, color);
        }
    }
    let at = |position: usize| (position.saturating_sub(matrix.first) * PLOT / (cells * step)).min(PLOT);
    for scene in scenes {
        let (from, to) = (at(scene.first), at(scene.last + 1));
        let color = scene_color(scene.number, theme);
        canvas.fill([LEFT - EDGE - EDGE_GAP, TOP + from], [EDGE, to - from], color);
        canvas.fill([LEFT + from, TOP - EDGE - EDGE_GAP], [to - from, EDGE], color);
    }
    for scene in scenes.iter().skip(1) {
        let from = at(scene.first);
        // White in black is seen on every color.
        for (width, color) in [(4, [0; 3]), (2, [255; 3])] {
            canvas.fill([LEFT + from - width / 2, TOP], [width, PLOT], color);
            canvas.fill([LEFT, TOP + from - width / 2], [PLOT, width], color);
        }
    }
}

/// The mean of a square of entries; none where none is a number.
fn mean(matrix: &Matrix, [row, column]: [usize; 2], step: usize) -> Option<f32> {
    let places = (row..row + step).flat_map(|row| (column..column + step).map(move |column| (row, column)));
    let values = places.filter_map(|(row, column)| matrix.entries.get(row, column)).filter(|it| it.is_finite());
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// A part of a token in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bar {
    position: usize,
    line: usize,
    column: usize,
    columns: usize,
}

/// The text, each token a bar in its scene's color, the stronger the newer.
fn draw_text(canvas: &mut Canvas, analysis: &Analysis, scenes: &[Scene], theme: &PreviewTheme) {
    let left = LEFT + PLOT + GAP;
    let width = SIZE[0] - MARGIN - left;
    let fits = |letter: &usize| {
        let (_, lines) = bars(&analysis.tokens, width / letter);
        lines * LINE * letter <= PLOT
    };
    let letter = LETTERS.rev().find(fits).unwrap_or(*LETTERS.start());
    let (bars, lines) = bars(&analysis.tokens, width / letter);
    let top = SIZE[1].saturating_sub(lines * LINE * letter) / 2;
    let shading = Shading::of(analysis, Quantity::NovelShare).ok();
    for bar in bars {
        let number = scenes.iter().find(|it| (it.first..=it.last).contains(&bar.position)).map_or(1, |it| it.number);
        let level = shading.as_ref().map_or(1.0, |it| it.level(bar.position));
        let strength = FAINTEST + (1.0 - FAINTEST) * (level * STEPS).round() / STEPS;
        let color = blended(theme.paper, scene_color(number, theme), strength);
        let place = [left + bar.column * letter, top + bar.line * LINE * letter + letter / 2];
        canvas.fill(place, [bar.columns * letter, 2 * letter], color);
    }
}

fn blended(from: Rgb, to: Rgb, share: f32) -> Rgb {
    std::array::from_fn(|i| (f32::from(from[i]) + (f32::from(to[i]) - f32::from(from[i])) * share).round() as u8)
}

/// Bars of all tokens but BOS in lines of `room` columns, words kept whole, and how many lines there are.
fn bars(tokens: &[String], room: usize) -> (Vec<Bar>, usize) {
    let room = room.max(1);
    let (mut bars, mut line, mut column): (Vec<Bar>, usize, usize) = (Vec::new(), 0, 0);
    // The letters of the word so far.
    let mut word: Vec<(usize, usize)> = Vec::new();
    let mut set = |word: &mut Vec<(usize, usize)>, line: &mut usize, column: &mut usize| {
        let columns: usize = word.iter().map(|it| it.1).sum();
        if *column > 0 && *column + columns > room {
            (*line, *column) = (*line + 1, 0);
        }
        for (position, columns) in word.drain(..) {
            if *column + columns > room {
                (*line, *column) = (*line + 1, 0);
            }
            match bars.last_mut() {
                Some(bar) if (bar.position, bar.line, bar.column + bar.columns) == (position, *line, *column) => {
                    bar.columns += columns;
                }
                _ => bars.push(Bar { position, line: *line, column: *column, columns }),
            }
            *column += columns;
        }
    };
    for (position, it) in tokens.iter().enumerate().skip(1) {
        if token::is_byte(it) && !token::breaks_line(it) {
            word.push((position, 1));
            continue;
        }
        let newline = token::is_byte(it).then_some("\n");
        for c in newline.unwrap_or(it).chars() {
            match c {
                '\n' => {
                    set(&mut word, &mut line, &mut column);
                    (line, column) = (line + 1, 0);
                }
                c if c == '▁' || c.is_whitespace() => {
                    set(&mut word, &mut line, &mut column);
                    column += 1;
                }
                c => word.push((position, token::columns(c.encode_utf8(&mut [0; 4])))),
            }
        }
    }
    set(&mut word, &mut line, &mut column);
    (bars, line + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use crate::export::png::tests::colors;

    const THEME: PreviewTheme =
        PreviewTheme { paper: [250; 3], scenes: [[0, 100, 0], [0, 0, 200], [9, 9, 9], [80, 0, 0]] };

    fn words(tokens: &[&str], room: usize) -> (Vec<[usize; 4]>, usize) {
        let tokens: Vec<String> = tokens.iter().map(|it| (*it).to_owned()).collect();
        let (bars, lines) = bars(&tokens, room);
        (bars.iter().map(|it| [it.position, it.line, it.column, it.columns]).collect(), lines)
    }

    #[test]
    fn words_stay_whole_and_lines_break_where_the_text_does() {
        let tokens = ["<bos>", "G", "ulls", "▁wheel", "\n\n", "▁▁", "a", "<0xE2>", "<0x0A>", "b"];
        let expected = vec![[1, 0, 0, 1], [2, 0, 1, 4], [3, 0, 6, 5], [6, 2, 2, 1], [7, 2, 3, 1], [9, 3, 0, 1]];
        assert_eq!(words(&tokens, 11), (expected, 4));
        assert_eq!(words(&tokens[..4], 10), (vec![[1, 0, 0, 1], [2, 0, 1, 4], [3, 1, 0, 5]], 2));
        assert_eq!(words(&["<bos>", "abcde"], 2).0, [[1, 0, 0, 2], [1, 1, 0, 2], [1, 2, 0, 1]]);
        assert_eq!(words(&["<bos>"], 0), (vec![], 1));
    }

    #[test]
    fn the_picture_shows_cells_scenes_and_the_text() {
        let mut analysis = example::with_words();
        analysis.energy.as_mut().unwrap().novel[2] = 9.0;
        let (pixels, width) = colors(&preview(&analysis, &THEME).unwrap());
        assert_eq!([width, pixels.len() / width], SIZE);
        let at = |x: usize, y: usize| pixels[y * width + x];
        // Two by two cells: each token is like itself, and the two are hardly alike.
        let table = Scale::Signed.map().table();
        let cell = |x: usize, y: usize| at(LEFT + 10 + x * PLOT / 2, TOP + 10 + y * PLOT / 2);
        assert_eq!((cell(0, 0), cell(1, 1)), (table[254], table[254]));
        assert_eq!(cell(1, 0), cell(0, 1));
        assert_eq!(
            Some(cell(1, 0)),
            color::index(0.25, Scale::Signed.range(&[])).map(|place| table[place / 4 * 4 + 2])
        );
        // Each in its scene, and a line between them.
        assert_eq!((at(MARGIN, TOP + 10), at(MARGIN, TOP + PLOT - 10)), (THEME.scenes[0], THEME.scenes[1]));
        assert_eq!((at(LEFT + 10, TOP - 10), at(LEFT + PLOT - 10, TOP - 10)), (THEME.scenes[0], THEME.scenes[1]));
        assert_eq!((at(LEFT + PLOT / 2, TOP + 10), at(LEFT + PLOT / 2 + 1, TOP + 10)), ([255; 3], [0; 3]));
        assert_eq!(at(0, 0), THEME.paper);
        // " sky" and ".", the newer of the two.
        let text: Vec<Rgb> = (LEFT + PLOT + GAP..width).map(|x| at(x, SIZE[1] / 2)).collect();
        let expected = [THEME.paper, blended(THEME.paper, THEME.scenes[0], FAINTEST), THEME.scenes[1], THEME.paper];
        assert_eq!(text.chunk_by(|a, b| a == b).map(|run| run[0]).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_caption_says_only_what_is_drawn() {
        let text = caption(&example::with_words());
        assert!(text.contains("blue below 0 and vermilion above, with a line where a scene begins. Right"), "{text}");
        assert!(
            text.ends_with("a bar for each token in its scene’s color, the stronger the more of it is new."),
            "{text}"
        );
        let mut plain = example::analysis();
        assert!(
            caption(&plain).contains("vermilion above. Right") && caption(&plain).ends_with("a bar for each token.")
        );
        plain.tokens = vec!["▁a".to_owned(); 300];
        assert!(caption(&plain).contains("every two tokens (a cell is the mean of 3 by 3), blue"));
    }

    #[test]
    fn a_result_without_its_matrix_has_no_picture() {
        let analysis = Analysis { saved_similarity: None, ..example::analysis() };
        assert_eq!(preview(&analysis, &THEME), None);
    }

    #[test]
    fn a_full_palette_takes_the_nearest_color() {
        let mut canvas = Canvas::new([0; 3]);
        for i in 0..=255 {
            canvas.place([i, 0, 0]);
        }
        assert_eq!((canvas.palette.len(), canvas.place([9, 1, 0])), (256, 9));
    }

    #[test]
    fn many_cells_are_averaged_and_the_file_stays_small() {
        let n = 300;
        let mut analysis = example::analysis();
        analysis.tokens = (0..n).map(|i| if i == 0 { "<bos>".to_owned() } else { format!("▁word{i}") }).collect();
        // As noisy as they come.
        let noise = |i: usize, j: usize| ((i.min(j) * 7919 + i.max(j) * 104_729) % 2003) as f32 / 1001.5 - 1.0;
        let entries = (0..n * n).map(|at| if at / n == at % n { 1.0 } else { noise(at / n, at % n) }).collect();
        analysis.saved_similarity = Some(entries);
        let png = preview(&analysis, &THEME).unwrap();
        assert!(png.len() < 60_000, "{}", png.len());
        let matrix = similarity(&analysis, Source::Predictable, Mode::Neuronpedia).unwrap();
        let expected = (matrix.entries.get(0, 0).unwrap() + 2.0 * noise(1, 2) + 1.0) / 4.0;
        assert!((mean(&matrix, [0, 0], 2).unwrap() - expected).abs() < 1e-6);
    }
}
