//! Coordinates to the figure, and the axes around them.

use super::camera::Camera;
use super::points::Trajectory;
use crate::figure::color::{self, ColorRange, Tick};
use crate::figure::layout::FigureLayout;
use crate::format::token::columns;

/// Half diagonal of the points' box to the plot's shorter side, before zoom: room for depth and axis titles.
const FILL_SPACE: f64 = 0.46;
/// The same in a plane, for each axis' half extent.
const FILL_PLANE: f64 = 0.45;
/// From an axis to the middle line of its numbers, and of its title, in CSS pixels.
const TICK_GAP: f64 = 12.0;
const TITLE_GAP: f64 = 28.0;
/// Half a column of text.
const HALF_COLUMN: f64 = 3.3;
/// Numbers an axis has, where there is room: one in so many CSS pixels.
const TICKS: usize = 5;
const TICK_ROOM: f64 = 36.0;

/// An axis with its title and numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// "UMAP 1".
    pub title: String,
    /// Middle of the title.
    pub title_at: [f64; 2],
    /// The second axis of a plane is titled upwards.
    pub title_is_upright: bool,
    /// The line from low to high.
    pub from: [f64; 2],
    /// Its other end.
    pub to: [f64; 2],
    /// Tick labels: center and text of each.
    pub ticks: Vec<([f64; 2], String)>,
}

/// Where something is on the figure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub at: [f64; 2],
    pub depth: f64,
    pub scale: f64,
}

/// Coordinates to the figure.
pub(super) struct View<'a> {
    trajectory: &'a Trajectory,
    camera: &'a Camera,
    figure: &'a FigureLayout,
    extents: [ColorRange; 3],
    middle: [f64; 3],
    /// The points' units in one unit of the camera: all axes have the same scale, so that distances can be compared.
    unit: f64,
    /// CSS pixels in one unit of the camera.
    pixels: f64,
}

impl<'a> View<'a> {
    pub(super) fn of(trajectory: &'a Trajectory, camera: &'a Camera, figure: &'a FigureLayout) -> Self {
        let extents = trajectory.extents();
        let middle = extents.map(|r| (f64::from(r.low) + f64::from(r.high)) / 2.0);
        let halves = extents.map(|r| (f64::from(r.high) - f64::from(r.low)) / 2.0);
        let (unit, pixels) = if trajectory.dimensions == 2 {
            // The axis that needs more room sets the scale.
            let (width, height) = (figure.plot.width, figure.plot.height);
            let unit = (halves[0] / width).max(halves[1] / height);
            (unit, FILL_PLANE * camera.zoom)
        } else {
            let diagonal = halves.iter().map(|h| h * h).sum::<f64>().sqrt();
            (diagonal, FILL_SPACE * figure.plot.width.min(figure.plot.height) * camera.zoom)
        };
        Self { trajectory, camera, figure, extents, middle, unit, pixels }
    }

    pub(super) fn place(&self, point: [f64; 3]) -> Placed {
        let local = std::array::from_fn(|axis| (point[axis] - self.middle[axis]) / self.unit);
        let seen = if self.trajectory.dimensions == 2 { self.camera.see_flat(local) } else { self.camera.see(local) };
        let middle = self.figure.plot.center();
        Placed {
            at: [
                middle[0] + self.camera.pan[0] + seen.x * self.pixels,
                middle[1] + self.camera.pan[1] + seen.y * self.pixels,
            ],
            depth: seen.depth,
            scale: seen.scale,
        }
    }

    /// Below and left of the plot, over what is seen at this zoom.
    pub(super) fn plane_axes(&self) -> Vec<Axis> {
        let plot = self.figure.plot;
        let (left, bottom) = (plot.x, plot.y + plot.height);
        let middle = self.figure.plot.center();
        let value = |axis: usize, pixel: f64| {
            let sign = if axis == 0 { 1.0 } else { -1.0 };
            self.middle[axis] + sign * (pixel - middle[axis] - self.camera.pan[axis]) / self.pixels * self.unit
        };
        let ends = [[left, left + plot.width], [bottom, plot.y]];
        let titles = self.trajectory.axis_titles();
        (0..2)
            .map(|axis| {
                let range =
                    ColorRange { low: value(axis, ends[axis][0]) as f32, high: value(axis, ends[axis][1]) as f32 };
                let ticks = color::ticks(range, TICKS).into_iter().map(|Tick { value, label }| {
                    let mut point = self.middle;
                    point[axis] = f64::from(value);
                    let at = self.place(point).at;
                    let beside = left - TICK_GAP / 2.0 - columns(&label) as f64 * HALF_COLUMN;
                    (if axis == 0 { [at[0], bottom + TICK_GAP] } else { [beside, at[1]] }, label)
                });
                Axis {
                    title: titles[axis].clone(),
                    title_at: if axis == 0 { [middle[0], bottom + TITLE_GAP + 10.0] } else { [10.0, middle[1]] },
                    title_is_upright: axis == 1,
                    from: [left, bottom],
                    to: if axis == 0 { [left + plot.width, bottom] } else { [left, plot.y] },
                    ticks: ticks.collect(),
                }
            })
            .collect()
    }

    /// Where a title is wholly seen.
    fn within_figure(&self, [x, y]: [f64; 2], title: &str) -> [f64; 2] {
        let (half, plot) = (columns(title) as f64 * HALF_COLUMN + 4.0, self.figure.plot);
        [x.min(self.figure.width - half).max(half), y.min(plot.y + plot.height - TICK_GAP).max(TICK_GAP)]
    }

    /// The box around the points, and of each direction's four edges the one that is outermost below (first two) or at
    /// the left (third): nothing is written over the points.
    pub(super) fn box_axes(&self) -> (Vec<Axis>, Vec<[[f64; 2]; 2]>) {
        let corner = |mask: usize| -> [f64; 3] {
            std::array::from_fn(|axis| {
                let ColorRange { low, high } = self.extents[axis];
                f64::from(if mask >> axis & 1 == 1 { high } else { low })
            })
        };
        let placed: Vec<[f64; 2]> = (0..8).map(|mask| self.place(corner(mask)).at).collect();
        let mut edges = Vec::with_capacity(12);
        let mut axes = Vec::with_capacity(3);
        let center = self.place(self.middle).at;
        for (axis, title) in self.trajectory.axis_titles().into_iter().enumerate() {
            let starts: Vec<usize> = (0..8).filter(|mask| mask >> axis & 1 == 0).collect();
            edges.extend(starts.iter().map(|mask| [placed[*mask], placed[mask | 1 << axis]]));
            // How far out an edge's middle is: down, or for the upright axis left.
            let outward = |mask: &usize| {
                let side = usize::from(axis < 2);
                let sum = placed[*mask][side] + placed[mask | 1 << axis][side];
                if axis < 2 { sum } else { -sum }
            };
            let Some(start) = starts.into_iter().max_by(|a, b| outward(a).total_cmp(&outward(b))) else { continue };
            let (from, to) = (placed[start], placed[start | 1 << axis]);
            let middle = [(from[0] + to[0]) / 2.0, (from[1] + to[1]) / 2.0];
            let away = outward_normal(from, to, center);
            // Text beside an upright edge needs half its width more than text below a level one.
            let beside = |at: [f64; 2], gap: f64, text: usize| {
                let gap = gap + away[0].abs() * text as f64 * HALF_COLUMN;
                [at[0] + away[0] * gap, at[1] + away[1] * gap]
            };
            let wanted = ((to[0] - from[0]).hypot(to[1] - from[1]) / TICK_ROOM) as usize;
            let ticks: Vec<([f64; 2], String)> = color::ticks(self.extents[axis], wanted.clamp(1, TICKS))
                .into_iter()
                .map(|Tick { value, label }| {
                    let mut point = corner(start);
                    point[axis] = f64::from(value);
                    (beside(self.place(point).at, TICK_GAP, columns(&label)), label)
                })
                .collect();
            let widest = ticks.iter().map(|(_, label)| columns(label)).max().unwrap_or(0);
            axes.push(Axis {
                title_at: self.within_figure(beside(middle, TITLE_GAP, 2 * widest + columns(&title)), &title),
                title,
                title_is_upright: false,
                from,
                to,
                ticks,
            });
        }
        (axes, edges)
    }
}

/// Across an edge and away from the middle, length 1; down where the edge is seen end on.
fn outward_normal(from: [f64; 2], to: [f64; 2], center: [f64; 2]) -> [f64; 2] {
    let (x, y) = (to[1] - from[1], from[0] - to[0]);
    let length = x.hypot(y);
    if length < 1e-9 {
        return [0.0, 1.0];
    }
    let side = (from[0] - center[0]) * x + (from[1] - center[1]) * y;
    let sign = if side < 0.0 { -1.0 } else { 1.0 };
    [sign * x / length, sign * y / length]
}
