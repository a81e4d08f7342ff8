//! Draws a trajectory.

use lens_view::layout::FigureLayout;
use lens_view::trajectory::{Axis, MAP, Mark, Scene, Trajectory};
use wasm_bindgen::JsValue;
use web_sys::CanvasRenderingContext2d;

use crate::canvas::{ColorBar, draw_bar, upwards};
use crate::palette::Palette;

/// Draws axes, path, points, color bar; rings around `focused` (inked), `pinned`, and the points where
/// events begin.
///
/// # Errors
/// The browser's.
pub fn draw(
    context: &CanvasRenderingContext2d,
    trajectory: &Trajectory,
    scene: &Scene,
    layout: &FigureLayout,
    rings: &Rings,
    palette: &Palette,
) -> Result<(), JsValue> {
    context.save();
    context.begin_path();
    let plot = layout.plot;
    context.rect(plot.x - 1.0, plot.y - 1.0, plot.width + 2.0, plot.height + 2.0);
    context.clip();
    context.set_line_width(1.0);
    context.set_stroke_style_str(&palette.rule);
    context.begin_path();
    for [from, to] in &scene.edges {
        context.move_to(from[0], from[1]);
        context.line_to(to[0], to[1]);
    }
    context.stroke();
    for mark in &scene.marks {
        match mark {
            Mark::Segment(it) => {
                context.set_stroke_style_str(&palette.muted);
                context.set_global_alpha(0.45);
                context.begin_path();
                context.move_to(it.from[0], it.from[1]);
                context.line_to(it.to[0], it.to[1]);
                context.stroke();
                context.set_global_alpha(1.0);
            }
            Mark::Dot(it) => {
                let [r, g, b] = it.color;
                context.set_fill_style_str(&format!("rgb({r} {g} {b})"));
                disc(context, it.at, it.radius)?;
                context.fill();
            }
        }
    }
    let all = rings.events.iter().map(|point| (*point, &palette.alarm, 3.0));
    let all = all.chain(rings.pinned.map(|point| (point, &palette.pin, 4.5)));
    for (point, color, grow) in all.chain(rings.focused.map(|point| (point, &palette.ink, 3.0))) {
        if let Some(dot) = scene.dot(point) {
            context.set_stroke_style_str(color);
            context.set_line_width(2.0);
            disc(context, dot.at, dot.radius + grow)?;
            context.stroke();
        }
    }
    context.restore();
    for axis in &scene.axes {
        draw_axis(context, axis, palette)?;
    }
    let Some(place) = layout.color_bar else { return Ok(()) };
    let bar = ColorBar {
        map: MAP,
        range: trajectory.shade_range,
        layout: place,
        title: &trajectory.shade_title,
        is_clamped: [false; 2],
    };
    draw_bar(context, &bar, palette)
}

/// Points that stand out.
#[derive(Debug, Clone, Default)]
pub struct Rings {
    /// Hovered, or else pinned.
    pub focused: Option<usize>,
    /// Pinned.
    pub pinned: Option<usize>,
    /// First points of events.
    pub events: Vec<usize>,
}

fn disc(context: &CanvasRenderingContext2d, at: [f64; 2], radius: f64) -> Result<(), JsValue> {
    context.begin_path();
    context.arc(at[0], at[1], radius, 0.0, std::f64::consts::TAU)
}

fn draw_axis(context: &CanvasRenderingContext2d, axis: &Axis, palette: &Palette) -> Result<(), JsValue> {
    context.set_stroke_style_str(&palette.muted);
    context.set_line_width(1.0);
    context.begin_path();
    context.move_to(axis.from[0], axis.from[1]);
    context.line_to(axis.to[0], axis.to[1]);
    context.stroke();
    context.set_text_align("center");
    context.set_text_baseline("middle");
    context.set_fill_style_str(&palette.ink);
    context.set_font(&format!("11px {}", palette.typeface));
    for (at, label) in &axis.ticks {
        context.fill_text(label, at[0], at[1])?;
    }
    context.set_fill_style_str(&palette.muted);
    context.set_font(&format!("12px {}", palette.typeface));
    if axis.title_is_upright {
        upwards(context, axis.title_at[0], axis.title_at[1], |context| context.fill_text(&axis.title, 0.0, 0.0))
    } else {
        context.fill_text(&axis.title, axis.title_at[0], axis.title_at[1])
    }
}
