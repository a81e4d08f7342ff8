// The browser of the benches: one page for the peer and the plain kernels, one for each pack of ours.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { GPU, QUIET, SWIFTSHADER } from '../../e2e/lib/flags.mjs';
import { startWorker } from '../../e2e/lib/worker.mjs';
import * as environment from './environment.mjs';

const { chromium } = createRequire(join(environment.nodeFolder, 'index.js'))('playwright-core');

/** Starts the browser; `webgpu: false` leaves it without an adapter. */
export function launch({ webgpu = true } = {}) {
  const adapter = environment.gpu ? GPU : SWIFTSHADER;
  const args = [...QUIET, ...(webgpu ? adapter : ['--disable-gpu'])];
  return chromium.launch({ executablePath: environment.chromium, args });
}

/** Opens the benches' page; `isolated` from those of others, which lets it start threads. */
export async function openPage(browser, { isolated = false } = {}) {
  const page = await browser.newPage();
  if (isolated) {
    await page.route('**/bench/index.html', async (route) => {
      const response = await route.fetch();
      const fields = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
      await route.fulfill({ response, headers: { ...response.headers(), ...fields } });
    });
  }
  page.on('crash', () => console.log('the page crashed'));
  if (process.env.LENS_VERBOSE) page.on('console', (message) => console.log(`    [page] ${message.text()}`));
  await page.goto(new URL('bench/index.html', environment.site).href);
  await page.waitForFunction(() => window.bench);
  return page;
}

/**
 * Opens the page with the shipped worker in it, which computes on `device`; `recorded` puts the recorder before its script.
 */
export async function openWorker(browser, { recorded = false, device = 'webgpu' } = {}) {
  const page = await openPage(browser);
  if (recorded) {
    const recorder = readFileSync(new URL('../page/recorder.js', import.meta.url), 'utf8');
    await page.context().route('**/worker-loader.js*', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: `${recorder}\n${await response.text()}` });
    });
  }
  await startWorker(page, device);
  return page;
}

/** Calls `window.bench[name](...values)` in the page. */
export function call(page, name, ...values) {
  return page.evaluate(([name, values]) => window.bench[name](...values), [name, values]);
}
