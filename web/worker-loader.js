// A worker's entry: starts a module of wasm-bindgen's (target web) and keeps every message that comes
// before it listens. Trunk's own loader shim drops those, and says nothing when the start fails. The
// module is the one with the networks, worker.js, unless the address names another one beside it, as in
// worker-loader.js?module=layouts.js&wasm=layouts_bg.wasm, which lays out trajectories.
//
// Contract: the module's `main` adds its "message" listener before it returns; it posts JSON
// strings (web/protocol). What goes wrong outside a request's own error handling, a trap above all,
// reaches the page as a failure of request 0, after which the page starts a fresh worker.

const early = [];
const keep = (event) => early.push(event.data);
self.addEventListener("message", keep);

let dead = false;
function die(reason) {
  if (dead) return;
  dead = true;
  const message = `The worker stopped: ${reason?.message ?? reason}`;
  self.postMessage(JSON.stringify({ failed: { id: 0, failure: "device", message } }));
}
self.addEventListener("error", (event) => die(event.error ?? event.message));
self.addEventListener("unhandledrejection", (event) => die(event.reason));

// Devices get subgroup operations wherever the adapter has them: wgpu does not know this feature of
// WebGPU yet and so never asks for it. Some kernels use it (crates/model/src/kernels/variant.rs).
if (self.GPUAdapter) {
  const requestDevice = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = function (descriptor = {}) {
    const features = [...(descriptor.requiredFeatures ?? [])];
    if (this.features.has("subgroups")) features.push("subgroups");
    descriptor.requiredFeatures = features;
    return requestDevice.call(this, descriptor);
  };
}

try {
  const { searchParams } = new URL(import.meta.url);
  const beside = (name) => new URL(`./${name}`, import.meta.url).href;
  const { default: init } = await import(beside(searchParams.get("module") ?? "worker.js"));
  await init({ module_or_path: beside(searchParams.get("wasm") ?? "worker_bg.wasm") });
  self.removeEventListener("message", keep);
  for (const data of early.splice(0)) self.dispatchEvent(new MessageEvent("message", { data }));
} catch (error) {
  die(error);
}
