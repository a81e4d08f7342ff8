//! Draws the heatmap: the figure once for each matrix, part and size, the crosshair on a canvas above
//! it, and the figure alone for files.

use std::ops::Range;

use lens_view::dendrogram::Dendrogram;
use lens_view::focus::{Cell, Focus};
use lens_view::heatmap::{BAR_TITLE, Heatmap, HeatmapLayout};
use lens_view::layout::Rect;
use lens_view::scene::{self, Scene};
use wasm_bindgen::JsValue;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use crate::canvas::{ColorBar, draw_bar, fitting, fresh, pixels, upwards};
use crate::palette::Palette;

/// What a figure shows.
pub struct DrawnHeatmap<'a> {
    /// The matrix.
    pub heatmap: &'a Heatmap,
    /// One pixel a cell.
    pub raster: &'a HtmlCanvasElement,
    /// Where everything goes.
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

/// A canvas of one pixel a cell: scaled by [`draw_figure`].
///
/// # Errors
/// The browser's, e.g. out of memory.
pub fn raster(heatmap: &Heatmap) -> Result<HtmlCanvasElement, JsValue> {
    let n = heatmap.size() as u32;
    pixels(&heatmap.raster(), n, n)
}

/// Draws matrix, labels, titles, color bar, events and tree.
///
/// # Errors
/// The browser's.
pub fn draw_figure(canvas: &HtmlCanvasElement, drawn: &DrawnHeatmap, pixel_ratio: f64) -> Result<(), JsValue> {
    let palette = Palette::of(canvas);
    let context = fresh(canvas, (drawn.layout.figure.width, drawn.layout.figure.height), pixel_ratio)?;
    draw_on(&context, drawn, &palette, pixel_ratio)
}

/// Draws the figure with its upper left corner at the origin.
///
/// # Errors
/// The browser's.
pub fn draw_on(
    context: &CanvasRenderingContext2d,
    drawn: &DrawnHeatmap,
    palette: &Palette,
    pixel_ratio: f64,
) -> Result<(), JsValue> {
    let DrawnHeatmap { heatmap, raster, layout, .. } = drawn;
    let Rect { x, y, width, height } = layout.figure.plot;
    // Hard cells while a cell has a pixel; below that neighbors have to be averaged.
    context.set_image_smoothing_enabled(layout.cell_side * pixel_ratio < 1.0);
    let part = layout.viewport;
    context.draw_image_with_html_canvas_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
        raster, part.x, part.y, part.span, part.span, x, y, width, height,
    )?;
    if layout.prints_values() {
        print_values(context, heatmap, layout, palette)?;
    }
    if !heatmap.is_ordered() {
        for boundary in drawn.boundaries {
            draw_lines(context, heatmap, layout, *boundary, palette, pixel_ratio);
        }
        // A line stands where the scene changes; a broken one where the expectation follows it.
        for scene in drawn.scenes.iter().filter(|scene| scene.lag() > 0 && drawn.boundaries.contains(&scene.first)) {
            context.save();
            let dashes = js_sys::Array::of2(&6.into(), &5.into());
            context.set_line_dash(&dashes)?;
            draw_lines(context, heatmap, layout, scene.expectation_from, palette, pixel_ratio);
            context.restore();
        }
    }
    if let (Some((tree, cut)), Some(place)) = (drawn.tree, layout.tree) {
        draw_tree(context, tree, cut, layout, place, palette);
    }

    context.set_font(&format!("{}px {}", layout.font, palette.typeface));
    context.set_text_baseline("middle");
    context.set_fill_style_str(&palette.ink);
    for slot in layout.labeled() {
        let Some(position) = heatmap.position(slot) else { continue };
        let label = heatmap.label(position, drawn.label_room);
        if layout.shows_row(slot) {
            row_label(context, layout, slot, &label)?;
        }
        if layout.shows_column(slot) {
            column_label(context, layout, slot, &label)?;
        }
    }
    if layout.has_names {
        if drawn.scenes.len() > 1 && !heatmap.is_ordered() {
            draw_scene_names(context, heatmap, layout, drawn.scenes, palette)?;
        } else {
            draw_titles(context, heatmap.axis_title(), layout, palette)?;
        }
    }
    let Some(place) = layout.figure.color_bar else { return Ok(()) };
    let title = if layout.has_names { BAR_TITLE } else { "" };
    let is_clamped = heatmap.is_clamped();
    let bar = ColorBar { map: heatmap.scale.map(), range: heatmap.range, layout: place, title, is_clamped };
    draw_bar(context, &bar, palette)
}

/// A line down and one across before the token at `position`, light on dark, so that they are seen on every color. Both are whole
/// pixels of the screen on whole pixels: between two of them a line is a gray smear.
fn draw_lines(
    context: &CanvasRenderingContext2d,
    heatmap: &Heatmap,
    layout: &HeatmapLayout,
    position: usize,
    palette: &Palette,
    pixel_ratio: f64,
) {
    let Some(slot) = heatmap.slot(position) else { return };
    let Rect { x, y, width, height } = layout.figure.plot;
    let inner = pixel_ratio.round().max(1.0);
    // The middle of a line of an odd number of pixels is the middle of a pixel.
    let middle = |at: f64| ((at * pixel_ratio - inner / 2.0).round() + inner / 2.0) / pixel_ratio;
    let (at_x, at_y) = (middle(layout.column_x(slot as f64)), middle(layout.row_y(slot as f64)));
    for (line, color) in [(3.0 * inner, &palette.cell_outer), (inner, &palette.cell_inner)] {
        context.set_stroke_style_str(color);
        context.set_line_width(line / pixel_ratio);
        context.begin_path();
        if at_x > x && at_x < x + width {
            context.move_to(at_x, y);
            context.line_to(at_x, y + height);
        }
        if at_y > y && at_y < y + height {
            context.move_to(x, at_y);
            context.line_to(x + width, at_y);
        }
        context.stroke();
    }
}

/// The shown cells' values, on their colors.
fn print_values(
    context: &CanvasRenderingContext2d,
    heatmap: &Heatmap,
    layout: &HeatmapLayout,
    palette: &Palette,
) -> Result<(), JsValue> {
    let shown =
        |first: f64| (first.floor() as usize)..((first + layout.viewport.span).ceil() as usize).min(heatmap.size());
    context.save();
    context.begin_path();
    let Rect { x, y, width, height } = layout.figure.plot;
    context.rect(x, y, width, height);
    context.clip();
    context.set_font(&format!("{}px {}", (layout.cell_side * 0.3).min(13.0), palette.typeface));
    context.set_text_align("center");
    context.set_text_baseline("middle");
    for row in shown(layout.viewport.y) {
        for column in shown(layout.viewport.x) {
            let cell = Cell { row, column };
            let Some((value, is_dark)) = heatmap.printed(cell) else { continue };
            // In both themes: the ground is the data's color.
            context.set_fill_style_str(if is_dark { "#ffffff" } else { "#000000" });
            let [x, y] = layout.cell_rect(cell).center();
            context.fill_text(&value, x, y)?;
        }
    }
    context.restore();
    Ok(())
}

/// As many of the words of `name` as fit, whole; the first one cut where it does not.
fn fitting_words(context: &CanvasRenderingContext2d, name: &str, width: f64) -> Result<String, JsValue> {
    let names = scene::shorter_names(name);
    for name in &names {
        if context.measure_text(name)?.width() <= width {
            return Ok((*name).to_owned());
        }
    }
    fitting(context, names.last().copied().unwrap_or_default(), width)
}

/// Names of the scenes along both axes, each in its color over its own tokens.
fn draw_scene_names(
    context: &CanvasRenderingContext2d,
    heatmap: &Heatmap,
    layout: &HeatmapLayout,
    scenes: &[Scene],
    palette: &Palette,
) -> Result<(), JsValue> {
    context.set_font(&format!("600 12px {}", palette.typeface));
    context.set_text_align("center");
    let Rect { x, y, width, height } = layout.figure.plot;
    for scene in scenes {
        let Some((first, end)) = heatmap.scene_slots(scene) else { continue };
        let name = scene.name().map_or_else(|| format!("scene {}", scene.number), str::to_owned);
        context.set_fill_style_str(palette.scene(scene.number));
        let (left, right) = (layout.column_x(first).max(x), layout.column_x(end).min(x + width));
        if right > left {
            let name = fitting_words(context, &name, right - left - 6.0)?;
            context.fill_text(&name, (left + right) / 2.0, layout.column_title_y)?;
            context.fill_rect(left, layout.column_title_y - 10.0, right - left - 1.0, 2.0);
        }
        let (top, bottom) = (layout.row_y(first).max(y), layout.row_y(end).min(y + height));
        if bottom > top {
            let name = fitting_words(context, &name, bottom - top - 6.0)?;
            upwards(context, layout.row_title_x, (top + bottom) / 2.0, |context| context.fill_text(&name, 0.0, 0.0))?;
            context.fill_rect(layout.row_title_x + 8.0, top, 2.0, bottom - top - 1.0);
        }
    }
    Ok(())
}

/// Links from the matrix' edge to the root at the right; clusters below the cut in the accent.
fn draw_tree(
    context: &CanvasRenderingContext2d,
    tree: &Dendrogram,
    cut: f32,
    layout: &HeatmapLayout,
    place: Rect,
    palette: &Palette,
) {
    let highest = tree.highest.max(f64::from(cut)).max(1e-6);
    let at = |height: f64| place.x + height / highest * place.width;
    context.save();
    context.begin_path();
    context.rect(place.x, place.y, place.width + 1.0, place.height);
    context.clip();
    context.set_line_width(1.0);
    for (is_below, color) in [(false, &palette.muted), (true, &palette.accent)] {
        context.set_stroke_style_str(color);
        context.begin_path();
        for link in tree.links.iter().filter(|link| link.is_below_cut == is_below) {
            let (from, to) = (layout.row_y(link.from), layout.row_y(link.to));
            context.move_to(at(link.from_height), from);
            context.line_to(at(link.height), from);
            context.line_to(at(link.height), to);
            context.line_to(at(link.to_height), to);
        }
        context.stroke();
    }
    context.set_fill_style_str(&palette.rule);
    context.fill_rect(at(f64::from(cut)) - 0.5, place.y, 1.0, place.height);
    context.restore();
}

fn row_label(
    context: &CanvasRenderingContext2d,
    layout: &HeatmapLayout,
    row: usize,
    label: &str,
) -> Result<(), JsValue> {
    let (x, y) = layout.row_label(row);
    context.set_text_align("right");
    context.fill_text(label, x, y)
}

fn column_label(
    context: &CanvasRenderingContext2d,
    layout: &HeatmapLayout,
    column: usize,
    label: &str,
) -> Result<(), JsValue> {
    let (x, y) = layout.column_label(column);
    upwards(context, x, y, |context| {
        context.set_text_align("right");
        context.fill_text(label, 0.0, 0.0)
    })
}

fn draw_titles(
    context: &CanvasRenderingContext2d,
    title: &str,
    layout: &HeatmapLayout,
    palette: &Palette,
) -> Result<(), JsValue> {
    context.set_font(&format!("12px {}", palette.typeface));
    context.set_fill_style_str(&palette.muted);
    context.set_text_align("center");
    let Rect { x, y, width, height } = layout.figure.plot;
    context.fill_text(title, x + width / 2.0, layout.column_title_y)?;
    upwards(context, layout.row_title_x, y + height / 2.0, |context| context.fill_text(title, 0.0, 0.0))
}

/// Covers what is not read yet: rows and columns of the tokens after the one at `read_to`.
pub fn cover_unread(
    context: &CanvasRenderingContext2d,
    heatmap: &Heatmap,
    layout: &HeatmapLayout,
    read_to: usize,
    palette: &Palette,
) {
    let Rect { x, y, width, height } = layout.figure.plot;
    context.set_fill_style_str(&palette.paper);
    let part = layout.viewport;
    let (first, last) = (part.x.min(part.y).floor() as usize, (part.x.max(part.y) + part.span).ceil() as usize);
    // Slots that follow each other are covered at once: all of them, where they stand in the text's order.
    let mut begin = None;
    for slot in first..=last.min(heatmap.size()) {
        let is_unread = heatmap.position(slot).filter(|_| slot < last).is_some_and(|position| position > read_to);
        match (begin, is_unread) {
            (None, true) => begin = Some(slot),
            (Some(from), false) => {
                let clamp = |at: f64, low: f64, size: f64| at.clamp(low, low + size);
                let (left, right) =
                    (clamp(layout.column_x(from as f64), x, width), clamp(layout.column_x(slot as f64), x, width));
                let (top, bottom) =
                    (clamp(layout.row_y(from as f64), y, height), clamp(layout.row_y(slot as f64), y, height));
                // The matrix may end within a pixel.
                let beyond = |end: f64, edge: f64| if end < edge { end } else { edge + 1.0 };
                let (right, bottom) = (beyond(right, x + width), beyond(bottom, y + height));
                context.fill_rect(left, y, right - left, height + 1.0);
                context.fill_rect(x, top, width + 1.0, bottom - top);
                begin = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }
}

/// What lies over the figure.
pub struct Overlay<'a> {
    /// What is focused and pinned.
    pub focus: Focus,
    /// Selected spans.
    pub spans: &'a [Range<usize>],
    /// The token up to which the text is read; none for all of it.
    pub read_to: Option<usize>,
    /// Columns a label may take.
    pub label_room: usize,
}

/// Covers what is not read yet, and draws the crosshair of what is focused, a quieter one of what is pinned beside it, and
/// the selected spans.
///
/// # Errors
/// The browser's.
pub fn draw_crosshair(
    canvas: &HtmlCanvasElement,
    heatmap: &Heatmap,
    layout: &HeatmapLayout,
    overlay: &Overlay,
    pixel_ratio: f64,
) -> Result<(), JsValue> {
    let Overlay { focus, spans, read_to, label_room } = *overlay;
    let palette = Palette::of(canvas);
    let context = fresh(canvas, (layout.figure.width, layout.figure.height), pixel_ratio)?;
    if let Some(position) = read_to {
        cover_unread(&context, heatmap, layout, position, &palette);
        if let Some(slots) = heatmap.slots(Cell::token(position)) {
            tags(&context, heatmap, layout, slots, (&palette.accent, &palette.on_accent), &palette, label_room)?;
        }
    }
    if !heatmap.is_ordered() {
        inside_matrix(&context, layout, |context| draw_spans(context, heatmap, layout, spans, &palette));
    }
    if let Some(cell) = focus.pinned
        && let Some(slots) = heatmap.slots(cell)
    {
        inside_matrix(&context, layout, |c| bands(c, layout, slots, &palette.pin, &palette.cell_inner));
        tags(&context, heatmap, layout, slots, (&palette.pin, &palette.on_accent), &palette, label_room)?;
    }
    if let Some(cell) = focus.focused()
        && let Some(slots) = heatmap.slots(cell)
    {
        if focus.pinned != Some(cell) {
            inside_matrix(&context, layout, |c| bands(c, layout, slots, &palette.cell_outer, &palette.cell_inner));
            tags(&context, heatmap, layout, slots, (&palette.accent, &palette.on_accent), &palette, label_room)?;
        }
        inside_matrix(&context, layout, |context| {
            let cell = layout.cell_rect(slots);
            outline(context, cell, 2.0, 2.0, &palette.cell_outer);
            outline(context, cell, 1.0, 1.5, &palette.cell_inner);
        });
    }
    Ok(())
}

/// Draws clipped to the matrix and a hand's breadth around it.
fn inside_matrix(
    context: &CanvasRenderingContext2d,
    layout: &HeatmapLayout,
    draw: impl FnOnce(&CanvasRenderingContext2d),
) {
    let Rect { x, y, width, height } = layout.figure.plot;
    context.save();
    context.begin_path();
    context.rect(x - 2.5, y - 2.5, width + 5.0, height + 5.0);
    context.clip();
    draw(context);
    context.restore();
}

/// The square of each selected span, and the rectangle where two meet.
fn draw_spans(
    context: &CanvasRenderingContext2d,
    heatmap: &Heatmap,
    layout: &HeatmapLayout,
    spans: &[Range<usize>],
    palette: &Palette,
) {
    let slots = |span: &Range<usize>| {
        // BOS may be left out of the matrix.
        let first = span.clone().find_map(|position| heatmap.slot(position))?;
        Some((first as f64, heatmap.slot(span.end.checked_sub(1)?)? as f64 + 1.0))
    };
    let places: Vec<(f64, f64)> = spans.iter().filter_map(slots).collect();
    for (i, rows) in places.iter().enumerate() {
        for (j, columns) in places.iter().enumerate() {
            let block = Rect {
                x: layout.column_x(columns.0),
                y: layout.row_y(rows.0),
                width: (columns.1 - columns.0) * layout.cell_side,
                height: (rows.1 - rows.0) * layout.cell_side,
            };
            outline(context, block, 0.75, if i == j { 3.0 } else { 2.0 }, &palette.cell_inner);
            outline(context, block, 0.75, if i == j { 1.5 } else { 1.0 }, &palette.pin);
        }
    }
}

/// Row and column, each outlined twice: whatever the colors below are, one of the lines is seen.
fn bands(context: &CanvasRenderingContext2d, layout: &HeatmapLayout, cell: Cell, outer: &str, inner: &str) {
    let bands = [layout.row_band(cell.row), layout.column_band(cell.column)];
    for (grow, line, color) in [(0.75, 2.0, outer), (0.0, 1.0, inner)] {
        for band in bands {
            outline(context, band, grow, line, color);
        }
    }
}

fn outline(context: &CanvasRenderingContext2d, rect: Rect, grow: f64, line: f64, color: &str) {
    context.set_stroke_style_str(color);
    context.set_line_width(line);
    context.stroke_rect(rect.x - grow, rect.y - grow, rect.width + 2.0 * grow, rect.height + 2.0 * grow);
}

/// Writes the labels of a cell's row and column on a colored ground, also where labels are thinned.
fn tags(
    context: &CanvasRenderingContext2d,
    heatmap: &Heatmap,
    layout: &HeatmapLayout,
    cell: Cell,
    (ground, text): (&str, &str),
    palette: &Palette,
    label_room: usize,
) -> Result<(), JsValue> {
    let font = layout.font.max(10.0);
    context.set_font(&format!("600 {font}px {}", palette.typeface));
    context.set_text_baseline("middle");
    let half = font * 0.5 + 2.5;
    let label = |slot: usize| heatmap.position(slot).map(|position| heatmap.label(position, label_room));
    if let Some(row) = label(cell.row).filter(|_| layout.shows_row(cell.row)) {
        let (x, y) = layout.row_label(cell.row);
        let width = context.measure_text(&row)?.width();
        context.set_fill_style_str(ground);
        context.fill_rect(x - width - 3.0, y - half, width + 6.0, 2.0 * half);
        context.set_fill_style_str(text);
        row_label(context, layout, cell.row, &row)?;
    }
    if let Some(column) = label(cell.column).filter(|_| layout.shows_column(cell.column)) {
        let (x, y) = layout.column_label(cell.column);
        let width = context.measure_text(&column)?.width();
        context.set_fill_style_str(ground);
        context.fill_rect(x - half, y - 3.0, 2.0 * half, width + 6.0);
        context.set_fill_style_str(text);
        column_label(context, layout, cell.column, &column)?;
    }
    Ok(())
}
