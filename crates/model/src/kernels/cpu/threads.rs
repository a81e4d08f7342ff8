//! Loops over parts of a result: on all threads natively, one after another in wasm. What a part holds does not depend
//! on the number of threads.

#[cfg(not(target_family = "wasm"))]
pub use native::side_by_side;

/// `with(index, part)` for each of the parts of `length` values.
pub fn each_part(values: &mut [f32], length: usize, with: impl Fn(usize, &mut [f32]) + Sync) {
    if length == 0 {
        return;
    }
    #[cfg(not(target_family = "wasm"))]
    if !native::has_other_work() {
        use rayon::prelude::*;
        values.par_chunks_mut(length).enumerate().for_each(|(i, part)| with(i, part));
        return;
    }
    values.chunks_mut(length).enumerate().for_each(|(i, part)| with(i, part));
}

/// `with(index, scratch)` for every index below `count`; what runs one after another shares its scratch.
pub fn each_index<T: Default>(count: usize, with: impl Fn(usize, &mut T) + Sync) {
    #[cfg(not(target_family = "wasm"))]
    if !native::has_other_work() {
        use rayon::prelude::*;
        (0..count).into_par_iter().for_each_init(T::default, |scratch, i| with(i, scratch));
        return;
    }
    let mut scratch = T::default();
    (0..count).for_each(|i| with(i, &mut scratch));
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

#[cfg(not(target_family = "wasm"))]
mod native {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    thread_local! {
        /// Whether this thread runs one of the items of [`side_by_side`].
        static IS_ITEM: Cell<bool> = const { Cell::new(false) };
    }

    /// Items that run now.
    static RUNNING: AtomicUsize = AtomicUsize::new(0);

    /// `with` of each of `items`, each on a thread of its own. While there are as many as the machine has threads, the loops of an item
    /// stay on its thread: handing them to others, which have work, would only make it wait.
    pub fn side_by_side<I: Send, T: Send>(items: Vec<I>, with: impl Fn(I) -> T + Sync) -> Vec<T> {
        /// Counts an item until it ends, by a panic, too.
        struct Item;
        impl Drop for Item {
            fn drop(&mut self) {
                RUNNING.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let with = &with;
        std::thread::scope(|threads| {
            let start = |item| {
                RUNNING.fetch_add(1, Ordering::Relaxed);
                let counted = Item;
                threads.spawn(move || {
                    let _counted = counted;
                    IS_ITEM.set(true);
                    with(item)
                })
            };
            let running: Vec<_> = items.into_iter().map(start).collect();
            // A panic in one of them goes on in this thread.
            let joined =
                running.into_iter().map(|it| it.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            joined.collect()
        })
    }

    /// Whether this is the thread of an item, and the other threads have as much to do.
    pub fn has_other_work() -> bool {
        IS_ITEM.get() && RUNNING.load(Ordering::Relaxed) >= rayon::current_num_threads()
    }
}
