//! The positions that the authors' notebook draws.

/// Positions drawn at most.
pub const NOTEBOOK_POSITIONS: usize = 20;

/// `torch.linspace(0, T - 1, min(T, 20), dtype=torch.int)`: 20 positions from first to last, or all of fewer.
/// PyTorch steps from both ends toward the middle, in f64, and truncates: from the last position back,
/// rounding can make one less than the exact quotient.
pub fn notebook_positions(tokens: usize) -> Vec<usize> {
    let count = tokens.min(NOTEBOOK_POSITIONS);
    if count < 2 {
        return (0..count).collect();
    }
    let last = (tokens - 1) as f64;
    let step = last / (count - 1) as f64;
    (0..count)
        .map(|i| {
            let position = if i < count / 2 { step * i as f64 } else { last - step * (count - 1 - i) as f64 };
            position as usize
        })
        .collect()
}
