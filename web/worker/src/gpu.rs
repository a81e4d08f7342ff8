//! The device this worker runs on: opening it, what it can take, and reporting its loss.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use js_sys::{Function, Promise, Reflect};
use lens_engine::check::faster;
use lens_engine::check::self_check;
use lens_engine::{ComputeDevice, OpenedDevice, device, open_device};
use lens_pack::fit::Limits;
use lens_protocol::{DeviceWish, FailureKind, RequestStage, Response};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::DedicatedWorkerGlobalScope;

use crate::clock::now_ms;
use crate::current;
use crate::failure::Failure;
use crate::outbox::post;

/// Without WebGPU the weights lie in wasm's memory, which ends at 4 GB; half of it is for the rest.
const CPU_WEIGHT_BYTES_MAX: u64 = 2 << 30;
/// Browsers round a device's memory down to a power of two and report at most this, in GiB.
const REPORTED_MEMORY_MAX_GIB: f64 = 8.0;
/// The share of a small device's memory that weights may take.
const MEMORY_SHARE: f64 = 0.5;

thread_local! {
    static HANDLE: RefCell<Option<wgpu::Device>> = const { RefCell::new(None) };
    /// Whether the device is lost, or was given up: what it reports no longer matters.
    static IS_OUT_OF_USE: Cell<bool> = const { Cell::new(false) };
    /// What the device refused first, while its kernels are not checked: no answer relies on them yet.
    static UNCHECKED: RefCell<Option<Refusal>> = const { RefCell::new(None) };
    static IS_CHECKED: Cell<bool> = const { Cell::new(false) };
    /// The step of the check that was begun last, and of how many.
    static STEP: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    static SHOWS_STEPS: Cell<bool> = const { Cell::new(true) };
}

type Refusal = (FailureKind, String);

/// A device, and how it came to be chosen.
pub struct Opened {
    /// The device.
    pub device: OpenedDevice,
    /// Whether it is the CPU because that answers sooner than the adapter.
    pub was_preferred: bool,
}

/// Opens what this worker is asked to run on; without a wish WebGPU, unless the CPU answers sooner than its adapter. Falls back
/// to the CPU, with a note that says why. The kernels of an adapter are still to be checked ([`check`]).
pub async fn open() -> Opened {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let wish = DeviceWish::from_key(&scope.name());
    let (device, was_preferred) = match wish {
        Some(DeviceWish::Cpu) => (device::cpu(None), false),
        Some(DeviceWish::Webgpu) | None => match open_device(None).await {
            Ok(opened) if opened.gpu => of_adapter(opened, wish.is_some()).await,
            Ok(opened) => (opened, false),
            Err(e) => (device::cpu(Some(e.to_string())), false),
        },
    };
    if let Some(handle) = &device.handle {
        watch(handle);
        HANDLE.with(|h| *h.borrow_mut() = Some(handle.clone()));
    }
    Opened { device, was_preferred }
}

/// The adapter, or the CPU, and whether that was preferred.
async fn of_adapter(mut opened: OpenedDevice, was_asked_for: bool) -> (OpenedDevice, bool) {
    let adapter = adapter().await;
    let name = adapter.as_ref().and_then(adapter_name).unwrap_or_else(|| opened.name.clone());
    opened.set_adapter(name, adapter.as_ref().and_then(has_subgroups).unwrap_or(false));
    // Before the kernels are compiled, which takes most of the start. One that cannot be timed is left to the check.
    if !was_asked_for
        && let Ok(raced) = faster::race(&opened.device, now_ms).await
        && raced.prefers_cpu()
    {
        return (device::cpu(Some(raced.why_cpu(&opened.name))), true);
    }
    (opened, false)
}

/// What came of checking the kernels.
pub enum Checked {
    /// They are right.
    Right,
    /// The device refused work while weights came, or was lost: the next text is answered with that.
    Refused(Failure),
    /// Why WebGPU is not used, as a note: the device is left alone from then on.
    Wrong(String),
}

/// Compares the kernels of an adapter with the CPU's; `is_loading` tells at the end whether weights came meanwhile.
pub async fn check(device: &ComputeDevice, is_loading: impl Fn() -> bool) -> Checked {
    let checked = self_check::check(device, report_step).await;
    IS_CHECKED.set(true);
    let refusal = UNCHECKED.take().filter(|_| is_loading());
    // What a device that is lost, or without memory, does with kernels says nothing of them.
    let explains = |kind: FailureKind| kind == FailureKind::Capacity || IS_OUT_OF_USE.get();
    let found = match (checked, refusal) {
        (Ok(()), None) => return Checked::Right,
        (Ok(()), Some((kind, message))) => Checked::Refused(Failure::Wrong(kind, message)),
        (Err(_), Some((kind, message))) if explains(kind) => Checked::Refused(Failure::Wrong(kind, message)),
        (Err(e), _) => Checked::Wrong(format!("WebGPU was not used: {e}")),
    };
    IS_OUT_OF_USE.set(true);
    found
}

/// Gives the device's memory back.
pub fn leave() {
    if let Some(handle) = HANDLE.take() {
        handle.destroy();
    }
}

/// Whether the steps of the check are shown; something else may be more telling. Shows the last one again.
pub fn show_steps(shown: bool) {
    SHOWS_STEPS.set(shown);
    let (done, total) = STEP.get();
    if done < total {
        report_step(done, total);
    }
}

/// The first request waits for this; it has no number here.
fn report_step(done: u64, total: u64) {
    STEP.set((done, total));
    if SHOWS_STEPS.get() {
        post(&Response::Progress { id: 0, stage: RequestStage::Device, done, total });
    }
}

/// Tells the page when the device is lost or refuses work. The page then starts a fresh worker,
/// which loads the weights from storage again: whatever this one holds on the device is gone.
fn watch(handle: &wgpu::Device) {
    handle.set_device_lost_callback(|reason, message| {
        if IS_OUT_OF_USE.replace(true) {
            return;
        }
        let message = message.trim().trim_end_matches('.');
        let why = if message.is_empty() { format!("{reason:?}") } else { message.to_owned() };
        fail(FailureKind::Device, format!("The GPU was lost ({why}): it was reset, or the computer slept."));
    });
    handle.on_uncaptured_error(Arc::new(|error: wgpu::Error| {
        // A lost device refuses everything: that was reported.
        if IS_OUT_OF_USE.get() {
            return;
        }
        match error {
            wgpu::Error::OutOfMemory { .. } => fail(
                FailureKind::Capacity,
                "The GPU has no memory left for this model. Close other tabs or programs that use it, or choose a \
                 smaller pack, and try again."
                    .to_owned(),
            ),
            error => fail(FailureKind::Device, format!("The GPU refused a step of the work: {error}")),
        }
    }));
}

/// Ends the request under way. Before the kernels are checked it is noted for [`check`], and what is loaded meanwhile is stopped.
fn fail(failure: FailureKind, message: String) {
    if !IS_CHECKED.get() {
        UNCHECKED.with_borrow_mut(|first| _ = first.get_or_insert((failure, message)));
        current::stop(current::id());
        return;
    }
    post(&Response::Failed { id: current::id(), failure, message });
}

/// Loses the device, as a driver reset would.
pub fn lose() {
    HANDLE.with(|handle| {
        if let Some(handle) = handle.borrow().as_ref() {
            handle.destroy();
        }
    });
}

/// What the device can take, as far as browsers report it.
pub fn limits(opened: &OpenedDevice) -> Limits {
    let Some(handle) = &opened.handle else {
        return Limits { memory_bytes: Some(CPU_WEIGHT_BYTES_MAX), ..Limits::default() };
    };
    let limits = handle.limits();
    let memory = reported_memory_gib().filter(|gib| *gib < REPORTED_MEMORY_MAX_GIB);
    Limits {
        buffer_bytes: Some(limits.max_buffer_size),
        binding_bytes: Some(limits.max_storage_buffer_binding_size),
        memory_bytes: memory.map(|gib| (gib * MEMORY_SHARE * f64::from(1 << 30)) as u64),
    }
}

fn get(object: &JsValue, key: &str) -> Option<JsValue> {
    Reflect::get(object, &JsValue::from_str(key)).ok()
}

/// Memory of the whole device in GiB, where the browser reports it.
pub fn reported_memory_gib() -> Option<f64> {
    get(&get(&js_sys::global(), "navigator")?, "deviceMemory")?.as_f64()
}

/// What the browser reports of the adapter (vendor, architecture, description): wgpu has no name for it
/// on the web. `None` where it reports nothing.
fn adapter_name(adapter: &JsValue) -> Option<String> {
    let info = get(adapter, "info")?;
    let parts: Vec<String> = ["vendor", "architecture", "device", "description"]
        .into_iter()
        .filter_map(|key| get(&info, key)?.as_string())
        .filter(|part| !part.is_empty())
        .collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// The browser's adapter, as it is: wgpu passes on neither its name nor all of its features.
async fn adapter() -> Option<JsValue> {
    let gpu = get(&get(&js_sys::global(), "navigator")?, "gpu")?;
    let request: Function = get(&gpu, "requestAdapter")?.dyn_into().ok()?;
    JsFuture::from(request.call0(&gpu).ok()?.dyn_into::<Promise>().ok()?).await.ok()
}

/// Whether the device has subgroup operations: the loader of this worker asks for them wherever the
/// adapter has them.
fn has_subgroups(adapter: &JsValue) -> Option<bool> {
    let features = get(adapter, "features")?;
    let has: Function = get(&features, "has")?.dyn_into().ok()?;
    has.call1(&features, &JsValue::from_str("subgroups")).ok()?.as_bool()
}
