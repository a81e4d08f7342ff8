//! Loops over parts of a result: on all threads natively, one after another in wasm. What a part holds does not depend
//! on the number of threads.

/// `with(index, part)` for each of the parts of `length` values.
pub fn each_part(values: &mut [f32], length: usize, with: impl Fn(usize, &mut [f32]) + Sync) {
    if length == 0 {
        return;
    }
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        values.par_chunks_mut(length).enumerate().for_each(|(i, part)| with(i, part));
    }
    #[cfg(target_family = "wasm")]
    values.chunks_mut(length).enumerate().for_each(|(i, part)| with(i, part));
}

/// `with(index, scratch)` for every index below `count`; what runs one after another shares its scratch.
pub fn each_index<T: Default>(count: usize, with: impl Fn(usize, &mut T) + Sync) {
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        (0..count).into_par_iter().for_each_init(T::default, |scratch, i| with(i, scratch));
    }
    #[cfg(target_family = "wasm")]
    {
        let mut scratch = T::default();
        (0..count).for_each(|i| with(i, &mut scratch));
    }
}

/// `with(item)` for each of `items`, which are parts of several arrays.
pub fn each_of<T: Send>(items: impl Iterator<Item = T>, with: impl Fn(T) + Send + Sync) {
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        items.collect::<Vec<T>>().into_par_iter().for_each(with);
    }
    #[cfg(target_family = "wasm")]
    items.for_each(with);
}
