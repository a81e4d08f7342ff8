// llama.cpp in the browser: wllama, on WebGPU or on the CPU, with the very GGUF that our pack is made of.

let loaded;

/**
 * Loads the model. `gpu: false` leaves WebGPU out. Answers { version, layers, offloaded, threads, reasons }: how many layers the
 * model has, how many of them llama.cpp put onto the GPU, and, where it was to and did not, what it said of it.
 */
export async function loadLlama({ gpu, threads, context }) {
  const { Wllama } = await import(new URL('../wllama/index.js', import.meta.url).href);
  const lines = [];
  const note = (...parts) => lines.push(parts.join(' '));
  const wasm = new URL('../wllama/wasm/wllama.wasm', import.meta.url).href;
  loaded = new Wllama({ default: wasm }, { logger: { debug: note, log: note, warn: note, error: note } });
  const model = await (await fetch(new URL('../gguf/gemma-3-270m-q4_k_m.gguf', import.meta.url))).blob();
  await loaded.loadModel([model], { n_gpu_layers: gpu ? 99 : 0, n_threads: threads, n_ctx: context, n_batch: context, n_parallel: 1 });
  const offloaded = Number(lines.join('\n').match(/offloaded (\d+)\/\d+ layers/)?.[1] ?? 0);
  return {
    version: Wllama.getLibllamaVersion(),
    layers: loaded.getModelMetadata().hparams.nLayer,
    offloaded,
    threads: loaded.isMultithread() ? loaded.getNumThreads() : 1,
    reasons: lines.filter((line) => /gpu|offload|shader|backend/i.test(line)).slice(-4),
  };
}

/** Milliseconds that llama.cpp takes for all tokens of `text`, by its own clock, and how many they are. */
export async function prefillLlama(text) {
  const { timings } = await loaded.createCompletion({ prompt: text, max_tokens: 1, temperature: 0, cache_prompt: false });
  return { ms: timings.prompt_ms, tokens: timings.prompt_n };
}

export async function releaseLlama() {
  await loaded?.exit();
  loaded = undefined;
}
