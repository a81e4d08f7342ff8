// The shipped worker without the page's interface: parity goes through the code that visitors run.

import { decode } from './tensors.mjs';

/** Longer than any test's request takes. */
const LIMIT_MS = 120_000;

/** Starts a worker in `page`, on WebGPU where there is an adapter unless `device` says otherwise; one that runs is ended. */
export async function startWorker(page, device = 'webgpu') {
  await page.evaluate((name) => {
    window.lens?.worker.terminate();
    const worker = new Worker(new URL('worker-loader.js', document.baseURI), { type: 'module', name });
    const listeners = new Set();
    const lens = { worker, listeners, device: null, last: 0 };
    // Typed arrays cross from page to test as base64.
    const base64 = ({ buffer }) => {
      const bytes = new Uint8Array(buffer);
      const parts = [];
      // A call takes no more arguments than some ten thousand.
      for (let at = 0; at < bytes.length; at += 8192) parts.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
      return btoa(parts.join(''));
    };
    worker.addEventListener('message', ({ data }) => {
      const [header, ...buffers] = Array.isArray(data) ? data : [data];
      // A message is an object of one field, whose name is its kind.
      const [[kind, body]] = Object.entries(JSON.parse(header));
      const message = { kind, ...body, buffers: buffers.map(base64) };
      if (message.kind === 'ready') lens.device = message.device;
      for (const listener of listeners) listener(message);
    });
    worker.addEventListener('error', ({ message }) => {
      for (const listener of listeners) listener({ kind: 'failed', id: 0, message: message ?? 'the worker broke' });
    });
    window.lens = lens;
  }, device);
}

/** Sends a request and answers its last message; a failure throws its sentence and starts the worker again. */
export async function ask(page, request, limit = LIMIT_MS) {
  try {
    return await exchange(page, request, limit);
  } catch (error) {
    await startWorker(page);
    throw error;
  }
}

function exchange(page, request, limit) {
  return page.evaluate(
    ({ request, limit }) => new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`no answer within ${limit} ms`)), limit);
      const { worker, listeners } = window.lens;
      window.lens.last += 1;
      const id = window.lens.last;
      const listener = (message) => {
        if (message.kind === 'ready' || message.kind === 'progress') return;
        if (message.id !== id && message.id !== 0) return;
        listeners.delete(listener);
        if (message.kind === 'failed') reject(new Error(message.message));
        else resolve(message);
      };
      listeners.add(listener);
      const { kind, ...body } = request;
      worker.postMessage(JSON.stringify({ [kind]: { ...body, id } }));
    }),
    { request, limit },
  );
}

/** Runs a fixture pack on token ids; answers the named tensors. */
export async function runFixture(page, { pack, tokenIds, tensors, infK = null }, limit = LIMIT_MS) {
  const packUrl = new URL(pack, page.url()).href;
  const request = { kind: 'fixture', pack_url: packUrl, token_ids: tokenIds, tensors, inf_k: infK };
  const { tensors: named, buffers } = await ask(page, request, limit);
  return Object.fromEntries(named.map(({ name, shape }, i) => [name, decode({ shape, data: buffers[i] })]));
}

/** What the worker knows about itself: device, memory, packs. */
export const diagnostics = async (page) => (await ask(page, { kind: 'diagnostics' })).facts;

/** What the worker runs on; it says so once it has started. */
export async function device(page) {
  return (await page.waitForFunction(() => window.lens.device)).jsonValue();
}
