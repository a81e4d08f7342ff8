//! The parameters of an SAE by name, as in the authors' state dict.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use lens_model::{ComputeDevice, TemporalSae, WeightStore};
use lens_pack::config::SaeConfig;

use crate::{Error, Result};

/// A row-major array.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// One or two dimensions.
    pub shape: Vec<usize>,
    /// f32.
    pub values: Vec<f32>,
}

impl Array {
    /// A vector.
    pub fn vector(values: Vec<f32>) -> Self {
        Self { shape: vec![values.len()], values }
    }

    /// A matrix of rows of `cols` values.
    pub fn matrix(values: Vec<f32>, cols: usize) -> Self {
        Self { shape: vec![values.len() / cols.max(1), cols], values }
    }
}

/// Parameters on the host: `D` [width, d_model], `b` [d_model], `attn_layers.N.*`, and the constant
/// `scaling` [d_model] where there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// What they belong to.
    pub config: SaeConfig,
    /// By name.
    pub arrays: BTreeMap<String, Array>,
}

/// One of them on a device.
#[derive(Debug, Clone)]
pub(crate) enum Leaf {
    Matrix(Tensor<2>),
    Vector(Tensor<1>),
}

impl Parameters {
    /// The array `name`.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn array(&self, name: &str) -> Result<&Array> {
        self.arrays.get(name).ok_or_else(|| Error::Missing(name.to_owned()))
    }

    /// The module that inference runs, over them.
    ///
    /// # Errors
    /// A parameter that is missing or of another shape.
    pub fn sae(&self, device: &ComputeDevice) -> Result<TemporalSae> {
        module(&self.config, &self.leaves(&device.burn), device)
    }

    pub(crate) fn leaves(&self, device: &Device) -> BTreeMap<String, Leaf> {
        self.arrays.iter().map(|(name, array)| (name.clone(), Leaf::new(array, device))).collect()
    }
}

impl Leaf {
    pub(crate) fn new(array: &Array, device: &Device) -> Self {
        let data = TensorData::new(array.values.clone(), array.shape.clone());
        match array.shape.len() {
            1 => Self::Vector(Tensor::from_data(data, device)),
            _ => Self::Matrix(Tensor::from_data(data, device)),
        }
    }
}

/// The module that inference runs, over `leaves`.
pub(crate) fn module(
    config: &SaeConfig,
    leaves: &BTreeMap<String, Leaf>,
    device: &ComputeDevice,
) -> Result<TemporalSae> {
    let mut store = WeightStore::new(device.clone());
    for (name, leaf) in leaves {
        let name = format!("sae.{name}");
        match leaf {
            Leaf::Matrix(matrix) => store.insert_matrix(&name, matrix.clone()),
            Leaf::Vector(vector) => store.insert_vector(&name, vector.clone()),
        }
    }
    Ok(TemporalSae::new(config, &mut store)?)
}
