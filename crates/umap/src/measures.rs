//! What a picture keeps of its points, and how a path winds.

use crate::Distances;

/// Trustworthiness (Venna and Kaski 2001), as scikit-learn computes it: 1 when the `k` nearest of every point
/// in the picture are among its `k` nearest in truth; what is farther counts by its rank. `picture` holds
/// the distances in the picture. None unless 0 < k < T / 2 and both have T points.
pub fn trustworthiness(truth: &Distances, picture: &Distances, k: usize) -> Option<f64> {
    let points = truth.points();
    if picture.points() != points || k == 0 || 2 * k >= points {
        return None;
    }
    let mut penalty = 0;
    let mut order: Vec<usize> = Vec::with_capacity(points);
    for i in 0..points {
        let (near, seen) = (truth.row(i), picture.row(i));
        order.clear();
        order.extend((0..points).filter(|j| *j != i));
        order.select_nth_unstable_by(k - 1, |a, b| seen[*a].total_cmp(&seen[*b]).then(a.cmp(b)));
        for &j in &order[..k] {
            // Rank 1 is the nearest; of equally near ones the earlier comes first.
            let nearer = |other: usize| near[other] < near[j] || (near[other] == near[j] && other < j);
            let rank = 1 + (0..points).filter(|other| *other != i && nearer(*other)).count();
            penalty += rank.saturating_sub(k);
        }
    }
    let (n, k) = (points as f64, k as f64);
    Some(1.0 - penalty as f64 * 2.0 / (n * k * (2.0 * n - 3.0 * k - 1.0)))
}

/// Length of the path through points [T, d], row-major, in their order.
pub fn path_length(coordinates: &[f32], d: usize) -> f64 {
    let rows = || coordinates.chunks_exact(d.max(1));
    rows().zip(rows().skip(1)).map(|(x, y)| apart(x, y)).sum()
}

/// Tortuosity of the path through points [T, d]: its length over the distance from its first point to its last. 1 for
/// a straight line, and the larger the more it winds. The paper states it of trajectories: about 2
/// for predictable codes, 25 to 30 for novel ones. None where the ends meet, or without points.
pub fn tortuosity(coordinates: &[f32], d: usize) -> Option<f64> {
    let mut rows = coordinates.chunks_exact(d.max(1));
    let first = rows.next()?;
    let end_to_end = apart(first, rows.next_back()?);
    (end_to_end > 0.0).then(|| path_length(coordinates, d) / end_to_end)
}

impl Distances {
    /// [`tortuosity`] of the path through all points in their order, in the space they come from rather than in a
    /// picture.
    pub fn tortuosity(&self) -> Option<f64> {
        let last = self.points().checked_sub(1)?;
        let length: f64 = (0..last).map(|i| f64::from(self.get(i, i + 1))).sum();
        let end_to_end = f64::from(self.get(0, last));
        (end_to_end > 0.0).then(|| length / end_to_end)
    }
}

fn apart(x: &[f32], y: &[f32]) -> f64 {
    let squared = |(x, y): (&f32, &f32)| (f64::from(*x) - f64::from(*y)) * (f64::from(*x) - f64::from(*y));
    x.iter().zip(y).map(squared).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metric;

    #[test]
    fn tortuosity_is_length_over_distance() {
        // Three sides of a square.
        let square = [0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 2.0, 0.0];
        assert_eq!(path_length(&square, 2), 6.0);
        assert_eq!(tortuosity(&square, 2), Some(3.0));
        let distances = Distances::from_points(&square, 4, Metric::Euclidean).unwrap();
        assert_eq!(distances.tortuosity(), Some(3.0));
        assert_eq!(tortuosity(&[0.0, 0.0, 1.0, 1.0, 2.0, 2.0], 2), Some(1.0));
    }

    #[test]
    fn closed_and_empty_paths_have_none() {
        assert_eq!(tortuosity(&[0.0, 1.0, 0.0], 1), None);
        assert_eq!(tortuosity(&[3.0, 4.0], 2), None);
        assert_eq!(tortuosity(&[], 2), None);
        assert_eq!(Distances::from_matrix(&[], 0).unwrap().tortuosity(), None);
    }

    #[test]
    fn the_truth_is_trustworthy_and_a_shuffle_is_not() {
        let points: Vec<f32> = (0..40).map(|i| i as f32).collect();
        let shuffled: Vec<f32> = (0..40).map(|i| ((i * 17) % 40) as f32).collect();
        let truth = Distances::from_points(&points, 40, Metric::Euclidean).unwrap();
        let picture = Distances::from_points(&shuffled, 40, Metric::Euclidean).unwrap();
        assert_eq!(trustworthiness(&truth, &truth, 5), Some(1.0));
        assert!(trustworthiness(&truth, &picture, 5).is_some_and(|t| t < 0.8));
        assert_eq!(trustworthiness(&truth, &picture, 20), None);
        assert_eq!(trustworthiness(&truth, &picture, 0), None);
    }
}
