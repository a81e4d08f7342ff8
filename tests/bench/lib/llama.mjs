// Bench 12: the default model against llama.cpp in the same browser (wllama), on WebGPU and, in a browser without it, on the CPU.
//
// llama.cpp runs all layers of the model and a head for the last token, by its own clock (`prompt_ms`); ours a whole analysis: 13
// layers, the TemporalSAE, the statistics. So what is compared is llama.cpp's time times 13 / 18, and ours whole.

import * as environment from './environment.mjs';
import { alternate, meanOf } from './measure.mjs';
import { LIMIT_MS, openOurs, tokensOf } from './ours.mjs';
import { call, launch, openPage } from './pages.mjs';
import { beginnings } from './texts.mjs';

/** A sentence, a paragraph, a page. */
const TOKENS = [18, 141, 500];
/** Layers of ours. */
const LAYERS = 13;
/** As many as this machine's, up to where more do not help so small a model. */
const THREADS_MAX = 4;

/** Measures every text on both devices; answers the rows, as they go into the JSON file. */
export async function benchLlama(browser, rounds) {
  const texts = await beginnings(browser, TOKENS.filter(environment.wanted));
  const rows = await onDevice(browser, 'webgpu', texts, rounds);
  const without = await launch({ webgpu: false });
  try {
    return [...rows, ...await onDevice(without, 'cpu', texts, rounds)];
  } finally {
    await without.close();
  }
}

async function onDevice(browser, device, texts, rounds) {
  // Threads need a page that is isolated from those of others. Ours has one thread.
  const page = await openPage(browser, { isolated: true });
  page.setDefaultTimeout(LIMIT_MS);
  const threads = Math.min(THREADS_MAX, await page.evaluate(() => navigator.hardwareConcurrency));
  const context = Math.max(...texts.map(({ tokens }) => tokens)) + 8;
  const llama = await call(page, 'loadLlama', { gpu: device === 'webgpu', threads, context });
  const ours = await openOurs(browser, 'models/default/', { device });
  const isRun = device === 'cpu' || llama.offloaded > llama.layers;
  if (!isRun) console.log(`    llama.cpp put ${llama.offloaded} layers onto this adapter: ${llama.reasons.join('; ')}`);
  const rows = [];
  for (const { text, tokens } of texts) {
    const contenders = [{ name: 'ours', time: meanOf(async () => (await ours.afresh(text)).compute_ms) }];
    // The first request loads, and compiles.
    const first = await ours.afresh(text);
    if (tokensOf(first) !== tokens) throw new Error(`our tokenizer makes ${tokensOf(first)} tokens of a text of ${tokens}`);
    if (isRun) {
      const prefill = async () => {
        const { ms, tokens: counted } = await call(page, 'prefillLlama', text);
        if (counted !== tokens) throw new Error(`llama.cpp computed ${counted} tokens of a text of ${tokens}`);
        return ms;
      };
      await prefill();
      contenders.push({ name: 'llama', time: meanOf(prefill) });
    }
    const timings = await alternate(contenders, rounds);
    const layers_ms = timings.llama ? (timings.llama.median_ms * LAYERS) / llama.layers : null;
    rows.push({ device, tokens, timings, llama_layers_ms: layers_ms, llama });
    console.log(`    ${device}, ${tokens} tokens: ours ${timings.ours.median_ms.toFixed(0)} ms${
      layers_ms === null ? '' : `, llama.cpp's ${LAYERS} layers ${layers_ms.toFixed(0)} ms`}`);
  }
  await call(page, 'releaseLlama');
  await Promise.all([page.close(), ours.close()]);
  return rows;
}
