// Put before the worker's own script: notes every dispatch, and on demand runs them again kernel by kernel.
//
// Timing each dispatch of a pass by itself would time the waiting. So what a request dispatched is kept, and
// all dispatches of one kernel go into one pass, which is waited for. What they compute then is
// nothing sensible; how long it takes depends on shapes alone.

const CHANNEL = new BroadcastChannel('temporal-lens-profile');
/** A kernel by what its text says of itself. */
const KERNELS = [
  [/An invocation owns a tile of/, 'linear'], [/eight neighboring invocations share a row of W/, 'linear'],
  [/for many tokens on a GPU, one block of 32 columns/, 'linear'], [/y\[t, c\] = sum over r/, 'transposed'],
  [/Causal attention of one query|for four neighboring queries at once/, 'attention'], [/The k largest entries/, 'top-k'],
  [/The end of one half of a Gemma layer/, 'add and norm'], [/over each row, where `weight`/, 'norm'],
  [/Splits a token's queries, keys and values/, 'rotary'], [/scaled to its projection/, 'projection'], [/Of each row: how many/, 'row sums'],
];
const PRECISIONS = { 4: 'q4', 8: 'q8', 16: 'f16', 32: 'f32' };

const texts = new WeakMap();
const names = new WeakMap();
let device;
let dispatches = null;

function nameOf(text) {
  const kind = KERNELS.find(([pattern]) => pattern.test(text))?.[1] ?? 'of burn';
  const words = /BLOCK_WORDS: u32 = (\d+)u/.exec(text)?.[1];
  return words ? `${kind}, ${PRECISIONS[words]}` : kind;
}

function patch(prototype, method, around) {
  const original = prototype[method];
  prototype[method] = function patched(...values) { return around.call(this, original.bind(this), ...values); };
}

patch(GPUDevice.prototype, 'createShaderModule', function module(original, descriptor) {
  device = this;
  const made = original(descriptor);
  texts.set(made, descriptor.code);
  return made;
});
for (const method of ['createComputePipeline', 'createComputePipelineAsync']) {
  patch(GPUDevice.prototype, method, (original, descriptor) => {
    const name = nameOf(texts.get(descriptor.compute.module) ?? '');
    const made = original(descriptor);
    Promise.resolve(made).then((pipeline) => names.set(pipeline, name));
    return made;
  });
}
const pass = GPUComputePassEncoder.prototype;
patch(pass, 'setPipeline', function set(original, pipeline) { this.pipeline = pipeline; original(pipeline); });
patch(pass, 'setBindGroup', function set(original, index, group, ...rest) { (this.groups ??= [])[index] = group; original(index, group, ...rest); });
patch(pass, 'dispatchWorkgroups', function dispatch(original, ...size) {
  dispatches?.push({ pipeline: this.pipeline, group: this.groups[0], size });
  original(...size);
});

/** Milliseconds of all these dispatches together, the least of three passes. */
async function time(list) {
  let best = Infinity;
  for (let round = 0; round < 3; round += 1) {
    const encoder = device.createCommandEncoder();
    const again = encoder.beginComputePass();
    for (const { pipeline, group, size } of list) {
      again.setPipeline(pipeline);
      again.setBindGroup(0, group);
      again.dispatchWorkgroups(...size);
    }
    again.end();
    await device.queue.onSubmittedWorkDone();
    const start = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

CHANNEL.addEventListener('message', async ({ data }) => {
  if (data === 'record') dispatches = [];
  if (data !== 'replay') return;
  const recorded = dispatches;
  dispatches = null;
  const kernels = Map.groupBy(recorded, ({ pipeline }) => names.get(pipeline) ?? 'of burn');
  const rows = [];
  for (const [name, list] of kernels) rows.push({ name, dispatches: list.length, ms: await time(list) });
  CHANNEL.postMessage({ rows });
});
