//! Checkpoints that the trainer wrote give in our module, dense and packed, what they gave in the
//! authors' own (tests/reference/trained.py).
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use lens_model::temporal_sae::SaeCache;
use lens_model::{ComputeDevice, TemporalSae, WeightStore};
use lens_pack::block::{PackedMatrix, Precision, TensorPart};
use lens_train::checkpoint::parameters_of;
use safetensors::SafeTensors;

fn folder(recipe: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/train").join(recipe)
}

/// The module as the viewer has it, over packed matrices.
fn packed(folder: &Path, device: &ComputeDevice) -> TemporalSae {
    let parameters = parameters_of(folder).unwrap();
    let mut store = WeightStore::new(device.clone());
    for (name, array) in &parameters.arrays {
        let cols = *array.shape.last().unwrap();
        let rows_total = array.values.len() / cols;
        let matrix = PackedMatrix::pack(&array.values, rows_total, cols, Precision::F32);
        store.insert(TensorPart { name: format!("sae.{name}"), row_start: 0, rows_total, matrix }).unwrap();
    }
    TemporalSae::new(&parameters.config, &mut store).unwrap()
}

#[test]
fn the_authors_module_gives_the_same() {
    let device = ComputeDevice::from(Device::flex());
    for recipe in ["short", "authors"] {
        let folder = folder(recipe);
        let bytes = std::fs::read(folder.join("expected.safetensors")).unwrap();
        let expected = SafeTensors::deserialize(&bytes).unwrap();
        let values = |name: &str| -> (Vec<f32>, [usize; 2]) {
            let tensor = expected.tensor(name).unwrap();
            (bytemuck::pod_collect_to_vec(tensor.data()), [tensor.shape()[0], tensor.shape()[1]])
        };
        let (x, shape) = values("x");
        let dense = parameters_of(&folder).unwrap().sae(&device).unwrap();
        for (how, sae) in [("dense", dense), ("packed", packed(&folder, &device))] {
            let x = Tensor::<2>::from_data(TensorData::new(x.clone(), shape), &device.burn);
            let codes = sae.extend(x, &mut SaeCache::default(), None).unwrap();
            let found = [
                ("recons", codes.recons),
                ("novel_recons", codes.novel_recons),
                ("pred_recons", codes.pred_recons),
                ("novel_codes", codes.novel_codes),
                ("pred_codes", codes.pred_codes),
            ];
            for (name, found) in found {
                let (expected, _) = values(name);
                let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
                assert!(largest > 0.0, "{recipe}: {name} says nothing");
                let found: Vec<f32> = found.into_data().iter::<f32>().collect();
                let off = found.iter().zip(&expected).fold(0f32, |m, (a, b)| m.max((a - b).abs())) / largest;
                // f32 against f32: sums of some hundred products in another order.
                assert!(off < 1e-5, "{recipe}, {how}: {name} is off by {off:e}");
            }
        }
    }
}
