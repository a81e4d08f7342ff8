//! What this worker runs on and how much memory it uses, for people who look into a failure.

use std::collections::HashMap;

use lens_engine::OpenedDevice;
use lens_model::buffer::gpu_memory;
use serde_json::{Value, json};
use wasm_bindgen::JsCast;

use crate::gpu;
use crate::packs::Pack;

/// Bytes of wasm's memory. It never shrinks: this is its peak.
pub fn heap_bytes() -> u64 {
    let memory: js_sys::WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    memory.buffer().unchecked_into::<js_sys::ArrayBuffer>().byte_length().into()
}

/// Everything, as a JSON object.
pub fn collect(opened: &OpenedDevice, storage_note: Option<&str>, packs: &HashMap<String, Pack>) -> Value {
    let memory = gpu_memory(&opened.device.burn);
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "device": {
            "webgpu": opened.gpu,
            "name": opened.name,
            "note": opened.note,
            "memory_gib": gpu::reported_memory_gib(),
        },
        "limits": opened.handle.as_ref().map(|handle| limits(&handle.limits())),
        "features": opened.handle.as_ref().map(|handle| {
            handle.features().iter_names().map(|(name, _)| name).collect::<Vec<_>>()
        }),
        "heap_bytes": heap_bytes(),
        "gpu_bytes": memory.map(|memory| {
            json!({ "weights": memory.weights, "in_use": memory.in_use, "reserved": memory.reserved })
        }),
        "storage": storage_note,
        "packs": packs.iter().map(|(url, pack)| pack_facts(url, pack)).collect::<Vec<_>>(),
    })
}

fn limits(limits: &wgpu::Limits) -> Value {
    json!({
        "max_buffer_size": limits.max_buffer_size,
        "max_storage_buffer_binding_size": limits.max_storage_buffer_binding_size,
        "max_storage_buffers_per_shader_stage": limits.max_storage_buffers_per_shader_stage,
        "max_compute_workgroup_storage_size": limits.max_compute_workgroup_storage_size,
        "max_compute_invocations_per_workgroup": limits.max_compute_invocations_per_workgroup,
        "max_compute_workgroups_per_dimension": limits.max_compute_workgroups_per_dimension,
    })
}

fn pack_facts(url: &str, pack: &Pack) -> Value {
    let (counts, times) = (pack.counts(), pack.times());
    json!({
        "url": url,
        "model": pack.manifest().map(|manifest| &manifest.model_name),
        "sae": pack.manifest().map(|manifest| &manifest.sae_name),
        "layer": pack.manifest().map(|manifest| manifest.layer),
        "precision": pack.manifest().map(|manifest| manifest.precision.to_string()),
        "hash": pack.loaded().map(|loaded| loaded.pack_hash()),
        "weight_bytes": pack.loaded().map(|loaded| loaded.weight_bytes()),
        "requests": counts.requests,
        "fetched_bytes": counts.fetched_bytes,
        "stored_bytes": counts.stored_bytes,
        "load_ms": times.whole_ms,
        "tokenizer_ms": times.tokenizer_ms,
    })
}
