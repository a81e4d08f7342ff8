//! The figures that are made of cells: the similarity matrix and the attention map.

use super::writer::{Anchor, Caption, Svg, SvgTheme, fitting};
use crate::figure::attention::{self, AttentionLayout, AttentionMap};
use crate::figure::dendrogram::Dendrogram;
use crate::figure::focus::Cell;
use crate::figure::heatmap::{BAR_TITLE, Heatmap, HeatmapLayout};
use crate::figure::layout::Rect;
use crate::format::scene::{self, Scene};

/// What the figure of a matrix shows.
#[derive(Debug, Clone, Copy)]
pub struct MatrixFigure<'a> {
    /// The matrix.
    pub heatmap: &'a Heatmap,
    /// Where everything goes, and which part is shown.
    pub layout: &'a HeatmapLayout,
    /// Columns a label may take.
    pub label_room: usize,
    /// First positions of events.
    pub boundaries: &'a [usize],
    /// The scenes of the text, to be named along the axes; none for their plain titles.
    pub scenes: &'a [Scene],
    /// The tree beside the matrix, and where it is cut.
    pub tree: Option<(&'a Dendrogram, f32)>,
}

/// The similarity matrix.
pub fn matrix(figure: MatrixFigure, theme: SvgTheme, caption: Caption) -> String {
    let mut svg = Svg::new(theme);
    draw(&mut svg, figure, theme);
    let size = &figure.layout.figure;
    svg.finish(size.width, size.height, caption)
}

/// Two matrices side by side.
pub fn comparison(figures: [MatrixFigure; 2], theme: SvgTheme, caption: Caption) -> String {
    let mut svg = Svg::new(theme);
    let (mut width, mut height) = (0.0, 0.0f64);
    for figure in figures {
        svg.moved(width, |svg| draw(svg, figure, theme));
        width += figure.layout.figure.width;
        height = height.max(figure.layout.figure.height);
    }
    svg.finish(width, height, caption)
}

fn draw(svg: &mut Svg, figure: MatrixFigure, theme: SvgTheme) {
    let MatrixFigure { heatmap, layout, .. } = figure;
    let side = heatmap.size() as f64 * layout.cell_side;
    let whole = Rect { x: layout.column_x(0.0), y: layout.row_y(0.0), width: side, height: side };
    svg.clipped(layout.figure.plot, |svg| {
        svg.pixels(&heatmap.raster(), heatmap.size(), whole);
        if layout.prints_values() {
            values(svg, heatmap, layout);
        }
        if !heatmap.is_ordered() {
            scene_lines(svg, figure);
        }
    });
    if let (Some((tree, cut)), Some(place)) = (figure.tree, layout.tree) {
        svg.clipped(place, |svg| branches(svg, tree, cut, layout, place, theme));
    }
    for slot in layout.labeled() {
        let Some(position) = heatmap.position(slot) else { continue };
        let label = heatmap.label(position, figure.label_room);
        if layout.shows_row(slot) {
            svg.text(layout.row_label(slot).into(), &label, layout.font, theme.text, Anchor::End);
        }
        if layout.shows_column(slot) {
            svg.upright(layout.column_label(slot).into(), &label, layout.font, theme.text, Anchor::End);
        }
    }
    if layout.has_names {
        if figure.scenes.len() > 1 && !heatmap.is_ordered() {
            scene_names(svg, figure, theme);
        } else {
            let [x, y] = layout.figure.plot.center();
            let title = heatmap.axis_title();
            svg.text([x, layout.column_title_y], title, 12.0, theme.muted, Anchor::Middle);
            svg.upright([layout.row_title_x, y], title, 12.0, theme.muted, Anchor::Middle);
        }
    }
    if let Some(bar) = layout.figure.color_bar {
        svg.bar(heatmap.scale.map(), heatmap.range, bar, BAR_TITLE, heatmap.is_clamped());
    }
}

/// The shown cells' values, on their colors.
fn values(svg: &mut Svg, heatmap: &Heatmap, layout: &HeatmapLayout) {
    let size = (layout.cell_side * 0.3).min(13.0);
    for row in (0..heatmap.size()).filter(|row| layout.shows_row(*row)) {
        for column in (0..heatmap.size()).filter(|column| layout.shows_column(*column)) {
            let cell = Cell { row, column };
            let Some((value, is_dark)) = heatmap.printed(cell) else { continue };
            let color = if is_dark { "#ffffff" } else { "#000000" };
            svg.text(layout.cell_rect(cell).center(), &value, size, color, Anchor::Middle);
        }
    }
}

/// A line where the scene changes, a broken one where the expectation follows it.
fn scene_lines(svg: &mut Svg, MatrixFigure { heatmap, layout, boundaries, scenes, .. }: MatrixFigure) {
    let Rect { x, y, width, height } = layout.figure.plot;
    let mut lines = |position: usize, is_broken: bool| {
        let Some(slot) = heatmap.slot(position) else { return };
        let (at_x, at_y) = (layout.column_x(slot as f64), layout.row_y(slot as f64));
        if at_x > x && at_x < x + width {
            svg.seen_line([at_x, y], [at_x, y + height], is_broken);
        }
        if at_y > y && at_y < y + height {
            svg.seen_line([x, at_y], [x + width, at_y], is_broken);
        }
    };
    boundaries.iter().for_each(|position| lines(*position, false));
    for scene in scenes.iter().filter(|scene| scene.lag() > 0 && boundaries.contains(&scene.first)) {
        lines(scene.expectation_from, true);
    }
}

/// As many of the words of `name` as fit, whole; the first one cut where it does not.
fn fitting_words(name: &str, size: f64, width: f64) -> String {
    let names = scene::shorter_names(name);
    let whole = names.iter().find(|name| fitting(name, size, width) == **name);
    whole.map_or_else(|| fitting(names.last().copied().unwrap_or_default(), size, width), |name| (*name).to_owned())
}

/// Names of the scenes along both axes, each in its color over its own tokens.
fn scene_names(svg: &mut Svg, MatrixFigure { heatmap, layout, scenes, .. }: MatrixFigure, theme: SvgTheme) {
    let Rect { x, y, width, height } = layout.figure.plot;
    for scene in scenes {
        let Some((first, end)) = heatmap.scene_slots(scene) else { continue };
        let name = scene.name().map_or_else(|| format!("scene {}", scene.number), str::to_owned);
        let color = theme.scenes[(scene.number + theme.scenes.len() - 1) % theme.scenes.len()];
        let (left, right) = (layout.column_x(first).max(x), layout.column_x(end).min(x + width));
        if right > left {
            let at = [(left + right) / 2.0, layout.column_title_y];
            svg.text(at, &fitting_words(&name, 12.0, right - left - 6.0), 12.0, color, Anchor::Middle);
            let line = Rect { x: left, y: layout.column_title_y - 10.0, width: right - left - 1.0, height: 2.0 };
            svg.rect(line, color, 1.0);
        }
        let (top, bottom) = (layout.row_y(first).max(y), layout.row_y(end).min(y + height));
        if bottom > top {
            let at = [layout.row_title_x, (top + bottom) / 2.0];
            svg.upright(at, &fitting_words(&name, 12.0, bottom - top - 6.0), 12.0, color, Anchor::Middle);
            let line = Rect { x: layout.row_title_x + 8.0, y: top, width: 2.0, height: bottom - top - 1.0 };
            svg.rect(line, color, 1.0);
        }
    }
}

/// Links from the matrix' edge to the root at the right; clusters below the cut in the accent.
fn branches(svg: &mut Svg, tree: &Dendrogram, cut: f32, layout: &HeatmapLayout, place: Rect, theme: SvgTheme) {
    let highest = tree.highest.max(f64::from(cut)).max(1e-6);
    let at = |height: f64| place.x + height / highest * place.width;
    for link in &tree.links {
        let color = if link.is_below_cut { theme.accent } else { theme.muted };
        let (from, to) = (layout.row_y(link.from), layout.row_y(link.to));
        svg.line([at(link.from_height), from], [at(link.height), from], color, 1.0);
        svg.line([at(link.height), from], [at(link.height), to], color, 1.0);
        svg.line([at(link.height), to], [at(link.to_height), to], color, 1.0);
    }
    let cut = at(f64::from(cut));
    svg.line([cut, place.y], [cut, place.y + place.height], theme.rule, 1.0);
}

/// What every token's prediction is attended from.
pub fn attention(map: &AttentionMap, layout: &AttentionLayout, theme: SvgTheme, caption: Caption) -> String {
    let mut svg = Svg::new(theme);
    let plot = layout.figure.plot;
    svg.rect(plot, theme.sunken, 1.0);
    svg.pixels(&map.raster(), map.size(), plot);
    let [x, y] = plot.center();
    svg.text([x, plot.y + plot.height + 11.0], "From", 12.0, theme.muted, Anchor::Middle);
    svg.upright([8.0, y], "Prediction at", 12.0, theme.muted, Anchor::Middle);
    if let Some(bar) = layout.figure.color_bar {
        svg.bar(attention::MAP, map.range, bar, attention::BAR_TITLE, [false, map.is_clamped()]);
    }
    svg.finish(layout.figure.width, layout.figure.height, caption)
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::{CAPTION, THEME, assert_well_formed};
    use super::super::{PrintWidth, pixels};
    use super::*;
    use crate::example;
    use crate::figure::attention::AttentionSelection;
    use crate::figure::heatmap::{Scale, Viewport};
    use crate::figure::layout::AvailableSpace;
    use crate::format::scene;
    use lens_analysis::similarity::{Mode, Source, similarity};
    use lens_analysis::{Attention, cluster};

    fn space(width: f64) -> AvailableSpace {
        AvailableSpace { width, max_height: 860.0, pixel_ratio: 2.0 }
    }

    #[test]
    fn a_matrix_has_its_cells_labels_values_and_scenes() {
        let mut analysis = example::with_words();
        analysis.tokens[1] = "▁<b>&".to_owned();
        let matrix = similarity(&analysis, Source::Predictable, Mode::Notebook).unwrap();
        let it = Heatmap::new(&analysis, matrix, (Source::Predictable, Mode::Notebook), Scale::Data, None);
        let layout = HeatmapLayout::new(it.size(), 14, space(900.0), Viewport::whole(it.size()), false);
        assert!(layout.prints_values());
        let scenes = scene::all(&analysis);
        let boundaries = [scenes[1].first];
        let figure = MatrixFigure {
            heatmap: &it,
            layout: &layout,
            label_room: 14,
            boundaries: &boundaries,
            scenes: &scenes,
            tree: None,
        };
        let svg = super::matrix(figure, THEME, CAPTION);
        assert_well_formed(&svg);
        assert!(svg.contains(&pixels::address(&it.raster(), it.size()).unwrap()), "the cells of the drawing");
        assert_eq!(svg.matches(">·&lt;b&gt;&amp;</text>").count(), 2, "a label a row and a column");
        for slot in 0..it.size() {
            let (value, _) = it.printed(Cell { row: 0, column: slot }).unwrap();
            assert!(svg.contains(&format!(">{value}</text>")), "{value}");
        }
        assert!(svg.contains("fill=\"navy\"") && svg.contains("fill=\"teal\""), "each scene in its color");
        // Two lines of two strokes, and as many broken ones where the expectation follows later.
        let strokes = if scenes[1].lag() > 0 { 8 } else { 4 };
        assert_eq!(svg.matches("<line ").count(), strokes);
        let plain = super::matrix(MatrixFigure { boundaries: &[], scenes: &[], ..figure }, THEME, CAPTION);
        assert!(plain.contains(">Token position</text>") && !plain.contains("<line "));
    }

    #[test]
    fn a_clamped_color_bar_is_pointed_and_a_column_of_print_is_85_mm_wide() {
        let analysis = example::analysis();
        let matrix = similarity(&analysis, Source::Predictable, Mode::Notebook).unwrap();
        let tree = Dendrogram::of(&cluster::average_linkage(&matrix), 0.2);
        let kind = (Source::Predictable, Mode::Notebook);
        let mut it = Heatmap::new(&analysis, matrix, kind, Scale::Data, Some(&tree.order));
        let print = Caption { width: PrintWidth::Column, ..CAPTION };
        let layout = HeatmapLayout::new(3, 9, space(print.width.pixels()), Viewport::whole(3), true);
        let drawn = |it: &Heatmap| {
            let heatmap = it;
            let tree = Some((&tree, 0.2));
            let figure = MatrixFigure { heatmap, layout: &layout, label_room: 9, boundaries: &[1], scenes: &[], tree };
            super::matrix(figure, THEME, print)
        };
        let svg = drawn(&it);
        assert_well_formed(&svg);
        assert!(svg.contains("width=\"85mm\"") && svg.contains("viewBox=\"0 0 321.26 "), "{svg}");
        assert_eq!(svg.matches("<line ").count(), 2 * 3 + 1, "the tree, and no scenes in its order");
        let outline =
            |svg: &str| svg.split("<polygon points=\"").nth(1).map(|it| it.split('"').next().unwrap().to_owned());
        let straight = outline(&svg).unwrap();
        it.range.high = 0.5;
        assert_ne!(outline(&drawn(&it)).unwrap(), straight);
    }

    #[test]
    fn attention_has_its_cells_and_says_what_its_colors_cut() {
        let analysis = example::analysis();
        let head = Attention::levels_of(&[1.0, 0.0, 0.0, 0.25, 0.75, 0.0, 0.5, 0.125, 0.375], 3);
        let attention = Attention::new(1, 1, 3, vec![head]).unwrap();
        let map = AttentionMap::of(&attention, &analysis.tokens, AttentionSelection::default()).unwrap();
        let svg = super::attention(&map, &AttentionLayout::new(3, 640.0), THEME, CAPTION);
        assert_well_formed(&svg);
        assert!(svg.contains(&pixels::address(&map.raster(), 3).unwrap()), "the cells of the drawing");
        assert!(svg.contains(">Prediction at</text>") && svg.contains(">From</text>") && svg.contains("<polygon"));
    }
}
