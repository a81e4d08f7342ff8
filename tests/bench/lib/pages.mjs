// The browser of the benches: one page for the peer and the plain kernels, one for each pack of ours.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { GPU, QUIET, SWIFTSHADER } from '../../e2e/lib/flags.mjs';
import { startWorker } from '../../e2e/lib/worker.mjs';
import * as environment from './environment.mjs';

const { chromium } = createRequire(join(environment.nodeFolder, 'index.js'))('playwright-core');

/** Starts the browser. */
export function launch() {
  const args = [...QUIET, ...(environment.gpu ? GPU : SWIFTSHADER)];
  return chromium.launch({ executablePath: environment.chromium, args });
}

/** Opens the benches' page. */
export async function openPage(browser) {
  const page = await browser.newPage();
  page.on('crash', () => console.log('the page crashed'));
  if (process.env.LENS_VERBOSE) page.on('console', (message) => console.log(`    [page] ${message.text()}`));
  await page.goto(new URL('bench/index.html', environment.site).href);
  await page.waitForFunction(() => window.bench);
  return page;
}

/** Opens the page with the shipped worker in it; `recorded` puts the recorder before its script. */
export async function openWorker(browser, { recorded = false } = {}) {
  const page = await openPage(browser);
  if (recorded) {
    const recorder = readFileSync(new URL('../page/recorder.js', import.meta.url), 'utf8');
    await page.context().route('**/worker-loader.js*', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: `${recorder}\n${await response.text()}` });
    });
  }
  await startWorker(page);
  return page;
}

/** Calls `window.bench[name](...values)` in the page. */
export function call(page, name, ...values) {
  return page.evaluate(([name, values]) => window.bench[name](...values), [name, values]);
}
