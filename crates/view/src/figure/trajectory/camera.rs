//! From where the points are looked at.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// Radians a CSS pixel of dragging: half a turn over 400 pixels.
const ORBIT_RADIANS_PER_PIXEL: f64 = PI / 400.0;
/// A slow turn, where the visitor asks for one.
pub const AUTO_ROTATE_RADIANS_PER_SECOND: f64 = TAU / 40.0;
/// How far the eye is, in half diagonals of the box: near enough for depth, far enough that nothing passes it.
const EYE: f64 = 4.0;

/// A view of points within the unit ball. In a plane only zoom and pan count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// Turn about the upright third axis.
    pub yaw_radians: f64,
    /// Height of the eye above the plane of the first two axes, -pi/2..=pi/2.
    pub pitch_radians: f64,
    /// 1: everything fits.
    pub zoom: f64,
    /// Where the points' middle is, in CSS pixels from the plot's middle.
    pub pan: [f64; 2],
}

/// Where a point is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Projection {
    /// To the right, in radii of the plot.
    pub x: f64,
    /// Down, in radii of the plot.
    pub y: f64,
    /// Toward the eye.
    pub depth: f64,
    /// How much larger than in the middle things appear there.
    pub scale: f64,
}

impl Default for Camera {
    /// From the front, a little to the right and above, as plotly opens a 3D scene.
    fn default() -> Self {
        Self { yaw_radians: -PI / 4.0, pitch_radians: 0.6, zoom: 1.0, pan: [0.0; 2] }
    }
}

impl Camera {
    /// How small and how large things are seen at most.
    pub const ZOOM_RANGE: [f64; 2] = [0.2, 50.0];

    /// Turned by dragging so many CSS pixels right and down: the points follow the pointer.
    pub fn orbited(self, right: f64, down: f64) -> Self {
        Self {
            yaw_radians: (self.yaw_radians + right * ORBIT_RADIANS_PER_PIXEL).rem_euclid(TAU),
            pitch_radians: (self.pitch_radians + down * ORBIT_RADIANS_PER_PIXEL).clamp(-FRAC_PI_2, FRAC_PI_2),
            ..self
        }
    }

    /// Turned on by itself for so long.
    pub fn rotated(self, seconds: f64) -> Self {
        Self { yaw_radians: (self.yaw_radians + seconds * AUTO_ROTATE_RADIANS_PER_SECOND).rem_euclid(TAU), ..self }
    }

    /// Larger by `factor`; what is seen `at` (CSS pixels from the plot's middle) stays there.
    pub fn zoomed(self, factor: f64, at: [f64; 2]) -> Self {
        let zoom = (self.zoom * factor).clamp(Self::ZOOM_RANGE[0], Self::ZOOM_RANGE[1]);
        let ratio = zoom / self.zoom;
        // A factor of NaN changes nothing.
        if !ratio.is_finite() {
            return self;
        }
        Self { zoom, pan: [0, 1].map(|axis| at[axis] + (self.pan[axis] - at[axis]) * ratio), ..self }
    }

    /// Moved by so many CSS pixels.
    pub fn panned(self, right: f64, down: f64) -> Self {
        Self { pan: [self.pan[0] + right, self.pan[1] + down], ..self }
    }

    /// A point of space, before zoom and pan.
    pub fn see(&self, [x, y, z]: [f64; 3]) -> Projection {
        let (sin, cos) = self.yaw_radians.sin_cos();
        let (right, back) = (x * cos - y * sin, x * sin + y * cos);
        let (sin, cos) = self.pitch_radians.sin_cos();
        let (up, depth) = (z * cos + back * sin, z * sin - back * cos);
        let scale = EYE / (EYE - depth);
        Projection { x: right * scale, y: -up * scale, depth, scale }
    }

    /// A point of the plane, before zoom and pan: first axis right, second up.
    pub fn see_flat(&self, [x, y, _]: [f64; 3]) -> Projection {
        Projection { x, y: -y, depth: 0.0, scale: 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRONT: Camera = Camera { yaw_radians: 0.0, pitch_radians: 0.0, zoom: 1.0, pan: [0.0; 2] };

    #[test]
    fn from_the_front_the_third_axis_is_up_and_the_second_leads_away() {
        assert_eq!(FRONT.see([0.5, 0.0, 0.0]), Projection { x: 0.5, y: 0.0, depth: 0.0, scale: 1.0 });
        assert_eq!(FRONT.see([0.0, 0.0, 0.5]).y, -0.5);
        assert!(FRONT.see([0.0, 1.0, 0.0]).depth < 0.0);
        assert!(FRONT.see([0.0, -1.0, 0.0]).scale > 1.0, "near things are larger");
    }

    #[test]
    fn dragging_turns_the_points_with_the_pointer() {
        // What is in front moves right with the pointer, and down.
        let near = [0.0, -1.0, 0.0];
        assert!(FRONT.orbited(40.0, 0.0).see(near).x > 0.1);
        assert!(FRONT.orbited(0.0, 40.0).see(near).y > 0.1);
        // Four hundred pixels are half a turn.
        let behind = FRONT.orbited(400.0, 0.0).see(near);
        assert!(behind.depth < -0.99 && behind.x.abs() < 1e-9, "{behind:?}");
        assert_eq!(FRONT.orbited(0.0, 1e9).pitch_radians, FRAC_PI_2);
    }

    #[test]
    fn turning_keeps_distances_from_the_middle() {
        let camera = Camera::default().orbited(123.0, -45.0).rotated(3.0);
        let seen = camera.see([0.3, -0.4, 0.5]);
        let (x, y) = (seen.x / seen.scale, seen.y / seen.scale);
        assert!((x * x + y * y + seen.depth * seen.depth - 0.5).abs() < 1e-12);
        assert!(camera.yaw_radians >= 0.0 && camera.yaw_radians < TAU);
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let before = Camera::default().panned(10.0, -5.0);
        let at = [80.0, 40.0];
        let after = before.zoomed(2.0, at);
        for ((at, before_pan), after_pan) in at.into_iter().zip(before.pan).zip(after.pan) {
            // The same place of the plot in both, in units before zoom.
            let place = (at - before_pan) / before.zoom;
            assert!((after_pan + place * after.zoom - at).abs() < 1e-9);
        }
        assert_eq!(after.zoomed(1e9, at).zoom, 50.0);
        assert_eq!(after.zoomed(f64::NAN, at), after);
    }
}
