//! What a caller may rely on: the same picture for the same seed, stopping at once, and answers to
//! whatever is given.

#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use lens_umap::{Distances, Embedding, Error, Metric, Parameters, Umap, fuzzy_graph, umap};

/// Even numbers in -1..1, by a multiplicative hash.
fn values(count: usize) -> Vec<f32> {
    (0..count as u32).map(|i| (i.wrapping_add(1).wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0).collect()
}

fn distances(points: usize) -> Distances {
    Distances::from_points(&values(points * 8), points, Metric::Euclidean).unwrap()
}

fn picture(distances: &Distances, parameters: &Parameters) -> Embedding {
    umap(distances, parameters, |_, _| ControlFlow::Continue(())).unwrap()
}

fn assert_drawable(picture: &Embedding, points: usize) {
    assert_eq!(picture.coordinates.len(), points * picture.n_components);
    assert!(picture.coordinates.iter().all(|v| v.is_finite() && v.abs() < 1e4), "{picture:?}");
}

#[test]
fn the_same_seed_gives_the_same_picture_and_another_another() {
    let distances = distances(80);
    for n_components in [2, 3] {
        let of_seed = |seed| picture(&distances, &Parameters { seed, n_components, ..Parameters::default() });
        assert_eq!(of_seed(42), of_seed(42));
        assert_ne!(of_seed(42), of_seed(43));
    }
}

#[test]
fn epochs_are_reported_and_a_break_stops_at_once() {
    let distances = distances(50);
    let mut reported = Vec::new();
    let stopped = umap(&distances, &Parameters::default(), |epoch, of| {
        reported.push((epoch, of));
        if epoch == 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(stopped, Err(Error::Canceled));
    assert_eq!(reported, (1..=7).map(|epoch| (epoch, 500)).collect::<Vec<_>>());

    let mut epochs = 0;
    picture_counting(&distances, &mut epochs);
    assert_eq!(epochs, 20);
}

fn picture_counting(distances: &Distances, epochs: &mut usize) {
    let parameters = Parameters { n_epochs: Some(20), ..Parameters::default() };
    let result = umap(distances, &parameters, |_, _| {
        *epochs += 1;
        ControlFlow::Continue(())
    });
    assert!(result.is_ok());
}

#[test]
fn steps_give_the_picture_that_one_call_gives() {
    let distances = distances(60);
    let parameters = Parameters { n_epochs: Some(50), ..Parameters::notebook() };
    let mut steps = Umap::new(&distances, &parameters).unwrap();
    let first = steps.embedding();
    assert_drawable(&first, 60);
    for _ in 0..70 {
        steps.step();
    }
    assert!(steps.is_done() && steps.epoch() == 50);
    assert_ne!(steps.embedding(), first);
    assert_eq!(steps.embedding(), picture(&distances, &parameters));
}

#[test]
fn short_texts_are_refused_with_a_sentence_and_five_tokens_are_drawn() {
    for points in 0..5 {
        let error = umap(&distances(points), &Parameters::notebook(), |_, _| ControlFlow::Continue(())).unwrap_err();
        assert_eq!(error, Error::TooFew { found: points });
        assert!(error.to_string().contains("at least 5 tokens"), "{error}");
    }
    for points in 5..12 {
        for n_components in [2, 3] {
            let parameters = Parameters { n_components, ..Parameters::default() };
            assert_drawable(&picture(&distances(points), &parameters), points);
        }
    }
}

#[test]
fn equal_points_are_drawn() {
    for points in [5, 20, 60, 200] {
        for metric in [Metric::Euclidean, Metric::Cosine] {
            for value in [0.0, 1.5] {
                let equal = Distances::from_points(&vec![value; points * 4], points, metric).unwrap();
                assert!((0..points).all(|i| equal.row(i).iter().all(|d| d.abs() < 1e-6)));
                assert_drawable(&picture(&equal, &Parameters::notebook()), points);
            }
        }
    }
}

#[test]
fn many_duplicates_are_drawn() {
    // More equal points in each place than a neighborhood holds.
    let places = values(3 * 4);
    let points: Vec<f32> = (0..120).flat_map(|i| places[(i % 3) * 4..(i % 3) * 4 + 4].to_vec()).collect();
    let distances = Distances::from_points(&points, 120, Metric::Euclidean).unwrap();
    assert_drawable(&picture(&distances, &Parameters::default()), 120);
}

#[test]
fn neighborhoods_larger_than_the_text_are_all_of_it() {
    let distances = distances(30);
    let graph = |n_neighbors| fuzzy_graph(&distances, &Parameters { n_neighbors, ..Parameters::default() }).unwrap();
    assert_eq!(graph(30), graph(29));
    assert_eq!(graph(usize::MAX), graph(29));
    assert_drawable(&picture(&distances, &Parameters { n_neighbors: 5000, ..Parameters::default() }), 30);
}

#[test]
fn extreme_settings_and_distances_are_drawn() {
    let usual = Parameters { n_epochs: Some(60), ..Parameters::default() };
    let settings = [
        Parameters { n_neighbors: 2, ..usual.clone() },
        Parameters { min_dist: 0.0, ..usual.clone() },
        Parameters { min_dist: 1.0, ..usual.clone() },
        Parameters { set_op_mix_ratio: 0.0, ..usual.clone() },
        Parameters { local_connectivity: 0.0, ..usual.clone() },
        Parameters { local_connectivity: 3.5, ..usual.clone() },
        Parameters { negative_sample_rate: 0, ..usual.clone() },
        Parameters { repulsion_strength: 0.0, ..usual.clone() },
        Parameters { n_epochs: Some(0), ..usual.clone() },
        Parameters { n_epochs: Some(1), ..usual.clone() },
    ];
    for parameters in settings {
        assert_drawable(&picture(&distances(70), &parameters), 70);
    }
    for scale in [1e-30f32, 1e-12, 1e12, 1e30] {
        let scaled: Vec<f32> = (0..40 * 40).map(|at| (at / 40_usize).abs_diff(at % 40) as f32 * scale).collect();
        let distances = Distances::from_matrix(&scaled, 40).unwrap();
        assert_drawable(&picture(&distances, &usual), 40);
    }
    // One point infinitely farther than all others, as far as f32 goes.
    let mut outlier: Vec<f32> = (0..40 * 40).map(|at| (at / 40_usize).abs_diff(at % 40) as f32).collect();
    (0..39).for_each(|i| (outlier[i * 40 + 39], outlier[39 * 40 + i]) = (f32::MAX, f32::MAX));
    assert_drawable(&picture(&Distances::from_matrix(&outlier, 40).unwrap(), &usual), 40);
}

#[test]
fn a_gram_matrix_that_is_none_gives_numbers_or_an_error() {
    let mut gram = values(50 * 50);
    let distances = Distances::from_gram(&gram, 50, Metric::Euclidean).unwrap();
    assert_drawable(&picture(&distances, &Parameters::default()), 50);
    gram[777] = f32::NAN;
    let error = Distances::from_gram(&gram, 50, Metric::Cosine).unwrap_err();
    assert!(error.to_string().starts_with("the value of row 15, column 27 is NaN"), "{error}");
}
