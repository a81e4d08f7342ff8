//! Numbers that are always finite, in files: what is not is neither written nor read, so that whatever is written is read
//! again. JSON would write it as null, and reads 1e39 as an infinity. For serde's `with`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

pub fn serialize<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f32(*value) } else { Err(ser::Error::custom(NOT_FINITE)) }
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    checked(f32::deserialize(deserializer)?)
}

/// A number that was read.
pub fn checked<E: de::Error>(value: f32) -> Result<f32, E> {
    if value.is_finite() { Ok(value) } else { Err(E::custom("a number is too large")) }
}

/// Whether all of `values` are finite.
pub fn are_all(values: &[f32]) -> bool {
    values.iter().all(|value| value.is_finite())
}

/// Why a result is not written.
pub const NOT_FINITE: &str = "the result holds a number that is not finite";

/// The same of a list.
pub mod list {
    use super::{Deserialize, Deserializer, NOT_FINITE, Serialize, Serializer, are_all, checked, ser};

    pub fn serialize<S: Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
        if are_all(values) { values.serialize(serializer) } else { Err(ser::Error::custom(NOT_FINITE)) }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
        Vec::<f32>::deserialize(deserializer)?.into_iter().map(checked).collect()
    }
}

/// The same of a number that may be absent.
pub mod optional {
    use super::{Deserialize, Deserializer, Serializer, checked};

    pub fn serialize<S: Serializer>(value: &Option<f32>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
        Option::<f32>::deserialize(deserializer)?.map(checked).transpose()
    }
}
