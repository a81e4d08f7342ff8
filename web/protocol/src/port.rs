//! Messages as JavaScript values: a JSON string; where buffers come along, an array of that string and the typed
//! arrays.

use js_sys::{Array, ArrayBuffer, Float32Array, Object, Reflect, Uint16Array};
use wasm_bindgen::{JsCast, JsValue};

use crate::buffers::Buffer;

/// A message that can be posted.
pub struct Outgoing {
    /// What is posted.
    pub message: JsValue,
    /// What is handed over with it: of no use here any more once it is posted.
    pub transfer: Array,
}

impl Outgoing {
    /// Of a header and its typed arrays, each with an ArrayBuffer of its own.
    pub fn new(header: &str, arrays: &[Object]) -> Self {
        let transfer = Array::new();
        if arrays.is_empty() {
            return Self { message: header.into(), transfer };
        }
        let message = Array::of1(&header.into());
        for array in arrays {
            message.push(array);
            // Every typed array has it.
            if let Ok(buffer) = Reflect::get(array, &"buffer".into()) {
                transfer.push(&buffer.unchecked_into::<ArrayBuffer>());
            }
        }
        Self { message: message.into(), transfer }
    }
}

/// The header and the buffers of a message; none where it is something else.
pub fn incoming(message: &JsValue) -> Option<(String, Vec<Buffer>)> {
    if let Some(header) = message.as_string() {
        return Some((header, Vec::new()));
    }
    let mut parts = message.dyn_ref::<Array>()?.iter();
    let header = parts.next()?.as_string()?;
    Some((header, parts.map(|part| buffer_of(&part)).collect::<Option<_>>()?))
}

/// The numbers of a typed array, in this module's memory.
fn buffer_of(part: &JsValue) -> Option<Buffer> {
    if let Some(array) = part.dyn_ref::<Float32Array>() {
        return Some(Buffer::F32(array.to_vec()));
    }
    part.dyn_ref::<Uint16Array>().map(|array| Buffer::U16(array.to_vec()))
}
