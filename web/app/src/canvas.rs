//! What every canvas shares: its context, pixels, the frame and the files of a saved figure, the color
//! bar. What is drawn on them is in [`crate::heatmap_canvas`], [`crate::trajectory_canvas`] and the components.

use lens_view::color;
use lens_view::heatmap;
use lens_view::layout::{ColorBarLayout, Rect, Side};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use crate::environment;
use crate::palette::Palette;

/// A canvas of these pixels, RGBA row by row.
///
/// # Errors
/// The browser's, e.g. out of memory.
pub fn pixels(rgba: &[u8], width: u32, height: u32) -> Result<HtmlCanvasElement, JsValue> {
    let canvas = new_canvas()?;
    canvas.set_width(width);
    canvas.set_height(height);
    let data = ImageData::new_with_u8_clamped_array_and_sh(Clamped(rgba), width, height)?;
    context(&canvas)?.put_image_data(&data, 0.0, 0.0)?;
    Ok(canvas)
}

/// An empty canvas.
///
/// # Errors
/// The browser's.
pub fn new_canvas() -> Result<HtmlCanvasElement, JsValue> {
    Ok(environment::document().ok_or(JsValue::NULL)?.create_element("canvas")?.dyn_into()?)
}

/// The canvas' drawing context.
///
/// # Errors
/// The browser's.
pub fn context(canvas: &HtmlCanvasElement) -> Result<CanvasRenderingContext2d, JsValue> {
    canvas.get_context("2d")?.ok_or(JsValue::NULL)?.dyn_into().map_err(JsValue::from)
}

/// An empty canvas of a size in CSS pixels; coordinates stay CSS pixels.
///
/// # Errors
/// The browser's.
pub fn fresh(
    canvas: &HtmlCanvasElement,
    (width, height): (f64, f64),
    pixel_ratio: f64,
) -> Result<CanvasRenderingContext2d, JsValue> {
    let (columns, rows) = ((width * pixel_ratio).round() as u32, (height * pixel_ratio).round() as u32);
    if canvas.width() != columns || canvas.height() != rows {
        canvas.set_width(columns);
        canvas.set_height(rows);
    }
    let context = context(canvas)?;
    context.set_transform(pixel_ratio, 0.0, 0.0, pixel_ratio, 0.0, 0.0)?;
    context.clear_rect(0.0, 0.0, width, height);
    Ok(context)
}

/// Device pixels a CSS pixel in saved pictures.
const SAVED_RATIO: f64 = 2.0;
const SAVED_HEAD: f64 = 34.0;
const SAVED_FOOT: f64 = 30.0;

/// A figure of a size in CSS pixels on a solid ground, with a title above and `credit` below, at twice
/// the size. `draw` draws it; its argument is how many device pixels a CSS pixel has.
///
/// # Errors
/// The browser's.
pub fn saved_figure(
    (width, height): (f64, f64),
    palette: &Palette,
    title: &str,
    credit: &str,
    draw: impl FnOnce(&CanvasRenderingContext2d, f64) -> Result<(), JsValue>,
) -> Result<HtmlCanvasElement, JsValue> {
    let canvas = new_canvas()?;
    let height = height + SAVED_HEAD + SAVED_FOOT;
    let context = fresh(&canvas, (width, height), SAVED_RATIO)?;
    context.set_fill_style_str(&palette.paper);
    context.fill_rect(0.0, 0.0, width, height);
    context.set_fill_style_str(&palette.ink);
    context.set_text_baseline("middle");
    context.set_font(&format!("600 15px {}", palette.typeface));
    context.fill_text_with_max_width(title, 12.0, SAVED_HEAD / 2.0 + 2.0, width - 24.0)?;
    context.set_fill_style_str(&palette.muted);
    context.set_font(&format!("11px {}", palette.typeface));
    context.fill_text_with_max_width(credit, 12.0, height - SAVED_FOOT / 2.0, width - 24.0)?;
    context.translate(0.0, SAVED_HEAD)?;
    draw(&context, SAVED_RATIO)?;
    Ok(canvas)
}

/// A picture as PNG.
///
/// # Errors
/// The browser's.
pub async fn png(picture: &HtmlCanvasElement) -> Result<Blob, JsValue> {
    wasm_bindgen_futures::JsFuture::from(png_of(picture)).await?.dyn_into()
}

/// What a picture is as PNG, once the browser has made it; null where it does not.
fn png_of(picture: &HtmlCanvasElement) -> js_sys::Promise {
    js_sys::Promise::new(&mut |resolve, reject| {
        let on_blob = Closure::once_into_js(move |blob: JsValue| {
            let _ = resolve.call1(&JsValue::NULL, &blob);
        });
        if let Err(error) = picture.to_blob(on_blob.unchecked_ref()) {
            let _ = reject.call1(&JsValue::NULL, &error);
        }
    })
}

/// Draws SVG on a canvas: two device pixels a pixel, or `columns` device pixels in all.
///
/// # Errors
/// The browser's.
pub async fn rasterized(svg: &str, columns: Option<u32>) -> Result<HtmlCanvasElement, JsValue> {
    let document = environment::document().ok_or(JsValue::NULL)?;
    let image: web_sys::HtmlImageElement = document.create_element("img")?.dyn_into()?;
    image.set_src(&format!("data:image/svg+xml,{}", String::from(js_sys::encode_uri_component(svg))));
    wasm_bindgen_futures::JsFuture::from(image.decode()).await?;
    let (width, height) = (f64::from(image.natural_width()), f64::from(image.natural_height()));
    let ratio = columns.map_or(SAVED_RATIO, |columns| f64::from(columns) / width);
    let canvas = new_canvas()?;
    let context = fresh(&canvas, (width, height), ratio)?;
    context.draw_image_with_html_image_element_and_dw_and_dh(&image, 0.0, 0.0, width, height)?;
    Ok(canvas)
}

/// Puts a picture on the clipboard; `refused` is called where it is not made, or the browser does not let the page.
///
/// # Errors
/// The browser's.
pub fn copy_png(
    picture: impl Future<Output = Result<Blob, JsValue>> + 'static,
    refused: impl FnOnce() + 'static,
) -> Result<(), JsValue> {
    let clipboard = environment::window().ok_or(JsValue::NULL)?.navigator().clipboard();
    // Through the global object: web-sys has no stable binding of it.
    let item: js_sys::Function = js_sys::Reflect::get(&js_sys::global(), &"ClipboardItem".into())?.dyn_into()?;
    // A promise, so that the click that asked for it still counts when the picture is ready.
    let blob = wasm_bindgen_futures::future_to_promise(async move { picture.await.map(JsValue::from) });
    let content = js_sys::Object::new();
    js_sys::Reflect::set(&content, &"image/png".into(), &blob)?;
    let item = js_sys::Reflect::construct(&item, &js_sys::Array::of1(&content))?;
    let written = clipboard.write(&js_sys::Array::of1(&item));
    wasm_bindgen_futures::spawn_local(async move {
        if wasm_bindgen_futures::JsFuture::from(written).await.is_err() {
            refused();
        }
    });
    Ok(())
}

/// Draws with the origin at (x, y) and the baseline running upwards.
///
/// # Errors
/// What `draw` answers.
pub fn upwards(
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

/// As much of a name as fits into so many CSS pixels, "…" where it was cut.
///
/// # Errors
/// The browser's.
pub fn fitting(context: &CanvasRenderingContext2d, name: &str, width: f64) -> Result<String, JsValue> {
    let mut cut = name.to_owned();
    let mut shown = cut.clone();
    while context.measure_text(&shown)?.width() > width && cut.pop().is_some() {
        shown = if cut.is_empty() { String::new() } else { format!("{}…", cut.trim_end_matches([' ', ','])) };
    }
    Ok(shown)
}

/// A color bar with ticks and title.
pub struct ColorBar<'a> {
    /// Its colors.
    pub map: color::ColorMap,
    /// What its ends stand for.
    pub range: color::ColorRange,
    /// Where it is.
    pub layout: ColorBarLayout,
    /// Written beside it.
    pub title: &'a str,
    /// Whether values lie below its low and above its high end: they have the ends' colors, which the ends say.
    pub is_clamped: [bool; 2],
}

/// A pointed end where values lie beyond it: its two corners are taken away.
fn mark_clamped_ends(context: &CanvasRenderingContext2d, bar: &ColorBar, palette: &Palette) {
    const POINT: f64 = 8.0;
    let Rect { x, y, width, height } = bar.layout.rect;
    let corner = |at: (f64, f64), along: (f64, f64), across: (f64, f64)| {
        context.begin_path();
        context.move_to(at.0, at.1);
        context.line_to(at.0 + along.0, at.1 + along.1);
        context.line_to(at.0 + across.0, at.1 + across.1);
        context.fill();
    };
    context.set_fill_style_str(&palette.paper);
    // The border is a pixel wide.
    let (left, top, right, bottom) = (x - 1.0, y - 1.0, x + width + 1.0, y + height + 1.0);
    let (middle_x, middle_y) = ((right - left) / 2.0, (bottom - top) / 2.0);
    let [is_low, is_high] = bar.is_clamped;
    match bar.layout.side {
        Side::Right => {
            if is_high {
                corner((left, top), (0.0, POINT), (middle_x, 0.0));
                corner((right, top), (0.0, POINT), (-middle_x, 0.0));
            }
            if is_low {
                corner((left, bottom), (0.0, -POINT), (middle_x, 0.0));
                corner((right, bottom), (0.0, -POINT), (-middle_x, 0.0));
            }
        }
        Side::Below => {
            if is_high {
                corner((right, top), (-POINT, 0.0), (0.0, middle_y));
                corner((right, bottom), (-POINT, 0.0), (0.0, -middle_y));
            }
            if is_low {
                corner((left, top), (POINT, 0.0), (0.0, middle_y));
                corner((left, bottom), (POINT, 0.0), (0.0, -middle_y));
            }
        }
    }
}

/// Draws a color bar.
///
/// # Errors
/// The browser's.
pub fn draw_bar(context: &CanvasRenderingContext2d, bar: &ColorBar, palette: &Palette) -> Result<(), JsValue> {
    let strip = pixels(&heatmap::bar_raster(bar.map), 256, 1)?;
    let Rect { x, y, width, height } = bar.layout.rect;
    context.set_image_smoothing_enabled(true);
    match bar.layout.side {
        Side::Below => context.draw_image_with_html_canvas_element_and_dw_and_dh(&strip, x, y, width, height)?,
        Side::Right => upwards(context, x, y + height, |context| {
            context.draw_image_with_html_canvas_element_and_dw_and_dh(&strip, 0.0, 0.0, height, width)
        })?,
    }
    context.set_stroke_style_str(&palette.rule);
    context.set_line_width(1.0);
    context.stroke_rect(x - 0.5, y - 0.5, width + 1.0, height + 1.0);

    mark_clamped_ends(context, bar, palette);
    context.set_fill_style_str(&palette.ink);
    context.set_text_baseline("middle");
    context.set_font(&format!("11px {}", palette.typeface));
    for tick in color::ticks(bar.range, bar.layout.tick_count()) {
        let Some(place) = bar.range.place(tick.value).map(f64::from) else { continue };
        let at = bar.layout.at(place);
        match bar.layout.side {
            Side::Right => {
                context.fill_rect(x + width, at - 0.5, 4.0, 1.0);
                context.set_text_align("left");
                context.fill_text(&tick.label, x + width + 7.0, at)?;
            }
            Side::Below => {
                context.fill_rect(at - 0.5, y + height, 1.0, 4.0);
                context.set_text_align("center");
                context.fill_text(&tick.label, at, y + height + 12.0)?;
            }
        }
    }
    context.set_fill_style_str(&palette.muted);
    context.set_font(&format!("12px {}", palette.typeface));
    context.set_text_align("center");
    match bar.layout.side {
        Side::Right => upwards(context, x + width + 46.0, y + height / 2.0, |c| c.fill_text(bar.title, 0.0, 0.0)),
        Side::Below => context.fill_text(bar.title, x + width / 2.0, y + height + 29.0),
    }
}
