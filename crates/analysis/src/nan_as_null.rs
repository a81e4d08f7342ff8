//! JSON has no NaN: it is null, both ways. For serde's `with`.

use serde::{Deserialize, Deserializer, Serializer};

use crate::finite;

pub fn serialize<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f32(*value) } else { serializer.serialize_none() }
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    Option::<f32>::deserialize(deserializer)?.map_or(Ok(f32::NAN), finite::checked)
}
