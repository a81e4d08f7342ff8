//! What can be wrong, as sentences for the person who looks at the page.

/// Fewest points that are laid out: with 4, a spectral start in three dimensions has no eigenvectors left.
pub(crate) const MIN_POINTS: usize = 5;

/// Why there is no embedding.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// Fewer points than a neighborhood needs.
    #[error("a trajectory needs at least {MIN_POINTS} tokens, this text has {found}: write a longer one")]
    TooFew {
        /// How many there are.
        found: usize,
    },
    /// A matrix that is not [T, T].
    #[error("a matrix of {points} x {points} was called for, {values} values were given")]
    NotSquare {
        /// T.
        points: usize,
        /// Values given.
        values: usize,
    },
    /// NaN or an infinity.
    #[error(
        "the value of row {row}, column {column} is {value}, not a finite number: the analysis it comes from went wrong"
    )]
    NotFinite {
        /// Row.
        row: usize,
        /// Column.
        column: usize,
        /// What stands there.
        value: f32,
    },
    /// A distance below zero.
    #[error("the distance of points {row} and {column} is {value}: distances are never negative")]
    Negative {
        /// First point.
        row: usize,
        /// Second point.
        column: usize,
        /// What stands there.
        value: f32,
    },
    /// The matrix is not a Gram matrix.
    #[error("the matrix is not a Gram matrix: it has negative eigenvalues")]
    NotAGram,
    /// A position past the last point.
    #[error("position {position} was selected, there are {points} points")]
    NoSuchPosition {
        /// The position.
        position: usize,
        /// T.
        points: usize,
    },
    /// A setting out of its range.
    #[error("{name} is {found}, it must be {range}")]
    Setting {
        /// Its name in [`crate::Parameters`].
        name: &'static str,
        /// Its value.
        found: String,
        /// What it may be, in words.
        range: &'static str,
    },
    /// The caller asked to stop.
    #[error("stopped")]
    Canceled,
}
