//! What is drawn, from back to front, and what lies under the pointer.

use lens_analysis::order::smallest_first;

use super::axes::{Axis, Placed, View};
use super::camera::Camera;
use super::points::Trajectory;
use crate::figure::color::Rgb;
use crate::figure::film::Reading;
use crate::figure::layout::FigureLayout;

/// Radius of a dot in CSS pixels, few points and many.
const DOT: (f64, f64) = (5.0, 2.5);
/// As many points as the larger dots are for.
const FEW: f64 = 20.0;
const MANY: f64 = 1000.0;
/// How far beside a dot the pointer still finds it, in CSS pixels.
const REACH: f64 = 5.0;
/// Two points that follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// Index of the first; the second comes next.
    pub point: usize,
    /// From here.
    pub from: [f64; 2],
    /// To here.
    pub to: [f64; 2],
}

/// A point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dot {
    /// Its index.
    pub point: usize,
    /// Its middle.
    pub at: [f64; 2],
    /// Its radius.
    pub radius: f64,
    /// Its color.
    pub color: Rgb,
}

/// Something drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mark {
    /// A piece of the connecting line.
    Segment(Segment),
    /// A point.
    Dot(Dot),
}

/// A trajectory as a camera sees it, in CSS pixels of the figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Path and points, the farthest first. In a plane the path lies under the points.
    pub marks: Vec<Mark>,
    /// Axes of the plane, or three edges of the box.
    pub axes: Vec<Axis>,
    /// All edges of the box around the points; none in a plane.
    pub edges: Vec<[[f64; 2]; 2]>,
}

impl Scene {
    /// What `camera` sees of `trajectory` on `figure`. Points without coordinates (NaN) are left out, and the
    /// line with them.
    pub fn of(trajectory: &Trajectory, camera: &Camera, figure: &FigureLayout) -> Self {
        let view = View::of(trajectory, camera, figure);
        let colors = trajectory.colors();
        let radius = dot_radius(trajectory.size());
        let seen: Vec<Option<Placed>> = trajectory
            .points
            .iter()
            .map(|p| p.iter().all(|v| v.is_finite()).then(|| view.place(p.map(f64::from))))
            .collect();
        let mut marks: Vec<(f64, Mark)> = Vec::with_capacity(2 * seen.len());
        for (point, pair) in seen.windows(2).enumerate() {
            if let [Some(a), Some(b)] = pair {
                let segment = Segment { point, from: a.at, to: b.at };
                marks.push(((a.depth + b.depth) / 2.0, Mark::Segment(segment)));
            }
        }
        for (point, placed) in seen.iter().enumerate() {
            if let Some(placed) = placed {
                let dot = Dot { point, at: placed.at, radius: radius * placed.scale, color: colors[point] };
                marks.push((placed.depth, Mark::Dot(dot)));
            }
        }
        // Stable: in a plane, all equally deep, the path stays below and later points lie on earlier ones.
        let marks = smallest_first(marks, |it| it.0);
        let (axes, edges) = if trajectory.dimensions == 2 { (view.plane_axes(), Vec::new()) } else { view.box_axes() };
        Self { marks: marks.into_iter().map(|(_, mark)| mark).collect(), axes, edges }
    }

    /// The path as far as the text is read.
    #[must_use]
    pub fn read(&self, trajectory: &Trajectory, reading: Reading) -> Self {
        match trajectory.reached(reading) {
            Some((point, part)) => self.up_to(point, part),
            None => Self { marks: Vec::new(), axes: self.axes.clone(), edges: self.edges.clone() },
        }
    }

    /// The path to a point, and from there a part, 0..1, of the way to the next.
    fn up_to(&self, point: usize, part: f64) -> Self {
        let drawn = |mark: &Mark| match *mark {
            Mark::Dot(dot) => (dot.point <= point).then_some(Mark::Dot(dot)),
            Mark::Segment(it) if it.point < point => Some(Mark::Segment(it)),
            Mark::Segment(it) if it.point == point && part > 0.0 => {
                let between = |axis: usize| it.from[axis] + (it.to[axis] - it.from[axis]) * part.min(1.0);
                Some(Mark::Segment(Segment { to: [between(0), between(1)], ..it }))
            }
            Mark::Segment(_) => None,
        };
        let marks = self.marks.iter().filter_map(drawn).collect();
        Self { marks, axes: self.axes.clone(), edges: self.edges.clone() }
    }

    /// The point under the pointer: the foremost dot there, else the nearest one close by.
    pub fn point_under(&self, x: f64, y: f64) -> Option<usize> {
        let dots = self.marks.iter().rev().filter_map(|mark| match mark {
            Mark::Dot(dot) => Some((dot, (dot.at[0] - x).hypot(dot.at[1] - y) - dot.radius)),
            Mark::Segment(_) => None,
        });
        let mut nearest: Option<(&Dot, f64)> = None;
        for (dot, away) in dots {
            if away <= 0.0 {
                return Some(dot.point);
            }
            if away <= REACH && nearest.is_none_or(|(_, least)| away < least) {
                nearest = Some((dot, away));
            }
        }
        nearest.map(|(dot, _)| dot.point)
    }

    /// Where a point is drawn.
    pub fn dot(&self, point: usize) -> Option<&Dot> {
        self.marks.iter().find_map(|mark| match mark {
            Mark::Dot(dot) if dot.point == point => Some(dot),
            _ => None,
        })
    }
}

/// The more points, the smaller.
fn dot_radius(points: usize) -> f64 {
    let share = ((points as f64).max(FEW) / FEW).ln() / (MANY / FEW).ln();
    DOT.0 + (DOT.1 - DOT.0) * share.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::layout::AvailableSpace;
    use crate::figure::trajectory::layout::layout;
    use crate::figure::trajectory::points::tests::trajectory;
    use crate::figure::trajectory::settings::Method;

    fn place(dimensions: usize) -> FigureLayout {
        layout(dimensions, AvailableSpace { width: 800.0, max_height: 700.0, pixel_ratio: 1.0 })
    }

    fn cloud(points: usize) -> Trajectory {
        let value = |i: usize| ((i * 7919 + 13) % 1009) as f32 / 100.0 - 3.0;
        let coordinates: Vec<f32> = (0..points * 3).map(value).collect();
        Trajectory::new(Method::Pca, &coordinates, 3, (0..points).collect(), vec!["a".to_owned(); points]).unwrap()
    }

    fn dots(scene: &Scene) -> Vec<Dot> {
        let dot = |mark: &Mark| match mark {
            Mark::Dot(dot) => Some(*dot),
            Mark::Segment(_) => None,
        };
        scene.marks.iter().filter_map(dot).collect()
    }

    #[test]
    fn unzoomed_everything_is_seen_from_every_side() {
        let cloud = cloud(200);
        for (turn, width) in (0..24).flat_map(|turn| [(turn, 320.0), (turn, 800.0)]) {
            let place = layout(3, AvailableSpace { width, max_height: 700.0, pixel_ratio: 1.0 });
            let camera = Camera::default().orbited(f64::from(turn) * 33.0, f64::from(turn % 7) * 60.0 - 180.0);
            let scene = Scene::of(&cloud, &camera, &place);
            assert_eq!((dots(&scene).len(), scene.marks.len()), (200, 399));
            assert!(dots(&scene).iter().all(|dot| place.plot.contains(dot.at[0], dot.at[1])));
            assert_eq!((scene.axes.len(), scene.edges.len()), (3, 12));
            for axis in &scene.axes {
                let [x, y] = axis.title_at;
                // "PC 1" is about 26 pixels wide.
                assert!(
                    (13.0..place.width - 13.0).contains(&x) && (0.0..place.height).contains(&y),
                    "{turn}: {axis:?}"
                );
                assert!(scene.edges.contains(&[axis.from, axis.to]));
            }
        }
    }

    #[test]
    fn near_things_are_drawn_over_far_ones() {
        // One behind the other, seen from the front.
        let tokens = vec!["a".to_owned(); 3];
        let coordinates = [0.0, -2.0, 0.0, 0.0, 2.0, 0.0, 1.0, 0.0, 0.0];
        let trajectory = Trajectory::new(Method::Umap, &coordinates, 3, vec![0, 1, 2], tokens).unwrap();
        let camera = Camera { yaw_radians: 0.0, pitch_radians: 0.0, ..Camera::default() };
        let scene = Scene::of(&trajectory, &camera, &place(3));
        let order: Vec<usize> = dots(&scene).iter().map(|dot| dot.point).collect();
        assert_eq!(order, [1, 2, 0]);
        let (near, far) = (scene.dot(0).unwrap(), scene.dot(1).unwrap());
        assert!(near.radius > far.radius);
        // The path's second piece is behind its first.
        let segments: Vec<usize> = scene
            .marks
            .iter()
            .filter_map(|mark| match mark {
                Mark::Segment(segment) => Some(segment.point),
                Mark::Dot(_) => None,
            })
            .collect();
        assert_eq!(segments, [1, 0]);
        assert!(matches!(scene.marks[0], Mark::Dot(Dot { point: 1, .. })));
    }

    #[test]
    fn the_pointer_finds_the_foremost_dot_or_the_nearest() {
        let scene = Scene::of(&trajectory(2), &Camera::default(), &place(2));
        for point in 0..3 {
            let Dot { at: [x, y], radius, .. } = *scene.dot(point).unwrap();
            assert_eq!(scene.point_under(x, y), Some(point));
            assert_eq!(scene.point_under(x + radius + REACH - 0.1, y), Some(point));
            assert_eq!(scene.point_under(x + radius + REACH + 0.1, y), None);
        }
        let twice = Trajectory::new(Method::Umap, &[1.0; 4], 2, vec![0, 1], vec!["a".to_owned(); 2]).unwrap();
        let scene = Scene::of(&twice, &Camera::default(), &place(2));
        let [x, y] = scene.dot(0).unwrap().at;
        assert_eq!(scene.point_under(x, y), Some(1), "the later point lies on top");
    }

    #[test]
    fn the_path_draws_itself_from_point_to_point() {
        let whole = Scene::of(&trajectory(2), &Camera::default(), &place(2));
        let segments = |scene: &Scene| -> Vec<Segment> {
            let segment = |mark: &Mark| match mark {
                Mark::Segment(it) => Some(*it),
                Mark::Dot(_) => None,
            };
            scene.marks.iter().filter_map(segment).collect()
        };
        let first = whole.up_to(0, 0.0);
        assert_eq!((dots(&first).len(), segments(&first).len(), &first.axes), (1, 0, &whole.axes));
        let half = whole.up_to(0, 0.5);
        let (drawn, all) = (segments(&half), segments(&whole));
        assert_eq!((dots(&half).len(), drawn.len(), drawn[0].from), (1, 1, all[0].from));
        for axis in 0..2 {
            assert!((drawn[0].to[axis] - (all[0].from[axis] + all[0].to[axis]) / 2.0).abs() < 1e-9);
        }
        assert_eq!(whole.up_to(2, 0.0), whole);
        // Token 2 is no point: it lies on the way from the second to the third.
        let reading = |position| Reading { position, progress: 0.0 };
        assert_eq!(whole.read(&trajectory(2), reading(2)), whole.up_to(1, 0.5));
        assert_eq!(whole.read(&trajectory(2), reading(9)).marks, [], "nothing past the text");
        assert_eq!(segments(&whole.up_to(1, 7.0)), all, "a part is at most all of it");
    }

    #[test]
    fn numbers_on_a_plane_s_axes_stand_at_their_values() {
        let place = place(2);
        for camera in [Camera::default(), Camera::default().zoomed(1.3, [50.0, 20.0]).panned(-30.0, 12.0)] {
            let scene = Scene::of(&trajectory(2), &camera, &place);
            let four = scene.axes[0].ticks.iter().find(|(_, label)| label == "4").unwrap();
            let two = scene.axes[1].ticks.iter().find(|(_, label)| label == "2").unwrap();
            // The second point is (4, 2).
            let dot = scene.dot(1).unwrap();
            assert!((four.0[0] - dot.at[0]).abs() < 1e-3 && (two.0[1] - dot.at[1]).abs() < 1e-3);
            assert!(scene.axes.iter().flat_map(|axis| &axis.ticks).count() >= 4);
        }
        let scene = Scene::of(&trajectory(2), &Camera::default(), &place);
        let [first, second] = &scene.axes[..] else { panic!("two axes") };
        assert_eq!((first.title.as_str(), second.title.as_str()), ("UMAP 1", "UMAP 2"));
        assert!(second.title_is_upright && second.to[1] < second.from[1]);
    }

    #[test]
    fn a_plane_has_one_scale_for_both_axes() {
        let scene = Scene::of(&trajectory(2), &Camera::default(), &place(2));
        let [a, b] = [scene.dot(0).unwrap().at, scene.dot(1).unwrap().at];
        // (0, 0) to (4, 2): up is toward smaller y.
        assert!(((b[0] - a[0]) / (a[1] - b[1]) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn points_without_coordinates_are_left_out_with_their_line() {
        let coordinates = [0.0, 0.0, f32::NAN, 1.0, 2.0, 2.0, 3.0, 3.0];
        let trajectory =
            Trajectory::new(Method::Umap, &coordinates, 2, (0..4).collect(), vec!["a".to_owned(); 4]).unwrap();
        let scene = Scene::of(&trajectory, &Camera::default(), &place(2));
        assert_eq!((scene.marks.len(), dots(&scene).len()), (4, 3));
        assert_eq!(scene.dot(1), None);
        let nothing = Trajectory::new(Method::Umap, &[], 3, vec![], vec![]).unwrap();
        assert!(Scene::of(&nothing, &Camera::default(), &place(3)).marks.is_empty());
    }

    #[test]
    fn dots_shrink_as_they_grow_in_number() {
        let radii: Vec<f64> = [1, 20, 141, 500, 1000, 2000].map(dot_radius).to_vec();
        assert_eq!((radii[0], radii[1], radii[5]), (5.0, 5.0, 2.5));
        assert!(radii.windows(2).all(|pair| pair[0] >= pair[1]));
    }
}
