//! Lists by a number, largest first. The standard library's sort is compiled again for every type that is sorted, 4 kB of the page each
//! time: here numbers and places alone are sorted, whatever they are of.

/// The items by their value as [`f64::total_cmp`] orders it, largest first; equal ones stay in their order.
pub fn largest_first<T, V: Into<f64>>(items: Vec<T>, value: impl Fn(&T) -> V) -> Vec<T> {
    let order = places(items.iter().map(|item| value(item).into()).collect());
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    order.into_iter().filter_map(|place| items.get_mut(place).and_then(Option::take)).collect()
}

/// The same, smallest first.
pub fn smallest_first<T>(items: Vec<T>, value: impl Fn(&T) -> f64) -> Vec<T> {
    largest_first(items, |item| -value(item))
}

/// Places of the values, that of the largest first.
#[inline(never)]
fn places(values: Vec<f64>) -> Vec<usize> {
    let mut order: Vec<(f64, usize)> = values.into_iter().zip(0..).collect();
    order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    order.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_goes_first_and_equal_ones_stay_in_order() {
        let items = vec![("a", 1.0f32), ("b", 3.0), ("c", 1.0), ("d", -2.0), ("e", 3.0), ("f", 0.0), ("g", -0.0)];
        let mut stable = items.clone();
        stable.sort_by(|a, b| b.1.total_cmp(&a.1));
        assert_eq!(largest_first(items.clone(), |it| it.1), stable);
        let names: Vec<&str> = stable.iter().map(|it| it.0).collect();
        assert_eq!(names, ["b", "e", "a", "c", "f", "g", "d"]);
        stable = items.clone();
        stable.sort_by(|a, b| a.1.total_cmp(&b.1));
        assert_eq!(smallest_first(items.clone(), |it| f64::from(it.1)), stable);
        assert!(largest_first(Vec::<f32>::new(), |it| *it).is_empty());
        assert_eq!(largest_first(vec![1.0, f32::NAN, 2.0], |it| *it)[1..], [2.0, 1.0]);
    }
}
