//! Draws the heatmap: the figure once for each matrix and size, the crosshair on a canvas above it.

use lens_view::colour::{self, ColourMap};
use lens_view::focus::{Focus, Spot};
use lens_view::heatmap::{self, AXIS_TITLE, BAR_TITLE, Bar, Heatmap, Layout, Rect};
use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use crate::environment;
use crate::palette::Palette;

/// The colour map of the similarity matrix.
pub const MAP: ColourMap = ColourMap::Magma;

/// A canvas of one pixel a cell: scaled by `draw_figure`.
///
/// # Errors
/// The browser's, e.g. out of memory.
pub fn raster(heatmap: &Heatmap) -> Result<HtmlCanvasElement, JsValue> {
    let n = heatmap.size() as u32;
    pixels(&heatmap.raster(MAP), n, n)
}

fn pixels(rgba: &[u8], width: u32, height: u32) -> Result<HtmlCanvasElement, JsValue> {
    let canvas: HtmlCanvasElement =
        environment::document().ok_or(JsValue::NULL)?.create_element("canvas")?.dyn_into()?;
    canvas.set_width(width);
    canvas.set_height(height);
    let data = ImageData::new_with_u8_clamped_array_and_sh(Clamped(rgba), width, height)?;
    context(&canvas)?.put_image_data(&data, 0.0, 0.0)?;
    Ok(canvas)
}

fn context(canvas: &HtmlCanvasElement) -> Result<CanvasRenderingContext2d, JsValue> {
    canvas.get_context("2d")?.ok_or(JsValue::NULL)?.dyn_into().map_err(JsValue::from)
}

/// An empty canvas of the layout's size, in device pixels; coordinates stay CSS pixels.
fn fresh(canvas: &HtmlCanvasElement, layout: &Layout, pixel_ratio: f64) -> Result<CanvasRenderingContext2d, JsValue> {
    let (width, height) = ((layout.width * pixel_ratio).round() as u32, (layout.height * pixel_ratio).round() as u32);
    if canvas.width() != width || canvas.height() != height {
        canvas.set_width(width);
        canvas.set_height(height);
    }
    let context = context(canvas)?;
    context.set_transform(pixel_ratio, 0.0, 0.0, pixel_ratio, 0.0, 0.0)?;
    context.clear_rect(0.0, 0.0, layout.width, layout.height);
    Ok(context)
}

/// Draws matrix, labels, titles and colour bar.
///
/// # Errors
/// The browser's.
pub fn draw_figure(
    canvas: &HtmlCanvasElement,
    raster: &HtmlCanvasElement,
    heatmap: &Heatmap,
    layout: &Layout,
    label_room: usize,
    pixel_ratio: f64,
) -> Result<(), JsValue> {
    let palette = Palette::of(canvas);
    let context = fresh(canvas, layout, pixel_ratio)?;
    let Rect { x, y, width, height } = layout.matrix;
    // Hard cells while a cell has a pixel; below that neighbours have to be averaged.
    context.set_image_smoothing_enabled(layout.cell * pixel_ratio < 1.0);
    context.draw_image_with_html_canvas_element_and_dw_and_dh(raster, x, y, width, height)?;

    context.set_font(&format!("{}px {}", layout.font, palette.typeface));
    context.set_text_baseline("middle");
    context.set_fill_style_str(&palette.ink);
    for position in layout.labelled() {
        let label = heatmap.label(position, label_room);
        row_label(&context, layout, position, &label)?;
        column_label(&context, layout, position, &label)?;
    }
    draw_titles(&context, layout, &palette)?;
    draw_bar(&context, heatmap, layout, &palette)
}

fn row_label(context: &CanvasRenderingContext2d, layout: &Layout, row: usize, label: &str) -> Result<(), JsValue> {
    let (x, y) = layout.row_label(row);
    context.set_text_align("right");
    context.fill_text(label, x, y)
}

fn column_label(
    context: &CanvasRenderingContext2d,
    layout: &Layout,
    column: usize,
    label: &str,
) -> Result<(), JsValue> {
    let (x, y) = layout.column_label(column);
    upwards(context, x, y, |context| {
        context.set_text_align("right");
        context.fill_text(label, 0.0, 0.0)
    })
}

/// Draws with the origin at (x, y) and the baseline running upwards.
fn upwards(
    context: &CanvasRenderingContext2d,
    x: f64,
    y: f64,
    draw: impl FnOnce(&CanvasRenderingContext2d) -> Result<(), JsValue>,
) -> Result<(), JsValue> {
    context.save();
    context.translate(x, y)?;
    context.rotate(-std::f64::consts::FRAC_PI_2)?;
    draw(context)?;
    context.restore();
    Ok(())
}

fn draw_titles(context: &CanvasRenderingContext2d, layout: &Layout, palette: &Palette) -> Result<(), JsValue> {
    context.set_font(&format!("12px {}", palette.typeface));
    context.set_fill_style_str(&palette.muted);
    context.set_text_align("center");
    let Rect { x, y, width, height } = layout.matrix;
    context.fill_text(AXIS_TITLE, x + width / 2.0, layout.column_title_y)?;
    upwards(context, layout.row_title_x, y + height / 2.0, |context| context.fill_text(AXIS_TITLE, 0.0, 0.0))
}

fn draw_bar(
    context: &CanvasRenderingContext2d,
    heatmap: &Heatmap,
    layout: &Layout,
    palette: &Palette,
) -> Result<(), JsValue> {
    let strip = pixels(&heatmap::bar_raster(MAP), 256, 1)?;
    let Rect { x, y, width, height } = layout.bar_rect;
    context.set_image_smoothing_enabled(true);
    match layout.bar {
        Bar::Below => {
            context.draw_image_with_html_canvas_element_and_dw_and_dh(&strip, x, y, width, height)?;
        }
        Bar::Right => upwards(context, x, y + height, |context| {
            context.draw_image_with_html_canvas_element_and_dw_and_dh(&strip, 0.0, 0.0, height, width)
        })?,
    }
    context.set_stroke_style_str(&palette.rule);
    context.set_line_width(1.0);
    context.stroke_rect(x - 0.5, y - 0.5, width + 1.0, height + 1.0);

    context.set_fill_style_str(&palette.ink);
    context.set_font(&format!("11px {}", palette.typeface));
    for tick in colour::ticks(heatmap.range, layout.bar_ticks()) {
        let Some(place) = heatmap.range.place(tick.value) else { continue };
        let at = layout.on_bar(f64::from(place));
        match layout.bar {
            Bar::Right => {
                context.fill_rect(x + width, at - 0.5, 4.0, 1.0);
                context.set_text_align("left");
                context.fill_text(&tick.label, x + width + 7.0, at)?;
            }
            Bar::Below => {
                context.fill_rect(at - 0.5, y + height, 1.0, 4.0);
                context.set_text_align("center");
                context.fill_text(&tick.label, at, y + height + 12.0)?;
            }
        }
    }
    context.set_fill_style_str(&palette.muted);
    context.set_font(&format!("12px {}", palette.typeface));
    context.set_text_align("center");
    match layout.bar {
        Bar::Right => upwards(context, x + width + 46.0, y + height / 2.0, |c| c.fill_text(BAR_TITLE, 0.0, 0.0)),
        Bar::Below => context.fill_text(BAR_TITLE, x + width / 2.0, y + height + 29.0),
    }
}

/// Draws the crosshair of what is focused, and a quieter one of what is pinned beside it.
///
/// # Errors
/// The browser's.
pub fn draw_crosshair(
    canvas: &HtmlCanvasElement,
    heatmap: &Heatmap,
    layout: &Layout,
    focus: Focus,
    label_room: usize,
    pixel_ratio: f64,
) -> Result<(), JsValue> {
    let palette = Palette::of(canvas);
    let context = fresh(canvas, layout, pixel_ratio)?;
    if let Some(spot) = focus.pinned
        && heatmap.value(spot).is_some()
    {
        bands(&context, layout, spot, &palette.pin, &palette.cell_inner);
        tags(&context, heatmap, layout, spot, (&palette.pin, &palette.on_accent), &palette, label_room)?;
    }
    if let Some(spot) = focus.focused()
        && heatmap.value(spot).is_some()
    {
        if focus.pinned != Some(spot) {
            bands(&context, layout, spot, &palette.cell_outer, &palette.cell_inner);
            tags(&context, heatmap, layout, spot, (&palette.accent, &palette.on_accent), &palette, label_room)?;
        }
        let cell = layout.cell_rect(spot);
        outline(&context, cell, 2.0, 2.0, &palette.cell_outer);
        outline(&context, cell, 1.0, 1.5, &palette.cell_inner);
    }
    Ok(())
}

/// Row and column, each outlined twice: whatever the colours below are, one of the lines is seen.
fn bands(context: &CanvasRenderingContext2d, layout: &Layout, spot: Spot, outer: &str, inner: &str) {
    let bands = [layout.row_band(spot.row), layout.column_band(spot.column)];
    for (grow, line, colour) in [(0.75, 2.0, outer), (0.0, 1.0, inner)] {
        for band in bands {
            outline(context, band, grow, line, colour);
        }
    }
}

fn outline(context: &CanvasRenderingContext2d, rect: Rect, grow: f64, line: f64, colour: &str) {
    context.set_stroke_style_str(colour);
    context.set_line_width(line);
    context.stroke_rect(rect.x - grow, rect.y - grow, rect.width + 2.0 * grow, rect.height + 2.0 * grow);
}

/// Writes the labels of a cell's row and column on a coloured ground, also where labels are thinned.
fn tags(
    context: &CanvasRenderingContext2d,
    heatmap: &Heatmap,
    layout: &Layout,
    spot: Spot,
    (ground, text): (&str, &str),
    palette: &Palette,
    label_room: usize,
) -> Result<(), JsValue> {
    let font = layout.font.max(10.0);
    context.set_font(&format!("600 {font}px {}", palette.typeface));
    context.set_text_baseline("middle");
    let half = font * 0.5 + 2.5;
    let (row, column) = (heatmap.label(spot.row, label_room), heatmap.label(spot.column, label_room));
    let (x, y) = layout.row_label(spot.row);
    let width = context.measure_text(&row)?.width();
    context.set_fill_style_str(ground);
    context.fill_rect(x - width - 3.0, y - half, width + 6.0, 2.0 * half);
    context.set_fill_style_str(text);
    row_label(context, layout, spot.row, &row)?;

    let (x, y) = layout.column_label(spot.column);
    let width = context.measure_text(&column)?.width();
    context.set_fill_style_str(ground);
    context.fill_rect(x - half, y - 3.0, 2.0 * half, width + 6.0);
    context.set_fill_style_str(text);
    column_label(context, layout, spot.column, &column)
}
