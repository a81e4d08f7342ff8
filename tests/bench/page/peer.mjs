// The peer: onnxruntime-web on WebGPU, its inputs and outputs on the GPU.

import { activations, fetchBytes, linearError } from './data.mjs';

/** Which of its builds: `webgpu` has the provider that native programs have, `all` the older one in JavaScript. */
const build = new URLSearchParams(location.search).get('build') ?? 'webgpu';
/** Null where it is not installed: a kit of small sizes has none. */
const ort = await import(`../ort/ort.${build}.bundle.min.mjs`).catch(() => null);

if (ort) {
  ort.env.wasm.wasmPaths = new URL('../ort/', import.meta.url).href;
  ort.env.logLevel = 'error';
}

/** Its version; null where it is not installed. */
export const peerVersion = () => ort?.env.versions.web ?? null;

/** What is set up now, by name: { run, release }. */
const ready = new Map();

/** A file of the peer's; `folder` is where xtask serves it. */
const at = (name, folder = 'peer') => new URL(`../${folder}/${name}`, import.meta.url).href;

function session(model, data, folder) {
  const url = (name) => at(name, folder);
  return ort.InferenceSession.create(url(model), {
    executionProviders: ['webgpu'],
    externalData: [{ path: data, data: url(data) }],
    preferredOutputLocation: 'gpu-buffer',
  });
}

/** A f32 tensor in a buffer of the peer's device; `values` may be absent. */
async function onGpu(dims, values) {
  const device = await ort.env.webgpu.device;
  const bytes = 4 * dims.reduce((a, b) => a * b);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffer = device.createBuffer({ size: Math.ceil(bytes / 16) * 16, usage });
  if (values) device.queue.writeBuffer(buffer, 0, values);
  return ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims, dispose: () => buffer.destroy() });
}

async function finished() {
  await (await ort.env.webgpu.device).queue.onSubmittedWorkDone();
}

/** Sets up a layer of linear_model.py under `name`; answers its error against sums in f64. */
export async function preparePeerLinear(name, { inputs, outputs, tokens, level }) {
  const stem = `linear-${inputs}x${outputs}`;
  const data = await fetchBytes(at(`${stem}.data`));
  const layer = await session(`${stem}-${level}.onnx`, `${stem}.data`);
  const x = activations(tokens * inputs);
  const [input, output] = [await onGpu([tokens, inputs], x), await onGpu([tokens, outputs])];
  // An output that the peer allocates can be read.
  const found = await (await layer.run({ x: input })).y.getData(true);
  ready.set(name, {
    run: () => layer.run({ x: input }, { y: output }),
    release: () => Promise.all([layer.release(), input.dispose(), output.dispose()]),
  });
  return linearError({ x, data, inputs, outputs, tokens }, found);
}

/** Sets up the model of a folder of peer_model.py's on a text of `tokens` tokens; answers its hidden states, [tokens, width]. */
export async function preparePeerModel(name, { tokens, level, sizes, folder }) {
  const { width, layers, kv_heads: heads, head_width: headWidth } = sizes;
  const model = await session(`peer-${level}.onnx`, `peer-${level}.onnx.data`, folder);
  const embedding = new Float32Array(await fetchBytes(at(`embedding-${tokens}.bin`, folder)));
  const feeds = {
    inputs_embeds: await onGpu([1, tokens, width], embedding),
    attention_mask: new ort.Tensor('int64', new BigInt64Array(tokens).fill(1n), [1, tokens]),
  };
  for (let layer = 0; layer < layers; layer += 1) {
    for (const kind of ['key', 'value']) {
      const past = new ort.Tensor('float32', new Float32Array(0), [1, heads, 0, headWidth]);
      feeds[`past_key_values.${layer}.${kind}`] = past;
    }
  }
  const run = async () => (await model.run(feeds, ['hidden_states'])).hidden_states;
  const hidden = await (await run()).getData(true);
  ready.set(name, {
    run: async () => (await run()).dispose(),
    release: () => Promise.all([model.release(), feeds.inputs_embeds.dispose()]),
  });
  return Array.from(hidden);
}

/** Milliseconds of one run, of `repeats` in a row, until the GPU is done. */
export async function timePeer(name, repeats) {
  const { run } = ready.get(name);
  await finished();
  const start = performance.now();
  for (let i = 0; i < repeats; i += 1) await run();
  await finished();
  return (performance.now() - start) / repeats;
}

export async function releasePeer(name) {
  await ready.get(name)?.release();
  ready.delete(name);
}
