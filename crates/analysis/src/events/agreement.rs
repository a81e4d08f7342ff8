//! How well found boundaries agree with those that people marked.

/// Counts over any number of texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Found boundaries near a marked one, each marked one once.
    pub hits: usize,
    /// Found boundaries.
    pub found: usize,
    /// Marked boundaries.
    pub marked: usize,
}

impl Agreement {
    /// Counts a text's boundaries, positions in ascending order; at most `near` tokens off is a hit.
    pub fn add(&mut self, found: &[usize], marked: &[usize], near: usize) {
        let mut left = marked.to_vec();
        for position in found {
            let nearest = left.iter().enumerate().min_by_key(|(_, it)| it.abs_diff(*position));
            if let Some((index, it)) = nearest
                && it.abs_diff(*position) <= near
            {
                left.remove(index);
                self.hits += 1;
            }
        }
        self.found += found.len();
        self.marked += marked.len();
    }

    /// Share of the found boundaries that are near a marked one; 1 where none was found.
    pub fn precision(&self) -> f64 {
        share(self.hits, self.found)
    }

    /// Share of the marked boundaries that were found; 1 where none was marked.
    pub fn recall(&self) -> f64 {
        share(self.hits, self.marked)
    }

    /// Harmonic mean of precision and recall.
    pub fn f1(&self) -> f64 {
        share(2 * self.hits, self.found + self.marked)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_boundary_is_hit_once() {
        let mut it = Agreement::default();
        it.add(&[19, 21, 40], &[20, 60], 3);
        assert_eq!(it, Agreement { hits: 1, found: 3, marked: 2 });
        it.add(&[], &[], 3);
        it.add(&[7], &[], 3);
        assert_eq!((it.precision(), it.recall(), it.f1()), (0.25, 0.5, 1.0 / 3.0));
        assert_eq!(Agreement::default().f1(), 1.0);
    }
}
