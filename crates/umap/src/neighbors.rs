//! Exact nearest neighbors.

use crate::Distances;

/// The k nearest of every point, nearest first, itself before all others.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbors {
    /// Neighbors a point.
    pub k: usize,
    /// Who they are [T, k].
    pub indices: Vec<u32>,
    /// How far they are [T, k].
    pub distances: Vec<f32>,
}

/// Compares each point with all others. Of equally near ones the earlier comes first, so that the
/// order does not depend on the way of sorting; and every point is its own first neighbor, whatever
/// duplicates it has.
pub fn nearest(distances: &Distances, k: usize) -> Neighbors {
    let points = distances.points();
    let k = k.min(points);
    let mut indices = Vec::with_capacity(points * k);
    let mut nearest = Vec::with_capacity(points * k);
    let mut best: Vec<(f32, u32)> = Vec::with_capacity(k + 1);
    for i in 0..points {
        best.clear();
        for (j, &d) in distances.row(i).iter().enumerate() {
            if j == i || (best.len() + 1 >= k && best.last().is_none_or(|last| d >= last.0)) {
                continue;
            }
            let place = best.partition_point(|b| b.0 <= d);
            best.insert(place, (d, j as u32));
            best.truncate(k - 1);
        }
        indices.push(i as u32);
        nearest.push(0.0);
        indices.extend(best.iter().map(|b| b.1));
        nearest.extend(best.iter().map(|b| b.0));
    }
    Neighbors { k, indices, distances: nearest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metric;

    #[test]
    fn the_nearest_come_first_and_ties_in_order() {
        let distances = Distances::from_points(&[0.0, 10.0, 1.0, -1.0, 3.0, 0.0], 6, Metric::Euclidean).unwrap();
        let neighbors = nearest(&distances, 4);
        assert_eq!(neighbors.indices[..4], [0, 5, 2, 3]);
        assert_eq!(neighbors.distances[..4], [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(neighbors.indices[20..], [5, 0, 2, 3]);
        assert_eq!(nearest(&distances, 1).indices, [0, 1, 2, 3, 4, 5]);
        assert_eq!(nearest(&distances, 99).k, 6);
    }
}
