// What the kernels are measured against: a plain f32 product, and the adapter's peak.

import { activations, fetchBytes, linearError, weightRow } from './data.mjs';

/** y [tokens, outputs] = x [tokens, inputs] * w [outputs, inputs]^T, one output an invocation. */
const PLAIN = /* wgsl */ `
struct Shape { tokens: u32, inputs: u32, outputs: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> shape: Shape;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let output = id.x;
  let token = id.y;
  if output >= shape.outputs { return; }
  let vectors = shape.inputs / 4u;
  var sum = vec4<f32>();
  for (var i = 0u; i < vectors; i++) { sum += x[token * vectors + i] * w[output * vectors + i]; }
  y[token * shape.outputs + output] = dot(sum, vec4<f32>(1.0));
}`;

/** Multiplications and additions that wait for nothing: eight chains of vec4 an invocation. */
const CHAINS = 8;
const STEPS = 512;
const INVOCATIONS = 1 << 16;
const peakShader = (step) => {
  const chains = Array.from({ length: CHAINS }, (_, i) => i);
  return /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let m = vec4<f32>(0.999 + 1e-9 * f32(id.x));
  let c = vec4<f32>(1e-3);
  ${chains.map((i) => `var a${i} = vec4<f32>(f32(id.x + ${i}u));`).join('\n  ')}
  for (var i = 0u; i < ${STEPS}u; i++) {
    ${chains.map((i) => step(`a${i}`)).join('\n    ')}
  }
  out[id.x] = ${chains.map((i) => `a${i}`).join(' + ')};
}`;
};

let opened;
/** Our own device, with all that the adapter has. */
function gpu() {
  opened ??= (async () => {
    const adapter = await navigator.gpu.requestAdapter();
    const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
    return adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
  })();
  return opened;
}

function pipeline(device, code) {
  const module = device.createShaderModule({ code });
  return device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } });
}

function bufferOf(device, usage, values) {
  const buffer = device.createBuffer({ size: values.byteLength, usage: usage | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(buffer, 0, values);
  return buffer;
}

function bind(device, kernel, buffers) {
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  return device.createBindGroup({ layout: kernel.getBindGroupLayout(0), entries });
}

function submit(device, kernel, group, x, y = 1) {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(kernel);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(x, y);
  pass.end();
  device.queue.submit([encoder.finish()]);
}

/** The adapter's measured peak in FLOP/s: the better of a fused and a separate multiplication and addition. */
export async function measurePeak() {
  const device = await gpu();
  const usage = GPUBufferUsage.STORAGE;
  const out = device.createBuffer({ size: INVOCATIONS * 16, usage });
  let best = 0;
  for (const step of [(a) => `${a} = fma(${a}, m, c);`, (a) => `${a} = ${a} * m + c;`]) {
    const kernel = await pipeline(device, peakShader(step));
    const group = bind(device, kernel, [out]);
    for (let run = 0; run < 4; run += 1) {
      await device.queue.onSubmittedWorkDone();
      const start = performance.now();
      submit(device, kernel, group, INVOCATIONS / 64);
      await device.queue.onSubmittedWorkDone();
      const seconds = (performance.now() - start) / 1000;
      // The first run compiles.
      if (run > 0) best = Math.max(best, (INVOCATIONS * STEPS * CHAINS * 4 * 2) / seconds);
    }
  }
  out.destroy();
  return best;
}

let plain;

/** Sets up the plain product on the weights of linear_model.py; answers its error against sums in f64. */
export async function preparePlain({ inputs, outputs, tokens }) {
  const device = await gpu();
  const data = await fetchBytes(new URL(`../peer/linear-${inputs}x${outputs}.data`, import.meta.url));
  const weights = new Float32Array(outputs * inputs);
  for (let row = 0; row < outputs; row += 1) weights.set(weightRow(data, inputs, outputs, row), row * inputs);
  const values = activations(tokens * inputs);
  const { STORAGE, COPY_SRC, UNIFORM, MAP_READ, COPY_DST } = GPUBufferUsage;
  const x = bufferOf(device, STORAGE, values);
  const w = bufferOf(device, STORAGE, weights);
  const y = device.createBuffer({ size: tokens * outputs * 4, usage: STORAGE | COPY_SRC });
  const shape = bufferOf(device, UNIFORM, new Uint32Array([tokens, inputs, outputs, 0]));
  const kernel = await pipeline(device, PLAIN);
  const group = bind(device, kernel, [x, w, y, shape]);
  const run = () => submit(device, kernel, group, Math.ceil(outputs / 64), tokens);
  run();
  const copy = device.createBuffer({ size: y.size, usage: MAP_READ | COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(y, 0, copy, 0, y.size);
  device.queue.submit([encoder.finish()]);
  await copy.mapAsync(GPUMapMode.READ);
  const found = new Float32Array(copy.getMappedRange().slice(0));
  plain = { run, release: () => [x, w, y, shape, copy].forEach((buffer) => buffer.destroy()) };
  return linearError({ x: values, data, inputs, outputs, tokens }, found);
}

/** Milliseconds of one plain product, of `repeats` in a row, until the GPU is done. */
export async function timePlain(repeats) {
  const device = await gpu();
  await device.queue.onSubmittedWorkDone();
  const start = performance.now();
  for (let i = 0; i < repeats; i += 1) plain.run();
  await device.queue.onSubmittedWorkDone();
  return (performance.now() - start) / repeats;
}

export function releasePlain() {
  plain?.release();
  plain = undefined;
}

/** Name of the adapter, and what it can. */
export async function adapterFacts() {
  const device = await gpu();
  const { vendor, architecture, device: name, description } = device.adapterInfo;
  const adapter = await navigator.gpu.requestAdapter();
  return { adapter: [vendor, architecture, name, description].filter(Boolean).join(' '), features: [...adapter.features] };
}
