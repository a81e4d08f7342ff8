//! The layout: stochastic gradient descent on the cross-entropy between the graph and the picture.

use crate::forces::Forces;
use crate::random::Random;
use crate::{Graph, Parameters};

/// A gradient's component is at most this.
const CLIP: f32 = 4.0;
/// An edge and when it comes next, in epochs.
#[derive(Debug, Clone)]
struct Edge {
    head: u32,
    tail: u32,
    /// Epochs between two pulls: 1 for the strongest edge.
    period: f64,
    next_pull: f64,
    next_push: f64,
}

/// A layout under way, in D dimensions.
#[derive(Debug, Clone)]
pub struct Layout<const D: usize> {
    points: Vec<[f32; D]>,
    edges: Vec<Edge>,
    forces: Forces,
    learning_rate: f64,
    negative_sample_rate: f64,
    epoch: usize,
    n_epochs: usize,
    random: Random,
}

impl<const D: usize> Layout<D> {
    /// From a start [T, D].
    pub fn new(
        graph: &Graph,
        start: &[f64],
        (a, b): (f64, f64),
        parameters: &Parameters,
        n_epochs: usize,
        random: Random,
    ) -> Self {
        let strongest = graph.weights.iter().copied().fold(0f32, f32::max);
        // As in umap-learn, both directions of an edge are edges: each end pushes others away in turn.
        let edges = (0..graph.points())
            .flat_map(|head| graph.row(head).map(move |(tail, w)| (head, tail, w)))
            .map(|(head, tail, w)| {
                let period = f64::from(strongest) / f64::from(w);
                let next_push = period / parameters.negative_sample_rate.max(1) as f64;
                Edge { head: head as u32, tail: tail as u32, period, next_pull: period, next_push }
            })
            .collect();
        Self {
            points: start.chunks_exact(D).map(|c| std::array::from_fn(|axis| c[axis] as f32)).collect(),
            edges,
            forces: Forces::new(a, b, parameters.repulsion_strength),
            learning_rate: parameters.learning_rate,
            negative_sample_rate: parameters.negative_sample_rate as f64,
            epoch: 0,
            n_epochs,
            random,
        }
    }

    /// Epochs done.
    pub fn epoch(&self) -> usize {
        self.epoch
    }

    /// Coordinates [T, D] as they are now.
    pub fn points(&self) -> &[[f32; D]] {
        &self.points
    }

    /// One epoch; nothing after the last.
    pub fn step(&mut self) {
        if self.epoch >= self.n_epochs {
            return;
        }
        let epoch = self.epoch as f64;
        // The rate falls at the end of an epoch, so that the first two have the same.
        let rate = self.learning_rate * (1.0 - self.epoch.saturating_sub(1) as f64 / self.n_epochs as f64);
        let rate = rate as f32;
        let count = self.points.len() as u32;
        for edge in &mut self.edges {
            if edge.next_pull > epoch {
                continue;
            }
            let (head, tail) = (edge.head as usize, edge.tail as usize);
            let mut current = self.points[head];
            let mut other = self.points[tail];
            let d2 = squared_distance(&current, &other);
            if d2 > 0.0 {
                let factor = self.forces.pull(d2);
                for axis in 0..D {
                    let gradient = (factor * (current[axis] - other[axis])).clamp(-CLIP, CLIP);
                    current[axis] += gradient * rate;
                    other[axis] -= gradient * rate;
                }
                self.points[tail] = other;
            }
            edge.next_pull += edge.period;

            let push_period = edge.period / self.negative_sample_rate;
            // As many as are due; none where the rate is zero (x / inf).
            let pushes = ((epoch - edge.next_push) / push_period) as usize;
            for _ in 0..pushes {
                let k = self.random.below(count) as usize;
                // The point itself and those in the same place do not push.
                if k == head {
                    continue;
                }
                let other = &self.points[k];
                let d2 = squared_distance(&current, other);
                if d2 > 0.0 {
                    let factor = self.forces.push(d2);
                    for axis in 0..D {
                        let gradient = (factor * (current[axis] - other[axis])).clamp(-CLIP, CLIP);
                        current[axis] += gradient * rate;
                    }
                }
            }
            if pushes > 0 {
                edge.next_push += pushes as f64 * push_period;
            }
            self.points[head] = current;
        }
        self.epoch += 1;
    }
}

#[inline]
fn squared_distance<const D: usize>(x: &[f32; D], y: &[f32; D]) -> f32 {
    let mut sum = 0.0;
    for axis in 0..D {
        let difference = x[axis] - y[axis];
        sum += difference * difference;
    }
    sum
}
