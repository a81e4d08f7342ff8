//! Matrices of an answer: the typed arrays that come with its header, which are transferred, not copied.
//!
//! | answer | buffers, in this order |
//! |---|---|
//! | `Analysis` | a Gram matrix [T, T] for each of [`Source::ALL`] |
//! | `Comparison` | those of the first text, those of the second, those of both [A + B, A + B] |
//! | `Attention` | the levels of each layer and head, the heads of a layer together |
//!
//! A Gram matrix is the upper triangle of a [`SymmetricMatrix`] as f32, levels are those of an [`Attention`] as
//! u16. Similarity is never sent: it follows from the Gram matrices.

use lens_analysis::comparison::Comparison;
use lens_analysis::{Analysis, Attention, Grams, Source, SymmetricMatrix};

/// A typed array.
#[derive(Debug, Clone, PartialEq)]
pub enum Buffer {
    /// A Float32Array.
    F32(Vec<f32>),
    /// A Uint16Array.
    U16(Vec<u16>),
}

/// Buffers that do not fit their header, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BufferError {
    /// There are too few of them.
    #[error("{found} buffers came with it, too few")]
    Few {
        /// Buffers there were.
        found: usize,
    },
    /// There are too many of them.
    #[error("{found} buffers came with it, {expected} were expected")]
    Many {
        /// Buffers there were.
        found: usize,
        /// Buffers that were taken.
        expected: usize,
    },
    /// One holds something else.
    #[error("buffer {index} has numbers of another type")]
    Type {
        /// Which, from 0.
        index: usize,
    },
    /// One is not a matrix of the right size.
    #[error("buffer {index} does not fit: {problem}")]
    Size {
        /// Which, from 0.
        index: usize,
        /// A sentence.
        problem: String,
    },
}

/// The buffers of a message, taken one after another. Whatever fills them is untrusted.
struct Taken {
    rest: std::vec::IntoIter<Buffer>,
    found: usize,
}

impl Taken {
    fn new(buffers: Vec<Buffer>) -> Self {
        Self { found: buffers.len(), rest: buffers.into_iter() }
    }

    /// The next buffer with its number.
    fn next(&mut self) -> Result<(usize, Buffer), BufferError> {
        let index = self.found - self.rest.len();
        self.rest.next().map(|buffer| (index, buffer)).ok_or(BufferError::Few { found: self.found })
    }

    fn gram(&mut self, n: usize) -> Result<SymmetricMatrix, BufferError> {
        match self.next()? {
            (index, Buffer::F32(upper)) => {
                SymmetricMatrix::new(n, upper).map_err(|e| BufferError::Size { index, problem: e.to_string() })
            }
            (index, Buffer::U16(_)) => Err(BufferError::Type { index }),
        }
    }

    fn grams(&mut self, n: usize) -> Result<Grams, BufferError> {
        let [a, b, c, d] = Source::ALL.map(|_| self.gram(n));
        Ok(Grams::from_sources([a?, b?, c?, d?]))
    }

    /// Nothing may be left.
    fn end(self) -> Result<(), BufferError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(BufferError::Many { found: self.found, expected: self.found - left }),
        }
    }
}

/// An analysis of its header and its buffers.
///
/// # Errors
/// [`BufferError`] where the buffers do not fit the header.
pub fn analysis(header: Analysis, buffers: Vec<Buffer>) -> Result<Analysis, BufferError> {
    let mut buffers = Taken::new(buffers);
    let grams = buffers.grams(header.tokens.len())?;
    buffers.end()?;
    Ok(Analysis { grams: Some(grams), ..header })
}

/// A comparison of the headers of its analyses and its buffers.
///
/// # Errors
/// [`BufferError`] where the buffers do not fit the headers.
pub fn comparison(first: Analysis, second: Analysis, buffers: Vec<Buffer>) -> Result<Comparison, BufferError> {
    let mut buffers = Taken::new(buffers);
    let (a, b) = (first.tokens.len(), second.tokens.len());
    let first = Analysis { grams: Some(buffers.grams(a)?), ..first };
    let second = Analysis { grams: Some(buffers.grams(b)?), ..second };
    let grams = buffers.grams(a + b)?;
    buffers.end()?;
    Ok(Comparison { first, second, grams })
}

/// Attention weights of what their header says and their buffers.
///
/// # Errors
/// [`BufferError`] where the buffers do not fit the header.
pub fn attention(layers: usize, heads: usize, tokens: usize, buffers: Vec<Buffer>) -> Result<Attention, BufferError> {
    let mut levels = Vec::with_capacity(buffers.len());
    for (index, buffer) in buffers.into_iter().enumerate() {
        match buffer {
            Buffer::U16(head) => levels.push(head),
            Buffer::F32(_) => return Err(BufferError::Type { index }),
        }
    }
    let last = levels.len().saturating_sub(1);
    Attention::new(layers, heads, tokens, levels).map_err(|e| BufferError::Size { index: last, problem: e.to_string() })
}
