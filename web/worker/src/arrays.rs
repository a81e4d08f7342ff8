//! Matrices as typed arrays of JavaScript, to be handed over.

use js_sys::{Float32Array, Object, Uint16Array};
use lens_analysis::summary::CenteredGram;
use lens_analysis::{Grams, Source, Summary};

/// Numbers copied at once: fewer calls to JavaScript than rows, and little memory.
const BLOCK: usize = 1 << 14;

/// A summary's centered Gram matrices, one for each of [`Source::ALL`]. None of them is ever whole in this module's
/// memory.
pub fn grams_of_summary(summary: &Summary) -> impl Iterator<Item = Object> + '_ {
    Source::ALL.into_iter().map(move |source| centered(&summary.centered_gram(source)))
}

fn centered(gram: &CenteredGram<'_>) -> Object {
    let n = gram.size();
    let array = Float32Array::new_with_length((n * (n + 1) / 2) as u32);
    let mut at = 0;
    let mut block: Vec<f32> = Vec::with_capacity(BLOCK + n);
    let mut flush = |block: &mut Vec<f32>| {
        let end = at + block.len() as u32;
        array.subarray(at, end).copy_from(block);
        at = end;
        block.clear();
    };
    gram.rows(|row| {
        block.extend_from_slice(row);
        if block.len() >= BLOCK {
            flush(&mut block);
        }
    });
    flush(&mut block);
    array.into()
}

/// Gram matrices, one for each of [`Source::ALL`].
pub fn grams(grams: Grams) -> impl Iterator<Item = Object> {
    let Grams { predictable, novel, total, residual } = grams;
    [predictable, novel, total, residual].into_iter().map(|gram| floats(gram.upper()))
}

/// Plain numbers.
pub fn floats(values: &[f32]) -> Object {
    Float32Array::from(values).into()
}

/// Levels of a head's attention.
pub fn levels(values: &[u16]) -> Object {
    Uint16Array::from(values).into()
}
